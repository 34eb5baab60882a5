"""rnnbook.exercises.kit: registering, calling a reader's function, and picking a letter."""

import copy
import math
from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn

from rnnbook.exercises import kit
from rnnbook.exercises.kit import (
    NotAttempted,
    Wrong,
    attempted,
    boolean,
    built,
    call,
    case,
    choice,
    default_dtype,
    exercise,
    is_stub,
    number,
    same_gradients,
    short,
    sizes,
    tensor,
    whole,
)


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch):
    monkeypatch.setattr(kit, "REGISTRY", {})


def test_a_registered_examiner_is_found_by_its_number():
    @exercise("1.1", "Say one", "say-one")
    def examine(answer):
        return None

    found = kit.REGISTRY["1.1"]
    assert (found.title, found.slug, found.examine) == ("Say one", "say-one", examine)


def test_a_slug_is_given_once_and_a_module_may_be_imported_again():
    for _ in range(2):
        exercise("1.1", "Say one", "say-one")(lambda answer: None)
    with pytest.raises(ValueError, match="the slug 'say-one' of exercise 1.2 is taken"):
        exercise("1.2", "Say two", "say-one")(lambda answer: None)


@pytest.mark.parametrize("answer", [None, ...])
def test_a_stub_is_not_attempted(answer):
    attempted(1, "b", 0, False)
    with pytest.raises(NotAttempted):
        attempted(1, answer)


def test_call_passes_arguments_and_options_on():
    assert call(lambda a, b=0: a - b, 5, b=2) == 3
    assert call(lambda: 0) == 0  # a false value is an answer


def test_call_tells_a_stub_from_a_forgotten_return():
    def stub(x): ...

    def forgetful(x):
        x += 1

    for untouched in (None, ..., stub):
        with pytest.raises(NotAttempted):
            call(untouched, 1)
    with pytest.raises(Wrong, match="`return`"):
        call(forgetful, 1)
    with pytest.raises(Wrong, match="pass its name without calling it"):
        call(3)


def test_choice_takes_a_letter_in_either_case_and_says_why_another_is_wrong():
    because = {"a": "think of the last step"}
    choice(" B ", "ab", "b", because)
    with pytest.raises(Wrong, match="'a' is not it: think of the last step"):
        choice("A", "ab", "b", because)
    for odd in ("c", 2, "", "ab"):
        with pytest.raises(Wrong, match="one of the letters a, b"):
            choice(odd, "ab", "b", because)
    with pytest.raises(NotAttempted):
        choice(..., "ab", "b", because)


def test_a_number_is_given_once():
    exercise("1.1", "Say one", "say-one")(lambda answer: None)

    def another(answer):
        return None

    with pytest.raises(ValueError, match="exercise 1.1 is there already: 'Say one'"):
        exercise("1.1", "Say uno", "say-uno")(another)


def test_stubs_of_every_kind_are_stubs():
    def with_words(x):
        """Return x."""

    def with_dots(x): ...

    def with_pass(x):
        pass

    def with_none(x):
        return None

    def with_both(x):
        """Return x."""
        ...

    assert all(map(is_stub, (with_words, with_dots, with_pass, with_none, with_both)))
    assert not any(map(is_stub, (lambda x: 0, lambda x: x, lambda: False, print, 3)))


@pytest.mark.parametrize("value", [2, 2.0, np.int64(2), np.float32(2), torch.tensor(2)])
def test_numbers_of_every_kind(value):
    assert number("x", value) == 2 and whole("x", value) == 2


@pytest.mark.parametrize("value", [math.nan, math.inf, "2", True, [2], torch.ones(2), 1j, object()])
def test_what_is_no_number(value):
    with pytest.raises(Wrong, match="x"):
        number("x", value)


def test_booleans_of_every_kind():
    for value in (True, np.True_, torch.tensor(True)):
        assert boolean("x", value) is True
    for value in (1, "True", torch.ones(2) > 0, 0.0):
        with pytest.raises(Wrong, match="True or False"):
            boolean("x", value)


def test_shapes_are_sequences_of_whole_numbers():
    for value in ((2, 3), [2, 3], torch.Size([2, 3]), np.array([2, 3]), torch.tensor([2, 3])):
        assert sizes("x", value) == (2, 3)
    for value in (3, "23", (2.5, 3), [[2, 3]]):
        with pytest.raises(Wrong, match="tuple of whole numbers"):
            sizes("x", value)


def test_tensors_have_exactly_the_shape_and_are_finite():
    assert tensor("x", torch.ones(2, 1).int(), (2, 1)).dtype == torch.float64
    for value in (torch.ones(2), torch.ones(1, 2), torch.full((2, 1), math.nan), [[1.0], [1.0]]):
        with pytest.raises(Wrong, match="x"):
            tensor("x", value, (2, 1))
    with pytest.raises(Wrong, match="squeeze it"):
        tensor("x", torch.ones(2, 1), (2,), {(2, 1): "squeeze it"})


def test_tensors_are_handed_over_as_copies_that_gradients_pass():
    x = torch.ones(3, requires_grad=True)
    call(lambda a: 2 * a, x).sum().backward()
    assert x.grad.tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("change", "given"),
    [
        (lambda a: a.mul_(2), torch.ones(3)),
        (lambda a: a.pop(), [1, 2]),
        (lambda a: a["b"].add_(1), {"b": torch.zeros(1)}),
        (lambda a: a.update("x") or 1, Counter("x")),
        (lambda a: a[0].zero_(), (torch.ones(2), 1)),
    ],
)
def test_what_is_handed_over_must_stay_as_it_is(change, given):
    before = copy.deepcopy(given)
    with pytest.raises(Wrong, match="changed in place: work on copies"):
        call(change, given)
    assert str(given) == str(before)


def test_a_type_is_the_default_within_only():
    with default_dtype(torch.float64):
        assert torch.zeros(1).dtype == torch.float64
    assert torch.zeros(1).dtype == torch.float32


def test_gradients_are_compared_and_not_only_values():
    x = torch.ones(3, requires_grad=True)
    same_gradients(2 * x, x + x, [x])
    with pytest.raises(Wrong, match="no gradient"):
        same_gradients((2 * x).detach(), x + x, [x])
    with pytest.raises(Wrong, match="another gradient"):
        same_gradients(x + x.detach(), x + x, [x])


def test_a_case_is_named_in_a_refusal_and_in_an_exception():
    with pytest.raises(Wrong, match="with relu: no"), case("with relu"):
        raise Wrong("no")
    with pytest.raises(ValueError, match="oh") as caught, case("with relu"):
        raise ValueError("oh")
    assert caught.value.__notes__ == ["with relu"]


def test_models_are_built_from_a_class_or_a_function():
    class Model(nn.Linear):
        def __init__(self, n):
            super().__init__(n, 1)

        def forward(self, x):
            return super().forward(x)

    assert built(Model, 2).weight.dtype == torch.float64
    assert built(lambda n: nn.Linear(n, 1), 2).in_features == 2

    class Stub(nn.Module):
        def __init__(self): ...

    class Empty(nn.Module):
        pass

    for stub in (Stub, Empty, None, ...):
        with pytest.raises(NotAttempted):
            built(stub)
    with pytest.raises(Wrong, match="not an object of it"):
        built(nn.Linear(1, 1))


def test_long_values_are_cut():
    assert short("a" * 200) == "'" + "a" * 76 + "..."
    assert short(torch.zeros(50, 50)).startswith("Tensor tensor([[0., 0.,")
