"""The level-dependent prescription FIG6 as a front-end: soft sounds get more gain than loud ones."""

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import pad
from torchaudio.functional import lfilter

from benchmark.contracts import AUDIOGRAM_HZ, FULL_SCALE_DB_SPL, SAMPLE_RATE, Enhanced, FrontEnd, Heard
from benchmark.frontends._stft import STFT
from benchmark.hearing.filters import interpolated
from benchmark.hearing.prescriptions import fig6

_SILENT = 1e-10  # power at 0 dB SPL


class Fig6(FrontEnd):
    """Applies the gains of benchmark.hearing.prescriptions.fig6 to a short-time spectrum, frame by frame, per ear.

    The prescription is defined for the overall level of speech, so the level here is that of all frequencies together,
    smoothed by a one-pole filter over the past. Between the ten frequencies, gains in dB are linear over log frequency;
    beyond them they are held. All of this is ours, except the prescription.
    """

    channels = None
    needs = frozenset({"listener"})
    weights: Tensor  # interpolation weights from AUDIOGRAM_HZ to the bins, (10, bins)

    def __init__(
        self, window: int = 256, hop: int = 64, smoothing: Annotated[float, Field(gt=0, le=10)] = 0.125
    ) -> None:
        """Set the sizes.

        Args:
            window, hop: in samples
            smoothing: time constant of the level, in seconds; the default is that of a sound-level meter set to "fast"
        """
        super().__init__()
        self.stft = STFT(window, hop)
        self.pole = math.exp(-hop / SAMPLE_RATE / smoothing)
        hertz = torch.linspace(0, SAMPLE_RATE / 2, window // 2 + 1)
        weights = interpolated(torch.eye(len(AUDIOGRAM_HZ)), torch.tensor(AUDIOGRAM_HZ).log(), hertz.log())
        self.register_buffer("weights", weights, persistent=False)

    def process(self, heard: Heard, **controls: float) -> Enhanced:
        """Amplify (batch, channels, time) for thresholds (batch, channels, 10)."""
        if heard.listener is None:
            raise ValueError("fig6 needs a listener")
        spectrum = self.stft.analyse(heard.audio)
        levels = self._levels(heard.audio, spectrum.shape[-1])[..., None]
        thresholds = heard.listener[..., None, :].expand(*levels.shape[:-1], -1)
        gains = (fig6(thresholds, levels) @ self.weights).transpose(-1, -2)
        return Enhanced(self.stft.synthesise(spectrum * 10 ** (gains / 20), heard.audio.shape[-1]))

    def _levels(self, audio: Tensor, frames: int) -> Tensor:
        """Smoothed level in dB SPL up to the middle of each frame, (batch, channels, frames)."""
        hop = self.stft.hop
        power = pad(audio.square(), (hop, frames * hop))[..., : frames * hop].unflatten(-1, (frames, hop)).mean(-1)
        smoothed = lfilter(
            power, power.new_tensor([1.0, -self.pole]), power.new_tensor([1 - self.pole, 0.0]), clamp=False
        )
        return FULL_SCALE_DB_SPL + 10 * torch.log10(smoothed.clamp_min(_SILENT))
