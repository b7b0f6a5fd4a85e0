"""Mixing: levels to a hundredth of a dB, and scenes that depend on nothing but ids and protocol."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark import audio
from benchmark.contracts import FULL_SCALE_DB_SPL
from benchmark.data import SceneData, Source, collate
from benchmark.errors import EarmarkError
from benchmark.scenes import Mixer, mix, select
from benchmark.settings import Phase, Train


def noise(seed, samples=16000, channels=1):
    return np.random.default_rng(seed).normal(0, 0.1, (channels, samples)).astype(np.float32)


@settings(max_examples=25)
@given(st.floats(-20, 40), st.floats(40, 90), st.sampled_from([1, 2]), st.floats(1e-3, 10))
def test_snr_and_level_are_those_asked_for(snr, level, channels, scale):
    target, interferer = scale * noise(0, channels=channels), noise(1)
    noisy, clean = mix(target, interferer, snr, level, speech=False)
    added = (noisy - clean).astype(np.float64)
    assert audio.decibels(audio.power(clean)) + FULL_SCALE_DB_SPL == pytest.approx(level, abs=0.01)
    assert audio.decibels(audio.power(clean)) - audio.decibels(audio.power(added)) == pytest.approx(snr, abs=0.02)


def test_speech_is_measured_by_its_active_level():
    speech = np.concatenate([noise(0, 16000), np.zeros((1, 48000), np.float32)], 1)
    _, clean = mix(speech, None, None, 65, speech=True)
    assert audio.decibels(audio.active_power(clean)) == pytest.approx(-35, abs=0.1)
    assert audio.decibels(audio.power(clean)) < -39


def test_a_silent_target_is_left_silent_and_a_silent_interferer_has_no_snr():
    silence = np.zeros((1, 100), np.float32)
    noisy, clean = mix(silence, noise(0, 100), 0, 65, speech=True)
    assert np.isfinite(noisy).all()
    assert not clean.any()
    with pytest.raises(ValueError, match="no SNR is defined"):
        mix(noise(0, 100), silence, 0, 65, speech=True)


def test_no_scene_is_without_its_interferer(tmp_path):
    """Interferers that are mostly padding: every scene still has the SNR of its name, over the samples in which the
    interferer sounds.
    """
    rows = {"target": [], "interferer": []}
    for index in range(12):
        padded = np.concatenate([noise(index, 4000), np.zeros((1, 36000), np.float32)], 1)
        for kind, signal in (("target", noise(100 + index, 6000)), ("interferer", padded)):
            path = tmp_path / f"{kind}{index}.wav"
            audio.write(path, signal)
            rows[kind].append({"id": path.stem, "group": path.stem, "audio": str(path)})
    mixer = Mixer(rows["target"], rows["interferer"], speech=False)
    for row in rows["target"]:
        mixture = mixer.scene(row, 0, 65)
        added = mixture.noisy - mixture.clean
        assert audio.sounding_share(added) > 0.2
        assert audio.decibels(audio.sounding_power(added)) == pytest.approx(-35, abs=0.1)
    audio.write(tmp_path / "silent.wav", np.zeros((1, 40000), np.float32))
    silent = [{"id": "silent", "group": "s", "audio": str(tmp_path / "silent.wav")}]
    with pytest.raises(
        EarmarkError, match="of 1000 interferers drawn for it, the last one silent, none sounds for a quarter"
    ):
        Mixer(rows["target"], silent, speech=False).scene(rows["target"][0], 0, 65)
    with pytest.raises(EarmarkError, match="silent: the recording is silent; remove it"):
        Mixer(silent, None, speech=False).scene(silent[0], None, 65)


def test_a_test_scene_is_a_function_of_target_and_condition(source: Source):
    mixer = source.mixer("test")
    rows = select(mixer.targets, 3)
    once = {(row["id"], snr): mixer.scene(row, snr, 65) for row in rows for snr in (None, 5.0, -5.0)}
    again = source.mixer("test")
    for (id_, snr), mixture in reversed(once.items()):
        other = again.scene(next(row for row in rows if row["id"] == id_), snr, 65)
        np.testing.assert_array_equal(mixture.noisy, other.noisy)
    # Curves are paired: the same interferer from the same place at every SNR.
    loud, soft = once[rows[0]["id"], -5.0], once[rows[0]["id"], 5.0]
    np.testing.assert_allclose((loud.noisy - loud.clean), (soft.noisy - soft.clean) * 10 ** (10 / 20), atol=1e-6)
    assert loud.scene.interferers == soft.scene.interferers
    np.testing.assert_array_equal(once[rows[0]["id"], None].noisy, loud.clean)


def test_more_scenes_keep_the_fewer(source: Source):
    rows = source.mixer("test").targets
    ids = [row["id"] for row in select(rows, 8)]
    assert [row["id"] for row in select(list(reversed(rows)), 5)] == ids[:5]
    assert len(select(rows, 100)) == len(rows)


def batches(source, task, workers, batch, steps=4, epoch=0):
    phase = Phase(steps=steps, batch=batch, validations=1, workers=workers)
    data = SceneData({"bands": source}, {"bands": task}, Train(), phase, seed=3)
    return [part["bands"] for part, *_ in data.train_dataloader()] if epoch == 0 else None


def test_training_scenes_do_not_depend_on_workers_and_never_repeat(source, task):
    alone, shared = batches(source, task, 0, 4), batches(source, task, 2, 4)
    assert len(alone) == 4
    for left, right in zip(alone, shared, strict=True):
        torch.testing.assert_close(left.heard.audio, right.heard.audio, rtol=0, atol=0)
    snrs = [scene.conditions["snr"] for batch in alone for scene in batch.scenes]
    assert len(set(snrs)) == len(snrs)


def test_training_scenes_do_not_depend_on_the_batch_size(source, task):
    small = [scene for batch in batches(source, task, 0, 2, steps=8) for scene in batch.scenes]
    large = [scene for batch in batches(source, task, 0, 8, steps=2) for scene in batch.scenes]
    assert small == large


def test_a_segment_is_cut_after_mixing(source):
    mixture = source.mixer("train").draw((1,), (0, 0), (65, 65), 0.1)
    assert mixture.noisy.shape == mixture.clean.shape == (1, 1600)


def test_a_batch_is_padded_with_zeros_behind_its_lengths(source, task):
    mixer = source.mixer("train")
    batch = collate([mixer.draw((i,), (0, 0), (65, 65), None) for i in range(6)], task)
    assert len(set(batch.heard.lengths.tolist())) > 1
    for row, length in zip(batch.heard.audio, batch.heard.lengths, strict=True):
        assert row[:, length:].abs().sum() == 0
        assert row[:, length - 1].abs().sum() > 0
    assert len(set(batch.heard.names)) == len({scene.id for scene in batch.scenes})
    assert not any(scene.target in name for scene, name in zip(batch.scenes, batch.heard.names, strict=True))


def test_a_pair_mixed_by_its_owner_is_taken_as_it_is(tmp_path):
    audio.write(tmp_path / "noisy.wav", noise(0))
    audio.write(tmp_path / "clean.wav", noise(1))
    row = {
        "id": "a",
        "group": "g",
        "audio": str(tmp_path / "noisy.wav"),
        "clean": str(tmp_path / "clean.wav"),
        "conditions": {"snr": 2.5, "interferer": None},
    }
    mixture = Mixer([row], None, speech=True).scene(row, None, 65)
    np.testing.assert_array_equal(mixture.noisy, noise(0))
    assert mixture.scene.conditions == {"snr": "snr_2.5"}


def test_a_seed_makes_other_scenes_under_other_names(source):
    mixer = source.mixer("test")
    row = mixer.targets[0]
    public, secret, other = (mixer.scene(row, 0.0, 65.0, seed) for seed in (None, 7, 8))
    assert len({mixture.scene.id for mixture in (public, secret, other)}) == 3
    assert public.scene.base == secret.scene.base
    np.testing.assert_array_equal(public.clean, secret.clean)
    assert not np.array_equal(public.noisy, secret.noisy)
    assert not np.array_equal(secret.noisy, other.noisy)
    np.testing.assert_array_equal(secret.noisy, mixer.scene(row, 0.0, 65.0, 7).noisy)
    rows = [{"id": str(index)} for index in range(20)]
    assert select(rows, 5, 7) != select(rows, 5) != select(rows, 5, 8)
    assert select(rows, 9, 7)[:5] == select(rows, 5, 7)


@pytest.mark.parametrize("offset", [0.01, -0.3])
def test_an_offset_counts_neither_as_speech_nor_as_noise(tmp_path, offset):
    speech = np.concatenate([noise(0, 16000), 1e-3 * noise(1, 32000)], 1)
    gated = np.concatenate([noise(2, 24000), np.zeros((1, 24000), np.float32)], 1)
    for name, shift in (("plain", 0.0), ("shifted", offset)):
        audio.write(tmp_path / name / "target.wav", speech + np.float32(shift))
        audio.write(tmp_path / name / "noise.wav", gated + np.float32(shift))
    scenes = []
    for name in ("plain", "shifted"):
        rows = [
            {"id": part, "group": part, "audio": str(tmp_path / name / f"{part}.wav")} for part in ("target", "noise")
        ]
        scenes.append(Mixer(rows[:1], rows[1:], speech=True).scene(rows[0], 5.0, 65.0))
    plain, shifted = scenes
    np.testing.assert_allclose(shifted.clean, plain.clean, atol=1e-5)
    np.testing.assert_allclose(shifted.noisy, plain.noisy, atol=1e-5)
