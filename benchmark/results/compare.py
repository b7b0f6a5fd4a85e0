"""Two rows of a leaderboard side by side: by task, condition and group, and the utterances that differ most.

A gain is positive where the first row is better, whatever the direction of the metric. Intervals and p values come from
the paired bootstrap of the boards over groups, scenes and seeds (`benchmark/statistics.py`). Each table with p values
is a family of its own for Holm's correction; that choice is ours.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark import statistics
from benchmark.conditions import condition_name
from benchmark.contracts import Figure
from benchmark.errors import EarmarkError, unknown
from benchmark.results.board import Board
from benchmark.results.board_rows import BoardRow
from benchmark.results.leaderboard_files import aligned, safe
from benchmark.results.overall import REDUCTION, Overall, contributions
from benchmark.results.ranking import pooled
from benchmark.results.records import Records
from benchmark.statistics import Design
from benchmark.store import write_text

UTTERANCES = 10  # shown of each task
# The tables with their titles and columns; all of them side by side are the columns of the CSV file.
TABLES = {
    "score": ("Tasks", ("task", "metric", "scenes", "first", "second", "gain", "gain_low", "gain_high", "p")),
    "condition": (
        "Conditions",
        ("task", "metric", "condition", "scenes", "first", "second", "gain", "gain_low", "gain_high", "p"),
    ),
    "group": ("Groups", ("task", "metric", "group", "scenes", "first", "second", "gain", "gain_low", "gain_high")),
    "utterance": (
        "Utterances",
        ("task", "metric", "scene", "condition", "first", "second", "gain", "reference", "first_made", "second_made"),
    ),
}
COLUMNS = tuple(dict.fromkeys(("table", *(column for _, columns in TABLES.values() for column in columns))))
Name = tuple[str, str]  # front-end, scheme
Line = dict[str, Any]


def compare(boards: Sequence[Board], first: str, second: str, records: Records) -> list[Line]:
    """The lines of all tables; the field `table` says which one a line belongs to.

    Args:
        boards: of one leaderboard
        first, second: rows, as front_end:scheme
        records: of the runs, from which come the predictions of both rows, if they are here
    Returns:
        each with some of COLUMNS; p values are corrected after Holm over the lines of their table, and are never below
        0.0001
    Raises:
        EarmarkError: a row is unknown, both are the same, they have no task in common, or one of them lacks scenes
    """
    names = [_name(text, boards) for text in (first, second)]
    if names[0] == names[1]:
        raise EarmarkError(f"{first}: the same row twice; give two rows, such as unet:joint unet:frozen")
    rows = [{row.name: row for row in board.rows} for board in boards]
    common = [
        (board, own[names[0]], own[names[1]])
        for board, own in zip(boards, rows, strict=True)
        if own.keys() >= set(names)
    ]
    if not common:
        raise EarmarkError(f"{first} and {second}: no task has both rows; run one of them on a task of the other")
    lines = _overall(boards, names) if len(boards) > 1 else []  # of one task it would say the same twice
    for board, one, other in common:
        for row in (one, other):
            if not row.complete:
                raise EarmarkError(
                    f"{board.task}: {':'.join(row.name)} was not scored on all scenes of the board; run its missing "
                    "cells first"
                )
        lines += [*_scores(board, one, other), *_groups(board, one, other), *_utterances(board, one, other, records)]
    for table in ("score", "condition"):
        tested = [line for line in lines if line["table"] == table and line["p"] is not None]
        for line, p in zip(tested, statistics.holm(np.array([line["p"] for line in tested])), strict=True):
            line["p"] = max(p, statistics.LEAST_P)
    return lines


def render(lines: Sequence[Line], first: str, second: str) -> str:
    """The tables as aligned Markdown under a line that says how to read them."""
    reading = "Intervals are of 95 %, uncorrected; p is corrected after Holm over the lines of its table."
    parts = [f"Gains are positive where {first} is better than {second}. {reading}\n"]
    headers = {"first": first, "second": second, "first_made": f"{first} made", "second_made": f"{second} made"}
    for table, (title, columns) in TABLES.items():
        own = [line for line in lines if line["table"] == table]
        shown = [column for column in columns if any(line.get(column) is not None for line in own)]
        if own:
            cells = [[_text(line.get(column)) for column in shown] for line in own]
            parts.append(f"{title}\n\n{aligned([headers.get(column, column) for column in shown], cells)}")
    return "\n".join(parts)


def write_csv(lines: Sequence[Line], first: str, second: str, path: Path) -> None:
    """Write all tables as one CSV file, with the names of both rows in each line."""
    rows = [
        {"first_row": first, "second_row": second, **{column: _text(line.get(column)) for column in COLUMNS}}
        for line in lines
    ]
    write_text(path, pd.DataFrame(rows).to_csv(index=False, lineterminator="\n"))


def _name(text: str, boards: Sequence[Board]) -> Name:
    known = {":".join(row.name): row.name for board in boards for row in board.rows}
    if text not in known:
        raise unknown("row", text, known)
    return known[text]


def _overall(boards: Sequence[Board], names: Sequence[Name]) -> list[Line]:
    """The difference between the mean reductions, where both rows have one on every task."""
    together = Overall(boards)
    one, other = (next(row for row in together.rows if row.name == name) for name in names)
    if not len(one.reductions) == len(other.reductions) == len(boards) or one.records == other.records:
        return []
    design = together.pooled(other.by_seed)._replace(seeds=max(len(one.seeds), len(other.seeds)))
    counted = contributions([one], boards, [other]).of_rows()
    design = design.over(statistics.Counted(*(float(values[0]) for values in counted)))
    values = [(row.score, row.by_seed) for row in (one, other)]
    return [
        {
            "table": "score",
            "task": "overall",
            "metric": "reduction",
            "scenes": design.scenes,
            **_gain(values, design, REDUCTION, tested=True),
        }
    ]


def _scores(board: Board, one: BoardRow, other: BoardRow) -> Iterator[Line]:
    """The score, with the seed variance pooled over the board, then every condition on which both rows are complete."""
    line = {"task": board.task, "metric": board.metric}
    seeds, tested = max(len(one.seeds), len(other.seeds)), one.records != other.records
    design = pooled(board.design, board.entered, other.by_seed)._replace(seeds=seeds)
    scores = [(row.score, row.by_seed) for row in (one, other)]
    yield {
        "table": "score",
        **line,
        "scenes": len(board.scenes),
        **_gain(scores, design, board.figures[board.metric], tested),
    }
    figures = [board.replicates(board.sums(row), board.weights)[board.metric] for row in (one, other)]
    for index, condition in enumerate(board.conditions):
        kept = ~board.left_out[:, index]
        if kept.any() and all((row.present[kept, index] == len(row.seeds)).all() for row in (one, other)):
            values = [board.score_of(figure, row, [index]) for figure, row in zip(figures, (one, other), strict=True)]
            own = Design(
                int(kept.sum()),
                statistics.units([group for group, there in zip(board.groups, kept, strict=True) if there]),
                seeds,
            )
            yield {
                "table": "condition",
                **line,
                "condition": condition,
                "scenes": own.scenes,
                **_gain(values, own, board.figures[board.metric], tested),
            }


def _groups(board: Board, one: BoardRow, other: BoardRow) -> Iterator[Line]:
    """The score of each group of two scenes or more; its scenes are what the bootstrap draws."""
    labels = np.array(board.groups)
    sums = [board.sums(row) for row in (one, other)]
    for group in dict.fromkeys(sorted(board.groups)):
        members = np.flatnonzero(labels == group)
        if len(members) < 2 or len(members) == len(labels):
            continue
        weights = np.zeros((1 + statistics.REPLICATES, len(labels)))
        weights[:, members] = statistics.scene_weights(
            [board.scenes[member] for member in members], [group] * len(members)
        )
        values = [
            board.score_of(board.replicates(table, weights)[board.metric], row)
            for table, row in zip(sums, (one, other), strict=True)
        ]
        design = Design(len(members), len(members), max(len(one.seeds), len(other.seeds)))
        line = {"task": board.task, "metric": board.metric, "group": group.partition(" ")[2], "scenes": len(members)}
        yield {"table": "group", **line, **_gain(values, design, board.figures[board.metric], tested=False)}


def _gain(values: Sequence[tuple[np.ndarray, np.ndarray]], design: Design, figure: Figure, tested: bool) -> Line:
    """Both scores, their difference with its interval, and its p value before correction.

    Args:
        values: of both rows, the score and the same with seeds alone redrawn, (1 + replicates,) each
    """
    (one, one_by_seed), (other, other_by_seed) = values
    gain, by_seed = figure.sign * (one - other), figure.sign * (one_by_seed - other_by_seed)
    low, high = statistics.interval(gain, by_seed, design, figure.differences)
    p = float(statistics.p_values(gain, by_seed, design)) if tested else None
    return {"first": one[0], "second": other[0], "gain": gain[0], "gain_low": low, "gain_high": high, "p": p}


def _utterances(board: Board, one: BoardRow, other: BoardRow, records: Records) -> Iterator[Line]:
    """The scenes whose scores differ most, and what both rows made of each in the condition where they differ most.

    Scores are means over the conditions that make the score.
    """
    each = np.eye(len(board.scenes))
    # (scenes, conditions)
    first, second = (
        board.replicates(board.sums(row), each)[board.metric][:, :, board.headline].mean(1) for row in (one, other)
    )
    gains = board.sign * (first - second)
    means = _mean(gains)
    for scene in np.lexsort((board.scenes, -np.abs(means)))[:UTTERANCES]:  # what is undefined comes last
        if not np.abs(means[scene]) > statistics.TIE:
            break
        condition = board.conditions[board.headline[int(np.nanargmax(np.abs(gains[scene])))]]
        made = [_made(row, board.scenes[scene], condition, board.axes, records) for row in (one, other)]
        yield {
            "table": "utterance",
            "task": board.task,
            "metric": board.metric,
            "scene": board.scenes[scene],
            "condition": condition,
            "first": _mean(first)[scene],
            "second": _mean(second)[scene],
            "gain": means[scene],
            "reference": next((reference for reference, _ in made if reference), None),
            "first_made": made[0][1],
            "second_made": made[1][1],
        }


def _mean(values: np.ndarray) -> np.ndarray:
    """The mean of the defined values in each row of a matrix; NaN where there are none."""
    defined = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(defined, values, 0).sum(1) / defined.sum(1)


def _made(
    row: BoardRow, scene: str, condition: str, axes: Sequence[str], records: Records
) -> tuple[str | None, str | None]:
    """The reference of an utterance, and what the first seed of a row made of it; None without a record."""
    line = next(line for line in row.lines if scene in line["scenes"])
    here = (
        one
        for one in records.predictions(line) or []
        if one["base"] == scene and condition_name(one["conditions"], axes) == condition
    )
    record = next(here, None)
    if record is None:
        return None, None
    words = {name: text for name, text in record["reference"].items() if isinstance(text, str)}
    made = (
        f"failed: {record['failed']}"
        if record["failed"]
        else " ".join(str(record["prediction"].get(name, "")) for name in words)
    )
    return " ".join(words.values()) or None, made or None


def _text(value: Any) -> str:
    """A cell: figures with four decimals, whole numbers and text as they are; empty where there is no value."""
    if isinstance(value, float):
        return f"{round(value, 4) + 0.0:.4f}" if np.isfinite(value) else ""
    return "" if value is None else safe(str(value))
