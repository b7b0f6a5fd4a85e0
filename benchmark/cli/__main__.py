"""`python -m benchmark.cli`, the same as `earmark`."""

import sys

from benchmark.cli import main

if __name__ == "__main__":
    sys.exit(main())
