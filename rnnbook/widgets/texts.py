"""Interactive figures of texts: minibatches, and what a model that counts expects."""

import functools

import ipywidgets
from matplotlib.figure import Figure

from rnnbook import batching, plots
from rnnbook.arguments import strings
from rnnbook.ngram import NGram
from rnnbook.text import Vocab
from rnnbook.widgets.explorer import Explorer, slider


def window_explorer(text: str) -> Explorer:
    """Let the reader cut a short text into minibatches.

    Args:
        text: some 200 to 400 cleaned characters.
    Returns:
        A widget with the sampler, the batch size, the number of steps and the offset.
    Raises:
        ValueError: if there is no text.
    """
    if not strings("text", text, "pass the text itself"):
        raise ValueError("expected some 200 to 400 characters, got an empty text")

    def draw(kind: str, batch_size: int, num_steps: int, offset: int) -> tuple[Figure, str]:
        minibatches = batching.window_positions(kind, len(text), batch_size, num_steps, offset)
        figure, ax = plots.subplots(height=0.33 * (len(text) // 60 + 1) + 0.4)
        plots.windows(ax, text, minibatches)
        used = len(minibatches) * batch_size * num_steps
        ax.set_title(
            f"{kind}: {len(minibatches)} minibatches of {batch_size} x {num_steps}; "
            f"{used} of {len(text)} characters are inputs"
        )
        return figure, f"{ax.get_title('left')}. Each minibatch's windows are coloured on the text."

    kind = ipywidgets.ToggleButtons(options=["sequential", "random"], description="sampler")
    return Explorer(
        draw,
        kind=kind,
        batch_size=slider("batch size", 2, 1, 8),
        num_steps=slider("steps", 10, 1, 40),
        offset=slider("offset", 0, 0, 40),
    )


def ngram_explorer(train: str, validation: str, context: str) -> Explorer:
    """Show what a model that counts expects after a context, for every order and concentration.

    Args:
        train: the text that is counted.
        validation: the text whose perplexity stands in the title.
        context: the first context; the reader may type another.
    Returns:
        A widget with the context, the order n, and the concentration of the shorter context.
    """
    vocab = Vocab(train)
    letters = vocab.idx_to_token[1:]

    @functools.cache
    def fitted(n: int, concentration: float) -> tuple[NGram, float]:
        model = NGram(n, len(vocab), concentration).fit(train)
        return model, model.perplexity(validation)

    def draw(context: str, n: int, concentration: float) -> tuple[Figure, str]:
        model, perplexity = fitted(n, concentration)
        expected = [model.probability(letter, context) for letter in letters]
        figure, ax = plots.subplots()
        plots.bars(ax, letters, expected, ylabel="probability")
        title = "after '{}'; validation perplexity {:.2f}"
        ax.set_title(title.format(plots.visible(context), perplexity))
        likeliest = max(zip(expected, letters, strict=True))[1].replace(" ", plots.SHOWN_SPACE)
        shown = title.format(context.replace(" ", plots.SHOWN_SPACE), perplexity)
        return figure, f"Bars: {shown}. Likeliest: {likeliest}."

    return Explorer(
        draw,
        context=ipywidgets.Text(value=context, description="context", continuous_update=False),
        n=slider("n", 3, 0, 8),
        concentration=ipywidgets.SelectionSlider(
            options=[0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0], value=5.0,
            description="concentration", continuous_update=False,
            style={"description_width": "7em"},
        ),
    )  # fmt: skip
