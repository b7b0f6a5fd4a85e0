"""Quality of speech as listeners would rate it: PESQ against a reference, DNSMOS without one. One utterance a call."""

from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from pesq import PesqError, pesq

from benchmark.audio import TINY
from benchmark.contracts import SAMPLE_RATE, Figure
from benchmark.errors import EarmarkError
from benchmark.metrics import Undefined, check_pair

PESQ = Figure(best=4.644, floor=1.0, worst=0.999)  # P.862.2 maps onto (0.999, 4.644)
DNSMOS = Figure(best=5.0, floor=1.0, worst=1.0)
_DNSMOS_SECONDS = 9.01  # what its network hears at once


def pesq_wb(reference: np.ndarray, estimate: np.ndarray, sample_rate: int = SAMPLE_RATE) -> float:
    """Wide-band PESQ (ITU-T P.862.2), MOS-LQO from 1.0 to 4.644, by the package `pesq`.

    Args:
        reference, estimate: (time,), of equal length, at least a quarter of a second
        sample_rate: 16000, the only rate of the wide-band standard
    Raises:
        Undefined: where either signal is silent or PESQ fails. A reference that it cannot rate against itself is itself
            at fault.
    """
    check_pair(reference, estimate)
    try:
        return float(pesq(sample_rate, reference, estimate, "wb"))
    except (PesqError, ValueError) as error:
        reason = f"PESQ: {_text(error)}"
    try:
        pesq(sample_rate, reference, reference, "wb")
    except (PesqError, ValueError):
        raise Undefined(reason, "reference") from None
    raise Undefined(reason, "estimate")


def dnsmos(estimate: np.ndarray, sample_rate: int = SAMPLE_RATE) -> dict[str, float]:
    """DNSMOS P.835 without a reference: overall, signal and background quality, 1 to 5, as {"ovrl", "sig", "bak"}.

    Reddy, Gopal, Cutler, ICASSP 2022. The network lies in the package `speechmos`, whose own code wants librosa, so it
    is run here, on one thread, to the same numbers: audio is doubled until it lasts 9.01 s and heard in windows a
    second apart, each mapped by the published polynomials. The network wants samples in [-1, 1]; louder ones are scaled
    down to that peak, which is our choice.

    Args:
        estimate: (time,)
        sample_rate: 16000
    Raises:
        Undefined: where the audio is silent or not finite
        EarmarkError: where the extra `dnsmos` is not installed
    """
    if sample_rate != SAMPLE_RATE:
        raise ValueError(f"DNSMOS hears {SAMPLE_RATE} Hz, not {sample_rate}")
    if not np.isfinite(estimate).all() or not np.square(estimate).sum() > TINY * len(estimate):
        raise Undefined("DNSMOS: the output is silent or not finite", "estimate")
    audio = (estimate / max(1.0, np.abs(estimate).max())).astype(np.float32)
    needed = int(_DNSMOS_SECONDS * sample_rate)
    while len(audio) < needed:
        audio = np.append(audio, audio)
    windows = int(len(audio) // sample_rate - _DNSMOS_SECONDS) + 1
    session = _dnsmos_session()
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


@cache
def _dnsmos_session() -> Any:
    try:
        import onnxruntime

        model = files("speechmos") / "dnsmos_models" / "sig_bak_ovr.onnx"
    except ModuleNotFoundError as error:
        raise EarmarkError(f"dnsmos: the package {error.name} is missing; install the extra 'dnsmos'") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def _text(error: Exception) -> str:
    first = error.args[0] if error.args else type(error).__name__
    return first.decode() if isinstance(first, bytes) else str(first)
