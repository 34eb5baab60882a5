"""rnnbook.widgets.classifiers: an opinion, letter by letter."""

import torch
from torch import nn

from rnnbook.models import SequenceClassifier
from rnnbook.text import Vocab
from rnnbook.widgets import prefix_reader


def _reader():
    torch.manual_seed(0)
    vocab = Vocab("abcdefghijklmnopqrstuvwxyz ", reserved_tokens=["<pad>"])
    embedding = nn.Embedding(len(vocab), 3)
    recurrent = nn.GRU(3, 5, batch_first=True, bidirectional=True)
    return SequenceClassifier(recurrent, 2, embedding=embedding, dropout=0.5), vocab


def test_the_reader_follows_the_name_and_says_what_it_cannot_read():
    model, vocab = _reader()
    widget = prefix_reader(model, vocab, ["north", "south"], "Müller")
    assert 'alt="Heat map of class probabilities after each letter of muller."' in (
        widget.picture.value
    )
    widget.controls["text"].value = "O'Brien"
    assert "each letter of o brien." in widget.picture.value
    widget.controls["text"].value = "42"
    assert "role='alert'" in widget.picture.value
    assert "knows the Latin alphabet only" in widget.picture.value
