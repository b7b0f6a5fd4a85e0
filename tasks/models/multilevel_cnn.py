"""A fully convolutional network whose classifier gets the average of every block.

Convolution blocks only, on a spectrogram, with the outputs of different blocks concatenated: the scene model of
Milling et al., "Audio Enhancement for Computer Audition" (JCST 39(4), 2024), Fig. 3d. The paper states no sizes; sizes,
features, normalisation and pooling are ours.
"""

from collections.abc import Sequence
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from benchmark.contracts import Task
from benchmark.options import Size
from benchmark.padding import after, mask, mean
from tasks.models._classifier import Classifier
from tasks.models._features import HOP, LogMel
from tasks.models._layers import MaskedNorm, unit_rms


class MultilevelCNN(Classifier):
    """A classifier of clips. It does not hear their level: channels are averaged and brought to an rms of 1.

    The blocks get what changes: the log-mel spectrogram less each band's mean over the clip. The classifier also gets
    these means, the long-term spectrum, besides the average of every block over time and frequency.

    Args:
        task: the task whose classes it distinguishes
        bands: of the log-mel spectrogram
        channels: of the blocks, each of which halves bands and frames
    """

    def __init__(
        self,
        task: Task,
        bands: Size = 40,
        channels: Annotated[Sequence[Size], Field(min_length=1)] = (16, 32, 64, 64),
    ) -> None:
        super().__init__(task)
        self.spectrogram = LogMel(bands)
        self.blocks = nn.ModuleList(
            _Block(inputs, outputs) for inputs, outputs in zip((1, *channels[:-1]), channels, strict=True)
        )
        self.head = nn.Linear(bands + sum(channels), len(self.classes))

    def forward(self, audio: Tensor, lengths: Tensor, shared: Tensor | None = None) -> Tensor:
        """(batch, channels, time) to logits, (batch, classes)."""
        frames = lengths // HOP + 1
        with torch.autocast(audio.device.type, enabled=False):
            levels = torch.log(self.spectrogram.mel(unit_rms(audio, lengths)) + self.spectrogram.floor) / 3
            pooled = [mean(mask(levels, frames), frames)]
            x = mask(levels - pooled[0][..., None], frames)
        # Time comes before bands, so that padding also lies behind an example in memory.
        x = x.transpose(1, 2)[:, None]
        for block in self.blocks:
            x, frames = block(x, frames)
            pooled.append(mean(x.flatten(2), frames * x.shape[-1]))
        return self.head(torch.cat(pooled, -1))


class _Block(nn.Module):
    """A 3 x 3 convolution that halves frames and bands, normalisation and ReLU.

    Input and output are (batch, channels, frames, bands), with zeros behind each example's frames.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, 2, 1)
        self.norm = MaskedNorm(outputs)

    def forward(self, x: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        x, frames = self.convolution(x), after(frames, 2)
        cells = frames * x.shape[-1]
        return F.relu(self.norm(mask(x.flatten(2), cells), cells)).view_as(x), frames
