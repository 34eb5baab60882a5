"""Which exercises a reader has passed, in a file of their own."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
from filelock import FileLock

from rnnbook.atomic import write_atomically

STATE_DIR = "RNNBOOK_STATE_DIR"
SECONDS = 10.0  # to wait for another notebook that is just writing
# Version 0.1 remembered numbers. The slugs of its exercises, chapter by chapter, in their order:
# numbers have changed since then, slugs never do.
SLUGS_OF_0_1 = {
    1: (
        "what-is-left how-much-is-unknown the-long-tail and-back-again why-not-the-index "
        "mend-the-sampler count-the-minibatches"
    ),
    2: (
        "the-toy-language what-comes-next too-much-of-a-good-thing by-hand-in-three-units "
        "choose-honestly words-against-characters better-or-not"
    ),
    3: (
        "count-the-parameters remember-an-x neither-forget-nor-explode "
        "the-optimiser-that-sees-nothing which-orders-are-allowed a-square-trap "
        "outputs-and-states"
    ),
    4: (
        "three-terms-by-hand four-bugs-on-the-way-back the-same-for-relu "
        "how-far-back-does-a-latch-see what-clipping-leaves-alone detach-in-the-right-place"
    ),
    5: (
        "clip-by-hand put-the-averages-together four-bugs the-price-of-short-windows "
        "perplexity-1-0 stop-early"
    ),
    6: (
        "count-them turned-or-not half-life-of-a-state shapes-on-paper one-layer-out-of-two "
        "three-bugs layers-out-of-cells"
    ),
    7: (
        "half-life-of-a-cell tie-two-gates four-times-as-many the-wrong-order open-every-gate "
        "half-of-the-memory"
    ),
    8: (
        "three-steps-by-hand the-other-convention one-bias-too-many count-with-a-cell "
        "a-view-that-mixes true-of-the-gru"
    ),
    9: (
        "what-is-dropped-and-when between-the-layers-only where-the-last-states-are "
        "count-before-you-run who-has-seen-what two-wrong-summaries normalise-before-the-head"
    ),
    10: (
        "shapes-of-a-packed-run the-last-valid-step a-mean-without-the-padding "
        "yes-or-no-from-two-layers three-bugs-in-a-padded-minibatch how-much-is-padding "
        "which-summary"
    ),
}


class NotRemembered(Exception):
    """The file cannot be read or written; the message says why."""


class NotReadable(ValueError):
    """The file holds something else; what it held is in a file beside it, named in the message."""


def state_file() -> Path:
    """Return where passed exercises are remembered.

    Returns:
        A file in the folder that ``RNNBOOK_STATE_DIR`` names, or in the user's own.
    """
    folder = os.environ.get(STATE_DIR) or platformdirs.user_state_dir("rnnbook")
    return Path(folder).expanduser() / "progress.json"


def remembered() -> set[str] | list[str]:
    """Read what was passed.

    Returns:
        The slugs of the exercises; or, from before version 0.2, the list of their numbers then.
    Raises:
        NotRemembered: if the file cannot be read.
        NotReadable: if it holds something else.
    """
    with _failures():
        try:
            stored = json.loads(state_file().read_bytes())
        except FileNotFoundError:
            return set()
        if isinstance(stored, list):
            return [str(number) for number in stored]
        if isinstance(stored, dict) and isinstance(stored.get("passed"), list):
            return {slug for slug in stored["passed"] if isinstance(slug, str)}
        raise NotReadable(f"it holds {type(stored).__name__}")


def remember(update: Callable[[set[str] | list[str]], set[str]]) -> str | None:
    """Change what is remembered, while no other notebook does.

    Args:
        update: called with what ``remembered`` returns; returns the slugs to store.
    Returns:
        What to tell the reader: that a file that could not be understood was set aside.
    Raises:
        NotRemembered: if the file cannot be read or written.
    """
    told = None
    with _failures():
        path = state_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock"), timeout=SECONDS):
            try:
                before = remembered()
            except NotReadable:
                told, before = f"{_set_aside(path)} held what is no progress: set aside", set()
            after = update(before)
            if not isinstance(before, set) or after != before:
                content = json.dumps({"passed": sorted(after)}, indent=1)
                write_atomically(path, content.encode())
    return told


def _set_aside(path: Path) -> Path:
    """Rename a file to a name that is free; return the name."""
    number = 1
    while (aside := path.with_suffix(f".unreadable-{number}")).exists():
        number += 1
    path.rename(aside)
    return aside


@contextmanager
def _failures() -> Iterator[None]:
    """Within ``with``, let whatever a disk or its bytes can do wrong be one of two errors."""
    try:
        yield
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise NotReadable(str(error)) from error
    except (OSError, RuntimeError) as error:  # no home folder is a RuntimeError
        raise NotRemembered(str(error)) from error
