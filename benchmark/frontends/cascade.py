"""Two separately trained networks in a row, the first for noise reduction, the second for hearing loss."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from benchmark.contracts import Batch, Enhanced, FrontEnd, Heard
from benchmark.enhancer import by_ear
from benchmark.errors import EarmarkError
from benchmark.frontends._composite import inherit_traits
from benchmark.frontends.two_mask import TwoMask
from benchmark.options import bind
from benchmark.padding import mask


class Cascade(FrontEnd):
    """The comparison system for two_mask: the same network twice, each with one mask and one objective.

    The second network processes the output of the first, but is trained on the noisy sound, as it would be alone. The
    two share no parameters, so that training them together equals training them apart (except for the norm at which
    gradients are clipped). The controls p and q are those of two_mask.
    """

    def __init__(self, network: Mapping[str, Any] | None = None) -> None:
        """`network`: options of two_mask for both networks, except for the objective."""
        super().__init__()
        if "objective" in (network or {}):
            raise EarmarkError("network: objective: a cascade gives each network its own; leave it out")
        self.reducer, self.compensator = (
            TwoMask(**bind("network", TwoMask, {**(network or {}), "objective": objective}))
            for objective in ("noise_reduction", "compensation")
        )
        inherit_traits(self, {"reducer": self.reducer, "compensator": self.compensator})

    def process(self, heard: Heard, **controls: float) -> Enhanced:
        """Enhance (batch, 1, time) for thresholds (batch, 1, 10); `intermediates` are those of the first network."""
        powers = {**self.controls, **controls}
        reduced = self.reducer.process(heard, p=powers["p"])
        return Enhanced(
            self.compensator.process(_handed_on(heard, reduced.audio), q=powers["q"]).audio, None, reduced.intermediates
        )

    def shadow(self, heard: Heard, others: Sequence[Tensor], **controls: float) -> list[Tensor]:
        """Apply the masks of both networks to other sounds of the same shape.

        The first mask is computed from `heard`, the second from the first network's output for it.
        """
        powers = {**self.controls, **controls}
        reduced = _handed_on(heard, self.reducer.process(heard, p=powers["p"]).audio)
        return self.compensator.shadow(reduced, self.reducer.shadow(heard, others, p=powers["p"]), q=powers["q"])

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """The sum of both losses, (batch,)."""
        return self.reducer.loss(enhanced, batch) + self.compensator.loss(
            by_ear(self.compensator, batch.heard, {}), batch
        )


def _handed_on(heard: Heard, audio: Tensor) -> Heard:
    """The first network's output, with silence after each length, as input of the second."""
    return heard._replace(audio=mask(audio, heard.lengths))
