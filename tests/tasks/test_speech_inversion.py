import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import pearsonr
from toys import batch_of, learn

from benchmark.contracts import Heard, primary
from benchmark.errors import EarmarkError
from benchmark.results.summaries import score_records
from tasks.models.bigru import BiGRU
from tasks.speech_inversion import VARIABLES, SpeechInversion

SOME = ["LA", "TTCD", "pitch"]


@pytest.fixture
def model() -> BiGRU:
    return BiGRU(SpeechInversion({"variables": SOME}), hidden=8).eval()


def row(folder: Path, frames: int, seed: int = 0, **constant: float) -> dict[str, str]:
    """A row with random tracks; pitch is unknown in the first half, and what is named is constant."""
    tracks = np.random.default_rng(seed).normal(0, 0.4, (frames, len(SOME))).astype(np.float32)
    tracks[: frames // 2, SOME.index("pitch")] = np.nan
    for name, value in constant.items():
        tracks[:, SOME.index(name)] = value
    path = folder / f"{frames}-{seed}-{len(constant)}.npy"
    np.save(path, tracks)
    return {"tracks": str(path)}


@pytest.fixture
def rows(heard: Heard, tmp_path: Path) -> list[dict[str, str]]:
    return [row(tmp_path, length // 160 + 1, seed) for seed, length in enumerate(heard.lengths.tolist())]


def test_frames_are_whole_pairs_that_hold_every_frame_of_the_target(model, heard):
    assert model(*heard[:2])[1].tolist() == [58, 102, 32, 6, 2]


def test_loss_is_the_mean_absolute_error_over_what_is_known(model, task, tmp_path):
    rows = [row(tmp_path, 10), row(tmp_path, 6, 1), row(tmp_path, 5, 2, LA=np.nan, TTCD=np.nan, pitch=np.nan)]
    output = torch.full((3, 10, 3), 0.25), torch.tensor([10, 6, 5])
    found = model.loss(output, batch_of(task, rows))
    expected = [np.nanmean(np.abs(np.load(each["tracks"]) - 0.25)) for each in rows[:2]]
    assert found.tolist() == pytest.approx([*expected, 0], rel=1e-5)


def test_learns_where_a_tone_goes(tmp_path):
    time = np.arange(8000) / 8000
    tones, rows = [], []
    for seed in range(4):
        course = np.sin(2 * np.pi * (1 + seed / 2) * time + seed)
        tones.append(np.sin(2 * np.pi * np.cumsum(800 * 2**course) / 16000))
        np.save(tmp_path / f"{seed}.npy", course[::160, None].astype(np.float32))
        rows.append({"tracks": str(tmp_path / f"{seed}.npy")})
    task = SpeechInversion({"variables": ["LA"]})
    model = BiGRU(task, hidden=16, dropout=0)
    predictions = learn(model, torch.from_numpy(np.array(tones, np.float32))[:, None], rows)
    references = pd.DataFrame([task.reference(each) for each in rows])
    assert task.summarise(task.score(pd.DataFrame(predictions), references).sum())["pearson"] > 0.9


def test_predictions_are_json_as_long_as_the_target_and_scored_as_scipy_does(model, task, heard, rows):
    rows[1] = row(Path(rows[1]["tracks"]).parent, 108, 9)  # a target that outlasts the audio
    known, output = batch_of(task, rows, heard), model(*heard[:2])
    predictions, references = model.predict(output, known), [task.reference(each) for each in rows]
    assert json.loads(json.dumps([predictions, references], allow_nan=False)) == [predictions, references]
    assert [len(prediction["LA"]) for prediction in predictions] == [57, 108, 32, 5, 1]
    np.testing.assert_allclose(predictions[0]["LA"], output[0][0, :57, 0].detach(), atol=0.0005)
    assert predictions[1]["LA"][101:] == [predictions[1]["LA"][101]] * 7
    assert [prediction.get("excluded") for prediction in predictions] == [
        None,
        None,
        None,
        None,
        "no variable of the target varies",
    ]
    assert [prediction["undefined"] for prediction in predictions] == [[], [], [], [], SOME]
    columns = task.score(pd.DataFrame(predictions), pd.DataFrame(references))
    for name in SOME:
        for i in range(4):
            pairs = [(x, y) for x, y in zip(references[i][name], predictions[i][name], strict=True) if x is not None]
            assert columns[f"r:{name}"][i] == pytest.approx(pearsonr(*zip(*pairs, strict=True)).statistic)
        assert columns[f"count:{name}"].tolist() == [1, 1, 1, 1, 0]
    figures = task.summarise(columns.sum())
    assert figures["pearson_TTCD"] == pytest.approx(columns["r:TTCD"][:4].mean())
    assert figures["pearson"] == pytest.approx(np.mean([figures[f"pearson_{name}"] for name in SOME]))


def test_a_constant_target_is_left_out_for_all_and_a_constant_prediction_counts_as_0(task, tmp_path):
    rows = [row(tmp_path, 30, 1), row(tmp_path, 30, 2, TTCD=0.5), row(tmp_path, 30, 3, TTCD=np.nan, pitch=np.nan)]
    references = pd.DataFrame([task.reference(each) for each in rows])
    predictions = pd.DataFrame(
        [{"LA": [0.1] * 30, "TTCD": list(np.linspace(0, 1, 30)), "pitch": [0.0] * 30} for _ in rows]
    )
    scores, floor = task.score(predictions, references), task.floor(references)
    for columns in (scores, floor):
        assert columns["count:LA"].tolist() == [1, 1, 1]
        assert columns["count:TTCD"].tolist() == [1, 0, 0]
        assert columns["count:pitch"].tolist() == [1, 1, 0]
    assert scores["r:LA"].tolist() == [0, 0, 0]
    assert scores["r:TTCD"][0] != 0
    assert task.summarise(floor.sum()) == {"pearson": 0, "pearson_LA": 0, "pearson_TTCD": 0, "pearson_pitch": 0}


def test_a_variable_that_is_constant_in_an_utterance_is_listed_with_it(model, task, tmp_path):
    rows = [row(tmp_path, 57, 1), row(tmp_path, 57, 2, TTCD=0.5)]
    heard = torch.randn(2, 1, 57 * 160, generator=torch.Generator().manual_seed(0)), torch.tensor([56 * 160, 56 * 160])
    predictions = model.predict(model(*heard), batch_of(task, rows, heard))
    assert [prediction["undefined"] for prediction in predictions] == [[], ["TTCD"]]
    assert not any("excluded" in prediction for prediction in predictions)


def test_scores_are_a_function_of_the_record(model, task, heard, rows):
    predictions = model.predict(model(*heard[:2]), batch_of(task, rows))
    records = [
        {"prediction": p, "reference": task.reference(r), "failed": None}
        for p, r in zip(predictions, rows, strict=True)
    ]
    records.insert(1, {"prediction": {}, "reference": task.reference(rows[0]), "failed": "wrong length"})
    stored = json.loads(json.dumps(records))
    for each in rows:
        Path(each["tracks"]).unlink()
    columns = score_records(task, stored)
    assert columns["count:LA"].tolist() == [1, 1, 1, 1, 1, 0]
    assert columns["r:LA"][1] == 0
    assert columns["r:LA"][0] != 0


def test_figures_over_leading_dimensions_and_without_anything_to_sum():
    assert primary(SpeechInversion) == "pearson"
    assert set(SpeechInversion.figures) == {"pearson", *(f"pearson_{name}" for name in VARIABLES)}
    sums = {"r:LA": np.array([[1.5, 0.0], [0.0, 0.0]]), "count:LA": np.array([[2, 0], [0, 0]])}
    sums |= {"r:VP": np.array([[0.5, 0.2], [0.0, 0.0]]), "count:VP": np.array([[1, 1], [0, 0]])}
    figures = SpeechInversion.summarise(sums)
    assert set(figures) == {"pearson", "pearson_LA", "pearson_VP"}
    np.testing.assert_allclose(figures["pearson_LA"], [[0.75, np.nan], [np.nan, np.nan]])
    np.testing.assert_allclose(figures["pearson"], [[0.625, 0.2], [np.nan, np.nan]])


def test_user_s_errors(task, tmp_path):
    task.check(row(tmp_path, 5))
    np.save(tmp_path / "narrow.npy", np.zeros((5, 2), np.float32))
    with pytest.raises(ValueError, match=r"shape \(5, 2\); \(frames, 3\) is wanted"):
        task.check({"tracks": str(tmp_path / "narrow.npy")})
    (tmp_path / "text.npy").write_text("no array")
    for name in ("text.npy", "absent.npy"):
        with pytest.raises(ValueError, match=f"{name} cannot be read"):
            task.check({"tracks": str(tmp_path / name)})
    with pytest.raises(EarmarkError, match="'JA'"):
        SpeechInversion({"variables": ["LA", "JA"]})
