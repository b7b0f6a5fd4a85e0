"""Base class for models and programs from elsewhere: one utterance at a time, at the rate and level they expect."""

from abc import ABC, abstractmethod
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from benchmark.audio import TINY
from benchmark.contracts import Enhanced, FrontEnd, Heard
from benchmark.errors import EarmarkError

LONGEST_FRAME = 8192  # samples; where no more are missing, a model probably cuts its input to whole frames
Rate = Annotated[int, Field(ge=1000, le=192_000)]  # Hz


class External(FrontEnd, ABC):
    """A front-end that gets one channel of one utterance at a time, without padding.

    Neither batches nor neighbours can therefore change its output.

    Args:
        sample_rate: in Hz, at which it works; the engine resamples
        pretrained_on: the data that it was trained on, as text; empty for a method without training
        gain: in dB, applied before it and removed after it. Test scenes are at 65 dB SPL, which is -35 dB re an rms of
            1; many models expect -30 to -20
        rescale: multiply each output by the factor that brings it closest to the input, for models that normalise their
            output. If target and noise are uncorrelated, this restores the target's level. Ours; it needs the whole
            utterance
    """

    def __init__(self, sample_rate: int, pretrained_on: str, gain: float, rescale: bool) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.pretrained_on = pretrained_on
        self.gain = 10 ** (gain / 20)
        self.rescale = rescale

    @abstractmethod
    def enhance(self, signal: Tensor) -> Tensor:
        """Enhance one signal, (time,) to (time,); EarmarkError if that fails."""

    def process(self, heard: Heard, **controls: float) -> Enhanced:
        """Enhance (batch, 1, time), with silence after each length.

        Raises:
            EarmarkError: an output is longer or shorter than its input
        """
        time = heard.audio.shape[-1]
        outputs = [
            self._one(signal[0, :length]) for signal, length in zip(heard.audio, heard.lengths.tolist(), strict=True)
        ]
        return Enhanced(
            torch.stack([nn.functional.pad(output, (0, time - len(output))) for output in outputs])[:, None]
        )

    def _one(self, signal: Tensor) -> Tensor:
        output = self.enhance(signal * self.gain) / self.gain
        if output.shape != signal.shape:
            frames = output.ndim == 1 and 0 < len(signal) - len(output) <= LONGEST_FRAME
            remedy = "pad the input to whole frames inside it, and " if frames else ""
            raise EarmarkError(
                f"{type(self).__name__}: returned {tuple(output.shape)} for {len(signal)} samples"
                f"{', perhaps whole frames alone' if frames else ''}; {remedy}return as many samples as came in"
            )
        power = output.square().sum()
        return output * (signal @ output / power) if self.rescale and power > TINY * len(output) else output
