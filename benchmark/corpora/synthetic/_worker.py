"""Renders one unit of a corpus, read as JSON from standard input, in a process of its own.

It is run as `python -m synthetic._worker` from the folder above, and what it imports imports by relative names: so it starts without
benchmark.corpora, which would load torch for every unit.
"""

import json
import sys
from importlib import import_module
from pathlib import Path


def main() -> None:
    """Call render(folder, clips) of the sibling module that the unit names."""
    unit = json.load(sys.stdin)
    import_module(f".{unit['module']}", __package__).render(Path(unit["folder"]), unit["clips"])


if __name__ == "__main__":
    main()
