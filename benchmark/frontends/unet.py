"""A convolutional U-Net that masks the spectrogram: the front-end of the sample-importance paper."""

from itertools import pairwise
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from benchmark.audio import TINY
from benchmark.contracts import Batch, Enhanced, FrontEnd, Heard
from benchmark.errors import EarmarkError
from benchmark.frontends import _losses
from benchmark.frontends._stft import STFT
from benchmark.options import Size

_FAINT = 1e-4  # added to the power in a bin before compression; white noise of rms 1 has half the window length


class UNet(FrontEnd):
    """A spectrogram mask from a fully convolutional encoder and decoder with skip connections.

    After figure 2 of Milling et al., Audio enhancement for computer audition, JCST 39(4), 2024. Only its abstract and
    captions were available to us: all sizes, the mask, the compression and the loss are ours. That the paper's loss is
    a weighted SDR is reported by others.

    Each utterance is scaled to a root mean square of 1 for the network, so that the output scales with the input. The
    whole utterance is therefore needed before its first sample can be enhanced. The network contains no normalisation,
    and every layer is zeroed after the end of an example, so that neither padding nor neighbours in the batch affect
    it.
    """

    needs = frozenset({"clean"})

    def __init__(
        self,
        channels: Size = 16,
        depth: Annotated[int, Field(ge=1, le=9)] = 4,
        kernel: Size = 3,
        window: int = 512,
        hop: int = 256,
        mask: Literal["magnitude", "complex"] = "magnitude",
        loss: Literal["wsdr", "si_sdr", "snr"] = "wsdr",
        compression: Annotated[float, Field(gt=0, le=1)] = 0.3,
    ) -> None:
        """Set the sizes, the mask and the loss.

        Args:
            channels: of the first layer; doubled in each of the next two, then constant
            depth: layers of the encoder, each of which halves frequency and time; the decoder has as many
            kernel: size in bins and in frames, odd
            window, hop: of the transform, in samples
            mask: "magnitude", in [0, 1], or "complex", with a magnitude in [0, 1] (as in Choi et al., ICLR 2019)
            loss: the negative of the weighted SDR, of SI-SDR or of SNR
            compression: exponent of the magnitudes that the network gets, above 0 and at most 1
        Raises:
            EarmarkError: `kernel` is even, or the transform cannot be inverted
        """
        super().__init__()
        if kernel % 2 == 0:
            raise EarmarkError(f"kernel: {kernel} is even; write an odd number")
        self.mask, self.loss_name, self.compression = mask, loss, compression
        self.stft = STFT(window, hop)
        widths = [1 if mask == "magnitude" else 2, *(channels * min(2**level, 4) for level in range(depth))]
        pairs = list(pairwise(widths))
        self.encoder = nn.ModuleList(
            nn.Conv2d(outer, inner, kernel, stride=2, padding=kernel // 2) for outer, inner in pairs
        )
        self.decoder = nn.ModuleList(  # all but the deepest also take the output of the matching encoder layer
            nn.ConvTranspose2d(inner if level == depth else 2 * inner, outer, kernel, stride=2, padding=kernel // 2)
            for level, (outer, inner) in reversed(list(enumerate(pairs, 1)))
        )
        nn.init.ones_(self.decoder[-1].bias[:1])  # type: ignore[index]  # the mask starts near 1
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a fifth faster on a CPU

    def forward(self, audio: Tensor) -> Tensor:
        """Enhance (batch, 1, time), with no padding in any example."""
        return self.process(Heard(audio, torch.full((len(audio),), audio.shape[-1], device=audio.device))).audio

    def process(self, heard: Heard, **controls: float) -> Enhanced:
        """Enhance (batch, 1, time)."""
        spectrum = self.stft.analyse(heard.audio)
        level = (heard.audio.square().sum(-1) / heard.lengths[:, None]).clamp(min=TINY).sqrt()
        mask = self._mask(spectrum / level[..., None, None], self.stft.frames(heard.lengths))
        return Enhanced(self.stft.synthesise(spectrum * mask, heard.audio.shape[-1]))

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """The loss chosen in the constructor, (batch,)."""
        return _losses.loss(self.loss_name, enhanced, batch)

    def _mask(self, spectrum: Tensor, frames: Tensor) -> Tensor:
        """The mask for a complex spectrum (batch, 1, bins, frames), zero after the `frames` of each example."""
        planes = torch.view_as_real(spectrum[:, 0]).movedim(-1, 1)
        power = planes.square().sum(1, keepdim=True) + _FAINT
        seen = (
            power ** (self.compression / 2)
            if self.mask == "magnitude"
            else planes * power ** ((self.compression - 1) / 2)
        )
        layers, counts = [_silenced(seen, frames)], [frames]
        for convolution in self.encoder:
            counts.append((counts[-1] + 1) // 2)
            layers.append(_silenced(nn.functional.leaky_relu(convolution(layers[-1]), 0.1), counts[-1]))
        hidden = layers.pop()
        for level in reversed(range(len(self.decoder))):
            hidden = self.decoder[-1 - level](hidden, output_size=layers[level].shape[-2:])
            if level > 0:
                hidden = _silenced(nn.functional.leaky_relu(hidden, 0.1), counts[level])
                hidden = torch.cat([hidden, layers[level]], 1)
        if self.mask == "magnitude":
            return _silenced(hidden.sigmoid(), frames)
        magnitude = (hidden.square().sum(1, keepdim=True) + 1e-8).sqrt()
        real, imaginary = _silenced(hidden * (magnitude.tanh() / magnitude), frames).split(1, 1)
        return torch.complex(real, imaginary)


def _silenced(layer: Tensor, frames: Tensor) -> Tensor:
    """A layer (batch, channels, bins, frames) with zeros after each example's end, as a convolution pads its input."""
    if int(frames.min()) >= layer.shape[-1]:
        return layer
    return layer * (torch.arange(layer.shape[-1], device=layer.device) < frames[:, None, None, None])
