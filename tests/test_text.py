"""rnnbook.text: the vocabulary and the minibatches, against d2l's own."""

import random
from itertools import pairwise

import pytest
import torch

from rnnbook import d2l_compat
from rnnbook.text import RandomBatches, SequentialBatches, Vocab, clean, one_hot, split

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
    from rnnbook.data import TextUnavailable, load_text

    try:
        cleaned = clean(load_text("time_machine"), separator="")
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
    with pytest.raises(ValueError, match="flatten"):
        Vocab([["a", "b"], ["c"]])


def test_one_hot_is_the_identity_matrix_indexed():
    indices = torch.tensor([[0, 3], [2, 1]])
    assert torch.equal(one_hot(indices, 4), torch.eye(4)[indices])
    assert one_hot(indices, 4).dtype == torch.float32
    with pytest.raises(ValueError, match="0 to 2, got 0 to 3"):
        one_hot(indices, 3)
    with pytest.raises(ValueError, match="integer"):
        one_hot(torch.eye(3), 3)


def _theirs(monkeypatch, function, corpus, B, T, offset, shuffle):
    """Run one of d2l's samplers with the offset and the shuffle decided by us."""
    monkeypatch.setattr(random, "randint", lambda low, high: offset)
    monkeypatch.setattr(random, "shuffle", shuffle)
    return list(function(corpus, B, T))


@pytest.mark.parametrize(
    ("N", "B", "T", "offset"), [(200, 4, 7, 0), (201, 3, 10, 5), (997, 8, 5, 4)]
)
def test_windows_are_those_of_d2l(d2l, monkeypatch, N, B, T, offset):
    corpus = list(range(N))
    tokens = torch.arange(N)
    theirs = _theirs(monkeypatch, d2l.seq_data_iter_sequential, corpus, B, T, offset, None)
    ours = list(SequentialBatches(tokens, B, T, offset=offset))
    _assert_same(ours, theirs)

    order = []

    def shuffle(starts):
        random.Random(5).shuffle(starts)  # an instance's method: the module's is patched
        order.extend(start // T for start in starts)

    theirs = _theirs(monkeypatch, d2l.seq_data_iter_random, corpus, B, T, offset, shuffle)
    _assert_same(list(RandomBatches(tokens, B, T, offset=offset, order=order)), theirs)


def _assert_same(ours, theirs):
    assert len(ours) == len(theirs) > 0
    for (X, Y), (X_theirs, Y_theirs) in zip(ours, theirs, strict=True):
        assert torch.equal(X, X_theirs) and torch.equal(Y, Y_theirs)


@pytest.mark.parametrize("sampler", [SequentialBatches, RandomBatches])
def test_targets_follow_inputs_and_offsets_vary(sampler):
    batches = sampler(torch.arange(500), 4, 9)
    firsts = set()
    for _ in range(30):
        passes = list(batches)
        firsts.add(min(int(X.min()) for X, _ in passes))
        for X, Y in passes:
            assert X.shape == Y.shape == (4, 9)
            assert torch.equal(Y, X + 1)
    assert firsts == set(range(10 if sampler is SequentialBatches else 9))


def test_sequential_rows_continue_and_random_windows_come_once():
    batches = list(SequentialBatches(torch.arange(500), 4, 9, offset=2))
    for (X, _), (after, _) in pairwise(batches):
        assert torch.equal(after[:, 0], X[:, -1] + 1)
    starts = [int(s) for X, _ in RandomBatches(torch.arange(500), 4, 9) for s in X[:, 0]]
    assert len(set(starts)) == len(starts) and starts != sorted(starts)


@pytest.mark.parametrize("sampler", [SequentialBatches, RandomBatches])
def test_bad_input_is_refused(sampler):
    tokens = torch.arange(50)
    with pytest.raises(ValueError, match="batch_size of at least 1, got 0"):
        sampler(tokens, 0, 5)
    with pytest.raises(ValueError, match="num_steps of at least 1, got -1"):
        sampler(tokens, 2, -1)
    with pytest.raises(ValueError, match="offset of at least 0"):
        sampler(tokens, 2, 5, offset=-1)
    with pytest.raises(ValueError, match="needs 52 tokens"):
        sampler(tokens, 5, 10, offset=1)
    assert len(list(sampler(torch.arange(52), 5, 10, offset=1))) == 1  # and 52 are enough
    with pytest.raises(ValueError, match="vocab.encode"):
        sampler(torch.eye(8), 2, 2)
    with pytest.raises(ValueError, match="0 to 8"):
        list(RandomBatches(tokens, 2, 5, offset=0, order=[3, 9]))


def test_split():
    assert split("abcdefghij", 0.2) == ("abcdefgh", "ij")
    for fraction in (0, 1, 1.5):
        with pytest.raises(ValueError, match="above 0 and below 1"):
            split("abc", fraction)
