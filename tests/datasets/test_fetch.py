"""Files from the network: verified, cached, and with one clear error when they cannot be had."""

import dataclasses
import hashlib
import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pooch
import pytest

from rnnbook.datasets import _fetch
from rnnbook.datasets._fetch import RemoteFile, TextUnavailable, cache_dir, locate, obtain

GENUINE = "".join(f"Line {n} of a text that nobody wrote.\n" for n in range(5000)).encode()
SIZE = f"{len(GENUINE):,}"
SHA256 = hashlib.sha256(GENUINE).hexdigest()
WAYS = ("RNNBOOK_DATA_DIR", "copy it to", "go online and try again")
PROGRAM = """
import hashlib, sys
from rnnbook.datasets import _fetch
_fetch.TIMEOUT = (60, 60)
url, size, sha1, sha256 = sys.argv[1:]
file = _fetch.RemoteFile(url, int(size), sha1, sha256, "The Text", "nothing")
print(hashlib.sha256(_fetch.obtain(file).content).hexdigest())
"""


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
        return f"http://127.0.0.1:{self.server_port}/folder/text.txt"


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
    handler.send_header("Content-Length", str(len(GENUINE)))
    handler.end_headers()
    while not handler.server.stop.wait(0.02):
        try:
            handler.wfile.write(b"x" * 1024)
        except OSError:
            return


def remote(url: str) -> RemoteFile:
    sha1 = hashlib.sha1(GENUINE).hexdigest()
    return RemoteFile(url, len(GENUINE), sha1, SHA256, "The Text", "chapter 0")


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch) -> Path:
    """A machine without the file: empty cache, no data folder, no proxy, short patience."""
    for name in ("RNNBOOK_DATA_DIR", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setattr(pooch.core, "time", SimpleNamespace(sleep=lambda seconds: None))
    monkeypatch.setattr(_fetch, "TIMEOUT", (0.5, 0.5))
    return tmp_path


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.stop.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def file(server) -> RemoteFile:
    """A file of which the server holds the genuine copy."""
    server.answers = [body(GENUINE)]
    return remote(server.url)


def cached(content: bytes | None = None) -> Path:
    path = cache_dir() / "text.txt"
    if content is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return path


def refusal(file: RemoteFile, **options) -> str:
    with pytest.raises(TextUnavailable) as caught:
        obtain(file, **options)
    message = str(caught.value)
    assert message.startswith("The Text is not available: ")
    assert "Everything but chapter 0 works without it" in message
    for way in (*WAYS, str(cached())):
        assert way in message
    return message


def test_cache_is_the_tests_own(machine):
    assert machine in cache_dir().parents


def test_the_name_and_the_host_are_those_of_the_address():
    file = remote("https://example.org:8080/folder/text.txt")
    assert (file.name, file.host) == ("text.txt", "example.org:8080")


class TestDataFolder:
    @pytest.fixture
    def folder(self, machine, monkeypatch) -> Path:
        monkeypatch.setenv("RNNBOOK_DATA_DIR", str(machine / "mine"))
        (machine / "mine").mkdir()
        return machine / "mine"

    def test_comes_first(self, folder, file, server):
        (folder / "text.txt").write_bytes(GENUINE)
        cached(b"damaged")
        found = obtain(file)
        assert (found.content, found.path) == (GENUINE, folder / "text.txt")
        assert locate(file).source == found.source == "RNNBOOK_DATA_DIR"
        assert server.requests == 0

    @pytest.mark.parametrize("content", [b"", b"something else", b"x" * len(GENUINE)])
    def test_wrong_file_is_refused_and_left_alone(self, folder, file, server, content):
        own = folder / "text.txt"
        own.write_bytes(content)
        message = refusal(file)
        assert str(own) in message and "left as it is" in message
        assert own.read_bytes() == content and server.requests == 0
        assert locate(file).problem

    def test_windows_line_endings_are_recognised(self, folder, file):
        (folder / "text.txt").write_bytes(GENUINE.replace(b"\n", b"\r\n"))
        assert "line endings" in refusal(file)

    def test_a_folder_of_that_name_is_refused(self, folder, file):
        (folder / "text.txt").mkdir()
        assert "cannot be read" in refusal(file)

    def test_without_the_file_the_next_source_is_used(self, folder, file, server):
        assert obtain(file).content == GENUINE
        assert server.requests == 1 and not list(folder.iterdir())

    def test_without_the_file_the_error_says_so(self, folder, file, monkeypatch):
        assert "no text.txt in it" in refusal(file, download=False)
        monkeypatch.setenv("RNNBOOK_DATA_DIR", str(folder / "typo"))
        assert "no such folder" in refusal(file, download=False)

    def test_home_is_understood(self, folder, file, monkeypatch):
        monkeypatch.setenv("HOME", str(folder))
        monkeypatch.setenv("USERPROFILE", str(folder))
        monkeypatch.setenv("RNNBOOK_DATA_DIR", "~")
        (folder / "text.txt").write_bytes(GENUINE)
        assert obtain(file).path == folder / "text.txt"


class TestDownload:
    def test_once_then_the_network_is_not_needed(self, file, server, capfd):
        server.answers = [body(GENUINE), status(500)]
        assert locate(file).source == "download"
        assert obtain(file).content == GENUINE
        assert obtain(file, download=False).content == GENUINE
        assert server.requests == 1
        assert locate(file).source == "cache"
        assert list(cache_dir().iterdir()) == [cached()]
        assert capfd.readouterr() == ("", "")

    def test_poochs_own_reports_come_back_afterwards(self, file):
        level = pooch.get_logger().level
        obtain(file)
        assert pooch.get_logger().level == level

    def test_not_allowed(self, file, server):
        assert "may not be downloaded" in refusal(file, download=False)
        assert server.requests == 0

    def test_404_is_final(self, file, server):
        server.answers = [status(404)]
        assert "answered 404 Not Found" in refusal(file)
        assert server.requests == 1

    def test_a_hiccup_is_retried(self, file, server):
        server.answers = [status(503), body(GENUINE[:1000], len(GENUINE)), body(GENUINE)]
        assert obtain(file).content == GENUINE
        assert server.requests == 3

    def test_a_lasting_500_is_reported(self, file, server):
        server.answers = [status(500)]
        assert "answered 500" in refusal(file)
        assert server.requests == _fetch.ATTEMPTS

    def test_truncated(self, file, server):
        server.answers = [body(GENUINE[:-1], len(GENUINE))]
        assert "broke off" in refusal(file)
        assert server.requests == _fetch.ATTEMPTS

    def test_silent_server(self, file, server):
        server.answers = [silence]
        start = time.monotonic()
        assert "did not answer in time" in refusal(file)
        assert time.monotonic() - start < 3

    def test_trickling_server(self, file, server, monkeypatch):
        monkeypatch.setattr(_fetch, "DEADLINE", 0.2)
        server.answers = [trickle]
        assert "is too slow: no more than" in refusal(file)
        assert server.requests == 1

    def test_the_deadline_is_one_for_all_attempts(self, file, server, monkeypatch):
        monkeypatch.setattr(_fetch, "DEADLINE", 0.3)

        def broken_off(handler: Handler) -> None:
            time.sleep(0.4)
            body(GENUINE[:10], len(GENUINE))(handler)

        server.answers = [broken_off]
        assert "broke off" in refusal(file)
        assert server.requests == 1

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"<html>Welcome to our hotel</html>", "ask you to sign in"),
            (b"", f"has 0 bytes instead of {SIZE}"),
            (b"x" * 1_000_000, f"bytes instead of {SIZE}"),
            (b"x" * len(GENUINE), "its SHA1 is"),
        ],
    )
    def test_wrong_bytes_are_never_kept(self, file, server, content, said):
        server.answers = [body(content)]
        message = refusal(file)
        assert said in message
        assert server.requests == 1 and not list(cache_dir().iterdir())

    def test_no_more_is_read_than_the_file_can_hold(self, file, server):
        server.answers = [body(b"x" * 100_000_000)]
        held = int(refusal(file).split("sent has ")[1].split(" bytes")[0].replace(",", ""))
        assert len(GENUINE) < held <= len(GENUINE) + 1024

    def test_wrong_sha256_is_refused(self, file, server):
        forged = dataclasses.replace(file, sha256="0" * 64)
        assert f"its SHA256 is {SHA256[:8]}... instead of 00000000..." in refusal(forged)
        assert server.requests == 1 and not list(cache_dir().iterdir())

    def test_connection_refused(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        assert "cannot be reached" in refusal(remote(f"http://127.0.0.1:{port}/text.txt"))

    def test_no_network(self):
        message = refusal(remote("http://no-such-host.invalid/text.txt"))
        assert "no-such-host.invalid cannot be reached" in message

    def test_cache_that_cannot_be_written(self, file):
        cache_dir().parent.mkdir(parents=True)
        cache_dir().write_text("a file where the folder should be")
        assert "could not be written" in refusal(file)

    def test_cache_that_may_not_be_written_is_said_in_plain_words(self, file, monkeypatch):
        def forbidden(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied", str(cache_dir()))

        monkeypatch.setattr(os, "makedirs", forbidden)
        message = refusal(file)
        assert f"could not be written to {cache_dir()} ([Errno 13] Permission denied" in message
        assert "Pooch" not in message

    def test_a_disk_that_is_full(self, file, monkeypatch):
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(shutil, "move", full)
        assert "No space left on device" in refusal(file)
        assert not list(cache_dir().iterdir())


class TestCache:
    @pytest.mark.parametrize("damage", [b"", b"x" * len(GENUINE)])
    def test_damaged_it_is_replaced_online(self, file, damage):
        cached(damage)
        assert locate(file).problem
        assert obtain(file).content == GENUINE
        assert cached().read_bytes() == GENUINE

    def test_damaged_it_is_refused_offline(self):
        cached(GENUINE[:-1])
        file = remote("http://no-such-host.invalid/text.txt")
        message = refusal(file)
        assert f"the copy in the cache has {len(GENUINE) - 1:,} bytes" in message
        assert "cannot be reached" in message
        assert "the copy in the cache" in refusal(file, download=False)

    def test_wrong_bytes_do_not_replace_it(self, file, server):
        cached(b"half a text")
        server.answers = [body(b"something else")]
        refusal(file)
        assert cached().read_bytes() == b"half a text"
        assert list(cache_dir().iterdir()) == [cached()]

    def test_one_that_another_process_filled_meanwhile_is_used(self, file, monkeypatch):
        def taken(*_: object) -> None:
            cached(GENUINE)
            raise PermissionError(13, "used by another process")

        monkeypatch.setattr(shutil, "move", taken)
        found = obtain(file)
        assert (found.source, found.content) == ("cache", GENUINE)

    def test_processes_racing_for_an_empty_one(self, file, server):
        both_are_downloading = threading.Barrier(2)

        def answer(handler: Handler) -> None:
            both_are_downloading.wait(60)
            body(GENUINE)(handler)

        server.answers = [answer]
        arguments = [file.url, str(file.size), file.sha1, file.sha256]
        environment = os.environ | {"PYTHONPATH": str(Path(_fetch.__file__).parents[2])}
        racers = [
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM, *arguments],
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
            )
            for _ in range(2)
        ]
        for racer in racers:
            assert racer.communicate(timeout=60)[0].strip() == SHA256
            assert racer.returncode == 0
        assert server.requests == 2
        assert list(cache_dir().iterdir()) == [cached()]
