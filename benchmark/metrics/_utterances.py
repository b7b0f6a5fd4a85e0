"""From a batch of padded pairs to one value for each utterance."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmark.metrics._checks import RATES, check_floats


def by_utterance(
    value: Callable[..., Tensor],
    reference: Tensor,
    processed: Tensor,
    sample_rate: int,
    lengths: Tensor | None,
    *others: Tensor,
) -> Tensor:
    """Apply `value` to each pair without padding, and to its row of `others`: (batch,), in the dtype of `processed`.

    Raises:
        ValueError: where signals are not floats, the sample rate is outside RATES, or lengths are not integers (batch,)
            from 0 to the number of samples
    """
    check_floats(reference, processed)
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
