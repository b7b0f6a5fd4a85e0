"""Plans of generated corpora."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.contracts import SPLITS


@pytest.fixture
def by_split(tmp_path: Path) -> Callable[[type], dict[str, list[dict]]]:
    """The plan of a corpus by split; ids are unique."""

    def planned(corpus: type) -> dict[str, list[dict]]:
        plan = corpus(tmp_path).plan()
        assert len({row["id"] for row in plan}) == len(plan)
        return {split: [row for row in plan if row["split"] == split] for split in SPLITS}

    return planned
