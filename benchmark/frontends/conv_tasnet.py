"""Conv-TasNet: masks in a learned basis, estimated by a temporal convolutional network."""

from typing import Literal

import torch
from torch import Tensor
from torchaudio.models import ConvTasNet as _ConvTasNet

from benchmark.contracts import Batch, Enhanced, FrontEnd
from benchmark.frontends import _losses


class ConvTasNet(FrontEnd):
    """The network of Luo and Mesgarani (IEEE/ACM TASLP 2019) as built by torchaudio, not causal.

    The default loss leaves the scale of the output free. The default sizes are smaller than the paper's, so that a CPU
    trains the network in minutes; the paper's best are kernel 16, filters 512, channels 128, hidden 512, layers 8 and
    stacks 3. Normalisation is over the whole utterance with its padding, so that in a batch the lengths of the other
    examples have a small effect.
    """

    version = 2
    needs = frozenset({"clean"})

    def __init__(
        self,
        filters: int = 128,
        kernel: int = 64,
        channels: int = 32,
        hidden: int = 64,
        layers: int = 5,
        stacks: int = 2,
        sources: Literal[1, 2] = 1,
        loss: Literal["wsdr", "si_sdr", "snr"] = "si_sdr",
    ) -> None:
        """Set the sizes and the loss.

        Args:
            filters: number of filters in the learned basis
            kernel: length of these filters in samples, twice the hop
            channels: between the convolutional blocks
            hidden: channels within a block
            layers: blocks per stack, each with twice the dilation of the one before
            stacks: of such blocks
            sources: 1, or 2 to estimate the noise too; the first source is the output
            loss: the negative of SI-SDR or SNR, or of the weighted SDR
        """
        super().__init__()
        self.loss_name = loss
        self.network = _ConvTasNet(
            num_sources=sources,
            enc_kernel_size=kernel,
            enc_num_feats=filters,
            msk_num_feats=channels,
            msk_num_hidden_feats=hidden,
            msk_num_layers=layers,
            msk_num_stacks=stacks,
        )
        # Ours: training starts from something like the input. From a random decoder, SI-SDR would settle for any scale,
        # and for either sign.
        with torch.no_grad():
            self.network.decoder.weight.copy_(self.network.encoder.weight)

    def forward(self, audio: Tensor) -> Tensor:
        """(batch, 1, time) to the same."""
        return self.network(audio)[:, :1]

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """The loss named in the configuration, (batch,)."""
        return _losses.loss(self.loss_name, enhanced, batch)
