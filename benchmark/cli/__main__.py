"""`python -m benchmark.cli`, the same as `earmark`."""

import sys

from benchmark.cli import main

sys.exit(main())
