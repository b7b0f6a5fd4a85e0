"""What every task that chooses a class keeps to besides what every task with a model does. What is one task's own is
tested beside it.
"""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score
from toys import batch_of

from benchmark.contracts import primary
from benchmark.errors import EarmarkError

CLASSES = ["one", "two", "three"]
pytestmark = pytest.mark.parametrize(
    "model", ["speech_commands", "emotion-bands", "emotion-utterance", "scene"], indirect=True
)


def test_predictions_are_json_and_losses_are_minus_the_log_probability_of_the_label(model, task, heard):
    labels = ["two", "one", "three", "two", "one"]
    known, output = batch_of(task, [{"label": label} for label in labels], heard), model(*heard[:2])
    losses, predictions = model.loss(output, known).tolist(), model.predict(output, known)
    assert json.loads(json.dumps(predictions)) == predictions
    assert [CLASSES.index(p["label"]) for p in predictions] == output.argmax(-1).tolist()
    assert [-p["log_probability"] for p in predictions] == pytest.approx(losses)
    assert losses == pytest.approx(
        [-p[CLASSES.index(label)] for p, label in zip(output.log_softmax(-1).tolist(), labels, strict=True)]
    )


def test_accuracy_is_that_of_scikit_learn(task):
    rng = np.random.default_rng(0)
    references = pd.DataFrame(
        [task.reference({"label": label}) for label in rng.choice(CLASSES, 100, p=[0.6, 0.3, 0.1])]
    )
    guesses = pd.DataFrame({"label": rng.choice(CLASSES, 100), "log_probability": -1.0})
    figures = task.summarise(task.score(guesses, references).sum().to_dict())
    assert figures["accuracy"] == pytest.approx(accuracy_score(references["label"], guesses["label"]))


def test_a_failed_utterance_scores_the_floor_and_the_right_answer_the_best(task):
    references = pd.DataFrame({"label": CLASSES}, index=["a", "b", "c"])
    floor = task.floor(references)
    right = task.score(references.assign(log_probability=0.0), references)
    assert floor.index.tolist() == ["a", "b", "c"]
    assert floor.columns.tolist() == right.columns.tolist()
    assert task.summarise(floor.sum().to_dict()) == pytest.approx(
        {name: figure.floor for name, figure in task.figures.items()}
    )
    assert task.summarise(right.sum().to_dict()) == pytest.approx(
        {name: figure.best for name, figure in task.figures.items()}
    )
    assert primary(task) in task.figures


def test_figures_keep_leading_dimensions_and_nothing_summed_is_nan(task):
    references = pd.DataFrame({"label": ["one", "one", "one", "one"]})
    guesses = pd.DataFrame({"label": ["one", "two", "one", "one"], "log_probability": -0.5})
    table = task.score(guesses, references)
    figures = task.summarise({name: np.array([[table[name].sum(), 0]]) for name in table})
    assert figures.keys() == task.figures.keys()
    np.testing.assert_allclose(figures["accuracy"], [[0.75, np.nan]])
    assert all(np.isnan(figure[0, 1]) for figure in figures.values())


def test_user_s_errors(task):
    task.check({"label": "one"})
    with pytest.raises(ValueError, match="label 'four' is none of the classes one, two, three"):
        task.check({"label": "four"})
    with pytest.raises(EarmarkError, match=r"its corpus has no labels .*; choose one that has"):
        type(task)({"alphabet": "ab"})
