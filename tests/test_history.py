"""rnnbook.history: named metrics, one entry an epoch."""

import math

import pytest
import torch

from rnnbook.history import History, exp


def test_a_history_starts_empty_and_grows_by_name():
    history = History()
    assert history.epochs == 0
    history.record(loss=0.0, accuracy=torch.tensor(0.5))
    history.record(loss=math.log(8), accuracy=1)
    assert history.epochs == 2
    history.record(validation_loss=1000.0)
    assert history.epochs == 3 and history["accuracy"][:2] == [0.5, 1.0]
    assert history.perplexity[:2] == pytest.approx([1, 8])
    assert history.validation_perplexity[-1] == math.inf
    assert all(len(values) == 3 for values in history.metrics.values())
    assert math.isnan(history.validation_perplexity[0]) and math.isnan(history["accuracy"][2])


def test_what_was_not_measured_is_refused_with_what_was():
    history = History()
    history.record(loss=1.0, grad_norm=2.0)
    with pytest.raises(KeyError, match="'accuracy' was not measured; there are loss, grad_norm"):
        history["accuracy"]
    with pytest.raises(KeyError, match="validation_loss"):
        _ = history.validation_perplexity


def test_exp_is_infinite_where_a_float_ends_and_nan_stays_nan():
    assert exp(0.0) == 1 and exp(700.0) == math.inf and exp(math.inf) == math.inf
    assert exp(699.0) < math.inf
    assert math.isnan(exp(math.nan))
