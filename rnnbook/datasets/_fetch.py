"""The book's two texts: where each comes from, and the proof that it is the right one."""

import hashlib
import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
import requests

NAMES = ("story", "time_machine")
ATTEMPTS = 3
PAUSE = 0.5  # seconds before the second attempt, doubled before each one after
TIMEOUT = (5.0, 10.0)  # seconds to connect, seconds between two pieces of the answer
DEADLINE = 60.0  # seconds for one whole download
_STORY = Path(__file__).with_name("story.txt")


class TextUnavailable(Exception):
    """A text cannot be had, or what was found is not that text; the message says what to do."""


class _NotThisTextError(Exception):
    """These bytes are something else; the message says how one can tell."""


@dataclass(frozen=True)
class RemoteText:
    """A text that is not bundled, with what proves it genuine.

    Args:
        url: where it is downloaded from; the last part of the path is its file name.
        size: length in bytes.
        sha1: SHA-1 in hexadecimal, as the publisher gives it.
        sha256: SHA-256 in hexadecimal, ours, since SHA-1 no longer proves anything by itself.
    """

    url: str
    size: int
    sha1: str
    sha256: str

    @property
    def file_name(self) -> str:
        return self.url.rsplit("/", 1)[-1]

    def verify(self, found: bytes) -> bytes:
        if len(found) != self.size:
            slip = _slip(found, self.size)
            raise _NotThisTextError(f"has {len(found):,} bytes instead of {self.size:,}{slip}")
        for algorithm, expected in (("sha1", self.sha1), ("sha256", self.sha256)):
            actual = hashlib.new(algorithm, found, usedforsecurity=False).hexdigest()
            if actual != expected:
                raise _NotThisTextError(
                    f"has the right length but its {algorithm.upper()} is {actual[:8]}... "
                    f"instead of {expected[:8]}..."
                )
        return found


TIME_MACHINE = RemoteText(
    url="http://d2l-data.s3-accelerate.amazonaws.com/timemachine.txt",
    size=178_979,
    sha1="090b5e7e70c295757f55df93cb0a180b9691891a",
    sha256="8424dbd9532ac81f7e5f0b6add90e6952baea29158309d7d1bf3884f4e12c516",
)


@dataclass(frozen=True)
class Location:
    """Where a text would come from if it were loaded now.

    Args:
        source: ``bundled``, ``RNNBOOK_DATA_DIR``, ``cache`` or ``download``.
        path: the file; for ``download``, where it would be kept.
        problem: why it cannot be loaded from there as it is, or None.
        content: the verified bytes, or None if they are not on this machine.
    """

    source: str
    path: Path
    problem: str | None = None
    content: bytes | None = field(default=None, repr=False)


def load_text(name: str = "story", *, download: bool = True) -> str:
    """Load one of the book's texts.

    ``story`` comes with the package. ``time_machine`` is looked for in the folder named by the
    environment variable ``RNNBOOK_DATA_DIR``, then in the user's cache, then downloaded into that
    cache. Whatever is found is verified before it is returned.

    Args:
        name: ``story`` or ``time_machine``.
        download: whether the network may be used.
    Returns:
        The text, plain ASCII, lines ending in a single newline character.
    Raises:
        ValueError: if there is no text of that name; the message lists the names.
        TextUnavailable: if it cannot be had; the message says what happened and what to do.
    Source: H. G. Wells, The Time Machine (1898), in the copy that d2l publishes.
    """
    content = _obtain(name, download).content
    return content.replace(b"\r\n", b"\n").decode("ascii")


def text_path(name: str, *, download: bool = True) -> Path:
    """Find the verified file behind a text, downloading it first if need be.

    Args:
        name: ``story`` or ``time_machine``.
        download: whether the network may be used.
    Returns:
        The path of a file that has just been verified.
    Raises:
        ValueError: if there is no text of that name.
        TextUnavailable: if it cannot be had.
    """
    return _obtain(name, download).path


def locate(name: str) -> Location:
    """Say where a text would come from, without using the network.

    Args:
        name: ``story`` or ``time_machine``.
    Returns:
        The place, and what is wrong there if anything is.
    Raises:
        ValueError: if there is no text of that name; the message lists the names.
    """
    if name not in NAMES:
        raise ValueError(f"no text is called {name!r}: the book has {' and '.join(NAMES)}")
    if name == "story":
        return _read("bundled", _STORY, None) or Location("bundled", _STORY, "is missing")
    folder, file_name = _data_dir(), TIME_MACHINE.file_name
    path = cache_dir() / file_name
    own = _read("RNNBOOK_DATA_DIR", folder / file_name, TIME_MACHINE) if folder else None
    return own or _read("cache", path, TIME_MACHINE) or Location("download", path)


def cache_dir() -> Path:
    """Name the folder in which downloaded texts are kept.

    Returns:
        A folder of the current user; it need not exist yet.
    """
    return Path(platformdirs.user_cache_dir("rnnbook", appauthor=False))


def _obtain(name: str, download: bool) -> Location:
    where = locate(name)
    if where.content is not None:
        return where
    if where.source == "bundled":
        raise TextUnavailable(
            f"The story that comes with the book {where.problem}: {where.path}. "
            "Install rnnbook again."
        )
    if where.source == "RNNBOOK_DATA_DIR":
        raise _unavailable(
            f"{where.path}, found through RNNBOOK_DATA_DIR, {where.problem}. "
            "The file is yours and was left as it is: replace it, or remove it."
        )
    happened = [f"the copy in the cache {where.problem}"] if where.problem else []
    happened += _why_not_in_data_dir()
    if not download:
        raise _unavailable("; ".join([*happened, "it may not be downloaded now"]) + ".")
    try:
        content = _download(TIME_MACHINE)
        _keep(content, where.path)
    except (requests.RequestException, _NotThisTextError, OSError) as error:
        raise _unavailable("; ".join([*happened, _explain(error)]) + ".") from error
    return Location("cache", where.path, content=content)


def _data_dir() -> Path | None:
    folder = os.environ.get("RNNBOOK_DATA_DIR", "").strip()
    return Path(folder).expanduser() if folder else None


def _why_not_in_data_dir() -> list[str]:
    folder = _data_dir()
    if folder is None:
        return []
    missing = f"no {TIME_MACHINE.file_name} in it" if folder.is_dir() else "no such folder"
    return [f"RNNBOOK_DATA_DIR is {folder}, but there is {missing}"]


def _read(source: str, path: Path, expected: RemoteText | None) -> Location | None:
    try:
        content = path.read_bytes()
        if expected is not None:
            expected.verify(content)
    except _NotThisTextError as error:
        return Location(source, path, str(error))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return Location(source, path, f"cannot be read ({error.strerror})")
    return Location(source, path, content=content)


def _slip(found: bytes, size: int) -> str:
    if len(found.replace(b"\r\n", b"\n")) == size:
        return " (its line endings were changed to Windows ones: copy it as a binary file)"
    if found.lstrip()[:1] == b"<":
        return " (it looks like a web page: does this network ask you to sign in?)"
    return ""


def _download(text: RemoteText) -> bytes:
    # urllib3's own Retry would not do: it never repeats a request whose body broke off half-way.
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return text.verify(_fetch(text))
        except requests.RequestException as error:
            if attempt == ATTEMPTS or _is_final(error):
                raise
            time.sleep(PAUSE * 2 ** (attempt - 1))
    raise AssertionError("unreachable: the last attempt returns or raises")


def _is_final(error: requests.RequestException) -> bool:
    refused = error.response is not None and error.response.status_code < 500
    return refused or isinstance(error, requests.Timeout)


def _fetch(text: RemoteText) -> bytes:
    stop = time.monotonic() + DEADLINE
    body = bytearray()
    with requests.get(text.url, timeout=TIMEOUT, stream=True) as response:
        response.raise_for_status()
        for piece in response.iter_content(1024):
            body += piece
            if len(body) > text.size:
                break
            if time.monotonic() > stop:
                raise requests.Timeout(f"no more than {len(body):,} bytes in {DEADLINE:g} s")
    return bytes(body)


def _keep(found: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(found)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        # Windows refuses to replace a file that another process is just reading: then that
        # process has put the same text there, and there is nothing left to do.
        kept = _read("cache", path, TIME_MACHINE)
        if kept is None or kept.content is None:
            raise


def _explain(error: Exception) -> str:
    host = urlsplit(TIME_MACHINE.url).netloc
    match error:
        case _NotThisTextError():
            return f"what {host} sent {error}"
        case requests.HTTPError():
            return f"{host} answered {error.response.status_code} {error.response.reason}"
        case requests.ConnectTimeout() | requests.ReadTimeout():
            return f"{host} did not answer in time"
        case requests.Timeout():
            return f"{host} is too slow: {error}"
        case requests.ConnectionError():
            return f"{host} cannot be reached or fell silent (no network? a firewall?)"
        case requests.RequestException():
            return f"the answer of {host} broke off or was garbled ({type(error).__name__})"
        case _:
            return f"the download could not be written to {cache_dir()} ({error})"


def _unavailable(happened: str) -> TextUnavailable:
    name, folder = TIME_MACHINE.file_name, cache_dir()
    return TextUnavailable(
        f"The Time Machine is not available: {happened}\n"
        "Three ways to get it:\n"
        f"  1. put {name} ({TIME_MACHINE.size:,} bytes) into a folder of yours and set "
        "RNNBOOK_DATA_DIR to that folder before starting;\n"
        f"  2. copy it to {folder / name};\n"
        f"  3. go online and try again: it is downloaded once, from {TIME_MACHINE.url}\n"
        'Everything but the classic run works without it, on load_text("story").'
    )
