"""Write leaderboards, with charts and sounds, as web pages.

They are one folder, which opens without a server.
"""

import argparse
from pathlib import Path

from benchmark.cli._arguments import leaderboards_in


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "folder", type=Path, nargs="*", help="leaderboards/RECIPE, or a folder of such (default: leaderboards/)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("site"), metavar="DIR", help="the folder to write (default: site)"
    )


def run(options: argparse.Namespace) -> int:
    """Write the site and print where its first page is."""
    from benchmark.report.site import write_site

    print(write_site(leaderboards_in(options.folder), options.out))
    return 0
