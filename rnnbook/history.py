"""What was measured during training, epoch by epoch."""

import math
from dataclasses import dataclass, field


@dataclass
class History:
    """What was measured during training: named metrics, each with one entry an epoch.

    ``fit`` records ``loss`` (the mean over the epoch's predictions, in nats, as training saw it),
    ``grad_norm`` (the mean norm of the gradient before clipping), ``per_second`` (predictions a
    second) and, where it was given something to validate on, ``validation_loss``; and the metrics
    that it was given. ``interrupted`` says whether the reader stopped it.

    Example:
        >>> history = History()
        >>> history.record(loss=0.0)
        >>> history["loss"], history.perplexity
        ([0.0], [1.0])
    """

    metrics: dict[str, list[float]] = field(default_factory=dict)
    interrupted: bool = False

    def record(self, **values: float) -> None:
        """Append one epoch's values; what was not measured in an epoch is NaN there."""
        epochs = self.epochs
        for name in dict.fromkeys([*self.metrics, *values]):
            entries = self.metrics.setdefault(name, [math.nan] * epochs)
            entries.append(float(values.get(name, math.nan)))

    def __getitem__(self, name: str) -> list[float]:
        """Return a metric's values, one an epoch.

        Raises:
            KeyError: if it was not measured; the message lists what was.
        """
        if name not in self.metrics:
            raise KeyError(f"{name!r} was not measured; there are {', '.join(self.metrics)}")
        return self.metrics[name]

    @property
    def epochs(self) -> int:
        """Return the number of epochs recorded."""
        return max(map(len, self.metrics.values()), default=0)

    @property
    def perplexity(self) -> list[float]:
        """Return exp of each training loss."""
        return [exp(nats) for nats in self["loss"]]

    @property
    def validation_perplexity(self) -> list[float]:
        """Return exp of each validation loss."""
        return [exp(nats) for nats in self["validation_loss"]]


def exp(nats: float) -> float:
    """Return exp(nats), the perplexity; infinity where a float cannot hold it, NaN for NaN."""
    return math.inf if nats >= 700 else math.exp(nats)
