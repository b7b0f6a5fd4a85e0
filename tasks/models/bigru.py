"""A bidirectional GRU on log-mel frames, for trajectories every 10 ms.

Features, bidirectional GRU, dense layer and upsampling from 50 Hz to 100 Hz are those of the models of Tabatabaee and
Espy-Wilson's group ("Towards noise-robust speech inversion through multi-task learning with speech enhancement", 2026,
and earlier), and so is the mean absolute error; the log-mel features, sizes and the way of upsampling are ours.
"""

from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmark.contracts import Batch, TaskModel
from benchmark.options import Size
from benchmark.padding import after
from tasks.models._features import LogMel
from tasks.speech_inversion import SpeechInversion


class _PairedLogMel(nn.Module):
    """Log-mel frames of 10 ms, two by two: the rate of self-supervised encoders.

    Features of any kind have `width`, `factor` (frames of 10 ms that each of theirs spans) and a forward from audio to
    (batch, frames, width) and the numbers of frames, (batch,).
    """

    factor = 2

    def __init__(self, bands: int = 40) -> None:
        super().__init__()
        self.spectrogram = LogMel(bands)
        self.width = self.factor * bands

    def forward(self, audio: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        x, frames = self.spectrogram(audio, lengths)
        x = nn.functional.pad(x, (0, -x.shape[-1] % self.factor))
        return x.transpose(1, 2).reshape(len(x), -1, self.width), after(frames, self.factor)


_FEATURES = {"log_mel": _PairedLogMel}


class BiGRU(TaskModel):
    """Tracks by mean absolute error over what is known of each.

    Args:
        task: whose variables it estimates
        features: what the model hears; log_mel
        hidden: units of each GRU layer in each direction
        layers: of the GRU
        dropout: behind each layer
    """

    answers = "tracks"
    task: SpeechInversion

    def __init__(
        self,
        task: SpeechInversion,
        features: Literal["log_mel"] = "log_mel",
        hidden: Size = 96,
        layers: Annotated[int, Field(ge=1)] = 1,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1,
    ) -> None:
        super().__init__(task)
        self.variables = task.variables
        self.features = _FEATURES[features]()
        self.gru = nn.GRU(
            self.features.width,
            hidden,
            layers,
            batch_first=True,
            bidirectional=True,
            dropout=dropout if layers > 1 else 0.0,
        )
        self.dense = nn.Sequential(nn.Dropout(dropout), nn.Linear(2 * hidden, 128), nn.ReLU(), nn.Dropout(dropout))
        # a frame of the features speaks for all that it spans
        self.head = nn.Linear(128, self.features.factor * len(self.variables))

    def forward(self, audio: Tensor, lengths: Tensor, shared: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(batch, channels, time) to tracks, (batch, frames, variables), and numbers of frames, (batch,)."""
        x, frames = self.features(audio, lengths)
        packed = pack_padded_sequence(x, frames.cpu(), batch_first=True, enforce_sorted=False)
        x, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        return self.head(self.dense(x)).float().view(len(x), -1, len(self.variables)), frames * self.features.factor

    def loss(self, output: tuple[Tensor, Tensor], batch: Batch) -> Tensor:
        """Mean absolute error over what is known, (batch,); 0 where nothing is."""
        target = batch.labels["tracks"]
        known = ~target.isnan()
        error = (_fitted(output, target.shape[1]) - target.nan_to_num()).abs() * known
        return error.sum((1, 2)) / known.sum((1, 2)).clamp(min=1)

    def predict(self, output: tuple[Tensor, Tensor], batch: Batch) -> list[dict[str, Any]]:
        """A list by variable, as long as the target, and what the task says of targets without a correlation."""
        target = batch.labels["tracks"]
        return self.task.records(_fitted(output, target.shape[1]).detach().cpu(), batch)


def _fitted(output: tuple[Tensor, Tensor], frames: int) -> Tensor:
    """Tracks cut to `frames`, or going on as they end, whatever stands behind an utterance's own."""
    tracks, lengths = output
    index = torch.minimum(torch.arange(frames, device=tracks.device), lengths.to(tracks.device)[:, None] - 1)
    return tracks.gather(1, index[:, :, None].expand(-1, -1, tracks.shape[-1]))
