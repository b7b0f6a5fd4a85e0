"""Leaderboards as CSV files: their columns."""

from pathlib import Path

import pytest
from invented_summaries import boards, summary

pytestmark = pytest.mark.usefixtures("invented_tasks")


def test_columns_stand_in_their_order(tmp_path: Path):
    made = boards(tmp_path, summary(), summary(front_end="unet", scheme="joint"))
    assert ",".join(made["asr"][0]) == (
        "rank,front_end,scheme,metric,score,score_low,score_high,clean,snr_5,snr_0,change,change_low,change_high,p,cer,"
        "coverage,failed,excluded,seeds,training_data,track,protocol,corpora,compares,synthetic"
    )
    assert ",".join(made["overall"][0]) == (
        "rank,front_end,scheme,reduction,reduction_low,reduction_high,worst_task,worst_reduction,mean_rank,asr,coverage,failed,track,compares,synthetic"
    )
    assert ",".join(made["costs"][0]) == (
        "front_end,scheme,task,parameters,macs_per_second,real_time_factor,latency_ms,peak_memory_mb,train_seconds,score_seconds,"
        "front_end_updates,task_updates,audio_seconds,pareto,pareto_overall"
    )


def test_costs_are_means_over_seeds_apart_from_scores(tmp_path: Path):
    costs = {"parameters": 123, "macs_per_second": "not counted", "real_time_factor": 0.02, "latency_ms": None}
    line = boards(tmp_path, summary(seed=1, costs=costs), summary(seed=2, costs=costs | {"real_time_factor": 0.04}))[
        "costs"
    ][0]
    assert [line[key] for key in ("parameters", "macs_per_second", "real_time_factor", "latency_ms")] == [
        "123",
        "not counted",
        "0.0300",
        "",
    ]
    assert (line["task_updates"], line["audio_seconds"]) == ("300", "4800")
