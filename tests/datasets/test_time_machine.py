"""The Time Machine: what proves it genuine, where it is found, and what `rnnbook check` says."""

import hashlib
import importlib
from pathlib import Path

import pytest

from rnnbook.app import doctor
from rnnbook.datasets import TextUnavailable, time_machine
from rnnbook.datasets._fetch import cache_dir
from rnnbook.datasets.time_machine import TIME_MACHINE, locate_time_machine, time_machine_path

GENUINE = locate_time_machine().content  # read before any test points the environment elsewhere
needs_text = pytest.mark.skipif(
    GENUINE is None, reason="timemachine.txt is needed: set RNNBOOK_DATA_DIR to its folder"
)


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch) -> Path:
    """A machine without the text: empty cache, no data folder."""
    monkeypatch.delenv("RNNBOOK_DATA_DIR", raising=False)
    for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    return tmp_path


def keep(folder: Path, content: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "timemachine.txt").write_bytes(content)
    return folder / "timemachine.txt"


@needs_text
def test_the_declared_proofs_are_those_of_the_text():
    assert len(GENUINE) == TIME_MACHINE.size == 178_979
    assert hashlib.sha1(GENUINE).hexdigest() == TIME_MACHINE.sha1
    assert hashlib.sha256(GENUINE).hexdigest() == TIME_MACHINE.sha256
    assert TIME_MACHINE.name == "timemachine.txt"


@needs_text
def test_a_copy_that_a_reader_already_has_in_the_cache_is_found():
    path = keep(cache_dir(), GENUINE)
    assert time_machine(download=False) == GENUINE.decode()
    assert time_machine_path(download=False) == path
    assert locate_time_machine().source == "cache"


@needs_text
def test_it_is_plain_text_with_plain_line_endings(machine, monkeypatch):
    keep(machine, GENUINE)
    monkeypatch.setenv("RNNBOOK_DATA_DIR", str(machine))
    text = time_machine(download=False)
    assert text.startswith("The Time Machine, by H. G. Wells") and text.isascii()
    assert "\r" not in text and len(text) == 178_979


def test_without_it_the_error_says_what_still_works():
    for load in (time_machine, time_machine_path):
        with pytest.raises(TextUnavailable, match="The Time Machine is not available") as caught:
            load(download=False)
        message = str(caught.value)
        assert "put timemachine.txt (178,979 bytes) into a folder" in message
        assert str(cache_dir() / "timemachine.txt") in message
        assert TIME_MACHINE.url in message
        assert "Everything but the classic run works without it" in message


class TestCheck:
    """The lines on the two texts in the table of `rnnbook check`."""

    def findings(self) -> dict[str, doctor.Finding]:
        return {finding.name: finding for finding in doctor._texts()}

    def test_the_story_is_bundled(self):
        state, _, told, fix = self.findings()["story"]
        assert (state, fix) == ("ok", None)
        assert "bytes, bundled: " in told and told.endswith("story.txt")

    def test_the_story_is_gone(self, machine, monkeypatch):
        story = importlib.import_module("rnnbook.datasets.story")
        monkeypatch.setattr(story, "STORY", machine / "story.txt")
        state, _, told, fix = self.findings()["story"]
        assert (state, fix) == ("MISSING", "install rnnbook again")
        assert told.endswith("story.txt is missing")

    def test_the_time_machine_is_not_here_yet(self):
        state, _, told, fix = self.findings()["time_machine"]
        assert (state, fix) == ("note", None)
        assert told.startswith("not here yet: will be downloaded to ~")

    def test_the_time_machine_is_damaged(self):
        keep(cache_dir(), b"something else")
        state, _, told, fix = self.findings()["time_machine"]
        assert state == "note" and "has 14 bytes instead of 178,979" in told
        assert fix.startswith("remove or replace ~")

    @needs_text
    def test_the_time_machine_is_in_the_cache(self):
        keep(cache_dir(), GENUINE)
        state, _, told, fix = self.findings()["time_machine"]
        assert (state, fix) == ("ok", None)
        assert told.startswith("178,979 bytes, cache: ~")
