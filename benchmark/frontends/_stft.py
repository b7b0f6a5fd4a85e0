"""The short-time Fourier transform that the front-ends here share."""

from typing import TypeVar

import torch
from torch import Tensor, nn

from benchmark.errors import EarmarkError

Count = TypeVar("Count", int, Tensor)


class STFT(nn.Module):
    """Analysis, and synthesis by weighted overlap-add, both with the root of a Hann window: inverse of each other to
    rounding.

    Frame k is centred on sample k·hop. There are as many frames as touch the signal, which is continued by zeros:
    silence behind it changes none of them.
    """

    window: Tensor

    def __init__(self, size: int, hop: int) -> None:
        """`size` of window and transform, and `hop`, in samples; EarmarkError where the hop is more than half the
        size.
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
        """How many frames touch a signal of so many samples."""
        return (samples + self.size // 2 + self.hop - 1) // self.hop

    def analyse(self, audio: Tensor) -> Tensor:
        """(…, time) to a complex spectrogram (…, size // 2 + 1, frames)."""
        *leading, samples = audio.shape
        silence = (self.frames(samples) - 1) * self.hop - samples
        padded = nn.functional.pad(audio.reshape(-1, samples), (0, silence))
        spectrum = torch.stft(
            padded, self.size, self.hop, window=self.window, center=True, pad_mode="constant", return_complex=True
        )
        return spectrum.reshape(*leading, *spectrum.shape[1:])

    def synthesise(self, spectrum: Tensor, samples: int) -> Tensor:
        """(…, size // 2 + 1, frames) back to (…, samples)."""
        *leading, bins, frames = spectrum.shape
        audio = torch.istft(
            spectrum.reshape(-1, bins, frames), self.size, self.hop, window=self.window, center=True, length=samples
        )
        return audio.reshape(*leading, samples)
