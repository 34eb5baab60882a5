"""tools/portability.py: it sees what depends on instructions or threads, and keeps its table."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

import portability
from notebooks import inserted
from portability import PART, SETTINGS, NoEffect

BEGIN, END = f"<!-- {PART} -->", f"<!-- /{PART} -->"

MEASURED = "2026-01-02, A Processor, Python 3.11.1, torch 2.9, numpy 2.4"


def chapter(folder: Path, *cells: tuple[str, str]) -> Path:
    """Write a notebook of cells (source, what they are said to print)."""
    notebook = new_notebook(cells=[new_code_cell(source) for source, _ in cells])
    for count, (cell, (_, printed)) in enumerate(zip(notebook.cells, cells, strict=True), 1):
        cell.execution_count = count
        cell.outputs = [new_output("stream", name="stdout", text=printed)] if printed else []
    path = folder / "07_small.ipynb"
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def pages(tmp_path: Path) -> tuple[Path, Path]:
    """A README with its markers, and where the table goes."""
    readme = tmp_path / "README.md"
    readme.write_text(f"Before\n\n{BEGIN}\n*Not measured yet.*\n{END}\n\nAfter\n", "utf-8")
    return tmp_path / "portability.md", readme


def test_a_cell_that_depends_on_the_setting_is_named_and_a_good_one_is_not(tmp_path):
    path = chapter(
        tmp_path,
        ("print('the same everywhere')", "the same everywhere\n"),
        ("import torch\nassert torch.get_num_threads() == 2, 'one thread'", ""),
        ("print(torch.backends.cpu.get_cpu_capability())", "AVX2\n"),
    )
    before = path.read_bytes()
    found = portability.examine(path, SETTINGS["default-1"])
    first, second = found.split("; ")
    assert first == "cell 1: AssertionError: one thread"
    assert second == r"cell 2: 'AVX2\n' == 'DEFAULT\n'"
    assert path.read_bytes() == before


def test_native_is_not_limited_by_the_shell(tmp_path, monkeypatch):
    for name in portability.LIMIT_VARIABLES:
        monkeypatch.setenv(name, "avx2")
    native = SETTINGS["native-2"].environment(str(tmp_path))
    assert not native.keys() & set(portability.LIMIT_VARIABLES)
    assert {native[name] for name in portability.THREAD_VARIABLES} == {"2"}
    plain = SETTINGS["default-1"].environment(str(tmp_path))
    assert [plain[n] for n in portability.LIMIT_VARIABLES] == ["default", "SSE41", "SSE4_2"]


def test_a_run_that_found_no_cell_says_why():
    assert portability.failures("=== ERRORS ===\nno such notebook\n") == ["no such notebook"]
    assert portability.failures("") == ["pytest printed nothing"]


@pytest.mark.parametrize(
    ("name", "answer", "followed"),
    [
        ("default-1", '["default", 1]', True),
        ("native-1", '["avx512", 1]', True),
        ("default-1", '["avx2", 1]', False),
        ("avx2-2", '["avx2", 1]', False),
        ("native-1", '["avx512", 4]', False),
    ],
)
def test_a_setting_without_effect_is_an_error(name, answer, followed, tmp_path, monkeypatch):
    monkeypatch.setattr(portability, "PROBE", f"print({answer!r})")
    setting = SETTINGS[name]
    if followed:
        portability.verify(setting, setting.environment(str(tmp_path)))
        return
    with pytest.raises(NoEffect, match=f"{name}: PyTorch answers avx"):
        portability.verify(setting, setting.environment(str(tmp_path)))


def test_pytorch_itself_is_asked(tmp_path):
    setting = SETTINGS["default-2"]
    environment = setting.environment(str(tmp_path))
    one_thread = dict.fromkeys(portability.THREAD_VARIABLES, "1")
    with pytest.raises(NoEffect, match="default-2: PyTorch answers default with 1 thread"):
        portability.verify(setting, environment | one_thread)


def test_an_error_stores_nothing(tmp_path, monkeypatch, capsys):
    def refuse(setting, environment):
        raise NoEffect(f"{setting}: PyTorch answers avx2 with 7 thread(s)")

    def store(results, complete):
        raise AssertionError("stored")

    monkeypatch.setattr(portability, "verify", refuse)
    monkeypatch.setattr(portability, "store", store)
    assert portability.main([str(chapter(tmp_path)), "--settings", "avx2-1"]) == 2
    assert "avx2-1: PyTorch answers" in capsys.readouterr().err


@pytest.mark.parametrize(("failing", "status"), [(None, 0), ("default-2", 1)])
def test_the_command_line_runs_what_it_is_told(failing, status, tmp_path, monkeypatch):
    monkeypatch.setattr(
        portability, "examine", lambda _, s: "cell 1: no" if str(s) == failing else "ok"
    )
    stored = []
    monkeypatch.setattr(portability, "store", lambda *given, **how: stored.append((*given, how)))
    path = str(chapter(tmp_path))
    given = [path, "--settings", "avx2-1", "default-2", "--jobs", "2"]
    assert portability.main(given) == status
    row = {"avx2-1": "ok", "default-2": "cell 1: no" if failing else "ok"}
    assert stored == [({"07_small": row}, {"complete": False})]


def test_a_partial_run_renews_only_its_rows(pages, monkeypatch):
    table, readme = pages
    everything = dict.fromkeys(SETTINGS, "ok")
    monkeypatch.setattr(portability, "machine", lambda: MEASURED)
    portability.store({"02_b": everything, "01_a": everything}, table, readme)
    monkeypatch.setattr(portability, "machine", lambda: "later")
    portability.store({"02_b": {"avx2-2": "cell 3: a | b <c>"}}, table, readme)
    rows = portability.read_table(table.read_text("utf-8"))
    assert list(rows) == ["01_a", "02_b"]
    assert rows["01_a"] == {**everything, "measured": MEASURED}
    # The other settings of that row were measured before: what they gave is not thrown away.
    assert rows["02_b"] == {**everything, "avx2-2": "cell 3: a / b &lt;c>", "measured": "later"}
    page = readme.read_text("utf-8")
    assert page.startswith(f"Before\n\n{BEGIN}\n| chapter |") and page.endswith("\n\nAfter\n")
    assert "| 01 | ok |" in page and "| 02 | ok |" in page and "cell 3: a / b &lt;c>" in page
    assert f"Measured: {MEASURED}; later." in page and "Not measured" not in page


def test_a_run_of_all_chapters_drops_the_rows_of_others(pages):
    table, readme = pages
    portability.store({"01_a": {"avx2-1": "ok"}, "02_old_name": {"avx2-1": "ok"}}, table, readme)
    portability.store({"01_a": {"avx2-2": "ok"}}, table, readme, complete=True)
    rows = portability.read_table(table.read_text("utf-8"))
    assert list(rows) == ["01_a"] and rows["01_a"]["avx2-1"] == rows["01_a"]["avx2-2"] == "ok"


def test_settings_that_were_not_run_are_not_ok(pages):
    table, readme = pages
    portability.store({"01_a": {"avx2-1": "ok"}}, table, readme)
    row = portability.read_table(table.read_text("utf-8"))["01_a"]
    assert {name for name in SETTINGS if row[name] == portability.NOT_RUN} == {*SETTINGS} - {
        "avx2-1"
    }


def test_a_readme_without_its_markers_changes_nothing(pages):
    table, readme = pages
    for text in ("no markers\n", f"{BEGIN}\nno end\n"):
        readme.write_text(text, "utf-8")
        with pytest.raises(ValueError, match="the page lacks the line <!-- /?portability -->"):
            portability.store({"01_a": {"avx2-1": "ok"}}, table, readme)
        assert not table.exists() and readme.read_text("utf-8") == text


def test_the_machine_is_described():
    described = portability.machine()
    assert described[:2] == "20" and ", Python 3." in described
    assert ", torch " in described and ", numpy " in described and "|" not in described


def test_the_real_readme_has_its_markers():
    assert inserted(portability.README.read_text("utf-8"), PART, "a table\n")
