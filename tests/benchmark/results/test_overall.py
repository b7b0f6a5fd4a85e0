"""The board over all tasks."""

from pathlib import Path

import numpy as np
import pytest
from invented_summaries import boards, row, summary, with_reference

pytestmark = pytest.mark.usefixtures("invented_tasks")


def test_overall_is_the_mean_relative_error_reduction(tmp_path: Path):
    tasks = ("asr", "commands")
    lines = [
        summary(task, *name, rate)
        for task in tasks
        for name, rate in ((("identity", "noisy"), 0.4), (("unet", "joint"), 0.1), (("bad", "joint"), 0.8))
    ]
    made = boards(tmp_path, *lines, *map(with_reference, tasks), summary(front_end="partial", rate=0.3))
    assert [(line["rank"], line["front_end"], line["coverage"]) for line in made["overall"]] == [
        *(
            ("1", "unet", "2 of 2"),
            ("2", "identity", "2 of 2"),
            ("3", "bad", "2 of 2"),
            ("", "partial", "1 of 2"),
            ("", "reference", "2 of 2"),
        ),
    ]
    wer = {name: float(row(made["asr"], name)["score"]) for name in ("identity", "unet")}
    accuracy = {name: float(row(made["commands"], name)["score"]) for name in ("identity", "unet")}
    expected = [1 - wer["unet"] / wer["identity"], 1 - (1 - accuracy["unet"]) / (1 - accuracy["identity"])]
    line = row(made["overall"], "unet")
    assert float(line["reduction"]) == pytest.approx(np.mean(expected), abs=1e-3)
    assert float(line["reduction_low"]) < float(line["reduction"]) < float(line["reduction_high"])
    assert (line["worst_task"], float(line["worst_reduction"])) == (
        tasks[int(np.argmin(expected))],
        pytest.approx(min(expected), abs=1e-3),
    )
    assert (line["asr"], line["commands"], line["mean_rank"]) == (
        row(made["asr"], "unet")["score"],
        row(made["commands"], "unet")["score"],
        "1.00",
    )
    assert [row(made["overall"], "identity")[key] for key in ("reduction", "worst_task", "worst_reduction")] == [
        "0.0000",
        "",
        "",
    ]
    assert row(made["overall"], "partial")["commands"] == ""


def test_a_perfect_baseline_leaves_the_reduction_undefined(tmp_path: Path):
    made = boards(tmp_path, summary(rate=0.0), summary(front_end="unet", rate=0.2))["overall"]
    assert [(line["rank"], line["reduction"], line["coverage"]) for line in made] == [("", "", "1 of 1")] * 2
