"""The command `rnnbook`, started as a reader starts it."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from rnnbook_command import ROOT, arguments, rnnbook, without

from rnnbook import __version__


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A checkout of its own, so that no test touches the reader's copy in this one."""
    folder = tmp_path / "book of mine"
    skipped = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "vendor")
    for part in ("rnnbook", "chapters", "book"):
        shutil.copytree(ROOT / part, folder / part, ignore=skipped)
    return folder


class TestHelp:
    @pytest.mark.parametrize("words", [["--help"], ["lab", "--help"], ["check", "--help"]])
    def test_shows_an_example(self, words):
        done = rnnbook(*words)
        assert done.returncode == 0 and done.stderr == ""
        assert re.search(r"example: rnnbook (lab|check)", done.stdout)

    def test_names_the_commands(self):
        assert {"lab", "check"} <= set(rnnbook("--help").stdout.split())

    def test_tells_how_to_reach_jupyterlab(self):
        assert "[JUPYTERLAB OPTIONS]" in rnnbook("lab", "--help").stdout

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
        told = self.refusal(package=checkout, cwd=checkout)
        assert f"wants a folder, and {checkout / 'work'} is a file" in told
        assert (checkout / "work").read_text() == "mine"

    def test_a_copy_without_a_name(self, checkout):
        told = self.refusal("--copy", "", package=checkout, cwd=checkout)
        assert "--copy wants the name of a folder" in told and not (checkout / "work").exists()


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
    options = [
        "--port",
        str(port),
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
    ]
    with log.open("w") as output:
        server = subprocess.Popen(
            arguments("lab", "--no-browser", *words, *options),
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


def test_the_package_is_a_command_too():
    done = subprocess.run(
        [sys.executable, "-m", "rnnbook", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"rnnbook {__version__}"


def test_a_path_that_the_terminal_has_no_letters_for(checkout, tmp_path):
    """Told all the same, and no traceback."""
    folder = tmp_path / "书"
    folder.write_text("a file")
    environment = os.environ | {"PYTHONPATH": str(checkout), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "rnnbook", "lab", "--copy", str(folder)],
        capture_output=True, text=True, cwd=checkout, env=environment,
    )  # fmt: skip
    assert done.returncode == 1 and "is a file" in done.stderr and "\\u4e66" in done.stderr
