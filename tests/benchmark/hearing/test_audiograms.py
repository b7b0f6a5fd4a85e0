"""Audiograms: standard profiles, listeners' files, draws, and answers to those that make no sense."""

import json

import numpy as np
import pytest

from benchmark.contracts import AUDIOGRAM_HZ
from benchmark.errors import EarmarkError
from benchmark.hearing.audiograms import PROFILES, audiogram, drawn, resampled


@pytest.fixture
def listeners(tmp_path):
    path = tmp_path / "listeners.json"
    hertz = [250, 500, 1000, 2000, 3000, 4000, 6000, 8000]
    record = {
        "audiogram_cfs": hertz,
        "audiogram_levels_l": [45, 45, 35, 45, 60, 65, 70, 65],
        "audiogram_levels_r": [40, 40, 45, 45, 60, 65, 80, 80],
    }
    path.write_text(json.dumps({"L0001": {"name": "L0001", **record}}))
    return path


def test_profiles_are_complete_and_ordered():
    assert list(PROFILES) == ["normal", *(f"N{i}" for i in range(1, 8)), "S1", "S2", "S3"]
    for thresholds in PROFILES.values():
        assert len(thresholds) == len(AUDIOGRAM_HZ)
        assert list(thresholds) == sorted(thresholds)
    assert (np.diff([PROFILES[f"N{i}"] for i in range(1, 8)], axis=0) >= 0).all()


def test_a_listener_of_a_file_is_read_for_each_ear(listeners):
    left, right = (audiogram(f"{listeners}:L0001:{side}") for side in ("left", "right"))
    assert (left[0], left[2], left[4], left[9]) == (45, 45, 35, 70)
    assert right[9] == 80
    expected = 45 + (35 - 45) * np.log(750 / 500) / np.log(2)
    assert left[3] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("N33", "unknown listener 'N33'; did you mean 'N3'?"),
        ("{}:L0002:left", "unknown listener of .*listeners.json 'L0002'; did you mean 'L0001'?"),
        ("{}:L0001", "which ear"),
        ("{}:L0001:middle", "which ear"),
        ("nowhere.json:L1:left", "nowhere.json: cannot be read"),
    ],
)
def test_unknown_listeners_are_answered(listeners, name, said):
    with pytest.raises(EarmarkError, match=said):
        audiogram(name.format(listeners))


def test_a_byte_order_mark_and_an_unmeasured_ear_of_somebody_else_do_no_harm(listeners):
    before = audiogram(f"{listeners}:L0001:left")
    records = json.loads(listeners.read_text())
    records["L0009"] = {**records["L0001"], "audiogram_levels_r": [None] * len(records["L0001"]["audiogram_levels_r"])}
    listeners.write_text(json.dumps(records), encoding="utf-8-sig")
    assert audiogram(f"{listeners}:L0001:left") == before == audiogram(f"{listeners}:L0009:left")
    with pytest.raises(EarmarkError, match="L0009, right ear: frequencies and thresholds must be two lists of numbers"):
        audiogram(f"{listeners}:L0009:right")


@pytest.mark.parametrize("text", ["[]", "{", '{"L1": {}}', '{"L1": 3}'])
def test_a_file_of_something_else_is_named(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(EarmarkError, match=r"x\.json: not a list of listeners"):
        audiogram(f"{path}:L1:left")


@pytest.mark.parametrize(
    ("hertz", "thresholds", "said"),
    [
        ([250, 1000, 500, 6000], [0, 0, 0, 0], "do not rise"),
        ([250, 500, 500, 6000], [0, 0, 0, 0], "do not rise"),
        ([250, 6000], [0], "2 frequencies and 1 thresholds"),
        ([250, 6000], [0, None], "two lists of numbers"),
        (None, [0, 0], "two lists of numbers"),
        ([250, 6000], 0, "two lists of numbers"),
        ([0, 500, 6000], [0, 0, 0], "above 0 Hz and finite"),
        ([-250, 500, 6000], [0, 0, 0], "above 0 Hz and finite"),
        ([250, float("nan"), 6000], [0, 0, 0], "above 0 Hz and finite"),
        ([250, float("inf")], [0, 0], "above 0 Hz and finite"),
        ([500, 6000], [0, 0], "do not cover 250 to 6000 Hz"),
        ([250, 4000], [0, 0], "do not cover"),
        ([], [], "do not cover"),
        ([250, 6000], [0, 130], "130 dB HL at 6000 Hz is outside -10 to 120"),
        ([250, 6000], [-20, 0], "-20 dB HL at 250 Hz"),
        ([250, 6000], [0, float("nan")], "nan dB HL"),
    ],
)
def test_audiograms_that_make_no_sense_are_refused(hertz, thresholds, said):
    with pytest.raises(EarmarkError, match=said):
        resampled(hertz, thresholds)


def test_what_is_measured_at_our_frequencies_stays():
    assert resampled(AUDIOGRAM_HZ, PROFILES["S2"]) == pytest.approx(PROFILES["S2"])


def test_drawn_audiograms_lie_about_the_profiles():
    rng = np.random.default_rng(0)
    draws = np.array([drawn(rng) for _ in range(500)])
    assert draws.min() >= 0
    assert draws.max() <= 105
    nearest = np.abs(draws[:, None] - np.array(list(PROFILES.values()))).max(-1)
    assert nearest.min(1).max() <= 10
    assert set(nearest.argmin(1)) == set(range(11))
