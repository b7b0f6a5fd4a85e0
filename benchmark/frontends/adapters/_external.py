"""What adapters of models and programs from elsewhere share: one utterance at a time, at the rate and level that they
expect.
"""

from abc import ABC, abstractmethod
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from benchmark.audio import TINY
from benchmark.contracts import Enhanced, FrontEnd, Heard
from benchmark.errors import EarmarkError

Rate = Annotated[int, Field(ge=1000, le=192_000)]  # Hz


class External(FrontEnd, ABC):
    """One channel of one utterance at a time, without its padding, so that neither a batch nor a neighbour changes what
    comes out.

    Args:
        sample_rate: Hz that it works at; the engine resamples
        pretrained_on: what it learned from before it came here, as text; empty where it learned nothing: a method
            without training
        gain: dB put on before it and taken off behind it. Test scenes stand at 65 dB SPL, which is -35 dB re an rms of
            1; many models expect -30 to -20
        rescale: multiply each output by the factor that brings it closest to what was heard, for what normalises its
            output. Where target and noise are uncorrelated, that gives the target its level back. Ours; it needs the
            whole utterance
    """

    def __init__(self, sample_rate: int, pretrained_on: str, gain: float, rescale: bool) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.pretrained_on = pretrained_on
        self.gain = 10 ** (gain / 20)
        self.rescale = rescale

    @abstractmethod
    def enhance(self, signal: Tensor) -> Tensor:
        """(time,) to the same; EarmarkError where that fails."""

    def process(self, heard: Heard, **controls: float) -> Enhanced:
        """(batch, 1, time) to the same, with silence behind each length. EarmarkError where an output has another
        length than its input.
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
            raise EarmarkError(
                f"{type(self).__name__}: returned {tuple(output.shape)} for {len(signal)} samples; return as many "
                "samples as came in"
            )
        power = output.square().sum()
        return output * (signal @ output / power) if self.rescale and power > TINY * len(output) else output
