"""Weighted SDR: cosine similarity of speech and of noise with their estimates, weighted by energy, in [-1, 1]."""

import torch
from torch import Tensor

from benchmark.contracts import Figure, Metric, Signals
from benchmark.metrics._checks import check_floats, pair
from benchmark.metrics._energies import EPSILON, energy


def weighted_sdr(reference: Tensor, estimate: Tensor, mixture: Tensor) -> Tensor:
    """Weighted SDR: α cos(s, ŝ) + (1 - α) cos(z, x - ŝ) with α = |s|² / (|s|² + |z|²); in [-1, 1], (…).

    x is the mixture, s the reference, z = x - s the noise. The negative is the loss of Choi et al.: Phase-aware speech
    enhancement with deep complex U-net, ICLR 2019. The scale of ŝ counts through the noise term alone: little at a high
    SNR. Differentiable, and finite on silence. Zero padding changes nothing.

    Args:
        reference, estimate, mixture: (…, time)
    Raises:
        ValueError: where signals are not floats
    """
    check_floats(reference, estimate, mixture)
    noise = mixture - reference
    speech_energy, noise_energy = energy(reference), energy(noise)
    share = speech_energy / (speech_energy + noise_energy + EPSILON)
    return share * _cosine(reference, estimate) + (1 - share) * _cosine(noise, mixture - estimate)


class WeightedSDR(Metric):
    """Weighted signal-to-distortion ratio."""

    figures = {"weighted_sdr": Figure(best=1.0, floor=0.0, worst=-1.0)}
    needs = frozenset({"clean", "noisy"})
    source = "Choi et al.: Phase-aware speech enhancement with deep complex U-net, ICLR 2019"

    def measure(self, signals: Signals) -> dict[str, float]:
        """See weighted_sdr."""
        assert signals.noisy is not None
        reference, estimate = map(torch.from_numpy, pair(signals))
        return {"weighted_sdr": weighted_sdr(reference, estimate, signals.noisy.double()).item()}


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    # Under the root, so that its gradient stays finite on silence.
    return (a * b).sum(-1) / torch.sqrt(energy(a) * energy(b) + EPSILON**2)
