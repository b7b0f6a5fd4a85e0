"""Dropped in before a task model trained once on noisy mixtures."""

from benchmark.contracts import Scheme


class Noisy(Scheme):
    """Nothing moves: the front-end stands before the stock model of noisy mixtures that all rows share. `identity`
    under `noisy` is the baseline.
    """

    stock = "noisy"
