"""How many utterances PESQ finds in a reference, counted by the package's own detector of voice activity.

The C code of P.862 has room for 50 utterances, and does not check: with more, the package `pesq` gives wrong values or
ends the process.
"""

import ctypes
from functools import cache
from typing import Any

import numpy as np
from pesq import cypesq

from benchmark.errors import EarmarkError

MOST = 50  # utterances
_RATE, _WINDOW = 16_000, 64  # Hz; samples, 4 ms: the detector's step
_EDGE, _PADDING = 75 * _WINDOW, 320 * _RATE // 1000  # samples of silence around the signal, and behind that
_SHORTEST = 50  # windows; what is shorter is no utterance
# Windows from one utterance to the next: the shortest utterance, and the shortest pause that is not bridged, less the
# windows by which the detector widens utterances. Signals of 19.4 s or less have no room for too many.
_PERIOD = 50 + 51 - 4


class _Signal(ctypes.Structure):
    """SIGNAL_INFO of pesq.h."""

    _fields_ = (
        ("path_name", ctypes.c_char * 512),
        ("file_name", ctypes.c_char * 128),
        ("samples", ctypes.c_long),
        ("apply_swap", ctypes.c_long),
        ("input_filter", ctypes.c_long),
        ("data", ctypes.POINTER(ctypes.c_float)),
        ("vad", ctypes.POINTER(ctypes.c_float)),
        ("log_vad", ctypes.POINTER(ctypes.c_float)),
    )


def too_many(reference: np.ndarray) -> bool:
    """Whether wide-band PESQ would find more utterances in a reference, (time,) at 16 kHz, than it has room for."""
    return len(reference) > MOST * _PERIOD * _WINDOW and count(reference) > MOST


def count(reference: np.ndarray) -> int:
    """The number of utterances in (time,) at 16 kHz, as wide-band PESQ finds them."""
    library = _library()
    samples = len(reference) + 2 * _EDGE
    data = np.zeros(samples + _PADDING, np.float32)
    # in steps of 16 bits, as PESQ scales them
    data[_EDGE : _EDGE + len(reference)] = reference / max(np.abs(reference).max(), 1e-30) * 32768
    windows = samples // _WINDOW
    vad, log_vad = np.zeros(windows, np.float32), np.zeros(windows, np.float32)
    ramp = np.arange(16, dtype=np.float32) / 16
    data[_EDGE - 1 : _EDGE + 15] *= ramp
    data[samples - _EDGE - 15 : samples - _EDGE + 1] *= ramp[::-1]
    filters, number = library.WB_InIIR_Hsos_16k, ctypes.c_long.in_dll(library, "WB_InIIR_Nsos_16k")
    library.IIRFilt(filters, number, None, _pointer(data[_EDGE:]), ctypes.c_long(samples - 2 * _EDGE), None)
    library.DC_block(_pointer(data), ctypes.c_long(samples))
    library.apply_filters(_pointer(data), ctypes.c_long(samples))
    signal = _Signal(samples=samples, input_filter=2)
    signal.data, signal.vad, signal.log_vad = _pointer(data), _pointer(vad), _pointer(log_vad)
    library.calc_VAD(ctypes.byref(signal))
    active = np.flatnonzero(np.diff((vad > 0).astype(int), prepend=0, append=0))
    lengths = active[1::2] - active[::2]
    long = lengths >= _SHORTEST
    # one that is too short takes a place, too, until the next one begins
    return int(long.sum()) + int(np.any(np.cumsum(long)[~long] >= MOST))


def _pointer(array: np.ndarray) -> Any:
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_float))


@cache
def _library() -> Any:
    try:
        library = ctypes.CDLL(cypesq.__file__)
        flag, text = ctypes.c_long(0), ctypes.c_char_p()
        library.select_rate(ctypes.c_long(_RATE), ctypes.byref(flag), ctypes.byref(text))
        for name in ("IIRFilt", "DC_block", "apply_filters", "calc_VAD", "WB_InIIR_Hsos_16k"):
            getattr(library, name)
    except (OSError, AttributeError) as error:
        raise EarmarkError(
            f"pesq: the utterances of a long recording cannot be counted with this build of the package ({error}); "
            "install the version in requirements.lock, or leave out recordings of more than 19 s"
        ) from error
    return library
