"""List front-ends, tasks, corpora, other components, and recipes."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are none."""


def run(options: argparse.Namespace) -> int:
    """Print every registered name with its description."""
    from benchmark import registry
    from benchmark.planning import recipe_file

    for kind in registry.FOLDERS:
        _print(kind.replace("_", "-"), registry.descriptions(kind))
    _print("recipes", {name: recipe_file.title(path) for name, path in recipe_file.known().items()})
    return 0


def _print(heading: str, described: dict[str, str]) -> None:
    print(heading)
    width = max(map(len, described), default=0)
    for name, text in described.items():
        print(f"  {name:<{width}}  {text}")
