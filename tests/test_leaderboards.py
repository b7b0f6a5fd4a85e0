import csv
import json
from pathlib import Path
from typing import Any

import pytest
from invented_summaries import TASKS, Errors, boards, summary

from benchmark import provenance, registry
from benchmark.contracts import PROTOCOL
from benchmark.errors import EarmarkError
from benchmark.results import leaderboard_files as leaderboard
from benchmark.results import summary_file
from benchmark.results.array_cache import Cache
from benchmark.results.board import Board, boards_of
from benchmark.results.summary_file import closing_line, read_lines, read_summaries, seal, write_summaries


@pytest.fixture(autouse=True)
def stubs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "load", lambda kind, name: TASKS[name])


def test_rebuilding_gives_the_same_bytes_in_any_order_of_lines(tmp_path: Path):
    lines = [summary(seed=seed, front_end=name) for seed in (1, 2) for name in ("identity", "unet")]
    boards(tmp_path / "one", *lines)
    boards(tmp_path / "two", *lines[::-1])
    first = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert first == {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    assert set(first) == {"summaries.jsonl", "asr.csv", "overall.csv", "costs.csv"}
    shuffled = tmp_path / "two" / "summaries.jsonl"
    *others, last = shuffled.read_text(encoding="utf-8").splitlines(keepends=True)
    shuffled.write_text("".join([*reversed(others), last]), encoding="utf-8")
    leaderboard.write_leaderboard(tmp_path / "two")
    assert all(first[name] == (tmp_path / "two" / name).read_bytes() for name in first if name.endswith(".csv"))


def test_a_cache_changes_no_byte(tmp_path: Path):
    """Lines come, go and exclude scenes; what is remembered of the rest, or damaged, makes no difference."""
    hole = summary(front_end="hole")
    for rows in hole["sums"].values():
        rows[4][1] = None
    base = [summary(task, seed=seed) for task in TASKS for seed in (1, 2)]
    stages = [base, [*base, summary(front_end="unet")], [*base, hole], [*base, summary("commands", "unet")], base[1:]]
    cache = Cache(tmp_path / "cache")
    for stage, lines in enumerate([*stages, base]):
        if stage == len(stages):
            for path in (tmp_path / "cache").iterdir():
                path.write_bytes(path.read_bytes()[:-100])
        for name, kept in (("with", cache), ("without", None)):
            write_summaries(tmp_path / name / "summaries.jsonl", lines)
            leaderboard.write_leaderboard(tmp_path / name, kept)
        made = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("with", "without")]
        assert made[0] == made[1]


def test_a_cache_notices_that_code_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    cache, lines = Cache(tmp_path / "cache"), [summary(), summary(front_end="unet")]
    scored: list[str] = []
    count, known = Board._scored, provenance.source_digest

    def counted(board: Board, row: Any) -> Any:
        scored.append(row.name[0])
        return count(board, row)

    monkeypatch.setattr(Board, "_scored", counted)
    write_summaries(tmp_path / "summaries.jsonl", lines)
    for changed, expected in ((None, 2), (None, 2), (Board, 4), (Errors, 6)):
        monkeypatch.setattr(
            provenance, "source_digest", lambda one, changed=changed: "new" if one is changed else known(one)
        )
        boards_of(tmp_path, cache)
        assert len(scored) == expected


def test_seals_are_checked_again_where_the_code_that_checks_them_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    cache, path = Cache(tmp_path / "cache"), tmp_path / "summaries.jsonl"
    write_summaries(path, [summary(), summary(seed=2)])
    read_lines(path, cache)
    checked: list[int] = []
    check, known = summary_file._checked, provenance.source_digest
    monkeypatch.setattr(summary_file, "_checked", lambda *given: checked.append(given[1]) or check(*given))
    read_lines(path, cache)
    assert checked == []
    monkeypatch.setattr(provenance, "source_digest", lambda one: "new" if one is read_lines else known(one))
    read_lines(path, cache)
    assert checked == [2, 3]


def test_an_edited_line_is_refused_though_the_cache_knew_it(tmp_path: Path):
    cache = Cache(tmp_path / "cache")
    boards(tmp_path, summary(), summary(seed=2))
    leaderboard.write_leaderboard(tmp_path, cache)
    path = tmp_path / "summaries.jsonl"
    intact = path.read_text(encoding="utf-8")
    for old, new in (('"seed":2', '"seed":7'), ('"scene07"', '"scene70"'), ('"words":{"*":10', '"words":{"*":11')):
        path.write_text(intact.replace(old, new), encoding="utf-8")
        with pytest.raises(EarmarkError, match="was edited"):
            leaderboard.write_leaderboard(tmp_path, cache)


def test_lines_are_written_again_as_they_stood(tmp_path: Path):
    path = tmp_path / "summaries.jsonl"
    write_summaries(path, [summary(), summary("commands")])
    before = path.read_bytes()
    write_summaries(path, read_lines(path))
    assert path.read_bytes() == before
    write_summaries(path, read_summaries(path))
    assert path.read_bytes() == before


def test_sums_that_several_lines_share_stand_once(tmp_path: Path):
    """As those of an untrained row under each of its seeds; a line that names a missing one is refused."""
    scenes = summary()["scenes"]
    sums = {name: [[index / 7, 1.0, index / 3] for index in range(len(scenes))] for name in summary()["sums"]}
    seeds = [summary(seed=seed) | {"sums": sums} for seed in (1, 2, 3)]
    path = tmp_path / "summaries.jsonl"
    write_summaries(path, seeds)
    text = path.read_text(encoding="utf-8")
    assert text.count('"sums":{') == 1
    assert text.count(f'"sums":"{seal(seeds[0])["digest"]}"') == 2
    assert [seal(line) for line in read_summaries(path)] == [seal(line) for line in seeds]
    write_summaries(path, read_lines(path)[1:])
    assert [seal(line) for line in read_summaries(path)] == [seal(line) for line in seeds[1:]]
    lists, _, *others = text.splitlines(keepends=True)
    path.write_text(lists + "".join(others), encoding="utf-8")
    with pytest.raises(EarmarkError, match="line 2: not a summary, or a line that it names is missing"):
        read_lines(path)


def test_a_line_that_is_spelt_otherwise_means_the_same(tmp_path: Path):
    """Its seal is over what is meant: spaces and the order of fields do not matter, with a cache and without."""
    board = boards(tmp_path, summary(), summary(front_end="unet"))["asr"]
    path = tmp_path / "summaries.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    path.write_text("".join(json.dumps(dict(reversed(line.items()))) + "\n" for line in lines), encoding="utf-8")
    for cache in (None, Cache(tmp_path / "cache"), Cache(tmp_path / "cache")):
        leaderboard.write_leaderboard(tmp_path, cache)
        with (tmp_path / "asr.csv").open(encoding="utf-8", newline="") as file:
            assert list(csv.DictReader(file)) == board


def test_boards_of_tasks_that_are_gone_are_removed(tmp_path: Path):
    boards(tmp_path, summary(), summary("commands"))
    assert boards(tmp_path, summary()).keys() == {"asr", "overall", "costs"}
    assert not (tmp_path / "commands.csv").exists()


def resealed(text: str, **changes: Any) -> str:
    """All summaries of a file changed and sealed again, as somebody might who knows how."""
    lists, *lines = [json.loads(line) for line in text.splitlines()[:-1]]
    known = {name: lists[name] for name in ("scenes", "groups", "conditions")}
    made = [{**line, **changes, "digest": seal({**line, **known, **changes})["digest"]} for line in lines]
    return "".join(
        json.dumps(line) + "\n" for line in [lists, *made, closing_line(line["digest"] for line in [lists, *made])]
    )


def without_last(text: str, more: str = "") -> str:
    """A file that was cut before its last line, or went on."""
    return "".join(text.splitlines(keepends=True)[:-1]) + more


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text.replace('"seed":2', '"seed":7'), "line 3: the line, or that of its scenes, was edited"),
        (lambda text: text[:-40], "line 4: the line is cut"),
        (lambda text: without_last(text)[:-40], "line 3: the line is cut"),
        (without_last, "the last line does not match the others"),
        (lambda text: text + "[]\n", "line 5: the line is cut or not a summary"),
        (
            lambda text: without_last(text, json.dumps(seal({"protocol": 1})) + "\n"),
            "line 4: the summary lacks task, component",
        ),
        (lambda text: text.replace('"scene07"', '"scene70"'), "line 2: the line, or that of its scenes, was edited"),
        (lambda text: "\n".join(text.splitlines()[1:]), "line 1: not a summary, or a line that it names is missing"),
        (lambda text: "", "the file is empty; restore the file"),
        (lambda text: text.splitlines()[0] + "\n", "line 1: no summary is of these scenes, so lines are missing"),
        (lambda text: text + "[" * 100_000, "line 5: the line is cut or not a summary"),
        (lambda text: resealed(text, updates=None), "line 2: updates is not what a run writes"),
        (lambda text: resealed(text, excluded=["a"]), "line 2: excluded.0 is not what a run writes"),
        (lambda text: resealed(text, seed="1"), "line 2: seed is not what a run writes"),
        (lambda text: resealed(text, corpora="speech"), "line 2: corpora is not what a run writes"),
        (lambda text: resealed(text, track="=evil"), "the track is closed or open"),
        (lambda text: resealed(text, protocol=PROTOCOL + 1), f"of protocol {PROTOCOL + 1}, newer than"),
    ],
)
def test_damaged_lines_are_refused_and_no_board_is_touched(tmp_path: Path, damage: Any, message: str):
    boards(tmp_path, summary(), summary(seed=2))
    path = tmp_path / "summaries.jsonl"
    before = (tmp_path / "asr.csv").read_bytes()
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(EarmarkError, match=rf"{path}.*{message}"):
        leaderboard.write_leaderboard(tmp_path)
    assert (tmp_path / "asr.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"front_end": "unet", "protocol": 2}, "lines of protocol 1 and 2 do not compare"),
        ({"front_end": "unet", "settings": "others"}, "lines of different settings .*; run or submit unet again"),
        ({"task": "commands", "protocol": 2}, "lines of protocol 1 and 2 do not compare"),
        ({"front_end": "unet", "corpora": ["synthetic/commands 2"]}, "lines of different corpora"),
        ({}, "seed 1, fold None, is there 2 times"),
        ({"task": "../asr"}, "cannot name a board"),
        ({"task": "overall"}, "cannot name a board"),
        ({"front_end": "unet", "failed": [[0, 1]] * 30}, "the tables are not 30 different scenes by 3 conditions"),
        (
            {"front_end": "unet", "sums": {"hits": [[0, 1]] * 30}},
            "the sums are not tables of the columns character_errors, characters, errors, words",
        ),
    ],
)
def test_contradictions_are_refused(tmp_path: Path, changes: dict[str, Any], message: str):
    with pytest.raises(EarmarkError, match=message):
        boards(tmp_path, summary(), summary(**changes))


def test_a_missing_file_says_what_to_do(tmp_path: Path):
    with pytest.raises(EarmarkError, match="no such file; run the recipe first"):
        leaderboard.write_leaderboard(tmp_path)


@pytest.mark.parametrize("start", list("=+-@\t\r\n"))
def test_names_that_look_like_formulas_are_made_text(tmp_path: Path, start: str):
    made = boards(tmp_path, summary(front_end=f"{start}cmd|'/c calc'!A0", training_data=f"{start}1"))
    for name in ("asr", "overall", "costs"):
        assert made[name][0]["front_end"] == f"'{start}cmd|'/c calc'!A0".replace("\r", " ").replace("\n", " ")
    assert made["asr"][0]["training_data"].startswith("'")


def test_render_is_an_aligned_markdown_table(tmp_path: Path):
    path = tmp_path / "asr.csv"
    path.write_text('rank,front_end,score,seeds\n1,"a|b\nc",0.1000,3\n,reference,,1\n', encoding="utf-8")
    assert leaderboard.render(path).splitlines() == [
        "| rank | front_end | score  |",
        "|------|-----------|--------|",
        "| 1    | a\\|b c    | 0.1000 |",
        "|      | reference |        |",
    ]
    assert leaderboard.render(path, ["seeds", "absent"]).splitlines()[0] == "| seeds |"


def test_tables_of_ones_own_beside_the_boards_are_left_alone(tmp_path: Path):
    boards(tmp_path, summary(), summary("commands"))
    (tmp_path / "notes.csv").write_text("day,note\n")
    boards(tmp_path, summary())
    assert (tmp_path / "notes.csv").read_text() == "day,note\n"
    assert not (tmp_path / "commands.csv").exists()
