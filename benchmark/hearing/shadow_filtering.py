"""Shadow filtering: apply a front-end's masks for a mixture to its speech and its noise separately.

This shows what the front-end does to each of the two.
"""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
import torch
from torch import Tensor

from benchmark.contracts import SAMPLE_RATE, Batch, FrontEnd
from benchmark.hearing.prescriptions import NAL_R_HZ, nal_r

FIGURES = {  # columns of `shadows`, and their titles
    "shadow_snr": "SNR gained, dB",
    "shadow_band_snr": "SNR gained in bands, dB",
    "shadow_band_snr_moved": "SNR of a band, moved either way, dB",
    "shadow_gain": "insertion gain of the speech, dB",
    "shadow_nal_r": "off NAL-R, dB",
}
_HALF_BAND = 2 ** (1 / 6)  # from the centre of a third-octave band to its edges
_TINY = 1e-12  # power
# share of a sound's power below which a band counts as empty: what leaks in from louder bands says nothing about the
# mask
_FAINT = 1e-4


def shadows(front_end: FrontEnd, batches: Iterable[Batch], settings: Sequence[Mapping[str, float]]) -> pd.DataFrame:
    """Measure the effect of each setting of the controls, averaged over scenes.

    Args:
        front_end: with a method `shadow(heard, others, **controls)` that applies the masks computed from `heard` to
            other sounds of the same shape
        batches: one scene each, with a clean signal and an interferer, and with a listener if the front-end needs one
        settings: of the controls
    Returns:
        one row per setting, and these columns, all in dB:

        - shadow_snr: gain in signal-to-noise ratio (SNR)
        - shadow_band_snr: the same, averaged over third-octave bands around NAL_R_HZ in which both speech and noise
          have at least a ten-thousandth of their power. No linear filter changes it, and thus no prescription. NaN if
          there is no such band
        - shadow_band_snr_moved: mean absolute gain in SNR in these bands, in which gains and losses in different bands
          or scenes do not cancel
        - shadow_gain: insertion gain of the speech
        - shadow_nal_r: root mean square over the bands of the speech's insertion gain less that prescribed by NAL-R;
          NaN without a listener
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
    """The figures of one scene, from `_powers` of speech and noise before and after."""
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
    """Power of a sound (1, 1, time), in total and then in each band, (1 + bands,)."""
    spectrum = torch.fft.rfft(audio[0, 0].double()).abs().square() / audio.shape[-1]
    hertz = torch.fft.rfftfreq(audio.shape[-1], 1 / SAMPLE_RATE)
    bands = [spectrum[(hertz >= f / _HALF_BAND) & (hertz < f * _HALF_BAND)].sum() for f in NAL_R_HZ]
    return torch.stack([spectrum.sum(), *bands])
