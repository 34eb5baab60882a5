"""A reader's session in JupyterLab: run the chapter, do an exercise, look it up, move a slider."""

from __future__ import annotations

import re

import pytest
from lab_notebook import LabNotebook
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(240)

STUB = "def from_one_hot(x):"
CHECK = 'check("1.4", from_one_hot)'
WRONG = "def from_one_hot(x):\n    return x.argmax(dim=0)"
RIGHT = "def from_one_hot(x):\n    return x.max(dim=-1).indices"


def test_opening_a_chapter_does_not_change_it(notebook: LabNotebook) -> None:
    """JupyterLab finds the metadata that it would write already there: nothing is to be saved."""
    changed = notebook.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.context.model.dirty"
    )
    metadata = notebook.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.context.model.toJSON().metadata"
    )
    assert not changed, metadata


def test_solutions_are_folded_away_at_first(notebook: LabNotebook) -> None:
    """The solution's heading is collapsed; one click shows what is under it."""
    heading = notebook.find("#### Solution 1.4")
    assert notebook.is_hidden(heading + 1)
    button = notebook.show(heading).locator(".jp-collapseHeadingButton")
    button.click()
    assert not notebook.is_hidden(heading + 1)
    button.click()
    assert notebook.is_hidden(heading + 1)


def test_run_all_reaches_the_end(finished: LabNotebook) -> None:
    """No cell raises, exercises nobody has done included, and nothing is asked of anybody else."""
    assert finished.errors() == []
    assert finished.record.foreign == []


def test_an_exercise_answers(finished: LabNotebook) -> None:
    """The check knows a stub from a wrong answer and a wrong answer from a right one."""
    stub, check = finished.find(STUB), finished.find(CHECK)
    assert finished.outputs(check) == "Exercise 1.4: not attempted yet\n"

    finished.type_and_run(stub, WRONG)
    finished.run(check)
    told = finished.outputs(check)
    assert told.startswith("Exercise 1.4: not yet")
    assert len(told) > 60  # it says what is wrong, too

    finished.type_and_run(stub, RIGHT)
    finished.run(check)
    assert finished.outputs(check).startswith("Exercise 1.4: passed")
    assert "(the solution)" not in finished.outputs(check)


def test_a_slider_moves_the_picture(finished: LabNotebook) -> None:
    """Moving the slider for the steps draws another picture, described in other words."""
    cell = finished.show(finished.find("window_explorer(passage)"))
    picture = cell.locator(".jp-OutputArea img[alt]").first
    expect(picture).to_have_attribute("alt", re.compile("minibatches of 2 x 10"))
    before = picture.get_attribute("src")
    slider = cell.locator(".widget-slider", has_text="steps")
    slider.locator(".noUi-handle").focus()
    for _ in range(5):
        finished.page.keyboard.press("ArrowRight")
    expect(slider.locator(".widget-readout")).to_have_text("15")
    expect(picture).to_have_attribute("alt", re.compile("minibatches of 2 x 15"), timeout=20_000)
    assert picture.get_attribute("src") != before


def test_a_figure_made_of_cells_is_moved_and_read(finished: LabNotebook) -> None:
    """Its letters are placed as in the page, a press reaches Python, and options reach it."""
    make, ask = finished.find("from rnnbook.live import march"), finished.find('check("1.5"')
    code = "from rnnbook.live import marching_windows\nwindows = marching_windows()\nwindows"
    finished.type_and_run(make, code)
    finished.show(make)
    figure = finished.page.get_by_role("group", name="Minibatches of a text")
    expect(figure).to_be_visible(timeout=20_000)
    board, cells = figure.locator(".live-board"), figure.locator(".live-letter")
    first, last = cells.first.bounding_box(), cells.nth(20).bounding_box()
    box = board.bounding_box()
    assert abs(first["x"] - box["x"]) < 2 and first["y"] == last["y"]
    assert abs(last["x"] + last["width"] - box["x"] - box["width"]) < 2
    figure.get_by_role("button", name="Next minibatch").click()
    finished.type_and_run(ask, 'print(windows.state["number"], windows.state["X"])')
    assert finished.outputs(ask) == "3 [' of t', 'own t', ' day ']\n"
    finished.type_and_run(ask, 'windows.options = windows.options | {"way": "random"}')
    finished.show(make)
    expect(figure.get_by_role("radio", name="random")).to_be_checked()
    assert finished.errors() == [] and finished.record.foreign == []


def test_a_live_figure_is_moved_and_read(finished: LabNotebook) -> None:
    """What is typed reaches Python, what Python assigns reaches the figure, and nothing grows."""
    make, ask = finished.find(RIGHT), finished.find(CHECK)
    code = "from rnnbook.live import reading_network\nfigure = reading_network()\nfigure"
    finished.type_and_run(make, code)
    finished.show(make)
    figure = finished.page.get_by_role("group", name="The reading network")
    expect(figure).to_be_visible(timeout=20_000)
    height = figure.bounding_box()["height"]

    box = figure.get_by_label("Type, and watch its state follow")
    box.click()
    finished.page.keyboard.press("End")
    finished.page.keyboard.type("comes in")
    finished.type_and_run(ask, 'print(figure.state["text"], len(figure.state["logits"]))')
    assert finished.outputs(ask) == "the tide comes in 28\n"

    change = 'figure.options = figure.options | {"kind": "rnn", "text": "she "}'
    finished.type_and_run(ask, change)
    finished.show(make)
    expect(box).to_have_value("she ")
    expect(figure.get_by_role("radio", name="plain RNN")).to_be_checked()
    figure.get_by_role("button", name="Write on").click()
    finished.page.wait_for_timeout(1500)
    figure.get_by_role("button", name="Pause").click()
    assert len(box.input_value()) > 10
    finished.type_and_run(ask, 'print(figure.state["kind"], figure.state["text"][:4])')
    assert finished.outputs(ask) == "rnn she \n"
    finished.show(make)
    assert abs(figure.bounding_box()["height"] - height) < 2
    assert finished.errors() == [] and finished.record.foreign == []


def test_a_network_learns_in_jupyterlab(finished: LabNotebook) -> None:
    """The worker is made of the modules' own source; Python reads the curve."""
    make, ask = finished.find("from rnnbook.live"), finished.find("print(figure.state[")
    code = "from rnnbook.live import training_network\nfigure = training_network(32)\nfigure"
    finished.type_and_run(make, code)
    finished.show(make)
    figure = finished.page.get_by_role("group", name="Training in the page")
    figure.get_by_role("button", name="Start").click()
    expect(figure.locator(".live-status")).to_contain_text("below the bigram", timeout=60_000)
    figure.get_by_role("button", name="Pause").click()
    finished.type_and_run(ask, 'print(figure.state["curve"][-1]["perplexity"] < 8.8)')
    assert finished.outputs(ask) == "True\n"
    assert finished.errors() == [] and finished.record.foreign == []


STEPS = {
    "gradients_through_time(cut=0)": (
        "Gradients through time", "Send it back", 'round(f.state["gradients"][0], 3)', "0.032",
    ),
    'step_by_hand(text="t")': ("One step by hand", "i", 'f.state["read"]', "ti"),
    "gated_tank()": ("A gated unit as a tank", "Step", 'f.state["levels"]', "[1, 0.9]"),
    'gated_tank("gru")': ("A gated unit as a tank", "keep", 'f.state["gates"]["z"]', "1"),
}  # fmt: skip


def test_every_figure_of_steps_is_pressed_and_read(finished: LabNotebook) -> None:
    make, ask = finished.find('check("1.6"'), finished.find('check("1.7"')
    for code, (name, button, question, answer) in STEPS.items():
        finished.type_and_run(make, f"from rnnbook.live import *\nf = {code}\nf")
        finished.show(make)
        figure = finished.page.get_by_role("group", name=name)
        expect(figure).to_be_visible(timeout=20_000)
        height = figure.bounding_box()["height"]
        figure.get_by_role("button", name=button, exact=True).click()
        finished.page.wait_for_timeout(600)
        assert abs(figure.bounding_box()["height"] - height) < 60  # one line more of words
        finished.type_and_run(ask, f"print({question})")
        assert finished.outputs(ask) == f"{answer}\n", code
    assert finished.errors() == [] and finished.record.foreign == []
