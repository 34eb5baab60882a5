"""rnnbook.losses: the mean over a minibatch, its count and the state, on values by hand."""

import pytest
import torch
from torch import nn

from rnnbook.losses import classification, cross_entropy, next_token
from rnnbook.models import CharLM, SequenceClassifier


def test_cross_entropy_pairs_every_logit_with_its_target():
    logits, Y = torch.randn(5, 3, 7), torch.randint(0, 7, (3, 5))
    by_hand = -sum(logits[t, b].log_softmax(0)[Y[b, t]] for t in range(5) for b in range(3))
    torch.testing.assert_close(cross_entropy(logits, Y), by_hand / 15)


@pytest.mark.parametrize("layer", [nn.RNN, nn.LSTM])
def test_next_token_measures_goes_on_from_a_state_and_hands_one_on(layer):
    torch.manual_seed(0)
    model, tokens = CharLM(layer(7, 5)), torch.randint(0, 7, (3, 9))
    whole, count, last = next_token(model, (tokens[:, :8], tokens[:, 1:]))
    assert count == 24 and whole.shape == () and whole.requires_grad
    torch.testing.assert_close(whole, cross_entropy(model(tokens[:, :8])[0], tokens[:, 1:]))
    first, _, middle = next_token(model, (tokens[:, :4], tokens[:, 1:5]))
    second, _, end = next_token(model, (tokens[:, 4:8], tokens[:, 5:]), middle)
    torch.testing.assert_close((first + second) / 2, whole)
    torch.testing.assert_close(end, last)


def test_classification_is_the_mean_over_the_sequences_and_has_no_state():
    torch.manual_seed(0)
    model = SequenceClassifier(nn.GRU(4, 5, batch_first=True), 3)
    X, lengths, y = torch.randn(6, 8, 4), torch.tensor([8, 3, 1, 5, 8, 2]), torch.arange(6) % 3
    loss, count, state = classification(model, (X, lengths, y))
    log_p = model(X, lengths).log_softmax(1)
    torch.testing.assert_close(loss, -log_p[torch.arange(6), y].mean())
    assert (count, state) == (6, None)
    equal, _, _ = classification(model, (X, None, y))
    torch.testing.assert_close(equal, classification(model, (X, torch.full((6,), 8), y))[0])


class Counting(nn.Module):
    """A model that counts its calls in a buffer."""

    def __init__(self, batch_first=False):
        super().__init__()
        self.inner, self.batch_first = CharLM(nn.RNN(5, 4)), batch_first
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, X, state=None):
        self.calls += 1
        logits, state = self.inner(X, state)
        return (logits.transpose(0, 1) if self.batch_first else logits), state


def test_where_batch_and_time_are_equal_a_copy_is_asked_once():
    model, X = Counting(), torch.randint(5, (4, 4))
    for _ in range(3):
        next_token(model, (X, X))
    assert model.calls == 3
    with pytest.raises(ValueError, match="batch-first.*X.T"):
        next_token(Counting(batch_first=True), (X, X))


def test_a_model_that_cannot_be_asked_is_trusted():
    class Fixed(Counting):
        def forward(self, X, state=None):
            return self.inner(X, torch.zeros(1, 4, 4) if state is None else state)

    X = torch.randint(5, (4, 4))
    next_token(Fixed(), (X, X))
