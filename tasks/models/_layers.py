"""Layers that task models share: level normalisation, and a normalisation that ignores padding."""

import torch
from torch import Tensor, nn

from benchmark.audio import TINY
from benchmark.padding import mask


def unit_rms(audio: Tensor, lengths: Tensor) -> Tensor:
    """The mean of the channels, brought to an rms of 1 over each example's own samples: float32, (batch, time).

    A model that starts with this does not hear the presentation level, and a front-end neither wins nor loses by a
    constant gain. Silence stays silence.
    """
    mono = mask(audio.float().mean(1), lengths)
    power = mono.square().sum(-1, keepdim=True) / lengths.to(audio.device)[:, None]
    return mono * torch.rsqrt(power + TINY)


class MaskedNorm(nn.Module):
    """Group normalisation with one group, over channels and an example's own frames, without batch statistics.

    Y. Wu and K. He, "Group Normalization", 2018, with the mask added.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels, 1)), nn.Parameter(torch.zeros(channels, 1))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Normalise (batch, channels, time); input and output are zero behind `lengths`."""
        count = (lengths * x.shape[1]).to(x.device)[:, None, None]
        x = mask(x - x.sum((1, 2), keepdim=True) / count, lengths)
        x = x * torch.rsqrt(x.square().sum((1, 2), keepdim=True) / count + 1e-5)
        return mask(x * self.weight + self.bias, lengths)
