"""Write a recipe's noisy test scenes as WAV files.

They are for programs that run elsewhere: `earmark submit --audio` scores what these make of them. Clean signals and
labels are never written.
"""

import argparse
from pathlib import Path

from benchmark.cli._arguments import RECIPE, add_data, hidden_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("recipe", help=RECIPE)
    parser.add_argument(
        "folder", type=Path, help="where the files and manifest.json go; files that are already right are kept"
    )
    parser.add_argument(
        "--task",
        action="append",
        default=[],
        metavar="LABEL",
        help="only the scenes of this task; may be repeated (default: all tasks)",
    )
    add_data(parser)


def run(options: argparse.Namespace) -> int:
    """Export the scenes, and print where their manifest is."""
    from benchmark.catalogue import Corpora
    from benchmark.planning.recipe import load_recipe
    from benchmark.store import default_cache
    from benchmark.submission.export import export

    print(
        export(
            load_recipe(options.recipe, hidden=hidden_of(options)),
            Corpora(options.data, default_cache()),
            options.folder,
            options.task,
        )
    )
    return 0
