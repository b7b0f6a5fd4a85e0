"""Filters that are applied by FFT or designed by frequency sampling, and interpolation between known frequencies.
Batched and differentiable.
"""

from typing import Any, cast

import torch
from scipy.fft import next_fast_len
from torch import Tensor

_STEPS = 512  # of fir2's grid, from 0 to the Nyquist rate


def interpolated(values: Tensor, known: Tensor, wanted: Tensor, extrapolate: bool = False) -> Tensor:
    """Values (…, n) at rising places (n,), to (…, m) at places (m,): by straight lines, which go on beyond the ends if
    told to; else values are held there.
    """
    right = torch.searchsorted(known, wanted).clamp(1, len(known) - 1)
    share = (wanted - known[right - 1]) / (known[right] - known[right - 1])
    if not extrapolate:
        share = share.clamp(0, 1)
    return values[..., right - 1] * (1 - share) + values[..., right] * share


def linear_phase(magnitude: Tensor, taps: int) -> Tensor:
    """Filters (…, taps), symmetric, of magnitudes (…, n) at even steps from 0 to the Nyquist rate; with a Hamming
    window. `taps`: odd, less than 2n - 2.
    """
    centred = torch.fft.irfft(magnitude).roll(taps // 2, -1)[..., :taps]
    return centred * torch.hamming_window(taps, periodic=False, dtype=magnitude.dtype, device=magnitude.device)


def fir2(places: Tensor, magnitude: Tensor, taps: int) -> Tensor:
    """Like linear_phase, of magnitudes (…, n) at places (n,) that rise from 0 to 1, the Nyquist rate, more than a 256th
    apart; as MATLAB's fir2 designs it.

    fir2 shares its grid of 513 frequencies out between the places, and in each share the magnitude runs from one value
    to the next in equal steps. So the response stands lower than by interpolation proper, by some 10 Hz in the auditory
    model, where the lowest channels hear it, and some 35 Hz in HASQI, where it is audible if the gain is steep: their
    published values contain it.
    """
    ends = (places * (_STEPS + 1)).long()
    known = torch.stack((ends[:-1], ends[1:] - 1), -1).flatten()
    pairs = torch.stack((magnitude[..., :-1], magnitude[..., 1:]), -1).flatten(-2)
    grid = torch.arange(_STEPS + 1, device=places.device)
    return linear_phase(interpolated(pairs, known.to(magnitude), grid.to(magnitude)), taps)


def filtered(*paths: tuple[Tensor, Tensor]) -> Tensor:
    """The sum of signals (…, channels or 1, time), each through causal filters (channels, taps), to (…, channels,
    time). Differentiable in the signals.
    """
    return cast(Tensor, _Filtered.apply(*(tensor for path in paths for tensor in path)))


class _Filtered(torch.autograd.Function):
    """The gradient runs through the filters backwards, as a product with the conjugate; autograd's own makes complex
    transforms of what is real.
    """

    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> Tensor:
        signals, filters, time = tensors[::2], tensors[1::2], tensors[0].shape[-1]
        # long enough not to wrap round
        ctx.size = int(next_fast_len(time + max(each.shape[-1] for each in filters) - 1, real=True))
        ctx.single = [signal.shape[-2] == 1 for signal in signals]
        responses = [torch.fft.rfft(each, ctx.size) for each in filters]
        ctx.save_for_backward(*responses)
        spectra = [
            torch.fft.rfft(signal, ctx.size) * response for signal, response in zip(signals, responses, strict=True)
        ]
        return torch.fft.irfft(sum(spectra[1:], spectra[0]), ctx.size)[..., :time]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        spectrum = torch.fft.rfft(gradients[0], ctx.size)
        found: list[Tensor | None] = []
        for single, response, wanted in zip(ctx.single, ctx.saved_tensors, ctx.needs_input_grad[::2], strict=True):
            back = spectrum * response.conj() if wanted else None
            back = back.sum(-2, keepdim=True) if single and back is not None else back
            found += [None if back is None else torch.fft.irfft(back, ctx.size)[..., : gradients[0].shape[-1]], None]
        return tuple(found)
