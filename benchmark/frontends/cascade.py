"""Two separately trained networks in a row: one against noise, then one against hearing loss."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from benchmark.contracts import Batch, Enhanced, FrontEnd, Heard
from benchmark.errors import EarmarkError
from benchmark.frontends._composite import inherit_traits
from benchmark.frontends._ears import by_ear
from benchmark.frontends.two_mask import TwoMask
from benchmark.options import bind


class Cascade(FrontEnd):
    """The comparison system of two_mask: the same network twice, each with one mask and one objective; the second hears
    what the first made.

    The second is trained on the noisy sound, as it would be by itself. The two share no parameter, so one training is
    two (but for the norm at which gradients are clipped). Controls p and q as in two_mask.
    """

    def __init__(self, network: Mapping[str, Any] | None = None) -> None:
        """`network`: options of two_mask but for its objective, for both."""
        super().__init__()
        if "objective" in (network or {}):
            raise EarmarkError("network: objective: a cascade gives each network its own; leave it out")
        self.reducer, self.compensator = (
            TwoMask(**bind("network", TwoMask, {**(network or {}), "objective": objective}))
            for objective in ("noise_reduction", "compensation")
        )
        inherit_traits(self, {"reducer": self.reducer, "compensator": self.compensator})

    def process(self, heard: Heard, **controls: float) -> Enhanced:
        """Enhance (batch, 1, time) for thresholds (batch, 1, 10); `parts`: the logarithm of the first mask."""
        powers = {**self.controls, **controls}
        reduced = self.reducer.process(heard, p=powers["p"])
        return Enhanced(
            self.compensator.process(_handed_on(heard, reduced.audio), q=powers["q"]).audio, None, reduced.parts
        )

    def shadow(self, heard: Heard, others: Sequence[Tensor], **controls: float) -> list[Tensor]:
        """The masks that are made for `heard`, and for what the first network makes of it, applied to other sounds of
        its shape.
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
    """With silence behind each length, as every front-end gets it."""
    valid = torch.arange(audio.shape[-1], device=audio.device) < heard.lengths[:, None, None]
    return heard._replace(audio=audio * valid)
