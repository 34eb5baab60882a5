"""rnnbook.names and rnnbook.classification: the surnames, their parts, batches, measures."""

import copy
import random
import sys

import pytest
import torch
from torch import nn

from rnnbook import classification, names
from rnnbook.classification import LengthBuckets, confusion, fit, macro_f1, pad, predict, recall
from rnnbook.models import SequenceClassifier
from rnnbook.training import DivergedError


@pytest.fixture(scope="module")
def loaded():
    return names.load()


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
    assert names.to_ascii(name) == plain


@pytest.mark.parametrize("language", names.LANGUAGES)
def test_lists_hold_plain_names_of_two_letters_and_more(language):
    members = names.listed(language)
    assert len(members) > 300
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz ") for name in members)
    assert all(len(name) > 1 and name == names.to_ascii(name) for name in members)


def test_no_letter_of_the_lists_is_lost():
    # A letter that to_ascii does not know would turn into a space: some names have a space already.
    for language in names.LANGUAGES:
        for locale, attribute in names.SOURCES[language]:
            provider = sys.modules[f"faker.providers.person.{locale}"].Provider
            for name in getattr(provider, attribute):
                letters = sum(character.isalpha() for character in name)
                assert sum(c.isalpha() for c in names.to_ascii(name)) >= letters, name


def test_a_name_is_loaded_for_one_language_only(loaded):
    members = [name for each in loaded.values() for name in each]
    assert len(members) == len(set(members)) > 5000
    shared = names.listed("Italian") & names.listed("Spanish")
    assert shared and not shared & set(members)


def test_loading_is_repeatable_and_a_limit_keeps_the_first(loaded):
    assert names.load() == loaded
    assert list(loaded) == names.LANGUAGES
    fewer = names.load(limit=50)
    assert all(fewer[language] == loaded[language][:50] for language in names.LANGUAGES)
    with pytest.raises(ValueError, match="limit of at least 1"):
        names.load(0)


def test_the_order_has_no_meaning(loaded):
    # In an alphabetical order the first letters would rise; here they are mixed.
    firsts = [ord(name[0]) for name in loaded["Italian"]]
    half = len(firsts) // 2
    assert abs(sum(firsts[:half]) / half - sum(firsts[half:]) / (len(firsts) - half)) < 1.5


def test_a_name_that_is_added_moves_hardly_any_other(loaded):
    before = names.split(loaded)[2]
    more = {language: list(members) for language, members in loaded.items()}
    more["Dutch"] = sorted([*more["Dutch"], "abcdef"], key=names._hash)
    after = names.split(more)[2]
    assert len(set(before.names) ^ set(after.names)) <= 2


def test_parts_are_stratified_disjoint_and_complete(loaded):
    parts = names.split(loaded)
    everything = [name for part in parts for name in part.names]
    assert sorted(everything) == sorted(name for each in loaded.values() for name in each)
    for part, share in zip(parts, (0.8, 0.1, 0.1), strict=True):
        counts = part.labels.bincount().tolist()
        for label, language in enumerate(names.LANGUAGES):
            assert abs(counts[label] - share * len(loaded[language])) <= 1
        for name, label in zip(part.names, part.labels.tolist(), strict=True):
            assert name in loaded[names.LANGUAGES[label]]
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
        names.split(loaded, *fractions)


def test_a_language_without_a_list_is_refused(loaded):
    with pytest.raises(ValueError, match="no list for 'Klingon', only for Croatian"):
        names.listed("Klingon")
    fewer = {language: members for language, members in loaded.items() if language != "Dutch"}
    with pytest.raises(ValueError, match="none for Dutch"):
        names.split(fewer)


@pytest.mark.parametrize("language", ["Italian", "Spanish"])
def test_a_name_that_comes_twice_is_refused(loaded, language):
    first = loaded["Italian"][0]
    again = loaded | {language: [*loaded[language], first]}
    with pytest.raises(ValueError, match=f"'{first}' comes 2 times"):
        names.split(again)


def test_without_faker_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "faker.providers.person.fi_FI", None)
    with pytest.raises(ImportError, match=r"pip install 'rnnbook\[book\]'"):
        names.listed("Finnish")


# ---------------------------------------------------------------- classification


def _sequences(lengths):
    return [torch.full((length,), number) for number, length in enumerate(lengths)]


@pytest.mark.parametrize("pool", [1, 3, 100])
@pytest.mark.parametrize("batch_size", [1, 4, 30])
def test_every_sequence_comes_once_with_its_label(pool, batch_size):
    lengths = random.Random(0).choices(range(1, 10), k=26)
    batches = LengthBuckets(_sequences(lengths), torch.arange(26), batch_size, -1, pool)
    seen = []
    for X, sizes, y in batches:
        assert X.shape == (len(y), int(sizes.max())) and len(y) <= batch_size
        for row, size, label in zip(X, sizes.tolist(), y.tolist(), strict=True):
            assert size == lengths[label]
            assert (row[:size] == label).all() and (row[size:] == -1).all()
        seen += y.tolist()
    assert sorted(seen) == list(range(26))


def test_a_larger_pool_pads_less_and_the_order_stays_random():
    lengths = random.Random(1).choices(range(1, 31), k=400)
    cells = {}
    for pool in (1, 5, 50):
        batches = LengthBuckets(_sequences(lengths), torch.zeros(400).long(), 8, pool=pool)
        cells[pool] = sum(X.numel() for X, _, _ in batches)
        widths = [max(lengths[n] for n in members) for members in batches.order()]
        assert widths != sorted(widths) and batches.order() != batches.order()
    assert sum(lengths) < cells[50] < cells[5] < cells[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], torch.tensor([]), 2), "at least one sequence"),
        (([torch.ones(2), torch.ones(0)], torch.ones(2), 2), "at least one step"),
        (([torch.ones(2)], torch.ones(2), 2), "a label for each"),
        (([torch.ones(2)], [1], 2), "labels as one tensor.*got list"),
        ((torch.ones(2, 3), torch.ones(2), 2), r"one tensor of shape \(2, 3\)"),
        (([torch.ones(2)], torch.ones(1), 0), "batch_size of at least 1"),
        (([torch.ones(2)], torch.ones(1), 1, 0, 0), "pool of at least 1"),
    ],
)
def test_batches_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        LengthBuckets(*arguments)


def test_padding_keeps_the_sequences():
    X, lengths = pad([torch.tensor([1, 2, 3]), torch.tensor([4])], padding=9)
    assert X.tolist() == [[1, 2, 3], [4, 9, 9]] and lengths.tolist() == [3, 1]
    X, _ = pad([torch.ones(2, 5), torch.ones(4, 5)])
    assert X.shape == (2, 4, 5)


def _first_letter_task():
    """Sequences whose class is their first token: easy, and impossible from the padding."""
    rng = random.Random(0)
    sequences = [
        torch.tensor([rng.randint(1, 3)] + [rng.randint(1, 5) for _ in range(rng.randint(0, 6))])
        for _ in range(200)
    ]
    return sequences, torch.tensor([int(sequence[0]) - 1 for sequence in sequences])


def _model():
    torch.manual_seed(0)
    return SequenceClassifier(
        nn.GRU(8, 16, batch_first=True), 3, embedding=nn.Embedding(6, 8, padding_idx=0), dropout=0.1
    )


def test_training_learns_and_is_repeatable():
    sequences, labels = _first_letter_task()
    results = []
    for _ in range(2):
        model = _model()
        history = fit(
            model,
            LengthBuckets(sequences, labels, 16, pool=4),
            epochs=12,
            optimizer=torch.optim.Adam(model.parameters(), 0.01),
            validation=(sequences, labels),
            progress=False,
        )
        results.append(history)
    assert results[0] == results[1]
    assert len(history.loss) == len(history.accuracy) == 12
    assert history.loss[-1] < 0.2 * history.loss[0] and history.accuracy[-1] > 0.95


def test_training_that_cannot_be_is_refused():
    sequences, labels = _first_letter_task()
    model, batches = _model(), LengthBuckets(sequences, labels, 16)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(ValueError, match="epochs of at least 1"):
        fit(model, batches, epochs=0, optimizer=optimizer)
    for clip in (0, -1.0):
        with pytest.raises(ValueError, match="clip above 0"):
            fit(model, batches, epochs=1, optimizer=optimizer, clip=clip)
    with pytest.raises(ValueError, match="200 sequences and 1 labels"):
        fit(model, batches, epochs=1, optimizer=optimizer, validation=(sequences, labels[:1]))
    used_up = (batch for batch in list(batches))
    with pytest.raises(ValueError, match="a generator is used up"):
        fit(model, used_up, epochs=2, optimizer=optimizer, progress=False)


def test_a_loss_that_diverges_leaves_the_last_epoch():
    sequences, labels = _first_letter_task()
    model = _model()
    before = copy.deepcopy(model.state_dict())
    batches = list(LengthBuckets(sequences, labels, 50))
    calls = iter([1.0, 1.0, torch.nan])  # the third minibatch goes wrong
    model.head.register_forward_hook(lambda head, _, logits: logits * next(calls))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(DivergedError, match="epoch 1, step 3: the loss is nan"):
        fit(model, batches, epochs=1, optimizer=optimizer, clip=None, progress=False)
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)


def test_my_loop_and_the_package_make_the_same_steps():
    sequences, labels = _first_letter_task()
    package, mine = _model(), _model()
    dealt = [LengthBuckets(sequences, labels, 64) for _ in range(2)]
    optimizer = torch.optim.Adam(mine.parameters(), 0.01)
    torch.manual_seed(3)
    losses = []
    for _ in range(2):
        mine.train()
        nats = 0.0
        for X, lengths, y in dealt[0]:
            loss = nn.functional.cross_entropy(mine(X, lengths), y)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(mine.parameters(), 1.0)
            optimizer.step()
            nats += loss.item() * len(y)
        losses.append(nats / len(labels))
    torch.manual_seed(3)
    optimizer = torch.optim.Adam(package.parameters(), 0.01)
    history = fit(package, dealt[1], epochs=2, optimizer=optimizer, progress=False)
    assert history.loss == pytest.approx(losses, rel=1e-6)
    torch.testing.assert_close(package.state_dict(), mine.state_dict())


def test_predictions_depend_neither_on_the_batch_nor_on_dropout():
    sequences, _ = _first_letter_task()
    model = _model().train()
    logits = predict(model, sequences)
    assert logits.shape == (200, 3) and model.training and not logits.requires_grad
    for options in ({"batch_size": 1}, {"batch_size": 7, "padding": 5}):
        torch.testing.assert_close(predict(model, sequences, **options), logits)


def test_predicting_from_nothing_is_refused():
    model = _model()
    for sequences, batch_size in (([], 8), ([torch.tensor([1])], 0)):
        with pytest.raises(ValueError, match="at least one sequence, and a batch_size"):
            predict(model, sequences, batch_size=batch_size)


def test_a_model_that_stops_goes_back_to_training():
    model = _model().train()
    model.dropout.eval()  # one part may be frozen
    with pytest.raises(IndexError):
        predict(model, [torch.tensor([99])])
    assert model.training and model.recurrent.training and not model.dropout.training
    assert torch.is_grad_enabled()


def test_measures_by_hand():
    labels = torch.tensor([0, 0, 0, 1, 1, 2])
    predicted = torch.tensor([0, 0, 1, 1, 0, 0])
    counts = confusion(labels, predicted, 3)
    assert counts.tolist() == [[2, 1, 0], [1, 1, 0], [1, 0, 0]]
    torch.testing.assert_close(recall(counts), torch.tensor([2 / 3, 1 / 2, 0.0]))
    # F1: 4 / (4 + 2 + 1), 2 / (2 + 1 + 1), 0 / (0 + 0 + 1)
    assert macro_f1(counts) == pytest.approx((4 / 7 + 1 / 2 + 0) / 3)
    perfect = confusion(labels, labels, 3)
    assert macro_f1(perfect) == 1 and recall(perfect).tolist() == [1, 1, 1]
    # A class that neither occurs nor is predicted counts 0, and raises nothing.
    assert macro_f1(confusion(labels, labels, 4)) == pytest.approx(3 / 4)
    # 17 classes: 16 * 17 + 16 does not fit into eight bits.
    small = torch.tensor([16, 3], dtype=torch.uint8)
    assert confusion(small, small, 17).nonzero().tolist() == [[3, 3], [16, 16]]
    assert classification.confusion(labels[:0], labels[:0], 2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("labels", "predicted", "message"),
    [
        (torch.zeros(3).long(), torch.zeros(3, 2).long(), "argmax over the classes"),
        (torch.zeros(3).long(), torch.zeros(2).long(), "same length"),
        (torch.tensor([0, 1]), torch.tensor([0, 2]), "classes from 0 to 1"),
        (torch.tensor([0, -1]), torch.tensor([0, 1]), "classes from 0 to 1, got -1 to 1"),
        (torch.tensor([0, 1]), torch.tensor([0.0, 1.0]), "classes as integers"),
    ],
)
def test_a_confusion_that_cannot_be_is_refused(labels, predicted, message):
    with pytest.raises(ValueError, match=message):
        confusion(labels, predicted, 2)
