"""What a front-end costs to run: parameters, arithmetic, time and look-ahead, all measured on the CPU."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import log2, prod
from textwrap import shorten
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from benchmark.contracts import AUDIOGRAM_HZ, SAMPLE_RATE, FrontEnd, Heard
from benchmark.enhancer import Enhancer

# Largest look-ahead, frames included, of a causal front-end, as in the Deep Noise Suppression Challenges (Interspeech
# 2020 and later), and of a low-latency one, about what is acceptable in a hearing aid (our choice).
CAUSAL_MS = 40.0
LOW_LATENCY_MS = 10.0
WHOLE = "latency_ms: it needs the whole utterance"  # the note on a front-end whose look-ahead has no bound
SECONDS = 4.0  # of audio on which arithmetic and time are measured
RUNS = 5  # whose median is the time
HEARING_LOSS = 40.0  # dB HL at all frequencies: the listener of front-ends that need one


def measure(front_end: FrontEnd, channels: int = 1) -> dict[str, Any]:
    """The costs of a front-end for audio with this many channels, as plain JSON values.

    They include resampling to the front-end's own rate and back, and running a one-channel front-end on every channel.
    The front-end is left on the CPU, in evaluation mode. One that fails while a cost is measured lacks only that cost.

    Returns:
        `parameters`, their number. `macs_per_second`, multiply-accumulates per second of audio in matrix products,
        convolutions, recurrences and Fourier transforms; element-wise operations are not counted, by convention; None
        where other operations did arithmetic that cannot be counted. `real_time_factor`, seconds of computing per
        second of audio, on one thread. `latency_ms`, how far an output sample looks ahead, frames included; None where
        it needs the whole utterance. `notes`, which values are None, and why.
    """
    notes: list[str] = []
    costs = {**dict.fromkeys(("parameters", "macs_per_second", "real_time_factor", "latency_ms")), "notes": notes}
    if front_end.dropped_in_only:
        notes.append("made elsewhere: no cost can be measured")
        return costs
    front_end.cpu().eval()
    with one_thread(), torch.inference_mode():
        audio = _noise(channels, SECONDS)
        notes.extend(["parameters, macs_per_second: it computes outside of PyTorch"] * front_end.opaque)
        with _noted("parameters", notes):
            costs["parameters"] = None if front_end.opaque else sum(p.numel() for p in front_end.parameters())
        with _noted("macs_per_second", notes):
            macs, uncounted = count_macs(lambda: _run(front_end, audio))
            notes.extend(f"macs_per_second: {name} cannot be counted" for name in uncounted)
            costs["macs_per_second"] = None if front_end.opaque or uncounted else round(macs / SECONDS)
        with _noted("real_time_factor", notes):
            costs["real_time_factor"] = _seconds(lambda: _run(front_end, audio)) / SECONDS
        with _noted("latency_ms", notes):
            ahead = look_ahead(front_end, channels)
            notes.extend([WHOLE] * (ahead is None))
            costs["latency_ms"] = None if ahead is None else 1000 * ahead / SAMPLE_RATE
    return costs


@contextmanager
def _noted(name: str, notes: list[str]) -> Iterator[None]:
    """Turn an exception inside into a note: the code may be anyone's, and must not take the scores down with it."""
    try:
        yield
    except Exception as error:
        notes.append(shorten(f"{name}: {type(error).__name__}: {error}", 240))


def count_macs(call: Callable[[], Any]) -> tuple[int, list[str]]:
    """Multiply-accumulates (MACs) of what `call` does on the CPU, and names of operations that could not be counted.

    A Fourier transform of n points counts as 5 n log2 n floating-point operations, half of that where one side is real;
    a MAC is two operations.
    """
    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # fused attention would count as nothing
    try:
        with (
            _numpy_use() as numpy_use,
            _Uncounted() as uncounted,
            FlopCounterMode(display=False, custom_mapping=_FORMULAS) as counter,
            sdpa_kernel(SDPBackend.MATH),
        ):
            call()
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
    return counter.get_total_flops() // 2, sorted(uncounted.names | numpy_use)


@contextmanager
def _numpy_use() -> Iterator[set[str]]:
    """Notes whether tensors are turned into NumPy arrays inside, whose arithmetic cannot be counted."""
    used: set[str] = set()
    numpy = torch.Tensor.numpy

    def noted(tensor: Tensor, **options: Any) -> Any:
        used.add("arithmetic of NumPy")
        return numpy(tensor, **options)

    with patch.object(torch.Tensor, "numpy", noted):
        yield used


def look_ahead(front_end: FrontEnd, channels: int = 1) -> int | None:
    """Look-ahead in samples at 16 kHz: how far behind an output sample an input sample can lie that it depends on.

    It is measured. From sample p on the input is replaced by other, louder noise; the look-ahead is the distance from
    the first output sample that changes to p. In a system that works in frames this depends on where p lies in its
    frame, so p is moved over 512 samples, first in steps of 64, then around the worst case in steps of 8 and 1.

    Returns:
        samples, 0 or more; None where it is about a second or more
    """
    before = _noise(channels, 1.5)
    after = 2 * before.flip(-1)
    place, worst = SAMPLE_RATE, 0
    for stride in (64, 8, 1):
        places = torch.arange(place, place + 8 * stride, stride)
        known = torch.arange(before.shape[-1]) < places[:, None, None]
        output = _run(front_end, torch.cat([before, torch.where(known, before, after)]))
        changed = (output[1:] - output[:1]).abs().amax(1) > 1e-5 * output[0].square().mean().sqrt()
        first = torch.where(changed.any(1), changed.int().argmax(1), places)
        if (first < SAMPLE_RATE // 100).any():
            return None
        worst, index = (int(item) for item in (places - first).max(0))
        place = int(places[index])
    return max(worst, 0)


def _noise(channels: int, seconds: float) -> Tensor:
    """White noise at 65 dB SPL, (1, channels, time)."""
    return 10 ** (-35 / 20) * torch.randn(
        1, channels, int(seconds * SAMPLE_RATE), generator=torch.Generator().manual_seed(0)
    )


def _run(front_end: FrontEnd, audio: Tensor) -> Tensor:
    """The output, (batch, channels, time) at 16 kHz like the input, as the engine runs a front-end."""
    batch, channels, samples = audio.shape
    listener = torch.full((batch, channels, len(AUDIOGRAM_HZ)), HEARING_LOSS)
    return Enhancer(front_end)(Heard(audio, torch.full((batch,), samples), listener)).audio  # type: ignore[no-any-return]


def _seconds(call: Callable[[], Any]) -> float:
    times = []
    for _ in range(1 + RUNS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


@contextmanager
def one_thread() -> Iterator[None]:
    """Run PyTorch on one thread inside the block, as the engine does."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _lstm_flops(x: Any, input_weights: Any, hidden_weights: Any, *args: Any, **kwargs: Any) -> int:
    """One layer, one direction: both weight matrices, (4 hidden, …), per frame; x is (frames, batch, features)."""
    frames, batch, _ = x
    return 2 * frames * batch * (prod(input_weights) + prod(hidden_weights))


def _real_fft_flops(x: Any, dim: Any, *args: Any, out_shape: Any = None, **kwargs: Any) -> int:
    """A transform from real to complex or back; the longer side is the real one."""
    longer = max((x, out_shape), key=prod)
    points = prod(longer[d] for d in dim)
    return int(2.5 * prod(longer) * log2(max(points, 2)))


def _complex_fft_flops(x: Any, dim: Any, *args: Any, **kwargs: Any) -> int:
    return int(5 * prod(x) * log2(max(prod(x[d] for d in dim), 2)))


def _recursive_filter_flops(x: Any, coefficients: Any, *args: Any, **kwargs: Any) -> int:
    """The feedback part of torchaudio's lfilter; its forward part is counted as a convolution."""
    return 2 * prod(x) * (coefficients[-1] - 1)


_aten = torch.ops.aten
_FORMULAS = {
    # GRUs, and LSTMs where mkldnn is missing, decompose into matrix products, which are counted anyway.
    _aten.mkldnn_rnn_layer: _lstm_flops,
    _aten._fft_r2c: _real_fft_flops,
    _aten._fft_c2r: _real_fft_flops,
    _aten._fft_c2c: _complex_fft_flops,
    torch.ops.torchaudio._lfilter_core_loop: _recursive_filter_flops,
}
_OWN_ARITHMETIC = ("linalg", "cholesky", "triangular", "lu_solve", "trilinear")


class _Uncounted(TorchDispatchMode):
    """Notes operations with arithmetic that no formula covers: those of other libraries, and linear solvers."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        foreign = func.namespace not in ("aten", "prim", "prims") and func.overloadpacket not in _FORMULAS
        if foreign or any(word in func.__name__ for word in _OWN_ARITHMETIC):
            self.names.add(f"{func.namespace}::{func.__name__.partition('.')[0]}")
        return func(*args, **(kwargs or {}))
