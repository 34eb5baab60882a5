"""The examples in the package's docstrings run and print what they say."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest
import torch

import rnnbook

MODULES = [
    module.name
    for module in pkgutil.walk_packages(rnnbook.__path__, "rnnbook.")
    if not module.name.endswith("__main__")
]
# Each public class of these shows how it is used.
SHOWN = ("batching", "datasets", "metrics", "models", "ngram", "recurrent", "text", "training")


def shown(name: str) -> bool:
    """Say whether a module is one of those whose classes have examples."""
    return name.split(".")[1] in SHOWN and "._" not in name


def examples(name: str) -> list[doctest.DocTest]:
    """Return the docstrings of a module that have examples."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    module = importlib.import_module(name)
    return [found for found in finder.find(module, name) if found.examples]


@pytest.mark.parametrize("name", MODULES)
def test_examples_print_what_they_say(name: str) -> None:
    runner, told = doctest.DocTestRunner(), []
    for example in examples(name):
        example.globs["torch"] = torch  # the only name that examples take for granted
        runner.run(example, out=told.append)
    assert runner.failures == 0, "".join(told)


@pytest.mark.parametrize("name", [name for name in MODULES if shown(name)])
def test_public_classes_have_an_example(name: str) -> None:
    module = importlib.import_module(name)
    classes = [
        f"{name}.{each.__name__}"
        for each in vars(module).values()
        if inspect.isclass(each)
        and each.__module__ == name
        and not each.__name__.startswith("_")
        and not issubclass(each, Exception)
    ]
    assert set(classes) - {example.name for example in examples(name)} == set()


def test_there_are_examples_to_run() -> None:
    assert sum(len(examples(name)) for name in MODULES) >= 15
