"""rnnbook.live.weights: what the page runs is what PyTorch has."""

import base64
import json

import numpy as np
import pytest
import torch
from torch import nn

from rnnbook import metrics
from rnnbook.baselines import baselines
from rnnbook.datasets import story
from rnnbook.live import MODELS, exported, network
from rnnbook.live.weights import LAYERS
from rnnbook.models import CharLM, count_parameters
from rnnbook.text import Vocab


@pytest.mark.parametrize("kind", LAYERS)
def test_the_networks_in_the_page_have_learnt_the_story(kind):
    model, vocab = network(kind)
    assert type(model.recurrent) is LAYERS[kind] and list(vocab) == list(story().vocab)
    assert abs(count_parameters(model) / 50_000 - 1) < 0.05
    assert (MODELS / f"{kind}.json").stat().st_size < 200_000
    perplexity = metrics.perplexity(model, story().validation.tokens)
    assert 3.5 < perplexity < baselines()["trigram"] - 0.5


@pytest.mark.parametrize("kind", LAYERS)
def test_what_is_exported_is_the_weights_in_half_precision(kind):
    torch.manual_seed(3)
    model, vocab = CharLM(LAYERS[kind](5, 7)), Vocab("abcd")
    stored = json.loads(exported(model, vocab))
    assert stored["kind"] == kind and stored["tokens"] == ["<unk>", "a", "b", "c", "d"]
    assert stored["hidden_size"] == 7 and stored["weights"].keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        weight = stored["weights"][name]
        numbers = np.frombuffer(base64.b64decode(weight["data"]), dtype="<f2").copy()
        assert weight["shape"] == list(value.shape)
        assert torch.equal(torch.from_numpy(numbers).reshape(value.shape), value.half())


def test_exporting_the_exported_changes_nothing():
    for kind in LAYERS:
        assert exported(*network(kind)) == (MODELS / f"{kind}.json").read_text("utf-8")


@pytest.mark.parametrize(
    ("layer", "vocab", "words"),
    [
        (nn.RNN(5, 7, num_layers=2), "abcd", "of one layer"),
        (nn.RNN(5, 7, bias=False), "abcd", "with biases"),
        (nn.RNN(5, 7, nonlinearity="relu"), "abcd", "tanh"),
        (nn.GRU(5, 7), "abc", "4 tokens for a network of 5"),
    ],
)
def test_another_network_is_refused(layer, vocab, words):
    with pytest.raises(ValueError, match=words):
        exported(CharLM(layer), Vocab(vocab))


def test_a_weight_that_half_precision_cannot_hold_is_refused():
    model = CharLM(nn.RNN(5, 7))
    with torch.no_grad():
        model.head.bias[0] = 1e6
    with pytest.raises(ValueError, match=r"head.bias"):
        exported(model, Vocab("abcd"))
