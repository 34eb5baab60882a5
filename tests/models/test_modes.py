"""rnnbook.models.modes: where a model is, how large it is, and using it without training it."""

import pytest
import torch
from torch import nn

from rnnbook.models import CharLM, count_parameters, device_of, evaluating
from rnnbook.recurrent import RNN


def test_count_parameters_leaves_out_what_is_frozen():
    model = CharLM(RNN(28, 32))
    head = 32 * 28 + 28
    assert count_parameters(model) == 28 * 32 + 32 * 32 + 2 * 32 + head
    model.head.requires_grad_(False)
    assert count_parameters(model) == 28 * 32 + 32 * 32 + 2 * 32


def test_device_of_a_model():
    assert device_of(nn.Linear(2, 2)) == torch.device("cpu")
    assert device_of(nn.Linear(2, 2, device="meta")) == torch.device("meta")


def test_within_evaluating_dropout_and_gradients_are_off():
    model = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5))
    x = torch.ones(4, 3)
    with evaluating(model):
        first, second = model(x), model(x)
        assert torch.equal(first, second) and not first.requires_grad
    assert model.training and model[1].training and torch.is_grad_enabled()


def test_afterwards_every_module_is_as_it_was_even_after_an_error():
    model = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5)).train()
    model[1].eval()  # one part may be frozen
    with pytest.raises(RuntimeError), evaluating(model):
        model(torch.ones(4, 5))
    assert model.training and model[0].training and not model[1].training
    assert torch.is_grad_enabled()
