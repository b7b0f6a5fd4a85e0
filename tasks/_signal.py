"""What signal tasks share: metrics by name, measured on each scene, and summed."""

import hashlib
import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from benchmark.audio import resample
from benchmark.contracts import SAMPLE_RATE, Batch, Figure, Metric, Signals, SignalTask, Undefined
from benchmark.errors import EarmarkError
from benchmark.metrics import Entry, build_metric, figures_of

# A figure without better or worse, such as a level, has no floor for a failed scene: it is the mean over the scenes
# that have a value. The levels share one column that counts these; any other such figure has its own, "count NAME".
LEVELS, HEARD, _OWN = ("insertion_gain", "output_level"), "heard", "count "
_TAKEN = ("count", HEARD, "audio", "reason", "excluded")  # columns, and keys of records


class MeasuredTask(SignalTask):
    """A signal task scored by the metrics that a recipe names. The first figure of the first metric is the primary.

    A scene is excluded where the reference makes any metric undefined, so that all figures have the same scenes. A
    figure that is undefined because of the output gets its floor. Values are clipped to the range from floor to best.
    """

    offers: ClassVar[frozenset[str]] = frozenset({"clean", "noisy"})  # what the scenes of this task offer to metrics

    def __init__(self, schema: Mapping[str, Any], metrics: Sequence[Entry]) -> None:
        """`metrics`: each a name, {name: options} or path/to/file.py:Class."""
        super().__init__(schema)
        self.figures = _checked(figures_of(metrics))
        self.metrics = cast(Sequence[Metric], nn.ModuleList(build_metric(entry) for entry in metrics))
        for metric in self.metrics:
            if missing := sorted(metric.needs - self.offers):
                raise EarmarkError(
                    f"metrics: {' and '.join(metric.figures)} needs {' and '.join(missing)}, which the scenes of this "
                    "task do not have; leave it out"
                )

    @classmethod
    def figures_of(cls, options: Mapping[str, Any]) -> Mapping[str, Figure]:
        """The figures of the metrics in `options`, else of the default ones. No metric is built."""
        return _checked(figures_of(options["metrics"])) if "metrics" in options else cls.figures

    @abstractmethod
    def measured(self, scene: Signals) -> dict[str, Any]:
        """Measure a scene with all its ears, (ears, time) each; return what the function `values` does."""

    def predict(self, output: Tensor, batch: Batch) -> list[dict[str, Any]]:
        """For each scene: the value of each figure or None, why it is None, and the hash of the audio."""
        listener = batch.heard.listener if "listener" in self.offers else None
        heard = Signals(output, batch.clean, batch.heard.audio, listener)
        heard = Signals._make(None if signal is None else signal.cpu() for signal in heard)
        return [self._record(heard.at(i), n) for i, n in enumerate(batch.heard.lengths.tolist())]

    def _record(self, padded: Signals, length: int) -> dict[str, Any]:
        audio, clean, noisy = (None if signal is None else signal[:, :length] for signal in padded[:3])
        assert audio is not None
        return {
            **dict.fromkeys(self.figures),
            "audio": hashlib.sha256(np.ascontiguousarray(audio.numpy(), "<f4").tobytes()).hexdigest(),
            **self.measured(Signals(audio, clean, noisy, padded.listener)),
        }

    def score(self, predictions: pd.DataFrame, references: pd.DataFrame) -> pd.DataFrame:
        """A count of 1 and the value of each figure, for each scene; zeros for one that is excluded."""
        kept = predictions["excluded"].isna() if "excluded" in predictions else pd.Series(True, predictions.index)
        counts, sums = {"count": kept}, {}
        for name, figure in self.figures.items():
            value, column = pd.to_numeric(predictions[name]), _counted_in(name, figure)
            if column != "count":
                counts[column] = counts.get(column, kept) & value.notna()
            sums[name] = value.fillna(_failed(figure)).clip(*_limits(figure)).where(kept, 0.0)
        return pd.DataFrame({column: count.astype(int) for column, count in counts.items()} | sums)

    def floor(self, references: pd.DataFrame) -> pd.DataFrame:
        """Every figure at its floor; a figure without a floor is not counted."""
        counts = {"count": 1} | {
            column: 0 for name, figure in self.figures.items() if (column := _counted_in(name, figure)) != "count"
        }
        sums = {name: _failed(figure) for name, figure in self.figures.items()}
        return pd.DataFrame(counts | sums, index=references.index)

    @staticmethod
    def summarise(sums: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The mean of each figure."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return {
                name: np.divide(total, sums[_count_among(sums, name)])
                for name, total in sums.items()
                if name not in _TAKEN and not name.startswith(_OWN)
            }


def values(metrics: Iterable[Metric], signals: Signals) -> dict[str, Any]:
    """Measure all metrics: the values of their figures by name.

    Where a metric is undefined, the entry "reason" says why if the output is to blame, "excluded" if the reference is.
    """
    found: dict[str, Any] = {}
    for metric in metrics:
        try:
            found |= _measured(metric, signals)
        except Undefined as error:
            found["excluded" if error.fault == "reference" else "reason"] = str(error)
    return found


def _measured(metric: Metric, signals: Signals) -> dict[str, float]:
    """Measure one metric. Raises Undefined where a value is not finite."""
    found = metric.measure(_resampled(signals, metric.sample_rate))
    if found.keys() != metric.figures.keys():
        raise EarmarkError(
            f"metric {type(metric).__name__} measures {', '.join(found)}, but its figures are "
            f"{', '.join(metric.figures)}; give both the same names"
        )
    values = {name: float(found[name]) for name in metric.figures}
    if not all(map(math.isfinite, values.values())):
        raise Undefined(f"{type(metric).__name__} is not finite", "estimate")
    return values


def _resampled(signals: Signals, rate: int) -> Signals:
    if rate == SAMPLE_RATE:
        return signals
    changed = {}
    for name, signal in signals._asdict().items():
        if signal is not None and name != "listener":
            at_rate = resample(np.atleast_2d(signal.numpy()), SAMPLE_RATE, rate)
            changed[name] = torch.from_numpy(at_rate).reshape(*signal.shape[:-1], -1)
    return signals._replace(**changed)


def _checked(figures: Mapping[str, Figure]) -> Mapping[str, Figure]:
    """Return the figures. Raises EarmarkError where no board can be made of them."""
    if taken := [name for name in figures if name in _TAKEN or name.startswith(_OWN)]:
        raise EarmarkError(f"metrics: no figure can be called '{taken[0]}'; rename it")
    first = next(iter(figures), None)
    if first is None or _is_level(figures[first]):
        raise EarmarkError(
            "metrics: the first one ranks the front-ends; begin with one that has better and worse values"
        )
    return figures


def _is_level(figure: Figure) -> bool:
    return figure.best == figure.floor


def _failed(figure: Figure) -> float:
    """What a scene without a value adds to the sum."""
    return 0.0 if _is_level(figure) else figure.floor


def _limits(figure: Figure) -> tuple[float, float]:
    """The lowest and the highest value that counts."""
    if _is_level(figure):
        return -math.inf, math.inf
    return min(figure.floor, figure.best), max(figure.floor, figure.best)


def _counted_in(name: str, figure: Figure) -> str:
    """The column that counts the scenes that a figure is averaged over."""
    if not _is_level(figure):
        return "count"
    return HEARD if name in LEVELS else _OWN + name


def _count_among(sums: Mapping[str, np.ndarray], name: str) -> str:
    """The same column, found among the stored ones, where only the figure's name is known."""
    if name in LEVELS:
        return HEARD
    return _OWN + name if _OWN + name in sums else "count"
