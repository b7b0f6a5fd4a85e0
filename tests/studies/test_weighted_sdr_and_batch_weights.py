"""A toy run: a front-end that is a gain leaves the SNR as it is."""

import pytest
import torch
import toys
import weighted_sdr_and_batch_weights as study

from benchmark.catalogue import Corpora
from benchmark.planning.cells import Job
from benchmark.planning.planner import make_plan
from benchmark.planning.recipe import load_recipe
from benchmark.running.worker import run_cell
from benchmark.settings import Trainer
from benchmark.store import Store, Workspace


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weighted")
    path = toys.toy_recipe(
        folder, schemes={"noisy": None, "joint": None}, score={"snr": ["clean", 10, -5], "scenes": 2}
    )
    workspace = Workspace(None, folder / "cache", folder / "runs", folder / "leaderboards")
    plan = make_plan(load_recipe(str(path)), Corpora(None, workspace.cache))
    for cell in plan.cells.values():
        run_cell(Job(cell.key, cell.kind, cell, workspace, Trainer()))
    return workspace.runs


def test_rows_of_identity_do_not_count(runs):
    rows = [(task, scheme) for task, scheme, _ in study.rows_of(Store(runs))]
    assert rows == [("bands", "joint"), ("bands", "noisy"), ("bands", "clean")]


def test_a_line_for_each_scheme_and_noisy_snr(runs, capsys):
    study.main(runs, 2)
    lines = capsys.readouterr().out.splitlines()
    sdr = {line.partition(":")[0]: float(line.split()[-3]) for line in lines if "weighted SDR" in line}
    assert list(sdr) == [f"bands, {scheme}, {snr} dB" for scheme in ("clean", "joint", "noisy") for snr in (-5.0, 10.0)]
    for scheme in ("clean", "joint", "noisy"):
        assert -1 <= sdr[f"bands, {scheme}, -5.0 dB"] < sdr[f"bands, {scheme}, 10.0 dB"] <= 1
    assert [line.partition(":")[0] for line in lines if "effective share" in line] == [
        f"bands, weights by {name}" for name in ("focal", "proportional", "rank", "softmax")
    ]


def test_shares_tell_how_few_scenes_carry_a_batch():
    even = study.effective_shares([0.7] * 20, torch.Generator().manual_seed(0))
    assert all(share == pytest.approx(1) for shares in even.values() for share in shares)
    uneven = study.effective_shares([0.01] * 15 + [10.0] * 5, torch.Generator().manual_seed(0))
    means = {name: sum(shares) / len(shares) for name, shares in uneven.items()}
    assert means["proportional"] < 0.4 < means["rank"]
    assert all(1 / study.BATCH <= share <= 1 + 1e-6 for shares in uneven.values() for share in shares)
