"""Front-end and task model trained together, by the enhancement loss and by the task's."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field

from benchmark.contracts import FRONT_END, MODEL, Batch, Scheme, Update
from benchmark.errors import unknown
from benchmark.training.balance import BALANCES

if TYPE_CHECKING:  # it imports Lightning, which takes seconds
    from benchmark.training.system import System


class Joint(Scheme):
    """One loss, the task's plus `enhancement_weight` times the front-end's own, moves both (scheme b of Milling et al.
    2024; their weight is not at hand).

    Args:
        enhancement_weight: 0 or more; 0 needs no clean reference
        balance: how the losses of several tasks are weighed against each other, equal or uncertainty
    """

    version = 3
    moves = frozenset({FRONT_END, MODEL})
    through_task = True

    def __init__(self, enhancement_weight: Annotated[float, Field(ge=0)] = 1.0, balance: str = "equal") -> None:
        if balance not in BALANCES:
            raise unknown("balance", balance, BALANCES)
        self.balance = BALANCES[balance]
        self.enhancement_weight = enhancement_weight

    def updates(self, system: "System", batches: Mapping[str, Batch], step: int) -> Iterator[Update]:
        """One update of everything."""
        with system.training_mode(FRONT_END, *batches):
            enhanced = {label: system.enhance(batch) for label, batch in batches.items()}
            losses = {label: system.task_loss(label, enhanced[label], batch).mean() for label, batch in batches.items()}
            shares = self.balance(torch.stack([loss.detach() for loss in losses.values()]))
            terms = {label: share * loss for share, (label, loss) in zip(shares, losses.items(), strict=True)}
            if self.enhancement_weight:
                own = sum(system.front_end_loss(enhanced[label], batch).mean() for label, batch in batches.items())
                terms[FRONT_END] = self.enhancement_weight * own
        yield Update(terms, frozenset({FRONT_END, *batches}))
