"""Speech recognition: characters by CTC, from 2-D convolutions with residual blocks and a bidirectional GRU on a
log-mel spectrogram.

The order of layers is that of Milling et al., "Audio Enhancement for Computer Audition" (JCST 39(4), 2024):
convolutions, blocks with skip connections, layer normalisation, bidirectional GRU, classification layer. The paper
states no sizes; sizes, front-end features, loss and decoders are ours.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from benchmark.contracts import Batch, Task
from benchmark.errors import EarmarkError
from benchmark.options import Size
from benchmark.scores.text import CER, WER, character_error_rate, errors, normalise, word_error_rate
from tasks._decoders import build
from tasks._features import LogMel
from tasks._masking import after, mask


class ASR(Task):
    """Word and character error rate of the stored hypotheses, after metrics.text.normalise. One posterior every 40 ms.

    Args:
        schema: `alphabet`, the characters of the normalised column `text`; `words`, a lexicon that some decoders use
        bands: of the log-mel spectrogram
        channels, blocks: of the convolutions, number of residual blocks
        features, hidden: what the GRU hears in a frame, and its units in each direction
        decoder, beam_size, language_model: see _decoders.build
    """

    whole = True
    figures = {"wer": WER, "cer": CER}

    def __init__(
        self,
        schema: Mapping[str, Any],
        bands: Size = 40,
        channels: Size = 32,
        blocks: Annotated[int, Field(ge=0)] = 2,
        features: Size = 128,
        hidden: Size = 160,
        decoder: str = "greedy",
        beam_size: Size = 50,
        language_model: str | None = None,
    ) -> None:
        super().__init__(schema)
        if not schema.get("alphabet"):
            raise EarmarkError(
                "its corpus has no transcripts (`alphabet` is not in its schema); choose one that has, such as "
                "librispeech"
            )
        self.alphabet = "".join(schema["alphabet"])
        self.decoding = (decoder, self.alphabet, tuple(schema.get("words", ())), beam_size, language_model)
        build(*self.decoding)  # a user's error shows now, not after training
        self.spectrogram = LogMel(bands)
        self.convolutions = nn.ModuleList([nn.Conv2d(1, channels, 3, 2, 1), nn.Conv2d(channels, channels, 3, 2, 1)])
        self.blocks = nn.ModuleList(_Residual(channels) for _ in range(blocks))
        self.project = nn.Sequential(nn.Linear(channels * -(-bands // 4), features), nn.LayerNorm(features), nn.ReLU())
        self.gru = nn.GRU(features, hidden, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * hidden, 1 + len(self.alphabet))

    def check(self, row: Mapping[str, Any]) -> None:
        """A transcript holds a word, in characters of the alphabet."""
        text = normalise(row["text"])
        if not text:
            raise ValueError(f"the transcript '{row['text']}' holds no word")
        if foreign := sorted(set(text) - set(self.alphabet)):
            raise ValueError(
                f"the transcript '{row['text']}' holds {' '.join(foreign)}, which the corpus's alphabet "
                f"'{self.alphabet}' lacks"
            )

    def collate(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        """`targets`: symbols, (batch, characters), padded with blanks; `target_lengths`, (batch,)."""
        targets = [
            torch.tensor([self.alphabet.index(character) + 1 for character in normalise(row["text"])]) for row in rows
        ]
        return {
            "targets": pad_sequence(targets, batch_first=True),
            "target_lengths": torch.tensor([len(target) for target in targets]),
        }

    def forward(self, audio: Tensor, lengths: Tensor, shared: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(batch, channels, time) to log-probabilities (batch, frames, 1 + characters), the blank first, and numbers of
        frames (batch,).
        """
        features, lengths = self.spectrogram(audio, lengths)
        x = features[:, None]
        for convolution in self.convolutions:
            lengths = after(lengths, 2)
            x = mask(F.relu(convolution(x)), lengths)
        for block in self.blocks:
            x = block(x, lengths)
        x = self.project(x.flatten(1, 2).transpose(1, 2))
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        x, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        return self.head(x).float().log_softmax(-1), lengths

    def loss(self, output: tuple[Tensor, Tensor], batch: Batch) -> Tensor:
        """CTC loss over the number of characters, (batch,); 0 where the audio has too few frames for its text."""
        posteriors, frames = output
        targets, lengths = batch.labels["targets"], batch.labels["target_lengths"]
        return (
            F.ctc_loss(posteriors.transpose(0, 1), targets, frames, lengths, reduction="none", zero_infinity=True)
            / lengths
        )

    def predict(self, output: tuple[Tensor, Tensor], batch: Batch) -> list[dict[str, Any]]:
        """`text`, the hypothesis."""
        decode = build(*self.decoding)
        return [
            {"text": decode(posterior[:frames])}
            for posterior, frames in zip(output[0].cpu(), output[1].tolist(), strict=True)
        ]

    def reference(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The transcript, as the corpus writes it."""
        return {"text": row["text"]}

    def score(self, predictions: pd.DataFrame, references: pd.DataFrame) -> pd.DataFrame:
        """Columns word_errors, words, character_errors, characters."""
        return errors(references["text"], predictions["text"])

    def floor(self, references: pd.DataFrame) -> pd.DataFrame:
        """As many errors as there are words and characters."""
        return errors(references["text"], [""] * len(references))

    @staticmethod
    def summarise(sums: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Word and character error rate."""
        return {"wer": word_error_rate(sums), "cer": character_error_rate(sums)}


class _Residual(nn.Module):
    """Normalisation over channels and bands of each frame, two convolutions, and a skip connection over all of them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels, 1, 1)), nn.Parameter(torch.zeros(channels, 1, 1))
        self.first, self.second = (
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        variance, mean = torch.var_mean(x, (1, 2), correction=0, keepdim=True)
        y = (x - mean) * torch.rsqrt(variance + 1e-5) * self.weight + self.bias
        y = F.relu(self.first(mask(F.relu(y), lengths)))
        return mask(x + self.second(mask(y, lengths)), lengths)
