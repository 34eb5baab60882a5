"""rnnbook.text: cleaning, the vocabulary against d2l's own, one-hot vectors, three parts."""

import pytest
import torch

from rnnbook import d2l_compat
from rnnbook.datasets import time_machine
from rnnbook.datasets._fetch import TextUnavailable
from rnnbook.text import Vocab, clean, one_hot, split

TEXT = "It was the 9th.\n\n  'Tide' she said -- (low)\nand again\n" * 30


@pytest.fixture(scope="module")
def d2l():
    return d2l_compat.load_d2l()


def test_clean_keeps_words_apart_unless_asked_not_to():
    assert clean("It's 9.\n\n (Low tide)\nnow") == "it s low tide now"
    assert clean("one\ntwo", separator="") == "onetwo"
    assert clean("42\n--\n") == ""


def test_vocab_gives_d2ls_indices(d2l):
    cleaned = clean(TEXT, separator="")
    theirs = d2l.Vocab([list(cleaned)])
    ours = Vocab(cleaned)
    assert ours.idx_to_token == theirs.idx_to_token
    assert ours.encode(cleaned).tolist() == theirs[list(cleaned)]
    words = clean(TEXT).split()
    options = {"min_freq": 31, "reserved_tokens": ["<pad>", "tide"]}
    assert Vocab(words, **options).idx_to_token == d2l.Vocab([words], **options).idx_to_token


def test_vocab_gives_d2ls_indices_on_the_time_machine(d2l):
    try:
        cleaned = clean(time_machine(), separator="")
    except TextUnavailable as error:
        pytest.skip(f"the Time Machine cannot be had: {error}")
    corpus, theirs = d2l.load_corpus_time_machine()
    ours = Vocab(cleaned)
    assert ours.idx_to_token == theirs.idx_to_token
    assert ours.encode(cleaned).tolist() == corpus


def test_vocab_round_trip_and_unknown():
    vocab = Vocab("abracadabra")
    assert len(vocab) == 6 and "b" in vocab and "z" not in vocab
    assert vocab.decode(vocab.encode("cab")) == "cab"
    assert vocab.encode("az").tolist() == [vocab["a"], 0]
    assert vocab.decode([0, vocab["a"]]) == "<unk>a"
    assert Vocab().idx_to_token == ["<unk>"]
    for index in (6, -1):
        with pytest.raises(IndexError, match="vocabulary of 6 tokens"):
            vocab.decode([index])
    with pytest.raises(TypeError, match="flatten"):
        Vocab([["a", "b"], ["c"]])
    assert list(vocab) == vocab.idx_to_token and list(Vocab.of_tokens(list(vocab))) == list(vocab)


def test_one_hot_is_the_identity_matrix_indexed():
    indices = torch.tensor([[0, 3], [2, 1]])
    assert torch.equal(one_hot(indices, 4), torch.eye(4)[indices])
    assert one_hot(indices, 4).dtype == torch.float32
    with pytest.raises(ValueError, match="0 to 2, got 0 to 3"):
        one_hot(indices, 3)
    with pytest.raises(ValueError, match="integer"):
        one_hot(torch.eye(3), 3)


def test_a_text_is_cut_into_three_parts_in_its_order():
    assert split("abcdefghij", 0.2, 0.1) == ("abcdefg", "hi", "j")
    text = "".join(map(chr, range(1000)))
    parts = split(text)
    assert "".join(parts) == text and [len(part) for part in parts] == [800, 100, 100]


@pytest.mark.parametrize("fractions", [(0, 0.1), (0.1, 0), (-0.1, 0.5), (0.5, 0.5), (0.9, 0.2)])
def test_parts_that_leave_nothing_to_train_on_are_refused(fractions):
    with pytest.raises(ValueError, match="above 0 that leave some text to train on"):
        split("abcdefghij", *fractions)
