"""Models put together from a recurrent layer and a head."""

from rnnbook.models.classifier import SequenceClassifier, predict
from rnnbook.models.language_model import CharLM
from rnnbook.models.modes import count_parameters, device_of, evaluating

__all__ = [
    "CharLM",
    "SequenceClassifier",
    "count_parameters",
    "device_of",
    "evaluating",
    "predict",
]
