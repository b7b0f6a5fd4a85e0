"""Renders some rows of a corpus, read as JSON from standard input, in a process of its own.

It is run as `python -m synthetic._worker` from the folder above, and what it imports imports by relative names: so it
starts without benchmark.corpora, which would load torch every time.
"""

import json
import sys
from importlib import import_module
from pathlib import Path


def main() -> None:
    """Call render(folder, rows) of the sibling module that the job names."""
    job = json.load(sys.stdin)
    import_module(f".{job['renderer']}", __package__).render(Path(job["folder"]), job["rows"])


if __name__ == "__main__":
    main()
