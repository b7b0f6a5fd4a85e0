"""A recogniser with CTC: 2-D convolutions with residual blocks and a bidirectional GRU on a log-mel spectrogram.

The order of layers is that of Milling et al., "Audio Enhancement for Computer Audition" (JCST 39(4), 2024):
convolutions, blocks with skip connections, layer normalisation, bidirectional GRU, classification layer. The paper
states no sizes; sizes, features, loss and decoders are ours.
"""

from typing import Annotated, Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from benchmark.contracts import Batch, Task, TaskModel
from benchmark.options import Size
from benchmark.padding import after, mask
from tasks.models._decoders import build_decoder
from tasks.models._features import LogMel


class CRNNCTC(TaskModel):
    """A convolutional recurrent network trained by CTC, with a posterior every 40 ms.

    Args:
        task: the task whose alphabet and words it knows
        bands: of the log-mel spectrogram
        channels, blocks: channels of the convolutions, and the number of residual blocks
        features, hidden: the size of the GRU's input, and its units in each direction
        decoder, beam_size, language_model: see `_decoders.build_decoder`
    """

    answers = "text"

    def __init__(
        self,
        task: Task,
        bands: Size = 40,
        channels: Size = 32,
        blocks: Annotated[int, Field(ge=0)] = 2,
        features: Size = 128,
        hidden: Size = 160,
        decoder: str = "greedy",
        beam_size: Size = 50,
        language_model: str | None = None,
    ) -> None:
        super().__init__(task)
        self.alphabet = "".join(task.schema["alphabet"])
        self.decoding = (decoder, self.alphabet, tuple(task.schema.get("words", ())), beam_size, language_model)
        build_decoder(*self.decoding)  # so that an error shows now, not after training
        self.spectrogram = LogMel(bands)
        self.convolutions = nn.ModuleList([nn.Conv2d(1, channels, 3, 2, 1), nn.Conv2d(channels, channels, 3, 2, 1)])
        self.blocks = nn.ModuleList(_Residual(channels) for _ in range(blocks))
        self.project = nn.Sequential(nn.Linear(channels * -(-bands // 4), features), nn.LayerNorm(features), nn.ReLU())
        self.gru = nn.GRU(features, hidden, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * hidden, 1 + len(self.alphabet))

    def forward(self, audio: Tensor, lengths: Tensor, shared: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(batch, channels, time) to posteriors and numbers of frames, (batch,).

        Posteriors are log-probabilities, (batch, frames, 1 + characters), the blank first.
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
        """CTC loss per character, (batch,); 0 where the audio has too few frames for its text."""
        posteriors, frames = output
        symbols = [torch.tensor([self.alphabet.index(c) + 1 for c in text]) for text in batch.labels["text"]]
        lengths = torch.tensor([len(each) for each in symbols], device=posteriors.device)
        targets = pad_sequence(symbols, batch_first=True).to(posteriors.device)
        loss = F.ctc_loss(posteriors.transpose(0, 1), targets, frames, lengths, reduction="none", zero_infinity=True)
        return loss / lengths

    def predict(self, output: tuple[Tensor, Tensor], batch: Batch) -> list[dict[str, Any]]:
        """`text`: the hypothesis."""
        decode = build_decoder(*self.decoding)
        return [
            {"text": decode(posterior[:frames])}
            for posterior, frames in zip(output[0].cpu(), output[1].tolist(), strict=True)
        ]


class _Residual(nn.Module):
    """Layer normalisation over channels and bands of each frame, two convolutions, and a skip connection over these."""

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
