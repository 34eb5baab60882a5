"""Files that are not bundled: found on this machine or downloaded with pooch, and always verified.

Pooch downloads to a temporary file beside the cache's own, verifies it, puts it in its place in one
step, and repeats what failed by bad luck. Ours are the reader's folder, a deadline and a limit of
size for the download, and messages that say what to do.
"""

import hashlib
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
import pooch
import requests

DATA_DIR = "RNNBOOK_DATA_DIR"  # the environment variable that names a folder of the reader's
ATTEMPTS = 3
TIMEOUT = (5.0, 10.0)  # seconds to connect, seconds between two pieces of the answer
DEADLINE = 60.0  # seconds for all attempts together


class TextUnavailable(Exception):
    """A text cannot be had, or what was found is not that text; the message says what to do."""


class _Final(Exception):
    """A failure that another attempt would not mend; the message says what happened."""


@dataclass(frozen=True)
class RemoteFile:
    """A file that is not bundled, with what proves it genuine.

    Args:
        url: where it is downloaded from; the last part of the path is its file name.
        size: length in bytes.
        sha1: SHA-1 in hexadecimal, as the publisher gives it.
        sha256: SHA-256 in hexadecimal, ours, since SHA-1 no longer proves anything by itself.
        title: what messages call it.
        needed_for: the part of the book that does not work without it.
    Example:
        >>> RemoteFile("https://example.org/a/b.txt", 1, "", "", "B", "nothing").name
        'b.txt'
    """

    url: str
    size: int
    sha1: str
    sha256: str
    title: str
    needed_for: str

    @property
    def name(self) -> str:
        """The name under which it is kept."""
        return self.url.rsplit("/", 1)[-1]

    @property
    def host(self) -> str:
        """The machine that it is downloaded from."""
        return urlsplit(self.url).netloc

    def difference(self, found: bytes) -> str | None:
        """Say how some bytes can be told from the genuine ones.

        Args:
            found: the bytes.
        Returns:
            What is wrong with them, to be put behind a subject; None if they are genuine.
        """
        if len(found) != self.size:
            return f"has {len(found):,} bytes instead of {self.size:,}{_slip(found, self.size)}"
        for algorithm, expected in (("sha1", self.sha1), ("sha256", self.sha256)):
            actual = hashlib.new(algorithm, found, usedforsecurity=False).hexdigest()
            if actual != expected:
                return (
                    f"has the right length but its {algorithm.upper()} is {actual[:8]}... "
                    f"instead of {expected[:8]}..."
                )
        return None


@dataclass(frozen=True)
class Location:
    """Where a file would come from if it were asked for now.

    Args:
        source: ``RNNBOOK_DATA_DIR``, ``cache`` or ``download``.
        path: the file; for ``download``, where it would be kept.
        problem: why it cannot be used as it is, or None.
        content: the verified bytes, or None if they are not on this machine.
    """

    source: str
    path: Path
    problem: str | None = None
    content: bytes | None = field(default=None, repr=False)


def cache_dir() -> Path:
    """Name the folder in which downloads are kept.

    Returns:
        A folder of the current user; it need not exist yet.
    """
    # Not pooch.os_cache, which on Windows would name another folder than the book always has.
    return Path(platformdirs.user_cache_dir("rnnbook", appauthor=False))


def locate(file: RemoteFile) -> Location:
    """Say where a file would come from, without using the network.

    Args:
        file: the file.
    Returns:
        The place, and what is wrong there if anything is.
    """
    folder, cached = _data_dir(), cache_dir() / file.name
    own = _read(DATA_DIR, folder / file.name, file) if folder else None
    return own or _read("cache", cached, file) or Location("download", cached)


def obtain(file: RemoteFile, *, download: bool = True) -> Location:
    """Find a file in the reader's folder or the cache, or download it into the cache.

    Args:
        file: the file.
        download: whether the network may be used.
    Returns:
        Where it lies, with its content.
    Raises:
        TextUnavailable: if it cannot be had; the message says what happened and what to do.
    """
    where = locate(file)
    if where.content is not None:
        return where
    if where.source == DATA_DIR:
        raise _unavailable(
            file,
            f"{where.path}, found through {DATA_DIR}, {where.problem}. "
            "The file is yours and was left as it is: replace it, or remove it.",
        )
    happened = [f"the copy in the cache {where.problem}"] if where.problem else []
    happened += _why_not_in_data_dir(file)
    if not download:
        raise _unavailable(file, "; ".join([*happened, "it may not be downloaded now"]) + ".")
    try:
        content = _download(file, where.path)
    except (_Final, OSError) as error:  # requests' errors are OSErrors too
        # Windows refuses to replace a file that another process is just reading: then that
        # process has put the same file there, and there is nothing left to do.
        kept = _read("cache", where.path, file)
        if kept is not None and kept.content is not None:
            return kept
        reason = "; ".join([*happened, _explain(error, file)])
        raise _unavailable(file, f"{reason}.") from error
    return Location("cache", where.path, content=content)


def _data_dir() -> Path | None:
    folder = os.environ.get(DATA_DIR, "").strip()
    return Path(folder).expanduser() if folder else None


def _why_not_in_data_dir(file: RemoteFile) -> list[str]:
    folder = _data_dir()
    if folder is None:
        return []
    missing = f"no {file.name} in it" if folder.is_dir() else "no such folder"
    return [f"{DATA_DIR} is {folder}, but there is {missing}"]


def _read(source: str, path: Path, file: RemoteFile) -> Location | None:
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return Location(source, path, f"cannot be read ({error.strerror})")
    problem = file.difference(content)
    return Location(source, path, problem) if problem else Location(source, path, content=content)


def _slip(found: bytes, size: int) -> str:
    if len(found.replace(b"\r\n", b"\n")) == size:
        return " (its line endings were changed to Windows ones: copy it as a binary file)"
    if found.lstrip()[:1] == b"<":
        return " (it looks like a web page: does this network ask you to sign in?)"
    return ""


@dataclass
class _Downloader:
    """Fetches a file for pooch, until a time on the monotonic clock."""

    file: RemoteFile
    stop: float

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        try:
            content = self._body(url)
        except requests.RequestException as error:
            # Pooch would repeat any error of requests.
            if _is_final(error) or time.monotonic() > self.stop:
                raise _Final(_explain(error, self.file)) from error
            raise
        if problem := self.file.difference(content):
            raise _Final(f"what {self.file.host} sent {problem}")
        Path(output_file).write_bytes(content)

    def _body(self, url: str) -> bytes:
        body = bytearray()
        with requests.get(url, timeout=TIMEOUT, stream=True) as response:
            response.raise_for_status()
            for piece in response.iter_content(1024):
                body += piece
                if len(body) > self.file.size:
                    break
                if time.monotonic() > self.stop:
                    raise requests.Timeout(f"no more than {len(body):,} bytes in {DEADLINE:g} s")
        return bytes(body)


def _download(file: RemoteFile, path: Path) -> bytes:
    store = pooch.create(
        path=path.parent,
        base_url="",
        registry={file.name: f"sha256:{file.sha256}"},
        urls={file.name: file.url},
        retry_if_failed=ATTEMPTS - 1,
    )
    with _quiet(pooch.get_logger()):
        store.fetch(path.name, downloader=_Downloader(file, time.monotonic() + DEADLINE))
    return path.read_bytes()


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep progress reports off stderr, where a notebook shows them like warnings."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _is_final(error: requests.RequestException) -> bool:
    refused = error.response is not None and error.response.status_code < 500
    return refused or isinstance(error, requests.Timeout)


def _explain(error: Exception, file: RemoteFile) -> str:
    match error:
        case _Final():
            return str(error)
        case requests.HTTPError():
            return f"{file.host} answered {error.response.status_code} {error.response.reason}"
        case requests.ConnectTimeout() | requests.ReadTimeout():
            return f"{file.host} did not answer in time"
        case requests.Timeout():
            return f"{file.host} is too slow: {error}"
        case requests.ConnectionError():
            return f"{file.host} cannot be reached or fell silent (no network? a firewall?)"
        case requests.RequestException():
            return f"the answer of {file.host} broke off or was garbled ({type(error).__name__})"
        case _:
            # Where pooch adds its own words to an error, the plain one is its cause.
            return (
                f"the download could not be written to {cache_dir()} ({error.__cause__ or error})"
            )


def _unavailable(file: RemoteFile, happened: str) -> TextUnavailable:
    return TextUnavailable(
        f"{file.title} is not available: {happened}\n"
        "Three ways to get it:\n"
        f"  1. put {file.name} ({file.size:,} bytes) into a folder of yours and set "
        f"{DATA_DIR} to that folder before starting;\n"
        f"  2. copy it to {cache_dir() / file.name};\n"
        f"  3. go online and try again: it is downloaded once, from {file.url}\n"
        f"Everything but {file.needed_for} works without it, on the story that comes with the book."
    )
