"""Writing a file whole or not at all: the one way in which the book puts anything on disk."""

import os
import secrets
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file's content, so that an interruption leaves either the old or the new one.

    Args:
        path: the file; its folder is made if need be, and its permissions are kept.
        content: what it shall hold.
    Raises:
        OSError: if it cannot be written; whatever was there is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            partial.chmod(path.stat().st_mode)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
