"""Which cell runs next, whatever runs it. Whole graphs on a second engine are tested in test_one_file_each.py."""

import pytest
import toys

from benchmark.catalogue import Corpora
from benchmark.cli import main
from benchmark.contracts import Engine
from benchmark.errors import EarmarkError
from benchmark.planning.planner import make_plan
from benchmark.planning.recipe import load_recipe
from benchmark.running.engines.local import Local
from benchmark.running.scheduler import find_engine, missing_cells, run_cells
from benchmark.store import Store, Workspace


class Counting(Engine):
    """Puts an empty entry into the store for every job; every other one fails."""

    def __init__(self, plan, workspace, jobs=2, failing=()):
        super().__init__(jobs)
        self.plan, self.store, self.failing = plan, Store(workspace.runs), failing
        self.started, self.running, self.stopped, self.most = [], [], 0, 0

    def start(self, key, job):
        assert job.is_file()
        assert all(self.store.exists(self.plan.cells[need].shelf, need) for need in self.plan.cells[key].needs)
        self.started.append(key)
        self.running.append(key)
        self.most = max(self.most, len(self.running))

    def wait(self, seconds):
        key, cell = self.running[0], self.plan.cells[self.running.pop(0)]
        if cell.label in self.failing:
            return {key: 1}
        self.store.put(cell.shelf, key, {}, lambda folder: None)
        return {key: 0}

    def stop(self):
        self.stopped += 1


@pytest.fixture
def planned(tmp_path):
    plan = make_plan(load_recipe(toys.toy_recipe(tmp_path)), Corpora(None, tmp_path / "cache"))
    return plan, Workspace(None, tmp_path / "cache", tmp_path / "runs", tmp_path / "boards")


def test_every_cell_runs_once_after_what_it_needs_and_no_more_than_jobs_at_a_time(planned):
    plan, workspace = planned
    engine = Counting(plan, workspace)
    assert run_cells(plan, list(plan.cells.values()), workspace, engine) == []
    assert sorted(engine.started) == sorted(plan.cells)
    assert (engine.most, engine.stopped) == (2, 1)
    again = Counting(plan, workspace)
    assert run_cells(plan, missing_cells(plan, Store(workspace.runs)), workspace, again) == []
    assert (again.started, again.stopped) == ([], 1)  # an engine is stopped though it had nothing to do


def test_a_cell_that_fails_keeps_back_what_needs_it_and_nothing_else(planned):
    plan, workspace = planned
    engine = Counting(plan, workspace, failing=("bands: gain joint, seed 1",))
    failed, skipped = run_cells(plan, list(plan.cells.values()), workspace, engine)
    assert failed.startswith("bands: gain joint, seed 1: its process ended with status 1")
    assert skipped.startswith("2 cells")  # its enhancing and its scoring
    assert len(engine.started) == len(plan.cells) - 2
    assert engine.stopped == 1


def test_enhanced_audio_is_missing_only_where_a_scoring_waits_for_it(planned):
    plan, workspace = planned
    run_cells(plan, list(plan.cells.values()), workspace, Counting(plan, workspace))
    store = Store(workspace.runs)
    scoring = next(cell for cell in plan.cells.values() if cell.label == "bands: gain noisy scored, seed 1")
    enhancing = plan.cells[scoring.work.enhanced]
    for folder in (store.root / "enhanced").iterdir():
        (folder / "manifest.json").unlink()
    assert missing_cells(plan, store) == []
    (store.root / "records" / scoring.key / "manifest.json").unlink()
    assert missing_cells(plan, store) == [enhancing, scoring]


def test_an_engine_goes_by_name_or_by_file(tmp_path, capsys, monkeypatch):
    assert find_engine("local") is Local
    (tmp_path / "mine.py").write_text("from benchmark.contracts import Engine\n\n\nclass Mine(Engine):\n    pass\n")
    assert find_engine(f"{tmp_path}/mine.py:Mine").__name__ == "Mine"
    with pytest.raises(EarmarkError, match="unknown engine 'locall'; did you mean 'local'"):
        find_engine("locall")
    with pytest.raises(EarmarkError, match="--engine: Gain is no Engine; derive it from that class"):
        find_engine(f"{toys.__file__}:Gain")
    monkeypatch.chdir(tmp_path)
    assert main(["run", str(toys.toy_recipe(tmp_path)), "--engine", "locall"]) == 2  # before anything is planned
    assert "unknown engine 'locall'" in capsys.readouterr().err
