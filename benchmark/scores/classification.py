"""Accuracy and recall as sums over utterances, so that any group of them can be scored again by adding up.

`hits` makes the columns, one row an utterance; the figures are functions of their sums over any leading dimensions, NaN
where nothing was summed.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from benchmark.contracts import Figure

ACCURACY = Figure(1, 0, worst=0)
UAR = Figure(1, 0, worst=0)


def hits(truth: pd.Series, predicted: pd.Series | Sequence[str | None], classes: Sequence[str] = ()) -> pd.DataFrame:
    """Columns `hits` and `count` over the index of `truth`; with `classes` also `hits:<class>` and `count:<class>`, of
    the utterances of that true class.

    A prediction of None is never right: it stands for an utterance that failed.
    """
    true, guess = np.asarray(truth, dtype=object), np.asarray(predicted, dtype=object)
    right = (true == guess).astype(int)
    columns = {"hits": right, "count": np.ones_like(right)}
    for name in classes:
        own = (true == name).astype(int)
        columns |= {f"hits:{name}": own * right, f"count:{name}": own}
    return pd.DataFrame(columns, truth.index)


def confusions(truth: pd.Series, predicted: pd.Series | Sequence[str | None], classes: Sequence[str]) -> pd.DataFrame:
    """Columns `confusion:<true>:<predicted>` for every pair of classes, over the index of `truth`: a prediction of None
    is in none.
    """
    true, guess = np.asarray(truth, dtype=object), np.asarray(predicted, dtype=object)
    pairs = {
        f"confusion:{one}:{other}": ((true == one) & (guess == other)).astype(int)
        for one in classes
        for other in classes
    }
    return pd.DataFrame(pairs, truth.index)


def accuracy(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """Share of utterances recognised, 0 to 1."""
    return _ratio(sums["hits"], sums["count"])


def unweighted_average_recall(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """Mean over the classes that occur of the share of their utterances recognised, 0 to 1 (UAR, also called balanced
    accuracy).
    """
    names = [key.removeprefix("count:") for key in sums if key.startswith("count:")]
    recalls = np.stack([_ratio(sums[f"hits:{name}"], sums[f"count:{name}"]) for name in names])
    known = np.isfinite(recalls)
    return _ratio(np.where(known, recalls, 0).sum(0), known.sum(0))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.divide(part, whole)
