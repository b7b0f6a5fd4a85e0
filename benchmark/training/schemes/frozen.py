"""The front-end pre-trained and then fixed; the task model adapts to its output."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from benchmark.contracts import MODEL, Batch, Scheme, Update

if TYPE_CHECKING:  # it imports Lightning, which takes seconds
    from benchmark.training.system import System


class Frozen(Scheme):
    """The task's loss moves the task model alone (scheme a of Milling et al. 2024).

    The front-end stays the same to the last bit, buffers included.
    """

    moves = frozenset({MODEL})

    def updates(self, system: "System", batches: Mapping[str, Batch], step: int) -> Iterator[Update]:
        """One update for each task model."""
        for label, batch in batches.items():
            enhanced = system.enhance_fixed(batch)
            with system.training_mode(label):
                loss = system.task_loss(label, enhanced, batch).mean()
            yield Update({label: loss}, frozenset({label}))
