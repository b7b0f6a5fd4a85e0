"""What a board shows is computed once: CSV files, pages and commands show the same."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from invented_summaries import TASKS, boards, row, summary, with_reference

from benchmark.report.show import FILTERS
from benchmark.results.board import boards_of
from benchmark.results.cost_columns import COSTS
from benchmark.results.summary_file import write_summaries
from benchmark.results.view import LeaderboardView, mean_cost, view_of
from benchmark.submission.standing import standing

pytestmark = pytest.mark.usefixtures("invented_tasks")


def viewed(folder: Path, *lines: dict[str, Any]) -> LeaderboardView:
    write_summaries(folder / "summaries.jsonl", lines)
    return view_of(boards_of(folder))


@pytest.mark.parametrize(
    ("values", "mean"),
    [
        ([10, 20], 15.0),
        ([10, None], None),  # an unknown cost makes the mean unknown
        ([None], None),
        ([], None),
        ([10, "not counted", None], "not counted"),
        ([0], 0.0),
    ],
)
def test_the_mean_of_costs(values: Sequence[Any], mean: float | str | None):
    assert mean_cost(values) == mean


@pytest.mark.parametrize(
    ("values", "cell", "shown"),
    [((10, None), "", ""), ((10, 20), "15.00", "15.0"), ((10, "not counted"), "not counted", "not counted")],
)
def test_files_and_pages_show_the_same_cost(tmp_path: Path, values: tuple[Any, Any], cell: str, shown: str):
    lines = [
        summary(seed=seed, costs=summary()["costs"] | {"latency_ms": value}) for seed, value in enumerate(values, 1)
    ]
    assert boards(tmp_path, *lines)["costs"][0]["latency_ms"] == cell
    view = viewed(tmp_path, *lines)
    for costs in (view.tasks[0].rows[0].costs, view.rows[0].costs, view.rows[0].front_end_costs):
        assert costs.keys() == set(COSTS)
        assert FILTERS["cost"](costs["latency_ms"], 1) == shown


def test_gain_and_change_differ_by_the_direction_of_the_metric(tmp_path: Path):
    view = viewed(tmp_path, *(summary(task, *who) for task in TASKS for who in (("identity",), ("unet", "joint", 0.1))))
    for task in view.tasks:
        result = task.by_name["unet", "joint"]
        assert result.change is not None
        assert result.gain is not None
        assert result.gain.low < result.gain.value < result.gain.high
        assert result.gain.value == (1 if task.more_is_better else -1) * result.change.value > 0
        assert result.significant
        baseline = task.by_name["identity", "noisy"]
        assert (baseline.change, baseline.gain, baseline.p, baseline.significant) == (None, None, None, False)


def test_rows_that_differ_are_those_with_other_ranks(tmp_path: Path):
    rates = {"good": 0.05, "better": 0.06, "bad": 0.6}
    view = viewed(tmp_path, summary(), *(summary(front_end=name, rate=rate) for name, rate in rates.items()))
    (found,) = view.tasks[0].differences
    places = {name: index for index, (name, _) in enumerate(found.names)}
    assert [name for name, _ in found.names] == [one.who.front_end for one in view.tasks[0].rows]
    assert not found.differ[places["good"], places["better"]]
    assert found.differ[places["good"], places["bad"]]
    assert (found.differ == found.differ.T).all()
    assert [one.names for one in view.differences] == [found.names]  # one board lends its differences


def test_a_view_of_all_tasks(tmp_path: Path):
    lines = [summary(task, *who) for task in TASKS for who in (("identity",), ("unet", "joint", 0.1))]
    partial = summary(front_end="partial", rate=0.3, synthetic=False)
    failing = summary(front_end="failing", failed=[[0, 1, 0]] * 3 + [[0, 0, 0]] * 27)
    view = viewed(tmp_path, *lines, partial, failing, with_reference())
    by_name = {one.who.front_end: one for one in view.rows}
    assert by_name["unet"].who.rank == 1
    assert by_name["unet"].mean_rank == 1
    assert by_name["unet"].scores == {task.name: task.by_name["unet", "joint"].score.value for task in view.tasks}
    assert by_name["unet"].worst in TASKS
    assert by_name["identity"].worst is None
    assert (by_name["partial"].who.rank, by_name["partial"].complete, by_name["partial"].synthetic) == (None, 1, False)
    assert by_name["partial"].mean_rank == 2
    assert math.isnan(by_name["reference"].mean_rank)
    assert (by_name["failing"].failed, by_name["failing"].who.failures) == (3, 3 / 90)
    assert not by_name["reference"].who.ranked
    assert view.synthetic


def test_the_standing_of_a_submission_says_what_the_boards_say(tmp_path: Path):
    lines = [summary(task, *who) for task in TASKS for who in (("identity",), ("unet", "joint", 0.1))]
    lines += [line | {"front_end": "unet", "track": "open", "keys": {"outputs": "u"}} for line in lines[::2]]
    made = boards(tmp_path, *lines)
    told = standing(view_of(boards_of(tmp_path)), "unet")
    assert [(line["task"], line["scheme"]) for line in told] == [
        ("overall", "joint"),
        ("overall", "noisy"),
        ("asr (wer)", "joint"),
        ("asr (wer)", "noisy"),
        ("commands (accuracy)", "joint"),
        ("commands (accuracy)", "noisy"),
    ]
    assert [line["rank"] for line in told[::2]] == ["1 of 2"] * 3
    assert [line["rank"] for line in told[1::2]] == ["1 of 1 (open track)"] * 3
    assert told[0]["score"] == row(made["overall"], "unet")["reduction"]
    for task, line in zip(TASKS, told[2::2], strict=True):
        cells = row(made[task], "unet")
        assert (line["score"], line["p"]) == (cells["score"], cells["p"])
        low, high = (f"{float(cells[name]):+.4f}" for name in ("change_low", "change_high"))
        assert line["change"] == f"{float(cells['change']):+.4f} ({low} to {high}), better"
    assert all(line["change"].endswith("the same score") for line in told[3::2])
