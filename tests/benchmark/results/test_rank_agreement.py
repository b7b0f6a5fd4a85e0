from pathlib import Path

import pytest
from invented_summaries import summary

from benchmark.errors import EarmarkError
from benchmark.results.board import Board, boards_of
from benchmark.results.rank_agreement import agreement
from benchmark.results.summary_file import write_summaries

NAMES = ("identity", "one", "two", "three", "four")


pytestmark = pytest.mark.usefixtures("invented_tasks")


def made(folder: Path, rates: dict[str, tuple[float, ...]], names: tuple[str, ...] = NAMES) -> list[Board]:
    """Boards with these error rates by task, in the order of the names, each on scenes of its own."""
    scenes = [f"{folder.name} {index}" for index in range(60)]
    lines = [
        summary(task, name, rate=rate, scenes=60) | {"scenes": [f"{task} {scene}" for scene in scenes]}
        for task, own in rates.items()
        for name, rate in zip(names, own, strict=True)
    ]
    write_summaries(folder / "summaries.jsonl", lines)
    return boards_of(folder)


def test_the_same_order_the_reverse_and_none(tmp_path: Path):
    rising, falling, flat = (0.1, 0.3, 0.5, 0.7, 0.9), (0.9, 0.7, 0.5, 0.3, 0.1), (0.4, 0.4, 0.4, 0.4, 0.4)
    first = made(tmp_path / "first", {"asr": rising, "commands": flat})
    second = made(tmp_path / "second", {"asr": falling, "commands": rising})
    third = made(tmp_path / "third", {"asr": rising})
    reverse, unclear, total = agreement(first, second)
    assert reverse[:3] == ("asr", "asr", 5)
    assert reverse[3:] == pytest.approx((-1, -1, -1))
    assert unclear.low < 0 < unclear.high
    assert total.first == "overall"
    alike, total = agreement(first, third)
    assert alike[3:] == pytest.approx((1, 1, 1))
    assert total[2:] == alike[2:]


def test_metrics_of_either_direction_agree(tmp_path: Path):
    """Fewer errors and more hits are the same order."""
    rates = (0.2, 0.4, 0.6, 0.7, 0.9)
    boards = made(tmp_path, {"asr": rates, "commands": rates})
    boards[1].component = "asr"
    assert agreement(boards[:1], boards[1:])[0].tau == pytest.approx(1)


def test_what_cannot_be_compared_is_said(tmp_path: Path):
    rates = (0.1, 0.3, 0.5, 0.7, 0.9)
    words, commands = (made(tmp_path / task, {task: rates}) for task in ("asr", "commands"))
    with pytest.raises(EarmarkError, match="share no kind of task"):
        agreement(words, commands)
    others = made(tmp_path / "others", {"asr": rates}, ("identity", "one", "six", "seven", "eight"))
    with pytest.raises(EarmarkError, match="asr and asr: 2 rows are on both boards"):
        agreement(words, others)
