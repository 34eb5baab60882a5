"""rnnbook.training: one loop for every task, on small problems whose answers are known."""

import copy
import math
import os
import random

import pytest
import torch
from torch import nn

from rnnbook import checkpoints
from rnnbook.batching import RandomBatches, SequentialBatches, WholeText, padded_batches
from rnnbook.generation import generate
from rnnbook.losses import classification, cross_entropy, next_token
from rnnbook.models import CharLM, SequenceClassifier
from rnnbook.recurrent import LSTM, RNN
from rnnbook.text import Vocab
from rnnbook.training import (
    DivergedError,
    evaluate,
    fit,
    optimizer_step,
)
from tests.uniform import Uniform

TEXT = "the tide comes in and the tide goes out " * 20


@pytest.fixture
def vocab():
    return Vocab(TEXT)


@pytest.fixture
def tokens(vocab):
    return vocab.encode(TEXT)


def _model(vocab, H=24, seed=0, layer=RNN):
    torch.manual_seed(seed)
    return CharLM(layer(len(vocab), H))


def _quietly(model, batches, loss=next_token, **options):
    """Call fit without a bar."""
    return fit(model, batches, loss, **({"epochs": 1, "progress": False} | options))


# ---------------------------------------------------------------- language models


@pytest.mark.parametrize("sampler", [SequentialBatches, RandomBatches])
def test_fit_learns_a_repeating_text_and_generates_it(vocab, tokens, sampler):
    model = _model(vocab, H=48)
    validation = WholeText(tokens[:200])
    history = _quietly(model, sampler(tokens, 4, 20), epochs=80, validation=validation)
    assert history.epochs == len(history.validation_perplexity) == 80
    assert history.perplexity[0] > 5 and history.perplexity[-1] < 1.5
    assert history.validation_perplexity[-1] < 1.5
    assert all(speed > 0 for speed in history["per_second"])
    assert generate(model, "the tide comes", 26, vocab) == TEXT[: 14 + 26]


class Recorder(nn.Module):
    """A model that notes the state it is given."""

    def __init__(self, V, layer=RNN):
        super().__init__()
        self.inner, self.given = CharLM(layer(V, 4)), []

    def forward(self, X, state=None):
        self.given.append(state)
        return self.inner(X, state)


def _parts(state):
    return state if isinstance(state, tuple) else (state,)


@pytest.mark.parametrize("layer", [RNN, LSTM])
def test_where_minibatches_continue_the_state_is_carried_detached(vocab, tokens, layer):
    model = Recorder(len(vocab), layer)
    batches = SequentialBatches(tokens, 4, 20, offset=0)
    validation = WholeText(tokens, num_steps=50)
    _quietly(model, batches, epochs=2, validation=validation)
    train, measured = len(list(batches)), len(list(validation))
    assert len(model.given) == 2 * (train + measured) and train > 3 and measured > 3
    starts = {0, train, train + measured, 2 * train + measured}
    for call, state in enumerate(model.given):
        if call in starts:
            assert state is None
        else:
            assert all(part.grad_fn is None and part.any() for part in _parts(state))


def test_where_they_do_not_every_minibatch_starts_afresh(vocab, tokens):
    model = Recorder(len(vocab))
    _quietly(model, RandomBatches(tokens, 4, 20), epochs=2)
    _quietly(model, list(SequentialBatches(tokens, 4, 20)))  # a list carries nothing
    assert len(model.given) > 4 and all(state is None for state in model.given)


def test_one_step_is_sgd_with_the_gradient_clipped(vocab, tokens):
    """One step of fit equals forward, backward, clip by norm, and step, written out."""
    model, twin = _model(vocab), _model(vocab)
    batches = [next(iter(SequentialBatches(tokens, 4, 20, offset=0)))]
    history = _quietly(model, batches, lr=0.5, clip=0.1)

    X, Y = batches[0]
    loss = cross_entropy(twin(X)[0], Y)
    loss.backward()
    norm = torch.cat([p.grad.flatten() for p in twin.parameters()]).norm()
    assert norm > 0.1 and history["grad_norm"] == pytest.approx([norm.item()], rel=1e-5)
    assert history["loss"] == pytest.approx([loss.item()])
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(
            ours, theirs - 0.5 * theirs.grad * 0.1 / norm, rtol=1e-4, atol=1e-6
        )


def test_without_clipping_the_gradient_is_left_alone(vocab, tokens):
    model, twin = _model(vocab), _model(vocab)
    X, Y = next(iter(SequentialBatches(tokens, 4, 20, offset=0)))
    _quietly(model, [(X, Y)], lr=0.5, clip=None)
    cross_entropy(twin(X)[0], Y).backward()
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs - 0.5 * theirs.grad)


def test_optimizer_step_returns_the_norm_before_clipping_and_forgets_old_gradients():
    model = nn.Linear(2, 1, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), 1.0)
    before = model.weight.detach().clone()
    model.weight.grad = torch.full((1, 2), 100.0)  # left over from elsewhere
    loss = (model.weight * torch.tensor([[3.0, 4.0]])).sum()
    assert optimizer_step(model, loss, optimizer, clip=1.0, step=1) == pytest.approx(5)
    torch.testing.assert_close(model.weight, before - torch.tensor([[0.6, 0.8]]))


class Explosive(Uniform):
    """A model whose logits turn into NaN at its fourth call."""

    calls = 0

    def forward(self, X, state=None):
        self.calls += 1
        logits, state = super().forward(X, state)
        return (logits * math.nan if self.calls == 4 else logits), state


def test_divergence_names_the_step_and_keeps_the_last_good_parameters():
    X, Y = torch.zeros(2, 3, dtype=torch.long), torch.ones(2, 3, dtype=torch.long)
    once = Uniform(5)
    _quietly(once, [(X, Y), (X, Y)])
    model = Explosive(5)
    with pytest.raises(DivergedError, match="epoch 2, step 2: the loss is nan"):
        _quietly(model, [(X, Y), (X, Y)], epochs=3)
    torch.testing.assert_close(model.logits, once.logits)


# ---------------------------------------------------------------- evaluate


def test_evaluate_weighs_minibatches_by_their_predictions():
    batches = [1.0, 4.0], [5.0]  # unequal, so a mean of means would be 3.75

    def loss(model, batch, state):
        return torch.tensor(batch).mean(), len(batch), None

    assert evaluate(nn.Linear(1, 1), batches, loss) == pytest.approx(10 / 3)


def test_evaluate_reads_with_dropout_and_gradients_off_and_leaves_the_model(vocab, tokens):
    model = CharLM(nn.LSTM(len(vocab), 8, 2, dropout=0.9)).train()
    first, second = (evaluate(model, WholeText(tokens[:99]), next_token) for _ in range(2))
    assert first == second and model.training
    assert all(p.grad is None for p in model.parameters())
    with pytest.raises(ValueError, match="no minibatch to measure"):
        evaluate(model, iter([]), next_token)


# ---------------------------------------------------------------- what is measured, and stopping


class OffWhenEvaluated(Uniform):
    """A model that says how it was called."""

    def __init__(self, V):
        super().__init__(V)
        self.dropout = nn.Dropout(0.5)


def test_metrics_are_measured_with_dropout_and_gradients_off(vocab, tokens):
    model, seen = OffWhenEvaluated(len(vocab)), []

    def share_kept(model):
        kept = model.dropout(torch.ones(1000)).mean(dtype=torch.float64).item()
        seen.append(torch.is_grad_enabled())
        return kept + (model.dropout(torch.ones(1000)) == 0).sum().item()

    batches, metrics = SequentialBatches(tokens, 4, 20), {"kept": share_kept}
    history = _quietly(model, batches, epochs=3, metrics=metrics)
    assert history["kept"] == [1.0] * 3 and seen == [False] * 3
    assert model.training and model.dropout.training
    assert share_kept(model) > 100  # in training mode the same metric is another number


def test_training_stops_when_told_to(vocab, tokens):
    seen = []

    def third(history):
        seen.append(history.epochs)
        return history.epochs == 3

    history = _quietly(_model(vocab), SequentialBatches(tokens, 4, 20), epochs=9, stop=third)
    assert seen == [1, 2, 3] and history.epochs == 3


def test_reports_come_after_every_epoch_with_all_that_was_measured(vocab, tokens):
    seen = []

    def note(epoch, history):
        seen.append((epoch, history.epochs, sorted(history.metrics)))

    _quietly(
        _model(vocab),
        SequentialBatches(tokens, 4, 20),
        epochs=2,
        validation=WholeText(tokens[:99]),
        metrics={"ten": lambda model: 10},
        on_epoch=[note, note],
    )
    names = ["grad_norm", "loss", "per_second", "ten", "validation_loss"]
    assert seen == [(epoch, epoch, names) for epoch in (1, 1, 2, 2)]


def test_the_bar_can_be_switched_off_from_outside(vocab, tokens, capfd):
    assert os.environ["TQDM_DISABLE"] == "1"  # tests/conftest.py did, before tqdm was imported
    _quietly(_model(vocab), SequentialBatches(tokens, 4, 20), epochs=2, progress=True)
    assert capfd.readouterr().err == ""


# ---------------------------------------------------------------- the best epoch


@pytest.mark.parametrize("restore_best", [False, True])
def test_the_best_validated_parameters_are_kept(vocab, tokens, tmp_path, restore_best):
    path, seen = tmp_path / "best.pt", []
    model = _model(vocab, H=16)
    # A falling and then absurd learning rate, so that the best epoch is not the last.
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)

    def note(epoch, history):
        seen.append((history["validation_loss"][-1], copy.deepcopy(model.state_dict())))
        optimizer.param_groups[0]["lr"] = 1.0 if epoch < 6 else 30.0

    _quietly(
        model,
        SequentialBatches(tokens, 4, 20),
        epochs=8,
        optimizer=optimizer,
        on_epoch=[note],
        validation=WholeText(tokens[:300]),
        checkpoint=path,
        restore_best=restore_best,
    )
    best = min(range(8), key=lambda epoch: seen[epoch][0])
    assert best != 7
    restored = _model(vocab, H=16, seed=9)
    checkpoints.load(restored, path)
    for name, value in restored.state_dict().items():
        assert torch.equal(value, seen[best][1][name])
        ends = seen[best if restore_best else 7][1]
        assert torch.equal(model.state_dict()[name], ends[name])
    assert [p.name for p in tmp_path.iterdir()] == ["best.pt"]
    with pytest.raises(RuntimeError, match="size mismatch"):
        checkpoints.load(_model(vocab, H=8), path)
    with pytest.raises(FileNotFoundError):
        checkpoints.load(restored, tmp_path / "none.pt")


def test_an_interruption_leaves_the_parameters_of_that_moment(vocab, tokens):
    model, moment = _model(vocab), {}

    def interrupt(epoch, history):
        if epoch == 2:
            moment.update(copy.deepcopy(model.state_dict()))
            raise KeyboardInterrupt

    batches, validation = SequentialBatches(tokens, 4, 20), WholeText(tokens[:300])
    options = {"lr": 1e-4, "validation": validation, "on_epoch": [interrupt], "restore_best": True}
    assert _quietly(model, batches, epochs=3, **options).interrupted
    assert all(torch.equal(value, moment[name]) for name, value in model.state_dict().items())


def test_without_validation_the_training_loss_decides(tmp_path):
    path, losses = tmp_path / "best.pt", iter([3.0, 1.0, 2.0])
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.zero_()

    def loss(model, batch, state):
        return next(losses) + 0 * model.weight.sum(), 1, None

    def count(epoch, history):
        with torch.no_grad():
            model.weight.fill_(epoch)  # what the next epoch's checkpoint would hold

    _quietly(model, [()], loss, epochs=3, checkpoint=path, on_epoch=[count])
    checkpoints.load(model, path)
    assert model.weight.item() == 1  # saved after epoch 2, before its report


# ---------------------------------------------------------------- nothing goes wrong silently


def _exploding(radius, steps=75):
    """A relu network whose gradient leaves what a float32 can hold, while its loss does not."""
    torch.manual_seed(0)
    model = CharLM(RNN(5, 8, nonlinearity="relu"))
    with torch.no_grad():
        model.recurrent.weight_hh_l0.copy_(radius * torch.eye(8))
    X = torch.randint(1, 5, (2, steps + 1))
    return model, [(X[:, :-1], X[:, 1:])]


@pytest.mark.parametrize(("radius", "clip"), [(3.1, None), (3.1, 1.0), (2.2, 1.0), (2.2, None)])
def test_a_gradient_that_is_not_finite_stops_before_the_step(radius, clip):
    model, batches = _exploding(radius)
    before = copy.deepcopy(model.state_dict())
    assert math.isfinite(evaluate(model, batches, next_token))
    with pytest.raises(DivergedError, match=r"epoch 1, step 1: the loss is .* and the norm of its"):
        _quietly(model, batches, epochs=3, lr=1e-3, clip=clip)
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)
    assert not any(p.grad is not None and p.grad.any() for p in model.parameters())


class Wild(torch.optim.SGD):
    """An optimiser whose step is larger than a number can be."""

    def step(self, closure=None):
        super().step(closure)
        self.param_groups[0]["params"][0].data *= math.inf


def test_a_step_too_large_for_a_number_is_taken_back(vocab, tokens):
    model = _model(vocab)
    optimizer = Wild(model.parameters(), 1.0)
    before = copy.deepcopy(model.state_dict())
    batches = [next(iter(SequentialBatches(tokens, 4, 20, offset=0)))]  # its only step is the last
    with pytest.raises(DivergedError, match="after its last step, an entry of .* is not finite"):
        _quietly(model, batches, optimizer=optimizer)
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)


def test_a_validation_loss_that_is_not_finite_stops_too(vocab, tokens):
    def loss(model, batch, state):
        value, number, state = next_token(model, batch, state)
        return value if model.training else value * math.nan, number, state

    batches = SequentialBatches(tokens, 4, 20)
    with pytest.raises(DivergedError, match="epoch 1, the validation loss is nan"):
        _quietly(_model(vocab), batches, loss, validation=batches)


class Interrupted(Recorder):
    """A model whose reader presses the stop button in its tenth call."""

    def forward(self, X, state=None):
        if len(self.given) == 9:
            raise KeyboardInterrupt
        return super().forward(X, state)


@pytest.mark.parametrize("training", [True, False])
def test_an_interruption_is_one_line_and_the_history_comes_back(vocab, tokens, capsys, training):
    model = Interrupted(len(vocab)).train(training)
    batches = list(SequentialBatches(tokens, 4, 20, offset=0))[:4]
    history = _quietly(model, batches, epochs=7)
    assert history.epochs == 2 and len(history["loss"]) == 2 and history.interrupted
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert not _quietly(_model(vocab), batches, history=history).interrupted
    assert said.startswith("interrupted in epoch 3, after step 1: the model holds the parameters")
    assert all(module.training is training for module in model.modules())


def test_every_module_is_left_in_the_mode_it_was_in(vocab, tokens):
    model = CharLM(nn.LSTM(len(vocab), 4))
    model.head.eval()
    _quietly(model, SequentialBatches(tokens, 4, 20), validation=WholeText(tokens[:50]))
    assert model.training and model.recurrent.training and not model.head.training


def test_a_scheduler_makes_a_step_after_every_epoch(vocab, tokens):
    model, rates = _model(vocab), []
    optimizer = torch.optim.SGD(model.parameters(), 1.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)

    def note(epoch, history):
        rates.append(optimizer.param_groups[0]["lr"])

    _quietly(
        model, SequentialBatches(tokens, 4, 20), epochs=3, optimizer=optimizer,
        scheduler=scheduler, on_epoch=[note],
    )  # fmt: skip
    assert rates == [0.5, 0.25, 0.125]


def test_training_goes_on_from_a_history(vocab, tokens):
    model, seen = _model(vocab), []
    batches = SequentialBatches(tokens, 4, 20)
    history = _quietly(model, batches, epochs=2)
    again = _quietly(
        model,
        batches,
        epochs=3,
        history=history,
        on_epoch=[lambda n, h: seen.append((n, h.epochs))],
    )
    assert again.epochs == 5 and history.epochs == 2 and again["loss"][:2] == history["loss"]
    assert seen == [(3, 3), (4, 4), (5, 5)]


def test_a_part_that_the_optimiser_lacks_is_named_and_does_not_disturb(vocab, tokens):
    """Its gradient neither adds up nor shrinks that of the part that is trained."""
    runs = []
    for freeze in (True, False):
        model = _model(vocab)
        model.recurrent.requires_grad_(not freeze)
        optimizer = torch.optim.SGD(model.head.parameters(), 1.0)
        batches = list(SequentialBatches(tokens, 4, 20, offset=0))
        if freeze:
            history = _quietly(model, batches, epochs=3, optimizer=optimizer)
        else:
            with pytest.warns(UserWarning, match="does not hold recurrent.weight_ih_l0"):
                history = _quietly(model, batches, epochs=3, optimizer=optimizer)
        runs.append(history)
    assert runs[0]["loss"] == runs[1]["loss"] and runs[0]["grad_norm"] == runs[1]["grad_norm"]


def test_a_divergence_takes_back_what_the_optimiser_remembers(vocab, tokens):
    model, calls = _model(vocab), []
    optimizer = torch.optim.Adam(model.parameters(), 0.01)

    def loss(model, batch, state):
        calls.append(1)
        value, number, state = next_token(model, batch, state)
        return value * {3: 1e15, 4: math.nan}.get(len(calls), 1.0), number, state

    batches = list(SequentialBatches(tokens, 4, 20, offset=0))[:5]
    with pytest.raises(DivergedError):
        _quietly(model, batches, loss, optimizer=optimizer, clip=None)
    assert not any(state["step"] for state in optimizer.state.values())
    history = _quietly(model, batches, epochs=20, optimizer=optimizer)
    assert history["loss"][-1] < 0.7 * history["loss"][0]


def test_a_plateau_is_told_the_validation_loss(vocab, tokens):
    model = _model(vocab)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, patience=0, threshold=1.0
    )  # none is enough
    batches = SequentialBatches(tokens, 4, 20)
    _quietly(model, batches, epochs=3, optimizer=optimizer, scheduler=scheduler, validation=batches)
    assert optimizer.param_groups[0]["lr"] < 0.005


def test_buffers_may_hold_what_they_like(vocab, tokens):
    model = _model(vocab)
    model.register_buffer("mask", torch.full((2, 2), -math.inf))
    assert _quietly(model, SequentialBatches(tokens, 4, 20)).epochs == 1


def test_minibatches_may_be_anything_that_can_be_gone_through(vocab, tokens):
    class Again:
        """An iterator that begins anew."""

        def __init__(self, batches):
            self.batches = batches

        def __iter__(self):
            self.rest = iter(self.batches)
            return self

        def __next__(self):
            return next(self.rest)

    batches = list(SequentialBatches(tokens, 4, 20, offset=0))
    X, Y = (torch.cat([batch[n] for batch in batches]) for n in (0, 1))
    dataset = torch.utils.data.TensorDataset(X, Y)
    loader = torch.utils.data.DataLoader(dataset, batch_size=4)
    runs = [_quietly(_model(vocab), given, epochs=2)["loss"] for given in (Again(batches), loader)]
    plain = _quietly(_model(vocab), [tuple(b) for b in loader], epochs=2)["loss"]
    assert runs[0] == plain and runs[1] == pytest.approx(plain)


# ---------------------------------------------------------------- classifiers


def _first_letter_task():
    """Sequences whose class is their first token: easy, and impossible from the padding."""
    rng = random.Random(0)
    sequences = [
        torch.tensor([rng.randint(1, 3)] + [rng.randint(1, 5) for _ in range(rng.randint(0, 6))])
        for _ in range(200)
    ]
    return sequences, torch.tensor([int(sequence[0]) - 1 for sequence in sequences])


def _classifier():
    torch.manual_seed(0)
    embedding = nn.Embedding(6, 8, padding_idx=0)
    recurrent = nn.GRU(8, 16, batch_first=True)
    return SequenceClassifier(recurrent, 3, embedding=embedding, dropout=0.1)


def test_fit_trains_a_classifier_and_is_repeatable():
    sequences, labels = _first_letter_task()
    results = []
    for _ in range(2):
        model = _classifier()
        batches = padded_batches(sequences, labels, 16, pool=4)
        history = _quietly(
            model,
            batches,
            classification,
            epochs=12,
            optimizer=torch.optim.Adam(model.parameters(), 0.01),
            validation=batches,
        )
        results.append((history["loss"], history["validation_loss"]))
    assert results[0] == results[1]
    assert history["loss"][-1] < 0.2 * history["loss"][0]
    assert history["validation_loss"][-1] < 0.2


def test_a_classifiers_loss_that_diverges_leaves_the_last_epoch():
    sequences, labels = _first_letter_task()
    model = _classifier()
    before = copy.deepcopy(model.state_dict())
    calls = iter([1.0, 1.0, torch.nan])  # the third minibatch goes wrong
    model.head.register_forward_hook(lambda head, _, logits: logits * next(calls))
    batches = list(padded_batches(sequences, labels, 50))
    with pytest.raises(DivergedError, match="epoch 1, step 3: the loss is nan"):
        _quietly(model, batches, classification, lr=0.1, clip=None)
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)


def test_my_loop_and_the_package_make_the_same_steps():
    sequences, labels = _first_letter_task()
    package, mine = _classifier(), _classifier()
    batches = padded_batches(sequences, labels, 64)
    optimizer = torch.optim.Adam(mine.parameters(), 0.01)
    torch.manual_seed(3)
    losses = []
    for _ in range(2):
        mine.train()
        nats = 0.0
        for X, lengths, y in batches:
            loss = nn.functional.cross_entropy(mine(X, lengths), y)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(mine.parameters(), 1.0)
            optimizer.step()
            nats += loss.item() * len(y)
        losses.append(nats / len(labels))
    torch.manual_seed(3)
    optimizer = torch.optim.Adam(package.parameters(), 0.01)
    history = _quietly(package, batches, classification, epochs=2, optimizer=optimizer)
    assert history["loss"] == pytest.approx(losses, rel=1e-6)
    torch.testing.assert_close(package.state_dict(), mine.state_dict())
