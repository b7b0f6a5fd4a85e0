"""Front-end and task model trained together, by the front-end's loss and the task's."""

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
    """The sum of both losses moves both (scheme b of Milling et al. 2024; their weight is not at hand).

    Args:
        enhancement_weight: of the front-end's own loss, 0 or more; at 0 no clean reference is needed
        balance: how to weight the losses of several tasks, equal or uncertainty (see training/balance.py)
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
        """One update of all parts."""
        with system.training_mode(FRONT_END, *batches):
            enhanced = {label: system.enhance(batch) for label, batch in batches.items()}
            losses = {label: system.task_loss(label, enhanced[label], batch).mean() for label, batch in batches.items()}
            shares = self.balance(torch.stack([loss.detach() for loss in losses.values()]))
            terms = {label: share * loss for share, (label, loss) in zip(shares, losses.items(), strict=True)}
            if self.enhancement_weight:
                own = sum(system.front_end_loss(enhanced[label], batch).mean() for label, batch in batches.items())
                terms[FRONT_END] = self.enhancement_weight * own
        yield Update(terms, frozenset({FRONT_END, *batches}))
