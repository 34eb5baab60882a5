"""rnnbook.batching: the windows of d2l, random streams, sequences of like length, padding."""

import random
from itertools import pairwise

import pytest
import torch

from rnnbook import d2l_compat
from rnnbook.batching import (
    LengthBuckets,
    RandomBatches,
    SequentialBatches,
    WholeText,
    pad,
    padded_batches,
    window_positions,
)


@pytest.fixture(scope="module")
def d2l():
    return d2l_compat.load_d2l()


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
    torch.manual_seed(0)
    batches = sampler(torch.arange(500), 4, 9)
    offsets = set()
    for _ in range(100):
        passes = list(batches)
        first = int(passes[0][0][0, 0])  # of random windows, any starts T after another
        offsets.add(first if sampler is SequentialBatches else first % 9)
        for X, Y in passes:
            assert X.shape == Y.shape == (4, 9)
            assert torch.equal(Y, X + 1)
    assert offsets == set(range(10 if sampler is SequentialBatches else 9))


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


# ---------------------------------------------------------------- random streams


def _samplers(generator=None):
    """Return one of each kind that draws at random, by name."""
    sequences, labels = [torch.arange(n % 7 + 1) for n in range(40)], torch.arange(40)
    return {
        "sequential": SequentialBatches(torch.arange(400), 4, 9, generator=generator),
        "random": RandomBatches(torch.arange(400), 4, 9, generator=generator),
        "buckets": LengthBuckets([len(s) for s in sequences], 4, 3, generator),
        "padded": padded_batches(sequences, labels, 4, pool=3, generator=generator),
    }


def _one_pass(sampler):
    """Return what a pass deals out, as lists."""
    return [
        [part.tolist() if isinstance(part, torch.Tensor) else part for part in minibatch]
        for minibatch in sampler
    ]


@pytest.mark.parametrize("name", _samplers())
def test_the_global_stream_decides_what_is_dealt_out(name):
    passes = {}
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        sampler = _samplers()[name]
        passes.setdefault(seed, []).append([_one_pass(sampler) for _ in range(3)])
    assert passes[0][0] == passes[0][1] != passes[1][0]
    first, second, third = passes[0][0]
    assert first != second or second != third  # and each pass is a new draw


@pytest.mark.parametrize("name", _samplers())
def test_a_generator_of_its_own_leaves_the_global_stream_alone(name):
    passes = []
    for seed in (5, 6):  # of the global stream, which must not matter
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        sampler = _samplers(torch.Generator().manual_seed(3))[name]
        passes.append([_one_pass(sampler) for _ in range(2)])
        assert torch.equal(torch.get_rng_state(), before)
    assert passes[0] == passes[1]


# ---------------------------------------------------------------- the whole text


@pytest.mark.parametrize(("N", "num_steps"), [(2, 1), (50, 7), (50, 49), (50, 256)])
def test_the_whole_text_is_read_once_from_its_beginning(N, num_steps):
    batches = WholeText(torch.arange(N), num_steps=num_steps)
    assert batches.carries_state
    X, Y = (torch.cat(parts, dim=1) for parts in zip(*batches, strict=True))
    assert X.tolist() == [list(range(N - 1))] and Y.tolist() == [list(range(1, N))]
    assert max(x.shape[1] for x, _ in batches) <= num_steps


def test_strips_of_the_whole_text_leave_out_less_than_one_token_each():
    batches = WholeText(torch.arange(50), 4, 5)
    X, Y = (torch.cat(parts, dim=1) for parts in zip(*batches, strict=True))
    assert X.tolist() == [list(range(12 * b, 12 * b + 12)) for b in range(4)]
    assert torch.equal(Y, X + 1)


def test_a_whole_text_that_cannot_be_read_is_refused():
    with pytest.raises(ValueError, match="needs 2 tokens"):
        WholeText(torch.arange(1))
    with pytest.raises(ValueError, match="needs 4 tokens"):
        WholeText(torch.arange(3), batch_size=3)
    with pytest.raises(ValueError, match="num_steps of at least 1"):
        WholeText(torch.arange(9), num_steps=0)


# ---------------------------------------------------------------- sequences of unequal lengths


def _sequences(lengths):
    return [torch.full((length,), number) for number, length in enumerate(lengths)]


@pytest.mark.parametrize("pool", [1, 3, 100])
@pytest.mark.parametrize("batch_size", [1, 4, 30])
def test_every_sequence_comes_once_with_its_label(pool, batch_size):
    lengths = random.Random(0).choices(range(1, 10), k=26)
    batches = padded_batches(_sequences(lengths), torch.arange(26), batch_size, -1, pool)
    seen, number = [], 0
    for number, (X, sizes, y) in enumerate(batches, start=1):  # noqa: B007
        assert X.shape == (len(y), int(sizes.max())) and len(y) <= batch_size
        for row, size, label in zip(X, sizes.tolist(), y.tolist(), strict=True):
            assert size == lengths[label]
            assert (row[:size] == label).all() and (row[size:] == -1).all()
        seen += y.tolist()
    assert sorted(seen) == list(range(26)) and len(batches) == number


@pytest.mark.parametrize(
    ("N", "batch_size", "pool"), [(26, 4, 3), (26, 30, 1), (24, 4, 1), (7, 3, 2)]
)
def test_buckets_say_how_many_minibatches_a_pass_has(N, batch_size, pool):
    buckets = LengthBuckets([1] * N, batch_size, pool)
    dealt = list(buckets)
    assert len(buckets) == len(dealt)
    assert sorted(number for minibatch in dealt for number in minibatch) == list(range(N))


def test_a_larger_pool_pads_less_and_the_order_stays_random():
    lengths = random.Random(1).choices(range(1, 31), k=400)
    cells = {}
    for pool in (1, 5, 50):
        batches = padded_batches(_sequences(lengths), torch.zeros(400).long(), 8, pool=pool)
        cells[pool] = sum(X.numel() for X, _, _ in batches)
        buckets = LengthBuckets(lengths, 8, pool)
        widths = [max(lengths[n] for n in members) for members in buckets]
        assert widths != sorted(widths) and list(buckets) != list(buckets)
    assert sum(lengths) < cells[50] < cells[5] < cells[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], torch.tensor([]), 2), "at least one sequence"),
        (([torch.ones(2), torch.ones(0)], torch.tensor([0, 1]), 2), "length of at least 1, got 0"),
        (([torch.ones(2)], torch.tensor([0, 1]), 2), "a label for each"),
        (([torch.ones(2)], torch.tensor([0]), 0), "batch_size of at least 1"),
        (([torch.ones(2)], torch.tensor([0]), 1, 0, 0), "pool of at least 1"),
    ],
)
def test_batches_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        padded_batches(*arguments)


def test_padding_keeps_the_sequences():
    X, lengths = pad([torch.tensor([1, 2, 3]), torch.tensor([4])], padding=9)
    assert X.tolist() == [[1, 2, 3], [4, 9, 9]] and lengths.tolist() == [3, 1]
    X, _ = pad([torch.ones(2, 5), torch.ones(4, 5)])
    assert X.shape == (2, 4, 5)


def test_window_positions_are_the_samplers():
    assert window_positions("sequential", 22, 2, 5, 1) == [
        [(1, 6), (11, 16)],
        [(6, 11), (16, 21)],
    ]
    flat = [w for m in window_positions("random", 22, 2, 5, 1) for w in m]
    assert sorted(flat) == [(1, 6), (6, 11), (11, 16), (16, 21)]
