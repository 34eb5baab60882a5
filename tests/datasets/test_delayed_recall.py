"""rnnbook.datasets.delayed_recall: the class is the first symbol, and all after it is noise."""

import pytest
import torch

from rnnbook.datasets.delayed_recall import FEATURES, NUM_SYMBOLS, DelayedRecall, delayed_recall


def test_the_class_is_the_first_symbol_and_the_rest_is_noise():
    X, y = delayed_recall(5, 200, torch.Generator().manual_seed(0))
    symbols = X.argmax(dim=2)
    assert X.shape == (200, 6, FEATURES) and torch.equal(X.sum(dim=2), torch.ones(200, 6))
    assert torch.equal(symbols[:, 0], y) and set(y.tolist()) == set(range(NUM_SYMBOLS))
    assert set(symbols[:, 1:].flatten().tolist()) == set(range(NUM_SYMBOLS, FEATURES))


def test_the_same_generator_draws_the_same_sequences():
    one, other = (delayed_recall(3, 4, torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(one[0], other[0]) and torch.equal(one[1], other[1])


def test_a_negative_lag_is_refused():
    with pytest.raises(ValueError, match="lag of at least 0, got -1"):
        delayed_recall(-1, 4)


def test_without_a_generator_the_global_stream_decides():
    draws = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        draws.append(delayed_recall(3, 20)[0].argmax(dim=2).tolist())
    assert draws[0] == draws[1] != draws[2]


def test_batches_are_fresh_at_every_pass_and_as_many_as_asked_for():
    before = torch.get_rng_state()
    batches = DelayedRecall(4, 8, steps=3, generator=torch.Generator().manual_seed(0))
    first, second = list(batches), list(batches)
    assert len(first) == len(second) == 3
    for X, lengths, y in first:
        assert X.shape == (8, 5, FEATURES) and lengths is None
        assert torch.equal(X[:, 0].argmax(dim=1), y)
    labels = [tuple(y.tolist()) for _, _, y in first + second]
    assert len(set(labels)) == 6
    assert torch.equal(torch.get_rng_state(), before)
