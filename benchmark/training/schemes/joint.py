"""Front-end and task model trained together, by the enhancement loss and by the task's."""

from collections.abc import Iterator, Mapping

import torch

from benchmark.contracts import Batch, Scheme, Update
from benchmark.training.system import FRONT_END, System


class Joint(Scheme):
    """One loss, the task's plus `enhancement_weight` times the front-end's own, moves both (scheme b of Milling et al. 2024; their weight is not at hand).

    Args:
        enhancement_weight: 0 or more; 0 needs no clean reference
    """

    moves = frozenset({"front_end", "tasks"})

    def __init__(self, enhancement_weight: float = 1.0) -> None:
        self.enhancement_weight = enhancement_weight
        self.needs = frozenset({"clean"}) if enhancement_weight else frozenset()

    def updates(self, system: System, batches: Mapping[str, Batch], step: int) -> Iterator[Update]:
        """One update of everything."""
        with system.training_mode(FRONT_END, *batches):
            total = torch.zeros((), device=system.device)
            for label, batch in batches.items():
                enhanced = system.enhance(batch)
                losses = system.task_loss(label, enhanced, batch)
                if self.enhancement_weight:
                    losses = losses + self.enhancement_weight * system.front_end_loss(enhanced, batch)
                total = total + losses.mean()
        yield Update(total, frozenset({FRONT_END, *batches}))
