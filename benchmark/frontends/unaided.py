"""No processing and no hearing aid: the task adds no prescription behind it."""

from benchmark.frontends.identity import Identity


class Unaided(Identity):
    """Returns its input. It claims to need the listener, so that a hearing-loss task adds no prescription."""

    needs = frozenset({"listener"})
