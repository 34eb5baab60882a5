"""What the tests of the command share: the package without the rest of the book."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from rnnbook_command import ROOT


@pytest.fixture(scope="session")
def package_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a copy of the package and nothing beside it."""
    site = tmp_path_factory.mktemp("alone")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "rnnbook", site / "rnnbook", ignore=ignored)
    return site
