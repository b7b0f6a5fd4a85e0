"""Several tasks behind one front-end: their balance, and the gradients that are compared."""

import itertools

import pytest
import torch
from toys import Gain, bands

from benchmark.data import SceneData
from benchmark.errors import EarmarkError
from benchmark.settings import Phase, Train, Trainer
from benchmark.training.balance import BALANCES
from benchmark.training.fit import fit
from benchmark.training.schemes.joint import Joint
from benchmark.training.schemes.sample_importance import SampleImportance
from benchmark.training.system import System


def test_uncertainty_makes_every_task_count_alike_and_one_that_is_solved_takes_nothing_from_the_others():
    losses = torch.tensor([0.5, 2.0, 4.0])
    assert BALANCES["equal"](losses).tolist() == [1, 1, 1]
    assert (BALANCES["uncertainty"](losses) * losses).tolist() == pytest.approx([1, 1, 1])
    solved = torch.tensor([1e-6, 2.0, 4.0])
    assert (BALANCES["uncertainty"](solved) * solved).tolist() == pytest.approx([0.0001, 1, 1], abs=1e-6)


def test_joint_weighs_by_its_balance(batch):
    torch.manual_seed(0)
    system = System(Gain(), {"one": bands(), "two": bands()})
    alike = next(iter(Joint(0.0, "uncertainty").updates(system, {"one": batch, "two": batch}, 0))).terms
    assert alike["one"].item() == pytest.approx(alike["two"].item(), rel=1e-5)
    plain = next(iter(Joint(0.0).updates(system, {"one": batch, "two": batch}, 0))).terms
    assert plain["one"].item() != pytest.approx(plain["two"].item(), rel=1e-3)
    with pytest.raises(EarmarkError, match="did you mean 'uncertainty'"):
        Joint(balance="uncertainti")


@pytest.mark.parametrize("scheme", [Joint(), SampleImportance()])
def test_training_on_two_tasks_logs_the_cosine_between_their_gradients(source, tmp_path, scheme):
    phase = Phase(steps=4, batch=4, validations=1, lr=1e-3)
    models = {"one": bands(), "two": bands()}
    tasks = {label: model.task for label, model in models.items()}
    data = SceneData({"one": source, "two": source}, tasks, Train(validation_scenes=4), phase, 1)
    fit(System(Gain(), models, scheme, phase), data, Trainer(), tmp_path, lambda done, total: None)
    log = (tmp_path / "metrics.csv").read_text().splitlines()
    column = log[0].split(",").index("cosine/one~two")
    values = [float(line.split(",")[column]) for line in log[1:] if line.split(",")[column]]
    assert values
    assert all(-1.001 <= value <= 1.001 for value in values)


def test_gradients_are_those_of_the_sum(batch):
    """The engine's way, term by term, against one backward pass through the sum."""
    torch.manual_seed(0)
    system = System(Gain(), {"one": bands(), "two": bands()})
    logged = {}
    system.manual_backward = lambda loss, inputs, retain_graph=False: loss.backward(
        inputs=inputs, retain_graph=retain_graph
    )
    system.log = lambda name, value: logged.update({name: value.item()})
    update = next(iter(Joint().updates(system, {"one": batch, "two": batch}, 0)))
    parameters = [p for p in system.parameters() if p.requires_grad]
    system._backward(update, parameters)
    found = [p.grad.clone() for p in parameters]
    again = next(iter(Joint().updates(system, {"one": batch, "two": batch}, 0)))
    for mine, expected in zip(found, torch.autograd.grad(again.loss, parameters), strict=True):
        torch.testing.assert_close(mine, expected)
    alone = {}  # each task's own loss and nothing else, and the front-end's
    for name in ("one", "two", "front_end"):
        enhanced = system.enhance(batch)
        loss = (
            system.front_end_loss(enhanced, batch) if name == "front_end" else system.task_loss(name, enhanced, batch)
        )
        alone[name] = torch.cat(
            [gradient.flatten() for gradient in torch.autograd.grad(loss.mean(), list(system.front_end.parameters()))]
        )
    assert len(logged) == 3
    for first, second in itertools.combinations(alone, 2):
        assert logged[f"cosine/{first}~{second}"] == pytest.approx(
            torch.nn.functional.cosine_similarity(alone[first], alone[second], dim=0).item(), abs=1e-4
        )
