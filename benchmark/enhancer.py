"""A front-end as the engine runs it: at its own sample rate, ear by ear, with a fixed gain and silent padding."""

from collections.abc import Mapping
from math import gcd

import torch
from torch import Tensor, nn
from torchaudio.functional import resample

from benchmark.contracts import SAMPLE_RATE, Batch, Enhanced, FrontEnd, Heard
from benchmark.errors import EarmarkError
from benchmark.padding import mask

LARGEST_FILTER = 2**25  # taps of the filters that resample; ours


class Enhancer(nn.Module):
    """A front-end, with what the engine does around it.

    `gain` is one fixed factor for a front-end whose loss ignores scale, fitted on validation scenes.
    """

    gain: Tensor

    def __init__(self, front_end: FrontEnd) -> None:
        super().__init__()
        self.front_end = front_end
        _check_rate(front_end)
        self.register_buffer("gain", torch.ones(()))

    def forward(self, heard: Heard, wet: float = 1.0, **controls: float) -> Enhanced:
        """Enhance what was heard.

        Args:
            heard: audio (batch, channels, time) at 16 kHz
            wet: the share of the front-end's output in the mix with its input, 0 to 1
            controls: of the front-end
        Returns:
            audio of the input's shape, with zeros behind each length
        Raises:
            EarmarkError: the output has another shape than the input, or is not real
        """
        front_end, audio, lengths = self.front_end, heard.audio, heard.lengths
        if front_end.sample_rate != SAMPLE_RATE:
            audio = resample(audio, SAMPLE_RATE, front_end.sample_rate)
            lengths = lengths * front_end.sample_rate // SAMPLE_RATE
        own = heard._replace(audio=audio.clone(), lengths=lengths)  # a front-end may work in place
        enhanced = by_ear(front_end, own, controls)
        audio = enhanced.audio.to(heard.audio.dtype)
        if front_end.sample_rate != SAMPLE_RATE:
            audio = _fitted(resample(audio, front_end.sample_rate, SAMPLE_RATE), heard.audio.shape[-1])
        audio = mask(audio * self.gain, heard.lengths)
        return enhanced._replace(audio=audio if wet == 1.0 else wet * audio + (1 - wet) * heard.audio)

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """The front-end's own loss, (batch,)."""
        return self.front_end.loss(enhanced, batch)

    @property
    def name(self) -> str:
        """The name of the front-end's class, for messages."""
        return name_of(self.front_end)


def by_ear(front_end: FrontEnd, heard: Heard, controls: Mapping[str, float] | None = None) -> Enhanced:
    """Run a front-end, each ear by itself if it takes one channel: ears are folded into the batch.

    What task models share with it is then the mean over both ears.

    Raises EarmarkError if the output is not of floats, or not of the input's shape.
    """
    batch, channels, time = heard.audio.shape
    folded = front_end.channels == 1 and channels > 1
    if folded:
        listener = None if heard.listener is None else heard.listener.flatten(0, 1)[:, None]
        lengths = heard.lengths.repeat_interleave(channels)
        heard = Heard(heard.audio.reshape(-1, 1, time), lengths, listener, heard.names)
    enhanced = front_end.process(heard, **(controls or {}))
    if not isinstance(enhanced, Enhanced) or not _alike(enhanced.audio, heard.audio):
        what = enhanced.audio if isinstance(enhanced, Enhanced) else None
        got = type(enhanced).__name__ if what is None else f"{tuple(what.shape)}, {what.dtype}"
        wanted = f"floats of the input's shape {tuple(heard.audio.shape)}"
        raise EarmarkError(f"{name_of(front_end)}: the output must be {wanted}; it is {got}")
    if not folded:
        return enhanced
    shared = None if enhanced.shared is None else enhanced.shared.unflatten(0, (batch, channels)).mean(1)
    return enhanced._replace(audio=enhanced.audio.reshape(batch, channels, time), shared=shared)


def name_of(front_end: nn.Module) -> str:
    """The name of a front-end's class, for messages; of an adapted module, the module's own."""
    return type(getattr(front_end, "module", front_end)).__name__


def _check_rate(front_end: FrontEnd) -> None:
    """Raise EarmarkError where resampling to a front-end's rate would need gigabytes of filters."""
    rate = front_end.sample_rate
    if not isinstance(rate, int):  # `earmark check` says so
        return
    if not 1 <= rate * SAMPLE_RATE <= LARGEST_FILTER * gcd(rate, SAMPLE_RATE) ** 2:
        raise EarmarkError(
            f"{name_of(front_end)}: its sample_rate, {rate} Hz, has no large factor in common with {SAMPLE_RATE} Hz, "
            "and to resample takes gigabytes; choose a multiple of 50 Hz"
        )


def _alike(output: Tensor, audio: Tensor) -> bool:
    return output.shape == audio.shape and output.is_floating_point()


def _fitted(audio: Tensor, length: int) -> Tensor:
    return nn.functional.pad(audio, (0, max(length - audio.shape[-1], 0)))[..., :length]
