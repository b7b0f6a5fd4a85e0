"""Front-ends in a row: each enhances what the one before it made."""

from typing import Any

from torch import Tensor, nn

from benchmark.contracts import Batch, Enhanced, FrontEnd, Heard
from benchmark.enhancer import by_ear
from benchmark.errors import EarmarkError
from benchmark.frontends import build_front_end
from benchmark.padding import mask


class Chain(FrontEnd):
    """Every member hears the same listener, and silence behind each length, as it would alone.

    The chain needs what any member needs. A control keeps its name; where several members have it, it is called
    "member.control". The loss is that of the last member that can be trained, on that member's own output: nothing is
    trained against what a prescription adds behind it.
    """

    def __init__(self, members: list[str | dict[str, Any]]) -> None:
        """`members`: names, {name: options} or {"path/to/file.py:Class": options}, all at one sample rate."""
        super().__init__()
        built = [build_front_end(entry) for entry in members]
        rates = {member.sample_rate for member in built}
        if len(rates) != 1:
            raise EarmarkError(
                f"members: {f'they run at {sorted(rates)} Hz' if rates else 'there are none'}; name some that run at "
                "one rate"
            )
        self.members = nn.ModuleList(built)
        self.trained = max(
            (index for index, member in enumerate(built) if any(p.requires_grad for p in member.parameters())),
            default=None,
        )
        # What the class declares for others, a chain takes from its members.
        self.sample_rate = rates.pop()  # type: ignore[misc]
        self.channels = 1 if all(member.channels == 1 for member in built) else None  # type: ignore[misc]
        self.needs = frozenset().union(*(member.needs for member in built))  # type: ignore[misc]
        self.dropped_in_only = any(member.dropped_in_only for member in built)  # type: ignore[misc]
        self.routes = _routes(_labels(members), built)
        self.controls = {name: built[index].controls[control] for name, (index, control) in self.routes.items()}  # type: ignore[misc]

    def process(self, heard: Heard, **controls: float) -> Enhanced:
        """Enhance (batch, channels, time); `parts` are those of the trained member, with its output as "trained" where
        others follow.
        """
        shared, parts = None, {}
        for index, member in enumerate(self.members):
            own = {
                control: controls[name]
                for name, (owner, control) in self.routes.items()
                if owner == index and name in controls
            }
            enhanced = by_ear(member, heard, own)  # type: ignore[arg-type]
            heard = heard._replace(audio=mask(enhanced.audio, heard.lengths))
            shared = shared if enhanced.shared is None else enhanced.shared
            if index == self.trained:
                parts = dict(enhanced.parts) | ({} if index == len(self.members) - 1 else {"trained": heard.audio})
        return Enhanced(heard.audio, shared, parts)

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """The trained member's loss, (batch,); the default where there is none."""
        if self.trained is None:
            return super().loss(enhanced, batch)
        # ears may have been folded into the batch
        audio = enhanced.parts.get("trained", enhanced.audio).reshape(enhanced.audio.shape)
        return self.members[self.trained].loss(enhanced._replace(audio=audio), batch)  # type: ignore[operator]


def _labels(members: list[str | dict[str, Any]]) -> list[str]:
    """Short names to tell members by: "unet", and "unet2" for a second one."""
    names: list[str] = []
    for entry in members:
        name = entry if isinstance(entry, str) else next(iter(entry))
        names.append(name.rpartition(":")[2].rpartition("/")[2])
    return [
        name if names[:index].count(name) == 0 else f"{name}{names[:index].count(name) + 1}"
        for index, name in enumerate(names)
    ]


def _routes(labels: list[str], members: list[FrontEnd]) -> dict[str, tuple[int, str]]:
    """Each control of the chain to a member's place and its own name for it."""
    owners = [(index, control) for index, member in enumerate(members) for control in member.controls]
    shared = [control for _, control in owners]
    return {
        control if shared.count(control) == 1 else f"{labels[index]}.{control}": (index, control)
        for index, control in owners
    }
