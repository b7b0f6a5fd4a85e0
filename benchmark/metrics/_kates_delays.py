"""Alignment of the bands of a processed signal to those of its reference.

Delays are estimated at 24 kHz and applied in whole samples of a lower rate; the remainder is kept as a phase.
"""

from typing import NamedTuple

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import Tensor

from benchmark.metrics._constants import constant

_SEARCH = 2400  # samples at 24 kHz (0.1 s), largest shift of a band of the processed signal
TAIL = 64  # samples after the end of the signals that help to find the lag, see `aligned`
# samples by which signals extend beyond their end; in the reference they count, as a sample stands for several at 24
# kHz
OVER = 2
_NEAR = 32  # samples on either side that interpolation uses


class Moved(NamedTuple):
    """Signals at a rate of 24 kHz / step: sample i is at position step·i + phase in samples at 24 kHz.

    The signal is (2, bands, n), the phase (2, bands).
    """

    signal: Tensor
    phase: Tensor


def aligned(pair: Tensor, step: int, tail: int = 0) -> tuple[Tensor, Tensor]:
    """Shift the processed half of a pair (2, bands, n) to the maximum of its correlation with the reference.

    The lag is a constant for the gradient.

    Args:
        pair: reference and processed, (2, bands, n)
        step: 24 kHz divided by the rate of the pair
        tail: TAIL or 0, number of samples after the end of the signals that are used to find the lag and then removed;
            for slow envelopes, whose correlation is almost flat around its maximum
    Returns:
        the aligned pair and the remaining phases, (2, bands)
    """
    kept, end = pair.shape[-1] - tail, pair.shape[-1] - tail - OVER
    lag = _lags(pair.detach().double() if tail else pair.detach(), step, kept)
    whole = _whole(lag, step)
    phase = torch.stack((torch.zeros_like(lag), whole * step - lag))
    moved = torch.nn.functional.pad(_shift(pair[1, :, :end], -whole), (0, OVER))
    return torch.stack((pair[0, :, :kept], moved)), phase


def move(moved: Moved, delay: Tensor, step: int) -> Moved:
    """Delay bands by a number of samples at 24 kHz, (bands,)."""
    whole = _whole(delay, step)
    return Moved(_shift(moved.signal, whole), moved.phase + delay - whole * step)


def _whole(delay: Tensor, step: int) -> Tensor:
    """A delay in samples at 24 kHz, rounded to whole samples of the lower rate."""
    return torch.div(delay + step // 2, step, rounding_mode="floor")


@torch.no_grad()
def _lags(pair: Tensor, step: int, kept: int) -> Tensor:
    """Delay of processed against reference in samples at 24 kHz, (bands,)."""
    search = _SEARCH // step
    correlation = _correlation(pair[0, :, :kept], pair[1, :, :kept], search + _NEAR)
    coarse = correlation[:, _NEAR:-_NEAR].argmax(-1) - search
    if step == 1:
        return coarse
    around = coarse[:, None] + torch.arange(-_NEAR, _NEAR, device=coarse.device)
    near = correlation.gather(-1, around + search + _NEAR)
    fine = torch.arange(-step, step + 1, device=coarse.device)
    weights = _interpolator(step).to(near)
    if kept == pair.shape[-1]:
        return (step * coarse + (near @ weights).argmax(-1) - step).clamp(-_SEARCH, _SEARCH - 1)
    # With a positive lag, samples after the end drop out of the sum, which bends the correlation at lag zero. Add these
    # terms before interpolation, and subtract them afterwards.
    lost = _correlation(
        pair[0, :, kept - TAIL : kept], torch.nn.functional.pad(pair[1, :, kept:], (TAIL, 0)), TAIL + 1
    )[:, TAIL + 1 :]
    lost = lost * (coarse < _NEAR)[:, None]
    exact = coarse[:, None] + fine.to(near) / step
    low = exact.clamp(0, TAIL - 1).floor().long()
    bent = torch.lerp(lost.gather(-1, low), lost.gather(-1, low + 1), exact.clamp(0, TAIL) - low)
    smooth = near + lost.gather(-1, around.clamp(0, TAIL))
    return (step * coarse + (smooth @ weights - bent).argmax(-1) - step).clamp(-_SEARCH, _SEARCH - 1)


def _correlation(x: Tensor, y: Tensor, reach: int) -> Tensor:
    """Sum over n of x[n] y[n + lag] for lags from -reach to reach - 1, (bands, 2 reach)."""
    size = next_fast_len(max(x.shape[-1], y.shape[-1]) + reach, real=True)
    whole = torch.fft.irfft(torch.fft.rfft(x, n=size).conj() * torch.fft.rfft(y, n=size), n=size)
    return torch.cat((whole[..., -reach:], whole[..., :reach]), -1)


@constant()
def _interpolator(step: int) -> Tensor:
    """Kaiser-windowed sinc weights from the lower rate to 24 kHz, within one sample, (2 · _NEAR, 2 step + 1)."""
    distance = np.arange(-step, step + 1) / step - np.arange(-_NEAR, _NEAR)[:, None]
    weights = np.sinc(distance) * np.i0(12 * np.sqrt(1 - (distance / (_NEAR + 1)) ** 2))
    return torch.from_numpy(weights / weights.sum(0))


def _shift(signal: Tensor, by: Tensor) -> Tensor:
    """Delay signals (…, bands, n) by whole samples, (bands,), and fill with zeros."""
    n = signal.shape[-1]
    starts = [min(max(delay, -n), n) for delay in by.tolist()]
    rows = zip(signal.unbind(-2), starts, strict=True)
    return torch.stack(
        [
            torch.nn.functional.pad(row[..., max(-start, 0) : n - max(start, 0)], (max(start, 0), max(-start, 0)))
            for row, start in rows
        ],
        -2,
    )
