"""A process that renders some clips of a generated corpus; it reads its job as JSON from standard input.

It must not import torch, which would cost seconds in every process: renderers import nothing of the benchmark but each
other and modules that are as light.
"""

import json
import sys
from importlib import import_module
from pathlib import Path


def main() -> None:
    """Call render(folder, clips) of the renderer that the job names, a module beside this one."""
    job = json.load(sys.stdin)
    import_module(f"{__spec__.parent}.{job['renderer']}").render(Path(job["folder"]), job["clips"])


if __name__ == "__main__":
    main()
