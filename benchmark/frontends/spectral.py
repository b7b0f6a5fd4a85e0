"""Noise reduction without training: log-spectral amplitude estimation over a tracked noise spectrum."""

import math

import torch
from torch import Tensor

from benchmark.contracts import Enhanced, FrontEnd, Heard
from benchmark.frontends._stft import STFT

_EULER = 0.5772156649015329
_SPEECH = 10**1.5  # a-priori SNR where speech is present, 15 dB
_LEAST = 10**-1.5  # the least a-priori SNR, -15 dB
_SILENT = 1e-12  # the least power in a bin; noise at 0 dB SPL has some 1e-8


class Spectral(FrontEnd):
    """Log-MMSE gains (Ephraim, Malah, IEEE TASSP 1985) with a decision-directed a-priori SNR, and unbiased MMSE
    tracking of the noise.

    Noise tracking after Gerkmann and Hendriks (IEEE TASLP 2012), with their constants: |Y|² is averaged as far as
    speech is improbable. Ours: the noise starts as the running mean of the first frames that sound, gains lie between
    -`attenuation` dB and 0, and exp(E1(v) / 2) is taken as √(1 + exp(-γ - 0.82 v) / v), at most 0.02 dB from the truth.
    Causal but for the window. Each ear is processed for itself.
    """

    channels = None
    controls = {"attenuation": 20.0}  # dB, the most that is taken away

    def __init__(self, window: int = 512, hop: int = 256, smoothing: float = 0.98, start: int = 6) -> None:
        """`window` and `hop` in samples; `smoothing` of the a-priori SNR; `start`: the frames that make the first noise
        estimate.
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
        """From |Y|² to A² of speech, both (…, bins, frames). The loop costs what its calls cost, so it makes few."""
        sounding = (power.mean(-2, keepdim=True) > 2 * _SILENT).cumsum(-1).clamp(min=1)
        starting = sounding <= self.start
        first, later = (starting / sounding).unbind(-1), (0.2 * ~starting).unbind(-1)
        presence, correction = power.new_tensor(math.log1p(_SPEECH)), power.new_tensor(-_EULER)
        noise = torch.full_like(power[..., 0], _SILENT)
        absence = speech = torch.zeros_like(noise)
        estimates = []
        for t, observed in enumerate(power.movedim(-1, 0).contiguous()):
            # Noise: follows |Y|² as far as speech is absent, given the noise so far. Absence may not stay at 0, or a
            # step in the noise would pass as speech.
            absent = torch.sigmoid(torch.sub(presence, observed / noise, alpha=_SPEECH / (1 + _SPEECH)))
            absence = torch.lerp(absent, absence, 0.9)
            noise = torch.lerp(
                noise, observed, torch.addcmul(first[t], later[t], torch.maximum(absent, 0.01 - absence))
            )
            # Speech: with ξ by the decision-directed approach, w = ξ / (1 + ξ) and v = w |Y|² / N, A² = w N (v + exp(-γ
            # - 0.82 v)).
            ratio = observed / noise
            prior = torch.lerp((ratio - 1).relu(), speech / noise, self.smoothing).clamp(min=_LEAST)
            wiener = prior / (1 + prior)
            exponent = wiener * ratio
            speech = wiener * noise * (exponent + torch.exp(torch.sub(correction, exponent, alpha=0.82)))
            estimates.append(speech)
        return torch.stack(estimates, -1)
