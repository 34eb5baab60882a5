"""rnnbook.arguments: what is taken, what is refused, and in which words."""

import numpy as np
import pytest
import torch

from rnnbook import arguments


def test_whole_numbers_of_every_kind_are_ints():
    for value in (3, np.int32(3), torch.tensor(3), torch.tensor([3])):
        found = arguments.whole("n", value, least=3)
        assert found == 3 and type(found) is int
    for value in (3.0, True, "3", None, torch.tensor(3.0), torch.tensor([3, 3]), [3]):
        with pytest.raises(TypeError, match="expected n as a whole number, got"):
            arguments.whole("n", value)


def test_numbers_of_every_kind_are_floats():
    for value in (0.5, np.float32(0.5), torch.tensor([0.5])):
        assert arguments.real("x", value) == 0.5
    for value in ("0.5", None, True, torch.ones(2), [0.5]):
        with pytest.raises(TypeError, match="expected x as a number, got"):
            arguments.real("x", value)


def test_tokens_and_labels_come_back_as_int64():
    for kind in (torch.uint8, torch.int32, torch.int64):
        values = torch.tensor([0, 1], dtype=kind)
        assert arguments.tokens(values).dtype == torch.int64
        assert arguments.labels(values, 2, 2).dtype == torch.int64
        assert arguments.is_whole(values)
    for kind in (torch.bool, torch.float32, torch.complex64):
        assert not arguments.is_whole(torch.zeros(2, dtype=kind))


def test_indices_are_within_their_table_at_both_ends():
    arguments.within("x", torch.tensor([0, 4]), 5, "-")
    arguments.within("x", torch.tensor([], dtype=torch.long), 0, "-")
    with pytest.raises(ValueError, match="expected x from 0 to 4, got 0 to 5: why"):
        arguments.within("x", torch.tensor([0, 5]), 5, "why")
    with pytest.raises(ValueError, match="expected x from 0 to 4, got -1 to 0"):
        arguments.within("x", torch.tensor([-1, 0]), 5, "why")


def test_kinds_are_named_as_a_message_says_them():
    values = ("a", ["a"], ("a",), {}, 3, None, np.ones(2), 2.5)
    assert [arguments.kind_of(value) for value in values] == [
        "a string", "a list", "a tuple", "a dictionary", "an integer", "None", "a numpy array",
        "a value of type float",
    ]  # fmt: skip


def test_strings_are_a_string_or_a_flat_sequence():
    for value in ("ab", ["a", "b"], ("a",), [], ""):
        assert arguments.strings("x", value, "-") is value
    for value in (["a", 0], ["a", None], ["a", []], b"ab", 3, {"a"}):
        with pytest.raises(TypeError, match="expected x as a string or strings, got"):
            arguments.strings("x", value, "-")
