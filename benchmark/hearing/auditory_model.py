"""A differentiable ear: from a waveform and an audiogram to what the auditory nerve is told, in plain PyTorch.

Middle ear, dual-resonance non-linear filterbank (Lopez-Poveda and Meddis, JASA 2001; the "human average" parameters),
inner hair cells, logarithmic adaptation. A hearing loss weakens the outer hair cells, which amplify what is soft, and
the inner hair cells, which report it (Jepsen and Dau, JASA 2011, share out an audiogram between them). All filters are
finite and applied by FFT.
"""

import numpy as np
import torch
from scipy.signal import butter, hilbert, lfilter
from torch import Tensor, nn

from benchmark.contracts import AUDIOGRAM_HZ, SAMPLE_RATE
from benchmark.hearing.filters import filtered, fir2, interpolated

TAPS = 512  # of every filter
RANGE_HZ = (80.0, 7643.0)  # of the channels' frequencies: the highest non-linear path still lies below 8 kHz
MODEL_GAIN = 0.5  # from rms 1.0 = 100 dB SPL to pascal, with 94 dB for 1 Pa
SMALLEST = 1e-5  # output of an inner hair cell at which the logarithm sets in
# Peak displacement of the stapes in micrometres at 104 dB SPL, by frequency in Hz (Goode et al., Am. J. Otology 1994) …
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
# … and velocities in m/s at 0 dB SPL beyond them (Lopez-Poveda and Meddis 2001).
_BEYOND = {0: 0.0, 100: 1.181e-9, 200: 2.363e-9, 7000: 8.705e-10, 7500: 8.000e-10, 8000: 7.619e-10}
# The most that losing all outer hair cells costs, in dB, at AUDIOGRAM_HZ.
_OUTER_MOST = (18.5919, 23.0654, 25.2603, 30.7013, 34.0273, 38.6753, 39.5319, 39.4930, 39.3156, 40.5211)
_OUTER_SHARE = 2 / 3  # of a loss, as long as there are outer hair cells to lose


class AuditoryModel(nn.Module):
    """A waveform at 16 kHz, where rms 1.0 is 100 dB SPL, to 31 channels at the same rate: log(1 + inner hair cell /
    1e-5), 0 or more.

    Gradients are finite everywhere, on silence too.
    """

    centres: Tensor  # Hz, (31,)
    linear: Tensor  # middle ear and linear path as one filter a channel, (31, taps) …
    before: Tensor  # … middle ear and first filter of the non-linear path …
    after: Tensor  # … what follows the broken stick …
    cell: Tensor  # … and the low-pass filter of inner hair cells
    gain: Tensor  # of the broken stick: below the knee, (31, 1) …
    compressed: Tensor  # … and above it, of the fourth root

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
        """What each channel reports.

        Args:
            audio: (batch, time)
            audiogram: (batch, 10), thresholds in dB HL at AUDIOGRAM_HZ; None: a normal ear
        Returns:
            (batch, 31, time)
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
        """The velocity of the basilar membrane in each channel, m/s up to a scale, (batch, 31, time); `outer`: gain of
        the outer hair cells, (batch, 31, 1).
        """
        tuned = filtered((audio[:, None], self.before))
        magnitude = tuned.abs().clamp_min(torch.finfo(tuned.dtype).tiny)
        fourth_root = magnitude.sqrt().sqrt()  # several times as fast as a power
        broken_stick = tuned.sign() * torch.minimum(self.gain * outer * magnitude, self.compressed * fourth_root)
        return filtered((broken_stick, self.after), (audio[:, None], self.linear))


def centre_frequencies() -> np.ndarray:
    """Of the channels, in Hz: steps of 1 on the ERB-number scale of Glasberg and Moore (1990), (31,)."""
    lowest, highest = (9.2645 * np.log(1 + 0.00437 * hertz) for hertz in RANGE_HZ)
    channels = int(highest - lowest) + 1
    numbers = np.arange(channels) + (lowest + highest - channels + 1) / 2
    return (np.exp(numbers / 9.2645) - 1) / 0.00437


def hair_cell_loss(audiogram: Tensor, hertz: Tensor) -> tuple[Tensor, Tensor]:
    """A hearing loss as losses of outer and inner hair cells, both in dB, that add up to it.

    Args:
        audiogram: (batch, 10), dB HL at AUDIOGRAM_HZ
        hertz: (frequencies,); thresholds are interpolated over log frequency, extrapolated at both ends, and lie within
            0 to 105 dB
    Returns:
        two of (batch, frequencies)
    Raises:
        ValueError: where there are not ten thresholds
    """
    if audiogram.shape[-1] != len(AUDIOGRAM_HZ):
        raise ValueError(f"an audiogram has {len(AUDIOGRAM_HZ)} thresholds, not {audiogram.shape[-1]}")
    known, wanted = torch.log10(audiogram.new_tensor(AUDIOGRAM_HZ)), torch.log10(hertz.to(audiogram))
    total = interpolated(audiogram, known, wanted, extrapolate=True).clamp(0, 105)
    most = interpolated(audiogram.new_tensor(_OUTER_MOST), known, wanted, extrapolate=True)
    outer = torch.minimum(_OUTER_SHARE * total, most)
    return outer, total - outer


def _parameter(hertz: float, offset: float, slope: float) -> float:
    """Parameters of the filterbank are straight lines over log frequency."""
    return float(10**offset * hertz**slope)


def _linear_cf(hertz: float) -> float:
    return _parameter(hertz, -0.06762, 1.01679)


def _tuned_cf(hertz: float) -> float:
    return _parameter(hertz, -0.05252, 1.01650)


def _middle_ear() -> np.ndarray:
    """From pascal to the velocity of the stapes in m/s, minimum phase, (513,): designed by frequency sampling, as the
    published model's filter was.
    """
    velocities = {
        f: 1e-6 * displacement * 2 * np.pi * f * 10 ** (-104 / 20) * 2**0.5 for f, displacement in _STAPES.items()
    } | _BEYOND
    hertz, magnitudes = torch.tensor(sorted(velocities.items()), dtype=torch.float64).T
    magnitude = np.abs(np.fft.fft(fir2(2 * hertz / SAMPLE_RATE, magnitudes, TAPS + 1).numpy()))
    return np.real(np.fft.ifft(magnitude * np.exp(-1j * np.imag(hilbert(np.log(magnitude)))))) / 20e-6


def _gammatone(hertz: float, bandwidth: float, order: int) -> np.ndarray:
    time, b, w = np.arange(TAPS) / SAMPLE_RATE, 2 * np.pi * bandwidth, 2 * np.pi * hertz
    factorial = float(np.prod(np.arange(1, order)))
    unit_gain = 2 / (factorial * abs(1 / b**order + 1 / (b + 2j * w) ** order) * SAMPLE_RATE)
    return unit_gain * time ** (order - 1) * np.exp(-b * time) * np.cos(w * time)


def _low_pass(hertz: float) -> np.ndarray:
    """The response of a Butterworth filter of second order."""
    return lfilter(*butter(2, hertz, fs=SAMPLE_RATE), np.eye(1, TAPS)[0])


def _cascade(*filters: np.ndarray) -> np.ndarray:
    result = filters[0]
    for other in filters[1:]:
        result = np.convolve(result, other)
    return result


def _stacked(filters: list[np.ndarray]) -> Tensor:
    """As (channels, taps), as long as 1e-7 of the peak is left anywhere."""
    stack = np.stack(filters)
    audible = np.abs(stack) > 1e-7 * np.abs(stack).max(-1, keepdims=True)
    return torch.from_numpy(stack[:, : int(np.flatnonzero(audible.any(0))[-1]) + 1]).float()
