"""Several front-ends in a row: each enhances the output of the one before it."""

from itertools import count
from typing import Any

from torch import Tensor, nn

from benchmark.contracts import Batch, Enhanced, FrontEnd, Heard
from benchmark.enhancer import by_ear
from benchmark.frontends import build_front_end
from benchmark.frontends._composite import inherit_traits
from benchmark.padding import mask


class Chain(FrontEnd):
    """Front-ends in a row, each with the same listener and with silence after each length, as if it were alone.

    A chain needs whatever any member needs. A control keeps its name; if several members have it, it is called
    "member.control". The loss is that of the last trainable member, on that member's own output, so that nothing is
    trained against the gain of a prescription behind it.
    """

    def __init__(self, members: list[str | dict[str, Any]]) -> None:
        """Build the members.

        Args:
            members: in order, each a name, {name: options} or {"path/to/file.py:Class": options}
        Raises:
            EarmarkError: a member cannot be built, there are none, or their sample rates differ
        """
        super().__init__()
        built = [build_front_end(entry) for entry in members]
        self.members = nn.ModuleList(built)
        self.trained = max(
            (index for index, member in enumerate(built) if any(p.requires_grad for p in member.parameters())),
            default=None,
        )
        self.names = _names(members)
        self.routes = inherit_traits(self, dict(zip(self.names, built, strict=True)))

    def process(self, heard: Heard, **controls: float) -> Enhanced:
        """Enhance (batch, channels, time).

        `intermediates` are those of the trained member; if others follow it, its output is added as "trained".
        """
        shared: Tensor | None = None
        intermediates: dict[str, Tensor] = {}
        for index, (name, member) in enumerate(zip(self.names, self.members, strict=True)):
            own = {
                control: controls[route]
                for route, (owner, control) in self.routes.items()
                if owner == name and route in controls
            }
            enhanced = by_ear(member, heard, own)  # type: ignore[arg-type]
            heard = heard._replace(audio=mask(enhanced.audio, heard.lengths))
            shared = shared if enhanced.shared is None else enhanced.shared
            if index == self.trained:
                intermediates = dict(enhanced.intermediates)
                if index < len(self.members) - 1:
                    intermediates["trained"] = heard.audio
        return Enhanced(heard.audio, shared, intermediates)

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """The trained member's loss, (batch,), or the default loss if no member is trainable."""
        if self.trained is None:
            return super().loss(enhanced, batch)
        # the ears may have been folded into the batch
        audio = enhanced.intermediates.get("trained", enhanced.audio).reshape(enhanced.audio.shape)
        return self.members[self.trained].loss(enhanced._replace(audio=audio), batch)  # type: ignore[operator]


def _names(members: list[str | dict[str, Any]]) -> list[str]:
    """Short, distinct names for members: "unet", and "unet2" for a second one."""
    names: list[str] = []
    for entry in members:
        name = (entry if isinstance(entry, str) else next(iter(entry))).rpartition(":")[2].rpartition("/")[2]
        numbered = (f"{name}{number}" for number in count(2))
        names.append(name if name not in names else next(each for each in numbered if each not in names))
    return names
