"""List the corpora: licence, size, source, and where they were found."""

import argparse
from pathlib import Path

from benchmark.cli._arguments import add_data


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_data(parser)


def run(options: argparse.Namespace) -> int:
    """Print two lines for each registered corpus."""
    from benchmark.catalogue import Corpora, catalogue
    from benchmark.store import default_cache

    corpora = Corpora(options.data, default_cache())
    for entry in catalogue(options.data, default_cache()):
        notes = [
            entry["kind"],
            entry["size"],
            entry["licence"],
            *(["synthetic"] if entry["synthetic"] else []),
            *([entry["verified"]] if entry["verified"] else []),
        ]
        print(f"{entry['name']}: {', '.join(notes)}")
        found = entry["found"]
        if Path(found).is_dir():
            # what a run would ask for, so that nothing that is said to be here fails later
            lacking = None if entry["synthetic"] else corpora.lacking(entry["name"])
            found = f"found in {found}" if lacking is None else f"found in {found}, but not usable as it is: {lacking}"
        print(f"    {found}; from {entry['source']}")
    return 0
