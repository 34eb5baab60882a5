"""rnnbook.reproducibility: device, seed, expect."""

import math
import random

import pytest
import torch

from rnnbook import device, expect, seed
from rnnbook.reproducibility import ExpectationError


def test_device_is_the_best_there_is_unless_told_otherwise(monkeypatch):
    monkeypatch.delenv("RNNBOOK_DEVICE", raising=False)
    best = device()
    assert best.type in ("cuda", "mps", "cpu")
    assert (best.type == "cuda") == torch.cuda.is_available()
    monkeypatch.setenv("RNNBOOK_DEVICE", "cpu")
    assert device() == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "meta"])
def test_a_device_that_is_not_there_is_refused(monkeypatch, name):
    monkeypatch.setenv("RNNBOOK_DEVICE", name)
    with pytest.raises(ValueError, match=f"RNNBOOK_DEVICE is '{name}'"):
        device()


def test_seed_repeats_all_streams():
    def draw():
        own = seed(5)
        return random.random(), torch.rand(3).tolist(), torch.rand(2, generator=own).tolist()

    assert draw() == draw()
    seed(6)
    assert torch.rand(3).tolist() != draw()[1]


def test_expect_prints_value_and_band(capsys):
    expect("training perplexity", 1.0449, 1, 1.2)
    expect("epoch", torch.tensor(53), 20, 110, digits=0)
    expect("edge", 2.0, 2.0, 2.0)
    assert capsys.readouterr().out == (
        "training perplexity: 1.04  (book: 1 to 1.2)\nepoch: 53  (book: 20 to 110)\n"
        "edge: 2.00  (book: 2 to 2)\n"
    )


@pytest.mark.parametrize("value", [0.99, 1.21, math.nan, math.inf, -math.inf])
def test_expect_stops_outside_the_band(value):
    with pytest.raises(ExpectationError, match=r"within 1 to 1\.2"):
        expect("training perplexity", value, 1, 1.2)


def test_expect_refuses_swapped_ends():
    with pytest.raises(ValueError, match="swapped"):
        expect("x", 1, 2, 1)
