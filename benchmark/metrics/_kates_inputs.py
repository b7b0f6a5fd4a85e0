"""What HASPI and HASQI do before they hear: checks, resampling to 24 kHz, broad alignment, the NAL-R gain of a reference. One utterance a call."""

from collections.abc import Callable
from functools import cache
from math import gcd

import numpy as np
import torch
from scipy.fft import next_fast_len
from scipy.signal import cheby2, firwin, freqz
from torch import Tensor

from benchmark.contracts import AUDIOGRAM_HZ
from benchmark.metrics._kates import RATE

SHORTEST = 0.24  # seconds of reference between its first and last sound: the longest modulation filter of HASPI
_HZ = (250, 500, 1000, 2000, 4000, 6000)


def each(
    score: Callable[[Tensor, Tensor, np.ndarray], Tensor], reference: Tensor, processed: Tensor, audiogram: Tensor, sample_rate: int, lengths: Tensor | None
) -> Tensor:
    """Values (batch,) of `score`, one utterance a call; it gets the pair at 24 kHz, broadly aligned and without the silence around the reference.

    NaN, with a gradient of zero, where the reference is silent or shorter than SHORTEST, where the processed signal is silent, or where either is not finite.

    Raises:
        ValueError: where shapes, thresholds, sample rate or lengths cannot be used
    """
    _check(reference, processed, audiogram, sample_rate, lengths)
    whole = [reference.shape[-1]] * len(reference) if lengths is None else lengths.tolist()
    ears = np.array([np.interp(np.log(_HZ), np.log(AUDIOGRAM_HZ), row) for row in audiogram.tolist()])
    values = []
    for x, y, thresholds, length in zip(reference, processed, ears, whole, strict=True):
        pair = prepared(x[:length], y[:length].to(x), sample_rate)
        values.append(score(*pair, thresholds) if pair else torch.nan + 0 * y.nan_to_num(0, 0, 0).sum())
    return torch.stack(values).to(processed.dtype) if values else processed.new_zeros(0)


def _check(reference: Tensor, processed: Tensor, audiogram: Tensor, sample_rate: int, lengths: Tensor | None) -> None:
    if reference.ndim != 2 or reference.shape != processed.shape or not (reference.is_floating_point() and processed.is_floating_point()):
        raise ValueError(f"reference and processed are floats of one shape (batch, time), not {tuple(reference.shape)} and {tuple(processed.shape)}")
    if audiogram.shape != (len(reference), len(AUDIOGRAM_HZ)):
        raise ValueError(f"the audiogram has the shape ({len(reference)}, {len(AUDIOGRAM_HZ)}), not {tuple(audiogram.shape)}")
    if not ((audiogram >= -10) & (audiogram <= 120)).all():
        raise ValueError("the audiogram holds thresholds from -10 to 120 dB HL; one is beyond that or not finite")
    if not sample_rate > 0:
        raise ValueError(f"the sample rate is positive, not {sample_rate}")
    check_lengths(reference, lengths)


def check_lengths(audio: Tensor, lengths: Tensor | None) -> None:
    """Raise ValueError where lengths are not integers (batch,) from 0 to the samples there are."""
    if lengths is None:
        return
    if lengths.shape != audio.shape[:1] or lengths.is_floating_point() or not ((lengths >= 0) & (lengths <= audio.shape[-1])).all():
        raise ValueError(f"lengths are ({len(audio)},) integers from 0 to {audio.shape[-1]} samples")


def prepared(reference: Tensor, processed: Tensor, sample_rate: int) -> tuple[Tensor, Tensor] | None:
    """Both (time,) at 24 kHz, aligned and trimmed; None where there is no value."""
    if len(reference) < SHORTEST * sample_rate or not all(signal.isfinite().all() and signal.square().sum() > 0 for signal in (reference, processed)):
        return None
    x, y = _resampled(reference, sample_rate), _resampled(processed, sample_rate)
    y = _aligned(x, y)
    sounding = (x.abs() > 0.001 * x.abs().max()).nonzero()
    first, last = int(sounding[0]), int(sounding[-1])
    return (x[first : last + 1], y[first : last + 1]) if last - first >= SHORTEST * RATE else None


def _resampled(signal: Tensor, sample_rate: int) -> Tensor:
    """At 24 kHz by a polyphase filter (scipy's resample_poly), its level restored; the rate counts in whole kHz, as Kates has it."""
    khz = max(round(sample_rate / 1000), 1)
    if khz == RATE // 1000:
        return signal
    up, down = RATE // 1000 // gcd(khz, RATE // 1000), khz // gcd(khz, RATE // 1000)
    kernel = _kernel(up, down).to(signal)
    margin = len(kernel) // 2
    length = -(-len(signal) * up // down)
    spread = torch.nn.functional.conv_transpose1d(signal[None, None], kernel[None, None], stride=up)[0, 0, margin:]
    spread = torch.nn.functional.pad(spread, (0, max(length * down - len(spread), 0)))
    resampled = spread[: length * down : down]
    return resampled * (_energy(signal, khz) / len(signal) / (_energy(resampled, RATE // 1000, khz) / length)).sqrt()


@cache
def _kernel(up: int, down: int) -> Tensor:
    return torch.from_numpy(firwin(20 * max(up, down) + 1, 1 / max(up, down), window=("kaiser", 5.0)) * up)


def _energy(signal: Tensor, khz: int, original: int = 0) -> Tensor:
    """Energy; of rates above 24 kHz that below 10.5 kHz, where the cochlea ends."""
    if max(khz, original) <= RATE // 1000:
        return signal.square().sum()
    size = next_fast_len(len(signal) + 1000, real=True)
    response = freqz(*cheby2(7, 30, 21 / khz), worN=2 * np.pi * np.arange(size // 2 + 1) / size)[1]
    spectrum = torch.fft.rfft(signal, n=size)
    return torch.fft.irfft(spectrum * torch.from_numpy(response).to(spectrum), n=size)[: len(signal)].square().sum()


def _aligned(reference: Tensor, processed: Tensor) -> Tensor:
    """Processed, moved to 2 ms behind the place where it resembles the reference most; the delay is a constant for the gradient."""
    n = len(reference)
    size = next_fast_len(2 * n, real=True)
    with torch.no_grad():
        x, y = (torch.fft.rfft(signal - signal.mean(), n=size) for signal in (reference, processed))
        likeness = torch.fft.irfft(x.conj() * y, n=size).abs()
        delay = int(torch.cat((likeness[size - n + 1 :], likeness[:n])).argmax()) - (n - 1)
    delay -= 2 * RATE // 1000
    return torch.nn.functional.pad(processed, (-min(delay, 0), max(delay, 0)))[max(delay, 0) :][:n]


def nal_r(reference: Tensor, thresholds: np.ndarray) -> Tensor:
    """The reference at 24 kHz with the gain of NAL-R (Byrne and Dillon 1986), by a linear-phase filter of 141 taps; advanced by 70 samples, as HASQI has it."""
    taps, bins, gain = 141, 512, np.zeros(6)
    if thresholds.max() > 0:
        total = thresholds[1:4].sum()
        gain = (0.05 * total if total <= 180 else 9 + 0.116 * (total - 180)) + 0.31 * thresholds + [-17, -8, 1, -1, -2, -2]
    grid = np.linspace(0, 1, taps)
    factor = 10 ** (np.interp(grid * RATE / 2, _HZ, gain.clip(min=0)) / 20)
    # Between points of the grid as MATLAB's fir2 interpolates, whose response lags by about 35 Hz: that is audible where the gain is steep.
    last = (grid[1:] * (bins + 1)).astype(int) - 1
    first = np.append(0, last[:-1] + 1)
    response = np.interp(np.arange(bins + 1), np.stack((first, last), 1).ravel(), np.stack((factor[:-1], factor[1:]), 1).ravel())
    kernel = np.fft.irfft(response * np.exp(-1j * np.pi * np.arange(bins + 1) * (taps // 2) / bins))[:taps] * np.hamming(taps)
    reversed_kernel = torch.from_numpy(kernel[::-1].copy()).to(reference)
    return torch.nn.functional.conv1d(torch.nn.functional.pad(reference, (0, taps - 1))[None, None], reversed_kernel[None, None])[0, 0]
