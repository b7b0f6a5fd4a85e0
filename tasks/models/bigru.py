"""A bidirectional GRU on log-mel frames, for tracks with a value every 10 ms.

Features, bidirectional GRU, dense layer and upsampling from 50 Hz to 100 Hz are those of the models of Tabatabaee and
Espy-Wilson's group ("Towards noise-robust speech inversion through multi-task learning with speech enhancement", 2026,
and earlier), and so is the mean absolute error. The log-mel features, the sizes and the way of upsampling are ours.
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
    """Pairs of 10 ms log-mel frames: the frame rate of self-supervised encoders.

    Any features have a `width`, a `factor` (how many frames of 10 ms one of theirs spans), and a forward from audio to
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
    """Tracks, trained by mean absolute error over the known values.

    Args:
        task: the task whose variables it estimates
        features: the input of the GRU; log_mel
        hidden: units of each GRU layer in each direction
        layers: of the GRU
        dropout: after each layer
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
        # One frame of the features gives the values of all the 10 ms frames that it spans.
        self.head = nn.Linear(128, self.features.factor * len(self.variables))

    def forward(self, audio: Tensor, lengths: Tensor, shared: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(batch, channels, time) to tracks, (batch, frames, variables), and their numbers of frames, (batch,)."""
        x, frames = self.features(audio, lengths)
        packed = pack_padded_sequence(x, frames.cpu(), batch_first=True, enforce_sorted=False)
        x, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        return self.head(self.dense(x)).float().view(len(x), -1, len(self.variables)), frames * self.features.factor

    def loss(self, output: tuple[Tensor, Tensor], batch: Batch) -> Tensor:
        """Mean absolute error over the known values, (batch,); 0 where there are none."""
        target = batch.labels["tracks"]
        known = ~target.isnan()
        error = (_fitted(output, target.shape[1]) - target.nan_to_num()).abs() * known
        return error.sum((1, 2)) / known.sum((1, 2)).clamp(min=1)

    def predict(self, output: tuple[Tensor, Tensor], batch: Batch) -> list[dict[str, Any]]:
        """The tracks as the task stores them; see `SpeechInversion.records`."""
        target = batch.labels["tracks"]
        return self.task.records(_fitted(output, target.shape[1]).detach().cpu(), batch)


def _fitted(output: tuple[Tensor, Tensor], frames: int) -> Tensor:
    """Tracks cut or extended to `frames`. Behind an utterance's end its last value is repeated."""
    tracks, lengths = output
    index = torch.minimum(torch.arange(frames, device=tracks.device), lengths.to(tracks.device)[:, None] - 1)
    return tracks.gather(1, index[:, :, None].expand(-1, -1, tracks.shape[-1]))
