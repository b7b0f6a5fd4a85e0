"""One value an utterance, and the mean over utterances as torchmetrics keeps it."""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor
from torchmetrics import Metric

from benchmark.contracts import FULL_SCALE_DB_SPL, SAMPLE_RATE

RATES = (8000, 384_000)  # Hz; below speech has no consonants, and kilohertz were meant


def by_utterance(
    value: Callable[..., Tensor],
    reference: Tensor,
    processed: Tensor,
    sample_rate: int,
    lengths: Tensor | None,
    *others: Tensor,
) -> Tensor:
    """What `value` gives for each pair without its padding, and its row of `others`, (batch,), in the dtype of
    `processed`.

    Raises:
        ValueError: where signals are no floats, the sample rate is not one of speech, or lengths are not integers
            (batch,) from 0 to the samples there are
    """
    if not (reference.is_floating_point() and processed.is_floating_point()):
        raise ValueError(
            f"signals are floats, where an rms of 1.0 is a level; not {reference.dtype} and {processed.dtype}"
        )
    if not RATES[0] <= sample_rate <= RATES[1]:
        raise ValueError(f"the sample rate is in Hz, {RATES[0]} to {RATES[1]}, not {sample_rate}")
    batch, samples = len(reference), reference.shape[-1]
    if lengths is None:
        lengths = torch.full((batch,), samples)
    if lengths.shape != (batch,) or lengths.is_floating_point() or not ((lengths >= 0) & (lengths <= samples)).all():
        raise ValueError(f"lengths are ({batch},) integers from 0 to {samples} samples")
    rows = zip(reference, processed, lengths.tolist(), *others, strict=True)
    values = [value(x[..., :length], y[..., :length], *rest) for x, y, length, *rest in rows]
    return torch.stack(values).to(processed.dtype) if values else processed.new_zeros(0)


def no_value(processed: Tensor) -> Tensor:
    """NaN, whose gradient is zero."""
    return torch.nan + 0 * processed.nan_to_num(0, 0, 0).sum()


class UtteranceMean(Metric):
    """A subclass writes `update`, which gives its values to `add`; a NaN among them makes the mean NaN."""

    full_state_update = False
    higher_is_better = True
    is_differentiable = True
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def add(self, values: Tensor) -> None:
        """Count a value for each utterance, (batch,)."""
        self.total = self.total + values.sum()
        self.count = self.count + len(values)

    def compute(self) -> Tensor:
        """The mean so far; NaN before the first utterance."""
        return self.total / self.count


class ListenerMean(UtteranceMean):
    """Of a metric that takes an audiogram and knows its level; a subclass names the function."""

    metric: ClassVar[Callable[..., Tensor]]

    def __init__(self, sample_rate: int = SAMPLE_RATE, level_spl: float = FULL_SCALE_DB_SPL) -> None:
        super().__init__()
        self.sample_rate, self.level_spl = sample_rate, level_spl

    def update(self, reference: Tensor, processed: Tensor, audiogram: Tensor, lengths: Tensor | None = None) -> None:
        """Add a batch."""
        self.add(self.metric(reference, processed, audiogram, self.sample_rate, self.level_spl, lengths))
