"""rnnbook.generation: greedy continuation."""

import pytest
import torch

from rnnbook.generation import generate
from rnnbook.models import CharLM
from rnnbook.recurrent import RNN
from rnnbook.text import Vocab


@pytest.fixture
def vocab():
    return Vocab("the tide comes in and the tide goes out ")


@pytest.fixture
def model(vocab):
    torch.manual_seed(0)
    return CharLM(RNN(len(vocab), 24))


def test_generate_is_greedy_and_leaves_the_model_as_it_was(model, vocab):
    model.train()
    text = generate(model, "the ", 10, vocab)
    assert text.startswith("the ") and model.training
    indices, state = vocab.encode("the ").unsqueeze(0), None
    for character in text[4:]:
        logits, state = model(indices, state)
        best = logits[-1, 0].argmax().item()
        assert vocab.idx_to_token[best] == character
        indices = torch.tensor([[best]])
    assert generate(model, "the ", 0, vocab) == "the "
    with pytest.raises(ValueError, match="at least one character"):
        generate(model, "", 5, vocab)
    with pytest.raises(ValueError, match=r"never saw: \['9', 'T'\].*clean"):
        generate(model, "The 9", 5, vocab)
    with pytest.raises(ValueError, match="at least 0"):
        generate(model, "the ", -1, vocab)
