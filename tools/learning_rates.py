"""Choose the learning rates of chapters 8 and 9: one grid for all networks, by validation.

    python tools/learning_rates.py          all of it, about a quarter of an hour of one core

Each network of `NETWORKS` is trained on the story with every rate of `RATES`, from every seed of
`SEEDS`, exactly as the chapters train it (`train` below). The rate whose mean validation perplexity
over the seeds is lowest is the network's; with that one the test part is read. What came out is
the page book/learning-rates.md, to which the chapters' text refers.
"""

import statistics
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import nn

import rnnbook
from rnnbook import batching, datasets, losses, metrics, training
from rnnbook.atomic import write_atomically
from rnnbook.models import CharLM, count_parameters

RATES = (0.0025, 0.005, 0.01, 0.02, 0.04, 0.08)
SEEDS = (1, 2, 3)
V = len(datasets.story().vocab)
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "RNN": partial(nn.RNN, V, 245),
    "LSTM": partial(nn.LSTM, V, 120),
    "GRU": partial(nn.GRU, V, 140),
}
# What the text says beside the grid, at the best rate: fewer units, and no state carried over.
CONTROLS: dict[str, tuple[Callable[[], nn.Module], float, bool]] = {
    "RNN, 120 units": (partial(nn.RNN, V, 120), 0.005, True),
    "LSTM, each window from zeros": (partial(nn.LSTM, V, 120), 0.04, False),
}
TABLE = Path(__file__).resolve().parents[1] / "book" / "learning-rates.md"
HEAD = """# Learning rates, chosen on validation

The lowest validation perplexity of 12 epochs on the story, for each rate: the mean of the seeds
{seeds}, and in brackets the lowest and the highest of them. The best rate of each network is in
bold. Written by `tools/learning_rates.py`, which says how it trains.

"""


def train(layer: nn.Module, lr: float, carried: bool = True) -> tuple[CharLM, float]:
    """Train on the story as chapters 8 and 9 do; return the model and its validation perplexity."""
    corpus = datasets.story()
    batches = batching.SequentialBatches(corpus.train.tokens, 32, 35)
    batches.carries_state = carried
    model = CharLM(layer).to(rnnbook.device())
    history = training.fit(
        model,
        batches,
        losses.next_token,
        epochs=12,
        optimizer=torch.optim.Adam(model.parameters(), lr),
        validation=batching.WholeText(corpus.validation.tokens),
        restore_best=True,
    )
    return model, min(history.validation_perplexity)


def measure(
    build: Callable[[], nn.Module], lr: float, carried: bool = True
) -> list[tuple[float, float]]:
    """Return for each seed the validation and the test perplexity."""
    found = []
    for seed in SEEDS:
        rnnbook.seed(seed)
        model, validated = train(build(), lr, carried)
        found.append((validated, metrics.perplexity(model, datasets.story().test.tokens)))
    return found


def spread(values: Sequence[float]) -> str:
    """Return a mean with its lowest and highest value."""
    return f"{statistics.mean(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def row(name: str, build: Callable[[], nn.Module], found: dict[float, list]) -> str:
    """Return a network's line of the table."""
    validated = {lr: [value for value, _ in runs] for lr, runs in found.items()}
    best = min(validated, key=lambda lr: statistics.mean(validated[lr]))
    cells = [f"**{spread(v)}**" if lr == best else spread(v) for lr, v in validated.items()]
    tested = spread([value for _, value in found[best]])
    return f"| {name} | {count_parameters(CharLM(build())):,} | {' | '.join(cells)} | {tested} |"


def controls() -> list[str]:
    """Measure the controls; return the lines of their table."""
    lines = ["| control | rate | validation | test |", "| --- | --- | --- | --- |"]
    for name, (build, lr, carried) in CONTROLS.items():
        validated, tested = zip(*measure(build, lr, carried), strict=True)
        lines.append(f"| {name} | {lr} | {spread(validated)} | {spread(tested)} |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    """Measure every network with every rate, and store the table."""
    names = ["network", "parameters", *(str(lr) for lr in RATES), "test, best rate"]
    lines = [f"| {' | '.join(names)} |", "|" + " --- |" * len(names)]
    for name, build in NETWORKS.items():
        lines.append(row(name, build, {lr: measure(build, lr) for lr in RATES}))
        print(lines[-1], flush=True)
    lines += ["", "Beside the grid, with the same seeds:", "", *controls()]
    head = HEAD.format(seeds=", ".join(map(str, SEEDS)))
    write_atomically(TABLE, (head + "\n".join(lines) + "\n").encode())


if __name__ == "__main__":
    main()
