"""Evaluation per utterance, and means over utterances as torchmetrics."""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor
from torchmetrics import Metric

from benchmark.contracts import FULL_SCALE_DB_SPL, SAMPLE_RATE

RATES = (8000, 384_000)  # Hz; lower values are useless for speech, and probably meant in kHz


def by_utterance(
    value: Callable[..., Tensor],
    reference: Tensor,
    processed: Tensor,
    sample_rate: int,
    lengths: Tensor | None,
    *others: Tensor,
) -> Tensor:
    """Call `value` for each pair of signals without padding, with its rows of `others`.

    Returns:
        (batch,), in the dtype of `processed`
    Raises:
        ValueError: signals are not floats, the sample rate is outside RATES, or lengths are not integers (batch,) from
            0 to the number of samples
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
    """NaN with a gradient of zero."""
    return torch.nan + 0 * processed.nan_to_num(0, 0, 0).sum()


class UtteranceMean(Metric):
    """The mean of a metric over utterances; NaN if any value is.

    A subclass defines `update`, which passes its values to `add`.
    """

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
        """Add one value per utterance, (batch,)."""
        self.total = self.total + values.sum()
        self.count = self.count + len(values)

    def compute(self) -> Tensor:
        """The mean so far; NaN before the first utterance."""
        return self.total / self.count


class ListenerMean(UtteranceMean):
    """The mean of a metric with an audiogram and an absolute level; a subclass sets the function `metric`."""

    metric: ClassVar[Callable[..., Tensor]]

    def __init__(self, sample_rate: int = SAMPLE_RATE, level_spl: float = FULL_SCALE_DB_SPL) -> None:
        super().__init__()
        self.sample_rate, self.level_spl = sample_rate, level_spl

    def update(self, reference: Tensor, processed: Tensor, audiogram: Tensor, lengths: Tensor | None = None) -> None:
        """Add a batch."""
        self.add(self.metric(reference, processed, audiogram, self.sample_rate, self.level_spl, lengths))
