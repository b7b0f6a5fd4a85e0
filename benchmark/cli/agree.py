"""Tell whether two leaderboards rank the systems alike.

It prints Kendall's tau for each task, with its 95 % interval.
"""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("first", type=Path, help="a folder such as leaderboards/mini")
    parser.add_argument("second", type=Path, help="another, with tasks of the same kinds, such as leaderboards/real")


def run(options: argparse.Namespace) -> int:
    """Print the rank agreement of the two."""
    from benchmark.results.board import boards_of, cache_of
    from benchmark.results.rank_agreement import agreement

    pairs = agreement(*(boards_of(folder, cache_of(folder)) for folder in (options.first, options.second)))
    print(f"{options.first} | {options.second} | rows | Kendall's tau | 95 % interval")
    for pair in pairs:
        print(f"{pair.first} | {pair.second} | {pair.rows} | {pair.tau:.2f} | {pair.low:.2f} to {pair.high:.2f}")
    return 0
