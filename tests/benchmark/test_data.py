"""Listeners of training and validation scenes: reproducible draws that leave the scenes what they are."""

import numpy as np
import pytest
import torch

from benchmark.contracts import Scene
from benchmark.data import SceneData, TrainingScenes, collate
from benchmark.hearing.audiograms import DRAWN, JITTER, PROFILES
from benchmark.scenes import Mixture
from benchmark.settings import Phase, Train


def scenes(source, task, listeners=True, batch=4, steps=4, workers=0, seed=3):
    phase = Phase(steps=steps, batch=batch, validations=1, workers=workers)
    return SceneData(
        {"bands": source}, {"bands": task}, Train(validation_scenes=6), phase, seed=seed, listeners=listeners
    )


def trained_on(*arguments, **options):
    return [part["bands"] for part, *_ in scenes(*arguments, **options).train_dataloader()]


def thresholds(batches):
    return torch.cat([batch.heard.listener for batch in batches])


@pytest.fixture(scope="module")
def phase():
    return Phase(steps=4, batch=4, validations=1)


def test_each_training_scene_has_a_listener_of_its_own(source, task):
    found = thresholds(trained_on(source, task))
    assert found.shape == (16, 1, 10)
    assert found.dtype == torch.float32
    assert len(torch.unique(found.flatten(1), dim=0)) == 16
    assert (found >= DRAWN[0]).all()
    assert (found <= DRAWN[1]).all()
    profiles = torch.tensor(list(PROFILES.values()))
    assert ((found - profiles).abs().amax(-1).amin(-1) <= JITTER + 1e-4).all()  # near one of the profiles …
    assert len(set((found - profiles).abs().amax(-1).argmin(-1).tolist())) > 4  # … and not always the same


def test_draws_are_reproducible_and_depend_on_nothing_but_seed_and_place(source, task):
    once = thresholds(trained_on(source, task))
    for options in ({}, {"batch": 8, "steps": 2}, {"workers": 2}):
        assert torch.equal(thresholds(trained_on(source, task, **options)), once)
    assert not (thresholds(trained_on(source, task, seed=4)) == once).all(-1).any()


def test_another_epoch_has_other_listeners(source, phase):
    mixers = [source.mixer("train")]
    first, second = (TrainingScenes(mixers, Train(), phase, (3, "bands", epoch), True, True) for epoch in (0, 1))
    assert first[0].listener == first[0].listener
    assert first[0].listener != second[0].listener


def test_listeners_do_not_change_which_scenes_are_mixed(source, task):
    for heard, unheard in zip(trained_on(source, task), trained_on(source, task, listeners=False), strict=True):
        assert unheard.heard.listener is None
        assert heard.scenes == unheard.scenes
        assert heard.heard.names == unheard.heard.names
        assert torch.equal(heard.heard.audio, unheard.heard.audio)
        assert torch.equal(heard.clean, unheard.clean)


def test_validation_scenes_are_heard_by_the_standard_profiles_in_turn(source, task):
    (batch, *_), (other, *_) = (
        [part for part, *_ in scenes(source, task, listeners=listeners, batch=6).val_dataloader()]
        for listeners in (True, False)
    )
    assert batch.heard.listener[:, 0].tolist() == [list(profile) for profile in list(PROFILES.values())[:6]]
    assert other.heard.listener is None
    assert torch.equal(batch.heard.audio, other.heard.audio)


def test_both_ears_of_a_listener_have_the_thresholds_that_are_given():
    ears = np.ones((2, 100), np.float32)
    mixture = Mixture(Scene("a", "a", "a"), ears, ears, {"id": "a"}, PROFILES["N3"])
    listener = collate([mixture, mixture._replace(listener=PROFILES["S2"])], None).heard.listener
    assert listener.shape == (2, 2, 10)
    assert listener[:, 0].tolist() == listener[:, 1].tolist() == [list(PROFILES["N3"]), list(PROFILES["S2"])]
