"""SI-SDR: scale-invariant signal-to-distortion ratio against a clean reference, in dB."""

import torch
from torch import Tensor

from benchmark.contracts import Metric, Signals
from benchmark.metrics._checks import check_floats, pair
from benchmark.metrics._energies import EPSILON, RATIO, decibels, energy


def si_sdr(reference: Tensor, estimate: Tensor, limit: float | None = None) -> Tensor:
    """Scale-invariant SDR: 10 log10(|αs|² / |αs - ŝ|²) with α = <ŝ, s> / |s|², in dB, (…).

    Le Roux, Wisdom, Erdogan, Hershey: SDR - half-baked or well done?, ICASSP 2019. Differentiable, and finite on
    silence: a silent reference gives EPSILON over the energy of the estimate, a silent estimate 0 dB. Check for silence
    before you report values. Zero padding changes nothing; means are not removed. For one value over both ears, flatten
    the channels first.

    Args:
        reference, estimate: (…, time)
        limit: dB, a soft upper bound, for losses (see _energies.decibels)
    Raises:
        ValueError: where signals are not floats
    """
    check_floats(reference, estimate)
    scale = (reference * estimate).sum(-1, keepdim=True) / (energy(reference)[..., None] + EPSILON)
    target = scale * reference
    return decibels(energy(target), energy(target - estimate), limit)


class SISDR(Metric):
    """Scale-invariant signal-to-distortion ratio."""

    figures = {"si_sdr": RATIO}
    needs = frozenset({"clean"})
    source = "Le Roux, Wisdom, Erdogan, Hershey: SDR - half-baked or well done?, ICASSP 2019"

    def measure(self, signals: Signals) -> dict[str, float]:
        """See si_sdr."""
        reference, estimate = map(torch.from_numpy, pair(signals))
        return {"si_sdr": si_sdr(reference, estimate).item()}
