"""rnnbook.widgets.sensitivity: gradients over time, and inputs that matter."""

import torch

from rnnbook import widgets


def test_the_gradient_explorer_follows_its_controls():
    explorer = widgets.gradient_explorer()
    first = explorer.png
    assert first.startswith(b"\x89PNG") and "spectral radius 0.90" in explorer.picture.value
    explorer.controls["radius"].value = 1.5
    assert explorer.png != first and "spectral radius 1.50" in explorer.picture.value
    explorer.controls["kind"].value = "orthogonal"
    assert "largest singular value 1.50" in explorer.picture.value
    for name, extremes in {"steps": (5, 100), "radius": (0.1, 2.0), "input_scale": (0, 2)}.items():
        for value in extremes:
            explorer.controls["nonlinearity"].value = "relu"
            explorer.controls[name].value = value
            assert "alt=" in explorer.picture.value  # a picture, and no complaint


def test_sensitivity_explorer_counts_the_inputs_each_half_has_read():
    explorer = widgets.sensitivity_explorer(num_steps=5)
    assert "forward half 5, backward half 1" in explorer.picture.value
    explorer.controls["step"].value = 2
    assert "forward half 2, backward half 4" in explorer.picture.value
    explorer.controls["layers"].value = 2
    assert "forward half 5, backward half 5" in explorer.picture.value


def test_an_explorer_leaves_the_chapters_own_stream_alone():
    before = torch.get_rng_state()
    widgets.sensitivity_explorer(num_steps=3).controls["layers"].value = 2
    widgets.gradient_explorer()
    assert torch.equal(torch.get_rng_state(), before)
