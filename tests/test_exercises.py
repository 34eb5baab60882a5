"""Every exercise's check accepts right answers, the book's and another, and refuses wrong ones."""

import io
import json
import math
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path

import nbformat
import pytest
import torch
from torch import nn

from rnnbook import exercises, text
from rnnbook.data import load_text
from rnnbook.exercises import NOT_ATTEMPTED, NOT_YET, PASSED, grade

CHAPTERS = Path(__file__).parents[1] / "chapters"
exercises._load_all()

words = Counter(text.clean(load_text("story")).split())
ONCE = sum(n == 1 for n in words.values())
HALF, _sum = 0, 0
for _, n in words.most_common():
    if 2 * _sum >= words.total():
        break
    HALF, _sum = HALF + 1, _sum + n


# ---- chapter 1


def count_types(train, test):
    return len(set(test) - set(train)) / len(set(test))


def known_share(train, test):
    return sum(t in train for t in test) / len(test)


def per_training_token(train, test):
    return sum(t not in train for t in test) / len(train)


def joined(train, test):
    return sum(t not in "".join(train) for t in test) / len(test)


def unknown_by_subtraction(train, test):
    return 1 - sum(n for t, n in Counter(test).items() if t in set(train)) / len(test)


def in_float32(train, test):
    return (text.Vocab(train).encode(test) == 0).float().mean()


def nonzero_last(x):
    return (x * torch.arange(x.shape[-1])).sum(-1).long()


def windows_by_slicing(corpus, B, T, offset):
    length = (len(corpus) - offset - 1) // B
    for start in range(0, length - T + 1, T):
        rows = [offset + b * length + start for b in range(B)]
        yield (
            torch.stack([corpus[r : r + T] for r in rows]),
            torch.stack([corpus[r + 1 : r + T + 1] for r in rows]),
        )


def sampler(strips="right", targets="right", offset_used=True, all_windows=True):
    def batches(corpus, B, T, offset):
        start = offset if offset_used else 0
        length = (len(corpus) - start - 1) // B
        cut = corpus[start : start + B * length]
        X = cut.reshape(B, length) if strips == "right" else cut.reshape(length, B).T
        after = corpus[start + 1 : start + 1 + B * length].reshape(B, length)
        last = length - T + 1 if all_windows else length - 2 * T + 1
        for t in range(0, last, T):
            x = X[:, t : t + T]
            wrong = {"roll": torch.roll(x, -1, 1), "same": x, "right": after[:, t : t + T]}
            yield x, wrong[targets]

    return batches


# ---- chapter 3


def latch(w_x=5.0, w_h=3.0, b=0.0, letter="x"):
    def remember(vocab):
        W_xh = torch.zeros(len(vocab), 1)
        W_xh[vocab[letter]] = w_x
        return W_xh, torch.tensor([[w_h]]), torch.tensor([b])

    return remember


class Deep(nn.Module):
    """The chapter's DeepRNN without a constructor of its own."""

    def forward(self, inputs, state):
        state, outputs = list(state), []
        for x in inputs:
            for layer in range(len(state)):
                x = torch.tanh(
                    x @ self.W_xh[layer] + state[layer] @ self.W_hh[layer] + self.b_h[layer]
                )
                state[layer] = x
            outputs.append(x)
        return torch.stack(outputs), torch.stack(state)


def deep(hold=nn.ParameterList, biases=True, first=None, shared=False, grad=True):
    class Model(Deep):
        def __init__(self, V, H, L):
            super().__init__()
            sizes = [V] + [H] * (L - 1)
            one = nn.Parameter(torch.randn(H, H))
            self.W_xh = hold(nn.Parameter(torch.randn(size, H)) for size in (first or sizes))
            self.W_hh = hold(one if shared else nn.Parameter(torch.randn(H, H)) for _ in sizes)
            self.b_h = hold(nn.Parameter(torch.zeros(H), requires_grad=grad) for _ in sizes)
            if not biases:
                self.b_h = [torch.zeros(H).double() for _ in sizes]

    return Model


class Appended(Deep):
    def __init__(self, V, H, L):
        super().__init__()
        self.W_xh, self.W_hh, self.b_h = (nn.ParameterList() for _ in range(3))
        for layer in range(L):
            self.W_xh.append(torch.randn(H if layer else V, H) / 10)
            self.W_hh.append(torch.randn(H, H) / 10)
            self.b_h.append(torch.randn(H))


def allowed_by_position(order, T, L):
    place = {cell: n for n, cell in enumerate(order)}
    cells = {(t, n) for t in range(T) for n in range(L)}
    if set(order) != cells or len(order) != len(cells):
        return False
    return all(place.get((t - 1, n), -1) < i and place.get((t, n - 1), -1) < i
               for (t, n), i in place.items())  # fmt: skip


def allowed_without(*checks):
    """A right examiner of orders with some of its checks left out."""

    def is_allowed(order, T, L):
        done = set()
        for t, n in order:
            if "time" not in checks and t > 0 and (t - 1, n) not in done:
                return False
            if "layer" not in checks and n > 0 and (t, n - 1) not in done:
                return False
            done.add((t, n))
        return "complete" in checks or (len(order) == T * L and len(done) == T * L)

    return is_allowed


def loader(ih=lambda W: W.T, hh=lambda W: W.T, b_ih=1.0, b_hh=0.0):
    def load_into(builtin, W_xh, W_hh, b_h):
        with torch.no_grad():
            builtin.weight_ih_l0.copy_(ih(W_xh))
            builtin.weight_hh_l0.copy_(hh(W_hh))
            builtin.bias_ih_l0.copy_(b_ih * b_h)
            if b_hh is not None:
                builtin.bias_hh_l0.copy_(b_hh * b_h)
        return builtin

    return load_into


# ---- chapter 5


def epoch(targets="T", zero=True, clip_at="after", average="right", step=True, carry=True):
    def train(model, batches, optimizer, clip):
        state, losses, sizes = None, [], []
        for X, Y in batches:
            logits, state = model(X, state.detach() if carry and state is not None else None)
            y = (Y.T if targets == "T" else Y).flatten()
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), y)
            if zero:
                optimizer.zero_grad()
            if clip_at == "before":
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            loss.backward()
            if clip_at == "after":
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            if clip_at == "own":
                norm = math.sqrt(sum((p.grad**2).sum().item() for p in model.parameters()))
                for p in model.parameters():
                    p.grad *= min(1.0, clip / norm)
            if clip_at == "each":
                for p in model.parameters():
                    nn.utils.clip_grad_norm_(p, clip)
            if clip_at == "value":
                nn.utils.clip_grad_value_(model.parameters(), clip)
            if step:
                optimizer.step()
            losses.append(loss.item())
            sizes.append(Y.numel())
        means = {
            "right": math.exp(sum(map(math.prod, zip(losses, sizes, strict=True))) / sum(sizes)),
            "of exps": sum(map(math.exp, losses)) / len(losses),
            "loss": sum(losses) / len(losses),
        }
        return means[average]

    return train


def geometric_perplexity(losses, counts):
    shares = [n / sum(counts) for n in counts]
    return math.prod(math.exp(loss) ** s for loss, s in zip(losses, shares, strict=True))


def stops(patience_shift=0, base=1, swap=False, last=False, equal=False):
    def best_epoch(heldout, patience):
        best, lowest, now = 0, math.inf, 0
        for now, value in enumerate(heldout, start=1):
            if value < lowest or (equal and value == lowest):
                best, lowest = now, value
            if now - best == patience + patience_shift:
                break
        if last:
            best = now
        pair = (now - 1 + base, best - 1 + base)
        return pair[::-1] if swap else pair

    return best_epoch


def every_position(by_position, length):
    return math.prod(float(p) ** (1 / length) for p in by_position[:length])


# For each exercise: another right answer, and at least four plausible wrong ones.
CASES = {
    "1.1": (
        [("it s o clock high water " + "bring a lamp",)],
        [
            ("It s o clock HIGH water Bring a lamp",),
            ("it's o'clock high water bring a lamp",),
            ("it s 9 o clock high water bring a lamp",),
            ("it s o clock high waterbring a lamp",),
            ("it s  o clock high water bring a lamp",),
            (" it s o clock high water bring a lamp ",),
            ("its oclock high water bring a lamp",),
            (42,),
        ],
    ),
    "1.2": (
        [(unknown_by_subtraction,), (in_float32,)],
        [(count_types,), (known_share,), (per_training_token,), (joined,), (lambda a, b: "50%",)],
    ),
    "1.3": (
        [(ONCE + 0.0, HALF + 0.0)],
        [
            (ONCE / len(words), HALF),
            (len(words), HALF),
            (ONCE, HALF - 1),
            (ONCE, HALF + 1),
            (ONCE, len(words) // 2),
            (HALF, ONCE),
            (ONCE, ONCE),
        ],
    ),
    "1.4": (
        [(lambda x: x.max(dim=-1).indices,), (nonzero_last,)],
        [
            (lambda x: x.argmax(dim=0),),
            (lambda x: x.argmax(),),
            (lambda x: x.argmax(dim=1) if x.dim() > 1 else x.argmax(),),
            (lambda x: x.sum(dim=-1).long(),),
            (lambda x: x.argmax(dim=-1, keepdim=True),),
            (lambda x: x.argmax(dim=-1).float(),),
            (lambda x: x.argmin(dim=-1),),
            (lambda x: x.argmax(dim=-1).tolist(),),
        ],
    ),
    "1.5": ([("B",), (" b ",)], [("a",), ("c",), ("d",), (2,), ("",)]),
    "1.6": (
        [(windows_by_slicing,)],
        [
            (sampler(strips="cards"),),
            (sampler(targets="roll"),),
            (sampler(strips="cards", targets="roll"),),
            (sampler(targets="same"),),
            (sampler(offset_used=False),),
            (sampler(all_windows=False),),
            (lambda *a: [(X.T, Y.T) for X, Y in windows_by_slicing(*a)],),
            (lambda *a: [],),
        ],
    ),
    "1.7": (
        [(10.0, 10, False)],
        [(11, 10, False), (10, 11, False), (124, 10, False), (10, 83, False), (10, 10, True)],
    ),
    "3.1": (
        [(80156.0, 291356)],
        [
            (80156 - 256, 291356),
            (80156 - 28, 291356),
            (80156, 291356 + 512),
            (80156 - 256 - 28, 291356 - 512 - 28),
            (72960, 277504),
            (80156, 2 * 80156),
        ],
    ),
    "3.2": (
        [(latch(10.0, 1.5),), (lambda v: [p.double() for p in latch(2.0, 2.0)(v)],)],
        [
            (latch(w_h=1.0),),
            (latch(w_h=0.0),),
            (latch(w_h=1.05),),
            (latch(w_x=-5.0),),
            (latch(letter="y"),),
            (latch(b=1.0),),
            (latch(w_x=0.0),),
            (lambda v: latch()(v)[::-1],),
            (lambda v: latch()(v)[0],),
        ],
    ),
    "3.3": (
        [(0.05,), (0.0455,), (torch.tensor(0.0545),)],
        [(0.01,), (1 / 400,), (1.0,), (0.0289,), (-0.05,), (0.0866,)],
    ),
    "3.4": (
        [(deep(),), (Appended,)],
        [
            (deep(hold=list),),
            (deep(biases=False),),
            (deep(first=[5, 5, 5]),),
            (deep(shared=True),),
            (deep(grad=False),),
            (deep()(5, 4, 3),),
        ],
    ),
    "3.5": (
        [(allowed_by_position,)],
        [
            (allowed_without("time"),),
            (allowed_without("layer"),),
            (allowed_without("complete"),),
            (lambda order, T, L: allowed_by_position(order, 4, 3),),
            (lambda order, T, L: order == sorted(order),),
            (lambda order, T, L: True,),
            (lambda order, T, L: 1,),
        ],
    ),
    "3.6": (
        [(loader(b_ih=0.5, b_hh=0.5),), (loader(b_ih=0.0, b_hh=1.0),)],
        [
            (loader(hh=lambda W: W),),
            (loader(b_hh=1.0),),
            (loader(b_ih=0.0),),
            (loader(hh=lambda W: W, b_hh=1.0),),
            (loader(ih=lambda W: W),),
            (loader(b_hh=None),),
            (loader(hh=lambda W: -W.T),),
        ],
    ),
    "3.7": ([("B",)], [("a",), ("c",), ("d",), ("e",), (1,)]),
    "5.1": (
        [(13.0, [1.5, 2.0], torch.tensor([0.0, 6.0]))],
        [
            (17, (1.5, 2), (0, 6)),
            (12, (1.5, 2), (0, 6)),
            (13, (3, 4), (0, 12)),
            (169, (1.5, 2), (0, 6)),
            (13, (3, 4), (0, 6.5)),
            (13, (3.9, 5.2), (0, 6.5)),
            (13, (6.5, 0), (0, 0)),
            (13, (1.5, 2), (6, 0)),
        ],
    ),
    "5.2": (
        [
            (
                lambda ls, ns: math.prod(
                    math.exp(a * n / sum(ns)) for a, n in zip(ls, ns, strict=True)
                ),
            )
        ],
        [
            (lambda ls, ns: math.exp(sum(ls) / len(ls)),),
            (lambda ls, ns: sum(map(math.exp, ls)) / len(ls),),
            (lambda ls, ns: sum(math.exp(a) * n for a, n in zip(ls, ns, strict=True)) / sum(ns),),
            (lambda ls, ns: sum(a * n for a, n in zip(ls, ns, strict=True)) / sum(ns),),
            (lambda ls, ns: 2 ** (sum(a * n for a, n in zip(ls, ns, strict=True)) / sum(ns)),),
            (lambda ls, ns: math.exp(sum(ls) / sum(ns)),),
        ],
    ),
    "5.3": (
        [(epoch(),), (epoch(clip_at="own"),)],
        [
            (epoch(targets="plain"),),
            (epoch(zero=False),),
            (epoch(clip_at="before"),),
            (epoch(clip_at="each"),),
            (epoch(clip_at="value"),),
            (epoch(average="of exps"),),
            (epoch(average="loss"),),
            (epoch(step=False),),
            (epoch(carry=False),),
            (epoch(targets="plain", zero=False, clip_at="before", average="of exps"),),
        ],
    ),
    "5.4": (
        [(every_position,), (lambda p, n: torch.as_tensor(p)[:n].log().mean().exp(),)],
        [
            (lambda p, n: sum(p[:n]) / n,),
            (lambda p, n: p[n - 1],),
            (lambda p, n: math.exp(sum(math.log(x) for x in p) / len(p)),),
            (lambda p, n: math.exp(sum(math.log(x) for x in p[: n - 1]) / n),),
            (lambda p, n: sum(math.log(x) for x in p[:n]) / n,),
        ],
    ),
    "5.5": ([("B",)], [("a",), ("c",), ("d",), ("x",)]),
    "5.6": (
        [(stops(),)],
        [
            (stops(patience_shift=1),),
            (stops(base=0),),
            (stops(swap=True),),
            (stops(last=True),),
            (stops(equal=True),),
            (lambda h, p: (len(h), 1 + h.index(min(h))),),
            (lambda h, p: 3,),
        ],
    ),
}


@pytest.mark.parametrize("number", sorted(exercises.REGISTRY))
def test_every_exercise_has_its_cases(number):
    right, wrong = CASES[number]
    assert right and len(wrong) >= 4


@pytest.mark.parametrize(
    ("number", "answers"), [(n, a) for n, (right, _) in CASES.items() for a in right]
)
def test_right_answers_pass(number, answers):
    verdict = grade(number, *answers)
    assert verdict.status == PASSED, verdict.message


@pytest.mark.parametrize(
    ("number", "answers"), [(n, a) for n, (_, wrong) in CASES.items() for a in wrong]
)
def test_wrong_answers_are_refused_with_a_reason(number, answers):
    verdict = grade(number, *answers)
    assert verdict.status == NOT_YET
    assert len(verdict.message) > 15


def _chapter_cells():
    for path in sorted(CHAPTERS.glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if (
                cell.cell_type == "code"
                and "check(" in cell.source
                and "import check" not in cell.source
            ):
                yield path, cell


def test_chapters_store_a_stub_not_attempted_and_a_solution_passed():
    stubs, solutions = set(), set()
    for _, cell in _chapter_cells():
        printed = "".join(output.get("text", "") for output in cell.outputs)
        number = cell.source.split('check("')[1].split('"')[0]
        if "solution=True" in cell.source:
            assert f"Exercise {number}: passed (the solution)" in printed
            solutions.add(number)
        else:
            assert printed.strip() == f"Exercise {number}: {NOT_ATTEMPTED}"
            stubs.add(number)
    assert stubs == solutions == set(exercises.REGISTRY)


def test_titles_are_those_of_the_chapters():
    headings = "\n".join(
        cell.source
        for path in CHAPTERS.glob("*.ipynb")
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "markdown"
    )
    for number, exercise in exercises.REGISTRY.items():
        assert f"### Exercise {number} · {exercise.title}  [" in headings


def stub(*arguments): ...  # your code here


@pytest.mark.parametrize("stub", [None, ..., stub, lambda *a, **k: None, lambda *a, **k: ...])
def test_an_untouched_stub_is_not_attempted(stub):
    for number in ("1.2", "1.4", "1.6", "3.2", "3.5", "3.6", "5.2", "5.3", "5.4", "5.6"):
        assert grade(number, stub).status == NOT_ATTEMPTED
    for number in ("1.1", "1.5", "3.7", "5.5"):
        if not callable(stub):
            assert grade(number, stub).status == NOT_ATTEMPTED


def test_a_forgotten_return_is_an_attempt():
    def forgetful(train, test):
        share_unknown = len(train) / len(test)
        print(share_unknown)

    verdict = grade("1.2", forgetful)
    assert verdict.status == NOT_YET and "`return`" in verdict.message


def test_a_loop_with_several_bugs_is_told_of_each():
    verdict = grade("5.3", epoch(targets="plain", zero=False, clip_at="before"))
    assert all(word in verdict.message for word in ("targets", "emptied", "not clipped"))
    assert "parameter by parameter" in grade("5.3", epoch(clip_at="each")).message
    assert "entry by entry" in grade("5.3", epoch(clip_at="value")).message


def test_errors_in_the_readers_code_are_verdicts():
    def broken(train, test):
        return 1 / 0

    verdict = grade("1.2", broken)
    assert verdict.status == NOT_YET and "ZeroDivisionError: division by zero" in verdict.message
    assert grade("1.2", 0.5).status == NOT_YET
    assert grade("1.2").status == NOT_YET  # an answer is missing
    with pytest.raises(KeyError, match=r"there is no exercise '1.99'; there are 1.1, 1.2"):
        grade("1.99", 3)


def _said(function, *arguments, **options):
    with redirect_stdout(io.StringIO()) as said:
        function(*arguments, **options)
    return said.getvalue()


def test_progress_is_remembered_and_solutions_do_not_count(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNBOOK_STATE_DIR", str(tmp_path / "state"))
    assert "[ ] 1.5 " in _said(exercises.progress)
    assert (
        _said(exercises.check, "1.5", "b", solution=True) == "Exercise 1.5: passed (the solution)\n"
    )
    assert "[ ] 1.5 " in _said(exercises.progress)
    assert _said(exercises.check, "1.5", "b") == "Exercise 1.5: passed\n"
    assert _said(exercises.check, "3.7", "a").startswith("Exercise 3.7: not yet: ")
    said = _said(exercises.progress)
    assert "Chapter 1: 1 of 7 passed" in said and "[x] 1.5 " in said and "[ ] 3.7 " in said
    # A wrong answer later takes nothing away, and a new process remembers.
    _said(exercises.check, "1.5", "a")
    assert "[x] 1.5 " in _said(exercises.progress)
    assert json.loads((tmp_path / "state" / "progress.json").read_text()) == ["1.5"]


def test_progress_survives_a_broken_file_and_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNBOOK_STATE_DIR", str(tmp_path))
    (tmp_path / "progress.json").write_text("{broken")
    assert "Chapter 1: 0 of 7 passed" in _said(exercises.progress)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RNNBOOK_STATE_DIR", str(tmp_path / "file" / "below"))
    said = _said(exercises.check, "1.5", "b")
    assert said.startswith("(this could not be remembered") and "passed" in said
