"""One-dimensional convolutions on the waveform, for short utterances with one label.

Convolution and max-pooling, global average pooling and a linear classifier: the model for speech commands of Milling et
al., "Audio Enhancement for Computer Audition" (JCST 39(4), 2024), the only one there whose input is samples instead of
a spectrogram. The paper states no sizes; all of them, the normalisation and the compression are ours.
"""

from collections.abc import Sequence
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from benchmark.contracts import Task
from benchmark.errors import EarmarkError
from benchmark.options import Size
from benchmark.padding import after, mask, mean
from tasks.models._classifier import Classifier
from tasks.models._layers import MaskedNorm, unit_rms


class WaveformCNN(Classifier):
    """A classifier of utterances. It does not hear their level: channels are averaged and brought to an rms of 1.

    Args:
        task: the task whose classes it distinguishes
        channels: of the convolutions
        kernel, stride: of the first convolution, in samples (5 ms and 1.25 ms); the others span three frames
        pools: how many frames the max-pooling of each block joins
    """

    def __init__(
        self,
        task: Task,
        channels: Annotated[Sequence[Size], Field(min_length=1)] = (64, 64, 128, 128),
        kernel: Size = 80,
        stride: Size = 20,
        pools: Sequence[Size] = (8, 2, 2, 2),
    ) -> None:
        super().__init__(task)
        if len(pools) != len(channels):
            raise EarmarkError(f"pools: {len(pools)} pools for {len(channels)} channels; give one for each")
        first = _Block(1, channels[0], kernel, stride, pools[0], compress=True)
        others = [
            _Block(inputs, outputs, 3, 1, pool)
            for inputs, outputs, pool in zip(channels[:-1], channels[1:], pools[1:], strict=True)
        ]
        self.blocks = nn.ModuleList([first, *others])
        self.head = nn.Linear(channels[-1], len(self.classes))

    def forward(self, audio: Tensor, lengths: Tensor, shared: Tensor | None = None) -> Tensor:
        """(batch, channels, time) to logits, (batch, classes)."""
        x = unit_rms(audio, lengths)[:, None]
        for block in self.blocks:
            x, lengths = block(x, lengths)
        return self.head(mean(x, lengths))


class _Block(nn.Module):
    """Convolution, ReLU, max-pooling and normalisation.

    ReLU comes before the pooling, so that the zeros behind an example never win.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, pool: int, compress: bool = False) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(inputs, outputs, kernel, stride)
        self.norm = MaskedNorm(outputs)
        self.pool, self.compress = pool, compress

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        kernel, stride = self.convolution.kernel_size[0], self.convolution.stride[0]
        left = (kernel - stride + 1) // 2  # centres frame i on the samples from i·stride to (i + 1)·stride
        x = self.convolution(F.pad(x, (left, kernel - 1 - left)))
        lengths = after(lengths, stride)
        x = F.max_pool1d(F.relu(mask(x, lengths)), self.pool, ceil_mode=True)
        lengths = after(lengths, self.pool)
        if self.compress:
            x = torch.log1p(10 * x)  # like the logarithm of a spectrogram: soft sounds count
        return self.norm(x, lengths), lengths
