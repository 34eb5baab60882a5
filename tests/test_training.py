"""rnnbook.models, training and generation: on small texts whose answers are known."""

import math

import pytest
import torch
from torch import nn

from rnnbook.generation import generate
from rnnbook.models import CharLM, count_parameters, detach
from rnnbook.recurrent import RNN
from rnnbook.text import RandomBatches, SequentialBatches, Vocab
from rnnbook.training import (
    DivergedError,
    History,
    cross_entropy,
    evaluate,
    fit,
    load_checkpoint,
    save_checkpoint,
)

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


class Uniform(nn.Module):
    """A model that finds all V tokens equally likely, whatever it reads."""

    def __init__(self, V):
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(V))

    def forward(self, X, state=None):
        return self.logits.expand(X.shape[1], X.shape[0], -1), state


@pytest.mark.parametrize("layer", [RNN, nn.RNN, nn.GRU, nn.LSTM])
def test_charlm_works_with_any_recurrent_layer(vocab, tokens, layer):
    model = _model(vocab, layer=layer)
    logits, _ = model(tokens[:12].reshape(3, 4))
    assert logits.shape == (4, 3, len(vocab))
    # The state carries all that came before: two halves are one whole.
    first, middle = model(tokens[:6].unsqueeze(0))
    second, _ = model(tokens[6:12].unsqueeze(0), middle)
    whole, _ = model(tokens[:12].unsqueeze(0))
    torch.testing.assert_close(torch.cat([first, second]), whole)


def test_charlm_refuses_what_cannot_be_a_language_model(vocab):
    with pytest.raises(ValueError, match="bidirectional"):
        CharLM(nn.RNN(5, 4, bidirectional=True))
    with pytest.raises(ValueError, match="batch_first=False"):
        CharLM(nn.RNN(5, 4, batch_first=True))
    with pytest.raises(ValueError, match=r"\(B, T\), got \(3,\)"):
        _model(vocab)(torch.zeros(3, dtype=torch.long))
    with pytest.raises(ValueError, match="0 to"):
        _model(vocab)(torch.full((1, 2), len(vocab)))


def test_count_parameters():
    assert count_parameters(CharLM(RNN(28, 32))) == 28 * 32 + 32 * 32 + 2 * 32 + 32 * 28 + 28


def test_cross_entropy_pairs_every_logit_with_its_target():
    logits, Y = torch.randn(5, 3, 7), torch.randint(0, 7, (3, 5))
    by_hand = -sum(logits[t, b].log_softmax(0)[Y[b, t]] for t in range(5) for b in range(3))
    torch.testing.assert_close(cross_entropy(logits, Y, "sum"), by_hand)
    torch.testing.assert_close(cross_entropy(logits, Y), by_hand / 15)


def test_perplexity_of_a_uniform_model_is_v(vocab, tokens):
    assert evaluate(Uniform(7), torch.randint(0, 7, (100,))) == pytest.approx(7, rel=1e-6)
    model = _model(vocab)
    exact = evaluate(model, tokens)
    # How many tokens are read at a time changes nothing; the strips only change the starts.
    assert evaluate(model, tokens, num_steps=7) == pytest.approx(exact, rel=1e-6)
    logits, _ = model(tokens[:-1].unsqueeze(0))
    by_hand = cross_entropy(logits, tokens[1:].unsqueeze(0)).exp().item()
    assert exact == pytest.approx(by_hand, rel=1e-5)
    assert evaluate(model, tokens, batch_size=4) == pytest.approx(exact, rel=0.05)
    with pytest.raises(ValueError, match="too short for 2 strips"):
        evaluate(model, tokens[:2], batch_size=2)


@pytest.mark.parametrize("sampler", [SequentialBatches, RandomBatches])
def test_fit_learns_a_repeating_text_and_generates_it(vocab, tokens, sampler):
    model = _model(vocab, H=48)
    history = fit(model, sampler(tokens, 4, 20), epochs=80, heldout=tokens[:200], progress=False)
    assert history.epochs == len(history.heldout_perplexity) == 80
    assert history.perplexity[0] > 5 and history.perplexity[-1] < 1.5
    assert history.heldout_perplexity[-1] < 1.5
    assert history.bits_per_char[-1] == pytest.approx(math.log2(history.perplexity[-1]))
    assert all(speed > 0 for speed in history.tokens_per_second)
    assert generate(model, "the tide comes", 26, vocab) == TEXT[: 14 + 26]


class Recorder(nn.Module):
    """A model that notes the state it is given."""

    def __init__(self, V):
        super().__init__()
        self.inner, self.given = CharLM(RNN(V, 4)), []

    def forward(self, X, state=None):
        self.given.append(state)
        return self.inner(X, state)


def test_state_is_carried_detached_or_fresh(vocab, tokens):
    model = Recorder(len(vocab))
    fit(model, SequentialBatches(tokens, 4, 20), epochs=2, progress=False)
    half = len(model.given) // 2
    for epoch in (model.given[:half], model.given[half:]):
        assert epoch[0] is None and all(s is not None and s.grad_fn is None for s in epoch[1:])
    model = Recorder(len(vocab))
    fit(model, RandomBatches(tokens, 4, 20), epochs=2, progress=False)
    assert len(model.given) > 4 and all(state is None for state in model.given)


def test_one_step_is_sgd_with_the_gradient_clipped(vocab, tokens):
    """One step of fit equals forward, backward, clip by norm, and step, written out."""
    model, twin = _model(vocab), _model(vocab)
    batches = [next(iter(SequentialBatches(tokens, 4, 20, offset=0)))]
    history = fit(model, batches, epochs=1, lr=0.5, clip=0.1, progress=False)

    X, Y = batches[0]
    cross_entropy(twin(X)[0], Y).backward()
    norm = torch.cat([p.grad.flatten() for p in twin.parameters()]).norm()
    assert norm > 0.1 and history.grad_norm[0] == pytest.approx(norm.item(), rel=1e-5)
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(
            ours, theirs - 0.5 * theirs.grad * 0.1 / norm, rtol=1e-4, atol=1e-6
        )


def test_without_clipping_the_gradient_is_left_alone(vocab, tokens):
    model, twin = _model(vocab), _model(vocab)
    X, Y = next(iter(SequentialBatches(tokens, 4, 20, offset=0)))
    fit(model, [(X, Y)], epochs=1, lr=0.5, clip=None, progress=False)
    cross_entropy(twin(X)[0], Y).backward()
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs - 0.5 * theirs.grad)


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
    fit(once, [(X, Y), (X, Y)], epochs=1, progress=False)
    model = Explosive(5)
    with pytest.raises(DivergedError, match="epoch 2, step 2: the loss is nan"):
        fit(model, [(X, Y), (X, Y)], epochs=3, progress=False)
    torch.testing.assert_close(model.logits, once.logits)


def test_a_perplexity_too_large_for_a_float_is_infinite():
    model = Uniform(3)
    with torch.no_grad():
        model.logits[0] = -5000.0
    assert evaluate(model, torch.zeros(10, dtype=torch.long)) == math.inf


def test_checkpoint_holds_the_best_heldout_parameters(vocab, tokens, tmp_path):
    path, seen = tmp_path / "best.pt", []
    model = _model(vocab, H=16)

    def note(epoch, history):
        seen.append(
            (history.heldout_perplexity[-1], {k: v.clone() for k, v in model.state_dict().items()})
        )

    # A falling and then absurd learning rate, so that the best epoch is not the last.
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)

    def spoil(epoch, history):
        optimizer.param_groups[0]["lr"] = 1.0 if epoch < 6 else 30.0

    batches, watch = SequentialBatches(tokens, 4, 20), {"heldout": tokens[:300], "checkpoint": path}
    fit(
        model,
        batches,
        epochs=8,
        optimizer=optimizer,
        on_epoch=[note, spoil],
        progress=False,
        **watch,
    )
    best = min(range(8), key=lambda epoch: seen[epoch][0])
    assert best != 7
    restored = _model(vocab, H=16, seed=9)
    load_checkpoint(restored, path)
    for name, value in restored.state_dict().items():
        assert torch.equal(value, seen[best][1][name])
    assert [p.name for p in tmp_path.iterdir()] == ["best.pt"]
    with pytest.raises(RuntimeError, match="size mismatch"):
        load_checkpoint(_model(vocab, H=8), path)
    with pytest.raises(FileNotFoundError):
        load_checkpoint(restored, tmp_path / "none.pt")


def test_interrupted_save_keeps_the_old_checkpoint(vocab, tmp_path, monkeypatch):
    path = tmp_path / "model.pt"
    save_checkpoint(_model(vocab), path)
    before = path.read_bytes()

    def stop(state_dict, where):
        where.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", stop)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(_model(vocab, seed=1), path)
    assert path.read_bytes() == before


def test_bad_training_input_is_refused(vocab, tokens):
    model, batches = _model(vocab), SequentialBatches(tokens, 4, 20)
    with pytest.raises(ValueError, match="epochs of at least 1, got 0"):
        fit(model, batches, epochs=0)
    with pytest.raises(ValueError, match="clip above 0"):
        fit(model, batches, epochs=1, clip=0.0)
    with pytest.raises(ValueError, match="generator is used up"):
        fit(model, iter(list(batches)), epochs=2, progress=False)


def test_generate_is_greedy_and_leaves_the_model_as_it_was(vocab):
    model = _model(vocab)
    model.train()
    text = generate(model, "the ", 10, vocab)
    assert text.startswith("the ") and model.training
    indices, state = vocab.encode("the ").unsqueeze(0), None
    for character in text[4:]:
        logits, state = model(indices, state)
        best = logits[-1, 0].argmax().item()
        assert vocab.idx_to_token[best] == character
        indices = torch.tensor([[best]])
    assert generate(model, "the ", 0, vocab) == "the "
    with pytest.raises(ValueError, match="at least one character"):
        generate(model, "", 5, vocab)
    with pytest.raises(ValueError, match=r"never saw: \['9', 'T'\].*clean"):
        generate(model, "The 9", 5, vocab)
    with pytest.raises(ValueError, match="at least 0"):
        generate(model, "the ", -1, vocab)


def test_detach_cuts_every_part_of_a_state():
    h = torch.zeros(2, requires_grad=True) * 2
    assert detach(None) is None and detach(h).grad_fn is None
    pair = detach((h, (h, h)))
    assert pair[0].grad_fn is None and pair[1][1].grad_fn is None


def test_history_starts_empty():
    assert History().epochs == 0 and History().bits_per_char == []
