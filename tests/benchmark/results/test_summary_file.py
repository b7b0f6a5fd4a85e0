"""The file of summaries: what is written comes back, and what repeats is small."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import EarmarkError
from benchmark.results.summary_file import FIELDS, read_summaries, seal, write_summaries
from benchmark.store import canonical

# no negative zero
NUMBERS = st.none() | st.integers(-20, 20) | st.booleans() | st.floats(-2, 2, width=16).map(lambda value: value + 0.0)


def summary(table: list[list[Any]], conditions: int, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = dict.fromkeys(FIELDS, "") | {
        **{"protocol": 1, "baseline": False, "ranked": True, "synthetic": True, "corpora": []},
        "updates": {},
        "costs": {},
        "keys": {},
        "excluded": [],
        "track": "closed",
        "seed": 1,
        "fold": None,
    }
    made |= {"conditions": [f"snr_{index}" for index in range(conditions)]}
    scenes = [f"scene{index}" for index in range(len(table))]
    return {
        **made,
        "scenes": scenes,
        "groups": scenes,
        "sums": {"hits": table},
        "failed": [[0] * conditions for _ in table],
        **changes,
    }


@given(st.data(), st.integers(0, 4))
def test_what_is_written_comes_back(tmp_path_factory: Any, data: st.DataObject, conditions: int):
    row = st.lists(NUMBERS | st.sampled_from([0, 1]), min_size=conditions, max_size=conditions)
    table = data.draw(st.lists(row | st.just([0] * conditions), max_size=6))
    made = summary(table, conditions)
    path = tmp_path_factory.mktemp("summaries") / "summaries.jsonl"
    write_summaries(path, [made])
    assert [canonical(line) for line in read_summaries(path)] == [canonical(seal(made))]


def test_lines_are_sorted_and_share_their_scenes(tmp_path: Path):
    path = tmp_path / "summaries.jsonl"
    lines = [
        summary([[1, 0]], 2, front_end="ünet\u2028"),
        summary([[0, 0]], 2, fold="speaker1"),
        summary([[0, 3.5]], 2, seed=2),
    ]
    write_summaries(path, lines)
    assert read_summaries(path) == [seal(lines[index]) for index in (1, 2, 0)]
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") == 5
    assert text.count("scene0") == 2  # as a scene, and as its own group


def test_tables_that_repeat_are_small(tmp_path: Path):
    sizes = []
    for table in (
        [[0] * 7] * 1000,
        [[0, 1, 1, 0, 1, 0, 1]] * 500 + [[1, 1, 1, 0, 1, 0, 1]] * 500,
        [[0.1234] * 6 + [0.5]] * 500 + [[0.3] * 6 + [1.5]] * 500,
    ):
        write_summaries(tmp_path / "summaries.jsonl", [summary(table, 7)])
        sizes.append(len((tmp_path / "summaries.jsonl").read_text().splitlines()[-2]))
    assert sizes[0] < 1000 < sizes[1] < 11_000 < sizes[2]


def test_a_file_without_its_last_lines_is_refused(tmp_path: Path):
    path = tmp_path / "summaries.jsonl"
    write_summaries(path, [summary([[1, 0]], 2, seed=seed) for seed in (1, 2, 3)])
    whole = path.read_text().splitlines(keepends=True)
    for kept in (whole[:-1], whole[:-2], [*whole[:-2], whole[-1]], whole[:1] + whole[2:]):
        path.write_text("".join(kept))
        with pytest.raises(EarmarkError, match="the last line does not match the others"):
            read_summaries(path)
    path.write_text("".join(whole))
    assert len(read_summaries(path)) == 3
