"""The front-end dropped in before a task model that was trained on noisy mixtures."""

from collections.abc import Mapping

from benchmark.contracts import FRONT_END, MODEL, PRETRAINED, STOCK_NOISY, Artefact, Scheme


class Noisy(Scheme):
    """Nothing is trained: the stock model of noisy mixtures follows the front-end. With `identity`, the baseline."""

    def artefacts(self) -> Mapping[str, Artefact]:
        """The pre-trained front-end and the stock model of noisy mixtures."""
        return {FRONT_END: PRETRAINED, MODEL: STOCK_NOISY}
