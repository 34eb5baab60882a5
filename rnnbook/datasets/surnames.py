"""Surnames by language, from the lists of the package Faker: a task for sequence classifiers."""

import hashlib
import importlib
import unicodedata
from collections import Counter
from dataclasses import dataclass

import torch
from torch import Tensor

from rnnbook.arguments import kind_of, real, whole
from rnnbook.text import clean

# Where Faker keeps the surnames of a country, filed here under a language: locales, and attributes
# of their person providers. Of Polish surnames with a form in -ski for men and one in -ska for
# women, the first alone is there: with both, a name could be in training and test.
SOURCES = {
    "Croatian": [("hr_HR", "last_names")],
    "Dutch": [("nl_NL", "last_names")],
    "English": [("en_GB", "last_names"), ("en_NZ", "last_names")],
    "Finnish": [("fi_FI", "last_names")],
    "French": [("fr_FR", "last_names"), ("fr_CA", "last_names")],
    "German": [("de_DE", "last_names"), ("de_AT", "last_names")],
    "Italian": [("it_IT", "last_names")],
    "Polish": [("pl_PL", "unisex_last_names"), ("pl_PL", "male_last_names")],
    "Spanish": [("es_ES", "last_names")],
    "Swedish": [("sv_SE", "last_names")],
}
LANGUAGES = list(SOURCES)  # the classes, in the order of their labels
# Letters that Unicode does not take apart into a plain letter and a mark.
UNDIVIDED = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d"}
    | {"þ": "th", "ħ": "h", "ŋ": "ng", "ı": "i", "ŧ": "t"}
)


@dataclass(frozen=True)
class LabelledNames:
    """Names with their labels.

    Attributes:
        names: N names, of the letters a to z and spaces.
        labels: (N,) int64, each an index into ``LANGUAGES``.
    Example:
        >>> train, validation, test = split(load(limit=50))
        >>> train.names[0] in load()[LANGUAGES[train.labels[0]]]
        True
    """

    names: list[str]
    labels: Tensor

    def __len__(self) -> int:
        return len(self.names)


def to_ascii(name: str) -> str:
    """Write a name with the letters a to z and single spaces.

    Letters lose their marks (NFKD), and those of European languages that have no plain form are
    respelt. All else, letters of other alphabets too, becomes a space.

    Args:
        name: such as ``"Müller"`` or ``"O'Brien"``.
    Returns:
        Such as ``"muller"`` or ``"o brien"``; empty if there is no Latin letter.
    """
    if not isinstance(name, str):
        raise TypeError(f"expected the name as a string, got {kind_of(name)}")
    apart = unicodedata.normalize("NFKD", name.lower().translate(UNDIVIDED))
    return clean("".join(letter for letter in apart if not unicodedata.combining(letter)))


def listed(language: str) -> set[str]:
    """Return the surnames on Faker's lists of one language, each once, as ``to_ascii`` writes them.

    Args:
        language: one of ``LANGUAGES``.
    Returns:
        The names of at least two letters.
    Raises:
        ValueError: if there is no such language.
        ImportError: if Faker is not installed, or this version of it has no such list.
    """
    if language not in SOURCES:
        raise ValueError(f"there is no list for {language!r}, only for {', '.join(LANGUAGES)}")
    found = set()
    for locale, attribute in SOURCES[language]:
        try:
            provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
            found.update(getattr(provider, attribute))
        except (ImportError, AttributeError) as error:
            raise ImportError(
                f"the {language} surnames are {attribute} of the locale {locale} in the package "
                f"Faker, which could not be read ({error}): install it with "
                "`pip install 'rnnbook[book]'`"
            ) from error
    return {name for name in map(to_ascii, found) if len(name) > 1}


def load(limit: int = 1000) -> dict[str, list[str]]:
    """Collect the names that stand on the lists of exactly one language.

    A name on several lists has no right answer in a task with one class a name. All of them are
    left out, so that no name can be in two classes.

    Args:
        limit: the largest number of names taken from a language.
    Returns:
        For each language its names, in the order of a hash of their letters: an order without
        meaning, which is the same on every machine, and which a name added to or taken from the
        lists does not disturb.
    Raises:
        ValueError: if the limit is below 1.
        ImportError: as ``listed``.
    """
    whole("limit", limit, least=1)
    lists = {language: listed(language) for language in LANGUAGES}
    times = Counter(name for names in lists.values() for name in names)
    return {
        language: sorted((name for name in names if times[name] == 1), key=_hash)[:limit]
        for language, names in lists.items()
    }


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def split(
    names: dict[str, list[str]], validation: float = 0.1, test: float = 0.1
) -> tuple[LabelledNames, LabelledNames, LabelledNames]:
    """Cut every language's names into three parts, in the same proportions.

    Args:
        names: for each of ``LANGUAGES`` its names, in an order without meaning, as ``load`` gives
            them.
        validation: the fraction of each language's names for validation.
        test: the fraction for the test.
    Returns:
        The parts to train on, to validate and to test with; no name is in two of them, and in each
        the languages are mixed.
    Raises:
        ValueError: if the fractions leave nothing to train on or a language too small a share, a
            language is missing, or a name comes twice.
    """
    validation, test = real("validation", validation), real("test", test)
    if not (min(validation, test) > 0 and validation + test < 1):
        raise ValueError(
            f"expected fractions above 0 that leave some names to train on, got {validation} and "
            f"{test}"
        )
    if not isinstance(names, dict):
        raise TypeError(f"expected a dictionary, as load() gives it, got {kind_of(names)}")
    if missing := [language for language in LANGUAGES if language not in names]:
        raise ValueError(f"expected names for every language, none for {', '.join(missing)}")
    times = Counter(name for language in LANGUAGES for name in names[language])
    if twice := [name for name, count in times.items() if count > 1]:
        raise ValueError(f"{twice[0]!r} comes {times[twice[0]]} times: it could be in two parts")
    parts: list[list[tuple[str, int]]] = [[], [], []]
    for label, language in enumerate(LANGUAGES):
        members = names[language]
        for_validation, for_test = (round(len(members) * share) for share in (validation, test))
        first = len(members) - for_validation - for_test
        if min(first, for_validation, for_test) < 1:
            raise ValueError(f"{len(members)} {language} names are too few for three parts")
        cuts = (0, first, first + for_validation, len(members))
        for part, start, stop in zip(parts, cuts, cuts[1:], strict=False):
            part += [(name, label) for name in members[start:stop]]
    return tuple(_mixed(part) for part in parts)


def _mixed(members: list[tuple[str, int]]) -> LabelledNames:
    """Return names with their labels, the languages mixed."""
    # Another hash than that which chose them: of a long list only the lowest hashes were taken.
    members = sorted(members, key=lambda member: _hash("mixed " + member[0]))
    return LabelledNames(
        [name for name, _ in members], torch.tensor([label for _, label in members])
    )
