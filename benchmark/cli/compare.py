"""Compare two rows of a leaderboard.

It prints gains by task, condition and group, and the utterances on which the two differ most.
"""

import argparse
from pathlib import Path

from benchmark.cli._arguments import add_out


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("first", metavar="A", help="a row, as front_end:scheme")
    parser.add_argument("second", metavar="B", help="another; gains are positive where A is better")
    parser.add_argument("folder", type=Path, nargs="?", help="leaderboards/RECIPE (default: leaderboards/mini)")
    parser.add_argument("--csv", type=Path, default=None, metavar="FILE", help="also write all of it as one CSV table")
    add_out(parser)


def run(options: argparse.Namespace) -> int:
    """Print the comparison."""
    from benchmark.results.board import boards_of, cache_of
    from benchmark.results.compare import compare, render, write_csv
    from benchmark.results.records import Records

    folder = options.folder or options.out / "leaderboards" / "mini"
    lines = compare(boards_of(folder, cache_of(folder)), options.first, options.second, Records(options.out / "runs"))
    print(render(lines, options.first, options.second))
    if options.csv:
        write_csv(lines, options.first, options.second, options.csv)
    return 0
