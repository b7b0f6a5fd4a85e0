"""A band-split recurrent network with two adjustable masks: noise reduction and hearing-loss compensation."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import logsigmoid
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torchaudio.functional import lfilter

from benchmark.contracts import AUDIOGRAM_HZ, SAMPLE_RATE, Batch, Enhanced, FrontEnd, Heard
from benchmark.errors import EarmarkError
from benchmark.frontends import _losses
from benchmark.frontends._stft import STFT
from benchmark.hearing.auditory_loss import AuditoryLoss
from benchmark.hearing.filters import interpolated
from benchmark.options import Size

# upper edges of 20 bands of 200 Hz, 6 of 500 Hz, and the rest
_BANDS_HZ = (*range(200, 4001, 200), *range(4500, 7001, 500), 8000)
_FAINT = 1e-9  # power of white noise at 10 dB SPL; the network cannot tell softer sounds apart
# The noise mask is logsigmoid(steepness × head + start), in nepers like the compensation mask; it starts at -1 dB.
_STEEPNESS, _START = 4.0, 2.0
_AGAINST_NOISE = ("noise_reduction", "snr")  # objectives with a noise mask only, independent of the audiogram


class TwoMask(FrontEnd):
    """Output = noisy spectrum × noise mask ** p × compensation mask ** q, with the controls p and q.

    With p = q = 0 the output is the input. After Gonzalez et al., End-to-end multi-task learning for adjustable joint
    noise reduction and hearing loss compensation (arXiv 2603.20387), of which only the abstract and the authors'
    earlier recipe were available to us. The network is that of the recipe: the spectrum is split into bands, and
    recurrences over time and over bands alternate, each pair preceded by a scale and shift of its features that depend
    on the audiogram (FiLM).

    The following is ours. Masks are real and positive, so that every power is defined. The noise mask lies between 0
    and 1. The compensation mask lies within ±`range_db` and has the form of a prescription: gains at AUDIOGRAM_HZ,
    interpolated in dB over log frequency, that change slowly and therefore leave the SNR in each band unchanged. The
    input of the network is log magnitudes at their absolute level, on which compensation depends; with real and
    imaginary parts instead, the noise mask learned next to nothing beside the compensation mask. Normalisation is over
    features only, so that neither padding nor the future has an influence.

    The loss is the auditory loss (benchmark.hearing.auditory_loss). `objective` is one of:

    - both: the noise mask alone, against the clean sound, both heard by a normal ear; and the compensation mask alone,
      heard by the impaired ear, against the noisy sound heard by a normal ear; weighted by learned uncertainties
      (Kendall et al., CVPR 2018). With `product`, also the output at p = q = 1, heard by the impaired ear, against the
      clean sound heard by a normal ear, which the paper never trains
    - product: both masks, trained only through the output at p = q = 1: one objective for the same network
    - noise_reduction, compensation: one of the two terms, with one mask
    - joint: the output heard by the impaired ear, against the clean sound heard by a normal ear, with one mask that
      follows every bin and frame
    - snr: the noise mask, trained for the signal-to-noise ratio

    Where an impaired ear is compared with a normal one, both hear everything `raised_db` louder. The authors scale
    recordings to a peak of 1, which is about 15 dB above conversational speech on the scale of their model. At the
    level as presented, the loss asks for gains even further above NAL-R (studies/gains_that_minimise_the_loss.py).

    With both masks, the noise mask depends on the audiogram too, since the masks share the modulated features.
    """

    version = 3
    weights: Tensor  # interpolation weights from AUDIOGRAM_HZ to the bins, (10, bins)

    def __init__(
        self,
        objective: Literal["both", "product", "noise_reduction", "compensation", "joint", "snr"] = "both",
        product: bool = False,
        features: Size = 24,
        hidden: Size = 32,
        layers: Size = 2,
        head: Size = 48,
        causal: bool = False,
        window: int = 512,
        hop: int = 256,
        range_db: Annotated[float, Field(gt=0, le=120)] = 60.0,
        release: Annotated[float, Field(ge=0, le=10)] = 1.0,
        raised_db: Annotated[float, Field(ge=0, le=40)] = 15.0,
    ) -> None:
        """Set the sizes; the defaults train on a laptop, the paper has features 64, hidden 128, layers 6, head 256.

        Args:
            objective, product: see the class
            features: per band
            hidden: size of each recurrence, per direction
            layers: pairs of a recurrence over time and one over bands
            head: hidden size of the mask estimator of each band
            causal: whether the recurrence over time runs forward only
            window, hop: of the transform, in samples
            range_db: the largest gain or attenuation of the compensation mask
            release: time constant of the compensation gains in seconds; 0: they follow every frame
            raised_db: see the class
        Raises:
            EarmarkError: `product` with another objective than "both", or a transform that cannot be inverted
        """
        super().__init__()
        if product and objective != "both":
            raise EarmarkError(
                f"product: it adds a term to the objective both, not to {objective}; write objective: both"
            )
        self.objective, self.product = objective, product
        self.range = range_db / 20 * torch.log(torch.tensor(10.0)).item()  # nepers
        self.causal, self.stft = causal, STFT(window, hop)
        self.pole = math.exp(-hop / SAMPLE_RATE / release) if release else 0.0
        self.edges = _edges(window)
        exponents = {"noise": "p", "compensation": "q"}
        if objective not in ("both", "product"):
            del exponents["compensation" if objective in _AGAINST_NOISE else "noise"]
        self.controls = dict.fromkeys(exponents.values(), 1.0)
        self.needs = frozenset({"clean"} if objective in _AGAINST_NOISE else {"clean", "listener"})
        widths = [stop - start for start, stop in pairwise(self.edges)]
        self.split = nn.ModuleList(nn.Linear(width, features) for width in widths)
        self.film = _film(2 * features * len(widths)) if "listener" in self.needs else None
        self.over_time = nn.ModuleList(_Recurrence(features, hidden, not causal) for _ in range(layers))
        self.over_bands = nn.ModuleList(_Recurrence(features, hidden, True) for _ in range(layers))
        # the single mask of "joint" has to follow the noise too
        self.slow = objective in ("both", "product", "compensation")
        fine = {
            name: nn.ModuleList(_head(features, head, width) for width in widths)
            for name in exponents
            if name == "noise" or not self.slow
        }
        slow = {"compensation": nn.ModuleList(_head(features, head, 1) for _ in AUDIOGRAM_HZ)} if self.slow else {}
        self.heads = nn.ModuleDict(fine | slow)
        hertz = torch.linspace(0, SAMPLE_RATE / 2, window // 2 + 1)
        # the bands that contain AUDIOGRAM_HZ
        self.at = [
            int(torch.searchsorted(torch.tensor(self.edges), int(f * window / SAMPLE_RATE), right=True)) - 1
            for f in AUDIOGRAM_HZ
        ]
        self.register_buffer(
            "weights",
            interpolated(torch.eye(len(AUDIOGRAM_HZ)), torch.tensor(AUDIOGRAM_HZ).log(), hertz.log()),
            persistent=False,
        )
        self.uncertainties = nn.Parameter(torch.zeros(2 + product)) if objective == "both" else None
        self.auditory_loss = AuditoryLoss()
        self.raised = 10 ** (raised_db / 20)

    def process(self, heard: Heard, **controls: float) -> Enhanced:
        """Enhance (batch, 1, time) for thresholds (batch, 1, 10).

        `intermediates` are "heard", the input, and the natural logarithms of the masks by name, each of the shape
        (batch, 1, bins, frames).
        """
        spectrum = self.stft.analyse(heard.audio)
        masks = self._masks(spectrum[:, 0], self.stft.frames(heard.lengths), heard.listener)
        return Enhanced(
            self._masked(spectrum, self._gain(masks, controls), heard.audio.shape[-1]),
            None,
            {"heard": heard.audio, **masks},
        )

    def shadow(self, heard: Heard, others: Sequence[Tensor], **controls: float) -> list[Tensor]:
        """Apply the masks computed from `heard` to other sounds of the same shape."""
        masks = self._masks(self.stft.analyse(heard.audio)[:, 0], self.stft.frames(heard.lengths), heard.listener)
        gain = self._gain(masks, controls)
        return [self._masked(self.stft.analyse(other), gain, other.shape[-1]) for other in others]

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """The loss of the objective, (batch,).

        With the objective "both", terms are weighted by the learned uncertainties in training, and simply added in
        validation.
        """
        if self.objective == "snr":
            return _losses.loss("snr", enhanced, batch)
        if batch.clean is None:
            raise ValueError(f"two_mask: the objective {self.objective} needs a clean reference")
        ears = batch.heard.audio.shape[1]
        noisy, clean = enhanced.intermediates["heard"].flatten(0, 1), batch.clean.flatten(0, 1)
        listener = None if batch.heard.listener is None else batch.heard.listener.flatten(0, 1)
        lengths = batch.heard.lengths.repeat_interleave(ears)
        spectrum = self.stft.analyse(noisy[:, None])

        def difference(mask: Tensor, reference: Tensor, thresholds: Tensor | None) -> Tensor:
            louder = 1.0 if thresholds is None else self.raised
            masked = self._masked(spectrum, mask, noisy.shape[-1])[:, 0]
            return self.auditory_loss(louder * masked, louder * reference, lengths, thresholds)

        masks = enhanced.intermediates
        terms = []
        if self.objective in ("both", "noise_reduction"):
            terms.append(difference(masks["noise"], clean, None))
        if self.objective in ("both", "compensation"):
            terms.append(difference(masks["compensation"], noisy, listener))
        if self.objective == "joint":
            terms.append(difference(masks["compensation"], clean, listener))
        if self.product or self.objective == "product":
            terms.append(difference(masks["noise"] + masks["compensation"], clean, listener))
        losses = torch.stack(terms, -1)
        if self.uncertainties is not None and self.training:
            losses = torch.exp(-self.uncertainties) * losses + self.uncertainties
        return losses.sum(-1).unflatten(0, (-1, ears)).mean(-1)

    def _gain(self, masks: Mapping[str, Tensor], controls: Mapping[str, float]) -> Tensor:
        """The logarithm of the product of all masks, each raised to its exponent."""
        powers = {**self.controls, **controls}
        return torch.stack(
            [powers[control] * mask for control, mask in zip(self.controls, masks.values(), strict=True)]
        ).sum(0)

    def _masked(self, spectrum: Tensor, gain: Tensor, samples: int) -> Tensor:
        """Audio (batch, 1, samples) of a complex spectrum (batch, 1, bins, frames) with the logarithm of a mask."""
        return self.stft.synthesise(spectrum * torch.exp(gain), samples)

    def _masks(self, spectrum: Tensor, frames: Tensor, listener: Tensor | None) -> dict[str, Tensor]:
        """Natural logarithms of the masks by name, (batch, 1, bins, frames)."""
        power = spectrum.real.square() + spectrum.imag.square() + _FAINT * self.stft.size / 2
        seen = torch.log10(power).transpose(1, 2) / 2 + 1  # (batch, frames, bins), about -3 to 1
        bands = [
            linear(seen[:, :, start:stop])
            for linear, (start, stop) in zip(self.split, pairwise(self.edges), strict=True)
        ]
        x = torch.stack(bands, 2)  # (batch, frames, bands, features)
        scale, shift = self._modulation(x, listener)
        for over_time, over_bands in zip(self.over_time, self.over_bands, strict=True):
            x = x * scale + shift
            x = x + over_time(x.transpose(1, 2).flatten(0, 1), frames.repeat_interleave(x.shape[2])).unflatten(
                0, (len(x), -1)
            ).transpose(1, 2)
            x = x + over_bands(x.flatten(0, 1), None).unflatten(0, x.shape[:2])
        return {name: self._mask(name, x, frames)[:, None] for name in self.heads}

    def _mask(self, name: str, x: Tensor, frames: Tensor) -> Tensor:
        """The natural logarithm of one mask, (batch, bins, frames); initial masks are close to 1."""
        heads = cast(nn.ModuleList, self.heads[name])
        places = self.at if name == "compensation" and self.slow else range(len(heads))
        z = torch.cat([head(x[:, :, band]) for head, band in zip(heads, places, strict=True)], -1).transpose(1, 2)
        if name == "noise":
            return logsigmoid(_STEEPNESS * z + _START)
        gain = self.range * torch.tanh(z / self.range)
        return self.weights.T @ self._slowly(gain, frames) if self.slow else gain

    def _slowly(self, gain: Tensor, frames: Tensor) -> Tensor:
        """Gains (batch, frequencies, frames), smoothed over time by a two-sided exponential window.

        In a causal network the window covers only the past.
        """
        if not self.pole:
            return gain
        valid = (torch.arange(gain.shape[-1], device=gain.device) < frames[:, None])[:, None].to(gain)
        known = torch.cat((gain * valid, valid), 1)
        ones, pole = known.new_tensor([1.0, 0.0]), known.new_tensor([1.0, -self.pole])
        summed = lfilter(known, pole, ones, clamp=False)
        if not self.causal:
            summed = summed + lfilter(known.flip(-1), pole, ones, clamp=False).flip(-1) - known
        return summed[:, :-1] / summed[:, -1:].clamp_min(torch.finfo(gain.dtype).tiny)

    def _modulation(self, x: Tensor, listener: Tensor | None) -> tuple[Tensor | float, Tensor | float]:
        """Scale and shift of the features by the audiogram, (batch, 1, bands, features)."""
        if self.film is None:
            return 1.0, 0.0
        if listener is None:
            raise ValueError("two_mask needs a listener")
        scale, shift = (
            torch.tanh(self.film(listener[:, 0] / 100)).unflatten(-1, (2, 1, x.shape[2], x.shape[3])).unbind(1)
        )
        return 1 + scale, shift


class _Recurrence(nn.Module):
    """Normalisation over features, an LSTM, and a projection back to (batch, steps, features)."""

    def __init__(self, features: int, hidden: int, both_ways: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(features)
        self.lstm = nn.LSTM(features, hidden, batch_first=True, bidirectional=both_ways)
        self.back = nn.Linear(hidden * (1 + both_ways), features)

    def forward(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Process x; `lengths`: valid steps (batch,), None for all. Padding does not affect the steps before it."""
        normed, steps = self.norm(x), x.shape[1]
        if lengths is None or not self.lstm.bidirectional or int(lengths.min()) == steps:
            return self.back(self.lstm(normed)[0])
        packed = pack_padded_sequence(normed, lengths.cpu(), batch_first=True, enforce_sorted=False)
        return self.back(pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=steps)[0])


def _film(outputs: int) -> nn.Linear:
    """A layer from an audiogram to scales and shifts, initialised to zero.

    With a random start they delay the noise mask by hundreds of steps.
    """
    linear = nn.Linear(len(AUDIOGRAM_HZ), outputs)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear


def _head(features: int, hidden: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.LayerNorm(features), nn.Linear(features, hidden), nn.Tanh(), nn.Linear(hidden, width))


def _edges(window: int) -> list[int]:
    """The first bin of each band, and the end of the last band; bands that contain no bin are left out."""
    ends = [min(int(hertz * window / SAMPLE_RATE) + 1, window // 2 + 1) for hertz in _BANDS_HZ]
    return sorted({0, *ends, window // 2 + 1})
