"""Interactive figures: sliders over the pure functions of ``rnnbook.plots``."""

import base64
import functools
import html
import io
from collections.abc import Callable, Sequence

import ipywidgets
import matplotlib.pyplot as plt
import torch
from IPython.display import display
from matplotlib.figure import Figure
from torch import nn

from rnnbook import classification, gradients, plots
from rnnbook.names import to_ascii
from rnnbook.ngrams import NGram
from rnnbook.recurrent import gates
from rnnbook.text import RandomBatches, SequentialBatches, Vocab, one_hot
from rnnbook.training import History


class Explorer(ipywidgets.VBox):
    """Controls above a picture that follows them.

    A page without a kernel (the built site, a notebook viewer) shows the first state as a picture.

    Args:
        draw: called with the controls' values by name; returns a figure and its description in
            words, which becomes the picture's alt text. A ValueError it raises is shown in place of
            the picture.
        controls: ipywidgets controls by the name of the argument they set.
    """

    def __init__(
        self, draw: Callable[..., tuple[Figure, str]], **controls: ipywidgets.Widget
    ) -> None:
        self.draw, self.controls, self.picture = draw, controls, ipywidgets.HTML()
        self.png: bytes | None = None
        super().__init__([*controls.values(), self.picture])
        for control in controls.values():
            control.observe(self._refresh, names="value")
        self._refresh()

    def _refresh(self, _change: object = None) -> None:
        values = {name: control.value for name, control in self.controls.items()}
        try:
            figure, description = self.draw(**values)
        except ValueError as error:
            self.picture.value = f"<p role='alert'>{html.escape(str(error))}</p>"
            return
        self.png = _png(figure)
        encoded = base64.b64encode(self.png).decode()
        alt = html.escape(description, quote=True)
        self.picture.value = (
            f'<img alt="{alt}" style="max-width: 100%" src="data:image/png;base64,{encoded}">'
        )

    def _repr_mimebundle_(self, **options: object) -> dict[str, object]:
        bundle = super()._repr_mimebundle_(**options)
        names = ", ".join(control.description for control in self.controls.values())
        bundle["text/plain"] = f"An interactive figure; in JupyterLab it has controls for: {names}"
        if self.png is not None:
            bundle["image/png"] = base64.b64encode(self.png).decode()
        return bundle


def _png(figure: Figure) -> bytes:
    """Save a figure as PNG and close it, so that it is not shown a second time."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    plt.close(figure)
    return buffer.getvalue()


def _slider(description: str, value: int, low: int, high: int) -> ipywidgets.IntSlider:
    return ipywidgets.IntSlider(
        value, low, high, description=description, continuous_update=False,
        style={"description_width": "7em"},
    )  # fmt: skip


def window_positions(
    kind: str, length: int, batch_size: int, num_steps: int, offset: int
) -> list[list[tuple[int, int]]]:
    """Find where a sampler's windows lie in a text.

    Args:
        kind: ``"sequential"`` or ``"random"``.
        length: N, characters in the text.
        batch_size: B, windows in a minibatch.
        num_steps: T, characters in a window.
        offset: characters dropped at the start.
    Returns:
        For each minibatch its B windows as (start, stop) positions.
    Raises:
        ValueError: if the text is too short for one minibatch.
    """
    sampler = {"sequential": SequentialBatches, "random": RandomBatches}[kind]
    # A text of 0, 1, 2, ...: each token is its own position.
    batches = sampler(torch.arange(length), batch_size, num_steps, offset=offset)
    return [[(int(row[0]), int(row[-1]) + 1) for row in X] for X, _ in batches]


def window_explorer(text: str) -> Explorer:
    """Let the reader cut a short text into minibatches.

    Args:
        text: some 200 to 400 cleaned characters.
    Returns:
        A widget with the sampler, the batch size, the number of steps and the offset.
    """

    def draw(kind: str, batch_size: int, num_steps: int, offset: int) -> tuple[Figure, str]:
        minibatches = window_positions(kind, len(text), batch_size, num_steps, offset)
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
        batch_size=_slider("batch size", 2, 1, 8),
        num_steps=_slider("steps", 10, 1, 40),
        offset=_slider("offset", 0, 0, 40),
    )


def ngram_explorer(train: str, heldout: str, context: str) -> Explorer:
    """Show what a model that counts expects after a context, for every order and strength.

    Args:
        train: the text that is counted.
        heldout: the text whose perplexity stands in the title.
        context: the first context; the reader may type another.
    Returns:
        A widget with the context, the order n, and the strength of the shorter context.
    """
    vocab = Vocab(train)
    letters = vocab.idx_to_token[1:]

    @functools.cache
    def fitted(n: int, strength: float) -> tuple[NGram, float]:
        model = NGram(n, len(vocab), strength).fit(train)
        return model, model.perplexity(heldout)

    def draw(context: str, n: int, strength: float) -> tuple[Figure, str]:
        model, perplexity = fitted(n, strength)
        expected = [model.probability(letter, context) for letter in letters]
        figure, ax = plots.subplots()
        plots.bars(ax, letters, expected, ylabel="probability")
        ax.set_title(f"after {plots.visible(context)!r}; held-out perplexity {perplexity:.2f}")
        likeliest = max(zip(expected, letters, strict=True))[1]
        return figure, f"Bars: {ax.get_title('left')}. Likeliest: {plots.visible(likeliest)}."

    return Explorer(
        draw,
        context=ipywidgets.Text(value=context, description="context", continuous_update=False),
        n=_slider("n", 3, 0, 8),
        strength=ipywidgets.SelectionSlider(
            options=[0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0], value=5.0, description="strength",
            continuous_update=False, style={"description_width": "7em"},
        ),
    )  # fmt: skip


def cell_stepper(recurrent: nn.Module, vocab: Vocab, text: str, units: int = 32) -> Explorer:
    """Step a recurrent layer through a text, one character at a time, and watch its state.

    Args:
        recurrent: a one-layer, one-directional layer over one-hot characters, time-major.
        vocab: the characters' indices.
        text: the first text to read; the reader may type another.
        units: how many units of the state are drawn.
    Returns:
        A widget with the text and the number of steps taken.
    """

    def draw(text: str, steps: int) -> tuple[Figure, str]:
        hs = states(recurrent, vocab, text)[:steps, :units]  # (steps, units)
        figure, ax = plots.subplots(height=3.2)
        shown = torch.full((len(text), hs.shape[1]), torch.nan)
        shown[: len(hs)] = hs
        plots.matrix(ax, shown.T, column_labels=text)
        ax.set_ylabel("unit")
        ax.set_title(f"state after {len(hs)} of {len(text)} characters")
        change = (hs[-1] - hs[-2]).norm() if len(hs) > 1 else hs[-1].norm()
        ax.set_xlabel(f"the last step moved the state drawn here by {change:.2f}")
        return figure, f"Heat map: {ax.get_title('left')}, one column a character."

    box = ipywidgets.Text(value=text, description="text", continuous_update=False)
    return Explorer(draw, text=box, steps=_slider("steps", 5, 1, 40))


def gate_explorer(
    recurrent: nn.Module, vocab: Vocab, text: str, first: str, units: int = 40
) -> Explorer:
    """Show the gates and states of an LSTM or a GRU while it reads a text.

    Args:
        recurrent: an LSTM or a GRU of one layer and one direction over one-hot characters,
            time-major.
        vocab: the characters' indices.
        text: the first text to read; the reader may type another.
        first: the gate or state shown first, by its letter in ``recurrent.gates``.
        units: how many units are drawn.
    Returns:
        A widget with the text and the quantity shown.
    """
    names = {
        "i": "input gate", "f": "forget gate", "o": "output gate", "g": "candidate",
        "c": "cell", "h": "output", "r": "reset gate", "z": "update gate", "n": "candidate",
    }  # fmt: skip
    known = gates(recurrent, _encoded(recurrent, vocab, text))

    def draw(text: str, quantity: str) -> tuple[Figure, str]:
        values = gates(recurrent, _encoded(recurrent, vocab, text))[quantity][:, 0, :units]
        if quantity in "iforz":
            values = 2 * values - 1  # a gate of 0 is blue, one of 1 is red
        figure, ax = plots.subplots(height=4.2)
        plots.matrix(ax, values.T, column_labels=text)
        ax.set_ylabel("unit")
        scale = "blue 0, red 1" if quantity in "iforz" else "blue -1 or less, red 1 or more"
        ax.set_title(f"{names[quantity]} {quantity}: {scale}")
        return figure, f"Heat map over the characters of {text!r}: {ax.get_title('left')}."

    options = [(f"{name}, {names[name]}", name) for name in known]
    return Explorer(
        draw,
        text=ipywidgets.Text(value=text, description="text", continuous_update=False),
        quantity=ipywidgets.Dropdown(options=options, value=first, description="shown"),
    )


def _encoded(recurrent: nn.Module, vocab: Vocab, text: str) -> torch.Tensor:
    """Return a text as one-hot vectors (T, 1, V) beside the layer's weights."""
    if not text or any(character not in vocab for character in text):
        raise ValueError(
            f"{text!r}: expected at least one character, all of them in the vocabulary"
        )
    weight = next(recurrent.parameters())
    return one_hot(vocab.encode(text), len(vocab)).to(weight).unsqueeze(1)


def states(recurrent: nn.Module, vocab: Vocab, text: str) -> torch.Tensor:
    """Return the states (T, H) after each character of a text."""
    with torch.no_grad():
        output, _ = recurrent(_encoded(recurrent, vocab, text))
    return output[:, 0].cpu()


def prefix_reader(model: nn.Module, vocab: Vocab, classes: Sequence[str], text: str) -> Explorer:
    """Read a classifier's opinion after each letter of a name that the reader types.

    Args:
        model: called with X (1, T) and lengths (1,), returns logits (1, C).
        vocab: the letters' indices.
        classes: C names of the classes.
        text: the first name.
    Returns:
        A widget with the name.
    """

    def draw(text: str) -> tuple[Figure, str]:
        name = to_ascii(text)
        if not name:
            raise ValueError(f"{text!r} has no letter for it: it knows the Latin alphabet only")
        probabilities = classification.prefix_probabilities(model, vocab, name)  # (T, C)
        figure, ax = plots.subplots(height=3.2)
        plots.matrix(ax, probabilities.T, row_labels=classes, column_labels=name)
        best = int(probabilities[-1].argmax())
        for column, row in enumerate(probabilities.argmax(dim=1).tolist()):
            value = probabilities[column, row].item()
            colour = "white" if value > 0.7 else "black"
            ax.text(column, row, f"{value:.2f}", ha="center", va="center", size=8, color=colour)
        ax.set_xlabel("letters read so far; the number is the largest probability")
        ax.set_title(f"{name}: {classes[best]}, {probabilities[-1, best]:.2f}")
        return figure, f"Heat map of class probabilities after each letter of {name}."

    box = ipywidgets.Text(value=text, description="name", continuous_update=False)
    return Explorer(draw, text=box)


def reach_explorer(num_steps: int = 12) -> Explorer:
    """Let the reader see which inputs each direction's output at a step depends on.

    Args:
        num_steps: T, the length of the sequence.
    Returns:
        A widget with the directions, the number of layers and the step.
    """

    def draw(directions: str, layers: int, step: int) -> tuple[Figure, str]:
        with torch.random.fork_rng(devices=[]):  # the chapter's own stream stays as it is
            torch.manual_seed(0)
            layer = nn.LSTM(4, 8, layers, bidirectional=directions == "two").double()
            x = torch.randn(num_steps, 4).double()
        strengths = gradients.reach(layer, x, step - 1)  # (D, T)
        names = ("forward", "backward")[: len(strengths)]
        counts = [
            f"{name} half {int((row > 0).sum())}"
            for name, row in zip(names, strengths, strict=True)
        ]
        figure, ax = plots.subplots(height=0.5 * len(names) + 0.75)
        plots.reach(ax, strengths, names)
        ax.set_title(f"inputs that matter to the output at step {step}: {', '.join(counts)}")
        return figure, f"{ax.get_title('left')}, of {num_steps}. In the cells: powers of ten."

    return Explorer(
        draw,
        directions=ipywidgets.ToggleButtons(options=["two", "one"], description="directions"),
        layers=_slider("layers", 1, 1, 3),
        step=_slider("step", num_steps, 1, num_steps),
    )


def gradient_explorer() -> Explorer:
    """Let the reader see how far back a gradient reaches in an untrained recurrent layer.

    Returns:
        A widget with the recurrent matrix's kind and spectral radius, the nonlinearity, the number
        of steps and the strength of the inputs. It draws the norm of dh[T] / dh[T-k] against k,
        and the bound, the k-th power of the matrix's largest singular value.
    """

    def draw(
        kind: str, nonlinearity: str, radius: float, steps: int, strength: float
    ) -> tuple[Figure, str]:
        W, norms = gradients.random_layer_norms(kind, nonlinearity, radius, steps, strength)
        sigma = torch.linalg.matrix_norm(W, 2).item()
        figure, ax = plots.subplots(height=3.0)
        series = {"measured": norms, "the bound": sigma ** torch.arange(steps + 1.0)}
        shown = {name: values[1:].tolist() for name, values in series.items()}
        plots.curves(ax, shown, "norm", "distance k", log=True)
        ax.set_title(
            f"spectral radius {radius:.2f}, largest singular value {sigma:.2f}; "
            f"after {steps} steps {norms[-1]:.0e}"
        )
        description = (
            f"Norm of the product of Jacobians and its bound against the distance, for a {kind} "
            f"matrix and {nonlinearity}: {ax.get_title('left')}."
        )
        return figure, description

    def floats(description: str, value: float, low: float, high: float) -> ipywidgets.FloatSlider:
        return ipywidgets.FloatSlider(
            value=value, min=low, max=high, step=0.05, description=description,
            continuous_update=False, style={"description_width": "7em"},
        )  # fmt: skip

    return Explorer(
        draw,
        kind=ipywidgets.ToggleButtons(options=["random", "orthogonal"], description="matrix"),
        nonlinearity=ipywidgets.ToggleButtons(options=["tanh", "relu"], description="nonlinearity"),
        radius=floats("radius", 0.9, 0.1, 2.0),
        steps=_slider("steps", 60, 5, 100),
        strength=floats("input strength", 0.1, 0.0, 2.0),
    )


def rnn_explorer(input_size: int = 6, num_steps: int = 4, batch_size: int = 3) -> Explorer:
    """Let the reader turn the arguments of ``nn.RNN`` and read off every shape that follows.

    Args:
        input_size: the number of features of the input.
        num_steps: T.
        batch_size: B.
    Returns:
        A widget with hidden_size, num_layers, bidirectional and batch_first.
    """

    def draw(
        hidden_size: int, num_layers: int, bidirectional: bool, batch_first: bool
    ) -> tuple[Figure, str]:
        layer = nn.RNN(
            input_size, hidden_size, num_layers, batch_first=batch_first,
            bidirectional=bidirectional,
        )  # fmt: skip
        axes = (batch_size, num_steps) if batch_first else (num_steps, batch_size)
        output, h_n = layer(torch.zeros(*axes, input_size))
        state, suffixes = layer.state_dict(), [f"l{n}" for n in range(num_layers)]
        if bidirectional:
            suffixes = [f"{name}{end}" for name in suffixes for end in ("", "_reverse")]
        notes = [
            f"weight_ih {tuple(state[f'weight_ih_{name}'].shape)}, "
            f"weight_hh {tuple(state[f'weight_hh_{name}'].shape)}, 2 biases"
            for name in suffixes
        ]
        figure, ax = plots.subplots(height=0.7 + 0.5 * len(suffixes))
        plots.layer_grid(ax, num_steps, num_layers, bidirectional, notes)
        ax.set_title(
            f"x {(*axes, input_size)}, output {tuple(output.shape)}, h_n {tuple(h_n.shape)}; "
            f"{sum(p.numel() for p in layer.parameters())} parameters"
        )
        return figure, f"Grid of states, one row a layer and direction. {ax.get_title('left')}."

    return Explorer(
        draw,
        hidden_size=_slider("hidden_size", 5, 1, 32),
        num_layers=_slider("num_layers", 2, 1, 3),
        bidirectional=ipywidgets.Checkbox(False, description="bidirectional"),
        batch_first=ipywidgets.Checkbox(False, description="batch_first"),
    )


class LiveCurve:
    """Draw the perplexity while a model trains; pass it to ``fit(on_epoch=[...])``.

    Args:
        title: the figure's title.
        every: epochs between two drawings.
    """

    def __init__(self, title: str, every: int = 1) -> None:
        self.every, self.title, self.handle = every, title, None

    def __call__(self, epoch: int, history: History) -> None:
        """Redraw the curves if it is time to."""
        if epoch % self.every:
            return
        figure, ax = plots.subplots()
        series = {"training": history.perplexity}
        if history.heldout_perplexity:
            series["held out"] = history.heldout_perplexity
        plots.curves(ax, series, ylabel="perplexity").set_title(self.title)
        if self.handle is None:
            self.handle = display(figure, display_id=True)
        else:
            self.handle.update(figure)
        plt.close(figure)
