"""rnnbook.live.batches: windows, packing and turning, as Python makes them."""

import json

import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

from rnnbook.live import LiveFigure, marching_windows, packing_steps, turning_numbers
from rnnbook.live.batches import SENTENCE

MAKERS = (marching_windows, packing_steps, turning_numbers)


@pytest.mark.parametrize("make", MAKERS)
def test_each_has_a_picture_words_and_plain_options(make):
    figure = make()
    assert isinstance(figure, LiveFigure) and figure.needs == [] and figure.state == {}
    assert figure.png.startswith(b"\x89PNG") and len(figure.png) > 3000
    assert figure.told == json.loads(json.dumps(figure.told))
    assert figure.description == make().description


def test_the_sentence_fills_its_strips():
    assert len(SENTENCE) == 3 * 20 + 1
    figure = marching_windows()
    assert "'the k' in the first minibatch and goes on with 'eeper'" in figure.description
    assert "4 minibatches" in figure.description and figure.options["number"] == 2


def test_what_fills_no_strip_is_left_out():
    assert marching_windows("abcdefghijklmno", B=3, T=2).options["text"] == "abcdefghijklm"


def test_windows_refuses():
    with pytest.raises(TypeError, match="expected text as a string, got a list: not its tokens"):
        marching_windows([1, 2, 3])
    with pytest.raises(ValueError, match=r"characters that can be drawn, got 'a\\nb'"):
        marching_windows("a\nb")
    for B in (0, 5):
        with pytest.raises(ValueError, match=f"expected B from 1 to 4, got {B}"):
            marching_windows(B=B)
    with pytest.raises(ValueError, match="expected T from 2 to 8, got 1"):
        marching_windows(T=1)
    with pytest.raises(TypeError, match="expected T as a whole number, got 2.5"):
        marching_windows(T=2.5)
    with pytest.raises(ValueError, match=r"B=3 .*strips of 0; expected 10 .two windows"):
        marching_windows("")
    with pytest.raises(ValueError, match="strips of 33; expected 10 .* to 24: take a shorter text"):
        marching_windows("a" * 100)
    with pytest.raises(ValueError, match="expected the way sequential or random, got 'shuffled'"):
        marching_windows(way="shuffled")
    with pytest.raises(ValueError, match="seed of at least 0"):
        marching_windows(seed=-1)


@pytest.mark.parametrize("names", [("anna", "jo", "li", "smith"), ("a", "bc"), ("xyz", "x", "xy")])
def test_packing_says_pytorchs_batch_sizes(names):
    figure = packing_steps(names)
    packed = pack_sequence([torch.zeros(len(name)) for name in names], enforce_sorted=False)
    sizes = packed.batch_sizes.tolist()
    assert figure.description.endswith(f"batch_sizes is {', '.join(map(str, sizes))}.")
    assert figure.options == {
        "names": list(names), "mode": "packed", "step": (len(sizes) + 1) // 2,
    }  # fmt: skip


def test_packing_refuses():
    with pytest.raises(TypeError, match="a list of strings.*got one string, 'anna'"):
        packing_steps("anna")
    with pytest.raises(TypeError, match="string or strings, got an integer among them"):
        packing_steps(["anna", 3])
    for names in ([], ["anna"], list("abcdefg")):
        with pytest.raises(ValueError, match=f"expected 2 to 6 names, got {len(names)}"):
            packing_steps(names)
    for name in ("", "a" * 13):
        with pytest.raises(ValueError, match="names of 1 to 12 characters"):
            packing_steps(["anna", name])
    with pytest.raises(ValueError, match="unequal lengths, got 2 of length 2: nothing is padded"):
        packing_steps(["jo", "li"])
    with pytest.raises(ValueError, match="can be drawn"):
        packing_steps(["anna", "j\to"])
    with pytest.raises(ValueError, match="expected the mode packed or padded, got 'sorted'"):
        packing_steps(mode="sorted")


@pytest.mark.parametrize(("T", "B"), [(3, 2), (2, 2), (4, 3), (6, 4)])
def test_turning_says_pytorchs_columns(T, B):
    X = torch.arange(B * T).reshape(B, T)
    words = turning_numbers(T, B).description
    for name, turned in {"X.T": X.T, f"X.reshape({T}, {B})": X.reshape(T, B)}.items():
        columns = "; ".join(", ".join(map(str, column)) for column in turned.T.tolist())
        assert f"{name} are {columns}:" in words


def test_turning_refuses():
    for T in (1, 7):
        with pytest.raises(ValueError, match=f"expected T from 2 to 6, got {T}"):
            turning_numbers(T)
    for B in (1, 5):
        with pytest.raises(ValueError, match=f"expected B from 2 to 4, got {B}"):
            turning_numbers(B=B)
    with pytest.raises(TypeError, match="whole number, got '3'"):
        turning_numbers("3")
