"""rnnbook.exercises.examination: nothing an answer does reaches the notebook."""

import importlib
import os
import random
import sys
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from rnnbook import exercises
from rnnbook.exercises import examination
from rnnbook.exercises.examination import (
    NOT_ATTEMPTED,
    NOT_YET,
    PASSED,
    ExaminerError,
    Verdict,
    examine,
)
from rnnbook.exercises.kit import Exercise, Wrong, call


def _run(function, *answers, **options):
    """Examine with a check that only calls the answer."""
    examiner = function if answers else (lambda answer: call(answer) and None)
    exercise = Exercise("0.1", "A test", "a-test", examiner, **options)
    return examine(exercise, answers or (function,))


def test_a_verdict_is_what_the_examiner_says():
    assert _run(lambda answer: "well done", 1) == Verdict(PASSED, "well done")

    def refuse(answer):
        raise Wrong("not this " * 100)

    verdict = _run(refuse, 1)
    assert verdict.status == NOT_YET and len(verdict.message) == examination.LONGEST

    def nothing(x): ...

    assert _run(nothing).status == NOT_ATTEMPTED


def meddle():
    """Change everything that is global, and stop."""
    random.seed(99)
    np.random.seed(99)
    torch.manual_seed(99)
    torch.rand(5)
    torch.set_default_dtype(torch.float16)
    torch.set_default_device("meta")
    torch.set_grad_enabled(False)
    torch.set_num_threads(torch.get_num_threads() + 1)
    plt.rcParams["lines.linewidth"] = 77
    os.chdir("/")
    raise ValueError("and stop")


def _everything():
    return (
        random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist(),
        torch.get_default_dtype(), torch.get_default_device(), torch.is_grad_enabled(),
        torch.get_num_threads(), plt.rcParams["lines.linewidth"], Path.cwd(),
    )  # fmt: skip


def test_everything_global_is_as_it_was():
    before = _everything()
    verdict = _run(meddle)
    assert _everything() == before
    assert verdict.status == NOT_YET and "ValueError: and stop" in verdict.message
    assert torch.zeros(1).device.type == "cpu"


@pytest.mark.parametrize(
    "around",
    [torch.no_grad, torch.inference_mode, lambda: torch.device("meta")],
    ids=["no_grad", "inference_mode", "another device"],
)
def test_checks_work_whatever_is_set_outside(around):
    from tests.cases.ch08 import CASES

    with around():
        assert exercises.grade("8.2", *CASES["8.2"][0][0]).status == PASSED
    torch.set_default_dtype(torch.float64)
    try:
        assert exercises.grade("8.2", *CASES["8.2"][0][0]).status == PASSED
    finally:
        torch.set_default_dtype(torch.float32)


def test_verdicts_do_not_depend_on_the_seed_outside():
    from tests.cases.ch10 import CASES

    for seed in range(3):
        torch.manual_seed(seed)
        assert exercises.grade("10.7", *CASES["10.7"][0][0]).status == PASSED


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def _raising(error):
    def answer():
        raise error

    return answer


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SystemExit(3), "SystemExit: 3"),
        (GeneratorExit(), "GeneratorExit"),
        (Unspeakable(), "Unspeakable: its message cannot be shown"),
        (RecursionError("deep"), "RecursionError: deep"),
        (ValueError("x" * 5000), "ValueError: xxx"),
    ],
)
def test_whatever_an_answer_raises_is_a_verdict(error, said):
    verdict = _run(_raising(error))
    assert verdict.status == NOT_YET and said in verdict.message
    assert "in answer" in verdict.message and len(verdict.message) < 700


def test_the_stop_button_stops():
    with pytest.raises(KeyboardInterrupt):
        _run(_raising(KeyboardInterrupt()))


def test_an_endless_loop_is_stopped_and_said_so():
    def endless():
        while True:
            pass

    verdict = _run(endless, seconds=0.2)
    assert verdict.status == NOT_YET
    assert verdict.message.startswith("it was stopped after 0.2 seconds: is there a loop without")

    def stubborn():
        tries = 0
        while tries < 2:
            try:
                while True:
                    pass
            except BaseException:
                tries += 1
        while True:
            pass

    assert "stopped after 0.2 seconds" in _run(stubborn, seconds=0.2).message
    assert _run(lambda: 1, seconds=0.2).status == PASSED


def test_the_line_is_the_readers_own_wherever_it_is(tmp_path, monkeypatch):
    (tmp_path / "my_module.py").write_text(
        textwrap.dedent(
            """
            def inner():
                return {}["missing"]


            def outer():
                return inner()
            """
        )
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    my_module = importlib.import_module("my_module")

    assert "line 3 of my_module.py, in inner" in _run(my_module.outer).message

    cell = compile("def f():\n    return 1 / 0\n", "/tmp/ipykernel_7/123.py", "exec")
    namespace = {}
    exec(cell, namespace)
    assert "(line 2 of the cell that defines f)" in _run(namespace["f"]).message

    def in_torch():
        return torch.ones(2) @ torch.ones(3)  # the error is PyTorch's, the line the reader's

    assert "test_examination.py, in in_torch" in _run(in_torch).message
    del sys.modules["my_module"]


def test_a_mistake_of_the_check_is_ours_and_said_so(capsys, monkeypatch):
    def broken(answer):
        return {"a": 1}["misspelt"]

    with pytest.raises(ExaminerError, match=r"check of exercise 0.1 failed by itself \(KeyError"):
        _run(_in_package(broken), 1)
    monkeypatch.setitem(
        exercises.REGISTRY, "1.1", Exercise("1.1", "T", "what-is-left", _in_package(broken))
    )
    exercises.check("1.1", "an answer")
    said = capsys.readouterr().out
    assert "That is our mistake, and your answer may be right" in said and said.count("\n") == 1


def _in_package(function):
    """Return the function as if it stood in the package."""
    place = str(Path(examination.__file__).with_name("ch99.py"))
    code = function.__code__.replace(co_filename=place)
    return type(function)(code, function.__globals__)


def test_only_the_chapters_own_checks_are_imported():
    import subprocess

    code = (
        "import sys; from rnnbook.exercises import grade; grade('6.1', 'c');"
        "print([m for m in sys.modules if m.startswith('rnnbook.exercises.ch')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['rnnbook.exercises.ch06']"
