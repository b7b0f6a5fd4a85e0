"""The command: instant where it can be, one line where it cannot."""

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmark.cli import main
from benchmark.results.board import boards_of
from benchmark.results.overall import Overall

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["run", "--help"]])
def test_help_and_list_import_no_torch(arguments):
    code = f"""
import sys
from benchmark.cli import main
try:
    main({arguments!r})
except SystemExit:
    pass
assert not {{"torch", "numpy", "pandas", "lightning", "datasets"}} & set(sys.modules), sorted(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_list_names_what_there_is(capsys):
    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    for name in (
        "identity",
        "spectral",
        "unet",
        "conv_tasnet",
        "chain",
        "asr",
        "speech_commands",
        "enhancement",
        "librispeech",
        "sample_importance",
        "mini",
    ):
        assert f"  {name}" in listed


def test_corpora_are_listed_with_where_they_are(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path))
    (tmp_path / "an4").mkdir()
    assert main(["corpora", "--data", str(tmp_path)]) == 0
    listed = capsys.readouterr().out
    assert f"found in {tmp_path / 'an4'}, but not usable as it is: an4: " in listed
    assert "musan: noise, 11 GB, CC BY 4.0, unverified" in listed
    assert "generated on first use" in listed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "minni"], "did you mean 'mini'"),
        (["run", "mini", "--jobs", "0"], "--jobs"),
        (["run", "mini", "--data", "nowhere"], "no folder nowhere"),
        (["leaderboard", "nowhere"], "no summaries.jsonl"),
    ],
)
def test_bad_arguments_are_one_line(capsys, arguments, message):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_ctrl_c_is_one_line_even_while_a_library_is_imported(capsys, monkeypatch):
    class Interrupted:
        def find_spec(self, name, path=None, target=None):
            if name == "benchmark.running.run":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "benchmark.running.run", raising=False)
    monkeypatch.delattr("benchmark.running.run", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])
    assert main(["run", "mini"]) == 130
    assert capsys.readouterr().err == "earmark: stopped; finished cells are kept, the same command goes on from there\n"


@pytest.mark.parametrize("name", ["hearing", "hearing_loss_small"])
def test_overall_has_the_ranks_of_the_only_task(name: str):
    (board,) = boards_of(ROOT / "leaderboards" / name)
    assert {row.name: row.rank for row in Overall([board]).rows} == {row.name: row.rank for row in board.rows}


def test_leaderboard_rebuilds_the_committed_boards_to_the_byte(tmp_path, capsys):
    committed, copy = ROOT / "leaderboards", tmp_path / "boards"
    shutil.copytree(committed, copy)
    for path in copy.rglob("*.csv"):
        path.unlink()
    assert main(["leaderboard", str(copy)]) == 0  # a folder of several boards
    boards = sorted(committed.rglob("*.csv"))
    assert len({path.parent for path in boards}) > 1
    for path in boards:
        assert (copy / path.relative_to(committed)).read_bytes() == path.read_bytes(), path
    assert main(["leaderboard", str(tmp_path / "none")]) == 2


def test_quality_has_a_column_for_each_ear_and_snr_beside_intelligibility():
    board = pd.read_csv(ROOT / "leaderboards" / "mini" / "hearing_loss.csv")
    columns = [name for name in board.columns if name.startswith("hasqi snr_")]
    assert len(columns) == len([name for name in board.columns if name.startswith("snr_")]) > 2
    assert board[columns].mean(axis=1).to_numpy() == pytest.approx(board["hasqi"].to_numpy(), abs=1e-4, nan_ok=True)


def test_make_help_explains_every_target():
    printed = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    phony = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY")).split()[1:]
    for target in phony:
        assert f"make {target} " in printed


def test_make_hands_words_with_spaces_and_quotes_on_as_they_are():
    words = ["COMMAND=python -c 'print(1)' {in} {out}", "CARD=my card.yaml", "NAME=mine", r"EARMARK=printf '%s\n'"]
    printed = subprocess.run(
        ["make", "--silent", "--no-print-directory", "submit", *words],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    expected = [
        "submit",
        "--command",
        "python -c 'print(1)' {in} {out}",
        "--name",
        "mine",
        "--card",
        "my card.yaml",
        "--recipe",
        "mini",
        "--out",
        ".",
    ]
    assert printed.splitlines() == expected
