"""Losses for training front-ends, by name.

They are per example, over both ears together. Padding is zeros and adds nothing.
"""

from torch import Tensor

from benchmark.contracts import Batch, Enhanced
from benchmark.metrics.si_sdr import si_sdr
from benchmark.metrics.snr import snr
from benchmark.metrics.weighted_sdr import weighted_sdr

# dB, upper bound of SI-SDR and SNR, without which clean input would dominate its batch; also the unit of these losses,
# so that all are of the order of 1
LIMIT = 30.0


def loss(name: str, enhanced: Enhanced, batch: Batch) -> Tensor:
    """The negative of a metric, (batch,).

    "wsdr" lies in [-1, 1]; "si_sdr" and "snr" are in units of LIMIT dB. "si_sdr" leaves the scale of the output free.

    Raises:
        ValueError: there is no clean reference
    """
    if batch.clean is None:
        raise ValueError(f"the loss '{name}' needs a clean reference")
    clean, estimate = batch.clean.flatten(1), enhanced.audio.flatten(1)
    if name == "wsdr":
        return -weighted_sdr(clean, estimate, batch.heard.audio.flatten(1))
    return -{"si_sdr": si_sdr, "snr": snr}[name](clean, estimate, LIMIT) / LIMIT
