"""Open the reader's own copy of the book in a real JupyterLab, in a real browser."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from headless import Record, chromium
from lab_notebook import LabNotebook

START_SECONDS = 60


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def lab_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run `rnnbook lab` as a reader does, on a fresh copy and with fresh settings."""
    home = tmp_path_factory.mktemp("reader")
    port, token = free_port(), secrets.token_hex(8)
    command = [str(Path(sysconfig.get_path("scripts")) / "rnnbook"), "lab", "--no-browser"]
    command += ["--copy", str(home / "work"), "--", "--expose-app-in-browser"]
    command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    command += [f"--IdentityProvider.token={token}"]
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    names += ("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "RNNBOOK_STATE_DIR")
    settings = {name: str(home / name.lower()) for name in names}
    log = home / "lab.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **settings}
        )
    try:
        url = f"http://127.0.0.1:{port}"
        give_up = time.monotonic() + START_SECONDS
        while not answers(f"{url}/api/status?token={token}"):
            if server.poll() is not None or time.monotonic() > give_up:
                pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.2)
        yield f"{url}/?token={token}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def answers(url: str) -> bool:
    """Say whether the server is ready."""
    try:
        return requests.get(url, timeout=2).ok
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="module")
def notebook(browser_path: str, lab_url: str) -> Iterator[LabNotebook]:
    """Open the first chapter, the page that the reader sees first."""
    with chromium(browser_path) as browser:
        page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
        record = Record()
        record.watch(page)
        page.goto(lab_url)
        opened = LabNotebook(page, record)
        opened.wait_until_ready()
        yield opened


@pytest.fixture(scope="module")
def finished(notebook: LabNotebook) -> LabNotebook:
    """Run all cells of the chapter, as it was handed out."""
    notebook.run_all()
    return notebook
