"""Dropped in before a task model trained once on noisy mixtures."""

from collections.abc import Mapping

from benchmark.contracts import FRONT_END, MODEL, PRETRAINED, STOCK_NOISY, Artefact, Scheme


class Noisy(Scheme):
    """Nothing moves: the front-end stands before the stock model of noisy mixtures. `identity` here is the baseline."""

    def artefacts(self) -> Mapping[str, Artefact]:
        """The pre-trained front-end and the stock model of noisy mixtures."""
        return {FRONT_END: PRETRAINED, MODEL: STOCK_NOISY}
