"""Losses of trained front-ends by name: per example, over both ears together; padding is zeros and adds nothing."""

from torch import Tensor

from benchmark.contracts import Batch, Enhanced
from benchmark.metrics.si_sdr import si_sdr
from benchmark.metrics.snr import snr
from benchmark.metrics.weighted_sdr import weighted_sdr

# dB from which on an example is good enough, else clean input would rule its batch; and the unit, so that all losses
# are of the order of 1
LIMIT = 30.0


def loss(name: str, enhanced: Enhanced, batch: Batch) -> Tensor:
    """The negative of a metric, (batch,): "wsdr" in [-1, 1], "si_sdr" or "snr" in units of LIMIT dB.

    Scale is free under "si_sdr".
    """
    if batch.clean is None:
        raise ValueError(f"the loss '{name}' needs a clean reference")
    clean, estimate = batch.clean.flatten(1), enhanced.audio.flatten(1)
    if name == "wsdr":
        return -weighted_sdr(clean, estimate, batch.heard.audio.flatten(1))
    return -{"si_sdr": si_sdr, "snr": snr}[name](clean, estimate, LIMIT) / LIMIT
