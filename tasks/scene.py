"""Acoustic scenes: where a recording was made."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from benchmark.contracts import Figure
from benchmark.scores.classification import ACCURACY, accuracy, hits
from tasks._classification import Classification

LEAST = 1e-3  # bound on probabilities: the log loss is bounded, and a failure never beats an answer; ours


class AcousticScene(Classification):
    """Scored by accuracy; the log loss is given as well."""

    model = "multilevel_cnn"
    figures = {"accuracy": ACCURACY, "log_loss": Figure(0, -math.log(LEAST), worst=-math.log(LEAST))}

    def counted(self, truth: pd.Series, predicted: pd.Series) -> pd.DataFrame:
        """Hits and counts, overall and by class (hits:<class>, count:<class>)."""
        return hits(truth, predicted, self.classes)

    def score(self, predictions: pd.DataFrame, references: pd.DataFrame) -> pd.DataFrame:
        """The columns, and log_loss in nats."""
        loss = -predictions["log_probability"].clip(lower=math.log(LEAST))
        return super().score(predictions, references).assign(log_loss=loss)

    def floor(self, references: pd.DataFrame) -> pd.DataFrame:
        """No hit, and the largest loss."""
        return super().floor(references).assign(log_loss=-math.log(LEAST))

    @staticmethod
    def summarise(sums: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Accuracy, 0 to 1, and log loss in nats per utterance."""
        with np.errstate(invalid="ignore"):
            return {"accuracy": accuracy(sums), "log_loss": np.divide(sums["log_loss"], sums["count"])}
