"""The places that say what to install agree, and nothing is imported that they do not name."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import metadata, packages_distributions, requires, version
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

import notebook_lint

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements.txt"
ALL_EXTRAS = ("book", "test", "site", "dev")
# Which extras the code of a folder may count on, besides the package's own dependencies.
FOLDERS = {
    "rnnbook": ("book",),
    "book": ("site",),
    "chapters": ("book",),
    "tests": ALL_EXTRAS,
    "tools": ALL_EXTRAS,
}
# d2l_compat looks whether torchvision is there and does without it.
OPTIONAL = {"torchvision"}
# What PyTorch's builds for other accelerators bring, chosen by PyTorch itself and not by us.
ACCELERATORS = re.compile(r"(nvidia|cuda|triton|pytorch-triton|intel|mkl|tbb)\b")


@cache
def project() -> dict:
    """Return pyproject.toml's project table."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def ranges(*extras: str) -> list[Requirement]:
    """Return the package's dependencies and those of some extras, without itself."""
    found = [Requirement(line) for line in project()["dependencies"]]
    for extra in extras:
        found += [Requirement(line) for line in project()["optional-dependencies"][extra]]
    return [requirement for requirement in found if requirement.name != project()["name"]]


@cache
def pins() -> dict[str, Version]:
    """Return the pinned version of each distribution, by its canonical name."""
    lines = REQUIREMENTS.read_text("utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    for requirement in found:
        operators = [specifier.operator for specifier in requirement.specifier]
        assert operators == ["=="] and not requirement.url, f"{requirement} is no exact pin"
    return {
        canonicalize_name(requirement.name): Version(next(iter(requirement.specifier)).version)
        for requirement in found
    }


def test_every_pin_is_exact_public_and_stands_once() -> None:
    lines = [line for line in REQUIREMENTS.read_text("utf-8").splitlines() if line[:1] != "#"]
    assert len(pins()) == len(lines) > 100
    assert [name for name, pin in pins().items() if pin.local] == []
    assert project()["name"] not in pins()


def test_pins_satisfy_the_ranges() -> None:
    for requirement in ranges(*ALL_EXTRAS):
        pin = pins().get(canonicalize_name(requirement.name))
        assert pin, f"{requirement.name} has no pin"
        assert requirement.specifier.contains(pin, prereleases=True), f"{requirement}: {pin}"


def test_pins_can_be_installed_on_every_python_that_is_promised() -> None:
    # The range's lower end is the first release of its series: Debian's 3.11 is 3.11.2.
    lowest = next(iter(SpecifierSet(project()["requires-python"]))).version
    prefix = "Programming Language :: Python :: "
    promised = [
        line.removeprefix(prefix)
        for line in project()["classifiers"]
        if line.startswith(f"{prefix}3.")
    ]
    assert lowest in promised
    refused = {
        name: (asked, python)
        for name in pins()
        if (asked := metadata(name).get("Requires-Python"))
        for python in promised
        if not SpecifierSet(asked).contains(python)
    }
    assert refused == {}


def test_the_running_environment_is_the_pinned_one() -> None:
    # The build of PyTorch may carry a local suffix, such as +cpu; its version is the same.
    differing = {
        name: version(name)
        for name, pin in pins().items()
        if Version(version(name)).public != pin.public
    }
    assert differing == {}


@pytest.mark.skipif(sys.platform != "linux", reason="the pins were taken on Linux")
def test_what_the_book_needs_is_pinned_down_to_the_last_dependency() -> None:
    wanted = [requirement.name for requirement in ranges(*ALL_EXTRAS)]
    seen: set[str] = set()
    while wanted:
        name = canonicalize_name(wanted.pop())
        if name in seen or ACCELERATORS.match(name):
            continue
        seen.add(name)
        assert name in pins(), f"{name} is needed, but requirements.txt does not pin it"
        for line in requires(name) or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                wanted.append(requirement.name)


def test_environment_yml_installs_the_pins_and_the_package() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    assert environment["name"] == project()["name"]
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    # Its pins are those of requirements.txt because it holds none of its own.
    assert pip == [f"-r {REQUIREMENTS.name}", "-e ."]
    (python,) = [entry.partition("=")[2] for entry in conda if entry.startswith("python=")]
    assert SpecifierSet(project()["requires-python"]).contains(Version(python))
    assert sorted(entry.partition("=")[0] for entry in conda) == ["pip", "python"]


def test_the_version_is_the_packages() -> None:
    import rnnbook

    assert version("rnnbook") == rnnbook.__version__


# ---------------------------------------------------------------- imports


def sources(path: Path) -> Iterator[ast.Module]:
    """Yield the syntax trees of a module or of a notebook's code cells."""
    if path.suffix == ".py":
        yield ast.parse(path.read_text("utf-8"))
        return
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            yield notebook_lint.parse(cell.source)


def imported(path: Path) -> set[str]:
    """Return the top-level names of what a file imports, relative imports left out."""
    names: set[str] = set()
    for tree in sources(path):
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names.add(node.module)
    return {name.partition(".")[0] for name in names}


def files(folder: Path) -> list[Path]:
    """Return the modules and notebooks below a folder."""
    return sorted(path for kind in ("*.py", "*.ipynb") for path in folder.rglob(kind))


def own_names(root: Path) -> set[str]:
    """Return the names under which the repository's own modules import each other."""
    modules = {
        path.stem
        for folder in ("tests", "tools", "book/_ext")
        for path in (root / folder).rglob("*.py")
    }
    return modules | {"rnnbook", "tests", "tools"}


def undeclared(root: Path, folder: str) -> set[str]:
    """Return what a folder imports though neither pyproject nor the folder's extras declare it."""
    declared = {canonicalize_name(each.name) for each in ranges(*FOLDERS[folder])}
    known = sys.stdlib_module_names | own_names(root) | OPTIONAL
    providers = packages_distributions()
    names = {name for path in files(root / folder) for name in imported(path)} - known
    return {
        name
        for name in names
        if not declared & {canonicalize_name(provider) for provider in providers.get(name, [])}
    }


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_import_is_declared(folder: str) -> None:
    assert undeclared(ROOT, folder) == set()


def test_an_undeclared_import_is_found(tmp_path: Path) -> None:
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
    (tmp_path / "rnnbook" / "a.py").write_text("import os, torch\nimport pandas as pd\n")
    (tmp_path / "tools" / "b.py").write_text("def f():\n    from pytest import mark\n")
    cells = [nbformat.v4.new_code_cell("%matplotlib inline\nfrom nowhere.at.all import x")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "chapters" / "c.ipynb")
    assert undeclared(tmp_path, "rnnbook") == {"pandas"}
    assert undeclared(tmp_path, "tools") == set()
    assert undeclared(tmp_path, "chapters") == {"nowhere"}


def test_the_package_does_not_lean_on_the_tests_tools(tmp_path: Path) -> None:
    (tmp_path / "rnnbook").mkdir()
    (tmp_path / "rnnbook" / "a.py").write_text("import pytest\n")
    assert undeclared(tmp_path, "rnnbook") == {"pytest"}


# ---------------------------------------------------------------- make


def make(*arguments: str, folder: Path = ROOT, **environment: str) -> str:
    """Return what make says it would do, in words."""
    command = ["make", "--no-print-directory", *arguments]
    # A make that started these tests must not pass its own options on.
    outside = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True, env=outside | environment
    ).stdout


def test_make_alone_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    listed = re.findall(r"^  make (\w+) +\S", make(), re.MULTILINE)
    assert sorted(listed) == sorted(phony.split())


def test_a_second_call_installs_nothing(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements.txt", "tools/install.py"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    assert "tools/install.py" in make("--dry-run", "test", folder=tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".installed").touch()
    for target in ("lab", "test", "site", "notebooks"):
        assert "tools/install.py" not in make("--dry-run", target, folder=tmp_path)
    later = (tmp_path / ".venv" / ".installed").stat().st_mtime + 10
    os.utime(tmp_path / "requirements.txt", (later, later))
    assert "tools/install.py" in make("--dry-run", "lab", folder=tmp_path)


@pytest.mark.parametrize("given", ["", "/elsewhere"])
def test_texts_beside_the_checkout_are_used_unless_others_are_named(
    tmp_path: Path, given: str
) -> None:
    checkout, beside = tmp_path / "book", tmp_path / "shared" / "data"
    checkout.mkdir()
    (checkout / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    show = ["--eval=show: ; @echo [$$RNNBOOK_DATA_DIR]", "show", f"RNNBOOK_DATA_DIR={given}"]
    show = show if given else show[:2]
    outside = {"RNNBOOK_DATA_DIR": ""}
    assert make(*show, folder=checkout, **outside).strip() == f"[{given}]"
    beside.mkdir(parents=True)
    assert make(*show, folder=checkout, **outside).strip() == f"[{given or beside}]"


def test_the_checks_script_runs_the_readmes_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=True)
    assert script.rstrip().splitlines()[-1] == "make test"
    assert "make test" in (ROOT / "README.md").read_text("utf-8")
    assert "RNNBOOK_BROWSER=required" in script
