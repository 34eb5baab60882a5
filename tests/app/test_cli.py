"""The command `rnnbook`, started as a reader starts it.

`rnnbook check` imports torch, matplotlib and d2l, which takes a new process seconds: it is started
once with everything there and once with nothing there, and its variants share this process.
"""

import importlib.metadata
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import pytest
import requests

from rnnbook import __version__, cli

ROOT = Path(cli.__file__).resolve().parents[1]
START = "import sys; from rnnbook.cli import main; sys.exit(main())"


def arguments(*words: str, before: str = "") -> list[str]:
    return [sys.executable, "-c", before + START, *words]


def rnnbook(
    *words: str, before: str = "", cwd: Path = ROOT, package: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments(*words, before=before),
        capture_output=True,
        text=True,
        timeout=120,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(package)},
    )


def without(*names: str) -> str:
    return f"import sys; sys.modules.update(dict.fromkeys({names}))\n"


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A checkout of its own, so that no test touches the reader's copy in this one."""
    folder = tmp_path / "book of mine"
    skipped = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "vendor")
    for part in ("rnnbook", "chapters", "book"):
        shutil.copytree(ROOT / part, folder / part, ignore=skipped)
    return folder


@pytest.fixture(scope="module")
def package_alone(tmp_path_factory) -> Path:
    site = tmp_path_factory.mktemp("site")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "rnnbook", site / "rnnbook", ignore=ignored)
    return site


@pytest.fixture
def check(capsys) -> Callable[[], subprocess.CompletedProcess[str]]:
    """Call `rnnbook check` within this process, and tell what a new one would have told."""

    def call() -> subprocess.CompletedProcess[str]:
        capsys.readouterr()
        status = cli.main(["check"])
        return subprocess.CompletedProcess(["rnnbook", "check"], status, *capsys.readouterr())

    return call


class TestHelp:
    @pytest.mark.parametrize("words", [["--help"], ["lab", "--help"], ["check", "--help"]])
    def test_shows_an_example(self, words):
        done = rnnbook(*words)
        assert done.returncode == 0 and done.stderr == ""
        assert re.search(r"example: rnnbook (lab|check)", done.stdout)

    def test_names_the_commands(self):
        assert {"lab", "check"} <= set(rnnbook("--help").stdout.split())

    def test_tells_how_to_reach_jupyterlab(self):
        assert "[-- JUPYTERLAB OPTIONS]" in rnnbook("lab", "--help").stdout

    def test_version(self):
        assert rnnbook("--version").stdout.strip() == f"rnnbook {__version__}"

    @pytest.mark.parametrize(
        "words", [[], ["labb"], ["check", "--copy", "x"], ["check", "--", "x"]]
    )
    def test_mistakes_are_refused(self, words):
        done = rnnbook(*words)
        assert done.returncode == 2
        assert "usage: rnnbook" in done.stderr and "Traceback" not in done.stderr

    def test_the_installed_script_is_the_same_command(self):
        script = shutil.which("rnnbook", path=str(Path(sys.executable).parent))
        if script is None:
            pytest.skip("the package is not installed here, so there is no script")
        done = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=60)
        assert done.stdout.strip() == f"rnnbook {__version__}"


class TestCheck:
    def table(self, output: str) -> dict[str, tuple[str, str]]:
        lines = output.partition("\n\n")[0].splitlines()
        assert lines[0] == f"rnnbook {__version__}"
        rows = [re.fullmatch(r"  (\w+) +(\w+) +(.+)", line).groups() for line in lines[1:]]
        assert len({line.index(row[2]) for line, row in zip(lines[1:], rows, strict=True)}) == 1
        return {name: (state, told) for state, name, told in rows}

    def test_all_is_well(self):
        done = rnnbook("check")
        assert (done.returncode, done.stderr) == (0, "")
        table = self.table(done.stdout)
        assert {"Python", "platform", "device", "fonts", "story", "time_machine"} <= set(table)
        assert {*cli.ESSENTIAL, *cli.OPTIONAL} <= set(table)
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
            assert f"\n  {name}: python -m pip install {name}\n" in done.stdout

    def test_missing_extras_are_only_noted(self, check, monkeypatch):
        for name in ("d2l", "nbval"):
            monkeypatch.setitem(sys.modules, name, None)
        done = check()
        assert (done.returncode, done.stderr) == (0, "")
        for name, fix in {"d2l": "d2l==0.17.0", "nbval": "nbval"}.items():
            assert self.table(done.stdout)[name][0] == "note"
            assert f"\n  {name}: python -m pip install {fix}\n" in done.stdout

    def test_a_package_that_is_broken(self, check, monkeypatch, tmp_path):
        (tmp_path / "ipywidgets").mkdir()
        (tmp_path / "ipywidgets" / "__init__.py").write_text("raise OSError('no such library\\nX')")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "ipywidgets", raising=False)
        done = check()
        state, told = self.table(done.stdout)["ipywidgets"]
        assert state == "MISSING" and told == "does not import: OSError: no such library"
        assert "pip install ipywidgets --force-reinstall" in done.stdout and done.returncode == 1

    def test_the_other_d2l(self, check, monkeypatch):
        v = importlib.metadata.version
        other = {"d2l": "1.0.3"}
        monkeypatch.setattr(importlib.metadata, "version", lambda name: other.get(name) or v(name))
        done = check()
        assert self.table(done.stdout)["d2l"][1].startswith("1.0.3 instead of 0.17.0")
        assert "pip install d2l==0.17.0" in done.stdout and done.returncode == 0

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
        monkeypatch.setattr(cli, "__file__", str(package_alone / "rnnbook" / "cli.py"))
        monkeypatch.chdir(tmp_path)
        done = check()
        assert self.table(done.stdout)["chapters"] == ("note", "not found from here")
        assert done.returncode == 0


class TestLabRefuses:
    def refusal(self, *words: str, **options) -> str:
        done = rnnbook("lab", *words, **options)
        assert done.returncode == 1 and "Traceback" not in done.stderr
        assert done.stderr.startswith("rnnbook lab: ")
        return done.stderr

    def test_without_the_chapters(self, package_alone, tmp_path):
        assert "get the book's repository" in self.refusal(package=package_alone, cwd=tmp_path)

    def test_without_jupyterlab(self, checkout):
        told = self.refusal(before=without("jupyterlab"), package=checkout, cwd=checkout)
        assert "python -m pip install jupyterlab" in told
        assert not (checkout / "work").exists()

    def test_a_copy_over_the_originals(self, checkout):
        told = self.refusal("--copy", "chapters", package=checkout, cwd=checkout)
        assert "neither inside the other" in told

    def test_a_copy_that_is_a_file(self, checkout):
        (checkout / "work").write_text("mine")
        assert "could not be brought up to date" in self.refusal(package=checkout, cwd=checkout)
        assert (checkout / "work").read_text() == "mine"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def running_lab(checkout: Path, *words: str) -> Iterator[tuple[requests.Session, str, Path]]:
    """Start `rnnbook lab`, wait until its server answers, and stop it by its process id."""
    port, token, log = free_port(), "a-token", checkout.parent / "lab.log"
    own = {
        name: str(checkout.parent / name.lower())
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    }
    options = [f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"]
    with log.open("w") as output:
        server = subprocess.Popen(
            arguments("lab", "--no-browser", *words, "--", *options),
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=checkout,
            env=os.environ | own | {"PYTHONPATH": str(checkout)},
        )
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"token {token}"
    address = f"http://localhost:{port}"
    try:
        wait_for(session, address, server, log)
        yield session, address, log
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def wait_for(session: requests.Session, address: str, server: subprocess.Popen, log: Path) -> None:
    for _ in range(300):
        assert server.poll() is None, log.read_text()
        try:
            if session.get(f"{address}/api", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.2)
    pytest.fail(f"JupyterLab does not answer:\n{log.read_text()}")


def test_lab_opens_the_readers_copy_on_the_first_chapter(checkout):
    chapters = sorted(path.name for path in (checkout / "chapters").glob("*.ipynb"))
    with running_lab(checkout) as (session, address, log):
        home = session.get(address, timeout=30)
        assert home.ok and home.url.startswith(f"{address}/lab/tree/work/{chapters[0]}")
        assert "JupyterLab" in home.text
        listed = session.get(f"{address}/api/contents/work", timeout=30).json()["content"]
        assert {entry["name"] for entry in listed} >= set(chapters)
        first = session.get(f"{address}/api/contents/work/{chapters[0]}", timeout=30).json()
        original = json.loads((checkout / "chapters" / chapters[0]).read_bytes())
        assert [cell["source"] for cell in first["content"]["cells"]] == [
            "".join(cell["source"]) for cell in original["cells"]
        ]
        page = session.get(f"{address}/api/contents/book/references.md", timeout=30)
        assert page.ok, "links to the book's pages must open from the copy"
        told = log.read_text()
    assert f"Your copy of the chapters: {checkout / 'work'}" in told
    assert f"{chapters[0]}: added" in told
    with pytest.raises(requests.ConnectionError):
        session.get(address, timeout=5)


def test_lab_keeps_the_readers_edits_in_a_copy_elsewhere(checkout, tmp_path):
    copy = tmp_path / "elsewhere"
    first = min(path.name for path in (checkout / "chapters").glob("*.ipynb"))
    copy.mkdir()
    (copy / first).write_text("mine")
    with running_lab(checkout, "--copy", str(copy)) as (session, address, log):
        home = session.get(address, timeout=30)
        assert home.url.startswith(f"{address}/lab/tree/{first}")
        told = log.read_text()
    assert (copy / first).read_text() == "mine"
    assert (copy / f"{Path(first).stem} (new version).ipynb").is_file()
    assert "you edited it, so it stays; the new version is beside it" in told
    assert "open only from a folder beside chapters/" in told
