"""The front-end trained alone, by its own loss."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from benchmark.contracts import FRONT_END, Batch, Scheme, Update

if TYPE_CHECKING:  # it imports Lightning, which takes seconds
    from benchmark.training.system import System


class Pretraining(Scheme):
    """The front-end's own loss moves the front-end. Other schemes start from the result."""

    moves = frozenset({FRONT_END})

    def updates(self, system: "System", batches: Mapping[str, Batch], step: int) -> Iterator[Update]:
        """One update for each batch."""
        for label, batch in batches.items():
            with system.training_mode(FRONT_END):
                loss = system.front_end_loss(system.enhance(batch), batch).mean()
            yield Update({label: loss}, frozenset({FRONT_END}))
