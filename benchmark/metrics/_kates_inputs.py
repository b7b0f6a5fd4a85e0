"""Input stage of HASPI and HASQI: checks, resampling to 24 kHz, broad alignment, NAL-R gain of the reference.

All but `each` process one utterance per call.
"""

from collections.abc import Callable
from math import gcd

import numpy as np
import torch
from scipy.fft import next_fast_len
from scipy.signal import cheby2, firwin, freqz
from torch import Tensor

from benchmark.contracts import AUDIOGRAM_HZ, Signals, Undefined
from benchmark.hearing.audiograms import HIGHEST, LOWEST
from benchmark.hearing.filters import fir2, interpolated
from benchmark.hearing.prescriptions import NAL_R_HZ, nal_r
from benchmark.metrics._checks import is_silent
from benchmark.metrics._constants import constant
from benchmark.metrics._kates import RATE, TINY
from benchmark.metrics._utterances import by_utterance, no_value

LOUDEST = 194.0  # dB SPL, at which the pressure of a sine reaches a vacuum; louder signals are a mistake in units
SHORTEST = 0.24  # seconds between the first and last sound of the reference: the longest modulation filter of HASPI


def each(
    score: Callable[[Tensor, Tensor, Tensor], Tensor],
    reference: Tensor,
    processed: Tensor,
    audiogram: Tensor,
    sample_rate: int,
    level_spl: float,
    lengths: Tensor | None,
) -> Tensor:
    """Call `score` for each utterance of a batch, and return its values, (batch,).

    A value is NaN, with a gradient of zero, if the reference is silent or shorter than SHORTEST, or if either signal is
    not finite or louder than LOUDEST.

    Args:
        score: gets reference and processed, (time,) at 24 kHz, broadly aligned and without the silence around the
            reference, and the audiogram, (10,), in float64 on the CPU
        reference, processed: (batch, time)
        audiogram: (batch, 10), dB HL at AUDIOGRAM_HZ
        sample_rate: in Hz
        level_spl: level of an rms of 1.0, dB SPL
        lengths: (batch,) in samples; None: there is no padding
    Raises:
        ValueError: shapes, thresholds, sample rate, level or lengths cannot be used
    """

    def value(x: Tensor, y: Tensor, thresholds: Tensor) -> Tensor:
        pair = prepared(x, y.to(x), sample_rate) if max(_level(x), _level(y)) + level_spl <= LOUDEST else None
        return score(*pair, thresholds) if pair else no_value(y)

    if (
        reference.ndim != 2
        or reference.shape != processed.shape
        or not (reference.is_floating_point() and processed.is_floating_point())
    ):
        raise ValueError(
            f"reference and processed are floats of one shape (batch, time), not {tuple(reference.shape)} and "
            f"{tuple(processed.shape)}"
        )
    if audiogram.shape != (len(reference), len(AUDIOGRAM_HZ)):
        raise ValueError(
            f"the audiogram has the shape ({len(reference)}, {len(AUDIOGRAM_HZ)}), not {tuple(audiogram.shape)}"
        )
    if not ((audiogram >= LOWEST) & (audiogram <= HIGHEST)).all():
        raise ValueError(
            f"the audiogram holds thresholds from {LOWEST:g} to {HIGHEST:g} dB HL; one is beyond that or not finite"
        )
    if not -LOUDEST <= level_spl <= LOUDEST:
        raise ValueError(f"level_spl, that of an rms of 1.0, is {-LOUDEST:g} to {LOUDEST:g} dB SPL, not {level_spl}")
    return by_utterance(value, reference, processed, sample_rate, lengths, audiogram.detach().cpu().double())


def at_ear(metric: Callable[[Tensor, Tensor, Tensor], Tensor], signals: Signals) -> float:
    """The value of HASPI or HASQI for one ear.

    Raises:
        Undefined: where the reference has no value for a healthy ear either, through the reference; else where the
            output is silent or has no value, through the output
    """
    assert signals.clean is not None
    assert signals.listener is not None
    clean, audio, listener = signals.clean[None], signals.audio[None], signals.listener[None]
    silent = is_silent(signals.audio)
    value = torch.nan if silent else metric(clean, audio, listener).item()
    if value == value:
        return value
    if metric(clean, clean, torch.zeros_like(listener)).isnan():
        raise Undefined("the reference is silent or too short", "reference")
    raise Undefined("the output is silent" if silent else "the output is not finite, or too loud", "estimate")


def _level(signal: Tensor) -> float:
    """The level in dB re an rms of 1.0; NaN if the signal is not finite."""
    return 10 * float(torch.log10(signal.detach().double().square().mean()))


def prepared(reference: Tensor, processed: Tensor, sample_rate: int) -> tuple[Tensor, Tensor] | None:
    """Both signals, (time,) at 24 kHz, aligned and trimmed; None if there is no value."""
    if (
        len(reference) < SHORTEST * sample_rate
        or not (reference.isfinite().all() and processed.isfinite().all())
        or not reference.any()
    ):
        return None
    x, y = _resampled(reference, sample_rate), _resampled(processed, sample_rate)
    y = _aligned(x, y)
    sounding = (x.abs() > 0.001 * x.abs().max()).nonzero()
    first, last = int(sounding[0]), int(sounding[-1])
    return (x[first : last + 1], y[first : last + 1]) if last - first >= SHORTEST * RATE else None


def _resampled(signal: Tensor, sample_rate: int) -> Tensor:
    """Resample to 24 kHz by a polyphase filter (as scipy's resample_poly), and restore the level.

    As in Kates's code, the sample rate is rounded to whole kHz.
    """
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
    before, after = _energy(signal, khz) / len(signal), _energy(resampled, RATE // 1000, khz) / length
    return resampled * (before / after).sqrt() if after > TINY else resampled  # silence has no level to restore


@constant()
def _kernel(up: int, down: int) -> Tensor:
    return torch.from_numpy(firwin(20 * max(up, down) + 1, 1 / max(up, down), window=("kaiser", 5.0)) * up)


def _energy(signal: Tensor, khz: int, original: int = 0) -> Tensor:
    """Energy; for rates above 24 kHz only that below 10.5 kHz, the upper end of the cochlea."""
    if max(khz, original) <= RATE // 1000:
        return signal.square().sum()
    size = next_fast_len(len(signal) + 1000, real=True)
    response = freqz(*cheby2(7, 30, 21 / khz), worN=2 * np.pi * np.arange(size // 2 + 1) / size)[1]
    spectrum = torch.fft.rfft(signal, n=size)
    return torch.fft.irfft(spectrum * torch.from_numpy(response).to(spectrum), n=size)[: len(signal)].square().sum()


def _aligned(reference: Tensor, processed: Tensor) -> Tensor:
    """The processed signal, shifted to 2 ms after the maximum of its correlation with the reference.

    The delay is a constant for the gradient.
    """
    n = len(reference)
    size = next_fast_len(2 * n, real=True)
    with torch.no_grad():
        x, y = (torch.fft.rfft(signal - signal.mean(), n=size) for signal in (reference, processed))
        likeness = torch.fft.irfft(x.conj() * y, n=size).abs()
        delay = int(torch.cat((likeness[size - n + 1 :], likeness[:n])).argmax()) - (n - 1)
    delay -= 2 * RATE // 1000
    return torch.nn.functional.pad(processed, (-min(delay, 0), max(delay, 0)))[max(delay, 0) :][:n]


def amplified(reference: Tensor, audiogram: Tensor) -> Tensor:
    """The reference, (time,) at 24 kHz, with the NAL-R gain for an audiogram (10,).

    The filter has 141 taps, and the output is advanced by 70 samples, as in HASQI.
    """
    taps = 141
    places = torch.linspace(0, 1, taps, dtype=audiogram.dtype)
    gain = interpolated(nal_r(audiogram), audiogram.new_tensor(NAL_R_HZ), places * RATE / 2)
    kernel = fir2(places, 10 ** (gain / 20), taps).to(reference)
    return torch.nn.functional.conv1d(
        torch.nn.functional.pad(reference, (0, taps - 1))[None, None], kernel[None, None]
    )[0, 0]
