"""rnnbook: the small package behind the interactive book on recurrent neural networks."""

from importlib import import_module
from typing import TYPE_CHECKING

from rnnbook.notebook import explain_asserts

if TYPE_CHECKING:
    from rnnbook.exercises import check, progress
    from rnnbook.reproducibility import device, expect, relative_distance, seed

__version__ = "0.2.0"
__all__ = ["check", "device", "expect", "progress", "relative_distance", "seed"]

_HOMES = {
    "check": "exercises",
    "device": "reproducibility",
    "expect": "reproducibility",
    "progress": "exercises",
    "relative_distance": "reproducibility",
    "seed": "reproducibility",
}


def __getattr__(name: str) -> object:
    # Imported on first use: `rnnbook check` must be able to say that torch is what is missing.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"rnnbook.{_HOMES[name]}"), name)


explain_asserts()
