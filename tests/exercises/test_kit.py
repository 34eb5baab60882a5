"""rnnbook.exercises.kit: registering, calling a reader's function, and picking a letter."""

import pytest

from rnnbook.exercises import kit
from rnnbook.exercises.kit import NotAttempted, Wrong, attempted, call, choice, exercise


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
