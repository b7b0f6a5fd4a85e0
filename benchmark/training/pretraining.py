"""A front-end trained alone, before any task is behind it."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from benchmark.contracts import FRONT_END, Batch, Scheme, Update

if TYPE_CHECKING:  # it imports Lightning, which takes seconds
    from benchmark.training.system import System


class Pretraining(Scheme):
    """The front-end's own loss moves the front-end. An artefact of other schemes: it makes no row of a board."""

    moves = frozenset({"front_end"})

    def updates(self, system: "System", batches: Mapping[str, Batch], step: int) -> Iterator[Update]:
        """One update."""
        for label, batch in batches.items():
            with system.training_mode(FRONT_END):
                loss = system.front_end_loss(system.enhance(batch), batch).mean()
            yield Update({label: loss}, frozenset({FRONT_END}))
