"""Time left: by the size of cells, by what cells like them took, and corrected by what finished ones take."""

import pytest

from benchmark.contracts import Spec
from benchmark.planning.cells import Cell, Enhancing, Measuring, Scoring, TaskSpec, to_json
from benchmark.running.timings import GUESS, Forecast, Timings, kin, size
from benchmark.settings import ScoredScenes
from benchmark.store import Store


def enhancing(front_end: str = "unet", scenes: int = 10, snr=(0, 5)) -> Cell:
    work = Enhancing(Spec(front_end), {}, {}, ScoredScenes(scenes=scenes, snr=snr), None, "cpu")
    return Cell(f"{front_end} {scenes} enhanced", work)


def scoring(task: str, scenes: int = 10) -> Cell:
    work = Scoring(task, TaskSpec(Spec(task)), None, {}, False, {}, ScoredScenes(scenes=scenes, snr=(0,)), None, "cpu")
    return Cell(f"{task} {scenes} scored", work)


@pytest.fixture
def timings(tmp_path):
    def build(*finished: tuple[Cell, float]) -> Timings:
        store = Store(tmp_path / "runs")
        for cell, seconds in finished:
            manifest = {"label": cell.label, "work": to_json(cell.work), "seconds": seconds, "code": {}}
            manifest["peak_memory_mb"] = 1.0
            store.put(cell.shelf, cell.key, manifest, lambda folder: None)
        return Timings("no_such_recipe", store, tmp_path / "boards")

    return build


def test_size_counts_scenes():
    assert size(enhancing(scenes=10, snr=(0, 5)).work) == 20
    listeners = Enhancing(Spec("x"), {}, {}, ScoredScenes(scenes=3, snr=(0,)), {"N3": (0.0,), "S3": (0.0,)}, "cpu")
    assert size(listeners) == 6
    assert size(Measuring(Spec("x"))) == 1


def test_a_cell_takes_what_it_took_and_one_like_it_in_proportion(timings):
    known = timings((enhancing("slow", 10), 100.0), (enhancing("fast", 10), 1.0))
    assert known.seconds(enhancing("slow", 10)) == 100.0
    assert known.seconds(enhancing("slow", 40)) == pytest.approx(400.0)
    assert known.seconds(enhancing("fast", 5)) == pytest.approx(0.5)
    assert known.seconds(enhancing("new", 10)) is None
    assert known.expected([cell := enhancing("new", 20)])[cell.key] == pytest.approx(2 * 101.0 / 2)


def test_what_nothing_like_it_ran_before_is_a_guess_by_size(timings):
    small, large = enhancing(scenes=10), enhancing(scenes=1000)
    found = timings().expected([small, large])
    assert GUESS["enhance"] < found[small.key] < found[large.key]


def test_a_slow_front_end_shows_with_its_first_cell(timings):
    cells = [enhancing("slow", count) for count in (1, 2, 3)] + [enhancing("fast", count) for count in (1, 2, 3)]
    cells += [scoring("asr", count) for count in (1, 2, 3)]
    forecast = Forecast(dict.fromkeys((cell.key for cell in cells), 2.0))
    assert forecast.left(cells, {}) == pytest.approx(18.0)
    forecast.finished(cells[0], 200.0)
    forecast.finished(cells[3], 2.0)
    forecast.finished(cells[6], 1.0)
    # two slow ones of 200 s, two fast ones of 2 s, and two scorings of 1 s
    assert forecast.left(cells, {}) == pytest.approx(406.0)
    assert forecast.left(cells, {cells[1].key: 0.5}) == pytest.approx(306.0)


def test_kin():
    assert kin(enhancing("a", 1).work) == kin(enhancing("a", 9).work) != kin(enhancing("b", 1).work)
    assert kin(scoring("asr").work) != kin(scoring("emotion").work)
