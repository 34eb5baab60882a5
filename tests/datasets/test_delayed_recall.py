"""rnnbook.tasks: the recall task asks for the first symbol, and can be learnt."""

import pytest
import torch

from rnnbook.recurrent import LSTM, RNN
from rnnbook.tasks import FEATURES, NUM_SYMBOLS, learn_recall, recall_batch


def test_the_class_is_the_first_symbol_and_the_rest_is_noise():
    X, y = recall_batch(5, 200, torch.Generator().manual_seed(0))
    symbols = X.argmax(dim=2)
    assert X.shape == (200, 6, FEATURES) and torch.equal(X.sum(dim=2), torch.ones(200, 6))
    assert torch.equal(symbols[:, 0], y) and set(y.tolist()) == set(range(NUM_SYMBOLS))
    assert set(symbols[:, 1:].flatten().tolist()) == set(range(NUM_SYMBOLS, FEATURES))


def test_the_same_generator_draws_the_same_sequences():
    one, other = (recall_batch(3, 4, torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(one[0], other[0]) and torch.equal(one[1], other[1])


def test_a_short_delay_is_learnt_and_stops_early():
    torch.manual_seed(0)
    result = learn_recall(RNN(FEATURES, 32, batch_first=True), 2, max_steps=400)
    assert result.accuracy > 0.99 and 5 <= result.steps < 400


def test_without_training_it_is_guessing():
    torch.manual_seed(0)
    result = learn_recall(LSTM(FEATURES, 8, batch_first=True), 4, max_steps=0)
    assert result.steps == 0 and abs(result.accuracy - 1 / NUM_SYMBOLS) < 0.08


def test_a_negative_lag_is_refused():
    with pytest.raises(ValueError, match="lag of at least 0, got -1"):
        recall_batch(-1, 4)
