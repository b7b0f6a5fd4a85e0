"""A differentiable auditory model in PyTorch: from a waveform and an audiogram to the input of the auditory nerve.

It consists of a middle ear, a dual-resonance non-linear (DRNL) filterbank (Lopez-Poveda and Meddis, JASA 2001, with the
"human average" parameters), inner hair cells and logarithmic adaptation. A hearing loss reduces the gain of the outer
hair cells, which amplify soft sounds, and that of the inner hair cells, which transmit them; an audiogram is divided
between the two as by Jepsen and Dau (JASA 2011). All filters are finite and applied by FFT.
"""

import numpy as np
import torch
from scipy.signal import butter, hilbert, lfilter
from torch import Tensor, nn

from benchmark.contracts import AUDIOGRAM_HZ, SAMPLE_RATE
from benchmark.hearing.filters import filtered, fir2, interpolated

TAPS = 512  # length of every filter
RANGE_HZ = (80.0, 7643.0)  # range of centre frequencies; the highest non-linear path is still below 8 kHz
MODEL_GAIN = 0.5  # from rms 1.0 = 100 dB SPL to pascal, with 1 Pa at 94 dB SPL
SMALLEST = 1e-5  # output of an inner hair cell below which the logarithm is nearly linear
# Peak displacement of the stapes in micrometres at 104 dB SPL, by frequency in Hz (Goode et al., Am. J. Otology 1994).
_STAPES = {
    400: 0.19953,
    600: 0.22909,
    800: 0.21878,
    1000: 0.15136,
    1200: 0.10000,
    1400: 0.07943,
    1600: 0.05754,
    1800: 0.04365,
    2000: 0.03311,
    2200: 0.02754,
    2400: 0.02188,
    2600: 0.01820,
    2800: 0.01445,
    3000: 0.01259,
    3500: 0.00900,
    4000: 0.00700,
    4500: 0.00457,
    5000: 0.00500,
    5500: 0.00400,
    6000: 0.00300,
    6500: 0.00275,
}
# Velocity of the stapes in m/s at 0 dB SPL at other frequencies (Lopez-Poveda and Meddis 2001).
_BEYOND = {0: 0.0, 100: 1.181e-9, 200: 2.363e-9, 7000: 8.705e-10, 7500: 8.000e-10, 8000: 7.619e-10}
# Loss in dB at AUDIOGRAM_HZ if there are no outer hair cells: their largest share of a hearing loss.
_OUTER_MOST = (18.5919, 23.0654, 25.2603, 30.7013, 34.0273, 38.6753, 39.5319, 39.4930, 39.3156, 40.5211)
_OUTER_SHARE = 2 / 3  # share of a hearing loss due to outer hair cells, up to that limit


class AuditoryModel(nn.Module):
    """From a waveform at 16 kHz, where rms 1.0 is 100 dB SPL, to 31 channels at the same rate.

    A channel is log(1 + inner hair cell output / 1e-5), 0 or more. Gradients are finite everywhere, on silence too.
    """

    centres: Tensor  # Hz, (31,)
    linear: Tensor  # middle ear and linear path as one filter per channel, (31, taps)
    before: Tensor  # middle ear and first filter of the non-linear path, (31, taps)
    after: Tensor  # filters of the non-linear path after the broken-stick non-linearity, (31, taps)
    cell: Tensor  # low-pass filter of the inner hair cells, (1, taps)
    gain: Tensor  # of the broken stick below the knee, (31, 1)
    compressed: Tensor  # of the broken stick above the knee, factor of the fourth root, (31, 1)

    def __init__(self) -> None:
        super().__init__()
        centres = centre_frequencies()
        middle_ear = MODEL_GAIN * _middle_ear()
        linear, before, after = [], [], []
        for f in centres:
            tuned = _gammatone(_tuned_cf(f), _parameter(f, -0.03193, 0.77426), 3)
            before.append(_cascade(middle_ear, tuned))
            after.append(_cascade(tuned, *3 * [_low_pass(_tuned_cf(f))]))
            broad = _gammatone(_linear_cf(f), _parameter(f, 0.03728, 0.78563), 2)
            linear.append(
                _parameter(f, 4.20405, -0.47909) * _cascade(middle_ear, broad, *4 * [_low_pass(_linear_cf(f))])
            )
        self.register_buffer("centres", torch.from_numpy(centres).float(), persistent=False)
        self.register_buffer("linear", _stacked(linear), persistent=False)
        self.register_buffer("before", _stacked(before), persistent=False)
        self.register_buffer("after", _stacked(after), persistent=False)
        self.register_buffer("cell", _stacked([_low_pass(1000.0)]), persistent=False)
        self.register_buffer(
            "gain", torch.tensor([_parameter(f, 1.40298, 0.81916) for f in centres])[:, None], persistent=False
        )
        self.register_buffer(
            "compressed", torch.tensor([_parameter(f, 1.61912, -0.81867) for f in centres])[:, None], persistent=False
        )

    def forward(self, audio: Tensor, audiogram: Tensor | None = None) -> Tensor:
        """The output of all channels, (batch, 31, time).

        Args:
            audio: (batch, time)
            audiogram: (batch, 10), thresholds in dB HL at AUDIOGRAM_HZ; None for a normal ear
        Raises:
            ValueError: there are not ten thresholds
        """
        outer, inner = (
            (1.0, 1.0)
            if audiogram is None
            else (10 ** (-loss[..., None] / 20) for loss in hair_cell_loss(audiogram, self.centres))
        )
        velocity = torch.relu(self.basilar_membrane(audio, outer))
        cell = filtered((velocity, self.cell))
        return torch.log1p(torch.relu(cell) * inner / SMALLEST)

    def basilar_membrane(self, audio: Tensor, outer: Tensor | float = 1.0) -> Tensor:
        """The velocity of the basilar membrane in each channel, in m/s up to a factor, (batch, 31, time).

        Args:
            audio: (batch, time)
            outer: gain of the outer hair cells, (batch, 31, 1), 1 for a normal ear
        """
        tuned = filtered((audio[:, None], self.before))
        magnitude = tuned.abs().clamp_min(torch.finfo(tuned.dtype).tiny)
        fourth_root = magnitude.sqrt().sqrt()  # several times as fast as ** 0.25
        broken_stick = tuned.sign() * torch.minimum(self.gain * outer * magnitude, self.compressed * fourth_root)
        return filtered((broken_stick, self.after), (audio[:, None], self.linear))


def centre_frequencies() -> np.ndarray:
    """Centre frequencies of the channels in Hz, (31,), in steps of 1 on the ERB-number scale (Glasberg, Moore 1990)."""
    lowest, highest = (9.2645 * np.log(1 + 0.00437 * hertz) for hertz in RANGE_HZ)
    channels = int(highest - lowest) + 1
    numbers = np.arange(channels) + (lowest + highest - channels + 1) / 2
    return (np.exp(numbers / 9.2645) - 1) / 0.00437


def hair_cell_loss(audiogram: Tensor, hertz: Tensor) -> tuple[Tensor, Tensor]:
    """Divide a hearing loss into losses of outer and inner hair cells, in dB, that add up to it.

    Thresholds are interpolated over log frequency, extrapolated at both ends, and limited to 0 to 105 dB.

    Args:
        audiogram: (batch, 10), dB HL at AUDIOGRAM_HZ
        hertz: (frequencies,), where the losses are wanted
    Returns:
        the losses of outer and of inner hair cells, each (batch, frequencies)
    Raises:
        ValueError: there are not ten thresholds
    """
    if audiogram.shape[-1] != len(AUDIOGRAM_HZ):
        raise ValueError(f"an audiogram has {len(AUDIOGRAM_HZ)} thresholds, not {audiogram.shape[-1]}")
    known, wanted = torch.log10(audiogram.new_tensor(AUDIOGRAM_HZ)), torch.log10(hertz.to(audiogram))
    total = interpolated(audiogram, known, wanted, extrapolate=True).clamp(0, 105)
    most = interpolated(audiogram.new_tensor(_OUTER_MOST), known, wanted, extrapolate=True)
    outer = torch.minimum(_OUTER_SHARE * total, most)
    return outer, total - outer


def _parameter(hertz: float, offset: float, slope: float) -> float:
    """A parameter of the filterbank at a frequency; its logarithm is linear over log frequency."""
    return float(10**offset * hertz**slope)


def _linear_cf(hertz: float) -> float:
    """Centre frequency of the linear path, in Hz."""
    return _parameter(hertz, -0.06762, 1.01679)


def _tuned_cf(hertz: float) -> float:
    """Centre frequency of the non-linear path, in Hz."""
    return _parameter(hertz, -0.05252, 1.01650)


def _middle_ear() -> np.ndarray:
    """The minimum-phase filter from pascal to the velocity of the stapes in m/s, (513,).

    It is designed by frequency sampling, like that of the published model.
    """
    velocities = {
        f: 1e-6 * displacement * 2 * np.pi * f * 10 ** (-104 / 20) * 2**0.5 for f, displacement in _STAPES.items()
    } | _BEYOND
    hertz, magnitudes = torch.tensor(sorted(velocities.items()), dtype=torch.float64).T
    magnitude = np.abs(np.fft.fft(fir2(2 * hertz / SAMPLE_RATE, magnitudes, TAPS + 1).numpy()))
    return np.real(np.fft.ifft(magnitude * np.exp(-1j * np.imag(hilbert(np.log(magnitude)))))) / 20e-6


def _gammatone(hertz: float, bandwidth: float, order: int) -> np.ndarray:
    """The impulse response of a gammatone filter with unit gain at its centre frequency."""
    time, b, w = np.arange(TAPS) / SAMPLE_RATE, 2 * np.pi * bandwidth, 2 * np.pi * hertz
    factorial = float(np.prod(np.arange(1, order)))
    unit_gain = 2 / (factorial * abs(1 / b**order + 1 / (b + 2j * w) ** order) * SAMPLE_RATE)
    return unit_gain * time ** (order - 1) * np.exp(-b * time) * np.cos(w * time)


def _low_pass(hertz: float) -> np.ndarray:
    """The impulse response of a second-order Butterworth low-pass filter."""
    return lfilter(*butter(2, hertz, fs=SAMPLE_RATE), np.eye(1, TAPS)[0])


def _cascade(*filters: np.ndarray) -> np.ndarray:
    """Convolve impulse responses with each other."""
    result = filters[0]
    for other in filters[1:]:
        result = np.convolve(result, other)
    return result


def _stacked(filters: list[np.ndarray]) -> Tensor:
    """Stack filters to (channels, taps), cut where all have decayed to 1e-7 of their peaks."""
    stack = np.stack(filters)
    audible = np.abs(stack) > 1e-7 * np.abs(stack).max(-1, keepdims=True)
    return torch.from_numpy(stack[:, : int(np.flatnonzero(audible.any(0))[-1]) + 1]).float()
