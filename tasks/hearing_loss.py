"""Hearing loss: what an impaired ear understands of enhanced and amplified speech, by HASPI and HASQI."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from benchmark.contracts import FULL_SCALE_DB_SPL, Batch, Signals, primary
from benchmark.hearing.auditory_loss import AuditoryLoss
from benchmark.metrics import Entry, figures_of
from tasks._signal import MeasuredTask, values

METRICS = ("haspi", "hasqi", "insertion_gain", "output_level")
# The level of a sine with the largest amplitude that is not clipped. Ours: about the maximum output of hearing aids
# for moderate to severe losses.
MAXIMUM_DB_SPL = 115.0
_MAXIMUM = 2**0.5 * 10 ** ((MAXIMUM_DB_SPL - FULL_SCALE_DB_SPL) / 20)


class HearingLoss(MeasuredTask):
    """A signal task for the listeners of a recipe. A prescription follows front-ends that do not know the listener.

    HASPI (intelligibility) compares the output, as the impaired ear hears it, with the clean signal, as a healthy ear
    hears it. HASQI (quality) compares both as the impaired ear hears them, with NAL-R applied to the clean signal: an
    aid that amplifies otherwise than NAL-R loses by it. HASPI rewards sheer gain; so the output is clipped at
    MAXIMUM_DB_SPL, and the board also shows level and gain. The score is the mean HASPI in noise over N3, N4 and S3,
    where it neither saturates nor vanishes; that choice is ours. With two ears, each has its own thresholds, and all
    values are those of the ear where the primary figure is better.

    The loss is the difference between the output, as the impaired ear hears it, and the clean signal, as a healthy ear
    hears it (benchmark.hearing.auditory_loss).
    """

    needs = frozenset({"clean", "listener"})
    offers = MeasuredTask.offers | {"listener"}
    figures = figures_of(METRICS)
    axes = ("snr", "listener")
    headline = {"listener": ("N3", "N4", "S3")}

    def __init__(
        self,
        schema: Mapping[str, Any],
        prescription: str | dict[str, Any] | None = "nal_r",
        metrics: tuple[Entry, ...] = METRICS,
    ) -> None:
        """Build the task.

        Args:
            prescription: the front-end that follows those that do not know the listener; None: nothing does
            metrics: each a name, {name: options} or path/to/file.py:Class; the first one ranks
        """
        super().__init__(schema, metrics)
        self.prescription = prescription
        self.difference = AuditoryLoss()

    def forward(self, audio: Tensor, lengths: Tensor, shared: Tensor | None = None) -> Tensor:
        """(batch, channels, time), clipped at MAXIMUM_DB_SPL."""
        return audio.clamp(-_MAXIMUM, _MAXIMUM)

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """The difference of what is heard, (batch,), 0 or more; with two ears, their mean."""
        assert batch.clean is not None
        assert batch.heard.listener is not None
        ears = output.shape[1]
        lengths = batch.heard.lengths.repeat_interleave(ears)
        heard = self.difference(
            output.flatten(0, 1), batch.clean.flatten(0, 1), lengths, batch.heard.listener.flatten(0, 1)
        )
        return heard.unflatten(0, (-1, ears)).mean(-1)

    def measured(self, scene: Signals) -> dict[str, Any]:
        """Measure the ear where the primary figure is better; where neither ear has one, tell why."""
        name, (first, *others) = primary(self), self.metrics
        ears = [scene.at(index) for index in range(len(scene.audio))]
        found = [values([first], ear) for ear in ears]
        known = [index for index, record in enumerate(found) if name in record]
        if not known:
            return next((record for record in found if "reason" in record), found[0])
        better = max(known, key=lambda index: self.figures[name].sign * found[index][name])
        return found[better] | values(others, ears[better])
