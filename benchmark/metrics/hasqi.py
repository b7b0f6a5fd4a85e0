"""HASQI version 2: speech quality for impaired ears against a clean reference, in [0, 1]."""

from math import pi

import numpy as np
import torch
from torch import Tensor

from benchmark.contracts import FULL_SCALE_DB_SPL, SAMPLE_RATE, Figure, Metric, Signals
from benchmark.hearing.prescriptions import NAL_R_HZ, thresholds_at
from benchmark.metrics._constants import constant
from benchmark.metrics._kates import BANDS, DB, TINY, BandOutput, Moved, centre_frequencies, ear, listen
from benchmark.metrics._kates_features import cepstral_basis, covariance, is_loud
from benchmark.metrics._kates_inputs import amplified, at_ear, each

# Samples at 24 kHz: Hann windows of 16 ms that overlap by half, and the largest lag between two motions.
_WINDOW, _LAGS = 384, 24
_THRESHOLD = 2.5  # dB above threshold, of segments and tiles that count
_NOISE = -10.0  # dB above threshold, of the basilar membrane's noise
# Samples between the noises of neighbouring bands; more than a segment, so that they are independent within it.
_APART = 1024


def hasqi(
    reference: Tensor,
    processed: Tensor,
    audiogram: Tensor,
    sample_rate: int = SAMPLE_RATE,
    level_spl: float = FULL_SCALE_DB_SPL,
    lengths: Tensor | None = None,
) -> Tensor:
    """Hearing-aid speech quality index, version 2, in [0, 1], (batch,).

    Kates, Arehart, Journal of the Audio Engineering Society 62, 2014. The processed signal is compared with the
    reference amplified by NAL-R, both as the impaired ear hears them. The index is the squared correlation of cepstral
    coefficients of the envelopes, times the coherence of the basilar membrane's motion as far as nerve fibres follow
    it, times the similarity of the long-term spectra. Values agree with pyclarity's hasqi_v2 within 1e-3. Zero where
    the ear does not hear the reference.

    Differentiable in `processed`; lags, trimming and the choice of segments and tiles that count are constants for the
    gradient. The noise of the basilar membrane, 10 dB below threshold, is one fixed sequence: our choice. Where the
    processed signal is digitally silent during speech, that noise alone is compared, and gradients are finite but can
    be very large. Arguments, errors and NaN as in haspi, except that a reference the ear does not hear gives zero.
    """

    def score(x: Tensor, y: Tensor, listener: Tensor) -> Tensor:
        impaired = ear(thresholds_at(listener, NAL_R_HZ).numpy())
        groups = listen(torch.stack((amplified(x, listener), y)), (impaired, impaired), level_spl, motion=True)
        linear = _spectral_likeness(torch.cat([heard.level for heard in groups], 1))
        return linear * _envelope_likeness(groups, len(x)) ** 2 * _coherence(groups, len(x), level_spl)

    return each(score, reference, processed, audiogram, sample_rate, level_spl, lengths)


class HASQI(Metric):
    """Hearing-aid speech quality index, version 2."""

    figures = {"hasqi": Figure(best=1.0, floor=0.0, worst=0.0, by_condition=True)}
    needs = frozenset({"clean", "listener"})
    source = "Kates, Arehart, Journal of the Audio Engineering Society 62, 2014"

    def measure(self, signals: Signals) -> dict[str, float]:
        """See hasqi; a silent output has no value here."""
        return {"hasqi": at_ear(hasqi, signals)}


def _spectral_likeness(level: Tensor) -> Tensor:
    """Similarity of long-term spectra, from levels in dB above threshold, (2, 32).

    By the deviation of specific loudness, and of its slope over the bands.
    """
    loudness = (DB * level).exp()
    difference = torch.diff(loudness / loudness.sum(-1, keepdim=True), dim=0)[0]
    spectrum, slope = (
        1 - BANDS * _deviation(change) / scale for change, scale in ((difference, 2.5), (difference.diff(), 1.0))
    )
    return 0.579 * spectrum.clamp(0, 1) + 0.421 * slope.clamp(0, 1)


def _deviation(values: Tensor) -> Tensor:
    return values.var(correction=0).clamp(min=TINY).sqrt()


def _envelope_likeness(groups: list[BandOutput], length: int) -> Tensor:
    envelopes = torch.cat([_smoothed(heard, length) for heard in groups], 1)
    loud = is_loud(envelopes[0], _THRESHOLD)
    if loud.sum() <= 1:
        return 0 * envelopes.sum()
    return covariance(*(cepstral_basis().to(envelopes)[1:] @ envelopes[..., loud])).mean()


def _segments(length: int) -> int:
    return 1 + length // _WINDOW + (length - _WINDOW // 2) // _WINDOW


def _framed(moved: Moved, step: int, count: int) -> tuple[Tensor, Tensor]:
    """Windowed segments (2, bands, count, window), half a window apart, and the sums of the windows, (2, bands, count).

    The windows are Hann; the first segment has only the falling half, the last one only the rising half.
    """
    window, half = _WINDOW // step, _WINDOW // step // 2
    time = step * torch.arange(window, device=moved.phase.device) + moved.phase[..., None]
    rising, falling = (
        (torch.sin(pi * (time + late) / (_WINDOW - 1)).square() * ((time >= 0) & (time + late < _WINDOW))).to(
            moved.signal
        )[:, :, None]
        for late in (0, _WINDOW // 2)
    )
    ending = rising * (time < _WINDOW // 2)[:, :, None]
    segments = torch.nn.functional.pad(moved.signal, (0, window))[..., : (count + 1) * half].unfold(-1, window, half)
    framed = torch.cat(
        (segments[..., :1, :] * falling, segments[..., 1:-1, :] * rising, segments[..., -1:, :] * ending), -2
    )
    sums = [part.sum(-1) for part in (falling, rising, ending)]
    return framed, torch.cat((sums[0], sums[1].expand(-1, -1, count - 2), sums[2]), -1)


def _smoothed(heard: BandOutput, length: int) -> Tensor:
    """Mean envelopes of segments, (2, bands, segments)."""
    framed, sums = _framed(heard.envelope, heard.step, _segments(length))
    return framed.sum(-1) / sums


def _coherence(groups: list[BandOutput], length: int, level_spl: float) -> Tensor:
    """Mean coherence over the tiles that count, weighted by how well nerve fibres follow a band's motion.

    The weights are a fifth-order low-pass at 3.5 kHz (Johnson 1980).
    """
    tiles = [_tiles(heard, length, level_spl) for heard in groups]
    likeness, level = (torch.cat(values) for values in zip(*tiles, strict=True))
    heard = (level > _THRESHOLD) & is_loud(level, _THRESHOLD)
    if is_loud(level, _THRESHOLD).sum() <= 1 or not heard.any():
        return 0 * likeness.sum()
    weight = heard * torch.from_numpy(1 / np.sqrt(1 + (centre_frequencies() / 3500) ** 10)).to(likeness)[:, None]
    return (weight * likeness).sum() / weight.sum()


def _tiles(heard: BandOutput, length: int, level_spl: float) -> tuple[Tensor, Tensor]:
    """Largest normalised correlation of the motions within 1 ms, and level of the reference, (bands, segments) each.

    The level is an rms in dB above threshold.
    """
    assert heard.motion is not None
    step, count, (signal, phase) = heard.step, _segments(length), heard.motion
    noise = 10 ** ((_NOISE - level_spl) / 20)
    bands, n = signal.shape[-2:]
    membrane = _membrane_noise(1 << (n - 1).bit_length()).to(signal).unfold(-1, n, _APART)[:, :bands]
    noisy = torch.add(signal, membrane, alpha=noise / step**0.5)
    frames = _framed(Moved(noisy, phase), step, count)[0]
    if step > 1:  # in the upper bands the window leaves no mean
        mean = frames.mean(-1, keepdim=True)
        half = frames.shape[-1] // 2
        frames = torch.cat(
            (
                _centred(frames[..., :1, :], half),
                frames[..., 1:-1, :] - mean[..., 1:-1, :],
                _centred(frames[..., -1:, :], half),
            ),
            -2,
        )
    scale, lagged_scale = (table.to(signal) for table in _scales(count))
    # as at 24 kHz, with the noise that this rate does not carry
    energy = frames.square().sum(-1) * (step / scale) + noise**2 * (1 - 1 / step)
    spectrum = torch.fft.rfft(frames, n=_size(step))
    cross = torch.view_as_real(spectrum[0].conj() * spectrum[1]).flatten(-2)
    lagged = cross @ _to_lags(step, (phase[1] - phase[0]).to(signal))
    likeness = (lagged * (step / lagged_scale)).abs().amax(-1) / (energy[0] * energy[1]).clamp(min=TINY).sqrt()
    return likeness.clamp(0, 1), (2 * energy[0]).detach().sqrt()


def _centred(frames: Tensor, half: int) -> Tensor:
    """Segments with half a window, (…, window): the mean of the half that has samples is removed from that half."""
    kept = frames[..., :half] - frames[..., :half].mean(-1, keepdim=True)
    return torch.nn.functional.pad(kept, (0, half))


@constant(8)
def _scales(count: int) -> tuple[Tensor, Tensor]:
    """Energy of the windows of all segments, (segments,), and their autocorrelation at all lags, (segments, lags)."""
    hann = np.hanning(_WINDOW)
    whole, half = (
        np.correlate(part, part, "full")[len(part) - 1 - _LAGS : len(part) + _LAGS]
        for part in (hann, hann[_WINDOW // 2 :])
    )
    lagged = torch.from_numpy(np.stack([half] + [whole] * (count - 2) + [half]))
    return lagged[:, _LAGS], lagged


def _size(step: int) -> int:
    return (_WINDOW + 2 * _LAGS) // step


def _to_lags(step: int, offset: Tensor) -> Tensor:
    """Matrix from a cross-spectrum to correlations at lags of -1 to 1 ms, (bands, 2 bins, lags).

    Real and imaginary parts alternate. The processed signal lies `offset` samples later.
    """
    size = _size(step)
    frequency = torch.arange(size // 2 + 1, device=offset.device)
    weight = torch.where((frequency == 0) | (2 * frequency == size), 1.0, 2.0)[:, None] / size
    lags = torch.arange(-_LAGS, _LAGS + 1, device=offset.device) - offset[:, None, None]
    angle = 2 * pi * frequency[:, None] * lags / (step * size)
    return torch.stack((weight * angle.cos(), -weight * angle.sin()), -2).flatten(1, 2).to(offset)


@constant()
def _membrane_noise(count: int) -> Tensor:
    """Noise for reference and processed signal, (2, more than count); a shorter one is the beginning of a longer one.

    Each band's noise begins _APART samples after that of the band below.
    """
    return torch.from_numpy(np.random.default_rng(1).standard_normal((count + BANDS * _APART, 2)).T.copy())
