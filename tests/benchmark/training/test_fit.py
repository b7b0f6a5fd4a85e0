"""Training with Lightning: resume to the bit, best weights, early stopping, and the gain of front-ends that ignore
scale.
"""

import csv
from types import SimpleNamespace

import pytest
import torch
from toys import CLASSES, Bands, BandsModel, Gain

from benchmark.contracts import FrontEnd
from benchmark.data import SceneData
from benchmark.errors import EarmarkError
from benchmark.frontends.adapters.module import ModuleAdapter
from benchmark.metrics.si_sdr import si_sdr
from benchmark.settings import Phase, Train, Trainer
from benchmark.training.fit import _Resume, fit, fit_gain
from benchmark.training.schemes.joint import Joint
from benchmark.training.schemes.pretraining import Pretraining
from benchmark.training.schemes.sample_importance import SampleImportance
from benchmark.training.system import System

PHASE = Phase(steps=12, batch=4, lr=0.05, validations=4)


class Dropping(BandsModel):
    """With dropout, so that the state of torch's generator matters."""

    def forward(self, audio, lengths, shared=None):
        return torch.nn.functional.dropout(super().forward(audio, lengths), 0.3, self.training)


def prepared(source, phase=PHASE):
    torch.manual_seed(0)
    task = Bands({"classes": CLASSES})
    return System(Gain(), {"bands": Dropping(task)}, Joint(), phase, seed=5), SceneData(
        {"bands": source}, {"bands": task}, Train(validation_scenes=6), phase, 5
    )


def test_a_training_that_was_cut_off_ends_with_the_same_weights(source, tmp_path, monkeypatch):
    scores = [0.2, 0.3, 0.4, 0.5]  # the last weights are the best, so that every step counts
    monkeypatch.setattr(
        System,
        "on_validation_epoch_end",
        lambda self: (self._seen.clear(), self.log("validation_score", scores[self.current_epoch])),
    )
    whole, data = prepared(source)
    expected = fit(whole, data, Trainer(), tmp_path / "whole", lambda done, total: None)

    class Cut(Exception):
        pass

    def cut(done, total):
        if done == 8:  # in the middle of the third epoch
            raise Cut

    broken, data = prepared(source)
    with pytest.raises(Cut):
        fit(broken, data, Trainer(), tmp_path / "cut", cut)
    again, data = prepared(source)
    steps = []
    report = fit(again, data, Trainer(), tmp_path / "cut", lambda done, total: steps.append(done))
    assert steps == [7, 8, 9, 10, 11, 12]  # from the last whole epoch
    assert report == expected
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    logs = [list(csv.DictReader((tmp_path / run / "metrics.csv").read_text().splitlines())) for run in ("whole", "cut")]
    went_on, expected_log = ([(row["epoch"], row["step"], row["validation_score"]) for row in log] for log in logs)
    assert went_on == expected_log
    assert sum(bool(score) for *_, score in went_on) == 4


def test_the_best_weights_are_kept_not_the_last(source, tmp_path, monkeypatch):
    system, data = prepared(source)
    scores, states = iter([0.2, 0.9, 0.5, 0.1]), []

    def end(self):
        states.append({name: value.clone() for name, value in self.state_dict().items()})
        self._seen = {}
        self.log("validation_score", next(scores))

    monkeypatch.setattr(System, "on_validation_epoch_end", end)
    report = fit(system, data, Trainer(), tmp_path, lambda done, total: None)
    assert report["best_score"] == pytest.approx(0.9)
    assert report["scores"] == pytest.approx([0.2, 0.9, 0.5, 0.1])
    for name, value in system.state_dict().items():
        assert torch.equal(value, states[1][name])


@pytest.mark.parametrize("epoch", [1, 2, 3, 4])
@pytest.mark.parametrize("patience", [None, 2])
def test_the_best_weights_and_the_patience_survive_a_cut(source, tmp_path, monkeypatch, epoch, patience):
    """Cut right after the checkpoint of an epoch, wherever the best one was."""
    phase = Phase(steps=12, batch=4, lr=0.05, validations=4, patience=patience)
    scores = [0.2, 0.9, 0.5, 0.6]
    monkeypatch.setattr(
        System,
        "on_validation_epoch_end",
        lambda self: (self._seen.clear(), self.log("validation_score", scores[self.current_epoch])),
    )
    whole, data = prepared(source, phase)
    expected = fit(whole, data, Trainer(), tmp_path / "whole", lambda done, total: None)

    class Cut(Exception):
        pass

    save = _Resume.on_train_epoch_end

    def cut(self, trainer, pl_module):
        save(self, trainer, pl_module)
        if trainer.current_epoch + 1 == epoch:
            raise Cut

    broken, data = prepared(source, phase)
    with monkeypatch.context() as patch:
        patch.setattr(_Resume, "on_train_epoch_end", cut)
        with pytest.raises(Cut):
            fit(broken, data, Trainer(), tmp_path / "cut", lambda done, total: None)
    again, data = prepared(source, phase)
    assert fit(again, data, Trainer(), tmp_path / "cut", lambda done, total: None) == expected
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_early_stopping(source, tmp_path, monkeypatch):
    system, data = prepared(source, Phase(steps=20, batch=4, validations=10, patience=2))
    monkeypatch.setattr(
        System,
        "on_validation_epoch_end",
        lambda self: (self._seen.clear(), self.log("validation_score", -float(self.current_epoch))),
    )
    assert len(fit(system, data, Trainer(), tmp_path, lambda done, total: None)["scores"]) == 3


def test_a_loss_that_is_not_finite_names_the_front_end_and_the_remedy(source, tmp_path):
    system, data = prepared(source)
    system.front_end.gain.data.fill_(float("nan"))
    with pytest.raises(EarmarkError, match="Gain: the training loss is not finite"):
        fit(system, data, Trainer(), tmp_path, lambda done, total: None)


def test_lower_precision_is_passed_through(source, tmp_path):
    system, data = prepared(source)
    report = fit(system, data, Trainer(precision="bf16-mixed"), tmp_path, lambda done, total: None)
    assert report["task"] == report["front_end"] == 12


class Scaled(FrontEnd):
    """A wrong scale, and a loss that does not mind."""

    def __init__(self, blind: bool) -> None:
        super().__init__()
        self.blind = blind

    def forward(self, audio):
        return 0.25 * audio

    def loss(self, enhanced, batch):
        return (
            -si_sdr(batch.clean.flatten(1), enhanced.audio.flatten(1)) if self.blind else super().loss(enhanced, batch)
        )


@pytest.mark.parametrize(("blind", "gain"), [(True, 4.0), (False, 1.0)])
def test_one_gain_for_a_front_end_whose_loss_ignores_scale(batch, blind, gain):
    noise = 0.3 * batch.clean.std() * torch.randn(batch.clean.shape, generator=torch.Generator().manual_seed(0))
    noisy = type(batch)(
        batch.scenes, batch.heard._replace(audio=batch.clean + noise), batch.clean, batch.labels, batch.rows
    )
    system = System(Scaled(blind), {}, Pretraining())
    raw = system.enhance(noisy).audio
    assert fit_gain(system, [noisy]) == pytest.approx(gain, rel=0.02)
    torch.testing.assert_close(system.enhance(noisy).audio, system.enhancer.gain * raw)  # and it is used


def test_every_epoch_has_scenes_of_its_own(source):
    _, data = prepared(source)
    scenes = []
    for epoch in (0, 1, 0):
        data.trainer = SimpleNamespace(current_epoch=epoch)
        scenes.append(next(iter(data.train_dataloader()))[0]["bands"].heard.audio)
    assert torch.equal(scenes[0], scenes[2])
    assert scenes[0].shape != scenes[1].shape or not torch.equal(scenes[0], scenes[1])


def test_an_output_without_gradient_is_answered(source, tmp_path):
    class Detached(Gain):
        def forward(self, audio):
            return super().forward(audio).detach()

    data = SceneData({"all": source}, {}, Train(validation_scenes=6), PHASE, 5)
    with pytest.raises(EarmarkError, match="Detached: no gradient reaches its parameters"):
        fit(System(Detached(), {}, Pretraining(), PHASE), data, Trainer(), tmp_path, lambda done, total: None)


def test_a_module_behind_its_adapter_is_called_by_its_own_name(batch):
    class Imaginary(torch.nn.Module):
        def forward(self, audio):
            return torch.complex(audio, audio)

    with pytest.raises(EarmarkError, match="Imaginary: the output must be floats"):
        System(ModuleAdapter(Imaginary()), {}).enhance(batch)


def test_a_task_without_a_model_is_left_alone(source, tmp_path):
    task = Bands({"classes": CLASSES})
    system = System(Gain(), {"bands": BandsModel(task).requires_grad_(False)}, SampleImportance(), PHASE)
    data = SceneData({"bands": source}, {"bands": task}, Train(validation_scenes=6), PHASE, 5)
    report = fit(system, data, Trainer(), tmp_path, lambda done, total: None)
    assert (report["front_end"], report["task"]) == (12, 0)
