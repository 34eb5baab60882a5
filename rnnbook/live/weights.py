"""Networks as files that a page can run: written by the book's tools, read back into PyTorch."""

import base64
import json
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import nn

from rnnbook.models import CharLM
from rnnbook.text import Vocab

MODELS = Path(__file__).parent / "models"
LAYERS: dict[str, type[nn.Module]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def exported(model: CharLM, vocab: Vocab) -> str:
    """Return a language model as JSON: its kind, its tokens, and its weights in half precision.

    Args:
        model: with a plain RNN, a GRU or an LSTM of one layer, with biases.
        vocab: of its characters.
    Returns:
        ``{"kind", "tokens", "hidden_size", "weights"}``; a weight is its shape and its float16
        numbers, little-endian, in base64.
    Raises:
        ValueError: for another network, or a vocabulary of another size.
    """
    layer = model.recurrent
    kind = next((name for name, cls in LAYERS.items() if type(layer) is cls), None)
    if kind is None or layer.num_layers != 1 or not layer.bias or getattr(layer, "proj_size", 0):
        raise ValueError(f"expected nn.RNN, nn.GRU or nn.LSTM of one layer, with biases: {layer}")
    if kind == "rnn" and layer.nonlinearity != "tanh":
        raise ValueError("expected a plain RNN with tanh")
    if len(vocab) != model.head.out_features:
        raise ValueError(f"{len(vocab)} tokens for a network of {model.head.out_features}")
    weights = {}
    for name, value in model.state_dict().items():
        numbers = value.detach().cpu().numpy().astype("<f2")
        if not np.isfinite(numbers).all():
            raise ValueError(f"{name} has an entry that half precision cannot hold")
        data = base64.b64encode(numbers.tobytes()).decode()
        weights[name] = {"shape": list(value.shape), "data": data}
    kept = {"kind": kind, "tokens": list(vocab), "hidden_size": layer.hidden_size}
    return json.dumps(kept | {"weights": weights}, separators=(",", ":"), ensure_ascii=False)


@cache
def model_file(kind: str) -> dict:
    """Return what is stored of one of the networks that come with the book.

    Args:
        kind: ``"rnn"``, ``"gru"`` or ``"lstm"``.
    Raises:
        ValueError: for another kind.
    """
    if kind not in LAYERS:
        raise ValueError(f"expected one of {', '.join(LAYERS)}, got {kind!r}")
    return json.loads((MODELS / f"{kind}.json").read_text("utf-8"))


def network(kind: str) -> tuple[CharLM, Vocab]:
    """Return one of the networks that run in the page, as PyTorch runs it.

    Args:
        kind: ``"rnn"`` (192 units), ``"gru"`` (112) or ``"lstm"`` (96): about 50,000 parameters
            each, trained on the story by ``tools/live_models.py``.
    Returns:
        The model, in float32 and in evaluation mode, and its vocabulary.
    Raises:
        ValueError: for another kind.
    Example:
        >>> model, vocab = network("lstm")
        >>> model.recurrent.hidden_size, len(vocab)
        (96, 28)
    """
    stored = model_file(kind)
    model = CharLM(LAYERS[kind](len(stored["tokens"]), stored["hidden_size"]))
    state = {}
    for name, weight in stored["weights"].items():
        numbers = np.frombuffer(base64.b64decode(weight["data"]), dtype="<f2").astype(np.float32)
        state[name] = torch.from_numpy(numbers).reshape(weight["shape"])
    model.load_state_dict(state)
    return model.eval(), Vocab.of_tokens(stored["tokens"])
