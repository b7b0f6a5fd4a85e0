"""MBSTOI: intelligibility of speech at two ears against a clean reference, at most 1."""

from functools import cache
from math import log, pi

import numpy as np
import torch
from torch import Tensor

from benchmark.contracts import SAMPLE_RATE, Figure, Metric, Signals, Undefined
from benchmark.metrics._constants import constant
from benchmark.metrics._utterances import by_utterance, no_value

_RATE, _FRAME, _FFT = 10_000, 256, 512  # Hz, samples
_SEGMENT, _RANGE = 30, 40.0  # frames in a segment; dB below the loudest frame that still count as speech
_CENTRES = 150 * 2 ** (np.arange(15) / 3)  # Hz, of third octaves


def mbstoi(
    reference: Tensor, processed: Tensor, sample_rate: int = SAMPLE_RATE, lengths: Tensor | None = None
) -> Tensor:
    """Modified binaural short-time objective intelligibility, at most 1, (batch,).

    Andersen, de Haan, Tan, Jensen, Speech Communication 102, 2018. The mean, over third octaves and segments of 0.4 s,
    of STOI's correlation: at the better ear, or behind an equalisation-cancellation stage, whichever has the better
    ratio of speech. The stage uses the interaural delay and level difference, of 100 times 40 with jitter, that leave
    most speech. Values agree with pyclarity's mbstoi.

    Differentiable in `processed`; the frames that hold speech, the delay, the level difference and the ear are
    constants for the gradient.

    Args:
        reference, processed: (batch, 2, time), left and right ear
        sample_rate: Hz
        lengths: (batch,) samples of each utterance; the padding behind them changes nothing; None: no padding
    Returns:
        (batch,); NaN where the reference is silent or has less than 31 frames (0.4 s) of speech, or where a signal is
        not finite. A silent processed signal gets about zero: as in pyclarity, only its last segment counts, as -1.
    Raises:
        ValueError: where shapes, sample rate or lengths cannot be used
    """
    if reference.ndim != 3 or reference.shape[1] != 2 or reference.shape != processed.shape:
        raise ValueError(
            f"reference and processed have one shape (batch, 2, time), not {tuple(reference.shape)} and "
            f"{tuple(processed.shape)}"
        )
    return by_utterance(
        lambda x, y: _measure(x.double(), y.double(), sample_rate), reference, processed, sample_rate, lengths
    )


class MBSTOI(Metric):
    """Modified binaural short-time objective intelligibility."""

    figures = {"mbstoi": Figure(best=1.0, floor=0.0, worst=-1.0)}
    needs = frozenset({"clean", "both ears"})
    source = "Andersen, de Haan, Tan, Jensen, Speech Communication 102, 2018"

    def measure(self, signals: Signals) -> dict[str, float]:
        """See mbstoi."""
        assert signals.clean is not None
        clean, audio = signals.clean[None], signals.audio[None]
        value = mbstoi(clean, audio).item()
        if value != value:
            if mbstoi(clean, clean).isnan():
                raise Undefined("MBSTOI: the reference is silent, not finite or too short", "reference")
            raise Undefined("MBSTOI: the output is not finite", "estimate")
        return {"mbstoi": value}


def _measure(reference: Tensor, processed: Tensor, sample_rate: int) -> Tensor:
    if not (reference.isfinite().all() and processed.isfinite().all() and reference.any()):
        return no_value(processed)
    spectra = _spectra(_resampled(torch.stack((reference, processed)), sample_rate))
    if spectra.shape[-2] < _SEGMENT:
        return no_value(processed)
    products = _products(spectra)
    x, y = slice(0, 4), slice(4, 8)
    xx, xy, yy = (_terms(products[..., rows, columns]) for rows, columns in ((x, x), (x, y), (y, y)))
    binaural, ratio = _cancelled(xx, xy, yy)
    at_ears, ratios = _at_ears(xx, xy, yy)
    better = ratios.argmax(0, keepdim=True)
    monaural, monaural_ratio = at_ears.gather(0, better)[0], ratios.gather(0, better)[0]
    use = monaural_ratio > ratio
    use[:, -1] = False  # as the published program has it
    return torch.where(use, monaural, binaural).mean()


def _resampled(signals: Tensor, sample_rate: int) -> Tensor:
    """Resample (…, time) to 10 kHz by cutting or padding the spectrum of the whole signal."""
    if sample_rate == _RATE:
        return signals
    before, after = signals.shape[-1], int(signals.shape[-1] * (_RATE / sample_rate) + 1)
    shorter = min(before, after)
    spectrum = torch.fft.rfft(signals)[..., : shorter // 2 + 1]
    if shorter % 2 == 0 and before != after:  # the Nyquist bin stands for two
        middle = torch.ones(spectrum.shape[-1], dtype=signals.dtype, device=signals.device)
        middle[-1] = 2.0 if after < before else 0.5
        spectrum = spectrum * middle
    return torch.fft.irfft(spectrum, n=after) * (after / before)


def _spectra(signals: Tensor) -> Tensor:
    """Spectra of the frames in which either ear of the reference has speech, (2, ears, frames, bins).

    The frames are first joined by overlap and add.
    """
    hop, count = _FRAME // 2, max(-(-(signals.shape[-1] - _FRAME) // (_FRAME // 2)), 0)
    hann = torch.from_numpy(np.hanning(_FRAME + 2)[1:-1]).to(signals)
    if not count:
        return signals.new_zeros(*signals.shape[:2], 0, _FFT // 2 + 1, dtype=torch.complex128)
    frames = signals.unfold(-1, _FRAME, hop)[..., :count, :] * hann
    level = 20 * torch.log10(torch.linalg.vector_norm(frames[0], dim=-1) + np.finfo(float).eps)
    frames = frames[:, :, (level > level.amax(-1, keepdim=True) - _RANGE).any(0)]
    first, second = frames[..., :hop], frames[..., hop:]
    # the last half frame is not used
    joined = torch.cat((first[..., :1, :], first[..., 1:, :] + second[..., :-1, :]), -2)
    return torch.fft.rfft(torch.cat((joined[..., :-1, :], joined[..., 1:, :]), -1) * hann, n=_FFT)


@cache
def _edges() -> list[tuple[int, int]]:
    """First bin of each third octave, and the bin after its last."""
    bins = np.arange(_FFT // 2 + 1) * _RATE / _FFT
    return [
        (int(np.abs(bins - centre * 2 ** (-1 / 6)).argmin()), int(np.abs(bins - centre * 2 ** (1 / 6)).argmin()))
        for centre in _CENTRES
    ]


def _products(spectra: Tensor) -> Tensor:
    """Covariances within segments of the band signals, (15, segments, 8, 8).

    The eight are, first for the reference and then for the processed signal: power left, power right, real and
    imaginary part of the cross-spectrum.
    """
    left, right = spectra.unbind(1)
    cross = right.conj() * left
    moving = torch.stack((left.abs().square(), right.abs().square(), cross.real, cross.imag), 1)  # (2, 4, frames, bins)
    bands = torch.stack([moving[..., first:last].sum(-1) for first, last in _edges()])
    segments = bands.flatten(1, 2).unfold(-1, _SEGMENT, 1).transpose(1, 2)
    centred = segments - segments.mean(-1, keepdim=True)
    return centred @ centred.transpose(-1, -2)


def _terms(products: Tensor) -> Tensor:
    """The nine terms of the expected product behind equalisation and cancellation, (15, segments, 9).

    From covariances (15, segments, 4, 4). The product is linear in these terms.
    """
    left, right, real, imaginary = range(4)

    def pair(a: int, b: int) -> Tensor:
        return products[..., a, b] + products[..., b, a]

    rotating = products[..., real, real] - products[..., imaginary, imaginary], pair(real, imaginary)
    steady = pair(left, right) + 2 * (products[..., real, real] + products[..., imaginary, imaginary])
    mixed = (pair(left, real), pair(left, imaginary), pair(right, real), pair(right, imaginary))
    return torch.stack((products[..., left, left], products[..., right, right], steady, *mixed, *rotating), -1)


@constant()
def _grid() -> Tensor:
    """Factors of the nine terms, (15, 9, 4000), for 40 level differences up to 20 dB times 100 delays up to 1 ms.

    With the jitter of equations 5 to 8 of the paper.
    """
    levels, delays = np.linspace(-20, 20, 40)[:, None], np.linspace(-1e-3, 1e-3, 100)
    level_jitter = log(10) * 2**0.5 * 1.5 * (1 + (np.abs(levels) / 13) ** 1.6) / 20
    delay_jitter = 2**0.5 * 65e-6 * (1 + np.abs(delays) / 1.6e-3)
    gain = 10 ** (levels / 20)
    factors = []
    for omega in 2 * pi * _CENTRES:
        spread = -2 * np.exp((level_jitter**2 - (omega * delay_jitter) ** 2) / 2)
        turning = 2 * np.exp(-2 * (omega * delay_jitter) ** 2)
        cosine, sine = np.cos(omega * delays), np.sin(omega * delays)
        alone = np.exp(2 * level_jitter**2)
        rows = [
            gain**2 * alone,
            gain**-2 * alone,
            1,
            gain * spread * cosine,
            gain * spread * sine,
            spread / gain * cosine,
            spread / gain * sine,
        ]
        rows += [turning * np.cos(2 * omega * delays), turning * np.sin(2 * omega * delays)]
        factors.append([np.broadcast_to(row, (40, 100)).ravel() for row in rows])
    return torch.from_numpy(np.array(factors))


def _cancelled(xx: Tensor, xy: Tensor, yy: Tensor) -> tuple[Tensor, Tensor]:
    """Correlation where the energy ratio of reference to processed signal is largest, and that ratio.

    (15, segments) each; -1 and 0 where either signal is silent.
    """
    grid = _grid().to(xx.device)
    sizes = [terms[..., :2].sum(-1, keepdim=True).detach() for terms in (xx, yy)]
    sounding = (sizes[0] > 0) & (sizes[1] > 0)
    with torch.no_grad():  # in float32, one band at a time: the search takes most of the time
        scaled = [(terms / size.where(sounding, 1)).float() for terms, size in zip((xx, yy), sizes, strict=True)]
        best = torch.stack(
            [((x @ band) / (y @ band)).argmax(-1) for x, y, band in zip(*scaled, grid.float(), strict=True)]
        )
        factors = torch.stack([band[:, at].T for band, at in zip(grid, best, strict=True)])
    sounding = sounding[..., 0]
    xx, xy, yy = ((terms * factors).sum(-1) for terms in (xx, xy, yy))
    xx, yy = xx.where(sounding, 1), yy.where(sounding, 1)
    return torch.where(sounding, xy / (xx * yy).sqrt(), -1), torch.where(sounding, xx / yy, 0)


def _at_ears(xx: Tensor, xy: Tensor, yy: Tensor) -> tuple[Tensor, Tensor]:
    """Correlations at both ears, and energy ratios of reference to processed signal, (2, 15, segments) each.

    Zero where an ear hears nothing.
    """
    xx, xy, yy = (terms[..., :2].movedim(-1, 0) for terms in (xx, xy, yy))
    sounding = (xx > 0) & (yy > 0)
    correlation = torch.where(sounding, xy / (xx.where(sounding, 1) * yy.where(sounding, 1)).sqrt(), 0)
    return correlation, (xx / yy).detach().nan_to_num(0, torch.inf)
