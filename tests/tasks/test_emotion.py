import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, confusion_matrix
from toys import learn

from benchmark.contracts import primary
from tasks.emotion import Emotion
from tasks.models.mel_cnn import MelCNN

CLASSES = ["calm", "stern", "lively"]


@pytest.fixture
def task() -> Emotion:
    return Emotion({"classes": CLASSES})


def test_centring_by_bands_takes_off_a_steady_spectrum_and_keeps_changes() -> None:
    """A stationary tilt is heard with centre: utterance alone; loudness that moves is heard with both."""
    time = torch.arange(32000) / 16000
    flat = torch.randn(1, 1, 32000, generator=torch.Generator().manual_seed(0))
    dull = flat + 2 * torch.roll(flat, 1, -1) + torch.roll(flat, 2, -1)  # a comb: its spectrum falls towards 8 kHz
    swelling = flat * (0.1 + time)
    lengths = torch.tensor([32000])
    away = {}
    for centre in ("bands", "utterance"):
        torch.manual_seed(0)
        spectrogram = MelCNN(Emotion({"classes": CLASSES}), bands=20, centre=centre).spectrogram
        features = [spectrogram(x, lengths)[0] for x in (flat, dull, swelling)]
        assert all(abs(float(x.mean())) < 1e-5 for x in features)
        away[centre] = [float((x - features[0]).mean(-1).abs().mean()) for x in features[1:2]]
        away[centre] += [float((features[2] - features[0]).mean(1).abs().mean())]
    assert away["bands"][0] < 1e-5
    assert away["utterance"][0] > 0.1
    assert min(away["bands"][1], away["utterance"][1]) > 0.1


def test_learns_rising_from_falling_pitch() -> None:
    styles = ["rising", "falling"] * 2
    time = torch.arange(16000) / 16000
    glides = [torch.sin(6.2832 * (start * time + slope * time**2 / 2)) for start in (200, 300) for slope in (300, -150)]
    model = MelCNN(Emotion({"classes": ["rising", "falling"]}), channels=(4, 8), bands=32)
    predictions = learn(model, torch.stack(glides)[:, None], [{"label": style} for style in styles])
    assert [p["label"] for p in predictions] == styles


def test_uar_and_the_confusion_matrix_are_those_of_scikit_learn(task: Emotion) -> None:
    rng = np.random.default_rng(0)
    references = pd.DataFrame(
        [task.reference({"label": label}) for label in rng.choice(CLASSES, 100, p=[0.6, 0.3, 0.1])]
    )
    guesses = pd.DataFrame({"label": np.where(rng.random(100) < 0.5, references["label"], rng.choice(CLASSES, 100))})
    sums = task.score(guesses, references).sum().to_dict()
    figures = task.summarise(sums)
    assert figures["uar"] == pytest.approx(balanced_accuracy_score(references["label"], guesses["label"]))
    matrix = [[sums[f"confusion:{true}:{guess}"] for guess in CLASSES] for true in CLASSES]
    np.testing.assert_array_equal(matrix, confusion_matrix(references["label"], guesses["label"], labels=CLASSES))


def test_a_failed_utterance_predicts_nothing(task: Emotion) -> None:
    floor = task.floor(pd.DataFrame({"label": ["stern", "calm"]}))
    assert not floor.filter(like="confusion:").any(axis=None)
    assert primary(task) == "uar"


def test_a_class_that_does_not_occur_has_no_recall_and_nothing_summed_is_nan(task: Emotion) -> None:
    references, guesses = (
        pd.DataFrame({"label": ["calm", "calm", "stern"]}),
        pd.DataFrame({"label": ["calm", "lively", "stern"]}),
    )
    table = task.score(guesses, references)
    sums = {name: np.array([[table[name].sum(), 0]]) for name in table}
    np.testing.assert_allclose(task.summarise(sums)["uar"], [[0.75, np.nan]])
