"""HASPI version 2: speech intelligibility for impaired ears against a clean reference, in [0, 1]."""

from math import pi

import numpy as np
import torch
from torch import Tensor

from benchmark.contracts import FULL_SCALE_DB_SPL, SAMPLE_RATE, Figure, Metric, Signals
from benchmark.hearing.prescriptions import NAL_R_HZ, thresholds_at
from benchmark.metrics._constants import constant
from benchmark.metrics._haspi_networks import HIDDEN, LARGEST, OUTPUT
from benchmark.metrics._kates import BANDS, BandOutput, covered, ear, listen
from benchmark.metrics._kates_features import cepstral_basis, covariance, is_loud
from benchmark.metrics._kates_inputs import at_ear, each
from benchmark.metrics._utterances import no_value

_SPACING = 9  # samples at 24 kHz from one envelope sample to the next; Kates takes the rate as 2560 Hz
_CENTRES = (2, 6, 10, 16, 25, 40, 64, 100, 160, 256)  # Hz, of modulation filters
_JITTER, _SILENCE = 0.1, 2.5  # dB: noise of the nerve fibres; least loudness above threshold of samples that count
_HANN = 52  # taps at 24 kHz: -3 dB at 320 Hz


def haspi(
    reference: Tensor,
    processed: Tensor,
    audiogram: Tensor,
    sample_rate: int = SAMPLE_RATE,
    level_spl: float = FULL_SCALE_DB_SPL,
    lengths: Tensor | None = None,
) -> Tensor:
    """Hearing-aid speech perception index, version 2, in [0, 1], (batch,): the share of keywords understood.

    Kates, Arehart, Speech Communication 131, 2021. The processed signal as the impaired ear hears it is compared with
    the reference as a healthy ear hears it. Cepstral coefficients of the envelopes in 32 auditory bands are correlated
    at ten modulation rates, and an ensemble of small networks maps the correlations to the index. Values agree with
    pyclarity's haspi_v2 within 1e-3 for utterances of a second or more. In shorter ones, two lags of a band can fit
    almost equally well (to 2e-4), or a delay can lie between two samples. The choice can then move the index by a few
    thousandths, and by up to 0.05 at half a second.

    Differentiable in `processed`; lags, trimming and the choice of samples that count are constants for the gradient.
    The noise of the model's nerve fibres (0.1 dB) is one fixed sequence, the same in every call: our choice, for
    reproducible values. Computed in the dtype of `reference`.

    Args:
        reference, processed: (batch, time); the reference is clean and unamplified, the processed signal has the gain
            of the aid
        audiogram: (batch, 10), -10 to 120 dB HL at benchmark.contracts.AUDIOGRAM_HZ
        sample_rate: Hz
        level_spl: dB SPL of an rms of 1.0, -194 to 194
        lengths: (batch,) samples of each utterance; the padding behind them changes nothing; None: no padding
    Returns:
        (batch,); NaN where the reference is silent, inaudible or too short (0.24 s), and where a signal is not finite
        or louder than 194 dB SPL. A silent processed signal gets the value of an inaudible one, about 0.01
    Raises:
        ValueError: where shapes, thresholds, sample rate or lengths cannot be used
    """

    def score(x: Tensor, y: Tensor, listener: Tensor) -> Tensor:
        groups = listen(
            torch.stack((x, y)), (ear(np.zeros(6)), ear(thresholds_at(listener, NAL_R_HZ).numpy())), level_spl
        )
        return _understood(torch.cat([_smoothed(heard, len(x)) for heard in groups], 1))

    return each(score, reference, processed, audiogram, sample_rate, level_spl, lengths)


class HASPI(Metric):
    """Hearing-aid speech perception index, version 2."""

    figures = {"haspi": Figure(best=1.0, floor=0.0, worst=0.0)}
    needs = frozenset({"clean", "listener"})
    source = "Kates, Arehart, Speech Communication 131, 2021"

    def measure(self, signals: Signals) -> dict[str, float]:
        """See haspi; a silent output has no value here."""
        return {"haspi": at_ear(haspi, signals)}


def _smoothed(heard: BandOutput, length: int) -> Tensor:
    """Envelopes, smoothed by a Hann window and decimated to every ninth sample of 24 kHz, (2, bands, time).

    A band at a half or a quarter of the rate needs windows at two or four phases.
    """
    step, phase, signal = heard.step, heard.envelope.phase, covered(heard.envelope, heard.step, length)
    reach = _HANN // (2 * step) + 2
    time = (
        step * torch.arange(-reach, reach + _SPACING * (step - 1) // step + 1, device=phase.device) + phase[..., None]
    )
    # from the middle of the window, (2, bands, step, taps)
    offset = torch.stack([time - _SPACING * turn for turn in range(step)], -2) - 0.5
    window = torch.where(offset.abs() < _HANN / 2 + 0.5, torch.cos(pi * offset / (_HANN + 1)).square(), 0)
    window = (window / window.sum(-1, keepdim=True)).to(signal)
    padded = torch.nn.functional.pad(signal.flatten(0, 1), (reach, reach + 2 * _SPACING))
    turns = torch.nn.functional.conv1d(padded[None], window.flatten(0, 2)[:, None], stride=_SPACING, groups=len(padded))
    return turns.reshape(*signal.shape[:2], step, -1).transpose(-1, -2).flatten(-2)[..., : -(-length // _SPACING)]


def _understood(envelopes: Tensor) -> Tensor:
    """The index, from envelopes in dB above threshold, (2, 32, time)."""
    envelopes = envelopes[..., is_loud(envelopes[0], _SILENCE)]
    count = envelopes.shape[-1]
    if count <= 1:
        return no_value(envelopes)
    basis = cepstral_basis().to(envelopes)
    cepstra = basis[1:] @ (envelopes + _JITTER * _jitter(1 << (count - 1).bit_length())[..., :count].to(envelopes))
    modulated = _modulations(cepstra - cepstra.mean(-1, keepdim=True))
    features = covariance(*modulated).mean(0)
    hidden = torch.sigmoid(_layer(HIDDEN, features.expand(len(HIDDEN), -1)[:, None]))
    return torch.sigmoid(_layer(OUTPUT[:, None], hidden[:, None])).mean() / LARGEST


def _layer(weights: np.ndarray, inputs: Tensor) -> Tensor:
    table = torch.from_numpy(weights).to(inputs)
    return table[..., 0] + (table[..., 1:] * inputs).sum(-1)


@constant()
def _jitter(count: int) -> Tensor:
    """Noise for reference and processed signal, (2, 32, count); a shorter one is the beginning of a longer one."""
    return torch.from_numpy(np.random.default_rng(0).standard_normal((count, 2, BANDS)).transpose(1, 2, 0).copy())


def _modulations(cepstra: Tensor) -> Tensor:
    """Cepstra (2, 5, time) behind the modulation filters, (2, 5, 10, time).

    Their kernels are Hann windows, 0.24 s long up to 10 Hz and with a constant quality factor above.
    """
    size = 1 << (cepstra.shape[-1] + 2 * _longest() - 1).bit_length()
    spectrum = torch.fft.rfft(cepstra, n=size)[..., None, :]
    return torch.fft.irfft(spectrum * _modulation_filters(size).to(cepstra), n=size)[..., : cepstra.shape[-1]]


def _longest() -> int:
    return int(0.24 * 2560 / 2)


@constant()
def _modulation_filters(size: int) -> Tensor:
    """Real responses of zero-phase filters, (10, size // 2 + 1).

    The paper's demodulation and modulation together are one band-pass.
    """
    kernels = np.zeros((len(_CENTRES), size))
    for kernel, centre in zip(kernels, _CENTRES, strict=True):
        half = int(0.24 * 10 / max(centre, 10) * 2560 / 2)
        window = np.hanning(2 * half + 1)
        time = np.arange(-half, half + 1)
        kernel[time] = (
            window / window.sum() * (1 if centre == _CENTRES[0] else 2 * np.cos(2 * pi * centre / 2560 * time))
        )
    return torch.from_numpy(np.fft.rfft(kernels).real)
