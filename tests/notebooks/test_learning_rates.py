"""tools/learning_rates.py: the page is of its networks and rates, and chapters use the best."""

import re
from functools import partial
from pathlib import Path

import nbformat
import pytest
import torch
from torch import nn

import learning_rates
from learning_rates import NETWORKS, RATES, row, spread

ROOT = Path(__file__).resolve().parents[2]


def best_rates() -> dict[str, float]:
    """Return from the page, for each network, the rate whose cell is in bold."""
    found = {}
    for line in learning_rates.TABLE.read_text("utf-8").splitlines():
        name, *cells = (cell.strip() for cell in line.strip("| ").split("|"))
        if name in NETWORKS:
            bold = [cell.startswith("**") for cell in cells[1:-1]]
            assert sum(bold) == 1 and len(bold) == len(RATES), line
            found[name] = RATES[bold.index(True)]
    return found


def test_the_page_has_every_network_and_no_best_rate_lies_at_an_end():
    best = best_rates()
    assert set(best) == set(NETWORKS)
    assert all(RATES[0] < lr < RATES[-1] for lr in best.values())


@pytest.mark.parametrize(
    ("chapter", "network", "pattern"),
    [
        ("08_lstm", "RNN", r"nn\.RNN\(V, 245\), lr=([\d.]+)\)"),
        ("08_lstm", "LSTM", r"nn\.LSTM\(V, 120\), lr=([\d.]+)\)"),
        ("09_gru", "GRU", r"Adam\(gru_lm\.parameters\(\), ([\d.]+)\)"),
    ],
)
def test_the_chapters_use_the_best_rate(chapter, network, pattern):
    cells = nbformat.read(ROOT / "chapters" / f"{chapter}.ipynb", 4).cells
    source = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    assert [float(lr) for lr in re.findall(pattern, source)] == [best_rates()[network]]


def test_a_row_has_the_mean_and_the_spread_and_marks_the_lowest_mean():
    assert spread([4.0, 5.0, 3.0]) == "4.00 (3.00-5.00)"
    runs = {0.1: [(4.0, 4.4), (5.0, 5.0)], 0.2: [(3.0, 3.1), (5.0, 5.3)]}
    line = row("RNN", partial(nn.RNN, 4, 3), runs)
    assert line == "| RNN | 43 | 4.50 (4.00-5.00) | **4.00 (3.00-5.00)** | 4.20 (3.10-5.30) |"


def test_training_goes_back_to_the_best_epoch(monkeypatch):
    asked = {}

    def fit(model, batches, loss, **options):
        asked.update(options)
        return learning_rates.training.History({"loss": [1.0], "validation_loss": [0.0]})

    monkeypatch.setattr(learning_rates.training, "fit", fit)
    torch.manual_seed(0)
    _, validated = learning_rates.train(nn.RNN(learning_rates.V, 4), 0.5)
    assert validated == 1.0 and asked["restore_best"] and asked["epochs"] == 12
    assert asked["optimizer"].defaults["lr"] == 0.5
