import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from benchmark.scores.classification import ACCURACY, UAR, accuracy, hits, unweighted_average_recall

CLASSES = ("calm", "glad", "sad")


@pytest.fixture
def labels() -> tuple[pd.Series, pd.Series]:
    rng = np.random.default_rng(0)
    return pd.Series(rng.choice(CLASSES, 200, p=[0.7, 0.2, 0.1])), pd.Series(rng.choice(CLASSES, 200))


def test_figures_are_those_of_scikit_learn(labels: tuple[pd.Series, pd.Series]) -> None:
    truth, predicted = labels
    sums = hits(truth, predicted, CLASSES).sum().to_dict()
    assert accuracy(sums) == pytest.approx(accuracy_score(truth, predicted))
    assert unweighted_average_recall(sums) == pytest.approx(balanced_accuracy_score(truth, predicted))


def test_sums_over_groups_add_up(labels: tuple[pd.Series, pd.Series]) -> None:
    table = hits(*labels, CLASSES)
    groups = table.groupby(np.arange(200) % 7).sum()
    pd.testing.assert_series_equal(groups.sum(), table.sum())


def test_figures_keep_leading_dimensions(labels: tuple[pd.Series, pd.Series]) -> None:
    table = hits(*labels, CLASSES).to_numpy(float)
    draws = np.random.default_rng(1).integers(0, 3, (4, 5, 200)) @ table
    columns = hits(*labels, CLASSES).columns
    figures = unweighted_average_recall({name: draws[..., i] for i, name in enumerate(columns)})
    one = unweighted_average_recall({name: draws[2, 3, i] for i, name in enumerate(columns)})
    assert figures.shape == (4, 5)
    assert figures[2, 3] == pytest.approx(one)


def test_a_class_that_does_not_occur_has_no_recall() -> None:
    sums = hits(pd.Series(["calm", "calm", "glad"]), pd.Series(["calm", "sad", "glad"]), CLASSES).sum().to_dict()
    assert unweighted_average_recall(sums) == pytest.approx(0.75)


def test_nothing_summed_is_nan() -> None:
    sums = hits(pd.Series([], dtype=object), [], CLASSES).sum().to_dict()
    assert np.isnan(accuracy(sums))
    assert np.isnan(unweighted_average_recall(sums))


def test_a_failed_utterance_counts_and_is_never_right() -> None:
    table = hits(pd.Series(["calm", "sad"], index=["a", "b"]), [None, "sad"])
    assert table.to_dict("index") == {"a": {"hits": 0, "count": 1}, "b": {"hits": 1, "count": 1}}


def test_more_is_better() -> None:
    assert ACCURACY.sign == UAR.sign == 1
