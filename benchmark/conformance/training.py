"""Rules on what schemes need in order to train a front-end. The first line of a rule's documentation is what is
expected, the rest is why it matters.
"""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from benchmark.conformance.findings import Finding, failed, note, ok, skipped, some
from benchmark.conformance.subject import Subject, hearing, picked
from benchmark.contracts import FRONT_END, Batch

NOTHING = "nothing in it can be trained"


def loss(subject: Subject) -> Finding:
    """The front-end's loss is one finite value an example, (batch,), which the other examples have no part in.

    sample_importance weighs each example's loss by itself; one mean for all would make it `alternating` in silence.
    """
    if not subject.parameters:
        return skipped(NOTHING)
    scenes = subject.scenes()
    losses = _losses(subject, scenes)
    if losses.shape != (len(scenes.heard.audio),) or not losses.is_floating_point():
        return failed(f"{losses.dtype} of shape {tuple(losses.shape)} for {len(scenes.heard.audio)} examples")
    if not torch.isfinite(losses).all():
        return failed(f"losses {losses.tolist()}")
    alone = float(_losses(subject, picked(scenes, 0)))
    together = float(losses[0])
    if abs(alone - together) > 1e-3 * (1 + abs(alone)):
        return failed(f"{together:.4g} for an example in a batch, {alone:.4g} for the same alone")
    return ok("one value an example")


def gradient(subject: Subject) -> Finding:
    """The front-end's own loss gives its parameters finite gradients, not all of them zero, also where an example is
    silent.

    This is how it is trained. One gradient that is not a number makes all weights so; at silence, the root of 0 is the
    usual cause.
    """
    if not subject.parameters:
        return skipped(NOTHING)
    scenes = subject.scenes()
    broken, unmoved = _own_gradients(subject, _one_silent(scenes))
    if broken:
        where = "" if _own_gradients(subject, scenes)[0] else ", where one example is silent"
        return failed(f"not finite for {some(broken)}{where}")
    if len(unmoved) == len(subject.parameters):
        return failed("no gradient reaches any parameter")
    return note(f"no gradient for {some(unmoved)}") if unmoved else ok(f"all {len(subject.parameters)} parameters")


def joint(subject: Subject) -> Finding:
    """A loss on the output, as a task has one, gives the parameters finite gradients, not all of them zero; the
    gradient also reaches the input.

    The scheme `joint` trains a front-end through the task behind it; in a chain, what stands before is trained through
    this one.
    """
    if subject.front_end.dropped_in_only:
        return skipped("it is only ever dropped in")
    scenes = subject.scenes()
    audio = scenes.heard.audio.requires_grad_()
    with subject.system.training_mode(FRONT_END):
        total = (subject.system.enhance(hearing(scenes, audio)).audio * subject.scenes(seed=1).heard.audio).sum()
    wanted = {**subject.parameters, "the input": audio}
    broken, unmoved = _gradients(total, wanted)
    if broken:
        return failed(f"not finite for {some(broken)}")
    if subject.parameters and not subject.parameters.keys() - unmoved:
        return failed("no gradient reaches any parameter")
    return (
        note("no gradient reaches the input")
        if "the input" in unmoved
        else ok("parameters and input" if subject.parameters else "the input")
    )


def _losses(subject: Subject, batch: Batch) -> Tensor:
    with torch.no_grad():
        return subject.system.front_end_loss(subject.system.enhance(batch), batch)


def _own_gradients(subject: Subject, batch: Batch) -> tuple[list[str], list[str]]:
    with subject.system.training_mode(FRONT_END):
        total = subject.system.front_end_loss(subject.system.enhance(batch), batch).mean()
    return _gradients(total, subject.parameters)


def _one_silent(batch: Batch) -> Batch:
    """The last example gone silent."""
    assert batch.clean is not None
    sounds = torch.ones(len(batch.clean), 1, 1)
    sounds[-1] = 0
    return replace(hearing(batch, batch.heard.audio * sounds), clean=batch.clean * sounds)


def _gradients(total: Tensor, wanted: Mapping[str, Tensor]) -> tuple[list[str], list[str]]:
    """The names of what gets a gradient that is not finite, and of what gets none, or zero."""
    if not total.requires_grad:
        return [], list(wanted)
    gradients = dict(zip(wanted, torch.autograd.grad(total, list(wanted.values()), allow_unused=True), strict=True))
    broken = [name for name, value in gradients.items() if value is not None and not torch.isfinite(value).all()]
    return broken, [name for name, value in gradients.items() if value is None or not value.any()]
