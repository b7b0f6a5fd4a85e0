"""The front-end trained by its own loss, weighted by what the task finds hard, in turn with the task model."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from benchmark.contracts import FRONT_END, MODEL, Batch, Enhanced, Scheme, Update
from benchmark.errors import unknown
from benchmark.training.importance import FUNCTIONS, normalised

if TYPE_CHECKING:  # it imports Lightning, which takes seconds
    from benchmark.training.system import System


class SampleImportance(Scheme):
    """Each example of the front-end's loss is weighted by its detached task loss (scheme c of Milling et al. 2024).

    No gradient of the task reaches the front-end. The weights come from the task model, in evaluation mode, on the
    front-end's current output, and have mean 1. The front-end is updated on `period` batches; then the task model is
    updated on the same batches, with detached output. The paper's importance function, period and normalisation are not
    at hand. A batch of one example has weight 1, as under `alternating`. With several tasks, the terms are the
    front-end's own loss on the batch of each: they are of one kind, all of mean weight 1, and need no balance.

    Args:
        importance: proportional, softmax, rank, focal, or uniform (all weights 1: the scheme `alternating`)
        temperature: of softmax, in units of the task's loss
        gamma: of focal
        period: batches for the front-end before it is the task model's turn
        normalise_over: the examples over which weights are computed and have mean 1: one batch, or a whole period
    """

    moves = frozenset({FRONT_END, MODEL})

    def __init__(
        self,
        importance: str = "proportional",
        temperature: Annotated[float, Field(ge=1e-3)] = 1.0,
        gamma: Annotated[float, Field(ge=0)] = 2.0,
        period: Annotated[int, Field(ge=1)] = 1,
        normalise_over: Literal["batch", "period"] = "batch",
    ) -> None:
        if importance not in (*FUNCTIONS, "uniform"):
            raise unknown("importance", importance, (*FUNCTIONS, "uniform"))
        self.importance = importance
        self.temperature = temperature
        self.gamma = gamma
        self.period = period
        self.normalise_over = normalise_over
        self.held: list[Mapping[str, Batch]] = []

    def updates(self, system: "System", batches: Mapping[str, Batch], step: int) -> Iterator[Update]:
        """Once `period` batches are there: as many updates of the front-end, then as many of each task model."""
        self.held.append(batches)
        if len(self.held) < self.period:
            return
        held, self.held = self.held, []
        prepared = self._over_period(system, held) if self.normalise_over == "period" else None
        for index, each in enumerate(held):
            terms = {}
            for label, batch in each.items():
                with system.training_mode(FRONT_END):
                    enhanced = system.enhance(batch)
                weights = (
                    prepared[label][index]
                    if prepared
                    else self.weights(self._task_losses(system, label, enhanced, batch))
                )
                terms[label] = (weights * system.front_end_loss(enhanced, batch)).mean()
            yield Update(terms, frozenset({FRONT_END}))
        for each in held:
            for label, batch in each.items():
                enhanced = system.enhance_fixed(batch)
                with system.training_mode(label):
                    loss = system.task_loss(label, enhanced, batch).mean()
                yield Update({label: loss}, frozenset({label}))

    def weights(self, losses: Tensor) -> Tensor:
        """The weights, of mean 1, for detached task losses, (examples,)."""
        if self.importance == "uniform":
            return torch.ones_like(losses)
        return normalised(FUNCTIONS[self.importance](losses, self.temperature, self.gamma))

    def _task_losses(self, system: "System", label: str, enhanced: Enhanced, batch: Batch) -> Tensor:
        if self.importance == "uniform":
            return enhanced.audio.new_ones(len(enhanced.audio))
        with torch.no_grad():
            return system.task_loss(label, enhanced.detach(), batch)

    def _over_period(self, system: "System", held: list[Mapping[str, Batch]]) -> dict[str, tuple[Tensor, ...]]:
        prepared = {}
        for label in held[0]:
            losses = [self._task_losses(system, label, system.enhance_fixed(each[label]), each[label]) for each in held]
            prepared[label] = self.weights(torch.cat(losses)).split([len(each) for each in losses])
        return prepared
