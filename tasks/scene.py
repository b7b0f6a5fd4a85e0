"""Acoustic scenes: where a recording was made, by a fully convolutional network all of whose blocks are heard by the
classifier.

Convolution blocks alone, on a spectrogram, and the outputs of different blocks concatenated: the model of Milling et
al., "Audio Enhancement for Computer Audition" (JCST 39(4), 2024), Fig. 3d. The paper states no sizes; sizes, features,
normalisation and pooling are ours.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from benchmark.contracts import Figure
from benchmark.options import Size
from benchmark.scores.classification import ACCURACY, accuracy, hits
from tasks._classifier import Classifier
from tasks._features import HOP, LogMel
from tasks._masking import MaskedNorm, after, mask, mean, unit_rms

# no utterance counts as less probable, so that the log loss is bounded and a failure never beats an answer; ours
LEAST = 1e-3


class AcousticScene(Classifier):
    """Scenes by cross entropy. Level is normalised inside: each clip is brought to rms 1 over its own samples, channels
    averaged.

    The blocks hear what changes: the log-mel spectrogram less each band's mean over the clip. The classifier hears
    those means too, the long-term spectrum, beside the average of every block over time and frequency.

    Args:
        schema: `classes`, the scenes in the order of the head; the column `label` holds one of them
        bands: of the log-mel spectrogram
        channels: of the blocks, each of which halves bands and frames
    """

    figures = {"accuracy": ACCURACY, "log_loss": Figure(0, -math.log(LEAST), worst=-math.log(LEAST))}

    def __init__(
        self,
        schema: Mapping[str, Any],
        bands: Size = 40,
        channels: Annotated[Sequence[Size], Field(min_length=1)] = (16, 32, 64, 64),
    ) -> None:
        super().__init__(schema)
        self.spectrogram = LogMel(bands)
        self.blocks = nn.ModuleList(
            _Block(inputs, outputs) for inputs, outputs in zip((1, *channels[:-1]), channels, strict=True)
        )
        self.head = nn.Linear(bands + sum(channels), len(self.classes))

    def forward(self, audio: Tensor, lengths: Tensor, shared: Tensor | None = None) -> Tensor:
        """(batch, channels, time) to logits (batch, classes)."""
        frames = lengths // HOP + 1
        with torch.autocast(audio.device.type, enabled=False):
            levels = torch.log(self.spectrogram.mel(unit_rms(audio, lengths)) + self.spectrogram.floor) / 3
            pooled = [mean(mask(levels, frames), frames)]
            x = mask(levels - pooled[0][..., None], frames)
        # time before bands, so that what is behind an example lies behind it in memory too
        x = x.transpose(1, 2)[:, None]
        for block in self.blocks:
            x, frames = block(x, frames)
            pooled.append(mean(x.flatten(2), frames * x.shape[-1]))
        return self.head(torch.cat(pooled, -1))

    def counted(self, truth: pd.Series, predicted: pd.Series) -> pd.DataFrame:
        """Hits and count, overall and of every class (hits:<class>, count:<class>)."""
        return hits(truth, predicted, self.classes)

    def score(self, predictions: pd.DataFrame, references: pd.DataFrame) -> pd.DataFrame:
        """The columns and log_loss in nats."""
        return (
            super()
            .score(predictions, references)
            .assign(log_loss=-predictions["log_probability"].clip(lower=math.log(LEAST)))
        )

    def floor(self, references: pd.DataFrame) -> pd.DataFrame:
        """No hit, and the largest loss."""
        return super().floor(references).assign(log_loss=-math.log(LEAST))

    @staticmethod
    def summarise(sums: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Accuracy, 0 to 1, and log loss in nats an utterance."""
        with np.errstate(invalid="ignore"):
            return {"accuracy": accuracy(sums), "log_loss": np.divide(sums["log_loss"], sums["count"])}


class _Block(nn.Module):
    """A 3 x 3 convolution that halves frames and bands, normalisation, ReLU, on (batch, channels, frames, bands) with
    zeros behind each example's frames.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, 2, 1)
        self.norm = MaskedNorm(outputs)

    def forward(self, x: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        x, frames = self.convolution(x), after(frames, 2)
        cells = frames * x.shape[-1]
        return F.relu(self.norm(mask(x.flatten(2), cells), cells)).view_as(x), frames
