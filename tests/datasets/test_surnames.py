"""rnnbook.datasets.surnames: plain letters, one language a name, and three parts."""

import sys

import pytest

from rnnbook.datasets import surnames


@pytest.fixture(scope="module")
def loaded():
    return surnames.load()


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Müller", "muller"),
        ("Weiß", "weiss"),
        ("Łuczak", "luczak"),
        ("ĐOKIĆ", "dokic"),
        ("Sørensen", "sorensen"),
        ("O'Brien", "o brien"),
        ("  van der  Meer ", "van der meer"),
        ("Čačić", "cacic"),
        ("Mu\u0308ller", "muller"),  # the mark as a character of its own
        ("İpek", "ipek"),
        ("Þórsson", "thorsson"),
        ("Guðrún", "gudrun"),
        ("Kılıç", "kilic"),
        ("Ħal-Ŋŧ", "hal ngt"),
        ("123", ""),
        ("王", ""),
    ],
)
def test_names_are_written_with_plain_letters(name, plain):
    assert surnames.to_ascii(name) == plain


@pytest.mark.parametrize("language", surnames.LANGUAGES)
def test_lists_hold_plain_names_of_two_letters_and_more(language):
    members = surnames.listed(language)
    assert len(members) > 300
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz ") for name in members)
    assert all(len(name) > 1 and name == surnames.to_ascii(name) for name in members)


def test_no_letter_of_the_lists_is_lost():
    # A letter that to_ascii does not know would turn into a space: some names have a space already.
    for language in surnames.LANGUAGES:
        for locale, attribute in surnames.SOURCES[language]:
            provider = sys.modules[f"faker.providers.person.{locale}"].Provider
            for name in getattr(provider, attribute):
                letters = sum(character.isalpha() for character in name)
                assert sum(c.isalpha() for c in surnames.to_ascii(name)) >= letters, name


def test_a_name_is_loaded_for_one_language_only(loaded):
    members = [name for each in loaded.values() for name in each]
    assert len(members) == len(set(members)) > 5000
    shared = surnames.listed("Italian") & surnames.listed("Spanish")
    assert shared and not shared & set(members)


def test_loading_is_repeatable_and_a_limit_keeps_the_first(loaded):
    assert surnames.load() == loaded
    assert list(loaded) == surnames.LANGUAGES
    fewer = surnames.load(limit=50)
    assert all(fewer[language] == loaded[language][:50] for language in surnames.LANGUAGES)
    with pytest.raises(ValueError, match="limit of at least 1"):
        surnames.load(0)


def test_the_order_has_no_meaning(loaded):
    # In an alphabetical order the first letters would rise; here they are mixed.
    firsts = [ord(name[0]) for name in loaded["Italian"]]
    half = len(firsts) // 2
    assert abs(sum(firsts[:half]) / half - sum(firsts[half:]) / (len(firsts) - half)) < 1.5


def test_a_name_that_is_added_moves_hardly_any_other(loaded):
    before = surnames.split(loaded)[2]
    more = {language: list(members) for language, members in loaded.items()}
    more["Dutch"] = sorted([*more["Dutch"], "abcdef"], key=surnames._hash)
    after = surnames.split(more)[2]
    assert len(set(before.names) ^ set(after.names)) <= 2


def test_parts_are_stratified_disjoint_and_complete(loaded):
    parts = surnames.split(loaded)
    everything = [name for part in parts for name in part.names]
    assert sorted(everything) == sorted(name for each in loaded.values() for name in each)
    for part, share in zip(parts, (0.8, 0.1, 0.1), strict=True):
        counts = part.labels.bincount().tolist()
        for label, language in enumerate(surnames.LANGUAGES):
            assert abs(counts[label] - share * len(loaded[language])) <= 1
        for name, label in zip(part.names, part.labels.tolist(), strict=True):
            assert name in loaded[surnames.LANGUAGES[label]]
        # Mixed: a minibatch of neighbours holds several languages.
        assert all(len(set(chunk.tolist())) >= 5 for chunk in part.labels.split(64)[:-1])


@pytest.mark.parametrize(
    ("fractions", "message"),
    [
        ((0.0, 0.1), "above 0"),
        ((0.1, -0.1), "above 0"),
        ((0.5, 0.5), "leave some names"),
        ((0.0001, 0.1), "too few"),
    ],
)
def test_parts_that_cannot_be_are_refused(loaded, fractions, message):
    with pytest.raises(ValueError, match=message):
        surnames.split(loaded, *fractions)


def test_a_language_without_a_list_is_refused(loaded):
    with pytest.raises(ValueError, match="no list for 'Klingon', only for Croatian"):
        surnames.listed("Klingon")
    fewer = {language: members for language, members in loaded.items() if language != "Dutch"}
    with pytest.raises(ValueError, match="none for Dutch"):
        surnames.split(fewer)


@pytest.mark.parametrize("language", ["Italian", "Spanish"])
def test_a_name_that_comes_twice_is_refused(loaded, language):
    first = loaded["Italian"][0]
    again = loaded | {language: [*loaded[language], first]}
    with pytest.raises(ValueError, match=f"'{first}' comes 2 times"):
        surnames.split(again)


def test_without_faker_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "faker.providers.person.fi_FI", None)
    with pytest.raises(ImportError, match=r"pip install 'rnnbook\[book\]'"):
        surnames.listed("Finnish")
