"""Speech enhancement: how close the output comes to the clean speech, by PESQ, ESTOI and SI-SDR or other metrics."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from benchmark.contracts import Batch, Signals
from benchmark.metrics import Entry, figures_of
from benchmark.metrics.si_sdr import SISDR, si_sdr
from tasks._signal import MeasuredTask, values

METRICS = ("pesq", "estoi", "si_sdr")
QUIET = 1e-6  # energy; below it a reference counts as silent, and trains nothing


class Enhancement(MeasuredTask):
    """A signal task. Channels are averaged before they are measured."""

    needs = frozenset({"clean"})
    figures = figures_of(METRICS)

    def __init__(self, schema: Mapping[str, Any], metrics: tuple[Entry, ...] = METRICS) -> None:
        """`metrics`: each a name, {name: options} or path/to/file.py:Class; the first one ranks."""
        super().__init__(schema, metrics)

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """The distance of SI-SDR from its best, in units of its range, (batch,): about 0 to 1.

        It is 0 where the reference is silent, which trains nothing.
        """
        assert batch.clean is not None
        best, floor, *_ = SISDR.figures["si_sdr"]
        clean = batch.clean.flatten(1)
        distance = (best - si_sdr(clean, output.flatten(1), limit=best)) / (best - floor)
        return torch.where(clean.square().sum(1) > QUIET, distance, 0.0)

    def measured(self, scene: Signals) -> dict[str, Any]:
        """Measure the mean over channels, in float64."""
        mono = (None if signal is None else signal.double().mean(0) for signal in scene)
        return values(self.metrics, Signals._make(mono))
