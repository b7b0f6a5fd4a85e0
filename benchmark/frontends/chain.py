"""Front-ends in a row: each enhances what the one before it made."""

from collections import Counter
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.contracts import Batch, Enhanced, FrontEnd, Heard
from benchmark.errors import EarmarkError
from benchmark.frontends import build_front_end


class Chain(FrontEnd):
    """All members hear the same listener, and silence behind each length, as they would alone.

    Needs are those of any member. A control keeps its name; where several members have it, it is called "member.control". The loss is that of the last member
    that can be trained, on that member's own output: nobody trains against what a prescription adds behind it.
    """

    def __init__(self, members: list[str | dict[str, Any]]) -> None:
        """`members`: names, {name: options}, or {"path/to/file.py:Class": options}; all at one sample rate."""
        super().__init__()
        built = [build_front_end(entry) for entry in members]
        rates = {member.sample_rate for member in built}
        if len(rates) != 1:
            raise EarmarkError(f"chain: members: {'none' if not rates else f'rates of {sorted(rates)} Hz'}; give at least one, all at one sample rate")
        self.members = nn.ModuleDict(zip(_labels(members), built, strict=True))
        self.trained = max((index for index, member in enumerate(built) if any(p.requires_grad for p in member.parameters())), default=None)
        self.sample_rate = rates.pop()  # type: ignore[misc]
        self.channels = 1 if all(member.channels == 1 for member in built) else None  # type: ignore[misc]
        self.needs = frozenset().union(*(member.needs for member in built))  # type: ignore[misc]
        self.dropped_in_only = any(member.dropped_in_only for member in built)  # type: ignore[misc]
        self.routes = self._routes()
        self.controls = {name: self._member(label).controls[control] for name, (label, control) in self.routes.items()}  # type: ignore[misc]

    def process(self, heard: Heard, **controls: float) -> Enhanced:
        """Enhance (batch, channels, time); `parts` are those of the trained member, and its output as "trained" where others follow."""
        shared, parts = None, {}
        for index, label in enumerate(self.members):
            own = {control: controls[name] for name, (owner, control) in self.routes.items() if owner == label and name in controls}
            enhanced = _by_ear(self._member(label), heard, own)
            valid = torch.arange(heard.audio.shape[-1], device=heard.audio.device) < heard.lengths[:, None, None]
            heard = heard._replace(audio=enhanced.audio * valid)
            shared = shared if enhanced.shared is None else enhanced.shared
            if index == self.trained:
                parts = {**enhanced.parts, "trained": heard.audio}
        return Enhanced(heard.audio, shared, parts)
