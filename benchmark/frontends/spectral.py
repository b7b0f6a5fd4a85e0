"""Noise reduction without training: log-spectral amplitude estimation with noise tracking."""

import math

import torch
from torch import Tensor

from benchmark.contracts import Enhanced, FrontEnd, Heard
from benchmark.frontends._stft import STFT

_EULER = 0.5772156649015329
_SPEECH = 10**1.5  # a-priori SNR if speech is present, 15 dB
_LEAST = 10**-1.5  # lower bound of the a-priori SNR, -15 dB
_SILENT = 1e-12  # lower bound of the power in a bin; noise at 0 dB SPL has about 1e-8


class Spectral(FrontEnd):
    """Log-MMSE gains with a decision-directed a-priori SNR and unbiased MMSE noise tracking.

    The gains are those of Ephraim and Malah (IEEE TASSP 1985). The noise is tracked after Gerkmann and Hendriks (IEEE
    TASLP 2012), with their constants: |Y|² is averaged, weighted by the probability that speech is absent. Ours: the
    noise starts as the running mean of the first frames that are not silent; gains are limited to between
    -`attenuation` dB and 0 dB; exp(E1(v) / 2) is approximated by √(1 + exp(-γ - 0.82 v) / v), with an error of at most
    0.02 dB. The method is causal except for the window. Each ear is processed separately.
    """

    channels = None
    controls = {"attenuation": 20.0}  # dB, the largest attenuation

    def __init__(self, window: int = 512, hop: int = 256, smoothing: float = 0.98, start: int = 6) -> None:
        """Set the sizes.

        Args:
            window, hop: in samples
            smoothing: of the decision-directed a-priori SNR, 0 to 1
            start: number of frames for the initial noise estimate
        """
        super().__init__()
        self.stft = STFT(window, hop)
        self.smoothing, self.start = smoothing, start

    def process(self, heard: Heard, **controls: float) -> Enhanced:
        """Enhance (batch, channels, time)."""
        least = 10 ** (-{**self.controls, **controls}["attenuation"] / 20)
        spectrum = self.stft.analyse(heard.audio)
        power = (spectrum.real.square() + spectrum.imag.square()).clamp(min=_SILENT)
        gain = (self._estimate(power) / power).sqrt().clamp(least, 1.0)
        return Enhanced(self.stft.synthesise(spectrum * gain, heard.audio.shape[-1]))

    def _estimate(self, power: Tensor) -> Tensor:
        """Estimate speech A² from noisy |Y|², both (…, bins, frames).

        The cost of the loop is that of its calls into PyTorch, so it makes few.
        """
        sounding = (power.mean(-2, keepdim=True) > 2 * _SILENT).cumsum(-1).clamp(min=1)
        starting = sounding <= self.start
        first, later = (starting / sounding).unbind(-1), (0.2 * ~starting).unbind(-1)
        presence, correction = power.new_tensor(math.log1p(_SPEECH)), power.new_tensor(-_EULER)
        noise = torch.full_like(power[..., 0], _SILENT)
        absence = speech = torch.zeros_like(noise)
        estimates = []
        for t, observed in enumerate(power.movedim(-1, 0).contiguous()):
            # Noise follows |Y|² where speech is absent, judged by the noise so far. The smoothed probability of absence
            # must not stay at 0, or a step in the noise would be taken for speech.
            absent = torch.sigmoid(torch.sub(presence, observed / noise, alpha=_SPEECH / (1 + _SPEECH)))
            absence = torch.lerp(absent, absence, 0.9)
            noise = torch.lerp(
                noise, observed, torch.addcmul(first[t], later[t], torch.maximum(absent, 0.01 - absence))
            )
            # Speech: A² = w N (v + exp(-γ - 0.82 v)), with w = ξ / (1 + ξ), v = w |Y|² / N, decision-directed ξ.
            ratio = observed / noise
            prior = torch.lerp((ratio - 1).relu(), speech / noise, self.smoothing).clamp(min=_LEAST)
            wiener = prior / (1 + prior)
            exponent = wiener * ratio
            speech = wiener * noise * (exponent + torch.exp(torch.sub(correction, exponent, alpha=0.82)))
            estimates.append(speech)
        return torch.stack(estimates, -1)
