"""rnnbook.versions: the ranges are those of the installed package's own metadata."""

import importlib.metadata
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from rnnbook.versions import required

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("name", ["torch", "numpy", "d2l"])
def test_the_range_is_that_of_the_metadata(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = project["dependencies"] + project["optional-dependencies"]["book"]
    (wanted,) = (r.specifier for r in map(Requirement, lines) if r.name == name)
    assert required(name) == wanted and str(wanted)


def test_a_package_that_is_not_named_may_have_any_version() -> None:
    assert required("no-such-package").contains("0.0.1")


def test_without_metadata_every_version_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", absent)
    assert required("torch").contains("0.4")
