"""What a front-end costs to run: size, arithmetic, time and look-ahead, all measured on the CPU."""

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
from torchaudio.functional import resample

from benchmark.contracts import AUDIOGRAM_HZ, SAMPLE_RATE, FrontEnd, Heard

# Look-ahead, frames included, up to which a front-end counts as such: what the Deep Noise Suppression Challenges
# (Interspeech 2020 and after) let a causal
# system take, and about what hearing aids may take (ours).
WHOLE = "latency_ms: it needs the whole utterance"  # the note of such a front-end
CAUSAL_MS = 40.0
LOW_LATENCY_MS = 10.0
SECONDS = 4.0  # of audio for arithmetic and time
RUNS = 5
HEARING_LOSS = 40.0  # dB HL of the listener that a front-end hears for, if it wants one


def measure(front_end: FrontEnd, channels: int = 1) -> dict[str, Any]:
    """The costs of a front-end for audio of so many channels, as plain JSON values; it is left on the CPU, in
    evaluation mode.

    Resampling to and from a front-end's own rate is part of them, and so is running it on each ear where it takes one.

    Returns:
        parameters: how many macs_per_second: multiply-accumulates per second of audio, of matrix products,
            convolutions, recurrences and Fourier transforms; what is done element by element is not counted, by
            convention. None where other operations did arithmetic that cannot be counted
        real_time_factor: seconds of computing per second of audio on one thread, the median of RUNS runs on SECONDS of
            audio latency_ms: how far ahead of itself an output sample can look, frames included; None where the whole
            utterance is needed notes: what is None, and why; a front-end that fails while a cost is measured lacks that
            one alone
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
    """A failure inside becomes a note: the code may be anyone's, and a row is scored already when its costs are
    measured.
    """
    try:
        yield
    except Exception as error:
        notes.append(shorten(f"{name}: {type(error).__name__}: {error}", 240))


def count_macs(call: Callable[[], Any]) -> tuple[int, list[str]]:
    """The multiply-accumulates of what `call` does on the CPU, and the operations that did arithmetic without being
    counted.

    A transform of n points is taken to cost 2.5 n log2 n floating-point operations where one side is real, else twice
    that; a MAC is two operations.
    """
    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # fused attention would count as nothing
    try:
        with (
            _leaving() as left,
            _Uncounted() as uncounted,
            FlopCounterMode(display=False, custom_mapping=_FORMULAS) as counter,
            sdpa_kernel(SDPBackend.MATH),
        ):
            call()
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
    return counter.get_total_flops() // 2, sorted(uncounted.names | left)


@contextmanager
def _leaving() -> Iterator[set[str]]:
    """Notes where tensors become NumPy's inside, whose arithmetic nobody counts."""
    left: set[str] = set()
    numpy = torch.Tensor.numpy

    def noted(tensor: Tensor, **options: Any) -> Any:
        left.add("arithmetic of NumPy")
        return numpy(tensor, **options)

    with patch.object(torch.Tensor, "numpy", noted):
        yield left


def look_ahead(front_end: FrontEnd, channels: int = 1) -> int | None:
    """The most samples, at 16 kHz, by which an output sample precedes an input sample that it depends on; None where it
    is a second or more.

    Measured: from sample p on the input is replaced by other, louder noise; the first output sample that changes lies p
    - ahead. For a system that works in frames that depends on where p lies in its frame, so p moves over 512 samples,
    first in steps of 64, then around the worst in steps of 8 and 1.
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
    """(batch, channels, time) at 16 kHz to the same, as the engine runs a front-end."""
    inner = audio.reshape(-1, 1, audio.shape[-1]) if front_end.channels == 1 else audio
    inner = resample(inner, SAMPLE_RATE, front_end.sample_rate)
    listener = torch.full((*inner.shape[:2], len(AUDIOGRAM_HZ)), HEARING_LOSS)
    output = front_end.process(Heard(inner, torch.full((len(inner),), inner.shape[-1]), listener)).audio
    return resample(output, front_end.sample_rate, SAMPLE_RATE)[..., : audio.shape[-1]].reshape(audio.shape)


def _seconds(call: Callable[[], Any]) -> float:
    times = []
    for _ in range(1 + RUNS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch on one thread inside, as in a cell."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _lstm_flops(x: Any, input_weights: Any, hidden_weights: Any, *args: Any, **kwargs: Any) -> int:
    """One layer, one direction: both weight matrices, (4 hidden, …), once a frame; x is (frames, batch, features)."""
    frames, batch, _ = x
    return 2 * frames * batch * (prod(input_weights) + prod(hidden_weights))


def _real_fft_flops(x: Any, dim: Any, *args: Any, out_shape: Any = None, **kwargs: Any) -> int:
    """Real to complex or back; the real side is the longer one."""
    longer = max((x, out_shape), key=prod)
    points = prod(longer[d] for d in dim)
    return int(2.5 * prod(longer) * log2(max(points, 2)))


def _complex_fft_flops(x: Any, dim: Any, *args: Any, **kwargs: Any) -> int:
    return int(5 * prod(x) * log2(max(prod(x[d] for d in dim), 2)))


def _recursive_filter_flops(x: Any, coefficients: Any, *args: Any, **kwargs: Any) -> int:
    """The feedback of torchaudio's lfilter; what it feeds forward is a convolution."""
    return 2 * prod(x) * (coefficients[-1] - 1)


_aten = torch.ops.aten
_FORMULAS = {
    # GRU, and LSTM where this is missing, decompose into matrix products, which are counted
    _aten.mkldnn_rnn_layer: _lstm_flops,
    _aten._fft_r2c: _real_fft_flops,
    _aten._fft_c2r: _real_fft_flops,
    _aten._fft_c2c: _complex_fft_flops,
    torch.ops.torchaudio._lfilter_core_loop: _recursive_filter_flops,
}
_OWN_ARITHMETIC = ("linalg", "cholesky", "triangular", "lu_solve", "trilinear")


class _Uncounted(TorchDispatchMode):
    """Notes operations that do arithmetic of their own: those of other libraries, and solvers."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        foreign = func.namespace not in ("aten", "prim", "prims") and func.overloadpacket not in _FORMULAS
        if foreign or any(word in func.__name__ for word in _OWN_ARITHMETIC):
            self.names.add(f"{func.namespace}::{func.__name__.partition('.')[0]}")
        return func(*args, **(kwargs or {}))
