"""Prescribed insertion gains for an audiogram, by NAL-R and FIG6; batched and differentiable."""

import torch
from torch import Tensor

from benchmark.contracts import AUDIOGRAM_HZ

NAL_R_HZ = (250, 500, 1000, 2000, 4000, 6000)
_NAL_R_OFFSETS = (-17.0, -8.0, 1.0, -1.0, -2.0, -2.0)  # dB at NAL_R_HZ


def nal_r(audiogram: Tensor) -> Tensor:
    """Insertion gains for a linear aid by NAL-R, the revised formula of Byrne and Dillon (Ear and Hearing 1986).

    If the thresholds at 500, 1000 and 2000 Hz sum to more than 180 dB, their term is that of Byrne, Parkinson and
    Newall (1990), as in pyclarity: 9 + 0.116 (sum - 180) instead of 0.05 sum. Their further change of slope, for losses
    of 95 dB and more at 2000 Hz, is left out, as in pyclarity. An ear without any loss at NAL_R_HZ gets no gain.

    Args:
        audiogram: (…, 10), dB HL at AUDIOGRAM_HZ
    Returns:
        gains in dB at NAL_R_HZ, (…, 6), 0 or more
    Raises:
        ValueError: there are not ten thresholds
    """
    thresholds = thresholds_at(audiogram, NAL_R_HZ)
    total = thresholds_at(audiogram, (500, 1000, 2000)).sum(-1, keepdim=True)
    average = torch.where(total <= 180, 0.05 * total, 9 + 0.116 * (total - 180))
    gains = (average + 0.31 * thresholds + audiogram.new_tensor(_NAL_R_OFFSETS)).clamp_min(0)
    return gains * (thresholds > 0).any(-1, keepdim=True)


def fig6(audiogram: Tensor, level: Tensor) -> Tensor:
    """Insertion gains for a compressing aid by FIG6 of Killion and Fikret-Pasa (Hearing Journal 1993).

    Gains are defined for inputs of 40, 65 and 95 dB SPL; between these they are interpolated linearly over the level,
    beyond them they are held.

    Args:
        audiogram: (…, 10), dB HL at AUDIOGRAM_HZ
        level: (…, 10), dB SPL of the input at each of these frequencies
    Returns:
        gains in dB at AUDIOGRAM_HZ, (…, 10), 0 or more
    """
    soft = torch.where(audiogram <= 60, audiogram - 20, 0.5 * audiogram + 10).clamp_min(0)
    middle = torch.where(audiogram <= 60, 0.6 * (audiogram - 20), 0.8 * audiogram - 23).clamp_min(0)
    loud = 0.1 * (audiogram - 40).clamp_min(0) ** 1.4
    rising = ((level - 40) / 25).clamp(0, 1)
    falling = ((level - 65) / 30).clamp(0, 1)
    return torch.where(level < 65, soft + rising * (middle - soft), middle + falling * (loud - middle))


def thresholds_at(audiogram: Tensor, hertz: tuple[int, ...]) -> Tensor:
    """Thresholds (…, 10) at a selection of AUDIOGRAM_HZ; ValueError if there are not ten."""
    if audiogram.shape[-1] != len(AUDIOGRAM_HZ):
        raise ValueError(f"an audiogram has {len(AUDIOGRAM_HZ)} thresholds, not {audiogram.shape[-1]}")
    return audiogram[..., [AUDIOGRAM_HZ.index(f) for f in hertz]]
