"""Pitch and level of tones, and what they tell of styles that differ in them."""

import numpy as np
import pytest
from styles_from_pitch_and_level import measured, recall

from benchmark import audio

RATE = 16000


def tone(hertz: float, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(int(RATE * seconds)) / RATE)


def rows_of(folder, frequencies):
    rows = []
    for style, own in frequencies.items():
        for take, hertz in enumerate(own):
            path = folder / f"{style}{take}.wav"
            audio.write(path, 0.1 * tone(hertz, 0.3)[None].astype(np.float32), RATE)
            rows.append({"audio": str(path), "label": style})
    return rows


def test_pitch_and_level_are_measured_where_speech_is_loud():
    voice = np.concatenate([0.1 * tone(150.0), 1e-4 * tone(300.0), np.zeros(RATE // 2)])[None].astype(np.float32)
    pitch, level = measured(voice)
    assert np.exp(pitch) == pytest.approx(150, rel=0.03)
    assert level - measured(0.5 * voice)[1] == pytest.approx(20 * np.log10(2), abs=0.01)


def test_styles_that_differ_in_pitch_are_told_apart_and_others_are_not(tmp_path):
    apart = {"low": (120.0, 121.0, 122.0), "high": (240.0, 241.0, 242.0)}
    alike = {"low": (120.0, 180.0, 240.0), "high": (120.0, 180.0, 240.0)}
    known = rows_of(tmp_path / "apart", apart)
    assert recall(known, known) == 1
    known = rows_of(tmp_path / "alike", alike)
    assert recall(known, known) == 0.5


def test_what_was_learnt_is_asked_of_other_clips(tmp_path):
    known = rows_of(tmp_path / "known", {"low": (120.0, 122.0), "high": (240.0, 242.0)})
    swapped = rows_of(tmp_path / "swapped", {"low": (240.0, 242.0), "high": (120.0, 242.0)})
    assert recall(known, swapped) == 0.25
