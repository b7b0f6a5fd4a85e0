"""Show what a front-end's controls do, without training again.

It scores a grid of settings on the scenes of a recipe that has been run, and writes a table and maps of the figures.
"""

import argparse

from benchmark.cli._arguments import add_data, add_out, hidden_of, workspace_of
from benchmark.errors import EarmarkError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("front_end", help="its label in the recipe")
    parser.add_argument("recipe", help="a recipe that has been run")
    parser.add_argument(
        "--grid",
        nargs="+",
        default=[],
        metavar="CONTROL=A,B,...",
        help="values of a control (default: its own controls, from 0 up; without any, wet, the dry/wet mix)",
    )
    parser.add_argument(
        "--scenes", type=int, default=None, metavar="N", help="scenes of each task (default: as in the recipe)"
    )
    parser.add_argument(
        "--seed", type=int, default=None, metavar="N", help="the seed of the weights (default: the recipe's first)"
    )
    add_data(parser)
    add_out(parser)


def run(options: argparse.Namespace) -> int:
    """Evaluate the grid, and print the table and where the maps are."""
    from benchmark.planning import recipe
    from benchmark.results.leaderboard_files import render
    from benchmark.running.sweep import sweep

    grid: dict[str, list[float]] = {}
    for axis in options.grid:
        name, _, values = axis.partition("=")
        if name in grid:
            raise EarmarkError(f"--grid: {name} is there twice; give each control one axis")
        try:
            grid[name] = [float(value) for value in values.split(",")]
        except ValueError:
            raise EarmarkError(f"--grid: {axis}: write a control and its values, as p=0,0.5,1") from None
    if options.scenes is not None and options.scenes < 1:
        raise EarmarkError("--scenes: write a number of scenes, 1 or more")
    wanted = recipe.load_recipe(options.recipe, hidden=hidden_of(options))
    workspace = workspace_of(options, wanted.name)
    table, *drawings = sweep(wanted, workspace, options.front_end, grid, options.scenes, options.seed)
    print(f"\n{table}\n{render(table, None)}")
    for drawing in drawings:
        print(drawing)
    return 0
