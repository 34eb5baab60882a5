"""The command `rnnbook check`: what this machine has, and what to do.

It imports torch, matplotlib and d2l, which takes a new process seconds: it is started once with
everything there and once with nothing there, and its variants share this process.
"""

import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Callable

import matplotlib
import pytest
from rnnbook_command import rnnbook, without

from rnnbook import __version__
from rnnbook.app import cli, doctor, workspace
from rnnbook.versions import required


def quoted(name: str) -> str:
    """Return a package and its range as pip takes them in a shell."""
    return f"'{name}{required(name)}'"


@pytest.fixture
def check(capsys) -> Callable[[], subprocess.CompletedProcess[str]]:
    """Call `rnnbook check` within this process, and tell what a new one would have told."""

    def call() -> subprocess.CompletedProcess[str]:
        capsys.readouterr()
        status = cli.main(["check"])
        return subprocess.CompletedProcess(["rnnbook", "check"], status, *capsys.readouterr())

    return call


class TestCheck:
    def table(self, output: str) -> dict[str, tuple[str, str]]:
        lines = output.partition("\n\n")[0].splitlines()
        assert lines[0] == f"rnnbook {__version__}"
        rows = [re.fullmatch(r"  (\w+) +([\w-]+) +(.+)", line).groups() for line in lines[1:]]
        assert len({line.index(row[2]) for line, row in zip(lines[1:], rows, strict=True)}) == 1
        return {name: (state, told) for state, name, told in rows}

    def test_all_is_well(self):
        done = rnnbook("check")
        assert (done.returncode, done.stderr) == (0, "")
        table = self.table(done.stdout)
        assert {"Python", "platform", "device", "fonts", "story", "time_machine"} <= set(table)
        assert {*doctor.ESSENTIAL, *doctor.OPTIONAL} <= set(table)
        assert "MISSING" not in done.stdout
        assert table["torch"][1].startswith("2.")
        assert table["story"][1].endswith("story.txt") and "bundled" in table["story"][1]

    def test_the_home_folder_is_not_named(self, check, monkeypatch, tmp_path):
        home = str(tmp_path)
        for name in ("HOME", "USERPROFILE"):
            monkeypatch.setenv(name, home)
        for name in ("XDG_CACHE_HOME", "RNNBOOK_DATA_DIR"):
            monkeypatch.setenv(name, "")
        done = check()
        state, told = self.table(done.stdout)["time_machine"]
        assert state == "note" and "will be downloaded to ~" in told
        assert home not in done.stdout and done.returncode == 0

    def test_missing_essentials_and_their_fixes(self):
        names = ["torch", "matplotlib", "ipywidgets", "jupyterlab", "requests"]
        done = rnnbook("check", before=without(*names))
        assert (done.returncode, done.stderr) == (1, "")
        for name in names:
            assert self.table(done.stdout)[name] == ("MISSING", "not installed")
            assert f"\n  {name}: python -m pip install {quoted(name)}\n" in done.stdout

    def test_missing_extras_are_only_noted(self, check, monkeypatch):
        for name in ("d2l", "nbval"):
            monkeypatch.setitem(sys.modules, name, None)
        done = check()
        assert (done.returncode, done.stderr) == (0, "")
        for name in ("d2l", "nbval"):
            assert self.table(done.stdout)[name][0] == "note"
            assert f"\n  {name}: python -m pip install {quoted(name)}\n" in done.stdout

    def test_a_package_that_is_broken(self, check, monkeypatch, tmp_path):
        (tmp_path / "ipywidgets").mkdir()
        (tmp_path / "ipywidgets" / "__init__.py").write_text("raise OSError('no such library\\nX')")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "ipywidgets", raising=False)
        done = check()
        state, told = self.table(done.stdout)["ipywidgets"]
        assert state == "MISSING" and told == "does not import: OSError: no such library"
        assert (
            f"pip install {quoted('ipywidgets')} --force-reinstall" in done.stdout
            and done.returncode == 1
        )

    def test_the_other_d2l(self, check, monkeypatch):
        v = importlib.metadata.version
        other = {"d2l": "1.0.3"}
        monkeypatch.setattr(importlib.metadata, "version", lambda name: other.get(name) or v(name))
        done = check()
        assert self.table(done.stdout)["d2l"][1].startswith(f"1.0.3 instead of {required('d2l')}")
        assert f"pip install {quoted('d2l')}" in done.stdout and done.returncode == 0

    def test_a_device_that_is_not_here(self, check, monkeypatch):
        monkeypatch.setenv("RNNBOOK_DEVICE", "abacus")
        done = check()
        assert done.returncode == 1
        assert "device: RNNBOOK_DEVICE is 'abacus'" in done.stdout

    def test_a_font_that_is_not_here(self, check, tmp_path):
        settings = tmp_path / "matplotlibrc"
        settings.write_text("font.family: Nowhere Grotesk\n")
        with matplotlib.rc_context(fname=settings):
            done = check()
        told = "Nowhere Grotesk not found: figures use DejaVu Sans"
        assert self.table(done.stdout)["fonts"] == ("note", told)

    def test_a_damaged_text(self, check, monkeypatch, tmp_path):
        (tmp_path / "timemachine.txt").write_text("something else")
        monkeypatch.setenv("RNNBOOK_DATA_DIR", str(tmp_path))
        done = check()
        assert "has 14 bytes instead of 178,979" in self.table(done.stdout)["time_machine"][1]
        assert f"time_machine: remove or replace {tmp_path}" in done.stdout
        assert done.returncode == 0

    def test_without_the_chapters(self, check, monkeypatch, package_alone, tmp_path):
        monkeypatch.setattr(
            workspace, "__file__", str(package_alone / "rnnbook" / "app" / "workspace.py")
        )
        monkeypatch.chdir(tmp_path)
        done = check()
        assert self.table(done.stdout)["chapters"] == ("note", "not found from here")
        assert done.returncode == 0
