"""Train the networks that run in the page, and export them.

    python tools/live_models.py                train all three, some minutes of one core
    python tools/live_models.py --kinds lstm   one of them
    python tools/live_models.py --export-only  from the checkpoints of an earlier training

Three networks with about as many parameters each read the story's training part; the epoch that is
best on the validation part is kept, as a checkpoint in work/live. What is exported, in half
precision, is rnnbook/live/models: what the page and JupyterLab run, and what
`rnnbook.live.network` gives to PyTorch.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import nn

import rnnbook
from rnnbook import batching, checkpoints, datasets, live, losses, metrics, training
from rnnbook.atomic import write_atomically
from rnnbook.models import CharLM, count_parameters

ROOT = Path(__file__).resolve().parents[1]
CHECKPOINTS = ROOT / "work" / "live"
V = len(datasets.story().vocab)
# The layer, and the learning rate, chosen on the validation part among 0.0025 times powers of two
# (tools/learning_rates.py, for networks of one and a half times the size).
NETWORKS: dict[str, tuple[Callable[[], nn.Module], float]] = {
    "rnn": (partial(nn.RNN, V, 192), 0.005),
    "gru": (partial(nn.GRU, V, 112), 0.005),
    "lstm": (partial(nn.LSTM, V, 96), 0.04),
}
EPOCHS = 30


def train(kind: str) -> None:
    """Train one network on the story, from a fixed start, and keep its best epoch."""
    build, lr = NETWORKS[kind]
    corpus = datasets.story()
    rnnbook.seed(1)
    model = CharLM(build())
    history = training.fit(
        model,
        batching.SequentialBatches(corpus.train.tokens, 32, 35),
        losses.next_token,
        epochs=EPOCHS,
        optimizer=torch.optim.Adam(model.parameters(), lr),
        validation=batching.WholeText(corpus.validation.tokens),
        restore_best=True,
    )
    CHECKPOINTS.mkdir(parents=True, exist_ok=True)
    checkpoints.save(model, CHECKPOINTS / f"{kind}.pt", vocab=corpus.vocab)
    best = min(history.validation_perplexity)
    print(f"{kind}: {count_parameters(model):,} parameters, validation perplexity {best:.2f}")


def export(kind: str) -> None:
    """Write a checkpoint as the file that the page runs, and say what rounding cost."""
    model, vocab = checkpoints.load_language_model(CHECKPOINTS / f"{kind}.pt")
    path = live.MODELS / f"{kind}.json"
    write_atomically(path, live.exported(model, vocab).encode())
    tokens = datasets.story().validation.tokens
    before, after = (metrics.perplexity(m, tokens) for m in (model, live.network(kind)[0]))
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} KB, perplexity {before:.4f} as trained, "
          f"{after:.4f} in half precision")  # fmt: skip


def main() -> None:
    """Train and export what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--export-only", action="store_true")
    asked = parser.parse_args()
    for kind in asked.kinds:
        if not asked.export_only:
            train(kind)
        export(kind)


if __name__ == "__main__":
    main()
