"""Charts of the score against SNR: a line for each row, with its 95 % interval as a ribbon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from benchmark.conditions import SNR, Axis, condition_name, condition_values, readable
from benchmark.report.plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Scale, Tick, chosen, path, spanning
from benchmark.results.board import Board
from benchmark.results.view import TaskView, Who, condition_intervals

INSET = 20.0  # of the first and the last value from the frame
Intervals = Mapping[tuple[str, str], Sequence[tuple[float, float]]]


@dataclass(frozen=True)
class Series:
    """The line of a row: its points, its interval as a polygon, and its numbers in words."""

    who: Who
    points: list[tuple[float, float]]
    line: str
    ribbon: str
    said: str


@dataclass(frozen=True)
class Curves:
    """The chart for one value on each of the other axes, such as one listener."""

    axis: Axis
    title: str  # the other values
    x: list[Tick]
    y: list[Tick]
    series: list[Series]
    left_out: int  # rows beyond those that a chart draws


def curves(task: TaskView, board: Board, axis: Axis = SNR) -> list[Curves]:
    """The charts of a board over one axis, one for each value of the others; none where there are no two values."""
    groups: dict[str, dict[int, str]] = {}
    others = [name for name in board.axes if name != axis.name]
    for index, condition in enumerate(board.conditions):
        values = condition_values(condition, board.axes)
        known = axis.name in values and axis.number(values[axis.name]) is not None
        if known and not board.left_out[:, index].all():
            groups.setdefault(readable(condition_name(values, others)), {})[index] = values[axis.name]
    groups = {title: texts for title, texts in groups.items() if len(texts) > 1}
    if not groups:
        return []
    drawn = chosen([row.who for row in task.rows])
    intervals = condition_intervals(board, [who.name for who in drawn])
    return [_chart(task, axis, title, texts, drawn, intervals) for title, texts in groups.items()]


def _chart(
    task: TaskView, axis: Axis, title: str, texts: Mapping[int, str], drawn: Sequence[Who], intervals: Intervals
) -> Curves:
    """The chart of some conditions.

    Args:
        texts: by index of a condition, its value on the axis
    """
    places = {text: place for place, text in enumerate(axis.ordered(texts.values()))}
    order = sorted(texts, key=lambda index: places[texts[index]])
    step = (WIDTH - LEFT - RIGHT - 2 * INSET) / (len(order) - 1)  # equal steps, for clean has no finite place
    x = {index: round(LEFT + INSET + step * place, 1) for place, index in enumerate(order)}
    labels = {index: axis.readable(texts[index]) for index in order}
    scores = {who.name: task.by_name[who.name].figures[task.metric] for who in drawn}
    values = [
        value for who in drawn for index in order for value in (scores[who.name][index], *intervals[who.name][index])
    ]
    y = spanning(values, HEIGHT - BOTTOM, TOP)
    series = [_series(who, x, y, scores[who.name], intervals[who.name], labels) for who in drawn]
    ticks = [(x[index], labels[index]) for index in order]
    return Curves(axis, title, ticks, y.ticks, series, len(task.rows) - len(drawn))


def _series(
    who: Who,
    x: Mapping[int, float],
    y: Scale,
    scores: Sequence[float],
    bounds: Sequence[tuple[float, float]],
    labels: Mapping[int, str],
) -> Series:
    known = [index for index in x if isfinite(scores[index])]
    points = [(x[index], y(scores[index])) for index in known]
    wide = [index for index in known if isfinite(bounds[index][0])]
    outline = [(x[index], y(bounds[index][1])) for index in wide] + [
        (x[index], y(bounds[index][0])) for index in reversed(wide)
    ]
    return Series(
        who,
        points,
        path(points),
        path(outline),
        ", ".join(f"{scores[index]:.3f} at {labels[index]}" for index in known),
    )
