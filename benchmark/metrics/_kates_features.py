"""Envelope features shared by HASPI and HASQI: loud segments, cepstral basis, normalised covariance."""

from math import pi

import numpy as np
import torch
from torch import Tensor

from benchmark.metrics._constants import constant
from benchmark.metrics._kates import BANDS, DB, TINY


def is_loud(levels: Tensor, threshold: float) -> Tensor:
    """Whether the amplitudes of levels (32, time), in dB above threshold, have a mean above `threshold` dB, (time,)."""
    return (DB * levels).exp().mean(0).log() / DB > threshold


@constant()
def cepstral_basis() -> Tensor:
    """Half cosines over the bands, normalised to unit length, (6, 32); the first represents the level."""
    basis = np.cos(np.outer(np.arange(6), np.arange(BANDS)) * pi / (BANDS - 1))
    return torch.from_numpy(basis / np.linalg.norm(basis, axis=1, keepdims=True))


def covariance(x: Tensor, y: Tensor) -> Tensor:
    """Magnitude of the normalised covariance of two signals (…, time) over time, (…).

    It is 0, with a gradient of 0, where either signal is constant.
    """
    x, y = x - x.mean(-1, keepdim=True), y - y.mean(-1, keepdim=True)
    xx, yy = x.square().sum(-1), y.square().sum(-1)
    moves = (xx >= TINY) & (yy >= TINY)
    product = torch.where(moves, xx, 1).sqrt() * torch.where(moves, yy, 1).sqrt()
    return torch.where(moves, (x * y).sum(-1).abs() / product, 0)
