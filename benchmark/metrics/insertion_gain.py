"""Insertion gain: the level of the output over that of the scene without any aid, in dB, without better or worse."""

from torch import Tensor

from benchmark.contracts import Figure, Metric, Signals
from benchmark.metrics._checks import check_output
from benchmark.metrics.output_level import level


def insertion_gain(noisy: Tensor, audio: Tensor) -> float:
    """Level of the output over that of the unprocessed scene in dB; (time,) each."""
    return level(audio) - level(noisy)


class InsertionGain(Metric):
    """Gain of the whole chain, over all frequencies together."""

    figures = {"insertion_gain": Figure(0.0, 0.0, unit="dB")}
    needs = frozenset({"noisy"})
    source = "difference of levels, over the whole utterance"

    def measure(self, signals: Signals) -> dict[str, float]:
        """See insertion_gain."""
        assert signals.noisy is not None
        check_output(signals.audio)
        return {"insertion_gain": insertion_gain(signals.noisy, signals.audio)}
