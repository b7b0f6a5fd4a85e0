"""Interpolation between the frequencies at which something is known, and filters that are designed by frequency sampling. Batched and differentiable."""

import torch
from torch import Tensor

_STEPS = 512  # of fir2's grid, from 0 to the Nyquist rate


def interpolated(values: Tensor, known: Tensor, wanted: Tensor, extrapolate: bool = False) -> Tensor:
    """Values (…, n) at rising places (n,), to (…, m) at places (m,): by straight lines, which go on beyond the ends if told to; else values are held there."""
    right = torch.searchsorted(known, wanted).clamp(1, len(known) - 1)
    share = (wanted - known[right - 1]) / (known[right] - known[right - 1])
    if not extrapolate:
        share = share.clamp(0, 1)
    return values[..., right - 1] * (1 - share) + values[..., right] * share


def linear_phase(magnitude: Tensor, taps: int) -> Tensor:
    """Filters (…, taps), symmetric, of magnitudes (…, n) at even steps from 0 to the Nyquist rate; with a Hamming window. `taps`: odd, less than 2n - 2."""
    centred = torch.fft.irfft(magnitude).roll(taps // 2, -1)[..., :taps]
    return centred * torch.hamming_window(taps, periodic=False, dtype=magnitude.dtype, device=magnitude.device)


def fir2(places: Tensor, magnitude: Tensor, taps: int) -> Tensor:
    """Like linear_phase, of magnitudes (…, n) at places (n,) that rise from 0 to 1, the Nyquist rate, more than a 256th apart; as MATLAB's fir2 designs it.

    fir2 shares its grid of 513 frequencies out between the places, and in each share the magnitude runs from one value to the next in equal steps. So the
    response stands lower than by interpolation proper, by some 10 Hz in the auditory model, where the lowest channels hear it, and some 35 Hz in HASQI, where
    it is audible if the gain is steep: their published values contain it.
    """
    ends = (places * (_STEPS + 1)).long()
    known = torch.stack((ends[:-1], ends[1:] - 1), -1).flatten()
    pairs = torch.stack((magnitude[..., :-1], magnitude[..., 1:]), -1).flatten(-2)
    grid = torch.arange(_STEPS + 1, device=places.device)
    return linear_phase(interpolated(pairs, known.to(magnitude), grid.to(magnitude)), taps)
