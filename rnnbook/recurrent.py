"""Recurrent layers written from scratch, interchangeable with those of ``torch.nn``."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.utils.rnn import PackedSequence

# Each nonlinearity in place, and its derivative as a function of its own value.
NONLINEARITIES = {
    "tanh": (torch.tanh_, lambda h: 1 - h * h),
    "relu": (torch.relu_, lambda h: (h > 0).to(h.dtype)),
}


class Recurrence(torch.autograd.Function):
    """Run h[t] = f(share[t] + h[t-1] @ W) over all steps, with its backward pass written out.

    Backpropagation through time, with g[t] the gradient that reaches h[t] from outside::

        d[t]   = (g[t] + d[t+1] @ W.T) * f'(h[t])      and d[T] = 0 after the last step
        dW     = sum over t of h[t-1].T @ d[t]         one product over all steps and sequences
        dh0    = d[0] @ W.T

    Autograd would find the same gradients from the loop, with one product for dW at every step.
    """

    @staticmethod
    def forward(ctx, shares: Tensor, h0: Tensor, W: Tensor, nonlinearity: str) -> Tensor:
        """Return all states (T, B, H) from the inputs' shares (T, B, H), h0 (B, H) and W (H, H)."""
        activate, _ = NONLINEARITIES[nonlinearity]
        hs, h = torch.empty_like(shares), h0
        for t, share in enumerate(shares):
            h = activate(torch.addmm(share, h, W, out=hs[t]))
        ctx.save_for_backward(hs, h0, W)
        ctx.nonlinearity = nonlinearity
        return hs

    @staticmethod
    @once_differentiable
    def backward(ctx, g: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Return the gradients of shares, h0 and W from that of the states, (T, B, H)."""
        hs, h0, W = ctx.saved_tensors
        d = NONLINEARITIES[ctx.nonlinearity][1](hs)
        d[-1] *= g[-1]
        for t in range(len(hs) - 2, -1, -1):
            d[t] *= torch.addmm(g[t], d[t + 1], W.T)
        before = torch.cat([h0.unsqueeze(0), hs[:-1]])
        return d, d[0] @ W.T, before.flatten(0, 1).T @ d.flatten(0, 1), None


class RNN(nn.Module):
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
        whose state dict loads into this module and back. Chapter 3.
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
        super().__init__()
        sizes = {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"expected {name} of at least 1, got {size}")
        if nonlinearity not in NONLINEARITIES:
            raise ValueError(f"expected nonlinearity 'tanh' or 'relu', got {nonlinearity!r}")
        if not 0 <= dropout <= 1:
            raise ValueError(f"expected a dropout probability from 0 to 1, got {dropout}")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.nonlinearity, self.bias, self.batch_first = nonlinearity, bias, batch_first
        self.dropout, self.bidirectional = dropout, bidirectional
        for suffix, features in self._networks():
            shapes = {"weight_ih": (hidden_size, features), "weight_hh": (hidden_size, hidden_size)}
            if bias:
                shapes |= {"bias_ih": (hidden_size,), "bias_hh": (hidden_size,)}
            for name, shape in shapes.items():
                value = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
                self.register_parameter(f"{name}_{suffix}", value)
        self.reset_parameters()

    @property
    def num_directions(self) -> int:
        """Return D: 2 for a bidirectional network, else 1."""
        return 2 if self.bidirectional else 1

    def _networks(self) -> Iterator[tuple[str, int]]:
        """Yield each network's parameter suffix, as PyTorch spells it, and its input size."""
        for layer in range(self.num_layers):
            below = self.hidden_size * self.num_directions
            for direction in ("", "_reverse")[: self.num_directions]:
                yield f"l{layer}{direction}", below if layer else self.input_size

    def reset_parameters(self) -> None:
        """Draw every parameter from the uniform distribution on +-1/sqrt(H), as PyTorch does."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def extra_repr(self) -> str:
        """Show the sizes when the module is printed."""
        return f"{self.input_size}, {self.hidden_size}, num_layers={self.num_layers}"

    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Run the network over a batch of sequences.

        Args:
            input: x, (T, B, V), or (B, T, V) with ``batch_first``, or (T, V) for one sequence
                without a batch axis.
            hx: h0, (D * L, B, H), or (D * L, H) without a batch axis; zeros if None.
        Returns:
            output: the last layer's states, (T, B, D * H), in the layout of the input.
            h_n: the last state of each layer and direction, in the shape of ``hx``.
        Raises:
            TypeError: if the input is a packed sequence.
            ValueError: if a shape or a type is not the one expected; the message names both.
        """
        x, h0 = self._checked(input, hx)  # (T, B, V), (D * L, B, H)
        last_states = []
        for layer in range(self.num_layers):
            outputs = []
            for direction in range(self.num_directions):
                suffix = f"l{layer}" + ("_reverse" if direction else "")
                h = h0[layer * self.num_directions + direction]
                hs, h = self._run(x.flip(0) if direction else x, h, suffix)
                outputs.append(hs.flip(0) if direction else hs)
                last_states.append(h)
            x = torch.cat(outputs, dim=-1)  # (T, B, D * H)
            if self.dropout and layer < self.num_layers - 1:
                x = nn.functional.dropout(x, self.dropout, self.training)
        h_n = torch.stack(last_states)  # (D * L, B, H)
        if input.dim() == 2:
            return x.squeeze(1), h_n.squeeze(1)
        return x.transpose(0, 1) if self.batch_first else x, h_n

    def _run(self, x: Tensor, h: Tensor, suffix: str) -> tuple[Tensor, Tensor]:
        """Run one network over (T, B, .) from h (B, H); return its states (T, B, H), and h."""
        # The input's share does not depend on the state: one product serves every step.
        shares = x @ getattr(self, f"weight_ih_{suffix}").T  # (T, B, H)
        if self.bias:
            shares = (
                shares + getattr(self, f"bias_ih_{suffix}") + getattr(self, f"bias_hh_{suffix}")
            )
        hs = Recurrence.apply(shares, h, getattr(self, f"weight_hh_{suffix}").T, self.nonlinearity)
        return hs, hs[-1]

    def _checked(self, x: Tensor, h0: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the input as (T, B, V) and the first state as (D * L, B, H); say what is off."""
        if isinstance(x, PackedSequence):
            raise TypeError(
                "rnnbook's RNN does not take packed sequences: pad them with pad_packed_sequence, "
                "or use torch.nn.RNN, which loads this module's state dict"
            )
        layout = "(B, T, V)" if self.batch_first else "(T, B, V)"
        if x.dim() not in (2, 3):
            raise ValueError(
                f"expected x of shape {layout}, or (T, V) without a batch, got {tuple(x.shape)}: "
                "were the indices turned into one-hot vectors?"
            )
        if x.shape[-1] != self.input_size:
            raise ValueError(
                f"expected x of shape {layout} with V = input_size = {self.input_size}, got "
                f"{tuple(x.shape)}: is another vocabulary behind it, or an axis out of place?"
            )
        weight = self.weight_ih_l0
        if x.dtype != weight.dtype:
            raise ValueError(
                f"expected x of {weight.dtype}, like the weights, got {x.dtype}: convert either"
            )
        batched = x.dim() == 3
        if not batched:
            x = x.unsqueeze(1)  # (T, 1, V)
        elif self.batch_first:
            x = x.transpose(0, 1)
        T, B, _ = x.shape
        if T == 0:
            raise ValueError(f"expected at least one time step, got x of shape {tuple(x.shape)}")
        rows = self.num_layers * self.num_directions
        if h0 is None:
            return x, x.new_zeros(rows, B, self.hidden_size)
        shape = (rows, B, self.hidden_size) if batched else (rows, self.hidden_size)
        if tuple(h0.shape) != shape:
            raise ValueError(
                f"expected h0 of shape {shape}, got {tuple(h0.shape)}: one row for each layer and "
                "direction; is it the state of another batch size, or batch first?"
            )
        if h0.dtype != weight.dtype:
            raise ValueError(f"expected h0 of {weight.dtype}, like the weights, got {h0.dtype}")
        return x, h0 if batched else h0.unsqueeze(1)
