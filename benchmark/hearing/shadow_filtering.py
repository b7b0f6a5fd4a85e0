"""Shadow filtering: the masks that a front-end makes for a mixture, applied to its speech and its noise apart: what it
does to either is seen by itself.
"""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
import torch
from torch import Tensor

from benchmark.contracts import SAMPLE_RATE, Batch, FrontEnd
from benchmark.hearing.prescriptions import NAL_R_HZ, nal_r

FIGURES = {  # columns, see below, and their titles
    "shadow_snr": "SNR gained, dB",
    "shadow_band_snr": "SNR gained in bands, dB",
    "shadow_band_snr_moved": "SNR of a band, moved either way, dB",
    "shadow_gain": "insertion gain of the speech, dB",
    "shadow_nal_r": "off NAL-R, dB",
}
_HALF_BAND = 2 ** (1 / 6)  # from the centre of a band of a third of an octave to its edges
_TINY = 1e-12  # power
# share of a sound's power below which a band holds none of it: what leaks there from louder bands says nothing of the
# mask
_FAINT = 1e-4


def shadows(front_end: FrontEnd, batches: Iterable[Batch], settings: Sequence[Mapping[str, float]]) -> pd.DataFrame:
    """What each setting of the controls does, one line each, means over batches of one scene each.

    Args:
        front_end: with a method `shadow(heard, others, **controls)`, which applies the masks made for `heard` to other
            sounds of its shape
        batches: with a clean signal; with an interferer and, where the front-end needs it, a listener
    Returns:
        columns, all in dB shadow_snr: gain of the signal-to-noise ratio over the input's shadow_band_snr: the same, the
            mean over bands of a third of an octave around NAL_R_HZ in which speech and noise both have at least a
            ten-thousandth of their power: no linear filter, so no prescription, changes it; NaN where there is no such
            band
        shadow_band_snr_moved: how far it is from 0 in a band, whichever way, on average: what goes up in one band or
            scene and down in another does not cancel shadow_gain: insertion gain of the speech shadow_nal_r: root mean
            square over the bands of the speech's insertion gain less what NAL-R prescribes; NaN without a listener
    """
    lines: list[list[dict[str, float]]] = [[] for _ in settings]
    with torch.inference_mode():
        for batch in batches:
            assert batch.clean is not None
            parts = (batch.clean, batch.heard.audio - batch.clean)
            before = [_powers(part) for part in parts]
            for line, controls in zip(lines, settings, strict=True):
                after = [_powers(part) for part in front_end.shadow(batch.heard, parts, **controls)]  # type: ignore[operator]
                line.append(_figures(before, after, batch.heard.listener))
    return pd.DataFrame([pd.DataFrame(line).mean() for line in lines])


def _figures(before: Sequence[Tensor], after: Sequence[Tensor], listener: Tensor | None) -> dict[str, float]:
    """Powers of speech and noise, (bands + 1,), all of it first."""
    speech, noise = (10 * torch.log10((new + _TINY) / (old + _TINY)) for new, old in zip(after, before, strict=True))
    gained = speech - noise
    shares = torch.stack([power[1:] / (power[0] + _TINY) for power in before])
    bands = gained[1:][(shares >= _FAINT).all(0)]
    missed = torch.nan if listener is None else (speech[1:] - nal_r(listener[0, 0])).square().mean().sqrt()
    return dict(
        zip(
            FIGURES,
            (float(gained[0]), float(bands.mean()), float(bands.abs().mean()), float(speech[0]), float(missed)),
            strict=True,
        )
    )


def _powers(audio: Tensor) -> Tensor:
    """Of (1, 1, time): all of it, and in each band."""
    spectrum = torch.fft.rfft(audio[0, 0].double()).abs().square() / audio.shape[-1]
    hertz = torch.fft.rfftfreq(audio.shape[-1], 1 / SAMPLE_RATE)
    bands = [spectrum[(hertz >= f / _HALF_BAND) & (hertz < f * _HALF_BAND)].sum() for f in NAL_R_HZ]
    return torch.stack([spectrum.sum(), *bands])
