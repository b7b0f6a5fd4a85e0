"""Output level: the level of the output in dB SPL, without better or worse."""

import torch
from torch import Tensor

from benchmark.contracts import FULL_SCALE_DB_SPL, Figure, Metric, Signals
from benchmark.metrics._checks import check_floats, check_output


def level(signal: Tensor) -> float:
    """Level of (time,) in dB SPL, of its mean power; an rms of 1.0 is FULL_SCALE_DB_SPL, silence -100 dB SPL."""
    check_floats(signal)
    return FULL_SCALE_DB_SPL + 10 * float(torch.log10(signal.double().square().mean().clamp(min=1e-20)))


class OutputLevel(Metric):
    """Level of the output."""

    figures = {"output_level": Figure(0.0, 0.0, unit="dB SPL")}
    source = "mean power over the utterance in dB re 20 µPa"

    def measure(self, signals: Signals) -> dict[str, float]:
        """See level."""
        check_output(signals.audio)
        return {"output_level": level(signals.audio)}
