"""The contracts hold what they promise, before anything is built on them."""

import numpy as np
import pytest
import torch
from toys import AUDIOGRAM_HZ, Gain, HearingAid, Quiet, Shortener, TwoEars, bands

from benchmark import audio
from benchmark.contracts import Batch, Heard
from benchmark.errors import EarmarkError
from benchmark.frontends import build_front_end
from benchmark.frontends.identity import Identity
from benchmark.running.evaluation import evaluate, live
from benchmark.settings import Scenes
from benchmark.training.schemes.joint import Joint
from benchmark.training.schemes.pretraining import Pretraining
from benchmark.training.schemes.sample_importance import SampleImportance
from benchmark.training.system import System


def two_ears(batch: Batch) -> Batch:
    noisy = torch.cat([batch.heard.audio, 0.5 * batch.heard.audio], 1)
    return Batch(batch.scenes, batch.heard._replace(audio=noisy), noisy, batch.labels, batch.rows)


def test_a_two_ear_front_end_gets_both_ears_and_a_one_ear_front_end_gets_them_in_the_batch(batch):
    both = two_ears(batch)
    system = System(TwoEars(), {})
    valid = torch.arange(both.heard.audio.shape[-1]) < both.heard.lengths[:, None, None]
    expected = (both.heard.audio - 0.1 * both.heard.audio.flip(1)) * valid
    torch.testing.assert_close(system.enhance(both).audio, expected)

    seen = []
    one_ear = Gain(0.5)
    one_ear.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape))
    enhanced = System(one_ear.eval(), {}).enhance(both)
    assert seen == [(2 * len(batch.scenes), 1, both.heard.audio.shape[-1])]
    torch.testing.assert_close(enhanced.audio, 0.5 * both.heard.audio * valid)


def test_a_listener_aware_front_end_hears_the_audiogram_of_each_ear_and_obeys_its_control(batch):
    both = two_ears(batch)
    thresholds = torch.zeros(len(batch.scenes), 2, len(AUDIOGRAM_HZ))
    thresholds[:, 1, AUDIOGRAM_HZ.index(1000)] = 40
    heard = both.heard._replace(listener=thresholds)
    system = System(HearingAid(), {})
    full = system.enhance(Batch(both.scenes, heard, None, {})).audio
    none = system.enhance(Batch(both.scenes, heard, None, {}), amount=0.0).audio
    torch.testing.assert_close(full[:, 0], none[:, 0])
    torch.testing.assert_close(full[:, 1], 10 * none[:, 1])  # 20 dB


def test_listeners_and_controls_become_conditions_of_the_record(source, model):
    listeners = {"normal": [0.0] * 10, "N3": [40.0] * 10}
    system, settings = System(HearingAid(), {"bands": model}), ({}, {"amount": 0.0})
    mixer, scenes = source.mixer("test"), Scenes(snr=(0,), scenes=2)
    records = list(evaluate(system, "bands", mixer, scenes, live(system.enhancer), listeners, settings))
    assert len(records) == 2 * 2 * 2
    assert [record["conditions"] for record in records[:4]] == [
        {"snr": "snr_0", "listener": "normal"},
        {"snr": "snr_0", "listener": "normal", "amount": 0.0},
        {"snr": "snr_0", "listener": "N3"},
        {"snr": "snr_0", "listener": "N3", "amount": 0.0},
    ]


def test_a_front_end_can_be_trained_without_references(batch, step):
    alone = Batch(batch.scenes, batch.heard, None, batch.labels)
    front_end = Quiet()
    step(System(front_end, {}), Pretraining(), {"all": alone})
    assert front_end.gain.item() < 1


@pytest.mark.parametrize("scheme", [Joint(), SampleImportance()])
def test_a_cell_with_two_tasks_moves_both(batch, step, scheme):
    models = {"one": bands(), "two": bands()}
    before = {label: model.layer.weight.clone() for label, model in models.items()}
    system = System(Gain(), models)
    moved = step(system, scheme, {"one": batch, "two": batch})
    assert frozenset().union(*moved) == {"front_end", "one", "two"}
    assert all(not torch.equal(before[label], models[label].layer.weight) for label in models)


def test_a_folder_of_enhanced_files_is_a_front_end(batch, tmp_path):
    for index, name in enumerate(batch.heard.names):
        audio.write(tmp_path / f"{name}.wav", 0.25 * batch.heard.audio[index, :, : batch.heard.lengths[index]].numpy())
    front_end = build_front_end({"adapters/folder": {"path": str(tmp_path)}})
    assert front_end.dropped_in_only
    np.testing.assert_allclose(
        System(front_end, {}).enhance(batch).audio, 0.25 * System(Identity(), {}).enhance(batch).audio, atol=1e-7
    )
    (tmp_path / f"{batch.heard.names[0]}.wav").unlink()
    with pytest.raises(EarmarkError, match=batch.heard.names[0]):
        System(front_end, {}).enhance(batch)


def test_a_chain_is_a_front_end_and_passes_the_listener_on(batch):
    import toys

    chain = build_front_end(
        {"chain": {"members": [{f"{toys.__file__}:Gain": {"start": 0.5}}, {f"{toys.__file__}:HearingAid": {}}]}}
    ).eval()
    assert "listener" in chain.needs
    listener = torch.full((len(batch.scenes), 1, 10), 40.0)
    heard = Heard(batch.heard.audio, batch.heard.lengths, listener)
    torch.testing.assert_close(chain.process(heard).audio, 5 * batch.heard.audio)


def test_another_shape_is_refused(batch):
    with pytest.raises(EarmarkError, match="Shortener: the output must be floats of the input's shape"):
        System(Shortener(), {}).enhance(batch)
