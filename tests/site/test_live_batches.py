"""Windows, packing and turning in a browser: what PyTorch and the package do, seen and by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from headless import Record
from playwright.sync_api import Browser, Locator, Page, expect
from site_pages import Look, Visit
from test_live import FRAMES, under_policy
from test_pages import CONTRAST
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from rnnbook.batching import SequentialBatches
from rnnbook.live import marching_windows, packing_steps, turning_numbers
from rnnbook.live.batches import SENTENCE

ONE = "chapters/01_text_to_one_hot"
ELEVEN = "chapters/11_forward_patterns"
HOMES = {"windows": ONE, "turning": ONE, "packing": ELEVEN}

# Mount a figure of our own below one of the page's, so that any options can be tried.
MOUNT = """
(place, [name, options]) => {
  const root = document.createElement("div");
  root.className = "own";
  place.after(root);
  const told = (state) => { root.liveState = state; };
  root.mounted = rnnbookLive.figures[name](root, options, {}, told);
}
"""


def figure(tab: Page, name: str) -> Locator:
    """Return the place of a figure of a page, once it is mounted."""
    place = tab.locator(f'.live-mount[data-live*=\'"figure": "{name}"\']')
    place.scroll_into_view_if_needed()
    place.locator(".live-figure").wait_for()
    return place


def state(place: Locator) -> dict[str, Any]:
    return place.evaluate("place => place.liveState")


def own(place: Locator, name: str, options: dict[str, Any]) -> Locator:
    """Mount a figure with other options beside one of the page's, in place of the last own one."""
    page = place.page
    page.evaluate("() => document.querySelectorAll('.own').forEach((root) => root.remove())")
    place.evaluate(MOUNT, [name, options])
    return page.locator(".own")


def press(place: Locator, name: str) -> None:
    place.get_by_role("button", name=name).click()


@pytest.fixture
def one(visit: Visit, server: str) -> Page:
    return visit(f"{server}/{ONE}.html")[0]


@pytest.fixture
def eleven(visit: Visit, server: str) -> Page:
    return visit(f"{server}/{ELEVEN}.html")[0]


# ---------------------------------------------------------------- windows

TEXTS = [
    {"text": SENTENCE, "B": 3, "T": 5},
    {"text": SENTENCE[:51], "B": 3, "T": 5},  # the strips' last step fills no window
    {"text": "abcdefghijklmnopqrstuvwxy", "B": 1, "T": 8},
    {"text": "abcdefghijklmnopqrstuvwxyz", "B": 4, "T": 2},
]

# What stands in the cells that a kind of frame covers, from its left to its right.
COVERED = """
(place, kind) => [...place.querySelectorAll(kind)].map((frame) => {
  const box = frame.getBoundingClientRect(), bottom = box.bottom;
  return [...place.querySelectorAll(".live-letter")].filter((cell) => {
    const { x, y, width, height } = cell.getBoundingClientRect();
    const middle = x + width / 2;
    return middle > box.left && middle < box.right && y < bottom && bottom < y + height;
  }).map((cell) => cell.textContent).join("");
})
"""


def rows_of(place: Locator, name: str) -> list[str]:
    """Read a table of the figure, row by row."""
    rows = place.locator(f".live-of-{name} tr")
    return [
        "".join(rows.nth(n).locator("td").all_text_contents()).replace("␣", " ")
        for n in range(rows.count())
    ]


@pytest.mark.parametrize("options", TEXTS)
def test_every_sequential_minibatch_is_the_packages(one: Page, options: dict) -> None:
    made = marching_windows(**options).options
    place = own(figure(one, "windows"), "windows", dict(made) | {"number": 1})
    tokens = torch.tensor([ord(letter) for letter in options["text"]])
    batches = list(SequentialBatches(tokens, options["B"], options["T"], offset=0))
    for number, (X, Y) in enumerate(batches, 1):
        found = state(place)
        expected = [["".join(map(chr, row)) for row in part.tolist()] for part in (X, Y)]
        assert [found["X"], found["Y"]] == expected
        assert [found["number"], found["of"]] == [number, len(batches)]
        assert [rows_of(place, "X"), rows_of(place, "Y")] == expected
        framed = [place.evaluate(COVERED, kind) for kind in (".live-x", ".live-y")]
        assert [[row.replace("␣", " ") for row in part] for part in framed] == expected
        press(place, "Begin again" if number == len(batches) else "Next minibatch")
    assert state(place)["number"] == 1


def test_a_row_goes_on_where_it_stopped_and_keeps_its_state(one: Page) -> None:
    place = figure(one, "windows")
    assert state(place)["number"] == 2  # the first that goes on from another
    beads = place.locator(".live-bead")
    for _ in range(6):
        before = state(place)
        press(place, "Begin again" if before["number"] == 4 else "Next minibatch")
        after = state(place)
        carried = after["number"] > 1
        assert ("live-full" in beads.first.get_attribute("class")) == carried
        if carried:
            assert after["starts"] == [start + 5 for start in before["starts"]]
            expect(place.locator(".live-status")).to_contain_text("each keeps its state")


@pytest.mark.parametrize("options", TEXTS)
def test_random_windows_are_windows_of_the_text_and_no_two_are_one(
    one: Page, options: dict
) -> None:
    home, T = figure(one, "windows"), options["T"]
    text = marching_windows(**options).options["text"]
    passes = []
    for seed in (1, 2, 3):
        made = marching_windows(**options, way="random", seed=seed).options
        place = own(home, "windows", dict(made) | {"number": 1})
        for _ in range(3):
            starts = []
            for number in range(1, state(place)["of"] + 1):
                found = state(place)
                assert found["number"] == number
                assert found["X"] == [text[s : s + T] for s in found["starts"]]
                assert found["Y"] == [text[s + 1 : s + 1 + T] for s in found["starts"]]
                assert all(len(y) == T for y in found["Y"])
                assert [rows_of(place, "X"), rows_of(place, "Y")] == [found["X"], found["Y"]]
                assert place.locator(".live-full, .live-thread").count() == 0
                starts += found["starts"]
                press(place, "Begin again" if number == found["of"] else "Next minibatch")
            assert len(set(starts)) == len(starts)
            offset = min(starts) % T
            assert {start % T for start in starts} == {offset}  # as RandomBatches cuts them
            count = (len(text) - offset - 1) // T
            assert len(starts) == count // options["B"] * options["B"]
            passes.append(starts)
    assert len({tuple(each) for each in passes}) > 6  # another order in every pass


def test_a_seed_settles_the_windows(one: Page) -> None:
    home = figure(one, "windows")
    made = dict(marching_windows(way="random", seed=5).options)
    first = state(own(home, "windows", made))
    assert state(own(home, "windows", made)) == first
    assert state(own(home, "windows", made | {"seed": 6}))["starts"] != first["starts"]


def test_windows_by_keyboard_and_from_python(one: Page) -> None:
    place = figure(one, "windows")
    place.get_by_role("button", name="Next minibatch").focus()
    one.keyboard.press("Enter")
    assert state(place)["number"] == 3
    place.get_by_role("radio", name="sequential").focus()
    one.keyboard.press("ArrowRight")
    assert state(place)["way"] == "random"
    mine = own(place, "windows", dict(marching_windows().options))
    mine.evaluate("root => root.mounted.update({ text: 'abcdefghi', B: 2, T: 2, number: 1 })")
    assert state(mine)["X"] == ["ab", "ef"] and state(mine)["Y"] == ["bc", "fg"]
    mine.evaluate("root => root.mounted.update({ way: 'random' })")
    assert mine.get_by_role("radio", name="random").is_checked()
    mine.evaluate("root => root.mounted.destroy()")
    assert mine.locator("*").count() == 0


# ---------------------------------------------------------------- packing

NAMES = [
    ["anna", "jo", "li", "smith"],
    ["berg", "mac leod", "rossi", "li"],
    ["a", "abcdefghijkl"],
    ["ab", "cd", "efg", "h", "ijk", "l"],
]


@pytest.mark.parametrize("names", NAMES)
def test_packing_is_pytorchs(eleven: Page, names: list[str]) -> None:
    options = dict(packing_steps(names).options)
    place = own(figure(eleven, "packing"), "packing", options)
    lengths = torch.tensor([len(name) for name in names])
    X = pad_sequence([torch.tensor([ord(letter) for letter in name]) for name in names], True)
    packed = pack_padded_sequence(X, lengths, batch_first=True, enforce_sorted=False)
    order, T = packed.sorted_indices, int(lengths.max())
    layer = nn.GRU(1, 4, batch_first=True)
    padded_output, _ = layer(X.unsqueeze(2).float())  # (B, T, H), reads the padding
    packed_output, h_n = layer(packed._replace(data=packed.data.unsqueeze(1).float()))
    output, _ = pad_packed_sequence(packed_output, batch_first=True)
    for step in range(1, T + 1):
        place.get_by_label("steps read").fill(str(step))
        found = state(place)
        assert found["names"] == [names[n] for n in order]
        assert found["batch_sizes"] == packed.batch_sizes.tolist()
        read = packed.data[: int(packed.batch_sizes[:step].sum())]
        assert "".join(found["data"]) == "".join(map(chr, read.tolist()))
        shown = place.locator(".live-data .live-read").all_text_contents()
        assert "".join(shown).replace("␣", " ") == "".join(found["data"])
    for row, (b, t) in enumerate(zip(order.tolist(), found["picked"], strict=True)):
        assert torch.equal(h_n[0, b], output[b, t])  # the state that the frame stands on
        assert ringed(place)[row] == (row, t)
    place.get_by_text("padded", exact=True).click()
    found = state(place)
    assert found["picked"] == [T - 1] * len(names) == [t for _, t in ringed(place)]
    assert found["batch_sizes"] == [len(names)] * T
    time_major = X[order].T.flatten().tolist()
    assert "".join(letter or "\0" for letter in found["data"]) == "".join(map(chr, time_major))
    wrong = place.locator(".live-wrong").count()
    assert wrong == sum(not X[b, -1] for b in range(len(names))) > 0
    for b in range(len(names)):  # what output[:, -1] is: after padding, but for the longest
        same = torch.allclose(padded_output[b, -1], h_n[0, b])
        assert same == (lengths[b] == T)
    expect(place.locator(".live-status")).to_contain_text(f"a pad in {wrong} of {len(names)} rows")


def ringed(place: Locator) -> list[tuple[int, int]]:
    """Return for each frame the row and the step of the cell that it lies on."""
    found = place.evaluate(
        """place => {
          const squares = [...place.querySelectorAll(".live-board .live-square")];
          return [...place.querySelectorAll(".live-ring:not(.live-last)")].map((ring) => {
            const a = ring.getBoundingClientRect();
            const n = squares.findIndex((square) => {
              const b = square.getBoundingClientRect();
              return Math.abs(a.x - b.x) < 4 && Math.abs(a.y - b.y) < 4;
            });
            return [n, squares.length];
          });
        }"""
    )
    return [divmod(n, total // len(found)) for n, total in found]


def test_the_chapter_shows_the_minibatch_shrink_at_once(eleven: Page) -> None:
    place = figure(eleven, "packing")
    found = state(place)
    assert found["step"] == 4 and found["batch_sizes"] == [4, 4, 3, 3, 2, 1, 1, 1]
    assert found["picked"] == [3, 3, 3, 1]  # li has ended, its state stays
    expect(place.locator(".live-status")).to_have_text(
        "Step 4: 3 of 4 rows still go on. The others have ended, and their states stay."
    )


def test_packing_by_keyboard_and_from_python(eleven: Page) -> None:
    place = figure(eleven, "packing")
    place.get_by_label("steps read").focus()
    eleven.keyboard.press("End")
    assert state(place)["step"] == 8
    eleven.keyboard.press("ArrowLeft")
    assert state(place)["step"] == 7
    place.get_by_role("radio", name="packed").focus()
    eleven.keyboard.press("ArrowRight")
    assert state(place)["mode"] == "padded" and state(place)["picked"] == [6, 6, 6, 6]
    mine = own(place, "packing", dict(packing_steps().options))
    mine.evaluate("root => root.mounted.update({ names: ['o', 'ab'], step: 2, mode: 'padded' })")
    assert state(mine)["data"] == ["a", "o", "b", ""]
    assert mine.get_by_role("radio", name="padded").is_checked()
    mine.evaluate("root => root.mounted.destroy()")
    assert mine.locator("*").count() == 0


# ---------------------------------------------------------------- turning


def tables_seen(place: Locator) -> list[list[list[int]]]:
    """Read each board's numbers by where they stand on the screen."""
    return place.evaluate(
        """place => [...place.querySelectorAll(".live-board")].map((board) => {
          const rows = new Map();
          for (const chip of board.querySelectorAll(".live-chip")) {
            const { x, y } = chip.getBoundingClientRect(), row = Math.round(y);
            rows.set(row, [...(rows.get(row) ?? []), [x, Number(chip.textContent)]]);
          }
          return [...rows].sort(([a], [b]) => a - b)
            .map(([, row]) => row.sort(([a], [b]) => a - b).map(([, number]) => number));
        })"""
    )


@pytest.mark.parametrize(("T", "B"), [(3, 2), (2, 2), (4, 3), (2, 4), (6, 4)])
def test_numbers_stand_where_pytorch_puts_them(one: Page, T: int, B: int) -> None:
    place = own(figure(one, "turning"), "turning", dict(turning_numbers(T, B).options))
    X = torch.arange(T * B).reshape(B, T)
    expected = [X.tolist(), X.T.tolist(), X.reshape(T, B).tolist()]
    assert tables_seen(place) == expected
    for name, button in {"T": "X.T", "reshape": f"X.reshape({T}, {B})"}.items():
        press(place, button)
        found = state(place)
        assert found["turned"] == name and [found["T"], found["reshape"]] == expected[1:]
        assert tables_seen(place) == expected  # no motion is wanted here: at once
        assert place.evaluate("p => p.getAnimations({ subtree: true }).length") == 0
    names = place.locator(".live-turned .live-under").all_text_contents()
    assert names == [f"row {b}" for b in range(B)] + ["✗ mixed"] * B


def test_a_colour_is_a_row_of_x(one: Page) -> None:
    place = own(figure(one, "turning"), "turning", dict(turning_numbers(4, 3).options))
    colours = place.locator(".live-chip").evaluate_all(
        "chips => chips.map((chip) => [Number(chip.textContent),"
        " getComputedStyle(chip).backgroundColor])"
    )
    assert len({(n // 4, colour) for n, colour in colours}) == 3 == len({c for _, c in colours})


def test_turning_by_keyboard_and_from_python(one: Page) -> None:
    place = figure(one, "turning")
    place.get_by_role("button", name="X.T").focus()
    one.keyboard.press("Enter")
    expect(place.locator(".live-status")).to_have_text(
        "Column 0 is 0, 1, 2: one row of X, step after step."
    )
    one.keyboard.press("Tab")
    one.keyboard.press("Space")
    expect(place.locator(".live-status")).to_have_text(
        "Column 0 is 0, 2, 4: numbers of several rows, mixed."
    )
    mine = own(place, "turning", {"T": 3, "B": 2})
    mine.evaluate("root => root.mounted.update({ T: 2 })")
    assert state(mine)["reshape"] == [[0, 1], [2, 3]]
    mine.evaluate("root => root.mounted.destroy()")
    assert mine.locator("*").count() == 0


# ---------------------------------------------------------------- all three


def test_motion_is_smooth_and_ends_within_a_second(browser: Browser, server: str) -> None:
    tab = browser.new_context(reduced_motion="no-preference").new_page()
    for name, button in {"turning": "X.reshape(3, 2)", "windows": "Next minibatch"}.items():
        tab.goto(f"{server}/{HOMES[name]}.html")
        place = figure(tab, name)
        tab.wait_for_timeout(800)
        at_rest = tables_seen(place)
        press(place, button)
        moving, longest = place.evaluate(
            """place => {
              const all = place.getAnimations({ subtree: true });
              const ends = all.map((motion) => motion.effect.getComputedTiming().endTime);
              return [all.length, Math.max(...ends)];
            }"""
        )
        assert moving >= 6 and longest <= 1000
        assert tab.evaluate(FRAMES, 900) > 30
        tab.wait_for_timeout(300)
        assert place.evaluate("p => p.getAnimations({ subtree: true }).length") == 0
        assert tables_seen(place) == at_rest
    tab.context.close()


def test_where_no_motion_is_wished_marks_stand_there_at_once(one: Page, visit: Visit) -> None:
    place = figure(one, "windows")
    moved = place.evaluate(
        """place => {
          const frame = place.querySelector(".live-x"), before = frame.getBoundingClientRect().x;
          [...place.querySelectorAll("button")].at(-1).click();
          const after = frame.getBoundingClientRect().x;
          const cell = place.querySelector(".live-letter").getBoundingClientRect().width;
          return [(after - before) / cell, place.getAnimations({ subtree: true }).length];
        }"""
    )
    assert moved == [pytest.approx(5, abs=0.01), 0]


@pytest.mark.parametrize("name", HOMES)
def test_from_the_disk(visit: Visit, built: Path, name: str) -> None:
    tab, record = visit((built / f"{HOMES[name]}.html").as_uri())
    assert state(figure(tab, name)) and record.errors == []


@pytest.mark.parametrize("name", HOMES)
def test_under_a_strict_policy(browser: Browser, server: str, name: str) -> None:
    tab, record = browser.new_context().new_page(), Record()
    under_policy(tab)
    record.watch(tab)
    tab.goto(f"{server}/{HOMES[name]}.html")
    place = figure(tab, name)
    assert state(place) and record.foreign == []
    widths = place.locator(".live-at").evaluate_all("all => all.map((e) => e.style.cssText)")
    assert all("--c" in style for style in widths)  # the policy lets the cells be placed
    tab.context.close()


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 390, 1280])
@pytest.mark.parametrize("name", HOMES)
def test_it_fits_and_can_be_read(look: Look, name: str, mode: str, width: int) -> None:
    tab, _ = look(HOMES[name], mode, width)
    place = figure(tab, name)
    extremes = {
        "windows": {"text": "m" * 97, "B": 4, "T": 8, "way": "random", "seed": 1, "number": 2},
        "packing": {"names": ["m" * 12, *"abcde"], "mode": "padded", "step": 12},
        "turning": {"T": 6, "B": 4},
    }
    for each in (place, own(place, name, extremes[name])):
        box = each.locator(".live-figure").bounding_box()
        assert box["x"] + box["width"] <= width
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        outside = each.evaluate(
            """root => {
              const { left, right } = root.querySelector(".live-figure").getBoundingClientRect();
              return [...root.querySelectorAll(".live-figure *")].filter((e) => {
                const box = e.getBoundingClientRect();
                return box.left < left - 0.5 || box.right > right + 0.5;
              }).map((e) => e.outerHTML);
            }"""
        )
        assert outside == []
        sizes = each.locator(".live-figure *").evaluate_all(
            "all => all.filter((e) => e.children.length === 0 && e.textContent)"
            ".map((e) => parseFloat(getComputedStyle(e).fontSize))"
        )
        assert min(sizes) >= 12
    pale = [text for text in tab.evaluate(CONTRAST) if text["ratio"] < 4.5]
    assert [text for text in pale if "live-" in text["tag"]] == []
    tab.evaluate("() => document.querySelectorAll('.own').forEach((root) => root.remove())")


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_frames_and_chips_stand_out_from_their_ground(look: Look, mode: str) -> None:
    tab, _ = look(ONE, mode)
    figure(tab, "windows")
    colours = tab.locator(".live-figure").first.evaluate(
        """root => ["first", "second", "third", "fourth", "on", "ground"].map((name) => {
          root.style.setProperty("outline-color", `var(--live-${name})`);
          return getComputedStyle(root).outlineColor.match(/[\\d.]+/g).slice(0, 3).map(Number);
        })"""
    )
    *kinds, on, ground = map(luminance, colours)
    for kind in kinds:
        assert ratio(kind, ground) >= 4.5 and ratio(kind, on) >= 4.5


def luminance(rgb: list[float]) -> float:
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb)
    ]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def ratio(a: float, b: float) -> float:
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)


@pytest.mark.parametrize("name", HOMES)
def test_without_scripts_there_is_a_picture(browser: Browser, server: str, name: str) -> None:
    tab = browser.new_context(java_script_enabled=False).new_page()
    tab.goto(f"{server}/{HOMES[name]}.html")
    picture = tab.locator(f'.live-mount[data-live*=\'"figure": "{name}"\'] img')
    assert picture.count() == 1 and len(picture.get_attribute("alt")) > 100
    tab.context.close()
