"""How far a reader has come, in words and as a small panel."""

import html
from collections.abc import Mapping, Sequence, Set

from rnnbook.exercises.kit import Exercise

Chapters = Mapping[str, Sequence[Exercise]]
STYLE = "display: inline-block; width: 1em; height: 1em; margin-right: 2px; border: 1px solid gray;"
FILLED = "background: #14626f;"


def words(chapters: Chapters, done: Set[str]) -> str:
    """Return what is passed and what is left, a line an exercise.

    Args:
        chapters: the exercises by chapter.
        done: the slugs of those that are passed.
    """
    lines = []
    for chapter, members in chapters.items():
        passed = sum(member.slug in done for member in members)
        lines.append(f"Chapter {chapter}: {passed} of {len(members)} passed")
        for member in members:
            lines.append(
                f"  [{'x' if member.slug in done else ' '}] {member.number} {member.title}"
            )
    return "\n".join(lines)


def squares(chapters: Chapters, done: Set[str]) -> str:
    """Return the same as HTML: a square an exercise, a row a chapter, the names behind a click."""
    total = sum(map(len, chapters.values()))
    passed = sum(member.slug in done for members in chapters.values() for member in members)
    rows = "".join(_row(chapter, members, done) for chapter, members in chapters.items())
    return f"<div><strong>{passed} of {total} exercises passed</strong>{rows}</div>"


def _row(chapter: str, members: Sequence[Exercise], done: Set[str]) -> str:
    row, names = [], []
    for member in members:
        is_done = member.slug in done
        name = html.escape(f"{member.number} {member.title}")
        filled = FILLED if is_done else ""
        row.append(f'<span title="{name}" style="{STYLE}{filled}"></span>')
        names.append(f"<li>{'✓' if is_done else '○'} {name}</li>")
    count = sum(member.slug in done for member in members)
    listed = f'<ul style="list-style: none; margin: 0.3em 0 0.6em">{"".join(names)}</ul>'
    return (
        f'<details><summary>Chapter {chapter} <span aria-hidden="true">{"".join(row)}</span> '
        f"{count} of {len(members)}</summary>{listed}</details>"
    )
