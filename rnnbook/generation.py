"""Writing text with a trained model."""

from torch import Tensor, nn

from rnnbook.arguments import kind_of, whole
from rnnbook.models import device_of, evaluating
from rnnbook.text import Vocab


def generate(model: nn.Module, prompt: str, num_preds: int, vocab: Vocab) -> str:
    """Continue a prompt greedily: always the most probable next character.

    The prompt is read to warm the state up; then every prediction becomes the next input.

    Args:
        model: called with X (B, T) and a state, returns logits (T, B, V) and the state.
        prompt: at least one character, all of them in the vocabulary.
        num_preds: the number of characters to add, at least 0.
        vocab: the vocabulary the model was trained with.
    Returns:
        The prompt and its continuation.
    Raises:
        TypeError: if an argument is of another kind, or the model does not return a pair.
        ValueError: if the prompt is empty or has characters outside the vocabulary,
            ``num_preds`` is negative, or the vocabulary has another size than the model's.
    Source: chapter 3.
    """
    if not isinstance(prompt, str):
        raise TypeError(f"expected the prompt as a string, got {kind_of(prompt)}")
    whole("num_preds", num_preds, least=0)
    if not isinstance(vocab, Vocab):
        raise TypeError(f"expected vocab as a Vocab, got {kind_of(vocab)}")
    if not prompt:
        raise ValueError("expected a prompt of at least one character, got an empty one")
    if unknown := sorted(set(prompt) - set(vocab.idx_to_token)):
        raise ValueError(
            f"the prompt {prompt!r} has characters the model never saw: {unknown}. The vocabulary "
            "was made from cleaned text: pass the prompt through rnnbook.text.clean first"
        )
    device = device_of(model)
    with evaluating(model):
        indices = _continue(model, vocab.encode(prompt).to(device), num_preds, len(vocab))
    return prompt + vocab.decode(indices)


def _continue(model: nn.Module, prompt: Tensor, num_preds: int, V: int) -> list[int]:
    """Return the indices that follow a prompt of shape (T,)."""
    x, state, indices = prompt.unsqueeze(0), None, []  # (1, T)
    for _ in range(num_preds):
        answer = model(x, state)
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise TypeError(
                f"expected the model to return the pair (logits, state), got {kind_of(answer)}"
            )
        logits, state = answer  # (T, 1, V)
        if tuple(logits.shape) != (x.shape[1], 1, V):
            raise ValueError(
                f"expected logits of shape (T, B, V) = {(x.shape[1], 1, V)}, got "
                f"{tuple(logits.shape)}: was the model trained with another vocabulary, or is it "
                "batch-first?"
            )
        if logits[-1].isnan().any():
            raise ValueError("the model's logits are not a number: has its training diverged?")
        x = logits[-1:].argmax(dim=2)  # (1, 1)
        indices.append(x.item())
    return indices
