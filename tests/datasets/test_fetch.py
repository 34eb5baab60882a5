"""The texts: verified, cached, and with one clear error when they cannot be had."""

import dataclasses
import hashlib
import http.server
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from rnnbook.datasets import _fetch as data
from rnnbook.datasets._fetch import TIME_MACHINE, TextUnavailable, load_text, locate, text_path

GENUINE = locate("time_machine").content  # read before any test points the environment elsewhere
needs_text = pytest.mark.skipif(
    GENUINE is None, reason="timemachine.txt is needed: set RNNBOOK_DATA_DIR to its folder"
)
WAYS = ("RNNBOOK_DATA_DIR", "copy it to", "go online and try again")


class Server(http.server.ThreadingHTTPServer):
    """A server on this machine that answers as told and counts how often it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = 0
        self.answers: list = []
        self.stop = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/timemachine.txt"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests += 1
        answers = self.server.answers
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def log_message(self, *_: object) -> None:
        pass


def body(content: bytes, declared: int | None = None):
    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(declared or len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def status(code: int):
    return lambda handler: handler.send_error(code)


def silence(handler: Handler) -> None:
    handler.server.stop.wait(30)


def trickle(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(TIME_MACHINE.size))
    handler.end_headers()
    while not handler.server.stop.wait(0.02):
        try:
            handler.wfile.write(b"x" * 1024)
        except OSError:
            return


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch) -> Path:
    """A machine without the text: empty cache, no data folder, no proxy, short patience."""
    for name in ("RNNBOOK_DATA_DIR", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setattr(data, "PAUSE", 0.01)
    monkeypatch.setattr(data, "TIMEOUT", (0.5, 0.5))
    return tmp_path


@pytest.fixture
def server(monkeypatch):
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        point_to(monkeypatch, server.url)
        yield server
        server.stop.set()
        server.shutdown()
        thread.join()


def point_to(monkeypatch, url: str) -> None:
    monkeypatch.setattr(data, "TIME_MACHINE", dataclasses.replace(TIME_MACHINE, url=url))


def cached(content: bytes | None = None) -> Path:
    path = data.cache_dir() / "timemachine.txt"
    if content is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return path


def refusal(name: str = "time_machine", **options) -> str:
    with pytest.raises(TextUnavailable) as caught:
        load_text(name, **options)
    message = str(caught.value)
    for way in (*WAYS, str(cached())):
        assert way in message
    return message


def test_cache_is_the_tests_own(machine):
    assert machine in data.cache_dir().parents


def test_unknown_name_lists_the_names():
    with pytest.raises(ValueError, match=r"'timemachine'.*story and time_machine"):
        load_text("timemachine")
    with pytest.raises(ValueError, match="story and time_machine"):
        locate("Story")


@needs_text
def test_the_declared_proofs_are_those_of_the_text():
    assert len(GENUINE) == TIME_MACHINE.size == 178_979
    assert hashlib.sha1(GENUINE).hexdigest() == TIME_MACHINE.sha1
    assert hashlib.sha256(GENUINE).hexdigest() == TIME_MACHINE.sha256
    assert TIME_MACHINE.file_name == "timemachine.txt"


@pytest.mark.skipif(not data._STORY.exists(), reason="rnnbook/story.txt is not written yet")
def test_story_is_bundled_and_needs_no_network(monkeypatch):
    point_to(monkeypatch, "http://127.0.0.1:9/")
    story = load_text()
    assert story == load_text("story", download=False)
    assert len(story) >= 60_000 and story.isascii() and "\r" not in story
    assert locate("story").source == "bundled" and text_path("story").is_file()


def test_story_missing_from_the_installation(monkeypatch, tmp_path):
    monkeypatch.setattr(data, "_STORY", tmp_path / "story.txt")
    with pytest.raises(TextUnavailable, match=r"is missing.*Install rnnbook again"):
        load_text("story")


def test_story_keeps_unix_line_endings(monkeypatch, tmp_path):
    (tmp_path / "story.txt").write_bytes(b"one\r\ntwo\r\n")
    monkeypatch.setattr(data, "_STORY", tmp_path / "story.txt")
    assert load_text("story") == "one\ntwo\n"


@needs_text
class TestDataFolder:
    @pytest.fixture
    def folder(self, machine, monkeypatch, server) -> Path:
        server.answers = [body(GENUINE)]
        monkeypatch.setenv("RNNBOOK_DATA_DIR", str(machine / "mine"))
        (machine / "mine").mkdir()
        return machine / "mine"

    def test_comes_first(self, folder, server):
        (folder / "timemachine.txt").write_bytes(GENUINE)
        cached(b"damaged")
        assert load_text("time_machine") == GENUINE.decode()
        assert text_path("time_machine") == folder / "timemachine.txt"
        assert locate("time_machine").source == "RNNBOOK_DATA_DIR"
        assert server.requests == 0

    @pytest.mark.parametrize("content", [b"", b"something else", b"x" * 178_979])
    def test_wrong_file_is_refused_and_left_alone(self, folder, server, content):
        file = folder / "timemachine.txt"
        file.write_bytes(content)
        message = refusal()
        assert str(file) in message and "left as it is" in message
        assert file.read_bytes() == content and server.requests == 0
        assert locate("time_machine").problem

    def test_windows_line_endings_are_recognised(self, folder):
        (folder / "timemachine.txt").write_bytes(GENUINE.replace(b"\n", b"\r\n"))
        assert "line endings" in refusal()

    def test_a_folder_of_that_name_is_refused(self, folder):
        (folder / "timemachine.txt").mkdir()
        assert "cannot be read" in refusal()

    def test_without_the_file_the_next_source_is_used(self, folder, server):
        assert load_text("time_machine") == GENUINE.decode()
        assert server.requests == 1 and not list(folder.iterdir())

    def test_without_the_file_the_error_says_so(self, folder, monkeypatch):
        assert "no timemachine.txt in it" in refusal(download=False)
        monkeypatch.setenv("RNNBOOK_DATA_DIR", str(folder / "typo"))
        assert "no such folder" in refusal(download=False)

    def test_home_is_understood(self, folder, monkeypatch):
        monkeypatch.setenv("HOME", str(folder))
        monkeypatch.setenv("USERPROFILE", str(folder))
        monkeypatch.setenv("RNNBOOK_DATA_DIR", "~")
        (folder / "timemachine.txt").write_bytes(GENUINE)
        assert text_path("time_machine") == folder / "timemachine.txt"


@needs_text
class TestDownload:
    def test_once_then_the_network_is_not_needed(self, server):
        server.answers = [body(GENUINE), status(500)]
        assert locate("time_machine").source == "download"
        assert load_text("time_machine") == GENUINE.decode()
        assert load_text("time_machine", download=False) == GENUINE.decode()
        assert server.requests == 1
        assert locate("time_machine").source == "cache"
        assert list(data.cache_dir().iterdir()) == [cached()]

    def test_not_allowed(self, server):
        assert "may not be downloaded" in refusal(download=False)
        assert server.requests == 0

    def test_404_is_final(self, server):
        server.answers = [status(404)]
        assert "answered 404 Not Found" in refusal()
        assert server.requests == 1

    def test_a_hiccup_is_retried(self, server):
        server.answers = [status(503), body(GENUINE[:1000], len(GENUINE)), body(GENUINE)]
        assert load_text("time_machine") == GENUINE.decode()
        assert server.requests == 3

    def test_a_lasting_500_is_reported(self, server):
        server.answers = [status(500)]
        assert "answered 500" in refusal()
        assert server.requests == data.ATTEMPTS

    def test_truncated(self, server):
        server.answers = [body(GENUINE[:-1], len(GENUINE))]
        assert "broke off" in refusal()
        assert server.requests == data.ATTEMPTS

    def test_silent_server(self, server):
        server.answers = [silence]
        start = time.monotonic()
        assert "did not answer in time" in refusal()
        assert time.monotonic() - start < 3

    def test_trickling_server(self, server, monkeypatch):
        monkeypatch.setattr(data, "DEADLINE", 0.2)
        server.answers = [trickle]
        assert "is too slow" in refusal()

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"<html>Welcome to our hotel</html>", "ask you to sign in"),
            (b"", "has 0 bytes instead of 178,979"),
            (b"x" * 1_000_000, "bytes instead of 178,979"),
            (b"x" * 178_979, "its SHA1 is"),
        ],
    )
    def test_wrong_bytes_are_never_kept(self, server, content, said):
        server.answers = [body(content)]
        message = refusal()
        assert said in message
        assert server.requests == 1 and not data.cache_dir().exists()

    def test_wrong_sha256_is_refused(self, server, monkeypatch):
        forged = dataclasses.replace(data.TIME_MACHINE, sha256="0" * 64)
        monkeypatch.setattr(data, "TIME_MACHINE", forged)
        server.answers = [body(GENUINE)]
        assert "its SHA256 is 8424dbd9... instead of 00000000..." in refusal()

    def test_connection_refused(self, monkeypatch):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        point_to(monkeypatch, f"http://127.0.0.1:{port}/timemachine.txt")
        assert "cannot be reached" in refusal()

    def test_no_network(self, monkeypatch):
        point_to(monkeypatch, "http://no-such-host.invalid/timemachine.txt")
        assert "no-such-host.invalid cannot be reached" in refusal()

    def test_cache_that_cannot_be_written(self, server):
        data.cache_dir().parent.mkdir(parents=True)
        data.cache_dir().write_text("a file where the folder should be")
        server.answers = [body(GENUINE)]
        assert "could not be written" in refusal()


@needs_text
class TestDamagedCache:
    @pytest.mark.parametrize("damage", [b"", b"x" * 178_979])
    def test_online_it_is_replaced(self, server, damage):
        cached(damage)
        server.answers = [body(GENUINE)]
        assert locate("time_machine").problem
        assert load_text("time_machine") == GENUINE.decode()
        assert cached().read_bytes() == GENUINE

    def test_offline_it_is_refused(self, monkeypatch):
        cached(GENUINE[:-1])
        point_to(monkeypatch, "http://no-such-host.invalid/timemachine.txt")
        message = refusal()
        assert "the copy in the cache has 178,978 bytes" in message
        assert "cannot be reached" in message
        assert "the copy in the cache" in refusal(download=False)

    def test_wrong_bytes_do_not_replace_it(self, server):
        cached(b"half a text")
        server.answers = [body(b"something else")]
        refusal()
        assert cached().read_bytes() == b"half a text"


@needs_text
def test_processes_racing_for_an_empty_cache(server):
    both_are_downloading = threading.Barrier(2)

    def answer(handler: Handler) -> None:
        both_are_downloading.wait(60)
        body(GENUINE)(handler)

    server.answers = [answer]
    program = (
        "import dataclasses, hashlib, sys; from rnnbook.datasets import _fetch as data;"
        "data.TIME_MACHINE = dataclasses.replace(data.TIME_MACHINE, url=sys.argv[1]);"
        "data.TIMEOUT = (60, 60);"
        "text = data.load_text('time_machine');"
        "print(hashlib.sha256(text.encode()).hexdigest())"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(data.__file__).parents[2])}
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", program, server.url],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for _ in range(2)
    ]
    for racer in racers:
        assert racer.communicate(timeout=60)[0].strip() == TIME_MACHINE.sha256
        assert racer.returncode == 0
    assert server.requests == 2
    assert list(data.cache_dir().iterdir()) == [cached()]
