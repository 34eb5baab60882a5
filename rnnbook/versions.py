"""Which releases of other packages the book asks for: what its own metadata says, and no copy."""

import importlib.metadata

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet


def required(name: str) -> SpecifierSet:
    """Return the versions of a package with which the book works.

    Args:
        name: a distribution, such as ``"d2l"``.
    Returns:
        The range, as in pyproject.toml; it holds every version if the package is not named there.
    """
    try:
        declared = importlib.metadata.requires("rnnbook") or []
    except importlib.metadata.PackageNotFoundError:  # run from a folder, not installed
        declared = []
    for requirement in map(Requirement, declared):
        if requirement.name == name:
            return requirement.specifier
    return SpecifierSet()
