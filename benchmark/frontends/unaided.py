"""Nothing, to a listener without a hearing aid: no prescription is chained behind it."""

from benchmark.frontends.identity import Identity


class Unaided(Identity):
    """The audio as it is. It says that it knows the listener, so that a task of hearing loss lets it stand alone."""

    needs = frozenset({"listener"})
