"""The dot that runs back: the function that makes the figure, its picture and its errors."""

import math

import pytest

from rnnbook.live import gradients_through_time
from rnnbook.live.gradients import walk


def test_walk_is_the_product_of_the_slopes() -> None:
    states, gradients = walk(2.0, 0.05, 8)
    assert states[0] == 0.05 and gradients[-1] == 1
    for t in range(8):
        assert math.isclose(states[t + 1], math.tanh(2 * states[t]))
        assert math.isclose(gradients[t], gradients[t + 1] * 2 * (1 - states[t + 1] ** 2))


def test_nothing_passes_the_cut_and_the_states_stay() -> None:
    whole, cut = walk(1.0, 0.3, 8), walk(1.0, 0.3, 8, cut=5)
    assert cut[0] == whole[0]
    assert cut[1][:5] == [0] * 5 and cut[1][5:] == whole[1][5:] and 0 not in whole[1]


def test_the_picture_and_what_the_page_is_told() -> None:
    figure = gradients_through_time(1.5, -0.5, 6, cut=0)
    assert figure.told["options"] == {"w": 1.5, "start": -0.5, "steps": 6, "cut": 0}
    assert figure.told["modules"] == ["core", "backward"] and figure.needs == []
    assert figure.png.startswith(b"\x89PNG") and "weight 1.5 over 6 steps" in figure.description


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"w": 4}, "expected w from 0 to 3, got 4"),
        ({"start": -2.0}, "expected start from -1 to 1, got -2"),
        ({"steps": 1}, "expected steps of at least 2, got 1"),
        ({"steps": 40}, "expected steps from 2 to 12, got 40"),
        ({"cut": 9}, "expected cut from 0 to 8, got 9"),
    ],
)
def test_what_is_out_of_range_is_refused(arguments: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        gradients_through_time(**arguments)
    with pytest.raises(TypeError, match="expected w"):
        gradients_through_time(w="2")  # type: ignore[arg-type]
