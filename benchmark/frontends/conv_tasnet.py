"""Conv-TasNet: a learned basis instead of a spectrogram, and a temporal convolutional network that masks it."""

from typing import Literal

import torch
from torch import Tensor
from torchaudio.models import ConvTasNet as _ConvTasNet

from benchmark.contracts import Batch, Enhanced, FrontEnd
from benchmark.frontends import _losses


class ConvTasNet(FrontEnd):
    """The network of Luo and Mesgarani (IEEE/ACM TASLP 2019) as torchaudio builds it, not causal; its loss leaves the
    scale of the output free.

    Sizes are smaller than the paper's, so that a CPU trains it in minutes; the best there are kernel 16, filters 512,
    channels 128, hidden 512, layers 8 and stacks 3. Normalisation runs over the utterance, padding included: in a batch
    of several lengths those of the neighbours count a little.
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
        """Sizes.

        Args:
            filters, kernel: of the learned basis, `kernel` in samples, twice its hop
            channels, hidden: between the blocks and within them
            layers, stacks: blocks of doubling dilation, and how often these are repeated
            sources: 1, or 2 to estimate the noise beside the speech; the first is the output
            loss: the negative of SI-SDR or SNR in dB, or the weighted SDR
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
