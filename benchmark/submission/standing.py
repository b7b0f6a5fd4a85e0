"""Where a submission landed on its boards, and what to know beside that."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from benchmark import statistics
from benchmark.results.board import Board, Overall, Row, change, overall
from benchmark.results.cards import measured
from benchmark.results.records import Records

REASONS = 3  # of failures, that are told of a row


def landing(found: Sequence[Board], name: str) -> list[dict[str, str]]:
    """Where a submission landed: a line for each task and scheme, best scheme first; where there are several tasks, for
    all together before.
    """
    lines = []
    together = overall(found) if len(found) > 1 else []
    ranked = [row for row in together if row.rank is not None]
    for row in (row for row in together if row.name[0] == name):
        places = (
            f"{row.rank} of {sum(other.track == row.track for other in ranked)}{_track(row)}"
            if row.rank is not None
            else "unranked"
        )
        reduction = f"{row.score[0]:.4f}" if len(row.reductions) else ""
        lines.append(
            {"task": "overall", "scheme": row.name[1], "rank": places, "score": reduction, "change": "", "p": ""}
        )
    for board in found:
        rows = sorted((row for row in board.rows if row.name[0] == name), key=lambda row: -board.sign * row.score[0])
        lines += [_landed(board, row) for row in rows]
    return lines


def _landed(board: Board, row: Row) -> dict[str, str]:
    competitors = sum(other.rank is not None and other.track == row.track for other in board.rows)
    changed = change(row, board.baseline)
    gain, p = "", board.p.get(row.name)
    if changed is not None:
        low, high = statistics.interval(
            changed[0],
            changed[1],
            board.designs()[1]._replace(seeds=len(row.seeds)),
            board.figures[board.metric].differences,
        )
        by = changed[0][0] * board.sign
        verdict = ("better" if by > 0 else "worse") + (
            "" if p is not None and p < statistics.ALPHA else ", not significantly"
        )
        gain = (
            f"{changed[0][0]:+.4f} ({low:+.4f} to {high:+.4f}), "
            f"{'the same score' if abs(by) < statistics.TIE else verdict}"
        )
    return {
        "task": f"{board.task} ({board.metric})",
        "scheme": row.name[1],
        "rank": "unranked" if row.rank is None else f"{row.rank} of {competitors}{_track(row)}",
        "score": f"{row.score[0]:.4f}",
        "change": gain,
        "p": "" if p is None or changed is None else f"{max(p, statistics.LEAST_P):.4f}",
    }


def _track(row: Row | Overall) -> str:
    return " (open track)" if row.track == "open" else ""


def remarks(found: Sequence[Board], name: str, card: Mapping[str, Any], records: Records) -> list[str]:
    """What a reader of the figures should know: failures, with reasons; training data that name a corpus of the boards;
    a baseline of another machine.
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


def _reasons(row: Row, records: Records) -> str:
    reasons = Counter(
        entry["failed"] for line in row.lines for entry in records.predictions(line) or [] if entry["failed"]
    )
    more = [f"and {len(reasons) - REASONS} other reasons"] * (len(reasons) > REASONS)
    return "; ".join([f"{count} times {reason}" for reason, count in reasons.most_common(REASONS)] + more)
