"""The reader's copy: brought up to date, and nothing of theirs ever lost."""

import json
import os
import re
import stat
import sys
from pathlib import Path

import pytest

from rnnbook.app.workspace import MANIFEST, for_this_python, refresh

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = Path("03_rnn.ipynb")
BESIDE = Path("03_rnn (new version).ipynb")
RUN = Path("earlier runs/03_rnn (run).ipynb")


def notebook(*sources: str, output: str | None = None, count: int | None = 1) -> bytes:
    outputs = [{"output_type": "stream", "name": "stdout", "text": output}] if output else []
    cells = [
        {
            "cell_type": "code",
            "execution_count": count,
            "id": str(number),
            "metadata": {},
            "outputs": outputs,
            "source": source.splitlines(keepends=True),
        }
        for number, source in enumerate(sources)
    ]
    book = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return (json.dumps(book, indent=1) + "\n").encode()


V1 = notebook("import torch", "x = 1\nprint(x)", output="1")
V2 = notebook("import torch", "x = 2\nprint(x)", output="2")
V3 = notebook("import torch", "x = 3\nprint(x)", output="3")
EDITED = notebook("import torch", "x = 10\nprint(x)", output="10")
RAN_V1 = notebook("import torch", "x = 1\nprint(x)", "", output="1.0", count=7)


class Book:
    """A book of one chapter and a picture, and a reader's copy beside it."""

    def __init__(self, folder: Path) -> None:
        self.originals, self.copy = folder / "chapters", folder / "work"
        (self.originals / "img").mkdir(parents=True)
        (self.originals / "img" / "cell.png").write_bytes(b"picture")
        self.publish(V1)

    def publish(self, content: bytes, file: Path = CHAPTER) -> None:
        (self.originals / file).write_bytes(content)

    def edit(self, content: bytes, file: Path = CHAPTER) -> None:
        (self.copy / file).write_bytes(content)

    def read(self, file: Path = CHAPTER) -> bytes:
        return (self.copy / file).read_bytes()

    def refresh(self) -> dict[str, tuple[str, Path | None]]:
        before = tree(self.originals)
        changes = refresh(self.originals, self.copy)
        assert tree(self.originals) == before, "the originals were touched"
        assert not list(self.copy.rglob("*.tmp"))
        return {path.as_posix(): (what, other) for path, what, other in changes}

    def outcome(self) -> tuple[str, Path | None]:
        return self.refresh()[CHAPTER.as_posix()]


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def book(tmp_path) -> Book:
    return Book(tmp_path)


@pytest.fixture
def copied(book) -> Book:
    book.refresh()
    return book


def test_the_first_copy_holds_everything(book):
    (book.originals / ".ipynb_checkpoints").mkdir()
    (book.originals / ".ipynb_checkpoints" / "x-checkpoint.ipynb").write_bytes(V1)
    (book.originals / "__pycache__").mkdir()
    (book.originals / "__pycache__" / "x.pyc").write_bytes(b"")
    assert book.refresh() == {"03_rnn.ipynb": ("added", None), "img/cell.png": ("added", None)}
    assert sorted(tree(book.copy)) == [MANIFEST, "03_rnn.ipynb", "img/cell.png"]
    assert book.read() == V1


def test_again_nothing_changes(copied):
    before = tree(copied.copy)
    assert {what for what, _ in copied.refresh().values()} == {"unchanged"}
    assert tree(copied.copy) == before


def test_an_untouched_copy_is_refreshed(copied):
    copied.publish(V2)
    copied.publish(b"better picture", Path("img/cell.png"))
    assert copied.refresh() == {
        "03_rnn.ipynb": ("updated", None),
        "img/cell.png": ("updated", None),
    }
    assert copied.read() == V2 and copied.read(Path("img/cell.png")) == b"better picture"
    assert len(tree(copied.copy)) == 3


def test_new_chapters_arrive(copied):
    copied.publish(V2, Path("05_training.ipynb"))
    assert copied.refresh()["05_training.ipynb"] == ("added", None)


def test_an_edited_copy_stays(copied):
    copied.edit(EDITED)
    assert copied.outcome() == ("kept", None)
    assert copied.read() == EDITED and not (copied.copy / BESIDE).exists()


def test_an_edited_copy_gets_the_new_version_beside_it_once(copied):
    copied.edit(EDITED)
    copied.publish(V2)
    assert copied.outcome() == ("kept", BESIDE)
    assert copied.read() == EDITED and copied.read(BESIDE) == V2
    assert copied.outcome() == ("kept", None)


def test_a_new_version_that_was_deleted_is_not_pressed_on_the_reader(copied):
    copied.edit(EDITED)
    copied.publish(V2)
    copied.refresh()
    (copied.copy / BESIDE).unlink()
    assert copied.outcome() == ("kept", None)
    assert not (copied.copy / BESIDE).exists()


def test_an_untouched_new_version_follows_the_next_one(copied):
    copied.edit(EDITED)
    for version in (V2, V3):
        copied.publish(version)
        assert copied.outcome() == ("kept", BESIDE)
    assert copied.read() == EDITED and copied.read(BESIDE) == V3


@pytest.mark.parametrize("used", [EDITED, notebook("import torch", "x = 2\nprint(x)", count=9)])
def test_a_new_version_in_use_is_never_overwritten(copied, used):
    copied.edit(notebook("mine"))
    copied.publish(V2)
    copied.refresh()
    copied.edit(used, BESIDE)
    copied.publish(V3)
    second = Path("03_rnn (new version 2).ipynb")
    assert copied.outcome() == ("kept", second)
    assert copied.read() == notebook("mine")
    assert copied.read(BESIDE) == used and copied.read(second) == V3


def test_adopting_the_new_version_makes_it_follow_again(copied):
    copied.edit(EDITED)
    copied.publish(V2)
    copied.refresh()
    (copied.copy / BESIDE).replace(copied.copy / CHAPTER)
    assert copied.outcome() == ("unchanged", None)
    copied.publish(V3)
    assert copied.outcome() == ("updated", None)
    assert copied.read() == V3


def test_the_new_version_sorts_next_to_the_chapter():
    names = ["01_text.ipynb", "03_rnn.ipynb", "03b_more.ipynb", "05_training.ipynb", BESIDE.name]
    order = sorted(names)
    assert abs(order.index(BESIDE.name) - order.index(CHAPTER.name)) == 1


def test_a_reader_who_only_ran_it_keeps_the_outputs(copied):
    copied.edit(RAN_V1)
    assert copied.outcome() == ("unchanged", None)
    assert copied.read() == RAN_V1


def test_a_run_copy_is_refreshed_and_the_run_is_put_aside(copied):
    copied.edit(RAN_V1)
    copied.publish(V2)
    assert copied.outcome() == ("updated", RUN)
    assert copied.read() == V2 and copied.read(RUN) == RAN_V1
    ran_v2 = notebook("import torch", "x = 2\nprint(x)", output="2.0", count=3)
    copied.edit(ran_v2)
    copied.publish(V3)
    second = RUN.with_name("03_rnn (run 2).ipynb")
    assert copied.outcome() == ("updated", second)
    assert copied.read(RUN) == RAN_V1 and copied.read(second) == ran_v2


def test_new_outputs_alone_are_no_new_version(copied):
    executed_again = notebook("import torch", "x = 1\nprint(x)", output="1 ")
    ran = RAN_V1
    copied.edit(ran)
    copied.publish(executed_again)
    assert copied.outcome() == ("unchanged", None) and copied.read() == ran
    copied.edit(EDITED)
    assert copied.outcome() == ("kept", None)
    copied.edit(V1)
    assert copied.outcome() == ("updated", None) and copied.read() == executed_again


@pytest.mark.parametrize(
    "change",
    [
        lambda cells: cells[1].update(source="x = 10"),
        lambda cells: cells[1].update(cell_type="markdown"),
        lambda cells: cells.append({**cells[0], "source": "# a note of mine"}),
        lambda cells: cells.pop(),
        lambda cells: cells.reverse(),
        lambda cells: cells[1].update(source=""),
        lambda cells: cells[0].update(attachments={"a.png": {"image/png": "AAAA"}}),
    ],
    ids=["source", "kind", "added", "deleted", "moved", "emptied", "attached"],
)
def test_what_counts_as_an_edit(copied, change):
    mine = json.loads(V1)
    change(mine["cells"])
    copied.edit(json.dumps(mine).encode())
    copied.publish(V2)
    assert copied.outcome() == ("kept", BESIDE)
    assert json.loads(copied.read()) == mine


@pytest.mark.parametrize(
    "change",
    [
        lambda book: book["cells"][1].update(outputs=[], execution_count=None),
        lambda book: book["cells"].append({**book["cells"][0], "source": "\n"}),
    ],
    ids=["outputs", "empty cell"],
)
def test_what_does_not_count_as_an_edit(copied, change):
    mine = json.loads(V1)
    change(mine)
    copied.edit(json.dumps(mine).encode())
    copied.publish(V2)
    assert copied.outcome() == ("updated", RUN)
    assert copied.read() == V2 and json.loads(copied.read(RUN)) == mine


@pytest.mark.parametrize(
    "change",
    [
        lambda book: book["cells"][1].update(source="".join(book["cells"][1]["source"])),
        lambda book: book["cells"][0].update(metadata={"collapsed": True}, id="other"),
        lambda book: book["cells"][0].update(execution_count=9),
        lambda book: book["metadata"].update(language_info={"version": "3.13"}),
    ],
    ids=["source as one string", "cell metadata", "count", "metadata"],
)
def test_opening_a_notebook_is_no_run_of_it(copied, change):
    """JupyterLab writes some of this as soon as a notebook is opened, and saves by itself."""
    mine = json.loads(V1)
    change(mine)
    copied.edit(json.dumps(mine).encode())
    assert copied.outcome() == ("unchanged", None)
    copied.publish(V2)
    assert copied.outcome() == ("updated", None)
    assert copied.read() == V2 and not (copied.copy / RUN).exists()


def test_a_manifest_from_before_that_was_known_still_counts(copied):
    manifest = copied.copy / MANIFEST
    stored = json.loads(manifest.read_text())
    for versions in stored["files"].values():
        for version in versions:
            del version["shown"]
    manifest.write_text(json.dumps(stored))
    copied.publish(V2)
    assert copied.outcome() == ("updated", None) and copied.read() == V2


def test_nothing_new_writes_nothing(copied):
    manifest = copied.copy / MANIFEST
    before = manifest.stat().st_mtime_ns
    assert copied.outcome() == ("unchanged", None)
    assert manifest.stat().st_mtime_ns == before


def test_one_file_that_cannot_be_read_does_not_block_the_others(copied, monkeypatch):
    other = Path("04_bptt.ipynb")
    copied.publish(V1, other)
    read = Path.read_bytes

    def refuse(path):
        if path == copied.originals / CHAPTER:
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    done = {str(c.path): c.what for c in refresh(copied.originals, copied.copy)}
    monkeypatch.undo()
    assert done[str(CHAPTER)] == "unreadable" and done[str(other)] == "added"
    assert copied.read() == V1


def test_what_a_killed_refresh_left_is_removed_in_time(copied):
    old, new = (copied.copy / f".{digit * 16}.tmp" for digit in "ab")
    mine = copied.copy / ".mine.tmp"
    for path in (old, new, mine):
        path.write_bytes(b"half")
    long_ago = old.stat().st_mtime - 3600
    for path in (old, mine):
        os.utime(path, (long_ago, long_ago))
    refresh(copied.originals, copied.copy)
    assert not old.exists() and new.exists() and mine.exists()


@pytest.mark.parametrize("mine", [b"", b"{not json", b"[]", b'{"cells": [{}]}', b"\xff\xfe"])
def test_a_notebook_that_cannot_be_read_is_kept(copied, mine):
    copied.edit(mine)
    copied.publish(V2)
    assert copied.outcome() == ("kept", BESIDE)
    assert copied.read() == mine


def test_an_edited_file_that_is_no_notebook_is_kept(copied):
    picture = Path("img/cell.png")
    copied.edit(b"my picture", picture)
    copied.publish(b"better picture", picture)
    beside = Path("img/cell (new version).png")
    assert copied.refresh()[picture.as_posix()] == ("kept", beside)
    assert copied.read(picture) == b"my picture" and copied.read(beside) == b"better picture"


def test_a_deleted_copy_comes_back(copied):
    (copied.copy / CHAPTER).unlink()
    copied.publish(V2)
    assert copied.outcome() == ("restored", None)
    assert copied.read() == V2


def test_the_readers_own_files_are_never_touched(copied):
    own = {"notes.ipynb": V1, "img/mine.png": b"mine", "data.txt": b"text", BESIDE.name: b"taken"}
    for name, content in own.items():
        copied.edit(content, Path(name))
    copied.edit(EDITED)
    copied.publish(V2)
    assert copied.outcome() == ("kept", Path("03_rnn (new version 2).ipynb"))
    (copied.originals / CHAPTER).unlink()
    copied.publish(V2, Path("04_bptt.ipynb"))
    copied.refresh()
    assert {name: copied.read(Path(name)) for name in own} == own


def test_a_new_chapter_with_the_name_of_a_readers_file(copied):
    copied.edit(b"mine", Path("04_bptt.ipynb"))
    copied.publish(V2, Path("04_bptt.ipynb"))
    beside = Path("04_bptt (new version).ipynb")
    assert copied.refresh()["04_bptt.ipynb"] == ("kept", beside)
    assert copied.read(Path("04_bptt.ipynb")) == b"mine" and copied.read(beside) == V2


@pytest.mark.parametrize("mine", [V1, EDITED])
def test_a_chapter_removed_from_the_book_stays_with_the_reader(copied, mine):
    copied.edit(mine)
    (copied.originals / CHAPTER).rename(copied.originals / "04_renamed.ipynb")
    changes = copied.refresh()
    assert changes["03_rnn.ipynb"] == ("retired", None)
    assert changes["04_renamed.ipynb"] == ("added", None)
    assert copied.read() == mine
    (copied.copy / CHAPTER).unlink()
    assert "03_rnn.ipynb" not in copied.refresh()


@pytest.mark.parametrize(
    "damage",
    [
        None,
        b"",
        b"{",
        b"[]",
        b'{"version": 99, "files": {}}',
        b'{"version": 1, "files": {"03_rnn.ipynb": [{"raw": "a"}]}}',
        b'{"version": 1, "files": {"03_rnn.ipynb": 5}}',
        b"\xff",
    ],
)
class TestManifestLost:
    def lose(self, book: Book, damage: bytes | None) -> None:
        if damage is None:
            (book.copy / MANIFEST).unlink()
        else:
            (book.copy / MANIFEST).write_bytes(damage)

    @pytest.mark.parametrize("mine", [V1, RAN_V1, EDITED])
    def test_every_file_counts_as_edited(self, copied, damage, mine):
        copied.edit(mine)
        self.lose(copied, damage)
        copied.publish(V2)
        assert copied.outcome() == ("kept", BESIDE)
        assert copied.read() == mine and copied.read(BESIDE) == V2
        assert copied.outcome() == ("kept", None)

    def test_unless_it_is_the_original(self, copied, damage):
        self.lose(copied, damage)
        assert copied.outcome() == ("unchanged", None)
        copied.publish(V2)
        assert copied.outcome() == ("updated", None)


def test_a_crash_before_the_manifest_was_written_is_mended(copied):
    manifest = copied.read(Path(MANIFEST))
    copied.edit(EDITED)
    copied.publish(V2)
    copied.refresh()
    copied.edit(manifest, Path(MANIFEST))
    assert copied.outcome() == ("kept", BESIDE)
    assert sorted(path.name for path in copied.copy.glob("*.ipynb")) == [BESIDE.name, CHAPTER.name]


def test_a_link_the_reader_made_is_left_alone(copied, tmp_path):
    elsewhere = tmp_path / "elsewhere.ipynb"
    elsewhere.write_bytes(V1)
    (copied.copy / CHAPTER).unlink()
    (copied.copy / CHAPTER).symlink_to(elsewhere)
    copied.publish(V2)
    assert copied.outcome() == ("kept", BESIDE)
    assert (copied.copy / CHAPTER).is_symlink() and elsewhere.read_bytes() == V1


def test_a_folder_under_a_chapters_name_is_left_alone(copied):
    (copied.copy / CHAPTER).unlink()
    (copied.copy / CHAPTER).mkdir()
    copied.publish(V2)
    assert copied.outcome() == ("kept", BESIDE)
    assert copied.read(BESIDE) == V2


def test_read_only_originals_give_writable_copies(book):
    (book.originals / CHAPTER).chmod(stat.S_IREAD)
    book.refresh()
    assert (book.copy / CHAPTER).stat().st_mode & stat.S_IWRITE


def test_a_failed_write_leaves_the_old_file_and_no_litter(copied, monkeypatch):
    copied.publish(V2)

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        refresh(copied.originals, copied.copy)
    assert copied.read() == V1 and not list(copied.copy.rglob("*.tmp"))


def test_refusals(book, tmp_path):
    for copy in (book.originals, book.originals / "work", tmp_path):
        with pytest.raises(ValueError, match="neither inside the other"):
            refresh(book.originals, copy)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no chapters"):
        refresh(tmp_path / "empty", tmp_path / "work")
    with pytest.raises(FileNotFoundError, match="no chapters"):
        refresh(tmp_path / "nowhere", tmp_path / "work")
    assert not (tmp_path / "work").exists()


def test_changes_are_told_in_plain_words(copied):
    copied.edit(EDITED)
    copied.publish(V2)
    told = [str(change) for change in refresh(copied.originals, copied.copy)]
    assert told == [
        "03_rnn.ipynb: you edited it, so it stays; the new version is beside it: "
        '"03_rnn (new version).ipynb"',
        f"{Path('img/cell.png')}: unchanged",
    ]


def test_links_of_the_chapters_lead_to_the_same_files_from_the_copy(tmp_path):
    originals = ROOT / "chapters"
    links = {
        link
        for chapter in originals.glob("*.ipynb")
        for cell in json.loads(chapter.read_bytes())["cells"]
        if cell["cell_type"] == "markdown"
        for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", "".join(cell["source"]))
    }
    links = {link for link in links if (originals / link).exists()}
    if not links:
        pytest.skip("no chapter has a link yet")
    for neighbour in ROOT.iterdir():
        if neighbour.name != "work":
            (tmp_path / neighbour.name).symlink_to(neighbour)
    refresh(originals, tmp_path / "work")
    assert not [link for link in links if not (tmp_path / "work" / link).exists()]


def test_a_notebook_is_handed_out_with_the_metadata_of_this_python():
    adapted = json.loads(for_this_python(V1))
    assert adapted["cells"] == json.loads(V1)["cells"]
    version = ".".join(map(str, sys.version_info[:3]))
    assert adapted["metadata"]["language_info"]["version"] == version
    assert adapted["metadata"]["kernelspec"]["name"] == "python3"
    for odd in (b"", b"{not json", b"[]"):
        assert for_this_python(odd) == odd


def test_another_python_finds_nothing_new(copied):
    adapted = {str(c.path): c.what for c in refresh(copied.originals, copied.copy, for_this_python)}
    assert adapted[str(CHAPTER)] == "unchanged" and copied.read() == V1
