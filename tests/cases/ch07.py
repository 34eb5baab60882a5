"""Right and wrong answers to the exercises of chapter 7."""

import torch
from torch import nn

from rnnbook import losses
from rnnbook.batching import SequentialBatches
from rnnbook.datasets import story
from rnnbook.models import CharLM
from rnnbook.recurrent import RNN
from rnnbook.training import fit


def count(biases=2, below="D * H", first="V", always_bias=False, directions=True):
    def count_parameters(V, H, L, D, bias):
        total = 0
        for layer in range(L):
            inputs = {"V": V, "D * H": D * H, "H": H}[below if layer else first]
            one = inputs * H + H * H + (biases * H if bias or always_bias else 0)
            total += one * (D if directions else 1)
        return total

    return count_parameters


def count_closed(V, H, L=1, D=1, bias=True):
    return D * H * (V + L * (H + 2 * bias) + (L - 1) * D * H)


def splitter(renamed=(0, 1), options=("nonlinearity", "bias", "batch_first"), skip=(), dtype=True):
    """Split by copying tensors; what is left out makes it wrong."""

    def split_layers(rnn):
        kept = {name: getattr(rnn, name) for name in options}
        layers = []
        for number, size in zip(renamed, (rnn.input_size, rnn.hidden_size), strict=True):
            layer = nn.RNN(size, rnn.hidden_size, **kept)
            if dtype:
                layer = layer.to(rnn.weight_ih_l0.dtype)
            for name, value in layer.named_parameters():
                kind = name.removesuffix("_l0")
                if kind not in skip:
                    value.data.copy_(getattr(rnn, f"{kind}_l{number}").data)
            layers.append(layer)
        return tuple(layers)

    return split_layers


def split_by_names(rnn):
    state, kind = rnn.state_dict(), rnn.weight_ih_l0.dtype
    keep = {name: getattr(rnn, name) for name in ("nonlinearity", "bias", "batch_first")}
    lower = RNN(rnn.input_size, rnn.hidden_size, dtype=kind, **keep)
    upper = RNN(rnn.hidden_size, rnn.hidden_size, dtype=kind, **keep)
    lower.load_state_dict({k: v for k, v in state.items() if k.endswith("l0")})
    upper.load_state_dict({k[:-1] + "0": v for k, v in state.items() if k.endswith("l1")})
    return [lower, upper]


def split_shared(rnn):
    lower, upper = (
        nn.RNN(size, rnn.hidden_size, 1, rnn.nonlinearity, rnn.bias, rnn.batch_first)
        for size in (rnn.input_size, rnn.hidden_size)
    )
    for name, _ in list(lower.named_parameters()):
        setattr(lower, name, getattr(rnn, name))
        setattr(upper, name, getattr(rnn, name[:-1] + "1"))
    return lower, upper


def split_and_change(rnn):
    parts = split_by_names(rnn)
    rnn.weight_hh_l1.data.zero_()
    return parts


def basic(read=lambda output, h_n: h_n[-1], end=lambda z: z, batch_first=True, wrap=lambda x: x,
          kind=nn.RNN, layers=None, **options):  # fmt: skip
    class Model(nn.Module):
        def __init__(self, input_size, hidden_size, num_layers, num_classes):
            super().__init__()
            count = layers or num_layers
            self.rnn = kind(input_size, hidden_size, count, batch_first=batch_first, **options)
            self.fc = nn.Linear(hidden_size, num_classes)

        def forward(self, x):
            return end(self.fc(read(*self.rnn(wrap(x)))))

    return Model


class Stacked(nn.Module):
    """Right, and written with two layers and the package's class."""

    def __init__(self, F, H, L, C):
        super().__init__()
        self.layers = nn.ModuleList(RNN(H if n else F, H) for n in range(L))
        self.head = nn.Sequential(nn.Linear(H, C))

    def forward(self, x):
        x = x.transpose(0, 1)
        for layer in self.layers:
            x, _ = layer(x)
        return self.head(x[-1])


def cells(hold=nn.ModuleList, carry=True, feed="new", top=-1, last="all", h0=True, out="pair",
          sizes=None, shared=False, cut=False, typed=True):  # fmt: skip
    class Model(nn.Module):
        def __init__(self, V, H, L):
            super().__init__()
            self.H = H
            one = nn.RNNCell(V, H)
            self.cells = hold(
                one if shared else nn.RNNCell((sizes or [V] + [H] * (L - 1))[n], H)
                for n in range(L)
            )

        def forward(self, x, start=None):
            dtype = x.dtype if typed else None
            state = list(torch.zeros(len(self.cells), x.shape[1], self.H, dtype=dtype))
            if start is not None and h0:
                state = list(start)
            outputs = []
            for step in x:
                old = list(state)
                for n, cell in enumerate(self.cells):
                    below = {"new": state, "old": old}[feed][n - 1] if n else step
                    h = state[n] if carry else torch.zeros_like(state[n])
                    state[n] = cell(below, h.detach() if cut else h)
                outputs.append(state[top])
            rows = state if last == "all" else state[::-1] if last == "reversed" else state[-1:]
            result = torch.stack(outputs), torch.stack(rows)
            return result if out == "pair" else result[0]

    return Model


class LayerByLayer(nn.Module):
    """Right, with layers outside and time inside."""

    def __init__(self, V, H, L):
        super().__init__()
        self.first = nn.RNNCell(V, H)
        self.others = nn.ModuleList([nn.RNNCell(H, H) for _ in range(L - 1)])

    def forward(self, x, h0=None):
        last = []
        for n, cell in enumerate([self.first, *self.others]):
            h, hs = None if h0 is None else h0[n], []
            for step in x:
                h = cell(step, h)
                hs.append(h)
            x = torch.stack(hs)
            last.append(h)
        return x, torch.stack(last)


class NoForward(nn.Module):
    def __init__(self, V, H, L):
        super().__init__()


SHAPES = ((35, 16, 128), (6, 16, 64), (64, 128), (64, 64))


def shapes(**changed):
    names = ("output", "h_n", "ih", "hh")
    return tuple(changed.get(name, right) for name, right in zip(names, SHAPES, strict=True))


V = len(story().vocab)


class Lazily(CharLM):
    """A language model that is trained when it is first asked: this table is built often."""

    def __init__(self, part="train", epochs=12):
        super().__init__(nn.RNN(V, 96, num_layers=2))
        self.part, self.epochs, self.asked = part, epochs, False

    def forward(self, X, state=None):
        if not self.asked:
            self.asked = True
            with torch.enable_grad(), torch.random.fork_rng():
                torch.manual_seed(1)
                fit(
                    self,
                    SequentialBatches(getattr(story(), self.part).tokens, 32, 35),
                    losses.next_token,
                    epochs=self.epochs,
                    optimizer=torch.optim.Adam(self.parameters(), lr=0.004),
                    progress=False,
                )
            self.eval()
        return super().forward(X, state)


CASES = {
    "7.1": (
        [(count_closed,), (count(),)],
        [
            (count(biases=1),),
            (count(biases=0),),
            (count(below="V"),),
            (count(below="H"),),
            (count(always_bias=True),),
            (count(directions=False),),
            (lambda V, H, L, D, bias: V * H + H * H + 2 * H,),
        ],
    ),
    "7.2": ([("C",)], [("a",), ("b",), ("d",), ("e",), (3,)]),
    "7.3": (
        [(0.933,), (torch.tensor(0.9325),), (2**-0.1,)],
        [(2**0.1,), (0.95,), (0.5,), (0.05,), (0.9,), (-0.933,), (float("nan"),), (1.0,)],
    ),
    "7.4": (
        [tuple(map(list, SHAPES)), tuple(map(torch.Size, SHAPES))],
        [
            shapes(output=(35, 16, 64)),
            shapes(output=(16, 35, 128)),
            shapes(output=(35, 16, 28)),
            shapes(output=(6, 16, 64), h_n=(35, 16, 128)),
            shapes(h_n=(35, 16, 128)),
            shapes(h_n=(3, 16, 64)),
            shapes(h_n=(3, 16, 128)),
            shapes(h_n=(16, 6, 64)),
            shapes(ih=(64, 28)),
            shapes(ih=(64, 64)),
            shapes(ih=(128, 64)),
            shapes(hh=(128, 128)),
            shapes(hh=64),
        ],
    ),
    "7.5": (
        [(splitter(),), (split_by_names,), (split_shared,)],
        [
            (splitter(renamed=(1, 0)),),
            (splitter(renamed=(0, 0)),),
            (splitter(options=("bias", "batch_first")),),
            (splitter(options=("nonlinearity", "bias")),),
            (splitter(options=("nonlinearity", "batch_first")),),
            (splitter(skip=("bias_hh",)),),
            (splitter(skip=("weight_hh",)),),
            (splitter(dtype=False),),
            (lambda rnn: splitter()(rnn)[::-1],),
            (lambda rnn: splitter()(rnn)[1],),
            (lambda rnn: (rnn, rnn),),
            (split_and_change,),
        ],
    ),
    "7.6": (
        [
            (basic(),),
            (Stacked,),
            (basic(read=lambda output, h_n: output[:, -1]),),
            (basic(batch_first=False, wrap=lambda x: x.transpose(0, 1)),),
            (basic(end=lambda z: (z, None)),),
            (basic(end=lambda z: z.log_softmax(dim=1)),),
            (basic(dropout=0.5),),
            (basic(kind=RNN),),
        ],
        [
            (basic(end=lambda z: z.softmax(dim=1)),),
            (basic(read=lambda output, h_n: h_n[0]),),
            (basic(batch_first=False),),
            (basic(batch_first=False, read=lambda output, h_n: output[:, -1]),),
            (basic(read=lambda output, h_n: h_n[1]),),
            (basic(layers=1),),
            (basic(layers=2),),
            (basic(kind=nn.GRU),),
            (basic(kind=nn.LSTM, read=lambda output, h_n: h_n[0][-1]),),
            (basic(read=lambda output, h_n: output[:, 0]),),
            (basic(read=lambda output, h_n: output[-1]),),
            (basic(read=lambda output, h_n: output),),
            (basic(read=lambda output, h_n: output.mean(dim=1)),),
            (basic(read=lambda output, h_n: h_n.mean(dim=0)),),
            (basic()(3, 6, 2, 4),),
        ],
    ),
    "7.7": (
        [(Lazily(),)],
        [
            (CharLM(nn.RNN(V, 16)),),
            (CharLM(nn.LSTM(V, 16)),),
            (CharLM(nn.RNN(V, 256)),),
            (nn.RNN(V, 16),),
            (Lazily("train", epochs=1),),
            (Lazily("validation", epochs=60),),
        ],
    ),
    "7.8": (
        [(cells(),), (LayerByLayer,)],
        [
            (cells(hold=list),),
            (cells(carry=False),),
            (cells(feed="old"),),
            (cells(top=0),),
            (cells(last="top"),),
            (cells(last="reversed"),),
            (cells(h0=False),),
            (cells(out="output"),),
            (cells(sizes=[5, 5, 5]),),
            (cells(shared=True),),
            (cells(cut=True),),
            (cells(typed=False),),
            (NoForward,),
        ],
    ),
}
