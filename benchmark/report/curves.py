"""Score against SNR: lines with their 95 % ribbons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite

from benchmark.report.axes import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis, Tick, chosen, minus, path, spanning
from benchmark.results.board import Board
from benchmark.results.view import TaskView, Who, condition_intervals

INSET = 20.0  # of the first and last SNR from the frame
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
    """The chart for one value of the other conditions (a listener), if there are any."""

    title: str
    x: list[Tick]
    y: list[Tick]
    series: list[Series]
    left_out: int  # rows beyond those that a chart draws


def curves(task: TaskView) -> list[Curves]:
    """One chart for each value of the other conditions; none where conditions have no SNR, or only one."""
    groups: dict[str, dict[int, float]] = {}
    for index, (snr, rest) in enumerate(_conditions(task.board)):
        if snr is not None and not task.board.left_out[:, index].all():
            groups.setdefault(rest, {})[index] = snr
    groups = {rest: snrs for rest, snrs in groups.items() if len(snrs) > 1}
    if not groups:
        return []
    drawn = chosen([line.who for line in task.lines])
    intervals = condition_intervals(task.board, [who.name for who in drawn])
    return [_chart(task, rest, snrs, drawn, intervals) for rest, snrs in groups.items()]


def _chart(task: TaskView, title: str, snrs: Mapping[int, float], drawn: Sequence[Who], intervals: Intervals) -> Curves:
    order = sorted(snrs, key=snrs.__getitem__)
    step = (WIDTH - LEFT - RIGHT - 2 * INSET) / (len(order) - 1)  # equal steps, for clean has no number
    x = {index: round(LEFT + INSET + step * place, 1) for place, index in enumerate(order)}
    scores = {who.name: task.by_name[who.name].conditions for who in drawn}
    values = [
        value for who in drawn for index in order for value in (scores[who.name][index], *intervals[who.name][index])
    ]
    y = spanning(values, HEIGHT - BOTTOM, TOP)
    series = [_series(who, x, y, scores[who.name], intervals[who.name], snrs) for who in drawn]
    return Curves(
        title, [(x[index], _named(snrs[index])) for index in order], y.ticks, series, len(task.lines) - len(drawn)
    )


def _series(
    who: Who,
    x: Mapping[int, float],
    y: Axis,
    scores: Sequence[float],
    bounds: Sequence[tuple[float, float]],
    snrs: Mapping[int, float],
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
        ", ".join(f"{scores[index]:.3f} at {_named(snrs[index])}" for index in known),
    )


def _conditions(board: Board) -> list[tuple[float | None, str]]:
    """Of each condition its SNR in dB (infinite: clean, None: it has none), and what else it says."""
    found = []
    for condition in board.conditions:
        values = dict(zip(board.task_class.columns, condition.split(" "), strict=False))
        snr = values.pop("snr", "")
        found.append((inf if snr == "clean" else _decibels(snr), " ".join(values.values())))
    return found


def _decibels(condition: str) -> float | None:
    try:
        return float(condition.removeprefix("snr_"))
    except ValueError:
        return None


def _named(snr: float) -> str:
    return "clean" if snr == inf else minus(f"{snr:g}") + " dB"
