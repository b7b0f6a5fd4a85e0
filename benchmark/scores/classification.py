"""Accuracy and recall from counts per utterance, so that any group of utterances is scored by adding up its counts.

`hits` counts, one row per utterance. The scores are functions of sums of these columns, arrays of any shape; they are
NaN where no utterance was summed.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from benchmark.contracts import Figure
from benchmark.scores._ratio import ratio

ACCURACY = Figure(1, 0, worst=0)
UAR = Figure(1, 0, worst=0)


def hits(truth: pd.Series, predicted: pd.Series | Sequence[str | None], classes: Sequence[str] = ()) -> pd.DataFrame:
    """Correct predictions and utterances, counted per utterance.

    Args:
        truth: the true class of every utterance
        predicted: the predicted classes, in the same order; None for an utterance that failed, which is never correct
        classes: those to count separately as well
    Returns:
        columns `hits` and `count` over the index of `truth`, and for each of `classes` also `hits:<class>` and
        `count:<class>`, over the utterances whose true class it is
    """
    true, guess = np.asarray(truth, dtype=object), np.asarray(predicted, dtype=object)
    right = (true == guess).astype(int)
    columns = {"hits": right, "count": np.ones_like(right)}
    for name in classes:
        own = (true == name).astype(int)
        columns |= {f"hits:{name}": own * right, f"count:{name}": own}
    return pd.DataFrame(columns, truth.index)


def confusions(truth: pd.Series, predicted: pd.Series | Sequence[str | None], classes: Sequence[str]) -> pd.DataFrame:
    """The confusion matrix per utterance: columns `confusion:<true>:<predicted>` over the index of `truth`.

    There is a column for every pair of `classes`. An utterance with a prediction of None is counted in none of them.
    """
    true, guess = np.asarray(truth, dtype=object), np.asarray(predicted, dtype=object)
    pairs = {
        f"confusion:{one}:{other}": ((true == one) & (guess == other)).astype(int)
        for one in classes
        for other in classes
    }
    return pd.DataFrame(pairs, truth.index)


def accuracy(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """Accuracy: the share of utterances classified correctly, 0 to 1."""
    return ratio(sums["hits"], sums["count"])


def unweighted_average_recall(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """Unweighted average recall (UAR, also called balanced accuracy), 0 to 1.

    It is the mean over classes of the share of their utterances that were classified correctly; classes without
    utterances are left out.
    """
    names = [key.removeprefix("count:") for key in sums if key.startswith("count:")]
    recalls = np.stack([ratio(sums[f"hits:{name}"], sums[f"count:{name}"]) for name in names])
    known = np.isfinite(recalls)
    return ratio(np.where(known, recalls, 0).sum(0), known.sum(0))
