"""Hearing loss: what an impaired ear understands of enhanced and amplified speech, by HASPI and HASQI, for each
listener and SNR.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from benchmark.audio import TINY
from benchmark.contracts import FULL_SCALE_DB_SPL, Batch, Figure, SignalTask
from benchmark.hearing.auditory_loss import AuditoryLoss
from benchmark.metrics import haspi, hasqi
from benchmark.metrics.haspi import HASPI_FIGURE
from benchmark.metrics.hasqi import HASQI_FIGURE

# what a sine of the largest amplitude that is let through has; ours, near the maximum output of aids for moderate to
# severe losses
MAXIMUM_DB_SPL = 115.0
_MAXIMUM = 2**0.5 * 10 ** ((MAXIMUM_DB_SPL - FULL_SCALE_DB_SPL) / 20)


class HearingLoss(SignalTask):
    """A signal task without a model, for listeners of the recipe. A front-end that does not know the listener is
    followed by a prescription.

    HASPI (intelligibility) compares what the impaired ear hears of the output with what a normal ear hears of the clean
    sound. HASQI (quality) compares both by the impaired ear, with the clean sound behind NAL-R: an aid that amplifies
    otherwise than NAL-R is marked down for it. HASPI rewards sheer gain, so the output is clipped at MAXIMUM_DB_SPL,
    and level and gain stand on the board. The score is the mean HASPI in noise over N3, N4 and S3, where it neither
    saturates nor vanishes; that choice is ours. With two ears each has its listener's thresholds, and the ear with the
    higher HASPI counts.

    Trained by how differently the output is heard by the impaired ear and the clean sound by a normal one
    (benchmark.hearing.auditory_loss).
    """

    needs = frozenset({"clean", "listener"})
    figures = {
        "haspi": HASPI_FIGURE,
        "hasqi": HASQI_FIGURE,
        "insertion_gain": Figure(0.0, 0.0, unit="dB"),  # level of the output over that of the scene without any aid
        "output_level": Figure(0.0, 0.0, unit="dB SPL"),
    }
    axes = ("snr", "listener")
    headline = {"listener": ("N3", "N4", "S3")}

    def __init__(self, schema: Mapping[str, Any], prescription: str | dict[str, Any] | None = "nal_r") -> None:
        """`prescription`: a front-end that is chained behind those which do not know the listener; None: they stand
        alone.
        """
        super().__init__(schema)
        self.prescription = prescription
        self.difference = AuditoryLoss()

    def forward(self, audio: Tensor, lengths: Tensor, shared: Tensor | None = None) -> Tensor:
        """(batch, channels, time), clipped as an aid's output is."""
        return audio.clamp(-_MAXIMUM, _MAXIMUM)

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """Difference of what is heard, (batch,), 0 or more; the mean of both ears where there are two."""
        assert batch.clean is not None
        assert batch.heard.listener is not None
        ears = output.shape[1]
        lengths = batch.heard.lengths.repeat_interleave(ears)
        heard = self.difference(
            output.flatten(0, 1), batch.clean.flatten(0, 1), lengths, batch.heard.listener.flatten(0, 1)
        )
        return heard.unflatten(0, (-1, ears)).mean(-1)

    def predict(self, output: Tensor, batch: Batch) -> list[dict[str, Any]]:
        """Measured values by name, the hash of the audio, and why a value is None: "reason" for the output's fault,
        "excluded" for the reference's.
        """
        assert batch.clean is not None
        assert batch.heard.listener is not None
        return [
            self._measured(clean[:, :n], unaided[:, :n], audio[:, :n], thresholds)
            for clean, unaided, audio, thresholds, n in zip(
                batch.clean.cpu(),
                batch.heard.audio.cpu(),
                output.cpu(),
                batch.heard.listener.cpu(),
                batch.heard.lengths.tolist(),
                strict=True,
            )
        ]

    def _measured(self, clean: Tensor, unaided: Tensor, audio: Tensor, thresholds: Tensor) -> dict[str, Any]:
        record: dict[str, Any] = {
            **dict.fromkeys(self.figures),
            "audio": hashlib.sha256(np.ascontiguousarray(audio.numpy(), "<f4").tobytes()).hexdigest(),
        }
        values = haspi(clean, audio, thresholds).masked_fill(audio.square().mean(-1) <= TINY, torch.nan)
        ear = int(values.nan_to_num(-1).argmax())
        if torch.isnan(values[ear]):
            inaudible = torch.isnan(haspi(clean, clean, torch.zeros_like(thresholds))).all()
            return record | (
                {"excluded": "the reference is silent or too short"}
                if inaudible
                else {"reason": "the output is silent"}
            )
        level, before = (_level(signal[ear]) for signal in (audio, unaided))
        pair = slice(ear, ear + 1)
        return record | {
            "haspi": float(values[ear]),
            "hasqi": float(hasqi(clean[pair], audio[pair], thresholds[pair])),
            "insertion_gain": level - before,
            "output_level": level,
        }

    def score(self, predictions: pd.DataFrame, references: pd.DataFrame) -> pd.DataFrame:
        """The values, a count of 1 for each scene, and one for each whose levels are known; zeros for a scene that is
        excluded.
        """
        kept = predictions["excluded"].isna() if "excluded" in predictions else pd.Series(True, predictions.index)
        values = {name: pd.to_numeric(predictions[name]) for name in self.figures}
        heard = kept & values["output_level"].notna()
        columns = {"count": kept.astype(int), "heard": heard.astype(int)}
        return pd.DataFrame(columns | {name: value.fillna(0.0).where(kept, 0.0) for name, value in values.items()})

    def floor(self, references: pd.DataFrame) -> pd.DataFrame:
        """Nothing is understood; no level is known."""
        return pd.DataFrame({"count": 1, "heard": 0, **dict.fromkeys(self.figures, 0.0)}, index=references.index)

    @staticmethod
    def summarise(sums: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Means; levels and gains over the scenes that have them."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return {
                name: np.divide(sums[name], sums["count" if name in ("haspi", "hasqi") else "heard"])
                for name in HearingLoss.figures
            }


def _level(signal: Tensor) -> float:
    return FULL_SCALE_DB_SPL + 10 * float(torch.log10(signal.double().square().mean().clamp(min=1e-20)))
