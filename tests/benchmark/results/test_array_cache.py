from pathlib import Path

import numpy as np
import pytest

from benchmark.results.array_cache import Cache, remembered


def test_what_is_written_comes_back_under_its_context_alone(tmp_path: Path):
    cache = Cache(tmp_path / "new")
    assert cache.read("a task", "one") == {}
    cache.write("a task", "one", {"file": np.arange(3), "ids": np.array(["x", "yz"])})
    read = cache.read("a task", "one")
    assert {name: array.tolist() for name, array in read.items()} == {"file": [0, 1, 2], "ids": ["x", "yz"]}
    assert cache.read("a task", "two") == cache.read("another", "one") == {}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a task.npz"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-30],
        lambda data: data[:60],
        lambda data: b"",
        lambda data: b"no archive",
        lambda data: data.replace(b"arr_0", b"arr_1"),
    ],
)
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, damage):
    cache = Cache(tmp_path)
    cache.write("task", "one", {"scores": np.arange(3)})
    path = tmp_path / "task.npz"
    path.write_bytes(damage(path.read_bytes()))
    assert cache.read("task", "one") == {}


def test_objects_are_neither_written_nor_read(tmp_path: Path):
    with pytest.raises(ValueError, match="allow_pickle"):
        Cache(tmp_path).write("task", "one", {"scores": np.array([{}, None], object)})
    assert list(tmp_path.iterdir()) == []
    np.savez(tmp_path / "task.npz", np.array("one"), _scores=np.array([{}], object))
    assert Cache(tmp_path).read("task", "one") == {}


def test_a_place_that_cannot_be_written_is_passed_over(tmp_path: Path):
    (tmp_path / "file").write_text("")
    Cache(tmp_path / "file").write("task", "one", {"scores": np.arange(3)})
    assert Cache(tmp_path / "file").read("task", "one") == {}


def test_only_what_is_new_is_made(tmp_path: Path):
    made: list[str] = []

    def stacked(keys: list[str], context: str = "one", cache: Cache | None = None) -> list[list[int]]:
        def make(index: int) -> dict[str, np.ndarray]:
            made.append(keys[index])
            return {"code": np.array([ord(keys[index]), len(made)])}

        return remembered(cache, "letters", context, keys, make)["code"].tolist()

    cache = Cache(tmp_path)
    assert stacked(list("ab"), cache=cache) == [[97, 1], [98, 2]]
    assert stacked(list("bca"), cache=cache) == [[98, 2], [99, 3], [97, 1]]
    assert made == ["a", "b", "c"]
    assert stacked(["b"], cache=cache) == [[98, 2]]
    assert stacked(["a"], cache=cache) == [[97, 4]]  # what no board holds any more is forgotten
    assert stacked(["a"], "two", cache) == [[97, 5]]
    assert stacked(["a"]) == [[97, 6]]
