"""tools/install.py: what is refused before anything is installed, and what is tried first."""

from types import SimpleNamespace

import pytest

import install


@pytest.mark.parametrize(
    ("version", "system", "machine", "words"),
    [
        ((3, 10, 4), "Linux", "x86_64", "needs Python 3.11 or newer; this is 3.10"),
        ((2, 7, 18), "Darwin", "arm64", "needs Python 3.11"),
        ((3, 12, 1), "Darwin", "x86_64", "Macs with an Intel processor"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_installed(version, system, machine, words):
    assert words in install.refusal(version, system, machine)


@pytest.mark.parametrize(
    ("version", "system", "machine"),
    [
        ((3, 11, 2), "Linux", "x86_64"),
        ((3, 14, 0), "Linux", "aarch64"),
        ((3, 12, 1), "Darwin", "arm64"),
        ((3, 13, 0), "Windows", "AMD64"),
    ],
)
def test_what_can_be_is_not_refused(version, system, machine):
    assert install.refusal(version, system, machine) is None


def _running(fails):
    """Return a stand-in for subprocess.run, and the commands that it was given."""
    commands = []

    def run(command, cwd, env):
        commands.append(" ".join(command[2:]))
        assert env["VIRTUAL_ENV"].endswith(".venv") and "UV_HTTP_TIMEOUT" in env
        return SimpleNamespace(returncode=int(fails in commands[-1]))

    return run, commands


def test_uv_chooses_the_build_of_pytorch():
    run, commands = _running("nothing")
    assert install.install(run) == 0
    assert commands == [
        "pip install --quiet uv",
        "uv pip install --quiet --torch-backend=auto -r requirements.txt -e .",
    ]


@pytest.mark.parametrize("fails", ["--quiet uv", "--torch-backend"])
def test_where_uv_does_not_work_pip_does(fails, capsys):
    run, commands = _running(fails)
    assert install.install(run) == 0
    assert commands[-1] == "pip install --quiet -r requirements.txt -e ."
    assert "did not work here" in capsys.readouterr().err


def test_a_failure_of_all_ways_is_one():
    run, _ = _running("install")
    assert install.install(run) == 1
