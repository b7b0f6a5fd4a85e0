"""Results as disks leave them: swapped folders, flipped and cut bytes, full disks, what killed processes left."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toys
from invented_summaries import TASKS, boards, summary
from trials import FACTOR

from benchmark import registry
from benchmark.catalogue import Corpora
from benchmark.cli import main
from benchmark.errors import EarmarkError
from benchmark.planning.cells import Cell, to_json
from benchmark.planning.plan import Plan
from benchmark.planning.planner import make_plan
from benchmark.planning.recipe import load_recipe
from benchmark.results.array_cache import Cache
from benchmark.results.manifests import SHAPES, read_manifest
from benchmark.results.records import read_predictions
from benchmark.results.summary_file import read_lines, read_summaries, unpacked, write_summaries
from benchmark.running.enhanced_audio import EnhancedAudio, Output, writing
from benchmark.running.timings import Timings
from benchmark.store import MANIFEST, Store, Workspace, clear_leftovers, sealed, write_text

SHELVES = ["weights", "enhanced", "records", "costs"]


def invented(cell: Cell, number: int) -> tuple[dict[str, Any], Callable[[Path], None]]:
    """The manifest and files of a finished cell, its results invented."""
    manifest = {"label": cell.label, "work": to_json(cell.work), "code": dict(cell.code)}
    manifest |= {"seconds": 1.0 + number, "peak_memory_mb": 10.0}
    lines = [
        {
            **{"scene": f"s{scene} {snr}", "base": f"s{scene}", "group": f"g{scene % 2}", "interferers": []},
            **{"conditions": {"snr": snr}, "reference": {"label": "low"}, "failed": None},
            "prediction": {"label": "low" if scene < number % 4 + (snr == "clean") else "high"},
        }
        for scene in range(4)
        for snr in ("clean", "0")
    ]

    def fill(folder: Path) -> None:
        if cell.kind == "train":
            (folder / "front_end.safetensors").write_bytes(bytes(range(number, number + 50)))
        elif cell.kind == "enhance":
            (folder / "audio.f32").write_bytes(bytes(range(number, number + 64)))
        elif cell.kind == "score":
            write_text(folder / "predictions.jsonl", "".join(json.dumps(line) + "\n" for line in lines))

    more = {
        "train": {"report": {"front_end": number, "task": 1, "audio_seconds": 2.0}},
        "measure": {"costs": {"parameters": 1000 + number, "latency_ms": None, "notes": ["none"]}},
        "score": {"enhanced": {name: value for name, value in manifest.items() if cell.needs}},
    }
    return manifest | more.get(cell.kind, {}), fill


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Path]:
    """A plan, and a folder in which all its cells are finished."""
    folder = tmp_path_factory.mktemp("finished")
    recipe = toys.toy_recipe(folder, schemes={"noisy": None, "joint": None}, score={"snr": ["clean", 0], "scenes": 4})
    plan = make_plan(load_recipe(recipe), Corpora(None, folder / "cache"))
    for number, cell in enumerate(plan.cells.values()):
        Store(folder / "runs").put(cell.shelf, cell.key, *invented(cell, number))
    return plan, folder


@pytest.fixture
def finished(planned: tuple[Plan, Path], workspace: Path) -> Store:
    """A copy of that folder, in which boards were written, as the working directory."""
    shutil.copytree(planned[1], workspace, dirs_exist_ok=True)
    assert main(["run", "toy.yaml"]) == 0
    return Store(Path("runs"))


def flipped(data: bytes, step: int) -> Iterator[bytes]:
    """The data with one bit of every k-th byte flipped, and cut there; of every byte by `make faults`."""
    step = max(step // FACTOR, 1)
    for place in range(0, len(data), step):
        changed = bytearray(data)
        changed[place] ^= 1 << (place // step % 8)
        yield bytes(changed)
        yield data[:place]


def outcome(read: Callable[[], Any]) -> Any:
    """What is read, or the one line with which it is refused."""
    try:
        return read()
    except EarmarkError as error:
        line = str(error)
    assert "\n" not in line
    return line


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line with which a command ends with status 2."""
    capsys.readouterr()
    assert main(arguments) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert line.startswith("earmark: ")
    return line


@pytest.mark.parametrize("shelf", SHELVES)
def test_swapped_folders_are_not_taken_for_each_other(finished: Store, capsys: Any, shelf: str):
    before = {path.name: path.read_bytes() for path in Path("leaderboards/toy").iterdir()}
    one, other = (finished.root / shelf / key for key in finished.list(shelf)[:2])
    one.rename("between")
    other.rename(one)
    Path("between").rename(other)
    shutil.rmtree("leaderboards")
    line = refused(capsys, "run", "toy.yaml")
    assert f"{shelf}/{one.name}" in line
    assert f"{shelf}/{other.name}" in line
    assert "delete" in line
    assert not Path("leaderboards/toy/summaries.jsonl").exists()
    for key in (one.name, other.name):
        with pytest.raises(EarmarkError, match="swapped"):
            finished.get(shelf, key)
    one.rename("between")
    other.rename(one)
    Path("between").rename(other)
    assert main(["run", "toy.yaml"]) == 0
    assert {path.name: path.read_bytes() for path in Path("leaderboards/toy").iterdir()} == before


def test_an_entry_of_another_shelf_is_refused(finished: Store):
    key = finished.list("enhanced")[0]
    shutil.copytree(finished.root / "enhanced" / key, finished.root / "records" / key)
    with pytest.raises(EarmarkError, match=f"belongs to enhanced/{key}"):
        finished.manifest("records", key)


def test_no_changed_byte_of_an_entry_is_used(finished: Store):
    tried = 0
    for shelf in SHELVES:
        key = finished.list(shelf)[0]
        for path in (finished.root / shelf / key).iterdir():
            whole = path.read_bytes()
            for changed in flipped(whole, 11):
                path.write_bytes(changed)
                with pytest.raises(EarmarkError, match=r"delete .* and run again") as caught:
                    finished.get(shelf, key)
                assert "\n" not in str(caught.value)
                tried += 1
            path.write_bytes(whole)
        finished.get(shelf, key)
    assert tried > 500


def test_a_run_refuses_any_changed_manifest(finished: Store, capsys: Any):
    for shelf in SHELVES:
        path = finished.root / shelf / finished.list(shelf)[0] / MANIFEST
        whole = path.read_bytes()
        for changed in islice(flipped(whole, len(whole) - 1), 4 if FACTOR > 1 else 1):
            path.write_bytes(changed)
            assert str(path) in refused(capsys, "run", "toy.yaml")
        path.write_bytes(whole)


@pytest.mark.parametrize("shelf", SHELVES)
def test_a_manifest_without_a_field_or_with_another_value_is_one_line(finished: Store, capsys: Any, shelf: str):
    key = finished.list(shelf)[0]
    path = finished.root / shelf / key / MANIFEST
    whole = json.loads(path.read_text())
    for name in [*SHAPES[shelf].model_fields, "key", "shelf"]:
        rest = {field: value for field, value in whole.items() if field != name}
        for value in (None, [], ["x"], True, *([-1, 10**400, "1"] if name in ("seconds", "peak_memory_mb") else [])):
            path.write_text(json.dumps(sealed({**whole, name: value})))
            with pytest.raises(EarmarkError, match=name if name in SHAPES[shelf].model_fields else "belongs to"):
                read_manifest(finished, shelf, key)
        for text in (json.dumps({**whole, name: float("nan")}), json.dumps(rest), json.dumps({**whole, name: []})):
            path.write_text(text)
            with pytest.raises(EarmarkError, match=r"delete .* and run again"):
                read_manifest(finished, shelf, key)
        path.write_text(json.dumps(sealed(rest)))
        if name == "label" or FACTOR > 1:  # a run takes longer than a reading
            assert str(path) in refused(capsys, "run", "toy.yaml")
        with pytest.raises(EarmarkError):
            read_manifest(finished, shelf, key)
    for text in ("", "[]", "null", "1" * 5000, "[" * 100_000, '"\\ud800"', '{"files": "\\ud800"}', "\ufeff{}"):
        path.write_text(text)
        with pytest.raises(EarmarkError, match=r"delete .* and run again"):
            read_manifest(finished, shelf, key)


def test_a_damaged_entry_of_another_recipe_costs_no_estimate(finished: Store, planned: tuple[Plan, Path]):
    for name in ("0" * 16, "not a key"):
        write_text(finished.root / "records" / name / MANIFEST, "{")
    timings = Timings("toy", finished, Path("leaderboards/toy"))
    assert all(timings.seconds(cell) for cell in planned[0].cells.values())


def test_no_changed_byte_of_summaries_is_used(tmp_path: Path):
    path, cache = tmp_path / "summaries.jsonl", Cache(tmp_path / "cache")
    lines = [summary(seed=seed, scenes=5, excluded=[]) for seed in (1, 2)]
    write_summaries(path, [*lines, summary(front_end="unet", scenes=5)])
    whole, before = path.read_bytes(), [unpacked(line) for line in read_lines(path, cache)]
    refusals = 0
    for changed in flipped(whole, 7):
        path.write_bytes(changed)
        for read in (read_summaries, lambda path: [unpacked(line) for line in read_lines(path, cache)]):
            found = outcome(lambda read=read: read(path))
            assert found == before or str(path) in found
            refusals += isinstance(found, str)
    assert refusals >= 4 * (len(whole) // 7 - 1)


def test_a_line_of_scenes_with_any_digest_is_one_line(tmp_path: Path):
    path = tmp_path / "summaries.jsonl"
    write_summaries(path, [summary(scenes=2)])
    first, *others = path.read_text().splitlines()
    for value in (None, [], {}, 1, "", "\x00"):
        path.write_text("\n".join([json.dumps({**json.loads(first), "digest": value}), *others]))
        with pytest.raises(EarmarkError, match="not a summary, or a line that it names is missing"):
            read_lines(path)


def test_no_changed_byte_of_a_cache_is_used(tmp_path: Path):
    cache = Cache(tmp_path)
    cache.write("task", "one", {"scores": np.arange(30.0), "ids": np.array(["a", "b"])})
    path = tmp_path / "task.npz"
    whole = path.read_bytes()
    for changed in flipped(whole, 1):
        path.write_bytes(changed)
        assert cache.read("task", "one") == {}
    path.write_bytes(whole + b"\0")
    assert cache.read("task", "one") == {}
    path.write_bytes(whole)
    assert cache.read("task", "one")["scores"].tolist() == list(range(30))


def test_no_changed_index_of_enhanced_audio_is_a_traceback(tmp_path: Path):
    import torch

    with writing(tmp_path) as writer:
        for scene in ("a", "b"):
            writer.add(scene, "", Output(torch.arange(6.0).reshape(1, 1, 6)))
    index, audio = tmp_path / "index.jsonl", tmp_path / "audio.f32"
    whole, samples = index.read_bytes(), audio.read_bytes()
    for changed in flipped(whole, 1):
        index.write_bytes(changed)
        outcome(lambda: [EnhancedAudio(tmp_path).get(scene) for scene in ("a", "b")])
    index.write_bytes(whole)
    for size in range(len(samples)):
        audio.write_bytes(samples[:size])
        with pytest.raises(EarmarkError, match="no enhanced audio"):
            EnhancedAudio(tmp_path)


@pytest.mark.parametrize("text", ["[]", "{", "[" * 100_000, "1" * 5000, "\x00", '"\\ud800"'])
def test_predictions_that_are_none_are_one_line(tmp_path: Path, text: str):
    (tmp_path / "predictions.jsonl").write_text(f"{{}}\n{text}\n")
    with pytest.raises(EarmarkError, match="not a record; delete"):
        read_predictions(tmp_path / "predictions.jsonl")


@contextmanager
def full_disk() -> Iterator[None]:
    """No file can become larger than 20 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    "arguments",
    [
        ["leaderboard"],
        ["report", "--out", "site"],
        ["compare", "identity:noisy", "unet:joint", "leaderboards/mini", "--csv", "table.csv"],
    ],
)
def test_writing_to_a_full_disk_is_one_line(workspace: Path, capsys: Any, monkeypatch: Any, arguments: list[str]):
    monkeypatch.setattr(registry, "load", lambda kind, name: TASKS[name])
    boards(workspace / "leaderboards/mini", summary(), summary(front_end="unet", scheme="joint", rate=0.2))
    assert main(arguments) == 0
    shutil.rmtree("site", ignore_errors=True)
    before = {path: path.read_bytes() for path in Path().rglob("*.*") if path.is_file()}
    with full_disk():
        line = refused(capsys, *arguments)
    assert "the disk is full" in line
    assert {path: path.read_bytes() for path in Path().rglob("*.*") if path.is_file()} == before


def test_a_run_on_a_full_disk_is_one_line_and_goes_on_later(finished: Store, capsys: Any):
    before = {path.name: path.read_bytes() for path in Path("leaderboards/toy").iterdir()}
    shutil.rmtree("leaderboards")
    with full_disk():
        assert "the disk is full" in refused(capsys, "run", "toy.yaml")
    assert main(["run", "toy.yaml"]) == 0
    assert {path.name: path.read_bytes() for path in Path("leaderboards/toy").iterdir()} == before


def test_a_board_that_cannot_be_printed_is_one_line():
    script = "import sys; from benchmark.cli import main; sys.exit(main(['list']))"
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", script], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert re.fullmatch("earmark: .*No space left on device; .*\n", done.stderr)


@pytest.fixture
def dead() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_leftovers_of_the_dead_are_cleared_and_those_of_the_living_kept(tmp_path: Path, monkeypatch: Any, dead: int):
    space = Workspace(None, tmp_path / "cache", tmp_path / "runs", tmp_path / "boards")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    Store(space.runs).put("records", "0123456789abcdef", {}, lambda folder: None)
    key = "fedcba9876543210"

    def left(pid: int) -> list[Path]:
        return [
            space.runs / "work" / f"weights-{key}.{pid}" / "a",
            space.runs / "work" / key / f".progress.json.{pid}.part",
            space.runs / "errors" / f".{key}.reason.{pid}.part",
            space.boards / f".asr.csv.{pid}.part",
            space.boards / "cards" / f".mine.yaml.{pid}.part",
            space.cache / "boards" / "mini" / f"asr.{pid}.part",
            space.cache / "tracks" / f".mocha.{pid}.part" / "a.npy",
            tmp_path / "tmp" / f"earmark-{pid}-abc" / "a",
        ]

    kept = [
        *left(os.getpid()),
        *left(1),
        space.runs / "work" / key / "last.ckpt",
        space.boards / "asr.csv",
        tmp_path / "tmp" / "earmark-notes" / "a",
        tmp_path / "tmp" / f"other-{dead}-abc" / "a",
        tmp_path / "tmp" / f"earmark-{'9' * 30}-abc" / "a",
    ]
    gone = [*left(dead), space.runs / "work" / "0123456789abcdef" / "last.ckpt"]
    for path in (*kept, *gone):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    clear_leftovers(space)
    assert [path for path in kept if not path.exists()] == []
    assert [
        path for path in gone if path.exists() or (path.parent.exists() and path.parent.name.count(str(dead)))
    ] == []
    assert Store(space.runs).exists("records", "0123456789abcdef")


def test_what_a_killed_process_was_writing_is_cleared_by_the_next_run(finished: Store):
    script = f"""
import os, signal
from pathlib import Path
from benchmark.store import Store, write_text

def fill(folder):
    write_text(folder / "a", "half")
    os.kill(os.getpid(), signal.SIGKILL)

Store(Path({str(finished.root)!r})).put("weights", "0123456789abcdef", {{}}, fill)
"""
    assert subprocess.run([sys.executable, "-c", script]).returncode == -signal.SIGKILL
    assert len(list((finished.root / "work").iterdir())) == 1
    assert main(["run", "toy.yaml"]) == 0
    assert list((finished.root / "work").iterdir()) == []


def test_a_report_clears_the_folder_of_one_that_was_killed(workspace: Path, monkeypatch: Any, dead: int):
    monkeypatch.setattr(registry, "load", lambda kind, name: TASKS[name])
    boards(workspace / "leaderboards/mini", summary())
    for name in (f".site.{dead}.x1", f".site.{os.getpid()}.x2", f".other.{dead}.x3"):
        write_text(Path(name) / "page" / "index.html", "x")
    assert main(["report"]) == 0
    assert sorted(path.name for path in Path().glob(".*")) == sorted([f".site.{os.getpid()}.x2", f".other.{dead}.x3"])
