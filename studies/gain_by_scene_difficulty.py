"""Gain of one row of a board over others on easy, middling and hard scenes.

python studies/gain_by_scene_difficulty.py BOARDS FIRST SECOND…

BOARDS is a folder such as leaderboards/sample_importance_small; rows are written front-end:scheme. A scene at an SNR is
easy if the baseline's error, averaged over its seeds, is below 1/3, and hard if it is above 2/3. The rows that are
compared do not enter into this, so there is no regression to the mean between them. Gains are positive if the first row
is better; intervals are those of `earmark compare`.
"""

import sys
from pathlib import Path

import numpy as np

from benchmark import statistics
from benchmark.results.board import Board, boards_of
from benchmark.results.board_rows import BoardRow

LEVELS = ("easy", "middling", "hard")


def levels_of(board: Board) -> np.ndarray:
    """The difficulty of each scene under each condition, (scenes, conditions), as an index into LEVELS.

    It is -1 under conditions that the board's score does not cover.
    """
    assert board.baseline is not None
    sums, scenes = board.sums(board.baseline), len(board.scenes)
    errors = np.empty((scenes, len(board.conditions)))
    for scene, weights in enumerate(np.eye(scenes)):
        value = board.replicates(sums, weights[None])[board.metric][0].mean(0)  # (conditions,)
        errors[scene] = np.abs(board.figures[board.metric].best - value)
    level = np.digitize(errors, [1 / 3 - 1e-9, 2 / 3 + 1e-9])
    level[:, [k for k in range(level.shape[1]) if k not in board.headline]] = -1
    return level


def score_of(board: Board, row: BoardRow, there: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The metric of a row over some scenes and conditions.

    Args:
        there: (scenes, conditions), bool: those to use
    Returns:
        the metric and its bootstrap replicates, and the same with only the seeds resampled, (1 + replicates,) each
    """
    sums = np.where(there[None, :, None], board.sums(row), 0).sum(-1, keepdims=True)  # one condition: all of them
    totals = np.tensordot(board.weights, sums, (1, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        by_seed = board.task_class.summarise({name: totals[:, k] for k, name in enumerate(board.layout.columns)})[
            board.metric
        ][..., 0]
    shares = statistics.seed_weights(row.seeds)
    return (shares * by_seed).sum(1), shares @ by_seed[0]


def main(folder: Path, first: str, others: list[str]) -> None:
    """Print a line for each task and difficulty, and one for each pair of rows."""
    for board in boards_of(folder):
        rows, level = {":".join(row.name): row for row in board.rows}, levels_of(board)
        for place, name in enumerate(LEVELS):
            there = level == place
            groups = [group for group, some in zip(board.groups, there.any(1), strict=True) if some]
            design = statistics.Design(len(groups), statistics.units(groups), len(rows[first].seeds))
            one = score_of(board, rows[first], there)
            print(
                f"{board.task}, {name} ({there.sum()} of {(level >= 0).sum()}): {board.metric} of {first} "
                f"{one[0][0]:.3f}"
            )
            for other in others:
                two = score_of(board, rows[other], there)
                gain, by_seed = (board.sign * (a - b) for a, b in zip(one, two, strict=True))
                low, high = statistics.interval(gain, by_seed, design)
                print(
                    f"    against {other} {two[0][0]:.3f}: {gain[0]:+.3f} ({low:.3f} to {high:.3f}), p = "
                    f"{statistics.p_values(gain, by_seed, design):.3f}"
                )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
