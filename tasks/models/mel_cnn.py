"""Convolution blocks on a log-mel spectrogram, for utterances with one label.

Convolution blocks only, global average pooling and a classifier: the emotion model of Milling et al., "Audio
Enhancement for Computer Audition" (JCST 39(4), 2024), Fig. 3c. The paper states no sizes; sizes, spectrogram,
normalisation and pooling are ours.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn
from torchaudio.transforms import MelSpectrogram

from benchmark.contracts import SAMPLE_RATE, Task
from benchmark.options import Size
from benchmark.padding import after, mask, mean
from tasks.models._classifier import Classifier
from tasks.models._layers import MaskedNorm, unit_rms

HOP = 320  # samples, 20 ms
WINDOW = 1024  # samples, 64 ms: long enough to resolve the harmonics of a voice
FLOOR = 1e-2  # power added before the logarithm, of a signal whose rms is 1


class MelCNN(Classifier):
    """A classifier of utterances. It does not hear their level: they are brought to an rms of 1.

    Args:
        task: the task whose classes it distinguishes
        channels: of the convolution blocks, each of which halves bands and frames
        bands: of the log-mel spectrogram, from 50 to 7600 Hz
        centre: what is subtracted from the spectrogram: "utterance", its mean over all bands and frames, or "bands",
            each band's own mean over the utterance. The latter removes the long-term spectrum: that of the voice and
            the channel, but also that of vocal effort
    """

    def __init__(
        self,
        task: Task,
        channels: Annotated[Sequence[Size], Field(min_length=1)] = (16, 32, 64, 96),
        bands: Size = 64,
        centre: Literal["utterance", "bands"] = "bands",
    ) -> None:
        super().__init__(task)
        self.spectrogram = _LogMel(bands, centre)
        heights = [-(-bands // 2 ** (i + 1)) for i in range(len(channels))]  # bands that are left after each block
        self.blocks = nn.ModuleList(
            _Block(inputs, outputs, height, first=not i)
            for i, (inputs, outputs, height) in enumerate(zip((1, *channels), channels, heights, strict=False))
        )
        self.head = nn.Linear(channels[-1], len(self.classes))

    def forward(self, audio: Tensor, lengths: Tensor, shared: Tensor | None = None) -> Tensor:
        """(batch, channels, time) to logits, (batch, classes)."""
        x, lengths = self.spectrogram(audio, lengths)
        x = x[:, None]
        for block in self.blocks:
            x, lengths = block(x, lengths)
        return self.head(mean(x.mean(2), lengths))


class _LogMel(nn.Module):
    """Log-mel spectrogram with resolved harmonics, centred and scaled to a variance near 1.

    The audio is first brought to an rms of 1. All is computed in float32, even under autocast.
    """

    def __init__(self, bands: int, centre: str) -> None:
        super().__init__()
        # Zeros at the ends, not reflections: then it makes no difference whether an example ends or is padded.
        self.mel = MelSpectrogram(SAMPLE_RATE, WINDOW, WINDOW, HOP, 50.0, 7600.0, n_mels=bands, pad_mode="constant")
        self.centre = centre

    def forward(self, audio: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, channels, time) to (batch, bands, frames), zero behind each example's frames, and their numbers."""
        with torch.autocast(audio.device.type, enabled=False):
            frames = lengths // HOP + 1
            features = mask(torch.log(self.mel(unit_rms(audio, lengths)) + FLOOR), frames)
            average = mean(features, frames)[..., None]
            if self.centre == "utterance":
                average = average.mean(1, keepdim=True)
            return mask(features - average, frames) / 3, frames


class _Block(nn.Module):
    """Convolution, ReLU, halving and normalisation.

    The first block halves by a stride, which is cheap, the others by max-pooling: after ReLU, padding with zeros never
    wins.
    """

    def __init__(self, inputs: int, outputs: int, height: int, first: bool) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 5, 2, 2) if first else nn.Conv2d(inputs, outputs, 3, 1, 1)
        self.pool = 1 if first else 2
        self.norm = MaskedNorm(outputs * height)

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        x = self.convolution(x)
        lengths = after(lengths, self.convolution.stride[1])
        x = F.max_pool2d(F.relu(mask(x, lengths)), self.pool, ceil_mode=True)
        lengths = after(lengths, self.pool)
        return self.norm(x.flatten(1, 2), lengths).view_as(x), lengths
