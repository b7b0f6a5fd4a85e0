"""Speech enhancement: how close the output comes to the clean speech, by PESQ, ESTOI and SI-SDR, and DNSMOS on
demand.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from benchmark.contracts import Batch, SignalTask
from benchmark.metrics import Undefined, check_pair
from benchmark.metrics.intelligibility import ESTOI, estoi
from benchmark.metrics.quality import DNSMOS, PESQ, dnsmos, pesq_wb
from benchmark.metrics.signal import SI_SDR, si_sdr

QUIET = 1e-6  # energy, of a reference that nothing can be trained on


class Enhancement(SignalTask):
    """A signal task without a model: measured values a scene. Two channels are heard as their mean.

    A scene is excluded where any metric fails through the reference's fault, so that all figures stand on the same
    scenes. A metric that fails through the output's fault takes its floor, and no value counts beyond its floor and
    best.
    """

    needs = frozenset({"clean"})
    figures = {
        "pesq": PESQ,
        "estoi": ESTOI,
        "si_sdr": SI_SDR,
        "dnsmos_ovrl": DNSMOS,
        "dnsmos_sig": DNSMOS,
        "dnsmos_bak": DNSMOS,
    }

    def __init__(self, schema: Mapping[str, Any], dnsmos: bool = False) -> None:
        """`dnsmos`: also measure DNSMOS, with the extra of that name; slower by seconds a scene."""
        super().__init__(schema)
        self.names = tuple(self.figures) if dnsmos else ("pesq", "estoi", "si_sdr")

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """Distance of SI-SDR from its best, in units of its range, (batch,): about 0 to 1; 0 where the reference is
        silent, which trains nothing.
        """
        assert batch.clean is not None
        clean = batch.clean.flatten(1)
        ratio = si_sdr(clean, output.flatten(1), limit=SI_SDR.best)
        distance = (SI_SDR.best - ratio) / (SI_SDR.best - SI_SDR.floor)
        return torch.where(clean.square().sum(1) > QUIET, distance, 0.0)

    def predict(self, output: Tensor, batch: Batch) -> list[dict[str, Any]]:
        """Measured values by name, the hash of the audio, and why a value is None: "reason" for the output's fault,
        "excluded" for the reference's.
        """
        assert batch.clean is not None
        clean, audio = batch.clean.cpu().numpy(), output.cpu().numpy()
        return [
            self._measured(clean[i, :, :length], audio[i, :, :length])
            for i, length in enumerate(batch.heard.lengths.tolist())
        ]

    def _measured(self, clean: np.ndarray, audio: np.ndarray) -> dict[str, Any]:
        reference, estimate = clean.mean(0, dtype=np.float64), audio.mean(0, dtype=np.float64)
        record: dict[str, Any] = {
            **dict.fromkeys(self.names),
            "audio": hashlib.sha256(np.ascontiguousarray(audio, "<f4").tobytes()).hexdigest(),
        }
        for name, measure in (("pesq", pesq_wb), ("estoi", estoi), ("si_sdr", _si_sdr)):
            try:
                record[name] = measure(reference, estimate)
            except Undefined as error:
                record["excluded" if error.fault == "reference" else "reason"] = str(error)
        if "dnsmos_ovrl" in self.names:
            try:
                record |= {f"dnsmos_{name}": value for name, value in dnsmos(estimate).items()}
            except Undefined as error:
                record["reason"] = str(error)
        return record

    def score(self, predictions: pd.DataFrame, references: pd.DataFrame) -> pd.DataFrame:
        """The values and a count of 1 for each scene; zeros for one that is excluded."""
        kept = predictions["excluded"].isna() if "excluded" in predictions else pd.Series(True, predictions.index)
        columns = {"count": kept.astype(int)}
        for name in self.names:
            figure = self.figures[name]
            values = pd.to_numeric(predictions[name]).fillna(figure.floor).clip(figure.floor, figure.best)
            columns[name] = values.where(kept, 0.0)
        return pd.DataFrame(columns)

    def floor(self, references: pd.DataFrame) -> pd.DataFrame:
        """Every metric at its floor."""
        return pd.DataFrame(
            {"count": 1, **{name: self.figures[name].floor for name in self.names}}, index=references.index
        )

    @staticmethod
    def summarise(sums: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Means; those of DNSMOS only where it was measured."""
        with np.errstate(invalid="ignore"):
            return {name: np.divide(sums[name], sums["count"]) for name in Enhancement.figures if name in sums}


def _si_sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    check_pair(reference, estimate)
    return si_sdr(torch.from_numpy(reference), torch.from_numpy(estimate)).item()
