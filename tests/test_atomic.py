"""rnnbook.atomic: the old content or the new one, and never a half."""

import os
import sys
from pathlib import Path

import pytest

from rnnbook.atomic import write_atomically

OLD, NEW = b"old", b"new\r\n\x00"


def names(folder: Path) -> list[str]:
    """Return what lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_byte_for_byte_and_its_folder_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file.bin"
    write_atomically(path, NEW)
    assert path.read_bytes() == NEW and names(path.parent) == ["file.bin"]


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD * 1000)
    write_atomically(path, NEW)
    assert path.read_bytes() == NEW and names(tmp_path) == ["file"]


@pytest.mark.parametrize("step", ["fsync", "chmod", "replace"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_an_interruption_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException
) -> None:
    def stop(*_: object) -> None:
        raise error

    path = tmp_path / "file"
    path.write_bytes(OLD)
    monkeypatch.setattr(os if step == "fsync" else Path, step, stop)
    with pytest.raises(type(error)):
        write_atomically(path, NEW)
    assert path.read_bytes() == OLD and names(tmp_path) == ["file"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_permissions_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    path.chmod(0o640)
    write_atomically(path, NEW)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_folder_in_its_place_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError):
        write_atomically(tmp_path / "taken", NEW)
    assert names(tmp_path) == ["taken"]
