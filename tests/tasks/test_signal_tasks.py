"""What holds for every task that measures by metrics: which ones, in what order, floors, sums and records."""

import sys

import numpy as np
import pandas as pd
import pytest
import torch
from hearing_signals import noisy, syllables

from benchmark.contracts import Batch, Heard
from benchmark.hearing.audiograms import PROFILES
from tasks.enhancement import Enhancement
from tasks.hearing_loss import HearingLoss

LENGTHS = [16000, 12000]
MINE = '''
"""Peak and energy, for a test."""

from benchmark.contracts import Figure, Metric, Undefined
from scale import SCALE


class Mine(Metric):
    """The largest sample, and the number of samples."""

    figures = {"peak": Figure(best=0.0, floor=2.0), "samples": Figure(0.0, 0.0, unit="samples")}
    needs = frozenset({"clean"})
    sample_rate = 8000
    source = "a test"

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = factor

    def measure(self, signals):
        if not signals.audio.any():
            raise Undefined("nothing there", "estimate")
        return {"peak": SCALE * self.factor * signals.audio.abs().max().item(), "samples": len(signals.clean)}
'''


@pytest.fixture(scope="module")
def batch():
    """Two scenes at 5 dB SNR, the second shorter, for an N3 and an S3."""
    clean = np.stack([syllables(1.0, seed) for seed in (0, 1)])
    noise = np.stack([noisy(signal, 5) for signal in clean])
    valid = torch.arange(16000) < torch.tensor(LENGTHS)[:, None, None]
    clean, noise = (torch.from_numpy(signal).float()[:, None] * valid for signal in (clean, noise))
    listener = torch.tensor([PROFILES[name] for name in ("N3", "S3")], dtype=torch.float32)[:, None]
    return Batch([], Heard(noise, torch.tensor(LENGTHS), listener), clean, {})


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A metric as one file, and what it imports beside it."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "scale.py").write_text("SCALE = 2.0\n")
    yield f"{tmp_path / 'mine.py'}:Mine"
    sys.modules.pop("scale", None)


def scored(task, predictions):
    return task.score(pd.DataFrame(predictions), pd.DataFrame([{}] * len(predictions)))


def summarised(task, columns):
    return type(task).summarise({name: columns[name].to_numpy(float).sum(0) for name in columns})


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (
            Enhancement,
            [
                {"pesq": 1.3502960205078125, "estoi": 0.5821997601698129, "si_sdr": 4.905381022792849},
                {"pesq": 1.4343857765197754, "estoi": 0.2739888496987958, "si_sdr": 5.1378719526319925},
            ],
        ),
        (
            HearingLoss,
            [
                {
                    "haspi": 0.24082273244857788,
                    "hasqi": 0.32568809390068054,
                    "insertion_gain": 0.0,
                    "output_level": 66.11994341263134,
                },
                {
                    "haspi": 0.09357533603906631,
                    "hasqi": 0.041541535407304764,
                    "insertion_gain": 0.0,
                    "output_level": 66.16107842895595,
                },
            ],
        ),
    ],
)
def test_records_and_columns_are_what_they_always_were(task, expected, batch):
    """The values are those of the release that had these metrics built in."""
    task = task({})
    predictions = task.predict(task(batch.heard.audio, batch.heard.lengths), batch)
    for found, values in zip(predictions, expected, strict=True):
        assert list(found) == [*values, "audio"]
        assert {name: found[name] for name in values} == pytest.approx(values, rel=1e-5, abs=1e-9)
    columns = scored(task, predictions)
    counts = ["count", "heard"] if task.__class__ is HearingLoss else ["count"]
    assert list(columns) == [*counts, *expected[0]]
    for task in (Enhancement, HearingLoss):
        assert task.summarise(sums) == {"haspi": 0.75, "output_level": 75.0, "loudness": 7.0}
    nothing = HearingLoss.summarise({name: np.zeros(2) for name in sums})
    assert all(np.isnan(value).all() for value in nothing.values())
