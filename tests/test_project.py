"""The files for people outside say what is true: they parse, they agree, what they name exists."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet
from packaging.version import Version

import rnnbook

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = ("lint", "notebooks", "package")
FORMS = ("check", "does-not-run", "sentence")
DOCUMENTS = {
    ".devcontainer/devcontainer.json",
    ".github/ISSUE_TEMPLATE/config.yml",
    ".github/pull_request_template.md",
    ".pre-commit-config.yaml",
    "CHANGELOG.md",
    "CITATION.cff",
    *(f".github/ISSUE_TEMPLATE/{name}.yml" for name in FORMS),
    *(f".github/workflows/{name}.yml" for name in WORKFLOWS),
}
# What commands may start with: pyproject's tools and scripts, make, and what each system brings.
TOOLS = {"mypy", "pip", "pytest", "ruff", "uv"}
FOREIGN = {"touch"}
# An environment's own files exist once it does.
ENVIRONMENT = ".venv"
SUFFIXES = (".cff", ".cfg", ".ipynb", ".json", ".md", ".py", ".toml", ".txt", ".yaml", ".yml")


def text(name: str, root: Path = ROOT) -> str:
    """Return a file of the repository."""
    return (root / name).read_text("utf-8")


def load(name: str, root: Path = ROOT) -> Any:
    """Return what a YAML or JSON file holds; YAML's bare `on` becomes the word again."""
    if name.endswith(".json"):
        return json.loads(text(name, root))
    found = yaml.safe_load(text(name, root))
    if isinstance(found, dict) and True in found:
        found["on"] = found.pop(True)
    return found


def workflow(name: str) -> dict[str, Any]:
    """Return a workflow by its short name."""
    return load(f".github/workflows/{name}.yml")


@cache
def pyproject() -> dict[str, Any]:
    """Return pyproject.toml."""
    return tomllib.loads(text("pyproject.toml"))


def make_targets() -> set[str]:
    """Return the Makefile's targets."""
    return set(re.findall(r"^([a-z]+):", text("Makefile"), re.MULTILINE))


def matrix_values(job: dict[str, Any], key: str) -> list[str]:
    """Return the values that a key takes in a job's matrix, those of `include` too."""
    matrix = job.get("strategy", {}).get("matrix", {})
    return [*matrix.get(key, []), *(row[key] for row in matrix.get("include", []) if key in row)]


def test_all_of_them_are_known_here() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    folders = (".github/", ".devcontainer/")
    assert {line for line in listed.stdout.splitlines() if line.startswith(folders)} == {
        name for name in DOCUMENTS if name.startswith(folders)
    }


# ---------------------------------------------------------------- workflows


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_do_little_and_ends(name: str) -> None:
    found = workflow(name)
    assert found["permissions"] == {"contents": "read"}
    assert "cancel-in-progress" in found["concurrency"]
    for job in found["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 90
        assert "permissions" not in job
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            if "uses" in step:
                assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]), step["uses"]
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
            if step.get("uses", "").startswith("astral-sh/setup-uv@"):
                assert step["with"]["enable-cache"] is True


def test_one_action_has_one_version() -> None:
    uses = {
        step["uses"]
        for name in WORKFLOWS
        for job in workflow(name)["jobs"].values()
        for step in job["steps"]
        if "uses" in step
    }
    actions = [use.partition("@")[0] for use in uses]
    assert len(actions) == len(set(actions)), sorted(uses)


def test_who_starts_which_workflow() -> None:
    assert set(workflow("lint")["on"]) == {"push", "pull_request", "workflow_dispatch"}
    assert set(workflow("package")["on"]) == {"push", "pull_request", "workflow_dispatch"}
    assert set(workflow("notebooks")["on"]) == {"schedule", "workflow_dispatch"}


def test_every_matrix_key_that_is_used_is_there() -> None:
    for name in WORKFLOWS:
        for job in workflow(name)["jobs"].values():
            used = set(re.findall(r"matrix\.(\w+)", json.dumps(job)))
            matrix = job.get("strategy", {}).get("matrix", {})
            given = {key for key in matrix if key != "include"}
            rows = matrix.get("include", [])
            given |= {key for row in rows for key in row}
            assert used == given, name
            # A row of `include` that lacks a key would leave a hole in the command.
            assert all(set(row) == given for row in rows), name


def test_pythons_of_the_workflows_are_those_of_pyproject() -> None:
    project = pyproject()["project"]
    prefix = "Programming Language :: Python :: 3."
    supported = [
        line.removeprefix(prefix[:-2]) for line in project["classifiers"] if line.startswith(prefix)
    ]
    asked = SpecifierSet(project["requires-python"])
    assert supported and all(asked.contains(version) for version in supported)
    # The list begins where the range does, and has no hole.
    minors = [Version(version).minor for version in supported]
    assert minors == list(range(minors[0], minors[0] + len(minors)))
    assert not asked.contains(f"3.{minors[0] - 1}.99")

    pinned = workflow("package")["jobs"]["pinned"]
    assert pinned["strategy"]["matrix"]["python"] == supported
    assert pinned["strategy"]["matrix"]["os"] == ["ubuntu-latest"]
    others = [row["os"] for row in pinned["strategy"]["matrix"]["include"]]
    assert others == ["macos-latest", "windows-latest"]

    lowest = supported[0]
    rows = workflow("package")["jobs"]["ranges"]["strategy"]["matrix"]["include"]
    assert [row["python"] for row in rows if row["resolution"] == "lowest-direct"] == [lowest]
    for name in WORKFLOWS:
        for job in workflow(name)["jobs"].values():
            assert set(matrix_values(job, "python")) <= set(supported)
            (given,) = [s["with"] for s in job["steps"] if "setup-uv@" in s.get("uses", "")]
            assert given["python-version"] in (lowest, "${{ matrix.python }}")
    assert pyproject()["tool"]["mypy"]["python_version"] == lowest
    assert pyproject()["tool"]["ruff"]["target-version"] == "py" + lowest.replace(".", "")
    assert load(".devcontainer/devcontainer.json")["image"] == f"python:{lowest}"


# ---------------------------------------------------------------- commands


def commands() -> Iterator[tuple[str, str]]:
    """Yield where a command stands, and the command, for everything these files would run."""
    for name in WORKFLOWS:
        for job in workflow(name)["jobs"].values():
            for step in job["steps"]:
                for line in step.get("run", "").splitlines():
                    yield f".github/workflows/{name}.yml", line
    for repo in load(".pre-commit-config.yaml")["repos"]:
        for hook in repo["hooks"]:
            yield ".pre-commit-config.yaml", hook["entry"]
    for line in load(".devcontainer/devcontainer.json")["postCreateCommand"].split("&&"):
        yield ".devcontainer/devcontainer.json", line.strip()


def expanded(command: str) -> Iterator[str]:
    """Yield a workflow's command once for each value its matrix gives it."""
    keys = re.findall(r"\$\{\{ matrix\.(\w+) \}\}", command)
    if not keys:
        yield command
        return
    for name in WORKFLOWS:
        for job in workflow(name)["jobs"].values():
            for value in matrix_values(job, keys[0]):
                yield from expanded(command.replace(f"${{{{ matrix.{keys[0]} }}}}", value))


def is_path(word: str) -> bool:
    """Return whether a word is meant as a file or folder that the repository holds."""
    if word.startswith(("http", ENVIRONMENT)):
        return False
    return "/" in word or word.endswith(SUFFIXES) or word in ("chapters", "tests")


def faults(command: str, root: Path = ROOT) -> list[str]:
    """Return what is wrong with a command: a tool, a file, a target, an extra that is not there.

    Args:
        command: one command line, without shell operators.
        root: the repository.
    """
    words = shlex.split(command)
    first = words.pop(0).removeprefix(f"{ENVIRONMENT}/bin/")
    if first in ("python", "python3") and words[:1] == ["-m"]:
        first, words = words[1], words[2:]
    known = TOOLS | FOREIGN | {"make", "python"} | set(pyproject()["project"]["scripts"])
    found = [] if first in known else [f"unknown command {first}"]
    if first == "make":
        found += [f"no target {word}" for word in words if word not in make_targets()]
    elif first == "python" and not words[0].endswith(".py"):
        found.append(f"no script: {words[0]}")
    elif first in pyproject()["project"]["scripts"] and words[0] not in ("check", "lab"):
        found.append(f"no subcommand {words[0]}")
    for word in words:
        value = word.partition("=")[2] if word.startswith("--") else word
        extras = re.fullmatch(r"\.\[([\w,]+)\]", value)
        if extras:
            declared = pyproject()["project"]["optional-dependencies"]
            found += [f"no extra {e}" for e in extras[1].split(",") if e not in declared]
        elif is_path(value) and not (root / value).exists():
            found.append(f"no file {value}")
    return found


def test_every_command_names_what_exists() -> None:
    found = [
        (where, command, fault)
        for where, template in commands()
        for command in expanded(template)
        for fault in faults(command)
    ]
    assert found == []


@pytest.mark.parametrize(
    "command, fault",
    [
        ("python tools/nowhere.py lint", "no file tools/nowhere.py"),
        ("python -m pytest tests --ignore=tests/nowhere", "no file tests/nowhere"),
        ("python -m pytest chapters/nowhere", "no file chapters/nowhere"),
        ("uv pip install -r requirements-dev.txt", "no file requirements-dev.txt"),
        ("uv pip install -e .[book,nowhere]", "no extra nowhere"),
        ("make everything", "no target everything"),
        (".venv/bin/flake8 .", "unknown command flake8"),
        ("rnnbook doctor", "no subcommand doctor"),
    ],
)
def test_a_command_that_names_nothing_is_found(command: str, fault: str) -> None:
    assert faults(command) == [fault]


def test_the_tools_are_dependencies() -> None:
    extras = pyproject()["project"]["optional-dependencies"]
    named = {re.split(r"[<>=]", line)[0] for line in [*extras["test"], *extras["book"]]}
    assert TOOLS - {"pip", "uv"} <= named


def test_lint_runs_each_of_the_projects_checks_once() -> None:
    steps = workflow("lint")["jobs"]["lint"]["steps"]
    ran = [" ".join(word for word in s["run"].split() if "=" not in word) for s in steps[3:]]
    assert ran == [
        "ruff check .",
        "ruff format --check .",
        "mypy",
        "python tools/notebooks.py lint",
    ]
    # One that fails hides none of the others.
    assert all(step.get("if") == "${{ !cancelled() }}" for step in steps[4:])


def test_the_hooks_are_local_and_choose_their_files() -> None:
    (repo,) = load(".pre-commit-config.yaml")["repos"]
    assert repo["repo"] == "local"
    assert {hook["language"] for hook in repo["hooks"]} == {"system"}
    (chapters,) = [hook["files"] for hook in repo["hooks"] if "files" in hook]
    assert re.search(chapters, "chapters/03_rnn_from_scratch.ipynb")
    assert not re.search(chapters, "work/chapters/03_rnn_from_scratch.ipynb")
    assert not re.search(chapters, "chapters/.ipynb_checkpoints/03_rnn-checkpoint.ipynb")


def test_the_container_leaves_nothing_to_install() -> None:
    container = load(".devcontainer/devcontainer.json")
    (stamp,) = re.findall(r"^READY := (.*)$", text("Makefile"), re.MULTILINE)
    assert container["postCreateCommand"].endswith(f"touch {stamp}")
    assert container["forwardPorts"] == [8888]


# ---------------------------------------------------------------- forms


@pytest.mark.parametrize("name", FORMS)
def test_a_form_asks_each_thing_once(name: str) -> None:
    form = load(f".github/ISSUE_TEMPLATE/{name}.yml")
    assert {"name", "description", "body"} <= set(form)
    questions = [part for part in form["body"] if part["type"] != "markdown"]
    ids = [part["id"] for part in questions]
    assert len(ids) == len(set(ids)) >= 3
    assert all(part["attributes"]["label"] for part in questions)
    assert any(part.get("validations", {}).get("required") for part in questions)
    for part in form["body"]:
        assert part["type"] in ("dropdown", "input", "markdown", "textarea")
        assert part["type"] != "dropdown" or len(part["attributes"]["options"]) > 1


def test_the_forms_ask_for_what_helps() -> None:
    assert "rnnbook check" in text(".github/ISSUE_TEMPLATE/does-not-run.yml")
    assert "rnnbook --version" in text(".github/ISSUE_TEMPLATE/check.yml")
    names = [load(f".github/ISSUE_TEMPLATE/{name}.yml")["name"] for name in FORMS]
    assert len(set(names)) == len(FORMS)
    assert load(".github/ISSUE_TEMPLATE/config.yml")["blank_issues_enabled"] is True


# ---------------------------------------------------------------- words


def missing(words: str, root: Path = ROOT) -> list[str]:
    """Return the paths that a text names, in backticks or as a link, and that are not there.

    Args:
        words: Markdown, YAML or any other text.
        root: the repository.
    """
    code = re.findall(r"`([^`\n]+)`", words)
    quoted = [word for span in code for word in span.split()] + re.findall(r"\]\(([^)\s#]+)", words)
    return [word for word in quoted if is_path(word) and not (root / word).exists()]


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_every_path_that_is_mentioned_exists(name: str) -> None:
    # What the versions before this one had may be gone.
    before, heading, after = text(name).partition(f"## [{rnnbook.__version__}]")
    words = before + heading + after.partition("\n## [")[0]
    assert words and missing(words) == []


def test_a_path_to_nowhere_is_found() -> None:
    told = "See `tools/nowhere.py run`, `README.md`, [it](NOWHERE.md#top) and `.venv/bin/rnnbook`."
    assert missing(told) == ["tools/nowhere.py", "NOWHERE.md"]


def test_readme_and_contributing_point_to_them() -> None:
    assert {"(CHANGELOG.md)", "(CITATION.cff)"} <= set(
        re.findall(r"\([^)\s]+\)", text("README.md"))
    )
    assert "`.pre-commit-config.yaml`" in text("CONTRIBUTING.md")
    assert "`CHANGELOG.md`" in text("CONTRIBUTING.md")


# ---------------------------------------------------------------- version, citation


def changelog_sections() -> dict[str, str | None]:
    """Return the changelog's versions in their order, with their dates."""
    heading = re.compile(r"^## \[([^]]+)\](?: - (\d{4}-\d\d-\d\d))?$", re.MULTILINE)
    found = dict(heading.findall(text("CHANGELOG.md")))
    assert len(found) == len(re.findall(r"^## ", text("CHANGELOG.md"), re.MULTILINE))
    return {version: date or None for version, date in found.items()}


def test_the_changelog_has_a_section_for_the_version() -> None:
    sections = changelog_sections()
    first, *released = sections
    assert first == "Unreleased" and sections[first] is None
    assert released[0] == rnnbook.__version__
    assert all(sections[version] for version in released)
    assert released == sorted(released, key=Version, reverse=True)
    kinds = set(re.findall(r"^### (.*)$", text("CHANGELOG.md"), re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_changelogs_map_leads_to_modules_that_exist() -> None:
    rows = re.findall(r"^  \| `rnnbook.*?\| (.*) \|$", text("CHANGELOG.md"), re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`rnnbook\.([a-z_.0-9]+)", row)]
    assert len(named) > len(rows) > 5
    for name in named:
        module = ROOT / "rnnbook" / name.replace(".", "/")
        function = re.fullmatch(r"datasets\.(story|time_machine)(\.raw)?", name)
        assert module.is_dir() or module.with_suffix(".py").is_file() or function, name


def test_the_citation_is_the_books() -> None:
    citation = load("CITATION.cff")
    book = load("_config.yml")
    assert citation["cff-version"] == "1.2.0"
    assert {"authors", "message", "title"} <= set(citation)
    assert citation["title"] == book["title"]
    assert [author["name"] for author in citation["authors"]] == [book["author"]]
    assert str(citation["version"]) == rnnbook.__version__
    assert str(citation["date-released"]) == changelog_sections()[rnnbook.__version__]
    assert " AND ".join(citation["license"]) == pyproject()["project"]["license"]
