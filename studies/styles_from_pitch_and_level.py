"""How well mean pitch and level alone tell the speaking styles of synthetic/prosody.

python studies/styles_from_pitch_and_level.py

It prints the UAR of logistic regression on both, trained on the training split, for the validation and the test split:
the baseline for scores of the task `emotion`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torchaudio.functional import detect_pitch_frequency

from benchmark import audio
from benchmark.catalogue import open_corpus
from benchmark.contracts import SAMPLE_RATE
from benchmark.store import default_cache

FRAME = SAMPLE_RATE // 100
AUDIBLE = 20.0  # dB; pitch counts in frames that are at most this much softer than the loudest one


def measured(clip: np.ndarray) -> list[float]:
    """Mean pitch in log Hz over the loud frames, and P.56 active level in dB, of a clip (1, time)."""
    pitch = detect_pitch_frequency(torch.from_numpy(clip.copy()), SAMPLE_RATE)[0].numpy()
    frames = clip[0, : clip.shape[-1] // FRAME * FRAME].reshape(-1, FRAME)
    level = 10 * np.log10(np.square(frames).mean(1) + 1e-12)
    count = min(len(pitch), len(level))
    loud = level[:count] > level.max() - AUDIBLE
    return [float(np.log(pitch[:count][loud]).mean()), audio.decibels(audio.active_power(clip))]


def recall(train: Sequence[Mapping[str, Any]], test: Sequence[Mapping[str, Any]]) -> float:
    """The UAR on the test rows of logistic regression on pitch and level, trained on the training rows."""
    features = [[measured(audio.read(row["audio"])) for row in rows] for rows in (train, test)]
    labels = [[row["label"] for row in rows] for rows in (train, test)]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(features[0], labels[0])
    return float(balanced_accuracy_score(labels[1], model.predict(features[1])))


def main() -> None:
    """Print the UAR of the validation and the test split."""
    corpus = open_corpus("synthetic/prosody", {}, None, default_cache())
    for split in ("validation", "test"):
        print(f"{split}: {recall(list(corpus.rows('train')), list(corpus.rows(split))):.2f}")


if __name__ == "__main__":
    main()
