"""What no other row beats in quality and cost."""

from pathlib import Path
from typing import Any

import pytest
from invented_summaries import boards, summary, with_reference

pytestmark = pytest.mark.usefixtures("invented_tasks")


def test_rows_that_no_other_beats_in_quality_and_cost_are_marked(tmp_path: Path):
    """Of the closed track: a dear good one, one as dear and worse, a cheap one in between, and one that is as quick as
    nothing but waits for the end.
    """

    def costs(macs: int | None, latency: float | None) -> dict[str, Any]:
        return {"costs": {"parameters": 100, "macs_per_second": macs, "latency_ms": latency, "real_time_factor": 0.1}}

    lines = [
        summary("commands", "identity", "noisy", 0.9, costs={"parameters": 0, "macs_per_second": 0, "latency_ms": 0.0}),
        summary("commands", "dear", "joint", 0.1, **costs(9000, 8.0)),
        summary("commands", "worse", "joint", 0.5, **costs(9000, 8.0)),
        summary("commands", "cheap", "joint", 0.3, **costs(100, 8.0)),
        summary("commands", "late", "joint", 0.3, **costs(100, None)) | {"keys": {"outputs": "late"}},
        summary("commands", "unknown", "joint", 0.01, **costs(None, 8.0)),
        summary("commands", "strong", "joint", 0.01, track="open", **costs(1, 1.0)),
        with_reference("commands"),
    ]
    lines[4]["sums"] = lines[3]["sums"]
    marks = {line["front_end"]: (line["pareto"], line["pareto_overall"]) for line in boards(tmp_path, *lines)["costs"]}
    assert marks == {
        **dict.fromkeys(("identity", "dear", "cheap", "strong"), ("yes", "yes")),
        **dict.fromkeys(("worse", "late"), ("no", "no")),
        **dict.fromkeys(("unknown", "reference"), ("", "")),
    }
