"""Rebuild the CSV files of leaderboards from their summaries.

It also prints the boards.
"""

import argparse
from pathlib import Path

from benchmark.cli._arguments import leaderboards_in


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "folder", type=Path, nargs="?", help="leaderboards/RECIPE, or a folder of such (default: leaderboards/)"
    )


def run(options: argparse.Namespace) -> int:
    """Write and print every board."""
    from benchmark.results.board import cache_of
    from benchmark.results.leaderboard_files import render, write_leaderboard

    for folder in leaderboards_in([options.folder] if options.folder else []):
        for path in write_leaderboard(folder, cache_of(folder)):
            print(f"\n{path}\n{render(path)}")
    return 0
