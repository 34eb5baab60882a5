"""The reader's own copy of the chapters: kept up to date, and their work never lost.

Every version handed out is remembered by its hashes in a manifest inside the copy, so that each
file there is one of four things:

* *as handed out*, byte for byte: replaced when the original has changed;
* *run but not edited*: the same cells with other outputs. Running a chapter is reading it, so it
  is replaced by a new version too, but outputs can be hours of training: the notebook as the
  reader left it is first put into the folder ``earlier runs``;
* *edited*: kept as it is, and a new version is put beside it under a name of its own;
* *the reader's own*, or left over from a chapter the book no longer has: not touched.

What counts as an edit is a change of the cells: their kinds, texts, attachments and order. Empty
cells do not count, since JupyterLab adds one whenever the last cell is run. A file that the
manifest does not know, all of them if it is lost, counts as edited unless it equals the original.
"""

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from rnnbook.atomic import write_atomically

MANIFEST = ".rnnbook.json"
EARLIER_RUNS = "earlier runs"
LEFTOVER_SECONDS = 600.0
_MANIFEST_VERSION = 1


class Change(NamedTuple):
    """What became of one file of the copy.

    Args:
        path: the file, relative to the copy.
        what: ``added``, ``restored``, ``unchanged``, ``updated``, ``kept`` (edited, so left alone),
            ``unreadable`` (left alone) or ``retired`` (no longer in the book, left alone).
        other: for ``updated``, where the reader's run of the earlier version is; for ``kept``,
            where the new version is; relative to the copy, None if there is nothing to tell.
    """

    path: Path
    what: str
    other: Path | None = None

    def __str__(self) -> str:
        match self.what, self.other:
            case "updated", Path():
                told = f'updated; the one you had run is now "{self.other}"'
            case "kept", Path():
                told = f'you edited it, so it stays; the new version is beside it: "{self.other}"'
            case "kept", None:
                told = "you edited it, so it stays"
            case "retired", None:
                told = "no longer in the book; your copy stays"
            case "unreadable", None:
                told = "it could not be read, so it stays as it is; the others are up to date"
            case "restored", None:
                told = "it was gone; a fresh copy is back"
            case _:
                told = self.what
        return f"{self.path}: {told}"


class _Version(NamedTuple):
    raw: str  # SHA-256 of the file
    cells: str  # SHA-256 of what a reader can edit in it; for other files that is all of it
    shown: str = ""  # SHA-256 of the cells with their outputs: opening a notebook changes neither


def find_chapters() -> Path | None:
    """Find the book's chapters, beside the package or in the current folder.

    Returns:
        The folder of the original notebooks, or None where only the package is installed.
    """
    for root in (Path(__file__).resolve().parents[2], Path.cwd()):
        # The package beside it tells the book's folder from any other one called chapters.
        if (root / "rnnbook").is_dir() and any((root / "chapters").glob("*.ipynb")):
            return root / "chapters"
    return None


def for_this_python(notebook: bytes) -> bytes:
    """Return a notebook with the metadata that JupyterLab would write when it opens it here.

    Without them, a chapter that was only opened would count as changed.

    Args:
        notebook: the file's content.
    Returns:
        The same notebook with this Python's kernel and language; as it is if it cannot be read, or
        ipykernel is not installed.
    """
    try:
        from ipykernel.ipkernel import IPythonKernel
        from ipykernel.kernelspec import get_kernel_dict

        book = json.loads(notebook)
        kernel = get_kernel_dict()
        book["metadata"]["kernelspec"] = {
            "display_name": kernel["display_name"], "language": "python", "name": "python3",
        }  # fmt: skip
        book["metadata"]["language_info"] = dict(IPythonKernel.language_info)
    except (ImportError, ValueError, KeyError, TypeError):
        return notebook
    return (json.dumps(book, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def refresh(
    originals: Path, copy: Path, adapt: Callable[[bytes], bytes] = lambda content: content
) -> list[Change]:
    """Create the reader's copy of the chapters, or bring it up to date without losing anything.

    Args:
        originals: the folder of chapters, with whatever lies beside them. Never written to.
        copy: the reader's folder, created if need be. Put it beside the originals, so that links
            such as ``../book/references.md`` lead to the same place from both.
        adapt: what to do to each notebook before it is handed out.
    Returns:
        One change for each file, in the order of the originals, retired ones last.
    Raises:
        FileNotFoundError: if there are no notebooks in ``originals``.
        ValueError: if one folder lies inside the other.
        OSError: if a file cannot be read or written.
    """
    originals, copy = originals.resolve(), copy.resolve()
    if originals == copy or originals in copy.parents or copy in originals.parents:
        raise ValueError(
            f"the copy ({copy}) and the originals ({originals}) must be two folders, neither "
            "inside the other"
        )
    files = list(_files(originals))
    if not any(file.suffix == ".ipynb" for file in files):
        raise FileNotFoundError(f"no chapters (*.ipynb) in {originals}")
    copy.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(copy)
    handed = _load_manifest(copy)
    before = {name: list(versions) for name, versions in handed.items()}
    changes = []
    for file in files:
        versions = handed.setdefault(file.as_posix(), [])
        changes.append(_refresh_one(originals, copy, file, versions, adapt))
    known = (Path(name) for name in handed)
    retired = [file for file in known if file not in files and (copy / file).is_file()]
    if handed != before:
        _save_manifest(copy, handed)
    return changes + [Change(file, "retired") for file in retired]


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        file = path.relative_to(folder)
        hidden = any(part.startswith((".", "__pycache__")) for part in file.parts)
        if path.is_file() and not hidden:
            yield file


def _refresh_one(
    originals: Path,
    copy: Path,
    file: Path,
    handed: list[_Version],
    adapt: Callable[[bytes], bytes],
) -> Change:
    try:
        content = (originals / file).read_bytes()
        if file.suffix == ".ipynb":
            content = adapt(content)
        if (copy / file).is_file():
            (copy / file).read_bytes()
    except PermissionError:
        return Change(file, "unreadable")
    new = _version(content, file)
    change = _apply(copy, file, content, new, handed)
    if new not in handed:
        handed.append(new)
    return change


def _apply(copy: Path, file: Path, content: bytes, new: _Version, handed: list[_Version]) -> Change:
    target = copy / file
    if not os.path.lexists(target):
        write_atomically(target, content)
        return Change(file, "restored" if handed else "added")
    own = _read_own(target)
    current = None if own is None else _version(own, file)
    if current is not None:
        as_handed = _is_one_of(current, handed)
        if current.raw == new.raw or (current.cells == new.cells and not as_handed):
            return Change(file, "unchanged")
        if as_handed and current.shown == new.shown:
            return Change(file, "unchanged")
        if as_handed:
            write_atomically(target, content)
            return Change(file, "updated")
        if _knows(handed, current):
            run = _put_beside(copy, Path(EARLIER_RUNS) / file, "run", own, replaceable=[current])
            write_atomically(target, content)
            return Change(file, "updated", run)
    if _knows(handed, new):
        return Change(file, "kept")
    beside = _put_beside(copy, file, "new version", content, replaceable=[*handed, new])
    return Change(file, "kept", beside)


def _is_one_of(version: _Version, versions: Iterable[_Version]) -> bool:
    """Say whether a file is one of those, byte for byte or but for what opening it changes."""
    return any(
        version.raw == other.raw or (version.shown and version.shown == other.shown)
        for other in versions
    )


def _knows(handed: Iterable[_Version], version: _Version) -> bool:
    return any(version.cells == earlier.cells for earlier in handed)


def _read_own(target: Path) -> bytes | None:
    # A link or a folder under this name is the reader's arrangement, as good as an edit.
    if target.is_symlink() or not target.is_file():
        return None
    return target.read_bytes()


def _put_beside(
    copy: Path, file: Path, label: str, content: bytes, replaceable: list[_Version]
) -> Path:
    for name in _names(file, label):
        target = copy / name
        taken = os.path.lexists(target)
        own = _read_own(target) if taken else None
        if not taken or (own is not None and _is_one_of(_version(own, name), replaceable)):
            write_atomically(target, content)
            return name
    raise AssertionError("unreachable: there is always one more name")


def _names(file: Path, label: str) -> Iterator[Path]:
    yield file.with_name(f"{file.stem} ({label}){file.suffix}")
    number = 2
    while True:
        yield file.with_name(f"{file.stem} ({label} {number}){file.suffix}")
        number += 1


def _version(content: bytes, file: Path) -> _Version:
    raw = hashlib.sha256(content).hexdigest()
    if file.suffix != ".ipynb":
        return _Version(raw, raw, raw)
    try:
        cells = [
            [cell["cell_type"], "".join(cell["source"]), cell.get("attachments", {})]
            for cell in json.loads(content)["cells"]
        ]
        outputs = [cell.get("outputs", []) for cell in json.loads(content)["cells"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return _Version(raw, raw, raw)
    written = json.dumps([cell for cell in cells if cell[1].strip()], sort_keys=True)
    shown = json.dumps([cells, outputs], sort_keys=True)
    return _Version(raw, *(hashlib.sha256(t.encode()).hexdigest() for t in (written, shown)))


def _remove_leftovers(copy: Path) -> None:
    """Remove what a killed refresh has left half written; not what another is just writing."""
    for path in copy.rglob(".*.tmp"):
        old = time.time() - path.stat().st_mtime > LEFTOVER_SECONDS
        if old and re.fullmatch(r"\.[0-9a-f]{16}\.tmp", path.name):
            path.unlink(missing_ok=True)


def _load_manifest(copy: Path) -> dict[str, list[_Version]]:
    try:
        stored = json.loads((copy / MANIFEST).read_bytes())
        if stored["version"] != _MANIFEST_VERSION:
            return {}
        return {
            str(name): [_Version(**version) for version in versions]
            for name, versions in stored["files"].items()
        }
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _save_manifest(copy: Path, handed: dict[str, list[_Version]]) -> None:
    files = {name: [version._asdict() for version in handed[name]] for name in sorted(handed)}
    stored = {"version": _MANIFEST_VERSION, "files": files}
    write_atomically(copy / MANIFEST, (json.dumps(stored, indent=1) + "\n").encode())
