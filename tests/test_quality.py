"""Style, docstrings and types: what ruff and mypy say about the book's code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CHECKS = {
    "style and docstrings": ["ruff", "check", "--output-format=concise", "."],
    "layout": ["ruff", "format", "--check", "."],
    "types": ["mypy"],
}


@pytest.mark.parametrize("name", CHECKS)
def test_code_is_kept_in_order(name: str) -> None:
    command = [sys.executable, "-m", *CHECKS[name]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, (
        f"{name}: `{' '.join(CHECKS[name])}` says:\n{done.stdout}{done.stderr}"
    )
