"""What holds for every model: where it is, how large it is, and using it without training it."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


def device_of(model: nn.Module) -> torch.device:
    """Return the device on which a model's parameters are, or its buffers; else the CPU."""
    tensors = itertools.chain(model.parameters(), model.buffers())
    return next((tensor.device for tensor in tensors), torch.device("cpu"))


def count_parameters(model: nn.Module) -> int:
    """Count the trainable numbers of a model."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Within ``with``, switch dropout and gradients off; afterwards every module is as it was.

    Args:
        model: the model that is only used, not trained.
    """
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:  # also when the model stops with an error
        for module, training in modes.items():
            module.training = training
