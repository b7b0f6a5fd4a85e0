"""Padding without effect: lengths, masks, and means over an example's own samples or frames."""

import torch
from torch import Tensor


def after(lengths: Tensor, stride: int) -> Tensor:
    """The number of frames, one every `stride`, that begin within `lengths`: the quotient rounded up, (batch,)."""
    return (lengths + stride - 1) // stride


def mask(x: Tensor, lengths: Tensor) -> Tensor:
    """A copy of (batch, …, time) that is zero behind `lengths`, (batch,), even where it was NaN."""
    behind = torch.arange(x.shape[-1], device=x.device) >= lengths.to(x.device)[:, None]
    return x.masked_fill(behind.view(len(x), *(1,) * (x.ndim - 2), -1), 0)


def mean(x: Tensor, lengths: Tensor) -> Tensor:
    """The mean over each example's own frames.

    Args:
        x: (batch, channels, time), zero behind `lengths`
        lengths: (batch,)
    Returns:
        (batch, channels)
    """
    return x.sum(-1) / lengths.to(x.device)[:, None]
