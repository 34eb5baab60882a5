"""rnnbook.models.CharLM: any recurrent layer, one state, and what it refuses."""

import pytest
import torch
from torch import nn

from rnnbook.models import CharLM
from rnnbook.recurrent import GRU, LSTM, RNN

V = 11
TOKENS = torch.arange(40) * 7 % V


@pytest.mark.parametrize("layer", [RNN, LSTM, GRU, nn.RNN, nn.GRU, nn.LSTM])
def test_charlm_works_with_any_recurrent_layer(layer):
    torch.manual_seed(0)
    model = CharLM(layer(V, 24))
    assert model.vocab_size == V
    logits, _ = model(TOKENS[:12].reshape(3, 4))
    assert logits.shape == (4, 3, V)
    # The state carries all that came before: two halves are one whole.
    first, middle = model(TOKENS[:6].unsqueeze(0))
    second, _ = model(TOKENS[6:12].unsqueeze(0), middle)
    whole, _ = model(TOKENS[:12].unsqueeze(0))
    torch.testing.assert_close(torch.cat([first, second]), whole)


def test_charlm_refuses_what_cannot_be_a_language_model():
    with pytest.raises(ValueError, match="bidirectional"):
        CharLM(nn.RNN(5, 4, bidirectional=True))
    with pytest.raises(ValueError, match="batch_first=False"):
        CharLM(nn.RNN(5, 4, batch_first=True))
    with pytest.raises(ValueError, match=r"\(B, T\), got \(3,\)"):
        CharLM(RNN(V, 4))(torch.zeros(3, dtype=torch.long))
    with pytest.raises(ValueError, match="0 to"):
        CharLM(RNN(V, 4))(torch.full((1, 2), V))


def test_the_head_fits_a_projected_layer_and_float64():
    model = CharLM(nn.LSTM(V, 6, proj_size=3)).double()
    logits, _ = model(TOKENS[:6].reshape(2, 3))
    assert logits.shape == (3, 2, V) and logits.dtype == torch.float64
