"""What each loss may move, compared to the bit: parameters and buffers."""

import copy

import pytest
import torch
from toys import Gain, Quiet, bands

from benchmark.contracts import FRONT_END, Batch, FrontEnd
from benchmark.errors import EarmarkError
from benchmark.options import bind
from benchmark.training.importance import FUNCTIONS, normalised
from benchmark.training.schemes.alternating import Alternating
from benchmark.training.schemes.frozen import Frozen
from benchmark.training.schemes.joint import Joint
from benchmark.training.schemes.pretraining import Pretraining
from benchmark.training.schemes.sample_importance import SampleImportance
from benchmark.training.system import System

TASK = "bands"


@pytest.fixture
def system(model):
    return System(Gain(), {TASK: model})


def changed(before, module):
    return {name for name, value in module.state_dict().items() if not torch.equal(before[name], value)}


def state(module):
    return copy.deepcopy(module.state_dict())


def test_frozen_keeps_the_front_end_to_the_last_bit_statistics_included(system, batch, step):
    front_end, task = state(system.front_end), state(system.model(TASK))
    assert step(system, Frozen(), {TASK: batch}) == [{TASK}]
    assert changed(front_end, system.front_end) == set()
    assert changed(task, system.model(TASK)) == {"layer.weight", "layer.bias"}


def test_joint_moves_both_and_the_task_reaches_the_front_end(system, batch, step):
    front_end = state(system.front_end)
    step(system, Joint(enhancement_weight=0.0), {TASK: batch})  # the task's loss alone
    assert "gain" in changed(front_end, system.front_end)
    assert "norm.num_batches_tracked" in changed(front_end, system.front_end)


def test_no_gradient_of_the_task_reaches_the_front_end_under_sample_importance(system, batch):
    for update in SampleImportance().updates(system, {TASK: batch}, 0):
        others = [p for part in (FRONT_END, TASK) if part not in update.moves for p in system.part(part).parameters()]
        gradients = torch.autograd.grad(update.loss, others, allow_unused=True, retain_graph=True)
        assert all(gradient is None for gradient in gradients)


def test_sample_importance_leaves_the_task_in_evaluation_mode_while_it_weighs(system, batch):
    modes = []
    system.model(TASK).register_forward_hook(lambda module, inputs, output: modes.append(module.training))
    for _ in SampleImportance().updates(system, {TASK: batch}, 0):
        pass
    assert modes == [False, True]  # weighing, then learning


def test_alternating_is_sample_importance_with_all_weights_one(batch, step):
    systems = []
    for scheme in (Alternating(), SampleImportance("uniform")):
        torch.manual_seed(0)
        system = System(Gain(), {TASK: bands()})
        step(system, scheme, {TASK: batch})
        systems.append(system)
    assert changed(systems[0].state_dict(), systems[1]) == set()


def test_uniform_weights_make_the_front_end_update_that_of_pretraining(system, batch):
    weighted = next(iter(Alternating().updates(system, {TASK: batch}, 0))).loss
    alone = next(iter(Pretraining().updates(system, {"all": batch}, 0))).loss
    torch.testing.assert_close(weighted, alone)


def test_a_period_gives_as_many_updates_as_batches_in_turns(system, batch, step):
    scheme = SampleImportance(period=3)
    moved = [step(system, scheme, {TASK: batch}) for _ in range(6)]
    turns = [{FRONT_END}] * 3 + [{TASK}] * 3
    assert moved == [[], [], turns, [], [], turns]


def test_weights_have_mean_one_over_the_stated_set(system, batch):
    hard = Batch(batch.scenes, batch.heard, batch.clean, {"target": 1 - batch.labels["target"]}, batch.rows)
    for set_, expected in (("batch", [1.0, 1.0]), ("period", None)):
        scheme = SampleImportance(period=2, normalise_over=set_)
        scheme.held = [{TASK: batch}, {TASK: hard}]
        if set_ == "period":
            weights = scheme._over_period(system, scheme.held)[TASK]
            assert torch.cat(weights).mean().item() == pytest.approx(1)
            assert weights[0].mean().item() != pytest.approx(1, abs=1e-3)
        else:
            means = [
                scheme.weights(system.task_loss(TASK, system.enhance(each[TASK]), each[TASK]).detach()).mean().item()
                for each in scheme.held
            ]
            assert means == pytest.approx(expected)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_importance_function_prefers_the_harder_example(name):
    losses = torch.tensor([0.1, 2.0, 0.7])
    weights = normalised(FUNCTIONS[name](losses, 1.0, 2.0))
    assert weights.mean().item() == pytest.approx(1)
    assert weights.argsort().tolist() == losses.argsort().tolist()


def test_importance_by_hand():
    losses = torch.tensor([1.0, 3.0])
    assert normalised(FUNCTIONS["proportional"](losses, 1, 1)).tolist() == [0.5, 1.5]
    assert normalised(FUNCTIONS["rank"](torch.tensor([5.0, 1.0, 5.0]), 1, 1)).tolist() == pytest.approx(
        [1.25, 0.5, 1.25]
    )
    assert normalised(FUNCTIONS["softmax"](losses, 1e-3, 1)).tolist() == pytest.approx([0, 2])
    assert normalised(FUNCTIONS["focal"](torch.zeros(2), 1, 2.0)).tolist() == [1, 1]  # nothing to choose between
    assert normalised(torch.tensor([float("nan"), 1.0])).isnan().all()  # not hidden behind weights that are alike
    with pytest.raises(EarmarkError, match="did you mean 'softmax'"):
        SampleImportance("softmaxx")


@pytest.mark.parametrize(
    ("cls", "options"),
    [
        (Joint, {"enhancement_weight": -1}),
        (SampleImportance, {"gamma": -2}),
        (SampleImportance, {"temperature": 1e-300}),
        (SampleImportance, {"period": 0}),
        (Alternating, {"period": 0}),
        (SampleImportance, {"normalise_over": "epoch"}),
    ],
)
def test_options_out_of_range_are_refused_with_the_recipe(cls, options):
    with pytest.raises(EarmarkError, match=f"schemes.x: option '{next(iter(options))}': Input should be"):
        bind("schemes.x", cls, options)


def test_a_front_end_that_works_in_place_does_so_once(batch, model):
    class InPlace(FrontEnd):
        def forward(self, audio):
            return audio.mul_(0.5)

    system = System(InPlace(), {"bands": model})
    before = batch.heard.audio.clone()
    assert torch.equal(system.enhance(batch).audio, system.enhance(batch).audio)
    assert torch.equal(batch.heard.audio, before)


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
    assert frozenset().union(*moved) == {FRONT_END, "one", "two"}
    assert all(not torch.equal(before[label], models[label].layer.weight) for label in models)
