"""The package itself: what it offers under its own name, and how little it imports for that."""

import subprocess
import sys

import pytest

import rnnbook


def test_all_names_on_offer_are_there():
    for name in rnnbook.__all__:
        assert callable(getattr(rnnbook, name))
    with pytest.raises(AttributeError, match="module 'rnnbook' has no attribute 'chek'"):
        _ = rnnbook.chek


def test_nothing_heavy_is_imported_before_it_is_used():
    # `rnnbook check` must be able to say that torch is what is missing.
    program = """
import sys, rnnbook, rnnbook.app.cli
assert not {"torch", "matplotlib", "numpy"} & set(sys.modules)
rnnbook.device
assert "torch" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
