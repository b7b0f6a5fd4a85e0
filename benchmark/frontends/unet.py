"""A convolutional U-Net that masks the spectrogram, the front-end of the sample-importance paper."""

import torch
from torch import Tensor, nn

from benchmark.audio import TINY
from benchmark.contracts import Batch, Enhanced, FrontEnd, Heard
from benchmark.errors import unknown
from benchmark.frontends import _losses
from benchmark.frontends._stft import STFT

MASKS = ("magnitude", "complex")


class UNet(FrontEnd):
    """Spectrogram, fully convolutional encoder and decoder with skips between corresponding layers, mask, inverse transform.

    After figure 2 of Milling et al.: Audio enhancement for computer audition, JCST 39(4), 2024. That figure is all that was at hand: sizes, mask, compression,
    normalisation and loss are ours, the loss being the weighted SDR that the paper is reported to use.

    The input is divided by the root mean square of the utterance, so that the output scales with the input: an utterance must have ended before its first sample
    can be enhanced. What lies behind the end of an example never reaches it: every layer is silenced there.
    """

    def __init__(
        self,
        channels: int = 16,
        depth: int = 4,
        kernel: int = 3,
        window: int = 512,
        hop: int = 256,
        mask: str = "magnitude",
        loss: str = "wsdr",
        compression: float = 0.3,
    ) -> None:
        """Sizes.

        Args:
            channels: of the first layer; doubled by each of the next two, then constant
            depth: layers of the encoder, each halving frequency and, but for the first, time
            kernel: odd, in bins and in frames
            window, hop: of the transform, in samples
            mask: "magnitude", in [0, 1], or "complex", of magnitude at most 1 (after Choi et al., ICLR 2019)
            loss: "wsdr", "si_sdr" or "snr"
            compression: exponent of the magnitudes that the network sees
        """
        super().__init__()
        if mask not in MASKS:
            raise unknown("mask", mask, MASKS)
        self.mask, self.compression = mask, compression
        self.loss_name = _losses.check_loss(loss)
        self.stft = STFT(window, hop)
        planes = 1 if mask == "magnitude" else 2
        widths = [planes, *(channels * min(2**level, 4) for level in range(depth))]
        pairs = list(zip(widths, widths[1:], strict=False))
        self.encoder = nn.ModuleList(nn.Conv2d(outer, inner, kernel, 2, kernel // 2) for outer, inner in pairs)
        # The deepest first; the others also take the skip of the encoder.
        self.decoder = nn.ModuleList(
            nn.ConvTranspose2d(inner * (1 if level == depth else 2), outer, kernel, 2, kernel // 2) for level, (outer, inner) in reversed(list(enumerate(pairs, 1)))
        )

    def forward(self, audio: Tensor) -> Tensor:
        """(batch, 1, time) to the same."""
        return self.process(Heard(audio, torch.full((len(audio),), audio.shape[-1], device=audio.device))).audio

    def process(self, heard: Heard) -> Enhanced:  # type: ignore[override]
        """Enhance (batch, 1, time)."""
        spectrum = self.stft.analyse(heard.audio)
        power = heard.audio.square().sum(-1) / heard.lengths[:, None]
        level = power.clamp(min=TINY)[..., None, None].sqrt()
        return Enhanced(self.stft.synthesise(spectrum * self._mask(spectrum / level, heard.lengths), heard.audio.shape[-1]))

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """The loss named in the configuration, (batch,)."""
        return _losses.loss(self.loss_name, enhanced, batch)

    def _mask(self, spectrum: Tensor, lengths: Tensor) -> Tensor:
        """The mask for (batch, 1, bins, frames), complex; like it, zero behind the end."""
        planes = torch.view_as_real(spectrum).squeeze(1).movedim(-1, 1)
        power = planes.square().sum(1, keepdim=True) + 1e-4
        hidden = power ** (self.compression / 2) if self.mask == "magnitude" else planes * power ** ((self.compression - 1) / 2)
        frames = [self.stft.frames(lengths)]
        layers = [_silenced(hidden, frames[0])]
        for convolution in self.encoder:
            frames.append((frames[-1] + 1) // 2)
            layers.append(_silenced(ACT(NORM(convolution(layers[-1]))), frames[-1]))
        hidden = layers.pop()
        for index, convolution in enumerate(self.decoder):
            skip = layers.pop()
            hidden = convolution(hidden, output_size=skip.shape[-2:])
            if layers:
                hidden = torch.cat([_silenced(ACT(NORM(hidden)), frames[len(layers)]), skip], 1)
        if self.mask == "magnitude":
            mask= torch.sigmoid(hidden)
        else:
            magnitude = hidden.square().sum(1, keepdim=True).add(1e-8).sqrt()
            mask = hidden * (magnitude.tanh() / magnitude)
            mask = torch.complex(mask[:, :1], mask[:, 1:])
        return _silenced(mask, frames[0])

def _silenced(x,frames):
    if int(frames.min()) == x.shape[-1]: return x
    return x * (torch.arange(x.shape[-1], device=x.device) < frames[:, None, None, None])
ACT = nn.functional.leaky_relu
NORM = lambda x:x
