"""Ratios of signal to error in dB, and the weighted SDR: differentiable, one value an example, finite on silence.

All take tensors (…, time) and reduce the last dimension; flatten channels first where one value for both ears is
wanted. Zero padding adds nothing to any of the sums. Means are not removed. More is better everywhere; a loss is the
negative.
"""

import torch
from torch import Tensor

from benchmark.contracts import Figure

EPSILON = 1e-8  # of an energy; one second of speech at 65 dB SPL has an energy of about 5
# No ratio in dB has a bound. Ours: 30 dB is as good as perfect, and -20 dB, with a hundred times more error than
# speech, is a failure.
SI_SDR = Figure(best=30.0, floor=-20.0)


def snr(reference: Tensor, estimate: Tensor, limit: float | None = None) -> Tensor:
    """Signal-to-noise ratio, also called plain SDR: 10 log10(|s|² / |s - ŝ|²) in dB, (…).

    `limit` in dB bounds it softly from above, by adding 10^(-limit/10) |s|² to the error: as a loss, it keeps examples
    that are nearly perfect from ruling a batch (Wisdom et al.: Unsupervised sound separation using mixture invariant
    training, NeurIPS 2020, equation 2).
    """
    return _decibels(_energy(reference), _energy(reference - estimate), limit)


def si_sdr(reference: Tensor, estimate: Tensor, limit: float | None = None) -> Tensor:
    """Scale-invariant SDR: 10 log10(|αs|² / |αs - ŝ|²) with α = <ŝ, s> / |s|², in dB, (…); `limit` as in snr.

    Le Roux, Wisdom, Erdogan, Hershey: SDR - half-baked or well done?, ICASSP 2019. A silent reference gives EPSILON
    over the energy of the estimate, a silent estimate gives 0 dB: who reports values looks for silence first.
    """
    scale = (reference * estimate).sum(-1, keepdim=True) / (_energy(reference)[..., None] + EPSILON)
    target = scale * reference
    return _decibels(_energy(target), _energy(target - estimate), limit)


def weighted_sdr(reference: Tensor, estimate: Tensor, mixture: Tensor) -> Tensor:
    """Weighted SDR: the cosine of speech and its estimate, and that of noise and its estimate, weighted by their
    energies; in [-1, 1], (…).

    With x the mixture, s the reference and z = x - s: α cos(s, ŝ) + (1 - α) cos(z, x - ŝ), α = |s|² / (|s|² + |z|²).
    The negative is the loss of Choi et al.: Phase-aware speech enhancement with deep complex U-net, ICLR 2019. The
    scale of ŝ counts through the noise term alone: little at a high SNR.
    """
    noise = mixture - reference
    speech_energy, noise_energy = _energy(reference), _energy(noise)
    share = speech_energy / (speech_energy + noise_energy + EPSILON)
    return share * _cosine(reference, estimate) + (1 - share) * _cosine(noise, mixture - estimate)


def _energy(signal: Tensor) -> Tensor:
    return signal.square().sum(-1)


def _decibels(signal: Tensor, error: Tensor, limit: float | None) -> Tensor:
    if limit is not None:
        error = error + 10 ** (-limit / 10) * signal
    return 10 * torch.log10((signal + EPSILON) / (error + EPSILON))


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    # Under the root, so that its gradient stays finite on silence.
    return (a * b).sum(-1) / torch.sqrt(_energy(a) * _energy(b) + EPSILON**2)
