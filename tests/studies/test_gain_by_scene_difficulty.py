"""Invented boards on which the first row helps on hard scenes alone."""

import re

import gain_by_scene_difficulty as study
import numpy as np
import pytest
from invented_summaries import TASKS, summary

from benchmark import registry
from benchmark.results.board import boards_of
from benchmark.results.summary_file import write_summaries

WORDS = 10
EASY, MIDDLING, HARD = 1, 5, 9  # errors of ten words of the baseline
SCENES = 30


def line(front_end, scheme, saved):
    """A row whose errors are those of the baseline less what it saves on hard scenes."""
    noisy = np.repeat([EASY, MIDDLING, HARD - saved], SCENES // 3)
    errors = np.stack([np.zeros(SCENES), noisy, noisy], 1).astype(int)
    words = np.full(errors.shape, WORDS)
    sums = {"errors": errors, "words": words, "character_errors": errors, "characters": words}
    return summary("asr", front_end, scheme, sums={name: values.tolist() for name, values in sums.items()})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "load", lambda kind, name: TASKS[name])
    lines = [line("identity", "noisy", 0), line("unet", "joint", 4), line("unet", "frozen", 0)]
    write_summaries(tmp_path / "summaries.jsonl", lines)
    return tmp_path


def test_the_baseline_alone_decides_how_hard_a_scene_is(folder):
    (board,) = boards_of(folder)
    levels = study.levels_of(board)
    expected = np.repeat([0, 1, 2], SCENES // 3)
    assert board.conditions == ["clean", "snr_5", "snr_0"]
    np.testing.assert_array_equal(levels, np.stack([np.full(SCENES, -1), expected, expected], 1))


def test_a_gain_on_hard_scenes_shows_there_alone(folder, capsys):
    study.main(folder, "unet:joint", ["unet:frozen"])
    printed = capsys.readouterr().out.splitlines()
    assert printed[0::2] == [
        "asr, easy (20 of 60): wer of unet:joint 0.100",
        "asr, middling (20 of 60): wer of unet:joint 0.500",
        "asr, hard (20 of 60): wer of unet:joint 0.500",
    ]
    gains = [re.fullmatch(r" +against unet:frozen (\S+): (\S+) .*", line) for line in printed[1::2]]
    assert [(float(found[1]), float(found[2])) for found in gains] == [(0.1, 0.0), (0.5, 0.0), (0.9, 0.4)]
