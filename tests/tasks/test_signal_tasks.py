"""What holds for every task that measures by metrics: which ones, in what order, floors, sums and records."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from hearing_signals import noisy, syllables

from benchmark.contracts import Batch, Heard, primary
from benchmark.errors import EarmarkError
from benchmark.hearing.audiograms import PROFILES
from benchmark.options import bind
from benchmark.provenance import code_of
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
    counts = ["count", "heard"] if isinstance(task, HearingLoss) else ["count"]
    assert list(columns) == [*counts, *expected[0]]
    assert (columns[counts] == 1).all(None)
    assert all(columns[name].tolist() == [record[name] for record in predictions] for name in expected[0])
    assert summarised(task, columns) == pytest.approx(
        {name: np.mean([record[name] for record in predictions]) for name in expected[0]}
    )


@pytest.mark.parametrize("task", [Enhancement, HearingLoss])
def test_metrics_stand_in_the_order_given_and_the_first_one_ranks(task, batch):
    names = ["si_sdr", "output_level", "snr", "weighted_sdr"]
    built = task({}, metrics=names)
    assert list(built.figures) == list(task.figures_of({"metrics": names})) == names
    assert primary(built) == "si_sdr"
    assert list(built.predict(batch.heard.audio, batch)[0]) == [*names, "audio"]
    assert task.figures_of({}) == task.figures == task({}).figures


def test_options_are_those_of_the_constructor():
    for task in (Enhancement, HearingLoss):
        bound = bind("a task", task, {"metrics": ["pesq", {"si_sdr": {}}]}, 1)
        assert json.loads(json.dumps(bound)) == bound
        assert list(task({}, **bound).figures) == list(task.figures_of(bound)) == ["pesq", "si_sdr"]
        assert list(task.figures_of(bind("a task", task, {}, 1))) == list(task.figures)


@pytest.mark.parametrize(
    ("task", "metrics", "says"),
    [
        (Enhancement, ["pesk"], "unknown metric 'pesk'; did you mean 'pesq'"),
        (Enhancement, ["pesq", "haspi"], "haspi needs listener, which the scenes of this task do not have"),
        (Enhancement, ["mbstoi"], "mbstoi needs both ears, which"),
        (HearingLoss, ["haspi", "mbstoi"], "mbstoi needs both ears, which"),
        (Enhancement, ["pesq", {"pesq": {}}], "'pesq' is measured twice"),
        (HearingLoss, ["output_level", "haspi"], "begin with one that has better and worse values"),
        (Enhancement, [], "begin with one"),
    ],
)
def test_metrics_that_do_not_fit_are_one_line(task, metrics, says):
    with pytest.raises(EarmarkError, match=says) as caught:
        task({}, metrics=metrics)
    assert "\n" not in str(caught.value)


def test_a_metric_is_one_file_to_add(mine, batch):
    task = Enhancement({}, metrics=[{mine: {"factor": 0.5}}, "pesq"])
    assert list(task.figures) == ["peak", "samples", "pesq"]
    audio = batch.heard.audio * torch.tensor([1.0, 0.0])[:, None, None]
    first, second = task.predict(audio, batch)
    assert first["peak"] == pytest.approx(batch.heard.audio[0].abs().max().item(), rel=0.2)  # at 8 kHz
    assert first["samples"] == LENGTHS[0] / 2
    assert second["peak"] is second["samples"] is second["pesq"] is None
    assert second["reason"] == "the output is silent"
    columns = scored(task, [first, second])
    assert list(columns) == ["count", "count samples", "peak", "samples", "pesq"]
    assert columns["count samples"].tolist() == [1, 0]
    assert columns["peak"].tolist() == [first["peak"], 2.0]  # less is better, and the floor is above
    figures = summarised(task, columns)
    assert list(figures) == list(task.figures)
    assert figures["samples"] == LENGTHS[0] / 2
    assert figures["peak"] == pytest.approx((first["peak"] + 2) / 2)
    assert (
        columns.iloc[1:]
        .reset_index(drop=True)
        .equals(task.floor(pd.DataFrame([{}]))[list(columns)].astype(columns.dtypes))
    )


def test_a_metric_s_code_is_part_of_the_task_s(mine):
    before = code_of(Enhancement({}, metrics=[mine]), "task")
    assert {"task Enhancement", "task Mine"} <= set(before)
    assert "task PESQ" in code_of(Enhancement({}), "task")
    assert "task PESQ" not in before


def test_a_metric_gives_the_figures_that_it_names(mine, tmp_path, batch):
    path = tmp_path / "other.py"
    path.write_text(MINE.replace('"samples": len', '"sample": len'))
    with pytest.raises(EarmarkError, match="measures peak, sample, but its figures are peak, samples"):
        Enhancement({}, metrics=[f"{path}:Mine"]).predict(batch.heard.audio, batch)


def test_a_value_that_is_not_finite_is_none(mine, tmp_path, batch):
    path = tmp_path / "other.py"
    path.write_text(MINE.replace("signals.audio.abs().max().item()", "float('nan')"))
    task = Enhancement({}, metrics=[f"{path}:Mine"])
    record = task.predict(batch.heard.audio, batch)[0]
    assert record["peak"] is record["samples"] is None
    assert record["reason"] == "Mine is not finite"
    json.dumps(record, allow_nan=False)


def test_no_figure_takes_the_name_of_a_column(mine, tmp_path):
    for name in ("count", "heard", "reason", "count peak"):
        path = tmp_path / f"{name.replace(' ', '_')}.py"
        path.write_text(MINE.replace('"samples"', f'"{name}"'))
        with pytest.raises(EarmarkError, match=f"no figure can be called '{name}'"):
            Enhancement({}, metrics=[f"{path}:Mine"])


@pytest.mark.parametrize("better", [0, 1])
def test_the_ear_where_the_first_metric_is_better_counts(better, mine, batch):
    """Whether more is better or less, and whichever metric comes first."""
    loud, quiet = batch.clean, batch.clean + 0.3 * batch.heard.audio
    order = (loud, quiet) if better == 0 else (quiet, loud)
    both = Batch(
        [],
        Heard(batch.heard.audio.expand(-1, 2, -1), batch.heard.lengths, batch.heard.listener.expand(-1, 2, -1)),
        batch.clean.expand(-1, 2, -1),
        {},
    )
    least = min(loud, quiet, key=lambda audio: audio[0].abs().max())
    for metrics, chosen in ((["si_sdr", "pesq"], loud), ([mine, "pesq"], least)):
        task = HearingLoss({}, metrics=metrics)
        (found, _), (expected, _) = task.predict(torch.cat(order, 1), both), task.predict(chosen, batch)
        assert {name: found[name] for name in task.figures} == {name: expected[name] for name in task.figures}


def test_stored_sums_are_read_without_the_task():
    sums = {"count": 4.0, "heard": 2.0, "haspi": 3.0, "output_level": 150.0, "count loudness": 1.0, "loudness": 7.0}
    for task in (Enhancement, HearingLoss):
        assert task.summarise(sums) == {"haspi": 0.75, "output_level": 75.0, "loudness": 7.0}
    nothing = HearingLoss.summarise({name: np.zeros(2) for name in sums})
    assert all(np.isnan(value).all() for value in nothing.values())
