"""DNSMOS P.835: overall, signal and background quality without a reference, as MOS from 1 to 5 (extra 'dnsmos')."""

from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from benchmark.audio import TINY
from benchmark.contracts import SAMPLE_RATE, Figure, Metric, Signals, Undefined
from benchmark.errors import EarmarkError
from benchmark.metrics._checks import check_signals

_FIGURE = Figure(best=5.0, floor=1.0, worst=1.0, unit="MOS")
_SECONDS = 9.01  # the network's input


def dnsmos(estimate: np.ndarray, sample_rate: int = SAMPLE_RATE) -> dict[str, float]:
    """DNSMOS P.835 without a reference: overall, signal and background quality, 1 to 5, as {"ovrl", "sig", "bak"}.

    Reddy, Gopal, Cutler, ICASSP 2022. The network comes with the package `speechmos`, whose own code needs librosa, so
    it is run here, on one thread, with the same result: audio is repeated until it lasts 9.01 s and cut into windows a
    second apart; each window's scores are mapped by the published polynomials and averaged. The network expects samples
    in [-1, 1]; louder audio is scaled down to that peak, which is our choice.

    Args:
        estimate: (time,)
        sample_rate: 16000
    Raises:
        Undefined: where the audio is silent or not finite
        ValueError: where it is not of floats, (time,), or the sample rate is another
        EarmarkError: where the extra `dnsmos` is not installed
    """
    if sample_rate != SAMPLE_RATE:
        raise ValueError(f"DNSMOS hears {SAMPLE_RATE} Hz, not {sample_rate}")
    check_signals(estimate)
    if not np.isfinite(estimate).all() or not np.square(estimate).sum() > TINY * len(estimate):
        raise Undefined("DNSMOS: the output is silent or not finite", "estimate")
    audio = (estimate / max(1.0, np.abs(estimate).max())).astype(np.float32)
    needed = int(_SECONDS * sample_rate)
    while len(audio) < needed:
        audio = np.append(audio, audio)
    windows = int(len(audio) // sample_rate - _SECONDS) + 1
    session = _session()
    raw = [
        session.run(None, {"input_1": audio[None, i * sample_rate : i * sample_rate + needed]})[0][0]
        for i in range(windows)
    ]
    sig, bak, ovrl = np.asarray(raw, np.float64).T
    return {
        "ovrl": float(np.polyval([-0.06766283, 1.11546468, 0.04602535], ovrl).mean()),
        "sig": float(np.polyval([-0.08397278, 1.22083953, 0.0052439], sig).mean()),
        "bak": float(np.polyval([-0.13166888, 1.60915514, -0.39604546], bak).mean()),
    }


class DNSMOS(Metric):
    """Mean opinion scores as a network predicts them; takes seconds for each scene."""

    figures = {"dnsmos_ovrl": _FIGURE, "dnsmos_sig": _FIGURE, "dnsmos_bak": _FIGURE}
    source = "Reddy, Gopal, Cutler: DNSMOS P.835, ICASSP 2022"

    def measure(self, signals: Signals) -> dict[str, float]:
        """See dnsmos."""
        return {f"dnsmos_{name}": value for name, value in dnsmos(signals.audio.double().numpy()).items()}


@cache
def _session() -> Any:
    try:
        import onnxruntime

        model = files("speechmos") / "dnsmos_models" / "sig_bak_ovr.onnx"
    except ModuleNotFoundError as error:
        raise EarmarkError(f"dnsmos: the package {error.name} is missing; install the extra 'dnsmos'") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
