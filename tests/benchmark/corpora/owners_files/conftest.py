"""Tests on the owners' own files: EARMARK_DATA names the folder that holds them; what is missing is skipped."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.catalogue import open_corpus
from benchmark.contracts import Corpus
from benchmark.errors import EarmarkError


@pytest.fixture
def data() -> Path:
    """The folder of the corpora."""
    if not os.environ.get("EARMARK_DATA"):
        pytest.skip("EARMARK_DATA is not set: no real recordings to read")
    return Path(os.environ["EARMARK_DATA"])


@pytest.fixture
def real(data: Path, tmp_path: Path) -> Callable[..., Corpus]:
    """Open a corpus by name and options, or skip the test with the reason."""

    def opened(name: str, **options) -> Corpus:
        try:
            return open_corpus(name, options, data, tmp_path)
        except EarmarkError as error:
            pytest.skip(str(error))

    return opened
