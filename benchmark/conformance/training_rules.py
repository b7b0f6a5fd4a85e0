"""Rules for training a front-end: its loss and its gradients.

The first line of a rule's docstring says what is expected, the rest why it matters.
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
    """The front-end's loss is one finite value per example, (batch,), independent of the other examples.

    `sample_importance` weights each example's loss; one mean for all would silently turn it into `alternating`.
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
    return ok("one value per example")


def gradient(harness: Harness) -> Finding:
    """The front-end's own loss gives finite gradients, not all zero, also if one example is silent.

    This is how it is trained. A single gradient that is not a number spoils all weights; with silence, the square root
    of 0 is the usual cause.
    """
    if not harness.parameters:
        return skipped(NOTHING)
    scenes = harness.scenes()
    broken, unmoved = _own_gradients(harness, _one_silent(scenes))
    if broken:
        where = "" if _own_gradients(harness, scenes)[0] else " if one example is silent"
        return failed(f"not finite for {some(broken)}{where}")
    if len(unmoved) == len(harness.parameters):
        return failed("no gradient reaches any parameter")
    return note(f"no gradient for {some(unmoved)}") if unmoved else ok(f"all {len(harness.parameters)} parameters")


def joint(harness: Harness) -> Finding:
    """A task's loss on the output gives parameters and input finite gradients, those of parameters not all zero.

    The scheme `joint` trains a front-end through the task behind it; in a chain, earlier members are trained through
    later ones.
    """
    if harness.front_end.dropped_in_only:
        return skipped("it is only dropped in")
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
    """The batch with its last example made silent."""
    assert batch.clean is not None
    sounds = torch.ones(len(batch.clean), 1, 1)
    sounds[-1] = 0
    return replace(with_audio(batch, batch.heard.audio * sounds), clean=batch.clean * sounds)


def _gradients(total: Tensor, wanted: Mapping[str, Tensor]) -> tuple[list[str], list[str]]:
    """Names of tensors with gradients that are not finite, and of those whose gradient is missing or zero."""
    if not total.requires_grad:
        return [], list(wanted)
    gradients = dict(zip(wanted, torch.autograd.grad(total, list(wanted.values()), allow_unused=True), strict=True))
    broken = [name for name, value in gradients.items() if value is not None and not torch.isfinite(value).all()]
    return broken, [name for name, value in gradients.items() if value is None or not value.any()]
