"""What must not change while code from outside runs, on systems that cannot confine it."""

import pytest
import toys

from benchmark.catalogue import Corpora
from benchmark.errors import EarmarkError
from benchmark.planning.planner import make_plan
from benchmark.planning.recipe import load_recipe
from benchmark.running.integrity import guarded
from benchmark.store import Store


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path / "cache"))
    recipe = toys.toy_recipe(tmp_path, front_ends={"identity": None}, schemes={"noisy": None})
    plan = make_plan(load_recipe(recipe), Corpora(None, tmp_path / "cache"))
    store, boards = Store(tmp_path / "runs"), tmp_path / "leaderboards/toy"
    store.put("records", "older", {}, lambda folder: None)
    boards.mkdir(parents=True)
    (boards / "overall.csv").write_text("rank\n")
    return plan, store, boards


def meanwhile(place, *actions):
    """Do something while code from outside runs."""
    with guarded(*place):
        for action in actions:
            action()


def made(place, key, shelf="records"):
    return lambda: place[1].put(shelf, key, {}, lambda folder: None)


def test_what_the_plan_asks_for_may_appear(place):
    key, cell = next(iter(place[0].cells.items()))
    meanwhile(place, made(place, key, cell.shelf))
    assert place[1].exists(cell.shelf, key)


def test_what_it_does_not_ask_for_is_removed_and_named(place):
    key, cell = next(iter(place[0].cells.items()))
    with pytest.raises(EarmarkError, match=r"records/planted/manifest.json: planted, and removed again"):
        meanwhile(place, made(place, key, cell.shelf), made(place, "planted"))
    assert not place[1].exists("records", "planted")
    assert place[1].exists(cell.shelf, key)


@pytest.mark.parametrize("name", ["runs/records/older/manifest.json", "leaderboards/toy/overall.csv"])
def test_what_was_changed_is_named_and_nothing_new_is_taken_over(place, tmp_path, name):
    key, cell = next(iter(place[0].cells.items()))
    with pytest.raises(EarmarkError, match="changed while code from outside ran"):
        meanwhile(place, made(place, key, cell.shelf), lambda: (tmp_path / name).write_text("{}"))
    assert not place[1].exists(cell.shelf, key)
