"""rnnbook.models.SequenceClassifier: padding, order and company must not matter."""

import random

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from rnnbook.models import SequenceClassifier, count_parameters, predict
from rnnbook.models.classifier import POOLING
from rnnbook.recurrent import GRU, LSTM, RNN

LAYERS = {
    "nn.RNN": nn.RNN, "nn.GRU": nn.GRU, "nn.LSTM": nn.LSTM, "RNN": RNN, "GRU": GRU, "LSTM": LSTM
}  # fmt: skip
LENGTHS = torch.tensor([3, 6, 1, 4])
F, H, C = 3, 5, 2


def _model(layer="GRU", *, pooling="last", **options):
    torch.manual_seed(0)
    recurrent = LAYERS[layer](F, H, batch_first=True, **options)
    return SequenceClassifier(recurrent, C, pooling=pooling).double().eval()


def _sequences():
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(int(n), F, generator=generator).double() for n in LENGTHS]


def _reference(model, sequence):
    """The summary of one sequence by itself, from the definition of each pooling."""
    output, _ = model.recurrent(sequence.unsqueeze(0))  # (1, T, D * H)
    if model.pooling == "mean":
        return output[0].mean(dim=0)
    if model.pooling == "max":
        return output[0].max(dim=0).values
    size = output.shape[2] // (2 if model.recurrent.bidirectional else 1)
    return torch.cat([output[0, -1, :size], output[0, 0, size:]])


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", POOLING)
def test_a_sequence_gets_the_same_answer_alone_and_in_company(
    layer, num_layers, bidirectional, pooling
):
    model = _model(layer, pooling=pooling, num_layers=num_layers, bidirectional=bidirectional)
    sequences = _sequences()
    X = pad_sequence(sequences, batch_first=True, padding_value=7.0)
    summary, logits = model.summary(X, LENGTHS), model(X, LENGTHS)
    right = torch.stack([_reference(model, sequence) for sequence in sequences])
    torch.testing.assert_close(summary, right)
    torch.testing.assert_close(logits, model.head(right))
    wider = torch.cat([X, torch.full((4, 9, F), -50.0).double()], dim=1)
    torch.testing.assert_close(model(wider, LENGTHS), logits)
    for sequence, row in zip(sequences, logits, strict=True):
        torch.testing.assert_close(model(sequence.unsqueeze(0))[0], row)
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(model(X[order], LENGTHS[order]), logits[order])


@pytest.mark.parametrize("pooling", POOLING)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_no_gradient_reaches_the_padding(pooling, bidirectional):
    model = _model(pooling=pooling, bidirectional=bidirectional)
    X = pad_sequence(_sequences(), batch_first=True).requires_grad_()
    model(X, LENGTHS).square().sum().backward()
    valid = torch.arange(6) < LENGTHS.unsqueeze(1)
    assert not X.grad[~valid].any()
    reached = X.grad[valid].abs().sum(dim=1) > 0
    assert reached.all() or pooling == "max"  # a maximum need not stem from every step
    assert reached.any()


def test_without_lengths_all_steps_are_valid():
    model = _model(pooling="mean")
    X = torch.randn(4, 6, F).double()
    torch.testing.assert_close(model(X), model(X, torch.full((4,), 6)))


def test_an_lstm_with_a_projection_and_one_logit():
    recurrent = nn.LSTM(F, H, 2, batch_first=True, proj_size=4, bidirectional=True)
    model = SequenceClassifier(recurrent, 1)
    assert model.head.in_features == 8
    assert model(torch.randn(3, 5, F), torch.tensor([5, 1, 2])).shape == (3, 1)


def test_embedding_norm_and_dropout_stand_where_the_docstring_says():
    torch.manual_seed(0)
    model = SequenceClassifier(
        nn.GRU(F, H, batch_first=True),
        C,
        embedding=nn.Embedding(9, F, padding_idx=0),
        batch_norm=True,
        dropout=0.5,
    )
    X = torch.tensor([[4, 5, 0], [1, 2, 3], [8, 0, 0]])
    lengths = torch.tensor([2, 3, 1])
    model.eval()
    summary = model.summary(X, lengths)
    torch.testing.assert_close(model(X, lengths), model.head(model.norm(summary)))
    model.train()
    assert not torch.equal(model(X, lengths), model(X, lengths))
    # Seen by the head: half of the entries are zero, the others doubled, after the normalisation.
    seen = []
    model.head.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    model(X, lengths)
    normalised = (summary - summary.mean(0)) / (summary.var(0, unbiased=False) + 1e-5).sqrt()
    kept = seen[0] != 0
    torch.testing.assert_close(seen[0][kept], 2 * normalised[kept], rtol=1e-4, atol=1e-4)


def test_parameters_are_those_of_the_parts():
    model = _model("LSTM", num_layers=2)
    recurrent = 4 * H * (F + H + 2) + 4 * H * (H + H + 2)
    assert count_parameters(model) == recurrent + H * C + C
    assert {name.split(".")[0] for name in model.state_dict()} == {"recurrent", "head"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooling": "first"}, "'last', 'mean' or 'max'"),
        ({"num_classes": 0}, "num_classes of at least 1"),
    ],
)
def test_a_model_that_cannot_be_is_refused(options, message):
    arguments = {"num_classes": C} | options
    with pytest.raises(ValueError, match=message):
        SequenceClassifier(nn.GRU(F, H, batch_first=True), **arguments)


def test_a_layer_that_is_not_batch_first_or_no_recurrent_one_is_refused():
    with pytest.raises(ValueError, match="batch_first=True"):
        SequenceClassifier(nn.GRU(F, H), C)
    with pytest.raises(TypeError, match="Linear, without input_size"):
        SequenceClassifier(nn.Linear(F, H), C)


def test_lengths_may_be_a_list_or_small_integers():
    model, X = _model(pooling="mean"), pad_sequence(_sequences(), batch_first=True)
    for lengths in (LENGTHS.tolist(), LENGTHS.to(torch.uint8)):
        torch.testing.assert_close(model(X, lengths), model(X, LENGTHS))


def test_an_empty_batch_is_refused():
    with pytest.raises(ValueError, match="at least one sequence"):
        _model()(torch.zeros(0, 6, F).double(), torch.zeros(0).long())


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([3, 6, 1], r"shape \(4,\).*first axis"),
        ([[3], [6], [1], [4]], r"shape \(4,\)"),
        ([3, 6, 0, 4], "from 1 to T = 6, got 0 to 6"),
        ([3, 7, 1, 4], "from 1 to T = 6, got 1 to 7"),
        ([3.0, 6.0, 1.0, 4.0], "whole numbers, got torch.float32"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(lengths, message):
    X = pad_sequence(_sequences(), batch_first=True)
    with pytest.raises(ValueError, match=message):
        _model()(X, torch.tensor(lengths))


@pytest.mark.parametrize("lengths", [None, torch.tensor([3])])
def test_a_sequence_without_a_batch_axis_is_refused(lengths):
    with pytest.raises(ValueError, match=r"\(B, T, F\).*unsqueeze\(0\)"):
        _model()(torch.randn(3, F).double(), lengths)
    embedded = SequenceClassifier(nn.GRU(F, H, batch_first=True), C, embedding=nn.Embedding(9, F))
    with pytest.raises(ValueError, match=r"unsqueeze\(0\)"):
        embedded(torch.tensor([1, 2, 3]), lengths)


# ---------------------------------------------------------------- predict


@pytest.fixture
def reader():
    torch.manual_seed(0)
    embedding = nn.Embedding(6, 8, padding_idx=0)
    return SequenceClassifier(
        nn.GRU(8, 16, batch_first=True), 3, embedding=embedding, dropout=0.1
    ).train()


def _some_sequences():
    rng = random.Random(0)
    return [torch.tensor(rng.choices(range(1, 6), k=rng.randint(1, 7))) for _ in range(200)]


def test_predictions_depend_neither_on_the_batch_nor_on_dropout(reader):
    sequences = _some_sequences()
    logits = predict(reader, sequences)
    assert logits.shape == (200, 3) and reader.training and not logits.requires_grad
    for options in ({"batch_size": 1}, {"batch_size": 7, "padding": 5}):
        torch.testing.assert_close(predict(reader, sequences, **options), logits)


def test_predicting_from_nothing_is_refused(reader):
    with pytest.raises(ValueError, match="at least one sequence"):
        predict(reader, [])
    with pytest.raises(ValueError, match="batch_size of at least 1, got 0"):
        predict(reader, [torch.tensor([1])], batch_size=0)


def test_a_model_that_stops_goes_back_to_training(reader):
    reader.dropout.eval()  # one part may be frozen
    with pytest.raises(IndexError):
        predict(reader, [torch.tensor([99])])
    assert reader.training and reader.recurrent.training and not reader.dropout.training
    assert torch.is_grad_enabled()
