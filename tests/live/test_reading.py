"""rnnbook.live.reading: the reading network, as Python makes it."""

import pytest

from rnnbook.live import reading_network


def test_python_drives_it_and_reads_it():
    figure = reading_network("she ", "gru")
    assert figure.options["kind"] == "gru" and figure.state == {}
    figure.options = figure.options | {"text": "he "}
    assert figure.told["options"]["text"] == "he "


def test_what_cannot_be_read_is_refused():
    with pytest.raises(ValueError, match=r"expected one of rnn, gru, lstm, got 'tcn'"):
        reading_network(kind="tcn")
    for text in ("", "Sea"):
        with pytest.raises(ValueError, match="vocabulary"):
            reading_network(text)


def test_the_description_says_what_is_expected():
    assert "after 'of th' the LSTM expects 'e' most" in reading_network("of th").description
