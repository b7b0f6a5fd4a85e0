"""The board of one task: scores, exclusions, ranks."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from invented_summaries import CONDITIONS, TASKS, Hits, boards, row, summary, with_reference

from benchmark.contracts import Figure
from benchmark.errors import EarmarkError
from benchmark.results.board import groups_of

pytestmark = pytest.mark.usefixtures("invented_tasks")


def test_score_is_the_mean_over_noisy_conditions_of_the_corpus_level_metric(tmp_path: Path):
    one = summary()
    errors, words = np.array(one["sums"]["errors"]), np.array(one["sums"]["words"])
    line = boards(tmp_path, one)["asr"][0]
    rates = errors.sum(0) / words.sum(0)
    assert [float(line[condition]) for condition in CONDITIONS] == pytest.approx(rates, abs=5e-5)
    assert float(line["score"]) == pytest.approx(rates[1:].mean(), abs=5e-5)
    assert float(line["score_low"]) < float(line["score"]) < float(line["score_high"])
    assert float(line["cer"]) == pytest.approx(
        (np.array(one["sums"]["character_errors"]).sum(0) / (50 * 30))[1:].mean(), abs=5e-5
    )


def test_words_are_summed_before_the_rate_is_taken(tmp_path: Path):
    """A long scene without errors and a short one that is all wrong: 1 of 10, not a mean of 0 and 1."""
    sums = {"errors": [[0], [1]], "words": [[9], [1]], "character_errors": [[0], [1]], "characters": [[9], [1]]}
    one = summary(scenes=2, sums=sums, conditions=["snr_0"], failed=[[0], [0]])
    assert boards(tmp_path, one)["asr"][0]["score"] == "0.1000"


@pytest.mark.parametrize("conditions", [["clean"], ["recorded"]])
def test_a_single_condition_is_the_score(tmp_path: Path, conditions: list[str]):
    one = summary()
    one |= {
        "conditions": conditions,
        "sums": {name: [row[:1] for row in rows] for name, rows in one["sums"].items()},
        "failed": [[0]] * 30,
    }
    line = boards(tmp_path, one)["asr"][0]
    assert line["score"] == line[conditions[0]] != ""


@pytest.mark.parametrize("task", ["asr", "commands"])
def test_ranks_follow_the_direction_of_the_metric_and_are_shared(tmp_path: Path, task: str):
    lines = [
        summary(task, "good", "joint", 0.05),
        summary(task, "worse", "joint", 0.6),
        summary(task, rate=0.6),
        with_reference(task),
    ]
    board = boards(tmp_path, *lines)[task]
    assert [(line["rank"], line["front_end"]) for line in board[:1]] == [("1", "good")]
    assert {line["front_end"]: line["rank"] for line in board} == {
        "good": "1",
        "worse": "2",
        "identity": "2",
        "reference": "",
    }
    assert board[-1]["front_end"] == "reference"


def test_change_is_paired_against_the_baseline(tmp_path: Path):
    base = summary()
    better = summary(
        front_end="unet",
        sums={**base["sums"], "errors": [[max(0, e - 1) for e in errors] for errors in base["sums"]["errors"]]},
    )
    board = boards(tmp_path, base, better, summary(front_end="same", sums=base["sums"]), with_reference())["asr"]
    line = row(board, "unet")
    assert float(line["change"]) == pytest.approx(
        float(line["score"]) - float(row(board, "identity")["score"]), abs=2e-4
    )
    assert float(line["change_high"]) - float(line["change_low"]) < 0.3 * (
        float(line["score_high"]) - float(line["score_low"])
    )
    assert float(line["p"]) < 0.01
    assert [row(board, "same")[key] for key in ("change", "change_low", "change_high", "p")] == [
        "0.0000",
        "0.0000",
        "0.0000",
        "1.0000",
    ]
    assert row(board, "same")["rank"] == row(board, "identity")["rank"] == "2"
    assert [row(board, "identity")[key] for key in ("change", "p")] == ["", ""]
    assert row(board, "reference")["change"] != ""
    assert row(board, "reference")["p"] == ""


def test_without_a_baseline_nothing_is_compared_with_it(tmp_path: Path):
    made = boards(tmp_path, summary(front_end="unet"), summary(front_end="other"))
    assert all(line[key] == "" for line in made["asr"] for key in ("change", "change_low", "p"))
    assert all(line["rank"] for line in made["asr"])
    assert all(line["rank"] == line["reduction"] == "" for line in made["overall"])


def test_failures_are_counted_at_the_floor_that_the_sums_hold(tmp_path: Path):
    perfect = {"hits": [[1], [1], [1], [1]], "count": [[1]] * 4}
    broken = {"hits": [[1], [1], [1], [0]], "count": [[1]] * 4}
    one = summary("commands", scenes=4, conditions=["snr_0"], sums=perfect, failed=[[0]] * 4)
    two = summary("commands", "unet", scenes=4, conditions=["snr_0"], sums=broken, failed=[[0], [0], [0], [1]])
    board = boards(tmp_path, one, two)["commands"]
    assert [(line["score"], line["failed"], line["coverage"]) for line in board] == [
        ("1.0000", "0", "4 of 4"),
        ("0.7500", "1", "4 of 4"),
    ]


def test_an_interval_ends_where_the_values_of_its_metric_do(tmp_path: Path):
    few = {"hits": [[0], [0], [1]], "count": [[1]] * 3}
    made = boards(tmp_path, summary("commands", scenes=3, conditions=["snr_0"], sums=few, failed=[[0]] * 3))
    (only,) = made["commands"]
    assert (only["score_low"], only["score"], only["score_high"]) == ("0.0000", "0.3333", "1.0000")
    assert Figure(0, 1).bounds == (0, math.inf)
    assert Figure(0, 0).bounds == (-math.inf, math.inf)
    assert Figure(1, 0, worst=-1).bounds == (-1, 1)


def test_what_is_excluded_for_one_row_is_excluded_for_all(tmp_path: Path):
    one, two = summary(), summary(front_end="unet")
    for rows in two["sums"].values():
        rows[4][1] = None
    two |= {"excluded": [{"scene": "scene04", "condition": "snr_5", "reason": "no reference"}]}
    two["failed"][4][1] = 1
    made = boards(tmp_path, one, two)["asr"]
    errors, words = (np.delete(np.array(one["sums"][name])[:, 1], 4) for name in ("errors", "words"))
    assert float(row(made, "identity")["snr_5"]) == pytest.approx(errors.sum() / words.sum(), abs=5e-5)
    assert [(line["coverage"], line["excluded"], line["failed"]) for line in made] == [("89 of 90", "1", "0")] * 2
    assert all(line["rank"] for line in made)


def test_a_corpus_may_hold_each_scene_under_one_condition_only(tmp_path: Path):
    """Recordings mixed by their owner: what is null and not listed as excluded was never planned."""
    one = summary()
    for rows in one["sums"].values():
        for index, scene in enumerate(rows):
            scene[:] = [value if index % 3 == k else None for k, value in enumerate(scene)]
    line = boards(tmp_path, one)["asr"][0]
    errors = np.array([scene[1] for index, scene in enumerate(one["sums"]["errors"]) if index % 3 == 1])
    assert (line["coverage"], line["excluded"], line["rank"]) == ("30 of 30", "0", "1")
    assert float(line["snr_5"]) == pytest.approx(errors.sum() / 100, abs=5e-5)


def test_clean_input_is_no_noisy_condition_for_any_listener(tmp_path: Path):
    line = boards(tmp_path, summary(conditions=["clean N2", "0 N2", "0 N4"]))["asr"][0]
    assert float(line["score"]) == pytest.approx((float(line["0 N2"]) + float(line["0 N4"])) / 2, abs=1e-4)


class Ears(Hits):
    """Scored for several listeners, some of whom make the score."""

    axes = ("snr", "listener")
    headline = {"listener": ("N3", "N4", "S3")}


def heard_by(rates: dict[str, float], front_end: str = "identity", **changes: Any) -> dict[str, Any]:
    """A summary of 1000 scenes in groups, with the rate of hits for each condition."""
    hits = [[int(index < 1000 * rate) for rate in rates.values()] for index in range(1000)]
    table = {
        "conditions": list(rates),
        "sums": {"hits": hits, "count": [[1] * len(rates)] * 1000},
        "failed": [[0] * len(rates)] * 1000,
    }
    return summary("ears", front_end, scenes=1000, **table, **changes)


@pytest.mark.parametrize(
    ("rates", "made_by"),
    [
        (
            {
                "clean N3": 0.9,
                "snr_5 N3": 0.5,
                "snr_5 N6": 0.1,
                "snr_5 S3": 0.7,
                "snr_0 N3": 0.4,
                "snr_0 N6": 0.0,
                "snr_0 S3": 0.2,
            },
            (0.5, 0.7, 0.4, 0.2),
        ),
        ({"snr_0 N1": 0.9, "snr_0 N4": 0.3, "snr_5 normal": 1.0}, (0.3,)),
        ({"clean N1": 0.9, "snr_5 N1": 0.6, "snr_0 N6": 0.2}, (0.6, 0.2)),  # none of them is there: all who hear noise
        ({"clean N1": 0.9, "clean N3": 0.4, "clean S3": 0.2}, (0.4, 0.2)),  # no noise at all
        ({"clean N1": 0.9, "clean N6": 0.5}, (0.9, 0.5)),
        ({"clean N3": 0.9, "snr_0 N6": 0.1}, (0.1,)),  # noise comes first
    ],
)
def test_some_listeners_make_the_score_and_the_others_have_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rates: dict[str, float], made_by: tuple[float, ...]
):
    monkeypatch.setitem(TASKS, "ears", Ears)
    (line,) = boards(tmp_path, heard_by(rates))["ears"]
    assert [float(line[condition]) for condition in rates] == pytest.approx(list(rates.values()), abs=1e-3)
    assert float(line["score"]) == pytest.approx(np.mean(made_by), abs=1e-3)


@pytest.mark.parametrize("stored", [True, False])
def test_axes_may_stand_in_any_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: bool):
    """A summary's own axes come before those of its task, which older summaries stand on."""
    axes = ["listener", "room", "snr"]
    rates = {"N3 hall clean": 0.9, "N3 hall snr_5": 0.5, "N6 hall snr_5": 0.1, "N3 hall snr_0": 0.3}
    monkeypatch.setitem(TASKS, "ears", Ears if stored else type("Rooms", (Ears,), {"axes": tuple(axes)}))
    (line,) = boards(tmp_path, heard_by(rates, **{"axes": axes} if stored else {}))["ears"]
    assert [float(line[condition]) for condition in rates] == pytest.approx(list(rates.values()), abs=1e-3)
    assert float(line["score"]) == pytest.approx((0.5 + 0.3) / 2, abs=1e-3)


def test_one_board_has_one_order_of_axes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(TASKS, "ears", Ears)
    lines = [heard_by({"snr_0 N3": 0.2}), heard_by({"snr_0 N3": 0.3}, "aid", axes=["listener", "snr"])]
    with pytest.raises(EarmarkError, match="lines of different axes"):
        boards(tmp_path, *lines)
    lines[1]["axes"] = ["snr", "listener"]
    assert len(boards(tmp_path, *lines)["ears"]) == 2


def test_listeners_without_a_part_in_the_score_change_no_rank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(TASKS, "ears", Ears)
    lines = [heard_by({"snr_0 N3": 0.2, "snr_0 N7": 0.9}), heard_by({"snr_0 N3": 0.8, "snr_0 N7": 0.1}, "aid")]
    board = boards(tmp_path, *lines)["ears"]
    assert [(line["rank"], line["front_end"], float(line["score"])) for line in board] == [
        ("1", "aid", 0.8),
        ("2", "identity", 0.2),
    ]


def test_a_condition_that_is_excluded_whole_leaves_the_score(tmp_path: Path):
    one = summary()
    for rows in one["sums"].values():
        for scene in rows:
            scene[2] = None
    line = boards(tmp_path, one)["asr"][0]
    assert (line["snr_0"], line["score"]) == ("", line["snr_5"])


def test_folds_are_put_together(tmp_path: Path):
    whole = summary()
    halves = []
    for fold, part in enumerate((slice(0, 12), slice(12, 30))):
        cut = {"scenes": whole["scenes"][part], "groups": whole["groups"][part], "failed": whole["failed"][part]}
        halves.append(whole | cut | {"fold": fold, "sums": {name: rows[part] for name, rows in whole["sums"].items()}})
    assert boards(tmp_path / "halves", *halves)["asr"] == boards(tmp_path / "whole", whole)["asr"]
    with pytest.raises(EarmarkError, match="folds must be disjoint"):
        boards(tmp_path / "overlap", halves[0], whole | {"fold": 1})


def test_seeds_are_averaged_and_widen_the_interval(tmp_path: Path):
    seeds = [summary(seed=seed, rate=rate) for seed, rate in ((1, 0.2), (2, 0.4), (3, 0.6))]
    alone = [boards(tmp_path / str(one["seed"]), one)["asr"][0] for one in seeds]
    line = boards(tmp_path / "all", *seeds)["asr"][0]
    assert float(line["score"]) == pytest.approx(np.mean([float(one["score"]) for one in alone]), abs=1e-4)
    assert float(line["score_high"]) - float(line["score_low"]) > 2 * (
        float(alone[1]["score_high"]) - float(alone[1]["score_low"])
    )
    assert (line["seeds"], line["coverage"], line["compares"]) == ("3", "270 of 270", "these methods")
    assert alone[0]["compares"] == "these weights"


def test_open_rows_are_ranked_apart(tmp_path: Path):
    lines = [
        summary(rate=0.3),
        summary(front_end="strong", rate=0.02, track="open"),
        summary(front_end="weak", rate=0.6, track="open"),
    ]
    board = boards(tmp_path, *lines)["asr"]
    assert [(line["track"], line["rank"], line["front_end"]) for line in board] == [
        ("closed", "1", "identity"),
        ("open", "1", "strong"),
        ("open", "2", "weak"),
    ]
    assert float(row(board, "strong")["p"]) < 0.05


def test_a_row_that_lacks_scenes_or_conditions_stands_unranked_below(tmp_path: Path):
    few = summary(front_end="few", rate=0.01, scenes=20)
    short = summary(front_end="short", rate=0.01)
    short |= {
        "conditions": CONDITIONS[:2],
        "sums": {name: [row[:2] for row in rows] for name, rows in short["sums"].items()},
        "failed": [[0, 0]] * 30,
    }
    board = boards(tmp_path, summary(), few, short, with_reference())["asr"]
    assert [line["front_end"] for line in board] == ["identity", "few", "short", "reference"]
    assert [(line["rank"], line["coverage"], line["change"]) for line in board[1:3]] == [
        ("", "60 of 90", ""),
        ("", "60 of 90", ""),
    ]
    assert (row(board, "short")["score"], row(board, "short")["snr_0"]) == ("", "")


def test_one_record_under_several_names_counts_once(tmp_path: Path):
    """Two rows of one record share rank and p, and are one member of the family that the correction is for."""
    once = [
        summary(rate=0.5),
        summary(front_end="unet", rate=0.35),
        summary(front_end="other", rate=0.45),
        with_reference(),
    ]
    same = {**once[1], "scheme": "frozen"}
    alone, doubled = boards(tmp_path / "a", *once)["asr"], boards(tmp_path / "b", *once, same)["asr"]
    rows = [line for line in doubled if line["front_end"] == "unet"]
    assert len(rows) == 2
    assert {(line["rank"], line["p"]) for line in rows} == {(row(alone, "unet")["rank"], row(alone, "unet")["p"])}
    assert row(doubled, "other")["p"] == row(alone, "other")["p"]
    assert row(doubled, "identity")["rank"] == row(alone, "identity")["rank"]


def test_speaker_3_of_one_corpus_is_not_speaker_3_of_another():
    lines = [
        summary(corpora=[f"{name} 1", "esc50 1"], groups=["3"] * 30)
        for name in ("emo_db", "ravdess", "synthetic/commands", "synthetic/sentences")
    ]
    groups = [groups_of(line)[0] for line in lines]
    assert groups == ["emo_db 3", "ravdess 3", "synthetic 3", "synthetic 3"]


def test_a_row_without_clean_input_is_ranked_by_the_rest(tmp_path: Path):
    files = summary(front_end="files", rate=0.01)
    files |= {
        "conditions": CONDITIONS[1:],
        "sums": {name: [row[1:] for row in rows] for name, rows in files["sums"].items()},
        "failed": [[0, 0]] * 30,
    }
    board = boards(tmp_path, summary(), files)["asr"]
    assert [(line["front_end"], line["rank"], line["coverage"]) for line in board] == [
        ("files", "1", "60 of 90"),
        ("identity", "2", "90 of 90"),
    ]
    assert (row(board, "files")["clean"], row(board, "identity")["clean"] != "") == ("", True)
    assert float(row(board, "files")["change"]) < 0
