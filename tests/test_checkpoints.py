"""rnnbook.checkpoints: whole files, from which training goes on and texts are generated."""

import copy
import math
import random

import numpy as np
import pytest
import torch
from torch import nn

from rnnbook import checkpoints
from rnnbook.batching import RandomBatches, WholeText
from rnnbook.generation import generate
from rnnbook.history import History
from rnnbook.losses import next_token
from rnnbook.models import CharLM
from rnnbook.recurrent import GRU, LSTM, RNN
from rnnbook.text import Vocab
from rnnbook.training import fit

TEXT = "the tide comes in and the tide goes out " * 20
VOCAB = Vocab(TEXT)
TOKENS = VOCAB.encode(TEXT)


def _model(layer=RNN, seed=0, H=16, **options):
    torch.manual_seed(seed)
    return CharLM(layer(len(VOCAB), H, **options))


def _go_on(model, optimizer, scheduler=None, epochs=1, **options):
    batches = RandomBatches(TOKENS, 4, 20)
    return fit(
        model, batches, next_token, epochs=epochs, optimizer=optimizer, scheduler=scheduler,
        progress=False, **options,
    )  # fmt: skip


def _adam(model):
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    return optimizer, torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.8)


def test_an_interrupted_save_keeps_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "model.pt"
    checkpoints.save(_model(), path)
    before = path.read_bytes()

    def stop(kept, where):
        where.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", stop)
    with pytest.raises(OSError, match="disk full"):
        checkpoints.save(_model(seed=1), path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["model.pt"]


def test_what_is_loaded_are_the_parameters_and_nothing_else_changes(tmp_path):
    path, model = tmp_path / "model.pt", _model()
    optimizer, _ = _adam(model)
    history = _go_on(model, optimizer, epochs=2)
    checkpoints.save(model, path, optimizer, history=history)
    other = _model(seed=5)
    drawn = torch.get_rng_state()
    found = checkpoints.load(other, path)
    assert torch.equal(drawn, torch.get_rng_state())
    assert found.history == history and found.vocab is None
    for ours, theirs in zip(other.parameters(), model.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    with pytest.raises(RuntimeError, match="size mismatch"):
        checkpoints.load(_model(H=8), path)
    with pytest.raises(FileNotFoundError):
        checkpoints.load(other, tmp_path / "none.pt")


def test_the_file_holds_plain_values_only(tmp_path):
    path, model = tmp_path / "model.pt", _model(LSTM)
    optimizer, scheduler = _adam(model)
    history = _go_on(model, optimizer, scheduler)
    checkpoints.save(model, path, optimizer, scheduler, history, VOCAB)
    kept = torch.load(path, weights_only=True)
    assert kept["vocab"] == list(VOCAB) and kept["sizes"]["hidden_size"] == 16
    assert kept["optimizer"]["state"] and kept["scheduler"]["last_epoch"] == 1


def test_training_that_is_resumed_is_the_training_that_never_stopped(tmp_path):
    path, model = tmp_path / "model.pt", _model(LSTM, num_layers=2, dropout=0.3)
    optimizer, scheduler = _adam(model)
    history = _go_on(model, optimizer, scheduler, epochs=3)
    checkpoints.save(model, path, optimizer, scheduler, history)
    in_python = random.random()
    unbroken = _go_on(model, optimizer, scheduler, epochs=2, history=copy.deepcopy(history))

    random.seed(99)
    torch.manual_seed(99)  # another process has drawn other numbers
    resumed_model = _model(LSTM, seed=7, num_layers=2, dropout=0.3)
    optimizer, scheduler = _adam(resumed_model)
    found = checkpoints.resume(resumed_model, path, optimizer, scheduler)
    assert random.random() == in_python
    resumed = _go_on(resumed_model, optimizer, scheduler, epochs=2, history=found.history)
    assert resumed.epochs == 5
    assert resumed["loss"] == unbroken["loss"] and resumed["grad_norm"] == unbroken["grad_norm"]
    for ours, theirs in zip(resumed_model.parameters(), model.parameters(), strict=True):
        assert torch.equal(ours, theirs)

    # What the optimiser remembers matters: begun anew, Adam makes other steps.
    checkpoints.load(resumed_model, path)
    fresh = _go_on(resumed_model, _adam(resumed_model)[0], history=found.history)
    assert fresh["loss"][-1] != pytest.approx(unbroken["loss"][3], rel=1e-3)


def test_resuming_wants_all_that_was_there(tmp_path):
    path, model = tmp_path / "model.pt", _model()
    optimizer, scheduler = _adam(model)
    checkpoints.save(model, path, optimizer)
    with pytest.raises(
        ValueError, match="the scheduler in .* is NoneType, and the one given is Exp"
    ):
        checkpoints.resume(model, path, optimizer, scheduler)
    checkpoints.save(model, path, optimizer, scheduler)
    with pytest.raises(
        ValueError, match="the scheduler in .* is ExponentialLR, and the one given is None"
    ):
        checkpoints.resume(model, path, optimizer)


def test_fit_writes_all_of_it_at_the_best_epoch(tmp_path):
    path, model = tmp_path / "best.pt", _model(GRU)
    optimizer, scheduler = _adam(model)
    history = _go_on(
        model, optimizer, scheduler, epochs=4, validation=WholeText(TOKENS[:300]), checkpoint=path,
        vocab=VOCAB,
    )  # fmt: skip
    best = min(range(4), key=lambda epoch: history["validation_loss"][epoch])
    found = checkpoints.resume(model, path, optimizer, scheduler)
    assert found.history["loss"] == history["loss"][: best + 1]
    assert list(found.vocab) == list(VOCAB)


@pytest.mark.parametrize(
    ("layer", "options"),
    [
        (RNN, {"nonlinearity": "relu"}),
        (LSTM, {"num_layers": 2, "proj_size": 5}),
        (GRU, {"bias": False}),
        (nn.LSTM, {"num_layers": 2, "dropout": 0.5}),
    ],
)
def test_a_text_is_generated_from_the_file_alone(tmp_path, layer, options):
    path, model = tmp_path / "model.pt", _model(layer, **options)
    checkpoints.save(model, path, vocab=VOCAB)
    built, vocab = checkpoints.load_language_model(path)
    assert not built.training
    assert generate(built, "the", 30, vocab) == generate(model, "the", 30, VOCAB)


def test_a_readers_own_layer_has_no_sizes(tmp_path):
    class Own(nn.RNN):
        """Not of this book."""

    class Other(nn.Module):
        """Neither."""

        input_size, hidden_size, num_layers, bidirectional, batch_first = 4, 3, 1, False, False

    assert CharLM(Other()).sizes == {}
    assert CharLM(Own(4, 3)).sizes == {}


def test_numpys_numbers_do_not_make_a_file_that_cannot_be_read(tmp_path):
    path, vocab = tmp_path / "model.pt", Vocab(list(np.array(list(TEXT))))
    model = CharLM(LSTM(np.int64(len(VOCAB)), np.int64(8)))
    optimizer = torch.optim.Adam(model.parameters(), lr=np.logspace(-3, -1, 3)[0])
    history = _go_on(model, optimizer)
    checkpoints.save(model, path, optimizer, history=history, vocab=vocab)
    assert list(checkpoints.load(model, path).vocab) == list(VOCAB)


def test_what_cannot_be_read_back_is_refused_and_the_old_file_stays(tmp_path):
    class Odd(nn.Linear):
        def get_extra_state(self):
            return object

        def set_extra_state(self, state):
            pass

    path = tmp_path / "model.pt"
    checkpoints.save(_model(), path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="never read again"):
        checkpoints.save(Odd(1, 1), path)
    assert path.read_bytes() == before


def test_another_kind_of_optimiser_is_noticed_before_anything_changes(tmp_path):
    path, model = tmp_path / "model.pt", _model()
    checkpoints.save(model, path, _adam(model)[0])
    other = _model(seed=8)
    before = copy.deepcopy(other.state_dict())
    with pytest.raises(ValueError, match="is Adam, and the one given is AdamW"):
        checkpoints.resume(other, path, torch.optim.AdamW(other.parameters()))
    groups = [{"params": [p]} for p in other.parameters()]
    with pytest.raises(ValueError, match="param"):
        checkpoints.resume(other, path, torch.optim.Adam(groups))
    torch.testing.assert_close(other.state_dict(), before, rtol=0, atol=0)


def test_a_generator_of_the_minibatches_own_goes_on_too(tmp_path):
    path, model = tmp_path / "model.pt", _model()
    batches = RandomBatches(TOKENS, 4, 20, generator=torch.Generator().manual_seed(1))
    optimizer, _ = _adam(model)
    options = {"optimizer": optimizer, "progress": False}
    history = fit(model, batches, next_token, epochs=1, checkpoint=path, **options)
    unbroken = fit(model, batches, next_token, epochs=2, history=history, **options)
    batches = RandomBatches(TOKENS, 4, 20, generator=torch.Generator().manual_seed(9))
    with pytest.raises(ValueError, match="generator of the minibatches' own is not|is in"):
        checkpoints.resume(model, path, optimizer)
    found = checkpoints.resume(model, path, optimizer, generator=batches.generator)
    resumed = fit(model, batches, next_token, epochs=2, history=found.history, **options)
    assert resumed["loss"] == unbroken["loss"]


def test_a_subclass_is_not_taken_for_a_plain_model_and_types_stay(tmp_path):
    class Negative(CharLM):
        """Another forward."""

    checkpoints.save(Negative(RNN(len(VOCAB), 4)), tmp_path / "a.pt", vocab=VOCAB)
    with pytest.raises(ValueError, match="not of a CharLM"):
        checkpoints.load_language_model(tmp_path / "a.pt")
    checkpoints.save(_model().double(), tmp_path / "b.pt", vocab=VOCAB)
    built, _ = checkpoints.load_language_model(tmp_path / "b.pt")
    assert built.head.weight.dtype == torch.float64


class Compiled(nn.Module):
    """A model in the wrapper that torch.compile puts around it: its names get a prefix."""

    def __init__(self, model):
        super().__init__()
        self._orig_mod = model


def test_a_compiled_models_checkpoint_loads_into_the_plain_one_and_back(tmp_path):
    path, model = tmp_path / "model.pt", _model()
    assert set(torch.compile(model).state_dict()) == set(Compiled(model).state_dict())
    checkpoints.save(torch.compile(model), path)
    plain, again = _model(seed=3), torch.compile(_model(seed=4))
    inner = _model(seed=5)
    inner.recurrent = torch.compile(inner.recurrent)  # a part of it
    for other in (plain, again, inner):
        checkpoints.load(other, path)
        for ours, theirs in zip(other.parameters(), model.parameters(), strict=True):
            assert torch.equal(ours, theirs)


def test_the_history_comes_back(tmp_path):
    checkpoints.save(_model(), tmp_path / "a.pt", history=History({"loss": [math.log(2)]}))
    found = checkpoints.load(_model(), tmp_path / "a.pt")
    assert found.history.perplexity == pytest.approx([2])
