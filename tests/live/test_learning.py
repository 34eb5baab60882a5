"""rnnbook.live.learning: the network that learns in the page, as Python makes it."""

import pytest

from rnnbook.datasets import story
from rnnbook.live import story_asset, training_network


def test_it_learns_from_one_part_and_is_measured_on_another():
    asset, corpus = story_asset(), story()
    assert asset == {"train": corpus.train.text, "validation": corpus.validation.text}
    figure = training_network(64, lr=0.5)
    assert figure.told["needs"] == ["story"] and figure.assets["story"] == asset
    assert figure.told["options"] == {"units": "64", "lr": 0.5, "clip": 4, "seed": 1}


@pytest.mark.parametrize("options", [{"units": 50}, {"lr": -1.0}, {"lr": 100}])
def test_what_cannot_be_chosen_is_refused(options):
    with pytest.raises(ValueError, match="expected"):
        training_network(**options)
