"""Starting the command `rnnbook` in a process of its own, as a reader does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START = "import sys; from rnnbook.app.cli import main; sys.exit(main())"


def arguments(*words: str, before: str = "") -> list[str]:
    return [sys.executable, "-c", before + START, *words]


def rnnbook(
    *words: str, before: str = "", cwd: Path = ROOT, package: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments(*words, before=before),
        capture_output=True,
        text=True,
        timeout=120,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(package)},
    )


def without(*names: str) -> str:
    return f"import sys; sys.modules.update(dict.fromkeys({names}))\n"
