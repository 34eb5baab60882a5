"""rnnbook.datasets.time_machine: the verified text."""

import pytest

from rnnbook.datasets import _fetch, time_machine

needs_text = pytest.mark.skipif(
    _fetch.locate("time_machine").content is None,
    reason="timemachine.txt is needed: set RNNBOOK_DATA_DIR to its folder",
)


@needs_text
def test_it_is_the_classic_text():
    text = time_machine(download=False)
    assert text.startswith("The Time Machine, by H. G. Wells") and len(text) > 170_000
