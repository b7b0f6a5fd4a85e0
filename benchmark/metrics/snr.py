"""SNR of the output against a clean reference, also called plain SDR, in dB."""

import torch
from torch import Tensor

from benchmark.contracts import Metric, Signals
from benchmark.metrics._checks import check_floats, pair
from benchmark.metrics._energies import RATIO, decibels, energy


def snr(reference: Tensor, estimate: Tensor, limit: float | None = None) -> Tensor:
    """Signal-to-noise ratio, also called plain SDR: 10 log10(|s|² / |s - ŝ|²) in dB, (…).

    Differentiable, and finite on silence. Zero padding changes nothing; means are not removed. For one value over both
    ears, flatten the channels first.

    Args:
        reference, estimate: (…, time)
        limit: dB, a soft upper bound, for losses (see _energies.decibels)
    Raises:
        ValueError: where signals are not floats
    """
    check_floats(reference, estimate)
    return decibels(energy(reference), energy(reference - estimate), limit)


class SNR(Metric):
    """Signal-to-noise ratio; the scale of the output counts."""

    figures = {"snr": RATIO}
    needs = frozenset({"clean"})
    source = "10 log10(|s|² / |s - ŝ|²)"

    def measure(self, signals: Signals) -> dict[str, float]:
        """See snr."""
        reference, estimate = map(torch.from_numpy, pair(signals))
        return {"snr": snr(reference, estimate).item()}
