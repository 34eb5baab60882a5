"""rnnbook.exercises.memory: what was passed is never lost, whatever is in the file."""

import json
import multiprocessing
from pathlib import Path

import pytest

from rnnbook import exercises
from rnnbook.exercises import memory


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(memory.STATE_DIR, str(tmp_path))
    return tmp_path


def _add(folder, slug):
    import os

    os.environ[memory.STATE_DIR] = folder
    memory.remember(lambda before: before | {slug})


def test_two_notebooks_at_once_lose_nothing(folder):
    memory.remember(lambda before: {f"old-{n}" for n in range(40)})
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        pool.starmap(_add, [(str(folder), f"new-{n}") for n in range(30)])
    assert memory.remembered() == {f"old-{n}" for n in range(40)} | {f"new-{n}" for n in range(30)}


@pytest.mark.parametrize(
    "content",
    [b"null", b"3", b'"a"', b'{"passed": 3}', b"{}", b"\xff\xfe{", b"{broken", b"", b"[" * 100_000],
)
def test_what_cannot_be_understood_is_set_aside_and_said_so(folder, content, capsys):
    path = folder / "progress.json"
    path.write_bytes(content)
    exercises.progress()
    assert "(what was passed could not be read" in capsys.readouterr().out
    assert path.read_bytes() == content  # reading changes nothing
    exercises.check("1.5", "b")
    said = capsys.readouterr().out
    assert "set aside" in said and said.endswith("Exercise 1.5: passed\n")
    aside = folder / "progress.unreadable-1"
    assert aside.read_bytes() == content and str(aside) in said
    assert json.loads(path.read_text()) == {"passed": ["why-not-the-index"]}
    path.write_bytes(content)
    exercises.check("1.5", "b")
    assert (folder / "progress.unreadable-2").read_bytes() == content


def test_odd_entries_are_left_out_and_the_others_stay(folder):
    (folder / "progress.json").write_text('{"passed": ["a", 3, null, "b"], "more": 1}')
    assert memory.remembered() == {"a", "b"}


def test_a_folder_that_cannot_be_written_stops_nobody(folder, monkeypatch, capsys):
    (folder / "file").write_text("")
    monkeypatch.setenv(memory.STATE_DIR, str(folder / "file" / "below"))
    exercises.check("1.5", "b")
    said = capsys.readouterr().out
    assert said.startswith("(this could not be remembered") and "passed" in said


def test_the_home_folder_is_found_or_missed_without_harm(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(memory.STATE_DIR, "~/state")
    assert memory.state_file() == tmp_path / "state" / "progress.json"

    def homeless(*_):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", homeless)
    exercises.check("1.5", "b")
    said = capsys.readouterr().out
    assert "could not be remembered: Could not determine home" in said and "passed" in said


def test_another_notebook_is_not_waited_for_without_end(folder, monkeypatch, capsys):
    monkeypatch.setattr(memory, "SECONDS", 0.1)
    with memory.FileLock(folder / "progress.lock"):
        exercises.check("1.5", "b")
    assert "could not be remembered" in capsys.readouterr().out
