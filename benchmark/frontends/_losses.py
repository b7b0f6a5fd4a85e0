"""Losses of trained front-ends by name: per example, over both ears together, zeros in the padding add nothing."""

from torch import Tensor

from benchmark.contracts import Batch, Enhanced
from benchmark.errors import unknown
from benchmark.metrics import signal

LOSSES = ("wsdr", "si_sdr", "snr")


def check_loss(name: str) -> str:
    """`name`, or EarmarkError where no loss is called that."""
    if name not in LOSSES:
        raise unknown("loss", name, LOSSES)
    return name


def loss(name: str, enhanced: Enhanced, batch: Batch) -> Tensor:
    """The negative of a measure of benchmark.metrics.signal, (batch,): "wsdr" in [-1, 1], "si_sdr" and "snr" in dB; the first two ignore scale, or nearly."""
    if batch.clean is None:
        raise ValueError(f"the loss '{name}' needs a clean reference")
    clean, estimate = batch.clean.flatten(1), enhanced.audio.flatten(1)
    if name == "wsdr":
        return -signal.weighted_sdr(clean, estimate, batch.heard.audio.flatten(1))
    return -(signal.si_sdr if name == "si_sdr" else signal.snr)(clean, estimate)
