"""List the corpora: licence, size, source, and where they were found."""

import argparse
from pathlib import Path

from benchmark.cli._arguments import add_data


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_data(parser)


def run(options: argparse.Namespace) -> int:
    """Print two lines for each registered corpus."""
    from benchmark.catalogue import catalogue
    from benchmark.store import default_cache

    for entry in catalogue(options.data, default_cache()):
        notes = [
            entry["kind"],
            entry["size"],
            entry["licence"],
            *(["synthetic"] if entry["synthetic"] else []),
            *([entry["verified"]] if entry["verified"] else []),
        ]
        print(f"{entry['name']}: {', '.join(notes)}")
        print(
            f"    {'found in ' + entry['found'] if Path(entry['found']).is_dir() else entry['found']}; from "
            f"{entry['source']}"
        )
    return 0
