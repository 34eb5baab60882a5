"""Recurrent layers written from scratch, interchangeable with those of ``torch.nn``."""

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from rnnbook.arguments import kind_of, real, switch, tensor, whole

State = Tensor | tuple[Tensor, ...]

# Each nonlinearity, and its derivative as a function of its own value.
NONLINEARITIES = {
    "tanh": (torch.tanh, lambda h: 1 - h * h),
    "relu": (torch.relu, lambda h: (h > 0).to(h.dtype)),
}


def require_nonlinearity(name: object) -> None:
    """Examine that a name is that of a nonlinearity.

    Raises:
        ValueError: if it is not.
    """
    if name not in NONLINEARITIES:
        raise ValueError(f"expected nonlinearity 'tanh' or 'relu', got {name!r}")


class Recurrence(torch.autograd.Function):
    """Run h[t] = f(input_projection[t] + h[t-1] @ W), with its backward pass written out.

    Backpropagation through time, with g[t] the gradient that reaches h[t] from outside::

        d[t]   = (g[t] + d[t+1] @ W.T) * f'(h[t])      and d[T] = 0 after the last step
        dW     = sum over t of h[t-1].T @ d[t]         one product over all steps and sequences
        dh0    = d[0] @ W.T

    Autograd would find the same gradients from the loop, with one product for dW at every step.
    Nothing is changed in place, so the backward pass can be differentiated in its turn, mapped
    over by ``torch.func.vmap``, and exported.

    Example:
        >>> zeros = torch.zeros(5, 3, 4)
        >>> Recurrence.apply(zeros, zeros[0], torch.eye(4), "tanh").shape
        torch.Size([5, 3, 4])
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(input_projection: Tensor, h0: Tensor, W: Tensor, nonlinearity: str) -> Tensor:
        """Return all states (T, B, H) from input_projection (T, B, H), h0 (B, H) and W (H, H)."""
        activate, _ = NONLINEARITIES[nonlinearity]
        hs, h = [], h0
        for projected in input_projection.unbind():
            h = activate(torch.addmm(projected, h, W))
            hs.append(h)
        return torch.stack(hs)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what the derivatives need: all states, h0 and W."""
        _, h0, W, ctx.nonlinearity = inputs
        ctx.save_for_backward(output, h0, W)
        ctx.save_for_forward(output, h0, W)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Return the gradients of input_projection, h0 and W from that of the states, (T, B, H)."""
        hs, h0, W = ctx.saved_tensors
        slopes = NONLINEARITIES[ctx.nonlinearity][1](hs).unbind()
        gs, W_back = g.unbind(), W.T
        ds = [gs[-1] * slopes[-1]]
        for t in range(len(gs) - 2, -1, -1):
            ds.append(torch.addmm(gs[t], ds[-1], W_back) * slopes[t])
        d = torch.stack(ds[::-1])
        before = torch.cat([h0.unsqueeze(0), hs[:-1]])
        H = W.shape[0]
        return d, d[0] @ W_back, before.reshape(-1, H).T @ d.reshape(-1, H), None

    @staticmethod
    def jvp(ctx: Any, dx: Tensor | None, dh0: Tensor | None, dW: Tensor | None, _: None) -> Tensor:
        """Return the states' derivative along changes of the inputs; None stands for no change."""
        hs, h0, W = ctx.saved_tensors
        slopes = NONLINEARITIES[ctx.nonlinearity][1](hs).unbind()
        before = torch.cat([h0.unsqueeze(0), hs[:-1]])
        changes = torch.zeros_like(hs) if dx is None else dx
        if dW is not None:
            changes = changes + before @ dW
        dh, dhs = torch.zeros_like(h0) if dh0 is None else dh0, []
        for change, slope in zip(changes.unbind(), slopes, strict=True):
            dh = torch.addmm(change, dh, W) * slope
            dhs.append(dh)
        return torch.stack(dhs)


class _Recurrent(nn.Module):
    """What RNN, LSTM and GRU share: parameters, layers, directions, layouts, packed sequences.

    A subclass says how many blocks of H rows its weights have (``num_gates``), what its state is
    made of (``state_names``), and runs one network of one layer and direction over a sequence
    (``_run``).
    """

    num_gates = 1
    state_names: tuple[str, ...] = ("h0",)
    weight_ih_l0: Tensor

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        proj_size: int,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__()
        sizes = {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers}
        input_size, hidden_size, num_layers = (
            whole(name, size, least=1) for name, size in sizes.items()
        )
        switches = {"bias": bias, "batch_first": batch_first, "bidirectional": bidirectional}
        bias, batch_first, bidirectional = (switch(*one) for one in switches.items())
        if not 0 <= (dropout := real("dropout", dropout)) <= 1:
            raise ValueError(f"expected a dropout probability from 0 to 1, got {dropout}")
        if dropout and num_layers == 1:
            warnings.warn(
                f"dropout={dropout} does nothing here: it acts between layers, and num_layers is 1",
                stacklevel=3,  # the line that makes the layer
            )
        if not 0 <= (proj_size := whole("proj_size", proj_size)) < hidden_size:
            raise ValueError(
                f"expected proj_size from 0 (none) to below hidden_size={hidden_size}, "
                f"got {proj_size}"
            )
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, dropout
        self.bidirectional, self.proj_size = bidirectional, proj_size
        for suffix, features in self._networks():
            for name, shape in self._shapes(features).items():
                value = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
                self.register_parameter(f"{name}_{suffix}", value)
        self.reset_parameters()

    @property
    def num_directions(self) -> int:
        """Return D: 2 for a bidirectional network, else 1."""
        return 2 if self.bidirectional else 1

    @property
    def _output_size(self) -> int:
        """Return the size of one direction's h: the projection's where there is one, else H."""
        return self.proj_size or self.hidden_size

    def _networks(self) -> Iterator[tuple[str, int]]:
        """Yield each network's parameter suffix, as PyTorch spells it, and its input size."""
        for layer in range(self.num_layers):
            below = self._output_size * self.num_directions
            for direction in ("", "_reverse")[: self.num_directions]:
                yield f"l{layer}{direction}", below if layer else self.input_size

    def _shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of one network's parameters, in PyTorch's order."""
        rows = self.num_gates * self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (rows, features),
            "weight_hh": (rows, self._output_size),
        }
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        return shapes

    def _parameters_of(self, suffix: str) -> dict[str, Tensor]:
        """Return one network's parameters by their names without suffix."""
        return {name: getattr(self, f"{name}_{suffix}") for name in self._shapes(0)}

    def reset_parameters(self) -> None:
        """Draw every parameter from the uniform distribution on +-1/sqrt(H), as PyTorch does."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def flatten_parameters(self) -> None:
        """Do nothing: PyTorch's layers put their weights into one piece of memory here."""

    def extra_repr(self) -> str:
        """Show the sizes, and what is not default, when the module is printed."""
        defaults = {
            "proj_size": 0, "num_layers": 1, "nonlinearity": "tanh", "bias": True,
            "batch_first": False, "dropout": 0.0, "bidirectional": False,
        }  # fmt: skip
        shown = [str(self.input_size), str(self.hidden_size)]
        for name, default in defaults.items():
            if (value := getattr(self, name, default)) != default:
                shown.append(f"{name}={value}")
        return ", ".join(shown)

    def _run(self, x: Tensor, state: tuple[Tensor, ...], suffix: str) -> tuple[Tensor, ...]:
        """Run one network over x (T, B, .); return each part of its state at all steps."""
        raise NotImplementedError

    def forward(
        self, input: Tensor | PackedSequence, hx: State | None = None
    ) -> tuple[Tensor | PackedSequence, State]:
        """Run the network over a batch of sequences.

        Args:
            input: x, (T, B, V), or (B, T, V) with ``batch_first``, or (T, V) for one sequence
                without a batch axis; or a packed sequence.
            hx: h0, (D * L, B, H), or (D * L, H) without a batch axis; an LSTM's is the pair (h0,
                c0), where h0 has the projection's size if there is one. Zeros if None.
        Returns:
            output: the last layer's h, (T, B, D * H), in the layout of the input; packed if the
                input was.
            h_n: the last state of each layer and direction, in the form of ``hx``; with a packed
                sequence, the one after each sequence's own last step.
        Raises:
            TypeError: if ``hx`` is a pair where a tensor was expected, or the other way round.
            ValueError: if a shape or a type is not the one expected; the message names both.
        """
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        x = self._checked_input(input)  # (T, B, V)
        output, state = self._layers(x, self._checked_state(hx, x.shape[1], input.dim() == 3), None)
        if input.dim() == 2:
            return output.squeeze(1), self._as_state([part.squeeze(1) for part in state])
        return output.transpose(0, 1) if self.batch_first else output, self._as_state(state)

    def _forward_packed(
        self, packed: PackedSequence, hx: State | None
    ) -> tuple[PackedSequence, State]:
        """Run over padded sequences, longest first, none of which ever reads its padding."""
        data, batch_sizes, sorted_indices, unsorted_indices = packed
        x, lengths = pad_packed_sequence(PackedSequence(data, batch_sizes))  # longest first
        state = self._checked_state(hx, x.shape[1], batched=True)
        if sorted_indices is not None:
            state = [part[:, sorted_indices] for part in state]
        output, state = self._layers(self._checked_input(x, layout=False), state, lengths)
        if unsorted_indices is not None:
            state = [part[:, unsorted_indices] for part in state]
        data = pack_padded_sequence(output, lengths).data
        packed_output = PackedSequence(data, batch_sizes, sorted_indices, unsorted_indices)
        return packed_output, self._as_state(state)

    def _layers(
        self, x: Tensor, state: list[Tensor], lengths: Tensor | None
    ) -> tuple[Tensor, list[Tensor]]:
        """Run all layers and directions; return the output (T, B, D * H) and the last state."""
        T, B, _ = x.shape
        steps = torch.arange(T, device=x.device).unsqueeze(1).expand(T, B)
        ends = steps[-1] if lengths is None else lengths.to(x.device) - 1  # (B,), each last step
        # Step t from each sequence's own end; what lies behind that end stays where it is.
        backwards = torch.where(steps <= ends, ends - steps, steps)  # (T, B)
        last_states = []
        for layer in range(self.num_layers):
            outputs = []
            for direction in range(self.num_directions):
                row = layer * self.num_directions + direction
                suffix = f"l{layer}" + ("_reverse" if direction else "")
                first = tuple(part[row] for part in state)
                history = self._run(_reorder(x, backwards) if direction else x, first, suffix)
                last_states.append([_reorder(part, ends.unsqueeze(0))[0] for part in history])
                hs = history[0]
                outputs.append(_reorder(hs, backwards) if direction else hs)
            x = torch.cat(outputs, dim=-1)  # (T, B, D * H)
            if self.dropout and layer < self.num_layers - 1:
                x = nn.functional.dropout(x, self.dropout, self.training)
        return x, [torch.stack(parts) for parts in zip(*last_states, strict=True)]

    def _as_state(self, parts: list[Tensor]) -> State:
        """Return a state in the caller's form: a tensor, or a tuple for an LSTM."""
        return parts[0] if len(parts) == 1 else tuple(parts)

    def _checked_input(self, x: Tensor, layout: bool = True) -> Tensor:
        """Return the input as (T, B, V), or say what is off; without layout it is time-major."""
        tensor("x", x, "text.one_hot(tokens, V) turns an encoded text into one")
        batch_first = self.batch_first and layout
        expected = "(B, T, V)" if batch_first else "(T, B, V)"
        if x.dim() not in (2, 3):
            raise ValueError(
                f"expected x of shape {expected}, or (T, V) without a batch, got {tuple(x.shape)}: "
                "were the indices turned into one-hot vectors?"
            )
        if x.shape[-1] != self.input_size:
            raise ValueError(
                f"expected x of shape {expected} with V = input_size = {self.input_size}, got "
                f"{tuple(x.shape)}: is another vocabulary behind it, or an axis out of place?"
            )
        if not self._takes(x):
            raise ValueError(
                f"expected x of {self.weight_ih_l0.dtype}, like the weights, got {x.dtype}: "
                "convert either"
            )
        if x.dim() == 2:
            x = x.unsqueeze(1)  # (T, 1, V)
        elif batch_first:
            x = x.transpose(0, 1)
        if len(x) == 0:
            raise ValueError(f"expected at least one time step, got x of shape {tuple(x.shape)}")
        return x

    def _checked_state(self, hx: State | None, B: int, batched: bool) -> list[Tensor]:
        """Return the first state's parts, (D * L, B, .) each, or say what is off."""
        rows, weight = self.num_layers * self.num_directions, self.weight_ih_l0
        sizes = (self._output_size, self.hidden_size)[: len(self.state_names)]
        if hx is None:
            return [weight.new_zeros(rows, B, size) for size in sizes]
        names = self.state_names
        parts = list(hx) if isinstance(hx, tuple | list) else [hx]
        if isinstance(hx, Tensor) != (len(names) == 1) or len(parts) != len(names):
            expected = "a tensor h0" if len(names) == 1 else f"a pair ({', '.join(names)})"
            got = "a tensor" if isinstance(hx, Tensor) else kind_of(hx)
            raise TypeError(
                f"expected the state of a {type(self).__name__} to be {expected}, got {got}"
                + (f" of {len(parts)}" if isinstance(hx, tuple | list) else "")
                + ": is it the state of another kind of layer?"
            )
        for name, part, size in zip(names, parts, sizes, strict=True):
            tensor(name, part, "the state that the layer returned is one")
            shape = (rows, B, size) if batched else (rows, size)
            if tuple(part.shape) != shape:
                raise ValueError(
                    f"expected {name} of shape {shape}, got {tuple(part.shape)}: one row for each "
                    "layer and direction; is it the state of another batch size, or batch first?"
                )
            if not self._takes(part):
                raise ValueError(
                    f"expected {name} of {weight.dtype}, like the weights, got {part.dtype}"
                )
        return parts if batched else [part.unsqueeze(1) for part in parts]

    def _takes(self, x: Tensor) -> bool:
        """Return whether x has a type that these weights can be multiplied with."""
        weight = self.weight_ih_l0
        floats = x.is_floating_point() and weight.is_floating_point()
        return x.dtype == weight.dtype or (floats and _autocasts(x))


def _as_products(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return the tensors in the type that products have here: under autocast a smaller one.

    Autocast sees single operations, not a whole recurrence with a backward pass of its own.
    """
    if not _autocasts(tensors[0]) or tensors[0].dtype == torch.float64:
        return tensors  # autocast leaves float64 alone
    dtype = torch.get_autocast_dtype(tensors[0].device.type)
    return tuple(part.to(dtype) for part in tensors)


def _autocasts(x: Tensor) -> bool:
    """Say whether autocast is on where a tensor is; there is none for shapes without numbers."""
    return x.device.type != "meta" and torch.is_autocast_enabled(x.device.type)


def _reorder(x: Tensor, steps: Tensor) -> Tensor:
    """Pick for each place (S, B) the given step of its own sequence from x (T, B, .)."""
    return x.gather(0, steps.unsqueeze(2).expand(*steps.shape, x.shape[2]))


class RNN(_Recurrent):
    """Run the plain (Elman) recurrent network of one or more layers over a sequence.

    For each layer, with the layer below's output as x::

        h[t] = tanh(x[t] @ weight_ih.T + bias_ih + h[t-1] @ weight_hh.T + bias_hh)

    Args:
        input_size: the number of features of x[t] (V, for one-hot characters).
        hidden_size: H, the number of units of each layer.
        num_layers: L, the number of layers, the output of one being the input of the next.
        nonlinearity: ``"tanh"`` or ``"relu"``.
        bias: whether the layers have ``bias_ih`` and ``bias_hh``.
        batch_first: whether x and the output are (B, T, .) instead of (T, B, .). The states never
            are: they are (L, B, H) in both layouts.
        dropout: probability of zeroing an output of every layer but the last, while training.
        bidirectional: whether a second network reads the sequence from its end (D = 2, else 1).
        device: device of the parameters.
        dtype: type of the parameters.
    Raises:
        ValueError: if a size is below 1, the dropout is no probability, or the nonlinearity is
            unknown.
    Source: Elman (1990); argument names, parameter names and call signature of ``torch.nn.RNN``,
        whose state dict loads into this module and back. Chapters 3 and 7.
    Example:
        >>> output, h_n = RNN(4, 8, num_layers=2)(torch.zeros(5, 3, 4))
        >>> output.shape, h_n.shape
        (torch.Size([5, 3, 8]), torch.Size([2, 3, 8]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        require_nonlinearity(nonlinearity)
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0,
            device, dtype,
        )  # fmt: skip
        self.nonlinearity = nonlinearity

    def _run(self, x: Tensor, state: tuple[Tensor, ...], suffix: str) -> tuple[Tensor, ...]:
        p = self._parameters_of(suffix)
        # The input's projection does not depend on the state: one product serves every step.
        input_projection = x @ p["weight_ih"].T  # (T, B, H)
        if self.bias:
            input_projection = input_projection + p["bias_ih"] + p["bias_hh"]
        tensors = _as_products(input_projection, state[0], p["weight_hh"].T)
        # The compiler follows the loop itself; of our derivatives it knows nothing.
        followed = torch.compiler.is_compiling()
        run: Callable[..., Tensor] = Recurrence.forward if followed else Recurrence.apply
        return (run(*tensors, self.nonlinearity),)


class LSTM(_Recurrent):
    """Run a long short-term memory network of one or more layers over a sequence.

    For each layer, with the layer below's output as x and * elementwise::

        i, f, g, o = (x[t] @ weight_ih.T + bias_ih + h[t-1] @ weight_hh.T + bias_hh), in 4 blocks
        c[t] = sigmoid(f) * c[t-1] + sigmoid(i) * tanh(g)
        h[t] = sigmoid(o) * tanh(c[t])                 and @ weight_hr.T with a projection

    Args:
        input_size: the number of features of x[t].
        hidden_size: H, the number of units of each layer, the size of c.
        num_layers: L, the number of layers, the output of one being the input of the next.
        bias: whether the layers have ``bias_ih`` and ``bias_hh``.
        batch_first: whether x and the output are (B, T, .) instead of (T, B, .); the states never
            are.
        dropout: probability of zeroing an output of every layer but the last, while training.
        bidirectional: whether a second network reads the sequence from its end (D = 2, else 1).
        proj_size: the size that h is projected to, below H; 0 for none.
        device: device of the parameters.
        dtype: type of the parameters.
    Raises:
        ValueError: if a size is below 1, the dropout is no probability, or ``proj_size`` is not
            below H.
    Source: Hochreiter and Schmidhuber (1997), with the forget gate of Gers et al. (2000); argument
        names, parameter names and call signature of ``torch.nn.LSTM``, whose state dict loads into
        this module and back. Chapter 8.
    Example:
        >>> output, (h_n, c_n) = LSTM(4, 8, num_layers=2)(torch.zeros(5, 3, 4))
        >>> output.shape, c_n.shape
        (torch.Size([5, 3, 8]), torch.Size([2, 3, 8]))
    """

    num_gates = 4
    state_names = ("h0", "c0")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            proj_size, device, dtype,
        )  # fmt: skip

    def _run(self, x: Tensor, state: tuple[Tensor, ...], suffix: str) -> tuple[Tensor, ...]:
        p = self._parameters_of(suffix)
        input_projection = x @ p["weight_ih"].T  # (T, B, 4H)
        if self.bias:
            input_projection = input_projection + p["bias_ih"] + p["bias_hh"]
        (h, c), hs, cs = state, [], []
        for projected in input_projection:
            i, f, g, o = (projected + h @ p["weight_hh"].T).chunk(4, dim=1)  # (B, H) each
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            if self.proj_size:
                h = h @ p["weight_hr"].T
            hs.append(h)
            cs.append(c)
        return torch.stack(hs), torch.stack(cs)


class GRU(_Recurrent):
    """Run a network of gated recurrent units of one or more layers over a sequence.

    For each layer, with the layer below's output as x and * elementwise::

        r, z, n  = x[t] @ weight_ih.T + bias_ih, in 3 blocks
        r', z', n' = h[t-1] @ weight_hh.T + bias_hh, in 3 blocks
        R, Z = sigmoid(r + r'), sigmoid(z + z')
        h[t] = (1 - Z) * tanh(n + R * n') + Z * h[t-1]

    The reset gate R acts on n' *after* the product with the matrix and with the bias inside, as in
    PyTorch; Cho et al. (2014) multiply the state with it *before* the product.

    Args:
        input_size: the number of features of x[t].
        hidden_size: H, the number of units of each layer.
        num_layers: L, the number of layers, the output of one being the input of the next.
        bias: whether the layers have ``bias_ih`` and ``bias_hh``.
        batch_first: whether x and the output are (B, T, .) instead of (T, B, .); the states never
            are.
        dropout: probability of zeroing an output of every layer but the last, while training.
        bidirectional: whether a second network reads the sequence from its end (D = 2, else 1).
        device: device of the parameters.
        dtype: type of the parameters.
    Raises:
        ValueError: if a size is below 1, or the dropout is no probability.
    Source: Cho et al. (2014), in the variant that ``torch.nn.GRU`` computes; its argument names,
        parameter names and call signature. State dicts load both ways. Chapter 9.
    Example:
        >>> output, h_n = GRU(4, 8, num_layers=2)(torch.zeros(5, 3, 4))
        >>> output.shape, h_n.shape
        (torch.Size([5, 3, 8]), torch.Size([2, 3, 8]))
    """

    num_gates = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0,
            device, dtype,
        )  # fmt: skip

    def _run(self, x: Tensor, state: tuple[Tensor, ...], suffix: str) -> tuple[Tensor, ...]:
        p = self._parameters_of(suffix)
        input_projection = x @ p["weight_ih"].T  # (T, B, 3H)
        if self.bias:
            input_projection = input_projection + p["bias_ih"]
        h, hs = state[0], []
        for projected in input_projection:
            recurrent = h @ p["weight_hh"].T  # (B, 3H)
            if self.bias:
                recurrent = recurrent + p["bias_hh"]
            (r, z, n), (r_h, z_h, n_h) = projected.chunk(3, dim=1), recurrent.chunk(3, dim=1)
            R, Z = torch.sigmoid(r + r_h), torch.sigmoid(z + z_h)
            h = (1 - Z) * torch.tanh(n + R * n_h) + Z * h
            hs.append(h)
        return (torch.stack(hs),)


def require_layer(layer: object) -> None:
    """Examine that something is a recurrent layer, rnnbook's, ``torch.nn``'s or a reader's own.

    Raises:
        TypeError: if it is no module, or lacks what such layers have.
    """
    names = ("input_size", "hidden_size", "num_layers", "bidirectional", "batch_first")
    missing = [name for name in names if not hasattr(layer, name)]
    if not isinstance(layer, nn.Module) or missing:
        named = f"the class {layer.__name__}" if isinstance(layer, type) else kind_of(layer)
        raise TypeError(
            f"expected a recurrent layer, such as nn.LSTM(V, H), got {named}"
            + (f", without {', '.join(missing)}" if isinstance(layer, nn.Module) else "")
        )


def output_size(layer: nn.Module) -> int:
    """Return the size of one direction's output: H, or the projection's where an LSTM has one.

    Raises:
        TypeError: if it is no recurrent layer.
    """
    require_layer(layer)
    return cast(int, getattr(layer, "proj_size", 0) or layer.hidden_size)


def detach(state: State | None) -> State | None:
    """Cut a recurrent state off the graph that computed it.

    Args:
        state: a tensor, a tuple of tensors (as an LSTM's), or None; also a list, a dictionary or a
            named tuple of them.
    Returns:
        The same numbers in the same form, without their history.
    Raises:
        TypeError: if it is made of anything else.
    """
    return cast(State | None, _detached(state))


def _detached(state: Any) -> Any:
    if isinstance(state, tuple) and hasattr(state, "_fields"):
        return type(state)(*map(_detached, state))
    if isinstance(state, tuple | list):
        return type(state)(map(_detached, state))
    if isinstance(state, dict):
        return {name: _detached(part) for name, part in state.items()}
    return None if state is None else tensor("the state", state, "or a tuple of tensors").detach()


def set_gate_bias(layer: nn.Module, value: float) -> None:
    """Make a gated layer remember at first: bias its forget or update gate, in place.

    With a large bias the gate is near 1, and the old state passes: an LSTM's forget gate f keeps
    the cell state, a GRU's update gate z keeps the state. Both stand in the second block of H rows.

    Args:
        layer: an LSTM or a GRU, rnnbook's or ``torch.nn``'s, with biases.
        value: the sum of the gate's two biases, in every layer and direction. 0 is PyTorch's mean.
    Raises:
        TypeError: if the layer has no such gate.
        ValueError: if the layer has no biases.
    Source: Gers et al. (2000); Jozefowicz et al. (2015). Chapters 8 and 9.
    """
    if not isinstance(layer, LSTM | GRU | nn.LSTM | nn.GRU):
        raise TypeError(f"expected an LSTM or a GRU, got {type(layer).__name__}, without gates")
    if not layer.bias:
        raise ValueError("the layer was made with bias=False: there is no bias to set")
    value = real("the gate's bias", value)
    gate = slice(layer.hidden_size, 2 * layer.hidden_size)
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            if name.startswith("bias_"):
                parameter[gate] = value if name.startswith("bias_ih") else 0.0
