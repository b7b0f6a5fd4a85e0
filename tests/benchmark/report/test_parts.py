"""What the page is made of: bars, axes, Pareto fronts, intervals, alignments, confusions."""

from typing import ClassVar

import numpy as np
import pytest
from invented_summaries import CONDITIONS, summary

from benchmark import registry
from benchmark.contracts import Figure
from benchmark.report import differences, plot
from benchmark.report.confusion import confusions
from benchmark.report.curves import curves
from benchmark.report.listening import KeptScene, Take, kept_scenes
from benchmark.report.scatter import scatters
from benchmark.report.show import level, number
from benchmark.report.sounds import clips, factor
from benchmark.report.understood import aligned
from benchmark.results.board import boards_of
from benchmark.results.pareto import undominated
from benchmark.results.ranking import competitors, rank
from benchmark.results.records import Records
from benchmark.results.summary_file import unpacked, write_summaries
from benchmark.results.view import Estimate, OverallResult, Who, condition_intervals, task_view, view_of
from benchmark.scores.classification import unweighted_average_recall
from benchmark.statistics import ALPHA

pytestmark = pytest.mark.usefixtures("stubs")


def table(size, *pairs):
    differ = np.zeros((size, size), bool)
    for first, second in pairs:
        differ[first, second] = differ[second, first] = True
    return differ


@pytest.mark.parametrize(
    ("differ", "expected"),
    [
        (table(4), [(0, 3)]),
        (table(1), []),
        (table(3, (0, 1), (1, 2), (0, 2)), []),
        (table(4, (0, 3)), [(0, 2), (1, 3)]),
        (table(4, (0, 2), (0, 3), (1, 2), (1, 3)), [(0, 1), (2, 3)]),
        (table(4, (1, 2)), [(0, 1), (2, 3)]),  # the first and the last differ from nobody, but are no neighbours
    ],
)
def test_bars_join_runs_without_a_difference(differ, expected):
    assert differences.runs(differ) == expected


def test_pairs_are_those_that_the_ranks_were_made_of(leaderboard):
    for board in boards_of(leaderboard):
        rows = board.entered
        p = rank(competitors(rows), board.design, board.sign, rows.index(board.baseline)).p
        scores = np.array([board.sign * row.score[0] for row in rows])
        assert [row.rank for row in rows] == (1 + ((p < ALPHA) & (scores[:, None] > scores)).sum(0)).tolist()
        assert max(row.rank for row in rows) > 1
        (group,) = differences.groups(task_view(board).differences)
        ranks = {row.name: row.rank for row in rows}
        assert [ranks[group.names[first]] for first, _ in group.bars] == sorted(
            ranks[group.names[first]] for first, _ in group.bars
        )


def test_tracks_have_diagrams_of_their_own(tmp_path):
    lines = [
        summary(),
        summary(front_end="unet"),
        summary(front_end="other", track="open"),
        summary(front_end="third", track="open"),
    ]
    write_summaries(tmp_path / "summaries.jsonl", lines)
    view = view_of(boards_of(tmp_path))
    for found in (view.tasks[0].differences, view.differences):
        assert {group.track: {name for name, _ in group.names} for group in differences.groups(found)} == {
            "closed": {"identity", "unet"},
            "open": {"other", "third"},
        }


def test_intervals_by_condition_hold_the_score_and_are_those_of_a_board_of_that_condition_alone(tmp_path, leaderboard):
    board = boards_of(leaderboard)[0]
    row = next(row for row in board.rows if row.name == ("unet", "joint"))
    found = condition_intervals(board, [row.name])[row.name]
    for (low, high), value in zip(found, row.figures[board.metric], strict=True):
        assert low < value < high
    line = unpacked(row.lines[0])
    alone = {name: [values[1:2] for values in rows] for name, rows in line["sums"].items()}
    write_summaries(
        tmp_path / "summaries.jsonl", [{**line, "sums": alone, "conditions": CONDITIONS[1:2], "failed": [[0]] * 30}]
    )
    expected = task_view(boards_of(tmp_path)[0]).rows[0].score
    assert found[1] == pytest.approx((expected.low, expected.high))


def test_curves_run_from_the_noisiest_to_clean_and_follow_the_scores(leaderboard):
    board = boards_of(leaderboard)[0]
    (chart,) = curves(task_view(board), board)
    assert [label for _, label in chart.x] == ["0\N{NO-BREAK SPACE}dB", "5\N{NO-BREAK SPACE}dB", "clean"]
    assert [x for x, _ in chart.x] == sorted(x for x, _ in chart.x)
    best = next(series for series in chart.series if series.who.name == ("unet", "joint"))
    worst = next(series for series in chart.series if series.who.front_end.startswith("="))
    # errors: the better line runs below, where y is greater
    assert all(low[1] > high[1] for low, high in zip(best.points, worst.points, strict=True))


def test_conditions_without_an_snr_make_no_curves(tmp_path):
    one = summary()
    one |= {
        "conditions": ["recorded"],
        "sums": {name: [row[:1] for row in rows] for name, rows in one["sums"].items()},
        "failed": [[0]] * 30,
    }
    write_summaries(tmp_path / "summaries.jsonl", [one])
    (board,) = boards_of(tmp_path)
    assert curves(task_view(board), board) == []


def test_scales_map_their_ends_and_ticks_lie_within():
    linear, log = plot.spanning([0.1, 0.5, float("nan")], 300, 20), plot.Scale(1e-6, 2.0, 50, 450, log=True)
    assert linear(linear.low) == 300
    assert linear(linear.high) == 20
    assert log(1e-6) == 50
    assert log(2e-3) == pytest.approx(50 + 400 * np.log10(2e3) / np.log10(2e6), abs=0.05)
    for axis, (low, high) in ((linear, (20, 300)), (log, (50, 450))):
        assert len(axis.ticks) >= 3
        assert all(low <= at <= high for at, _ in axis.ticks)
    assert plot.spanning([0.3], 0, 100)(0.3) == 50
    assert plot.Scale(1e5, 1e9, 0, 1, log=True).ticks[0][1] == "100 k"


def test_charts_draw_the_baseline_and_the_best_of_each_front_end_first():
    rows = [Who(f"f{index % 30}", f"s{index // 30}", "closed", 1, True, index == 119, 1) for index in range(120)]
    drawn = plot.chosen(rows)
    assert len(drawn) == plot.MOST
    assert drawn == [who for who in rows if who in drawn]
    assert rows[119] in drawn
    assert set(rows[:30]) <= set(drawn)


def test_the_pareto_front():
    found = np.array([(-0.1, 0), (-0.3, 5), (-0.2, 5), (-0.3, 6), (-0.5, 9), (-0.1, 0), (-0.05, 1)])
    assert undominated(found, ["closed"] * 6 + ["open"]).tolist() == [True, True, False, False, True, True, True]


def test_each_track_has_a_pareto_front_and_rows_at_one_place_one_label():
    def row(front_end: str, track: str, quality: float, cost: float) -> OverallResult:
        who = Who(front_end, "noisy", track, 1, True, False, 1)
        return OverallResult(
            who,
            Estimate(quality),
            reductions={},
            worst=None,
            mean_rank=1.0,
            scores={},
            complete=1,
            failed=0,
            synthetic=False,
            costs={},
            front_end_costs={"macs_per_second": cost, "real_time_factor": "not counted", "latency_ms": None},
            pareto="",
        )

    rows = [
        row("a", "closed", 0.1, 10.0),
        row("twin", "closed", 0.1, 10.0),
        row("b", "closed", 0.3, 900.0),
        row("c", "open", 0.05, 500.0),
        row("d", "open", 0.01, 600.0),
    ]
    (chart,) = scatters(rows)
    assert [(point.who.front_end, point.best, point.label) for point in chart.points] == [
        ("a", True, "a · noisy"),
        ("twin", True, ""),
        ("b", True, "b · noisy"),
        ("c", True, "c · noisy"),
        ("d", False, ""),
    ]
    assert [track for track, _ in chart.fronts] == ["closed", "open"]
    assert chart.fronts[1][1] == f"{chart.points[3].x:g},{chart.points[3].y:g}"


def test_a_take_that_is_louder_than_what_was_there_is_cut_off_and_says_so():
    tone = np.sin(np.arange(1000) / 3)[None].astype(np.float32)
    scene = KeptScene(
        "asr", "a", "snr_0", "", {"n": Take("identity", "noisy", 0.5 * tone), "e": Take("loud", "enhanced", 5 * tone)}
    )
    assert factor(scene) == pytest.approx(1.8, rel=0.01)
    assert (clips(scene, "n"), clips(scene, "e")) == (False, True)


def test_transcripts_are_aligned_as_they_are_scored():
    assert aligned("Three books, are under it", "tree books under it now") == [
        ("substitute", "three", "tree"),
        ("hit", "books", "books"),
        ("delete", "are", ""),
        ("hit", "under", "under"),
        ("hit", "it", "it"),
        ("insert", "", "now"),
    ]
    assert aligned("", "so") == [("insert", "", "so")]
    assert aligned("so", "") == [("delete", "so", "")]


def test_confusions_count_noisy_scenes_of_tasks_with_labels(recorded):
    records = Records(recorded.parent.parent / "runs")
    asr, commands = boards_of(recorded)
    assert confusions(asr, records) == []
    by_name = {matrix.name: matrix for matrix in confusions(commands, records)}
    assert set(by_name) == {("identity", "noisy"), ("unet", "joint"), ("reference", "clean")}
    assert by_name["identity", "noisy"].labels == ["left", "right"]
    assert by_name["identity", "noisy"].counts == [[0, 4], [0, 0]]
    assert by_name["unet", "joint"].counts == [[4]]


def test_confusions_that_summaries_count_need_no_records(tmp_path, monkeypatch):
    class Styles:
        figures: ClassVar = {"uar": Figure(1.0, 0.0, worst=0.0)}
        axes: ClassVar = ("snr",)
        headline: ClassVar = {}

        @staticmethod
        def summarise(sums):
            return {"uar": unweighted_average_recall(sums)}

    monkeypatch.setattr(registry, "load", lambda kind, name: Styles)
    shape = (30, len(CONDITIONS))
    rng, truth = np.random.default_rng(0), np.arange(30)[:, None] % 2
    said = np.where(rng.random(shape) < 0.3, 1 - truth, truth)
    said[3, 1] = -1  # a failure
    names = ["low", "up:high"]
    sums = {
        f"confusion:{names[i]}:{names[j]}": ((truth == i) & (said == j)).astype(int).tolist()
        for i in range(2)
        for j in range(2)
    }
    sums |= {f"count:{name}": np.broadcast_to(truth == k, shape).astype(int).tolist() for k, name in enumerate(names)}
    sums |= {f"hits:{name}": ((truth == k) & (said == k)).astype(int).tolist() for k, name in enumerate(names)}
    write_summaries(tmp_path / "summaries.jsonl", [summary(sums=sums)])
    (board,) = boards_of(tmp_path)
    (matrix,) = confusions(board, Records(tmp_path / "runs"))
    noisy = said[:, 1:]
    assert (matrix.labels, matrix.predicted) == (names, [*names, "(failed)"])
    assert matrix.counts == [[int(((truth == i) & (noisy == j)).sum()) for j in (0, 1, -1)] for i in range(2)]


def test_a_record_of_other_predictions_is_passed_over(recorded):
    records = Records(recorded.parent.parent / "runs")
    line = next(row for row in boards_of(recorded)[0].rows if row.baseline).lines[0]
    assert records.folder(line) is not None
    assert records.folder({**line, "predictions": "0" * 64}) is None


def test_sounds_stand_with_the_noisy_one_first_and_what_was_made_of_them(recorded):
    asr, commands = boards_of(recorded)
    (scene,) = kept_scenes(asr, Records(recorded.parent.parent / "runs"))
    assert [(take.front_end, take.kind) for take in scene.takes.values()] == [
        ("identity", "noisy"),
        ("reference", "clean"),
        ("unet", "enhanced"),
    ]
    assert [[one.errors for one in take.understood] for take in scene.takes.values()] == [[3], [0], [0]]
    assert [(one.who, one.failed) for one in scene.failed] == [
        (("<script>alert(1)</script>", "noisy"), "the front-end's output <script>alert(1)</script>")
    ]
    (scene,) = kept_scenes(commands, Records(recorded.parent.parent / "runs"))
    assert [take.understood[0].right for take in scene.takes.values()] == [False, True, True]


def test_numbers_have_a_true_minus_and_colours_their_sides():
    assert [number(value) for value in (-0.0004, -1.25, None, float("nan"))] == ["0.000", "−1.250", "", ""]
    assert [level(value) for value in (-0.6, -0.01, 0.01, 0.3, None, float("nan"))] == ["l-4", "l0", "l0", "l3", "", ""]
