"""rnnbook.live.looking: what a network looks at, as Python makes it."""

import json

import pytest
import torch

from rnnbook.live import looking_network, network
from rnnbook.live.looking import LONGEST, UNITS, _half, looked_at


def test_python_drives_it():
    figure = looking_network("she ", "gru")
    assert figure.options["kind"] == "gru" and figure.options["mode"] == "looks"
    figure.options = figure.options | {"mode": "unit", "text": "he "}
    told = json.loads(json.dumps(figure.told))
    assert told["options"]["text"] == "he " and told["needs"] == ["gru", "lstm", "rnn", "story"]
    assert told["modules"][-1] == "looks" and figure.state == {}


def test_the_description_says_what_is_expected_and_where_half_of_it_lies():
    words = looking_network().description
    assert "After 'hundred yea' the LSTM expects 'r'; " in words
    assert "half of the sensitivity lies in the last 7 characters." in words


def test_the_picture_is_a_png():
    assert looking_network("a").png.startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
def test_the_norms_are_finite_differences(kind):
    model, vocab = network(kind)
    model, text = model.double(), "the sea"
    token, norms = looked_at(kind, text)
    x = torch.eye(len(vocab), dtype=torch.float64)[vocab.encode(text)]  # (T, V)
    index = vocab[token]

    def logit(x):
        with torch.no_grad():
            return model.head(model.recurrent(x.unsqueeze(1))[0][-1, 0])[index]

    for t in (0, len(text) - 1):
        slopes = []
        for v in range(len(vocab)):
            step = torch.zeros_like(x)
            step[t, v] = 1e-5
            slopes.append((logit(x + step) - logit(x - step)) / 2e-5)
        assert torch.stack(slopes).norm().item() == pytest.approx(norms[t].item(), rel=1e-3)


def test_half_is_the_smallest_number_of_last_characters():
    assert _half(torch.tensor([1.0, 1.0, 2.0])) == 1
    assert _half(torch.tensor([1.0, 1.5, 2.0])) == 2
    assert _half(torch.tensor([5.0, 1.0, 1.0])) == 3


def test_the_units_are_there():
    for kind, unit in UNITS.items():
        assert 0 <= unit < network(kind)[0].recurrent.hidden_size


def test_what_cannot_be_read_is_refused():
    with pytest.raises(ValueError, match=r"expected one of rnn, gru, lstm, got 'tcn'"):
        looking_network(kind="tcn")
    with pytest.raises(TypeError, match=r"expected the text as a string, got \['a'\]"):
        looking_network(["a"])
    with pytest.raises(ValueError, match=f"1 to {LONGEST} characters, got 0"):
        looking_network("")
    with pytest.raises(ValueError, match=f"got {LONGEST + 1}"):
        looking_network("a" * (LONGEST + 1))
    with pytest.raises(ValueError, match="got 'S': text.clean makes"):
        looking_network("the Sea")
    for text in (" sea", "the  sea"):
        with pytest.raises(ValueError, match="single spaces and none at the beginning"):
            looking_network(text)
