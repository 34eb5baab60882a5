"""Make the book's environment in .venv: what `make lab` and `make test` call first.

    python3 tools/install.py            Linux, macOS
    py tools/install.py                 Windows, in PowerShell; then .venv/Scripts/rnnbook lab

uv chooses the build of PyTorch that suits the machine: without an NVIDIA GPU the small one. Where
that fails (no way to PyTorch's own index, no uv for this machine) pip installs what it finds.
"""

import os
import platform
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv"
OLDEST = (3, 11)
WHAT = ["-r", "requirements.txt", "-e", "."]
# Where an index cannot be reached, uv should not try for minutes.
PATIENCE = {"UV_HTTP_TIMEOUT": "10", "UV_HTTP_RETRIES": "0"}


def refusal(version, system, machine):
    """Say why the book cannot be installed here, or return None; any Python must understand this.

    Args:
        version: of Python, such as ``(3, 11, 2)``.
        system: as ``platform.system()`` names it.
        machine: as ``platform.machine()`` names it.
    """
    if tuple(version[:2]) < OLDEST:
        return (
            "The book needs Python 3.11 or newer; this is {}.{}. Name another one: "
            "make PYTHON=python3.12 ..., or python3.12 tools/install.py".format(*version[:2])
        )
    if system == "Darwin" and machine == "x86_64":
        return (
            "PyTorch is not built for Macs with an Intel processor any more, and the book needs a "
            "newer one than the last that was. The page Elsewhere (book/elsewhere.md) says where "
            "else the book can be run."
        )
    return None


def python():
    """Return the path of the environment's interpreter."""
    return str(FOLDER / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def attempts():
    """Return the ways to install, the best first: each some commands, one after the other."""
    with_uv = [
        [python(), "-m", "pip", "install", "--quiet", "uv"],
        [python(), "-m", "uv", "pip", "install", "--quiet", "--torch-backend=auto", *WHAT],
    ]
    return [with_uv, [[python(), "-m", "pip", "install", "--quiet", *WHAT]]]


def install(run=subprocess.run):
    """Install with the first way that works.

    Args:
        run: runs a command, as ``subprocess.run`` does.
    Returns:
        0, or the exit status of the last command that failed.
    """
    status = 1
    for commands in attempts():
        for command in commands:
            environment = {**PATIENCE, **os.environ, "VIRTUAL_ENV": str(FOLDER)}
            status = run(command, cwd=str(ROOT), env=environment).returncode
            if status:
                print(f"{' '.join(command[2:5])} did not work here", file=sys.stderr)
                break
        if not status:
            return 0
    return status


def main():
    """Check, make the environment, install."""
    reason = refusal(sys.version_info, platform.system(), platform.machine())
    if reason:
        return reason
    venv.create(str(FOLDER), with_pip=True)
    return install()


if __name__ == "__main__":
    sys.exit(main())
