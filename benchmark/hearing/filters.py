"""Filter design by frequency sampling, filtering by FFT, and interpolation; batched and differentiable."""

from typing import Any, cast

import torch
from scipy.fft import next_fast_len
from torch import Tensor

_STEPS = 512  # of the frequency grid of fir2, from 0 to the Nyquist frequency


def interpolated(values: Tensor, known: Tensor, wanted: Tensor, extrapolate: bool = False) -> Tensor:
    """Interpolate linearly from (…, n) to (…, m).

    Args:
        values: (…, n)
        known: places of the values, (n,), rising
        wanted: places of the result, (m,)
        extrapolate: beyond the ends, continue the outermost lines; otherwise hold the outermost values
    """
    right = torch.searchsorted(known, wanted).clamp(1, len(known) - 1)
    share = (wanted - known[right - 1]) / (known[right] - known[right - 1])
    if not extrapolate:
        share = share.clamp(0, 1)
    return values[..., right - 1] * (1 - share) + values[..., right] * share


def linear_phase(magnitude: Tensor, taps: int) -> Tensor:
    """Design linear-phase FIR filters by frequency sampling with a Hamming window.

    Args:
        magnitude: (…, n), at n equally spaced frequencies from 0 to the Nyquist frequency
        taps: length of the filters, odd and less than 2n - 2
    Returns:
        symmetric filters, (…, taps)
    """
    centred = torch.fft.irfft(magnitude).roll(taps // 2, -1)[..., :taps]
    return centred * torch.hamming_window(taps, periodic=False, dtype=magnitude.dtype, device=magnitude.device)


def fir2(places: Tensor, magnitude: Tensor, taps: int) -> Tensor:
    """Design linear-phase FIR filters from magnitudes at any frequencies, as MATLAB's fir2 does.

    fir2 divides its grid of 513 frequencies among the intervals between the given frequencies, and in each interval
    steps from one magnitude to the next. The response is therefore shifted downwards compared with correct
    interpolation: by about 10 Hz in the auditory model, where it affects the lowest channels, and by about 35 Hz in
    HASQI, where it is audible if the gain is steep. We reproduce it because their published values contain it.

    Args:
        places: (n,), rising from 0 to 1, the Nyquist frequency, in steps of more than 1/256
        magnitude: (…, n), at these places
        taps: length of the filters, odd
    Returns:
        symmetric filters, (…, taps)
    """
    ends = (places * (_STEPS + 1)).long()
    known = torch.stack((ends[:-1], ends[1:] - 1), -1).flatten()
    pairs = torch.stack((magnitude[..., :-1], magnitude[..., 1:]), -1).flatten(-2)
    grid = torch.arange(_STEPS + 1, device=places.device)
    return linear_phase(interpolated(pairs, known.to(magnitude), grid.to(magnitude)), taps)


def filtered(*paths: tuple[Tensor, Tensor]) -> Tensor:
    """The sum of filtered signals, (…, channels, time); differentiable with respect to the signals.

    Args:
        paths: pairs of a signal, (…, channels or 1, time), and causal filters, (channels, taps)
    """
    return cast(Tensor, _Filtered.apply(*(tensor for path in paths for tensor in path)))


class _Filtered(torch.autograd.Function):
    """Filtering by FFT, with a backward pass that multiplies by the conjugate response.

    Autograd's own backward pass would use complex transforms for real signals.
    """

    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> Tensor:
        signals, filters, time = tensors[::2], tensors[1::2], tensors[0].shape[-1]
        # long enough to avoid circular convolution
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
