"""Energies and their ratios in dB, finite on silence: what SNR, SI-SDR and the weighted SDR share.

All take tensors (…, time) and reduce the last dimension.
"""

import torch
from torch import Tensor

from benchmark.contracts import Figure

EPSILON = 1e-8  # of an energy; one second of speech at 65 dB SPL has an energy of about 5
# A ratio in dB has no bounds. Ours: 30 dB is as good as perfect, and -20 dB, with a hundred times more error than
# speech, is a failure.
RATIO = Figure(best=30.0, floor=-20.0, unit="dB")


def energy(signal: Tensor) -> Tensor:
    """Sum of squares, (…)."""
    return signal.square().sum(-1)


def decibels(signal: Tensor, error: Tensor, limit: float | None) -> Tensor:
    """Ratio of two energies in dB, (…); `limit` bounds it softly from above, by adding 10^(-limit/10) signal to error.

    As a loss, the limit keeps examples that are nearly perfect from dominating a batch (Wisdom et al.: Unsupervised
    sound separation using mixture invariant training, NeurIPS 2020, equation 2).
    """
    if limit is not None:
        error = error + 10 ** (-limit / 10) * signal
    return 10 * torch.log10((signal + EPSILON) / (error + EPSILON))
