"""Short-time Fourier transform with an exact inverse, shared by front-ends."""

from typing import TypeVar

import torch
from torch import Tensor, nn

from benchmark.errors import EarmarkError

Count = TypeVar("Count", int, Tensor)


class STFT(nn.Module):
    """Analysis and weighted overlap-add synthesis with the square root of a Hann window.

    Synthesis inverts analysis up to rounding. Frame k is centred on sample k·hop, and there are as many frames as
    overlap the signal. Zeros are added at its end, so padding with silence changes none of these frames.
    """

    window: Tensor

    def __init__(self, size: int, hop: int) -> None:
        """Set the sizes.

        Args:
            size: of window and transform, in samples, even
            hop: in samples, at most half the size
        Raises:
            EarmarkError: a transform of these sizes cannot be inverted
        """
        super().__init__()
        if size % 2 or not 0 < hop <= size // 2:
            raise EarmarkError(
                f"window {size}, hop {hop}: these cannot be inverted; write an even window and a hop of at most half "
                "of it"
            )
        self.size, self.hop = size, hop
        self.register_buffer("window", torch.hann_window(size).sqrt(), persistent=False)

    def frames(self, samples: Count) -> Count:
        """The number of frames that overlap a signal of this many samples."""
        return (samples + self.size // 2 + self.hop - 1) // self.hop

    def analyse(self, audio: Tensor) -> Tensor:
        """The complex spectrogram (…, size // 2 + 1, frames) of audio (…, time)."""
        *leading, samples = audio.shape
        silence = (self.frames(samples) - 1) * self.hop - samples
        padded = nn.functional.pad(audio.reshape(-1, samples), (0, silence))
        spectrum = torch.stft(
            padded, self.size, self.hop, window=self.window, center=True, pad_mode="constant", return_complex=True
        )
        return spectrum.reshape(*leading, *spectrum.shape[1:])

    def synthesise(self, spectrum: Tensor, samples: int) -> Tensor:
        """Audio (…, samples) from a complex spectrogram (…, size // 2 + 1, frames)."""
        *leading, bins, frames = spectrum.shape
        audio = torch.istft(
            spectrum.reshape(-1, bins, frames), self.size, self.hop, window=self.window, center=True, length=samples
        )
        return audio.reshape(*leading, samples)
