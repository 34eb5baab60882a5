"""rnnbook.metrics: perplexity, accuracy, confusion, recall and F1, on values known by hand."""

import math

import pytest
import torch
from torch import nn

from rnnbook.losses import cross_entropy
from rnnbook.metrics import accuracy, confusion, macro_f1, perplexity, recall
from rnnbook.models import CharLM
from rnnbook.recurrent import RNN
from tests.uniform import Uniform


def test_perplexity_of_a_uniform_model_is_v():
    assert perplexity(Uniform(7), torch.randint(0, 7, (100,))) == pytest.approx(7, rel=1e-6)


def test_perplexity_is_exp_of_the_mean_over_the_whole_text():
    torch.manual_seed(0)
    model, tokens = CharLM(RNN(7, 24)), torch.randint(0, 7, (401,))
    exact = perplexity(model, tokens)
    # How many tokens are read at a time changes nothing; the strips only change the starts.
    assert perplexity(model, tokens, num_steps=7) == pytest.approx(exact, rel=1e-6)
    logits, _ = model(tokens[:-1].unsqueeze(0))
    by_hand = cross_entropy(logits, tokens[1:].unsqueeze(0)).exp().item()
    assert exact == pytest.approx(by_hand, rel=1e-5)
    strips = perplexity(model, tokens, batch_size=4)
    assert strips == pytest.approx(exact, rel=0.05) and strips != exact
    with pytest.raises(ValueError, match="needs 3 tokens"):
        perplexity(model, tokens[:2], batch_size=2)


def test_a_perplexity_too_large_for_a_float_is_infinite():
    model = Uniform(3)
    with torch.no_grad():
        model.logits[0] = -5000.0
    assert perplexity(model, torch.zeros(10, dtype=torch.long)) == math.inf


class FirstToken(nn.Module):
    """A classifier that names the first token; with dropout on it is always wrong."""

    def __init__(self, C):
        super().__init__()
        self.C, self.weight = C, nn.Parameter(torch.ones(()))

    def forward(self, X, lengths=None):
        named = X[:, 0] + (1 if self.training else 0)
        return nn.functional.one_hot(named % self.C, self.C) * self.weight


def test_accuracy_is_the_share_of_right_classes_with_dropout_off():
    sequences = [torch.tensor([2, 0, 1]), torch.tensor([1]), torch.tensor([0, 0])]
    model = FirstToken(3).train()
    assert accuracy(model, sequences, torch.tensor([2, 1, 0])) == 1
    assert accuracy(model, sequences, torch.tensor([2, 1, 1])) == pytest.approx(2 / 3)
    assert model.training
    with pytest.raises(ValueError, match=r"a label for each sequence, of shape \(3,\), got \(2,\)"):
        accuracy(model, sequences, torch.tensor([2, 1]))
    with pytest.raises(ValueError, match="at least one sequence"):
        accuracy(model, [], torch.tensor([], dtype=torch.long))


def test_measures_by_hand():
    labels = torch.tensor([0, 0, 0, 1, 1, 2])
    predicted = torch.tensor([0, 0, 1, 1, 0, 0])
    counts = confusion(labels, predicted, 3)
    assert counts.tolist() == [[2, 1, 0], [1, 1, 0], [1, 0, 0]]
    torch.testing.assert_close(recall(counts), torch.tensor([2 / 3, 1 / 2, 0.0]))
    # F1: 4 / (4 + 2 + 1), 2 / (2 + 1 + 1), 0 / (0 + 0 + 1)
    assert macro_f1(counts) == pytest.approx((4 / 7 + 1 / 2 + 0) / 3)
    perfect = confusion(labels, labels, 3)
    assert macro_f1(perfect) == 1 and recall(perfect).tolist() == [1, 1, 1]
    # A class that neither occurs nor is predicted counts 0, and raises nothing.
    assert macro_f1(confusion(labels, labels, 4)) == pytest.approx(3 / 4)
    # 17 classes: 16 * 17 + 16 does not fit into eight bits.
    small = torch.tensor([16, 3], dtype=torch.uint8)
    assert confusion(small, small, 17).nonzero().tolist() == [[3, 3], [16, 16]]
    assert confusion(labels[:0], labels[:0], 2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("labels", "predicted", "message"),
    [
        (torch.zeros(3).long(), torch.zeros(3, 2).long(), "argmax over the classes"),
        (torch.zeros(3).long(), torch.zeros(2).long(), "same length"),
        (torch.tensor([0, 1]), torch.tensor([0, 2]), "classes from 0 to 1"),
        (torch.tensor([0, -1]), torch.tensor([0, 1]), "classes from 0 to 1, got -1 to 1"),
        (torch.tensor([0, 1]), torch.tensor([0.0, 1.0]), "classes as integers"),
    ],
)
def test_a_confusion_that_cannot_be_is_refused(labels, predicted, message):
    with pytest.raises(ValueError, match=message):
        confusion(labels, predicted, 2)


def test_shares_of_a_normalised_table_are_those_of_the_counts():
    counts = torch.tensor([[4, 1], [2, 3]])
    shares = counts / counts.sum()
    torch.testing.assert_close(recall(shares), recall(counts))
    assert macro_f1(shares) == pytest.approx(macro_f1(counts))
