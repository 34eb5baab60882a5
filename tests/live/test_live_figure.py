"""rnnbook.live: figures that JupyterLab mounts, and that say to the page what they are."""

import json

import matplotlib.pyplot as plt
import pytest

from rnnbook.live import LiveFigure, reading_network
from rnnbook.live.live_figure import JS, KEY, MODULES

LONGEST = 12_000  # bytes of a module


def bundle(figure):
    return figure._repr_mimebundle_()


def test_a_live_figure_shows_a_picture_where_no_script_runs():
    data, metadata = bundle(reading_network())
    assert {"text/plain", "image/png"} <= data.keys()
    assert data["text/plain"].startswith("A live figure. A trained network reads")
    told = metadata[KEY]
    assert told["figure"] == "reader" and told["needs"] == ["gru", "lstm", "rnn"]
    assert told == json.loads(json.dumps(told)), "plain values only"


def test_no_figure_stays_open():
    before = plt.get_fignums()
    reading_network()
    assert plt.get_fignums() == before


def test_an_unknown_figure_is_refused():
    with pytest.raises(ValueError, match=r"expected one of .*, got 'clock'"):
        LiveFigure("clock", {}, {}, plt.figure(), "A clock.")


@pytest.mark.parametrize("path", sorted(JS.glob("*.js")), ids=lambda path: path.name)
def test_a_module_is_short_and_asks_nobody(path):
    source = path.read_text("utf-8")
    assert len(source.encode()) <= LONGEST
    for word in ("fetch(", "XMLHttpRequest", "import(", "http:", "https:", "eval(", "innerHTML"):
        assert word not in source


def test_every_module_is_used_and_every_one_used_is_there():
    names = {path.stem for path in JS.glob("*.js")}
    assert names == {name for modules in MODULES.values() for name in modules} | {
        "loader",
        "worker",
    }
