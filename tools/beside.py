"""Measure what the chapters tell beside their cells: the same experiments, with more seeds.

    python tools/beside.py                  all of it
    python tools/beside.py chapters/08*     one chapter: only its rows are renewed

Each experiment is an expression that is evaluated after the cells of its chapter, with the names
that they have defined, and gives a list of numbers. What came out is the page book/beside.md, to
which the chapters' text refers.
"""

import argparse
import json
from pathlib import Path

import nbformat

from notebooks import CHAPTERS, ROOT, execute
from rnnbook.atomic import write_atomically

TABLE = ROOT / "book" / "beside.md"
HEAD = """# Measured beside the text

Some sentences of the chapters rest on more runs than their cells make. Here are those runs, as they
came out on the machine that produced the stored outputs; on another one single numbers differ.
Written by `tools/beside.py`, in which the code of each row stands.

"""
MARK = "BESIDE "
# For each chapter: what its experiments need beside the chapter's own names, and the experiments.
EXPERIMENTS: dict[str, tuple[str, dict[str, str]]] = {
    "05_training": (
        """
def begun(wide, adam):
    reached = []
    for seed in (1, 2, 3):
        rnnbook.seed(seed)
        model = CharLM(RNN(V, H)).to(device)
        if wide:
            with torch.no_grad():
                model.recurrent.weight_ih_l0.normal_(0, 0.7)
        how = {"optimizer": torch.optim.Adam(model.parameters(), 0.005)} if adam else {"lr": 1.0}
        history = training.fit(
            model, batching.SequentialBatches(train, B, T), losses.next_token, epochs=6,
            validation=batching.WholeText(validation), **how,
        )
        reached.append(history.validation_perplexity[-1])
    return reached

def three(part, **options):
    return [train_without(part, seed, **options) for seed in (1, 2, 3)]

def difference(part):
    seeds = range(1, 9)
    return [train_without(part, s) - train_without("nothing", s) for s in seeds]
""",
        {
            "5.5, plain gradient descent, six epochs": "begun(False, False)",
            "5.5, Adam": "begun(False, True)",
            "5.5, plain gradient descent, wide input weights": "begun(True, False)",
            "5.5, Adam, wide input weights": "begun(True, True)",
            "5.6, no zero_grad, learning rate 0.3": "three('zero_grad', lr=0.3)",
            "5.6, no state carried, less complete": "difference('state carried')",
            "5.6, 128 units, 8 epochs, complete": "three('nothing', units=128, epochs=8)",
            "5.6, 128 units, 8 epochs, no clipping": "three('clipping', units=128, epochs=8)",
        },
    ),
    "06_long_sequences": (
        """
def ends(factor_of):
    changes = []
    for seed in range(100, 120):
        draw = torch.randn(units, units, generator=rnnbook.seed(seed)).double()
        W = diagnostics.with_radius(draw, 2.0)
        params = draw_params(rnnbook.seed(seed + 100), units, W)
        loss, g = bptt.loss_and_gradients(params, x_60, y_60, start)
        factor = factor_of(gradient_norm(g))
        moved = [p - 0.1 * factor * gradient for p, gradient in zip(params, g)]
        after, _ = bptt.loss_and_gradients(moved, x_60, y_60, start)
        changes.append(float(after - loss))
    return sorted(changes)

def share_after_noise(seed):
    global letters
    kept = letters
    def noise(count, lag, seed):
        answers = torch.randint(LETTERS, (count, B), generator=torch.Generator().manual_seed(-seed))
        return kept(count, lag, seed)[0], answers
    letters = noise
    try:
        _, rnn = train(12, 10, seed)
    finally:
        letters = kept
    return share_read(rnn, 12)
""",
        {
            "6.2, 20 other draws, change of the loss, as it is": "ends(lambda norm: 1.0)",
            "6.2, 20 other draws, clipped to 1": "ends(lambda norm: 1 / norm)",
            "6.5, windows of 10, learning rate 0.001, loss":
                "[train(12, 10, seed, lr=0.001)[0] for seed in seeds]",
            "6.5, windows of 10, recurrence frozen, loss":
                "[train(12, 10, seed, frozen=True)[0] for seed in seeds]",
            "6.5, windows of 10, answers drawn at random, share read of 12 steps":
                "[share_after_noise(seed) for seed in seeds]",
            "6.5, windows of 1, 1,500 letters, loss":
                "[train(4, 1, seed, lr=0.003, count=1500)[0] for seed in seeds]",
            "6.5, windows of 1, 4,500 letters, loss":
                "[train(4, 1, seed, lr=0.003, count=4500)[0] for seed in seeds]",
        },
    ),
    "08_lstm": (
        """
def once(t, h, c):
    return (0 * h if t == 10 else h), c

def mean_for_seven(t, h, c):
    return (h.mean(dim=1, keepdim=True).expand_as(h).contiguous() if 7 <= t <= 13 else h), c

def still_right(results, meddle):
    return [(named(r.model, X, meddle) == y).float().mean().item() for r in results]

def forget_rows():
    lstm = nn.LSTM(FEATURES, 30, batch_first=True)
    with torch.no_grad():
        lstm.weight_hh_l0[30:60] *= 3
    return lstm

def mean_forget(lr):
    rnnbook.seed(1)
    model, _ = train_lm(nn.LSTM(V, 120), lr=lr)
    with torch.no_grad():
        return gates(model.recurrent, x)["f"].mean().item()

def from_start(biases, init):
    def make():
        rnn = nn.RNN(16, 64, batch_first=True)
        with torch.no_grad():
            init(rnn.weight_hh_l0)
            if not biases:
                rnn.bias_ih_l0.zero_(), rnn.bias_hh_l0.zero_()
        return rnn
    return recalled(make, 60, seeds=range(1, 13))

def radius_one(W):
    from rnnbook.diagnostics import with_radius
    W.copy_(with_radius(torch.randn_like(W), 1.0))

NINE = tuple(range(1, 10))
X, y = delayed_recall(20, 500, torch.Generator().manual_seed(99))
nine_open = learn(lambda: make_lstm(5.0), 20, seeds=NINE)
nine_strong = learn(lambda: changed(candidate=4.0), 20, seeds=NINE)
""",
        {
            "8.11, bias 5, one silent step": "still_right(nine_open, once)",
            "8.11, strong candidate, untouched": "[r.accuracy for r in nine_strong]",
            "8.11, strong candidate, one silent step": "still_right(nine_strong, once)",
            "8.11, bias 5, mean h for seven steps": "still_right(nine_open, mean_for_seven)",
            "8.11, bias 5, mean h for seven steps, a new linear map":
                "found_anew([r.model.recurrent for r in nine_open], mean_for_seven)",
            "8.11, the same, networks that were never trained":
                "found_anew([make_lstm(5.0).to(device) for _ in NINE], mean_for_seven)",
            "8.5, plain RNN at lag 60, orthogonal": "from_start(True, nn.init.orthogonal_)",
            "8.5, plain RNN at lag 60, orthogonal, no biases":
                "from_start(False, nn.init.orthogonal_)",
            "8.5, plain RNN at lag 60, random, radius 1": "from_start(True, radius_one)",
            "8.5, plain RNN at lag 60, random, radius 1, no biases":
                "from_start(False, radius_one)",
            "8.11, forget gate's rows times 3": "recalled(forget_rows, 20, seeds=NINE)",
            "8.8, mean forget gate, learning rate 0.005": "[mean_forget(0.005)]",
        },
    ),
    "09_gru": (
        """
def hearing_the_mean(results):
    def read(model, X):
        gru, h = model.recurrent, torch.zeros(len(X), 35).to(X)
        W_i, W_h, b_i, b_h = gru.weight_ih_l0, gru.weight_hh_l0, gru.bias_ih_l0, gru.bias_hh_l0
        for t, x in enumerate(X.split(1, dim=1)):
            given, heard = x[:, 0] @ W_i.T + b_i, h @ W_h.T + b_h
            if 8 <= t <= 14:
                heard = heard.mean(dim=0, keepdim=True).expand_as(heard)
            (r_x, z_x, n_x), (r_h, z_h, n_h) = given.chunk(3, 1), heard.chunk(3, 1)
            r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
            h = z * h + (1 - z) * torch.tanh(n_x + r * n_h)
        return model.head(h).argmax(dim=1)
    with torch.no_grad():
        return [(read(r.model.cpu(), X.cpu()) == y).float().mean().item() for r in results]

SIX = range(1, 7)
X, y = delayed_recall(20, 500, torch.Generator().manual_seed(99))
six = {"as it comes": learn(make_gru, 20, seeds=SIX),
       "bias 5": learn(lambda: make_gru(5.0), 20, seeds=SIX)}
""",
        {
            "9.11, as it comes, all hear the mean, still right":
                "hearing_the_mean(six['as it comes'])",
            "9.11, bias 5, all hear the mean, still right": "hearing_the_mean(six['bias 5'])",
        },
    ),
    "11_forward_patterns": (
        """
def alone(kind):
    models = [copied_once_more(kind, minibatches(), seed) for seed in (1, 2, 3)]
    return [accuracy_with_pads(model, 0) for model in models]
""",
        {
            "11.10, copied classifier, names without pads": "alone(CopiedClassifier)",
            "11.10, the same with a random padding": "alone(RandomPadding)",
        },
    ),
}  # fmt: skip


def measure(path: Path) -> dict[str, list[float]]:
    """Run a chapter and its experiments; return what each gave."""
    needed, experiments = EXPERIMENTS[path.stem]
    notebook = nbformat.read(path, as_version=4)
    asked = ", ".join(f"{label!r}: {code}" for label, code in experiments.items())
    code = f"{needed}\nimport json as _json\nprint({MARK!r} + _json.dumps({{{asked}}}))"
    notebook.cells.append(nbformat.v4.new_code_cell(code))
    execute(notebook, path.parent, timeout=3600)
    said = "".join(output.get("text", "") for output in notebook.cells[-1].outputs)
    return json.loads(said.split(MARK)[1].splitlines()[0])


def rows(found: dict[str, list[float]]) -> list[str]:
    """Return the lines of a chapter's experiments."""
    return [
        f"| {label} | {', '.join(f'{value:,.2f}' for value in values)} |"
        for label, values in found.items()
    ]


def kept() -> dict[str, str]:
    """Return the lines that the page has, by their label."""
    if not TABLE.exists():
        return {}
    lines = [line for line in TABLE.read_text("utf-8").splitlines() if line.startswith("| ")]
    return {line.split(" | ")[0].removeprefix("| "): line for line in lines[2:]}  # after the head


def store(found: dict[str, list[float]]) -> None:
    """Write the page, with new lines where there are some, in the order of the experiments."""
    lines = kept() | dict(zip(found, rows(found), strict=True))
    labels = [label for _, experiments in EXPERIMENTS.values() for label in experiments]
    table = ["| section, what | each run |", "| --- | --- |"]
    table += [lines[label] for label in labels if label in lines]
    write_atomically(TABLE, (HEAD + "\n".join(table) + "\n").encode())


def main() -> None:
    """Measure the experiments of the chapters asked for, and store what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", type=Path)
    asked = parser.parse_args().chapters or [CHAPTERS / f"{name}.ipynb" for name in EXPERIMENTS]
    for path in asked:
        found = measure(path.resolve())
        print("\n".join(rows(found)), flush=True)
        store(found)


if __name__ == "__main__":
    main()
