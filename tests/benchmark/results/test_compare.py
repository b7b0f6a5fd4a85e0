"""Two rows held against each other, on invented scores."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from invented_summaries import TASKS, summary

from benchmark import registry, statistics
from benchmark.cli import main
from benchmark.errors import EarmarkError
from benchmark.results import leaderboard_files as leaderboard
from benchmark.results.board import boards_of
from benchmark.results.compare import COLUMNS, compare, render
from benchmark.results.records import Records
from benchmark.results.summary_file import write_summaries
from benchmark.results.view import view_of
from benchmark.store import Store

Lines = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def stubs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(registry, "load", lambda kind, name: TASKS[name])
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path / "cache"))


def compared(folder: Path, lines: Lines, first: str = "unet:joint", second: str = "identity:noisy") -> Lines:
    write_summaries(folder / "summaries.jsonl", lines)
    return compare(boards_of(folder), first, second, Records(folder / "runs"))


def table(lines: Lines, name: str, task: str | None = None) -> Lines:
    return [line for line in lines if line["table"] == name and task in (None, line["task"])]


def two(rate: float = 0.2, **changes: Any) -> Lines:
    """The baseline and a better row on both tasks."""
    return [
        summary(task, *row, **changes)
        for task in TASKS
        for row in (("identity", "noisy", 0.4), ("unet", "joint", rate))
    ]


def rates(line: dict[str, Any], scenes: slice | np.ndarray = slice(None)) -> np.ndarray:
    """Error rates by condition, by hand."""
    sums = {name: np.array(values)[scenes].sum(0) for name, values in line["sums"].items()}
    return sums["errors"] / sums["words"] if "errors" in sums else 1 - sums["hits"] / sums["count"]


def test_gains_are_positive_where_the_first_is_better_whatever_the_metric(tmp_path: Path):
    lines = two()
    found = compared(tmp_path, lines)
    for task, base, better in (("asr", *lines[:2]), ("commands", *lines[2:])):
        (score,) = table(found, "score", task)
        assert score["gain"] == pytest.approx((rates(base) - rates(better))[1:].mean())
        assert score["gain"] > 0
        assert score["gain_low"] < score["gain"] < score["gain_high"]
        conditions = table(found, "condition", task)
        assert [line["condition"] for line in conditions] == base["conditions"]
        assert [line["gain"] for line in conditions] == pytest.approx(list(rates(base) - rates(better)))


def test_the_reverse_is_the_mirror_image(tmp_path: Path):
    lines = two(0.35)
    ahead, back = compared(tmp_path, lines), compared(tmp_path, lines, "identity:noisy", "unet:joint")
    assert len(ahead) == len(back)
    for one, other in zip(ahead, back, strict=True):
        if one["table"] in ("score", "condition"):
            mirrored = [-other["gain"], -other["gain_high"], -other["gain_low"], other["p"]]
            assert [one["gain"], one["gain_low"], one["gain_high"], one["p"]] == pytest.approx(mirrored)
    assert {line["scene"] for line in table(ahead, "utterance")} == {line["scene"] for line in table(back, "utterance")}


@pytest.mark.parametrize("seeds", [(1,), (1, 2, 3)])
def test_against_the_baseline_it_says_what_the_board_says(tmp_path: Path, seeds: tuple[int, ...]):
    found = compared(tmp_path, [line for seed in seeds for line in two(seed=seed)])
    leaderboard.write_leaderboard(tmp_path)
    for task, sign in (("asr", -1), ("commands", 1)):
        with (tmp_path / f"{task}.csv").open() as file:
            row = next(row for row in csv.DictReader(file) if row["front_end"] == "unet")
        (line,) = table(found, "score", task)
        ends = sorted((sign * line["gain_low"], sign * line["gain_high"]))
        assert [sign * line["gain"], *ends] == pytest.approx(
            [float(row[name]) for name in ("change", "change_low", "change_high")], abs=5.1e-5
        )
        assert line["scenes"] == 30
    (overall,) = table(found, "score", "overall")
    with (tmp_path / "overall.csv").open() as file:
        row = next(row for row in csv.DictReader(file) if row["front_end"] == "unet")
    assert [overall[name] for name in ("gain", "gain_low", "gain_high")] == pytest.approx(
        [float(row[name]) for name in ("reduction", "reduction_low", "reduction_high")], abs=5.1e-5
    )


def test_p_is_corrected_over_the_lines_of_its_table(tmp_path: Path):
    lines = two(0.36)
    found = compared(tmp_path, lines)
    write_summaries(tmp_path / "summaries.jsonl", lines)
    raw = []
    for board in boards_of(tmp_path):
        base, better = sorted(board.rows, key=lambda row: row.name)
        figures = [board.replicates(board.sums(row), board.weights)[board.metric][:, 0] for row in (base, better)]
        raw += [float(statistics.p_values(figures[1][:, k] - figures[0][:, k], None, board.design)) for k in range(3)]
    assert [line["p"] for line in table(found, "condition")] == pytest.approx(
        list(np.maximum(statistics.holm(np.array(raw)), 0.0001))
    )
    assert all("p" not in line or line["p"] is None for line in table(found, "group"))


def test_groups_of_two_scenes_and_more_have_a_line(tmp_path: Path):
    groups = ["big"] * 20 + ["small"] * 2 + [f"single{index}" for index in range(8)]
    lines = two(groups=groups)
    found = table(compared(tmp_path, lines), "group", "asr")
    assert [(line["group"], line["scenes"]) for line in found] == [("big", 20), ("small", 2)]
    expected = [(rates(lines[0], part) - rates(lines[1], part))[1:].mean() for part in (slice(0, 20), slice(20, 22))]
    assert [line["gain"] for line in found] == pytest.approx(expected)
    assert found[0]["gain_low"] < found[0]["gain"] < found[0]["gain_high"]
    for name in (["alone"] * 30, [f"speaker{index}" for index in range(30)]):
        assert not table(compared(tmp_path, two(groups=name)), "group")


def planted(folder: Path) -> Lines:
    """Two rows alike but for two scenes, and records of both; scene 7 is lost by five words at 0 dB, scene 3 won by
    three in both conditions.
    """
    base = summary()
    errors = [list(row) for row in base["sums"]["errors"]]
    for scene, gains in ((3, (0, 3, 3)), (7, (0, 0, -5))):
        base["sums"]["errors"][scene] = [4, 4, 4]
        errors[scene] = [4 - gain for gain in gains]
    other = summary(front_end="unet", scheme="joint", sums={**base["sums"], "errors": errors})
    store = Store(folder / "runs")
    lines = []
    for line, said in ((base, "the base"), (other, "unet")):
        records = [
            {
                "base": scene,
                "conditions": {"snr": condition},
                "failed": "not finite" if (scene, condition, said) == ("scene07", "snr_0", "unet") else None,
                "prediction": {"text": f"{said} heard {scene} at {condition}"},
                "reference": {"text": f"what {scene} says"},
            }
            for scene in line["scenes"]
            for condition in line["conditions"]
        ]
        text = "".join(json.dumps(record) + "\n" for record in records)
        key = line["front_end"]
        store.put("records", key, {}, lambda folder, text=text: (folder / "predictions.jsonl").write_text(text))
        lines.append(
            line
            | {"keys": {"outputs": key}, "predictions": store.manifest("records", key)["files"]["predictions.jsonl"]}
        )
    return lines


def test_the_utterances_that_differ_most_and_what_was_made_of_them(tmp_path: Path):
    found = table(compared(tmp_path, planted(tmp_path)), "utterance")
    assert [(line["scene"], line["condition"]) for line in found] == [("scene03", "snr_5"), ("scene07", "snr_0")]
    assert [line["gain"] for line in found] == pytest.approx([0.3, -0.25])
    assert [(line["reference"], line["first_made"], line["second_made"]) for line in found] == [
        ("what scene03 says", "unet heard scene03 at snr_5", "the base heard scene03 at snr_5"),
        ("what scene07 says", "failed: not finite", "the base heard scene07 at snr_0"),
    ]


def test_ten_utterances_at_most(tmp_path: Path):
    found = compared(tmp_path, two(0.1))
    gains = [abs(line["gain"]) for line in table(found, "utterance", "asr")]
    assert len(gains) == 10
    assert gains == sorted(gains, reverse=True)


def test_a_record_of_another_run_is_not_shown(tmp_path: Path):
    lines = [line | {"predictions": "of another run"} for line in planted(tmp_path)]
    found = table(compared(tmp_path, lines), "utterance")
    assert [line["scene"] for line in found] == ["scene03", "scene07"]
    assert all(line[name] is None for line in found for name in ("reference", "first_made", "second_made"))


def test_rows_of_one_record_are_no_test(tmp_path: Path):
    base = summary()
    same = base | {"front_end": "unet", "scheme": "joint"}
    better = two()[2:]
    found = compared(tmp_path, [base, same, *better])
    (line,) = table(found, "score", "asr")
    assert (line["gain"], line["gain_low"], line["gain_high"], line["p"]) == (0, 0, 0, None)
    assert not table(found, "utterance", "asr")
    assert (
        table(found, "score", "commands")[0]["p"]
        == table(compared(tmp_path / "alone", better), "score", "commands")[0]["p"]
    )


def test_what_is_excluded_of_one_is_excluded_of_both(tmp_path: Path):
    one, other = two()[:2]
    for rows in other["sums"].values():
        rows[4][1] = None
    found = compared(tmp_path, [one, other])
    kept = np.arange(30) != 4
    line = next(line for line in table(found, "condition") if line["condition"] == "snr_5")
    other["sums"] = {
        name: [[0 if value is None else value for value in row] for row in rows] for name, rows in other["sums"].items()
    }
    assert (line["gain"], line["scenes"]) == (pytest.approx((rates(one, kept) - rates(other, kept))[1]), 29)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("unet:jiont", "identity:noisy", r"unknown row 'unet:jiont'; did you mean 'unet:joint'\?"),
        ("unet:joint", "unet", r"unknown row 'unet'; did you mean"),
        ("unet:joint", "unet:joint", "the same row twice"),
        ("unet:joint", "few:joint", "commands: few:joint was not scored on all scenes of the board"),
        ("few:joint", "words:joint", "few:joint and words:joint: no task has both rows"),
    ],
)
def test_what_cannot_be_compared_is_said(tmp_path: Path, first: str, second: str, message: str):
    few, words = summary("commands", "few", "joint", scenes=20), summary("asr", "words", "joint")
    with pytest.raises(EarmarkError, match=message):
        compared(tmp_path, [*two(), few, words], first, second)


def test_the_command_prints_tables_and_writes_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    lines = planted(tmp_path)
    found = compared(tmp_path, lines)
    assert (
        main(
            [
                "compare",
                "unet:joint",
                "identity:noisy",
                str(tmp_path),
                "--out",
                str(tmp_path),
                "--csv",
                str(tmp_path / "made.csv"),
            ]
        )
        == 0
    )
    printed = capsys.readouterr().out
    assert printed == render(found, "unet:joint", "identity:noisy") + "\n"
    assert [
        title for title in ("\nTasks\n", "\nConditions\n", "\nGroups\n", "\nUtterances\n") if title not in printed
    ] == []
    with (tmp_path / "made.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["first_row", "second_row", *COLUMNS]
    assert len(rows) == len(found)
    assert {(row["first_row"], row["second_row"]) for row in rows} == {("unet:joint", "identity:noisy")}
    assert [row["gain"] for row in rows if row["table"] == "utterance"] == ["0.3000", "-0.2500"]
    assert main(["compare", "unet:jiont", "identity:noisy", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_comparison_says_what_the_boards_say(tmp_path: Path):
    found = table(compared(tmp_path, two()), "score")
    view = view_of(boards_of(tmp_path))
    for line in found:
        if line["task"] == "overall":
            rows = {row.who.name: row.reduction.value for row in view.rows}
        else:
            (task,) = (task for task in view.tasks if task.name == line["task"])
            rows = {name: row.score.value for name, row in task.by_name.items()}
        assert (line["first"], line["second"]) == (rows["unet", "joint"], rows["identity", "noisy"])
    assert found
