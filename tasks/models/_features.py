"""Log-mel features that depend on neither padding nor level."""

import torch
from torch import Tensor, nn
from torchaudio.transforms import MelSpectrogram

from benchmark.contracts import SAMPLE_RATE
from benchmark.padding import mask
from tasks.models._layers import unit_rms

HOP = 160  # samples, 10 ms
WINDOW = 400  # samples, 25 ms


class LogMel(nn.Module):
    """Log-mel spectrogram, less each band's mean over the utterance, scaled to a variance near 1.

    The audio is first brought to an rms of 1. All is computed in float32, even under autocast.

    Args:
        bands: mel bands, from 20 to 7600 Hz
        floor: power added before the logarithm, of a signal whose rms is 1
    """

    def __init__(self, bands: int, floor: float = 1e-2) -> None:
        super().__init__()
        # Zeros at the ends, not reflections: then it makes no difference whether an example ends or is padded.
        self.mel = MelSpectrogram(SAMPLE_RATE, WINDOW, WINDOW, HOP, 20.0, 7600.0, n_mels=bands, pad_mode="constant")
        self.floor = floor

    def forward(self, audio: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, channels, time) to (batch, bands, frames), zero behind each example's frames, and their numbers."""
        with torch.autocast(audio.device.type, enabled=False):
            features = torch.log(self.mel(unit_rms(audio, lengths)) + self.floor)
            frames = lengths // HOP + 1
            features = mask(features, frames)
            average = features.sum(-1, keepdim=True) / frames.to(audio.device)[:, None, None]
            return mask(features - average, frames) / 3, frames
