"""Traits of composite front-ends: what a front-end takes from those inside it."""

from collections.abc import Mapping

from torch import nn

from benchmark.contracts import FrontEnd
from benchmark.errors import EarmarkError

FLAGS = ("dropped_in_only", "opaque", "exported")  # one member with it is enough


def front_ends(module: nn.Module) -> list[FrontEnd]:
    """All front-ends in a module at any depth, itself first if it is one."""
    return [part for part in module.modules() if isinstance(part, FrontEnd)]


def learned_elsewhere(front_end: FrontEnd) -> set[str]:
    """The data that a front-end or a member of it was trained on before it came here.

    "unknown" stands for members that are dropped in only and name no data. The set is empty for a front-end that learns
    from the suite's training data alone.
    """
    return {
        member.pretrained_on or "unknown"
        for member in front_ends(front_end)
        if member.pretrained_on or member.dropped_in_only
    }


def inherit_flags(front_end: FrontEnd) -> FrontEnd:
    """Set on a front-end each of FLAGS that any module inside it has, and return it."""
    for flag in FLAGS:
        if any(getattr(part, flag, False) is True for part in front_end.modules()):
            setattr(front_end, flag, True)
    return front_end


def inherit_traits(composite: FrontEnd, members: Mapping[str, FrontEnd]) -> dict[str, tuple[str, str]]:
    """Give a front-end that runs its members in a row their traits: rate, channels, needs, controls and flags.

    It runs at the members' sample rate, takes one ear where all of them do, and needs what any of them needs. A control
    keeps its name; one that several members have becomes "member.control".

    Args:
        composite: the front-end to change; its members are submodules of it already
        members: by the names that users tell them by, in order
    Returns:
        for each control of the composite, the member that it belongs to and its name there
    Raises:
        EarmarkError: there are no members, or they run at different sample rates
    """
    rates = {member.sample_rate for member in members.values()}
    if len(rates) != 1:
        raise EarmarkError(
            f"members: {f'they run at {sorted(rates)} Hz' if rates else 'there are none'}; name some that run at one "
            "rate"
        )
    owners = [(name, control) for name, member in members.items() for control in member.controls]
    times = [control for _, control in owners]
    routes = {
        control if times.count(control) == 1 else f"{name}.{control}": (name, control) for name, control in owners
    }
    composite.sample_rate = rates.pop()
    composite.channels = 1 if all(member.channels == 1 for member in members.values()) else None
    composite.needs = frozenset().union(*(member.needs for member in members.values()))
    composite.controls = {route: members[name].controls[control] for route, (name, control) in routes.items()}
    inherit_flags(composite)
    return routes
