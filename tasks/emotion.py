"""Emotion, or manner of speaking: the class of an utterance."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from benchmark.scores.classification import ACCURACY, UAR, accuracy, confusions, hits, unweighted_average_recall
from tasks._classification import Classification


class Emotion(Classification):
    """Scored by unweighted average recall (UAR); accuracy and the confusions are given as well."""

    model = "mel_cnn"
    figures = {"uar": UAR, "accuracy": ACCURACY}

    def counted(self, truth: pd.Series, predicted: pd.Series) -> pd.DataFrame:
        """Hits and counts, overall and by class, and confusion:<true>:<predicted> for each pair of classes."""
        return hits(truth, predicted, self.classes).join(confusions(truth, predicted, self.classes))

    @staticmethod
    def summarise(sums: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Unweighted average recall and accuracy, 0 to 1."""
        return {"uar": unweighted_average_recall(sums), "accuracy": accuracy(sums)}
