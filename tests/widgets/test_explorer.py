"""rnnbook.widgets.Explorer: a picture that follows its controls, with words for it."""

import base64
import io

import ipywidgets
import matplotlib.pyplot as plt
import pytest
from PIL import Image

from rnnbook import plots, widgets
from rnnbook.widgets.explorer import float_slider, slider

PNG = b"\x89PNG"


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def explorer():
    def draw(height, label):
        if not label:
            raise ValueError("expected a label & more")
        figure, ax = plots.subplots()
        ax.bar([0], [height])
        return figure, f'one bar "{label}" of {height}'

    return widgets.Explorer(
        draw, height=slider("height", 3, 1, 9), label=ipywidgets.Text("a", description="label")
    )


def test_the_picture_follows_the_controls(explorer):
    before, png = explorer.picture.value, explorer.png
    assert before.startswith('<img alt="one bar &quot;a&quot; of 3"') and png.startswith(PNG)
    explorer.controls["height"].value = 8
    assert explorer.png != png and 'of 8"' in explorer.picture.value


def test_what_is_wrong_stands_in_place_of_the_picture(explorer):
    explorer.controls["label"].value = ""
    assert explorer.picture.value == "<p role='alert'>expected a label &amp; more</p>"
    explorer.controls["label"].value = "b"
    assert explorer.picture.value.startswith("<img")


def test_there_is_a_picture_for_pages_without_a_kernel(explorer):
    bundle, metadata = explorer._repr_mimebundle_()
    assert set(bundle) == {
        "application/vnd.jupyter.widget-view+json",
        "image/png",
        "text/plain",
    }
    assert bundle["text/plain"].endswith("height, label")
    width, height = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))).size
    assert metadata == {"image/png": {"width": width // 2, "height": height // 2}}
    assert not plt.get_fignums()  # nothing is left open to be shown a second time


def test_sliders_have_names_and_limits():
    for one in (slider("steps", 3, 1, 9), float_slider("steps", 3.0, 1.0, 9.0)):
        assert (one.description, one.value, one.min, one.max) == ("steps", 3, 1, 9)
        assert not one.continuous_update
