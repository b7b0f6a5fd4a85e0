"""Speech commands: one word out of a closed set, by a 1-D convolutional network on the raw waveform.

Convolution and max-pooling, global average pooling, a linear classifier: the only model of Milling et al., "Audio
Enhancement for Computer Audition" (JCST 39(4), 2024), that hears samples instead of a spectrogram. The paper states no
sizes; all of them, the normalisation and the compression are ours.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from benchmark.errors import EarmarkError
from benchmark.options import Size
from benchmark.scores.classification import ACCURACY, accuracy, hits
from tasks._classifier import Classifier
from tasks._masking import MaskedNorm, after, mask, mean, unit_rms


class SpeechCommands(Classifier):
    """Words by cross entropy. Level is normalised inside: each utterance is brought to rms 1 over its own samples,
    channels averaged.

    Args:
        schema: `classes`, the words in the order of the head; the column `label` holds one of them
        channels: of the convolutions
        kernel, stride: of the first convolution, in samples (5 ms and 1.25 ms); the others span three frames
        pools: frames that each block's max-pooling joins
    """

    figures = {"accuracy": ACCURACY}

    def __init__(
        self,
        schema: Mapping[str, Any],
        channels: Annotated[Sequence[Size], Field(min_length=1)] = (64, 64, 128, 128),
        kernel: Size = 80,
        stride: Size = 20,
        pools: Sequence[Size] = (8, 2, 2, 2),
    ) -> None:
        super().__init__(schema)
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
        """(batch, channels, time) to logits (batch, classes)."""
        x = unit_rms(audio, lengths)[:, None]
        for block in self.blocks:
            x, lengths = block(x, lengths)
        return self.head(mean(x, lengths))

    def counted(self, truth: pd.Series, predicted: pd.Series) -> pd.DataFrame:
        """Hits and count."""
        return hits(truth, predicted)

    @staticmethod
    def summarise(sums: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Accuracy, 0 to 1."""
        return {"accuracy": accuracy(sums)}


class _Block(nn.Module):
    """Convolution, ReLU, max-pooling, normalisation. ReLU comes before the pool, so the zeros behind an example never
    win it.
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
            x = torch.log1p(10 * x)  # like a log spectrogram: soft sounds count
        return self.norm(x, lengths), lengths
