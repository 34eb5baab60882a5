"""Training in the page: a tanh RNN that begins with random numbers and learns while one watches."""

from rnnbook import plots
from rnnbook.arguments import real
from rnnbook.baselines import baselines
from rnnbook.datasets import story
from rnnbook.live.live_figure import LiveFigure

UNITS = (32, 64, 128)


def story_asset() -> dict[str, str]:
    """Return what the network in the page learns from, and what it is measured on."""
    corpus = story()
    return {"train": corpus.train.text, "validation": corpus.validation.text}


def training_network(units: int = 128, lr: float = 1.0, seed: int = 1) -> LiveFigure:
    """Let the reader train the network of chapter 5 in the browser.

    It learns from the story, or from a text that the reader pastes, in minibatches of 32 rows and
    35 steps: plain gradient descent, the gradient clipped, the state carried and detached.

    Args:
        units: 32, 64 or 128; the reader may take another of these.
        lr: the learning rate it begins with.
        seed: of its random numbers.
    Returns:
        A live figure. Its ``state`` holds the curve (seconds, characters read, perplexity on the
        validation part) and the baselines.
    Raises:
        ValueError: for another number of units, or a learning rate that is not above 0.
    """
    if units not in UNITS:
        raise ValueError(f"expected one of {', '.join(map(str, UNITS))} units, got {units!r}")
    if not 0.03 <= real("lr", lr) <= 32:
        raise ValueError(f"expected a learning rate from 0.03 to 32, got {lr}")
    figure, ax = plots.subplots(height=2.6)
    for name, value in baselines().items():
        ax.axhline(value, color="0.5", lw=1)
        ax.text(1.01, value, name, transform=ax.get_yaxis_transform(), va="center")
    ax.set_yscale("log")
    ax.set_ylim(3, 60)
    ax.set_yticks([3, 5, 10, 20, 50], ["3", "5", "10", "20", "50"])
    ax.minorticks_off()
    ax.set(xticks=[], xlabel="characters read", ylabel="perplexity")
    ax.set_title("the lines that a network has to get below")
    description = (
        "A network of random numbers, its perplexity on the validation part as it learns, and the "
        "lines of the models that count: 28, 16, 8.8 and 5.4."
    )
    options = {"units": str(units), "lr": lr, "clip": 4, "seed": seed}
    return LiveFigure("training", options, {"story": story_asset()}, figure, description)
