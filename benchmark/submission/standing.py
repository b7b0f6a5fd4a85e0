"""Where a submission stands on its boards, and what a reader should know besides."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from benchmark import statistics
from benchmark.results.board import Board
from benchmark.results.board_rows import BoardRow
from benchmark.results.cards import measured
from benchmark.results.records import Records
from benchmark.results.view import LeaderboardView, OverallResult, TaskResult, TaskView

REASONS = 3  # at most so many reasons of failures are listed for a row


def standing(view: LeaderboardView, name: str) -> list[dict[str, str]]:
    """The standing of a submission: a line for each task and scheme, the best scheme first.

    Where there are several tasks, lines of the overall board come first. A line has task, scheme, rank, score, change
    and p, as text.
    """
    lines = []
    for row in view.rows if len(view.tasks) > 1 else []:
        if row.who.front_end == name:
            reduction = f"{row.reduction.value:.4f}" if row.reductions else ""
            lines.append(
                {
                    "task": "overall",
                    "scheme": row.who.scheme,
                    "rank": _rank(row, view.rows),
                    "score": reduction,
                    "change": "",
                    "p": "",
                }
            )
    for task in view.tasks:
        sign = task.figures[task.metric].sign
        rows = sorted((row for row in task.rows if row.who.front_end == name), key=lambda row: -sign * row.score.value)
        lines += [_task_line(task, row) for row in rows]
    return lines


def _task_line(task: TaskView, row: TaskResult) -> dict[str, str]:
    return {
        "task": f"{task.name} ({task.metric})",
        "scheme": row.who.scheme,
        "rank": _rank(row, task.rows),
        "score": f"{row.score.value:.4f}",
        "change": _change(row),
        "p": "" if row.p is None else f"{max(row.p, statistics.LEAST_P):.4f}",
    }


def _change(row: TaskResult) -> str:
    """The change from the baseline with its interval, and a verdict in words."""
    if row.change is None or row.gain is None:
        return ""
    if abs(row.gain.value) < statistics.TIE:
        verdict = "the same score"
    else:
        verdict = ("better" if row.gain.value > 0 else "worse") + ("" if row.significant else ", not significantly")
    return f"{row.change.value:+.4f} ({row.change.low:+.4f} to {row.change.high:+.4f}), {verdict}"


def _rank(row: TaskResult | OverallResult, rows: Sequence[TaskResult] | Sequence[OverallResult]) -> str:
    """The rank among the ranked rows of the same track."""
    if row.who.rank is None:
        return "unranked"
    competitors = sum(other.who.rank is not None and other.who.track == row.who.track for other in rows)
    return f"{row.who.rank} of {competitors}" + (" (open track)" if row.who.track == "open" else "")


def remarks(found: Sequence[Board], name: str, card: Mapping[str, Any], records: Records) -> list[str]:
    """What a reader of the figures should know.

    These are failures with their reasons, training data that name a corpus of the boards, and a baseline that was run
    on another machine.
    """
    rows = [(board, row) for board in found for row in board.rows if row.name[0] == name]
    said = [
        f"{board.task} under {row.name[1]}: failed on {row.failed.sum()} of {row.present.sum()} "
        f"({_reasons(row, records)})"
        for board, row in rows
        if row.failed.any()
    ]
    heard = measured(card, [line for _, row in rows for line in row.lines])["contaminated"] or []
    said += [f"contaminated: its training data name {', '.join(heard)}, on which it is scored here"] * bool(heard)
    against = {board.task: board.baseline.lines for board, _ in rows if board.baseline}
    if foreign := [task for task, lines in against.items() if any(records.folder(line) is None for line in lines)]:
        recipe = against[foreign[0]][0]["recipe"]
        said.append(
            f"{', '.join(foreign)}: the baseline on the board was run elsewhere, with stock models trained there; "
            "numbers round otherwise on other machines, "
            f"so that even an untouched copy can differ from it; `earmark run {recipe}` makes it here"
        )
    return said


def _reasons(row: BoardRow, records: Records) -> str:
    reasons = Counter(
        entry["failed"] for line in row.lines for entry in records.predictions(line) or [] if entry["failed"]
    )
    more = [f"and {len(reasons) - REASONS} other reasons"] * (len(reasons) > REASONS)
    return "; ".join([f"{count} times {reason}" for reason, count in reasons.most_common(REASONS)] + more)
