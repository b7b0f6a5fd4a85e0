"""Speech commands: one word of a closed set."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from benchmark.scores.classification import ACCURACY, accuracy, hits
from tasks._classification import Classification


class SpeechCommands(Classification):
    """Scored by accuracy. The schema's `classes` are the words."""

    model = "waveform_cnn"
    figures = {"accuracy": ACCURACY}

    def counted(self, truth: pd.Series, predicted: pd.Series) -> pd.DataFrame:
        """Hits and count."""
        return hits(truth, predicted)

    @staticmethod
    def summarise(sums: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Accuracy, 0 to 1."""
        return {"accuracy": accuracy(sums)}
