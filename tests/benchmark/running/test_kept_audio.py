"""Which audio a record keeps to be listened to."""

import json
import time

import numpy as np
import pytest
import torch

from benchmark import audio
from benchmark.running.kept_audio import SCENES, KeptAudio


def record(base, snr, listener=None):
    conditions = {"snr": snr} | ({"listener": listener} if listener else {})
    return {
        "scene": f"{base}|{snr}",
        "base": base,
        "conditions": conditions,
        "group": "",
        "interferers": [],
        "reference": {},
    }


def kept(listening, folder):
    listening.write(folder)
    return json.loads((folder / "audio.json").read_text())


def test_the_first_scenes_at_the_lowest_and_the_middle_snr(tmp_path):
    listening = KeptAudio(["clean", 20, 10, 0, -5])
    for base in "abc":
        for snr in ("clean", "snr_20", "snr_10", "snr_0", "snr_-5"):
            listening.add(record(base, snr), torch.zeros(1, 8))
    assert [(entry["base"], entry["conditions"]["snr"]) for entry in kept(listening, tmp_path)] == [
        (base, snr) for base in "abc"[:SCENES] for snr in ("snr_10", "snr_-5")
    ]


def test_scenes_on_which_a_system_failed_are_not_replaced_by_others(tmp_path):
    listening = KeptAudio([0])
    for base in "abc":
        listening.add(record(base, "snr_0"), None if base == "a" else torch.zeros(1, 8))
    assert [entry["base"] for entry in kept(listening, tmp_path)] == ["b"]


def test_the_very_samples_beyond_full_scale_too(tmp_path):
    listening = KeptAudio([0])
    signal = torch.randn(2, 1000) * 30
    listening.add(record("a", "snr_0"), signal)
    (entry,) = kept(listening, tmp_path)
    np.testing.assert_array_equal(audio.read(tmp_path / entry["file"]), signal.numpy())
    first = (tmp_path / entry["file"]).read_bytes()
    time.sleep(1.1)  # writers that put the time into the file do so in seconds
    listening.write(tmp_path)
    assert (tmp_path / entry["file"]).read_bytes() == first


def test_one_listener_of_several(tmp_path):
    listening = KeptAudio([0])
    for name in ("N3", "S3"):
        listening.add(record("a", "snr_0", name), torch.zeros(1, 8))
    assert [entry["conditions"]["listener"] for entry in kept(listening, tmp_path)] == ["N3"]


@pytest.mark.parametrize(
    ("snrs", "snr"), [(["clean"], "clean"), (["clean", 5, 0], "snr_2.5"), (["clean", 5, 0], "recorded")]
)
def test_scenes_that_have_one_condition_are_kept_as_they_are(tmp_path, snrs, snr):
    listening = KeptAudio(snrs)
    for base in "abc":
        listening.add(record(base, snr), torch.zeros(1, 8))
    assert [entry["base"] for entry in kept(listening, tmp_path)] == list("abc"[:SCENES])
