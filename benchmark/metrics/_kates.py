"""Kates's model of the auditory periphery, as used by HASPI and HASQI.

It consists of middle ear, gammatone filters, and outer and inner hair cells. Source: Kates, An auditory model for
intelligibility and quality predictions, Proceedings of Meetings on Acoustics 19, 2013. The model is defined for signals
at 24 kHz. We implement its linear filters in the frequency domain, so that low-frequency bands can run at a half or a
quarter of that rate: the output of their gammatone filters, on which everything after them depends, is computed for
every second or fourth sample only. Delays keep the resolution of 24 kHz (`Moved`). Each call processes one utterance,
with reference and processed in one tensor.
"""

from collections import OrderedDict
from hashlib import sha256
from math import ceil, log, pi
from typing import NamedTuple

import numpy as np
import torch
from scipy.fft import next_fast_len
from scipy.signal import butter, freqz
from torch import Tensor

from benchmark.metrics._constants import constant
from benchmark.metrics._kates_delays import OVER, TAIL, Moved, aligned, move

RATE, BANDS = 24_000, 32  # Hz, number of bands
DB = log(10) / 20  # nepers per decibel
TINY = 1e-30


class Group(NamedTuple):
    """Bands that share the rate RATE / step and the frequency range from `lowest` to `lowest + RATE / step` Hz.

    They are filtered in blocks of `block` samples at 24 kHz. An eighth of a block is history, which is longer than the
    impulse responses of these bands.
    """

    bands: slice
    step: int
    lowest: int
    block: int


GROUPS = (
    Group(slice(0, 11), 4, -1500, 16_384),
    Group(slice(11, 19), 2, -5000, 8192),
    Group(slice(19, 26), 1, -12000, 4096),
    Group(slice(26, 32), 1, -12000, 4096),
)


class Ear(NamedTuple):
    """The parameters of a cochlea in each band, (32,) each."""

    outer: Tensor  # attenuation by lost outer hair cells, dB
    inner: Tensor  # attenuation by lost inner hair cells, dB
    width: Tensor  # of the filters, relative to a healthy ear
    knee: Tensor  # of the compression, dB SPL
    ratio: Tensor  # of the compression


class _Half(NamedTuple):
    """The output of a group of bands for one signal, before alignment with the other; the first dimension is 1."""

    envelope: Tensor  # (1, bands, n), after the compression
    motion: Tensor  # (1, bands, n), of the basilar membrane
    level: Tensor  # (1, bands), long-term level in dB above threshold
    width: Tensor  # (1, bands), of the filters


class BandOutput(NamedTuple):
    """The output of a group of bands; the first dimension is (reference, processed), the second the bands."""

    envelope: Moved  # (2, bands, n), dB above threshold
    motion: Moved | None  # (2, bands, n), of the basilar membrane, with its envelope in dB above threshold
    level: Tensor  # (2, bands), long-term level in dB above threshold
    step: int


def centre_frequencies() -> np.ndarray:
    """32 frequencies from 80 to 8000 Hz, evenly spaced on the ERB scale of Moore and Glasberg (1983), (32,)."""
    corner = 9.26449 * 24.7
    return np.geomspace(80 + corner, 8000 + corner, BANDS) - corner


def ear(thresholds: np.ndarray) -> Ear:
    """An ear with these thresholds in dB HL at 250, 500, 1000, 2000, 4000 and 6000 Hz, (6,).

    80 % of a loss are due to outer hair cells, up to the loss of all of them.
    """
    loss = np.interp(centre_frequencies(), [250, 500, 1000, 2000, 4000, 6000], thresholds).clip(min=0)
    ratio = np.linspace(1.25, 3.5, BANDS)  # of a healthy cochlea, from 30 to 100 dB SPL
    outer = np.minimum(0.8 * loss, 70 * (1 - 1 / ratio))  # without outer hair cells, the cochlea is linear
    width = 1 + outer / 50 + 2 * (outer / 50) ** 6
    knee = outer + 30
    ratio = (100 - knee) / (30 + 70 / ratio + outer - knee)
    return Ear(*(torch.from_numpy(value) for value in (outer, loss - outer, width, knee, ratio)))


def listen(signals: Tensor, ears: tuple[Ear, Ear], level_spl: float, motion: bool = False) -> list[BandOutput]:
    """Pass reference and processed, each through its ear, and return the output of each of GROUPS.

    The widths of the filters depend on the level of the signal. The lags that align processed and reference in each
    band are constants for the gradient.

    Args:
        signals: reference and processed, (2, time) at 24 kHz, broadly aligned
        ears: of the reference and of the processed signal
        level_spl: level of an rms of 1.0, dB SPL
        motion: whether to compute the motion of the basilar membrane as well
    """
    halves = [_remembered(signal[None], one, level_spl) for signal, one in zip(signals, ears, strict=True)]
    pairs = [_Half(*(torch.cat(parts) for parts in zip(*pair, strict=True))) for pair in zip(*halves, strict=True)]
    delay = _group_delay(torch.cat([pair.width[0] for pair in pairs]).detach())
    inner = torch.stack([one.inner for one in ears]).to(signals)
    return [
        _compared(pair, group, delay[group.bands], level_spl - inner[:, group.bands, None], motion)
        for group, pair in zip(GROUPS, pairs, strict=True)
    ]


def _compared(pair: _Half, group: Group, delay: Tensor, sensation: Tensor, motion: bool) -> BandOutput:
    """Align the processed half of a group, delay its bands, and convert envelopes to dB above threshold.

    `sensation` is the level above threshold of an amplitude of 1, in dB, (2, bands, 1).
    """
    envelope, lag = aligned(pair.envelope, group.step, TAIL if group.step > 1 else 0)
    above = (envelope.clamp(min=TINY).log() + DB * sensation).relu()  # nepers above threshold
    adapted = _response_to(above, "adaptation", group.step, RATE // 2).relu()
    vibration = None
    if motion:
        moved, motion_lag = aligned(pair.motion, group.step)
        vibration = move(Moved(moved * (adapted / envelope.clamp(min=TINY)), motion_lag), delay, group.step)
    return BandOutput(move(Moved(adapted, lag), delay, group.step), vibration, pair.level, group.step)


_KEPT = 8  # enough for a scene's reference with a few listeners, and for a signal that both metrics use
_kept: OrderedDict[tuple[object, ...], list[_Half]] = OrderedDict()


def _remembered(signal: Tensor, one: Ear, level_spl: float) -> list[_Half]:
    """The output of all groups for a signal, (1, time), cached unless a gradient is needed.

    The reference of a scene is used for every condition, and each output by two metrics.
    """
    if signal.requires_grad and torch.is_grad_enabled():
        return _half(signal, one, level_spl)
    kind = (torch.is_inference_mode_enabled(), signal.dtype, signal.device, level_spl)
    key = (*kind, *(sha256(value.detach().cpu().numpy().tobytes()).digest() for value in (signal, *one)))
    if key not in _kept:
        _kept[key] = _half(signal, one, level_spl)
    _kept.move_to_end(key)
    while len(_kept) > _KEPT:
        _kept.popitem(last=False)
    return _kept[key]


def _half(signal: Tensor, one: Ear, level_spl: float) -> list[_Half]:
    """The output of all groups for a signal, (1, time)."""
    ears = Ear(*(value[None].to(signal) for value in one))
    return [_hear(signal, group, Ear(*(value[:, group.bands] for value in ears)), level_spl) for group in GROUPS]


def _hear(signal: Tensor, group: Group, ears: Ear, level_spl: float) -> _Half:
    """The output of one group for a signal, (1, time)."""
    spectra, count = _block_spectra(signal, group), ceil(signal.shape[-1] / group.step)
    kept = count + OVER
    tail = TAIL if group.step > 1 else 0
    widest = _widest()[group.bands].to(ears.width)
    control = _power(_filtered(spectra, group, _widest_gammatones(group.bands.start).to(spectra))[..., : kept + tail])
    mean = control[..., :count].mean(-1, keepdim=True)
    loud = 10 * torch.log10(mean[..., 0].clamp(min=TINY)) + level_spl
    width = ears.width + ((loud - 50) / 50).clamp(0, 1) * (widest - ears.width)
    output = _filtered(spectra, group, _gammatones(group, width))[..., : kept + tail]
    power = _power(output)

    gain = _response_to(_compression(control, ears, level_spl), "delay", group.step, 200)
    long_term = 10 * torch.log10(power[..., :count].mean(-1).clamp(min=TINY)) + level_spl
    level = (long_term.relu() + _compression(mean, ears, level_spl)[..., 0].log() / DB - ears.inner).relu()
    return _Half(gain * power.clamp(min=TINY).sqrt(), (gain * output.real)[..., :kept], level, width)


def _compression(power: Tensor, ears: Ear, level_spl: float) -> Tensor:
    """Gain of the outer hair cells, as a factor, for powers (2, bands, n) of the control path.

    It is compressive from the knee to 100 dB SPL.
    """
    slope = (1 - 1 / ears.ratio)[..., None] / 2  # of log gain over log power
    knee = 2 * DB * (ears.knee[..., None] - level_spl)
    level = power.clamp(min=TINY).log().clamp(knee, knee.new_tensor(2 * DB * (100 - level_spl)))
    return torch.addcmul(slope * knee - DB * ears.outer[..., None], slope, level, value=-1).exp_()


@constant()
def _widest() -> Tensor:
    """Relative width of the filters without outer hair cells, (32,).

    It is also that of the control path, and of very loud signals.
    """
    return ear(np.full(6, 100.0)).width


@constant()
def _bandwidths() -> Tensor:
    """Bandwidths of a healthy ear's gammatone filters, in nepers per sample, (32,)."""
    return torch.from_numpy(2 * pi / RATE * 1.019 * (24.7 + centre_frequencies() / 9.26449))


def _group_delay(width: Tensor) -> Tensor:
    """The delay that each band needs to be as late as the slowest one, in samples at 24 kHz, (32,)."""
    a = torch.exp(-width.double() * _bandwidths().to(width.device))
    delay = ((4 * a + 8 * a * a) / (1 + 4 * a + 4 * a * a) + 4 * a / (1 - a)).round().long()
    return delay.max() - delay


# Gammatone filters, in blocks (overlap-save).


@constant()
def _middle_ear(block: int) -> Tensor:
    """Response of the middle ear at the bins of a block.

    It is a second-order high-pass at 350 Hz followed by a first-order low-pass at 5 kHz.
    """
    grid = 2 * pi * np.arange(block) / block
    return torch.from_numpy(
        freqz(*butter(2, 350, "high", fs=RATE), worN=grid)[1] * freqz(*butter(1, 5000, fs=RATE), worN=grid)[1]
    )


def _block_spectra(signals: Tensor, group: Group) -> Tensor:
    """Spectra of blocks after the middle ear, (2, blocks, bins of the group), from signals (2, time)."""
    history = group.block // 8
    hop = group.block - history
    blocks = ceil((signals.shape[-1] + group.step * (TAIL + OVER)) / hop)
    padded = torch.nn.functional.pad(signals, (history, blocks * hop - signals.shape[-1]))
    spectra = torch.fft.fft(padded.unfold(-1, group.block, hop))
    return _cut(spectra * _middle_ear(group.block).to(spectra), group)


def _cut(values: Tensor, group: Group) -> Tensor:
    """The bins in a group's frequency range, in the order of an FFT at its rate."""
    if group.step == 1:
        return values
    below = -group.lowest * group.block // RATE
    return torch.cat((values[..., : group.block // group.step - below], values[..., -below:]), -1)


@constant()
def _rotations(first: int) -> Tensor:
    """exp(-j(ω - ω_c)) for the group that begins with band `first`, (bands, bins)."""
    group = next(group for group in GROUPS if group.bands.start == first)
    bins = _cut(torch.arange(group.block), group).numpy() / group.block
    return torch.from_numpy(np.exp(-2j * pi * (bins - centre_frequencies()[group.bands, None] / RATE)))


def _gammatones(group: Group, width: Tensor) -> Tensor:
    """Responses (…, bands, bins) of complex fourth-order gammatone filters of relative widths (…, bands).

    They are impulse-invariant (Cooke 1993).
    """
    a = torch.exp(-width * _bandwidths()[group.bands].to(width))[..., None]
    shifted = a * _rotations(group.bands.start).to(torch.promote_types(width.dtype, torch.complex64))
    rest = 1 - shifted
    inverse = rest.conj() * ((1 - a) / (rest.real.square() + rest.imag.square()))
    return (1 + 4 * shifted * (1 + shifted)) * (inverse * inverse).square() * (2 / (1 + 4 * a + 4 * a * a) / group.step)


@constant()
def _widest_gammatones(first: int) -> Tensor:
    group = next(group for group in GROUPS if group.bands.start == first)
    return _gammatones(group, _widest()[group.bands])


def _filtered(spectra: Tensor, group: Group, responses: Tensor) -> Tensor:
    """Analytic output of filters, (2, bands, samples)."""
    return torch.fft.ifft(spectra[:, None] * responses.unsqueeze(-2))[..., group.block // 8 // group.step :].flatten(-2)


def _power(output: Tensor) -> Tensor:
    """Squared magnitude of a complex signal."""
    parts = torch.view_as_real(output)
    return parts[..., 0].square() + parts[..., 1].square()


# First- and second-order filters after the compression, by their response at 24 kHz.


@constant(32)
def _responses(kind: str, step: int, size: int) -> Tensor:
    grid = 2 * pi * np.arange(size // 2 + 1) / (step * size)
    return torch.from_numpy(
        freqz(*butter(1, 800, fs=RATE), worN=grid)[1] if kind == "delay" else freqz(*_adaptation(), worN=grid)[1] / DB
    )


def _adaptation() -> tuple[np.ndarray, np.ndarray]:
    """Rapid (2 ms) and short-term (60 ms) adaptation of the inner hair cells, overshoot 2, as a digital filter.

    It is a circuit of two RC sections, discretised by backward differences: with s_k the RC products in samples, the
    node voltages v₁ and v₂ solve (R₁ + R₂ + s₁) v₁ - R₁ v₂ = R₂ v₀ + s₁ v₁[-1] and
    (R₂ + R₃ + s₂) v₂ - R₃ v₁ = s₂ v₂[-1], and the output is (v₀ - v₁) / R₁.
    """
    r1 = 0.5
    r2 = r3 = 0.5 * (1 - r1)
    s1, s2 = 0.002 * (r1 + r2) * RATE, 0.06 * r2 / (r1 + r2) * RATE
    first, second = np.array([r1 + r2 + s1, -s1]), np.array([r2 + r3 + s2, -s2])
    determinant = np.convolve(first, second) - [r1 * r3, 0, 0]
    return (determinant - np.append(r2 * second, 0)) / r1, determinant


def _response_to(signal: Tensor, kind: str, step: int, ringing: int) -> Tensor:
    """Filter by "delay", the 800-Hz low-pass of the compression, or "adaptation", which also converts nepers to dB.

    `ringing` samples at 24 kHz are added for the response to decay.
    """
    # sizes in steps, so that cached responses can be reused
    size = next_fast_len(-(-(signal.shape[-1] + ringing // step) // 2048) * 2048, real=True)
    spectrum = torch.fft.rfft(signal, n=size)
    return torch.fft.irfft(spectrum.mul_(_responses(kind, step, size).to(spectrum)), n=size)[..., : signal.shape[-1]]


def covered(moved: Moved, step: int, length: int) -> Tensor:
    """A signal (2, bands, n), weighted by the share of each sample before the end at `length` samples at 24 kHz."""
    position = step * torch.arange(moved.signal.shape[-1], device=moved.phase.device) + moved.phase[..., None]
    return moved.signal * ((length - 0.5 - position) / step + 0.5).clamp(0, 1).to(moved.signal)
