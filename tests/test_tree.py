"""The tests are the package's tree again: each module has a file of its name."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def expected(module: Path) -> Path:
    """Return where a module of the package is tested.

    Args:
        module: its path relative to the package.
    Returns:
        A path relative to tests/. A folder's own code is tested under the folder's name, and the
        exercises of a chapter by their cases.
    """
    if module.parent.name == "exercises" and module.stem.startswith("ch"):
        return Path("cases") / module.name
    folder = module.parent.name or "rnnbook"
    name = folder if module.stem == "__init__" else module.stem.lstrip("_")
    return module.parent / f"test_{name}.py"


def has_code(path: Path) -> bool:
    """Say whether a package's __init__ does more than say what is in it; __main__ never does."""
    if path.name == "__main__.py":
        return False
    return path.name != "__init__.py" or "\ndef " in path.read_text("utf-8")


MODULES = [path for path in sorted((ROOT / "rnnbook").rglob("*.py")) if has_code(path)]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_has_its_tests(path: Path) -> None:
    file = ROOT / "tests" / expected(path.relative_to(ROOT / "rnnbook"))
    assert file.is_file(), f"{path.relative_to(ROOT)} is tested by no {file.relative_to(ROOT)}"


def test_no_tests_are_left_of_a_module_that_is_gone() -> None:
    wanted = {expected(path.relative_to(ROOT / "rnnbook")) for path in MODULES}
    folders = {path.parent for path in wanted} - {Path()}
    found = {
        path.relative_to(ROOT / "tests")
        for folder in folders
        for path in (ROOT / "tests" / folder).glob(
            "*.py" if folder == Path("cases") else "test_*.py"
        )
    }
    assert found - wanted == set()


def test_no_two_test_files_have_one_name() -> None:
    """Pytest takes the second for the first, and runs neither."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
