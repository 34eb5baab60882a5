"""The Time Machine, the text of the classic tutorials: the one thing that the book downloads."""

from pathlib import Path

from rnnbook.datasets._fetch import Location, RemoteFile, TextUnavailable, locate, obtain

__all__ = [
    "TIME_MACHINE",
    "TextUnavailable",
    "locate_time_machine",
    "time_machine",
    "time_machine_path",
]

TIME_MACHINE = RemoteFile(
    url="http://d2l-data.s3-accelerate.amazonaws.com/timemachine.txt",
    size=178_979,
    sha1="090b5e7e70c295757f55df93cb0a180b9691891a",
    sha256="8424dbd9532ac81f7e5f0b6add90e6952baea29158309d7d1bf3884f4e12c516",
    title="The Time Machine",
    needed_for="the classic run",
)


def time_machine(*, download: bool = True) -> str:
    """Load The Time Machine.

    It is looked for in the folder named by the environment variable ``RNNBOOK_DATA_DIR``, then in
    the user's cache, then downloaded into that cache. Whatever is found is verified before it is
    returned.

    Args:
        download: whether the network may be used.
    Returns:
        The text, plain ASCII, lines ending in a single newline character.
    Raises:
        TextUnavailable: if it cannot be had; the message says what happened and what to do.
    Source: H. G. Wells, The Time Machine (1898), in the copy that d2l publishes. Chapter 5b.
    """
    return (obtain(TIME_MACHINE, download=download).content or b"").decode("ascii")


def time_machine_path(*, download: bool = True) -> Path:
    """Find the verified file of The Time Machine, downloading it first if need be.

    Args:
        download: whether the network may be used.
    Returns:
        The path of a file that has just been verified.
    Raises:
        TextUnavailable: if it cannot be had.
    """
    return obtain(TIME_MACHINE, download=download).path


def locate_time_machine() -> Location:
    """Say where The Time Machine would come from, without using the network.

    Returns:
        The place, and what is wrong there if anything is.
    """
    return locate(TIME_MACHINE)
