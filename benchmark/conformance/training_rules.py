"""Rules on what schemes need in order to train a front-end. The first line of a rule's documentation is what is
expected, the rest is why it matters.
"""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from benchmark.conformance.findings import Finding, failed, note, ok, skipped, some
from benchmark.conformance.harness import Harness, selected, with_audio
from benchmark.contracts import FRONT_END, Batch

NOTHING = "nothing in it can be trained"


def loss(harness: Harness) -> Finding:
    """The front-end's loss is one finite value an example, (batch,), which the other examples have no part in.

    sample_importance weighs each example's loss by itself; one mean for all would make it `alternating` in silence.
    """
    if not harness.parameters:
        return skipped(NOTHING)
    scenes = harness.scenes()
    losses = _losses(harness, scenes)
    if losses.shape != (len(scenes.heard.audio),) or not losses.is_floating_point():
        return failed(f"{losses.dtype} of shape {tuple(losses.shape)} for {len(scenes.heard.audio)} examples")
    if not torch.isfinite(losses).all():
        return failed(f"losses {losses.tolist()}")
    alone = float(_losses(harness, selected(scenes, 0)))
    together = float(losses[0])
    if abs(alone - together) > 1e-3 * (1 + abs(alone)):
        return failed(f"{together:.4g} for an example in a batch, {alone:.4g} for the same alone")
    return ok("one value an example")


def gradient(harness: Harness) -> Finding:
    """The front-end's own loss gives its parameters finite gradients, not all of them zero, also where an example is
    silent.

    This is how it is trained. One gradient that is not a number makes all weights so; at silence, the root of 0 is the
    usual cause.
    """
    if not harness.parameters:
        return skipped(NOTHING)
    scenes = harness.scenes()
    broken, unmoved = _own_gradients(harness, _one_silent(scenes))
    if broken:
        where = "" if _own_gradients(harness, scenes)[0] else ", where one example is silent"
        return failed(f"not finite for {some(broken)}{where}")
    if len(unmoved) == len(harness.parameters):
        return failed("no gradient reaches any parameter")
    return note(f"no gradient for {some(unmoved)}") if unmoved else ok(f"all {len(harness.parameters)} parameters")


def joint(harness: Harness) -> Finding:
    """A loss on the output, as a task has one, gives the parameters finite gradients, not all of them zero; the
    gradient also reaches the input.

    The scheme `joint` trains a front-end through the task behind it; in a chain, what stands before is trained through
    this one.
    """
    if harness.front_end.dropped_in_only:
        return skipped("it is only ever dropped in")
    scenes = harness.scenes()
    audio = scenes.heard.audio.requires_grad_()
    with harness.system.training_mode(FRONT_END):
        total = (harness.system.enhance(with_audio(scenes, audio)).audio * harness.scenes(seed=1).heard.audio).sum()
    wanted = {**harness.parameters, "the input": audio}
    broken, unmoved = _gradients(total, wanted)
    if broken:
        return failed(f"not finite for {some(broken)}")
    if harness.parameters and not harness.parameters.keys() - unmoved:
        return failed("no gradient reaches any parameter")
    return (
        note("no gradient reaches the input")
        if "the input" in unmoved
        else ok("parameters and input" if harness.parameters else "the input")
    )


def _losses(harness: Harness, batch: Batch) -> Tensor:
    with torch.no_grad():
        return harness.system.front_end_loss(harness.system.enhance(batch), batch)


def _own_gradients(harness: Harness, batch: Batch) -> tuple[list[str], list[str]]:
    with harness.system.training_mode(FRONT_END):
        total = harness.system.front_end_loss(harness.system.enhance(batch), batch).mean()
    return _gradients(total, harness.parameters)


def _one_silent(batch: Batch) -> Batch:
    """The last example gone silent."""
    assert batch.clean is not None
    sounds = torch.ones(len(batch.clean), 1, 1)
    sounds[-1] = 0
    return replace(with_audio(batch, batch.heard.audio * sounds), clean=batch.clean * sounds)


def _gradients(total: Tensor, wanted: Mapping[str, Tensor]) -> tuple[list[str], list[str]]:
    """The names of what gets a gradient that is not finite, and of what gets none, or zero."""
    if not total.requires_grad:
        return [], list(wanted)
    gradients = dict(zip(wanted, torch.autograd.grad(total, list(wanted.values()), allow_unused=True), strict=True))
    broken = [name for name, value in gradients.items() if value is not None and not torch.isfinite(value).all()]
    return broken, [name for name, value in gradients.items() if value is None or not value.any()]
