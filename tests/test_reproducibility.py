"""rnnbook.reproducibility: device, seed, expect, relative_distance."""

import math
import random

import pytest
import torch

from rnnbook import device, expect, relative_distance, seed
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


def test_relative_distance_is_that_of_the_whole():
    a, b = torch.tensor([3.0, 4.0, 1e-9]), torch.tensor([3.0, 4.0, 0.0])
    assert relative_distance(a, b) == pytest.approx(2e-10, rel=1e-6)  # no entry counts by itself
    assert relative_distance(2 * b, b) == 1.0 and relative_distance(b, b) == 0.0
    assert relative_distance([b, b + 1], (b, b + 1)) == 0.0
    parts = relative_distance([a, 2 * b], [b, b])
    assert parts == relative_distance(torch.cat([a, 2 * b]), torch.cat([b, b]))
    assert parts == pytest.approx(math.sqrt(0.5))


def test_relative_distance_counts_in_float64_and_leaves_the_graph_alone():
    a = torch.ones(2, requires_grad=True)
    b = torch.ones(2).double() + 1e-12
    assert relative_distance(a, b) == pytest.approx(1e-12, rel=1e-3)
    assert isinstance(relative_distance(a, b), float)
    large = torch.tensor([3e38, 3e38])  # its square is no float32
    assert relative_distance(large / 2, large) == pytest.approx(0.5)


def test_relative_distance_from_zeros():
    zeros = torch.zeros(3)
    assert relative_distance(zeros, zeros) == 0.0
    assert relative_distance(zeros + 1e-30, zeros) == math.inf


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (torch.ones(2, 3), torch.ones(3, 2), r"got \[\(2, 3\)\] and \[\(3, 2\)\]"),
        (torch.ones(1), torch.tensor(1.0), "an axis missing"),  # no broadcasting
        ([torch.ones(2)], [torch.ones(2)] * 2, "the same shapes"),
        (torch.tensor([1.0, math.nan]), torch.ones(2), "the first argument is infinite or not"),
        (torch.ones(2), torch.tensor([1.0, math.inf]), "the second argument is infinite or not"),
        (torch.ones(0), torch.ones(0), "no entry"),
        ([], [], "no entry"),
    ],
)
def test_relative_distance_refuses(a, b, message):
    with pytest.raises(ValueError, match=message):
        relative_distance(a, b)


def test_distances_of_complex_tiny_and_huge_numbers():
    z = torch.tensor([1 + 1j, 2j])
    assert relative_distance(z, z) == 0 and relative_distance(z, z.conj()) > 1
    for scale in (1e-200, 1e200):
        d = scale * torch.tensor([1.0, 2.0], dtype=torch.float64)
        assert relative_distance(3 * d, d) == pytest.approx(2)
        assert relative_distance(d, d) == 0
