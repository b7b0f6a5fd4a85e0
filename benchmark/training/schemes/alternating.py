"""Sample importance with all weights 1: the control that tells weighting from alternation."""

from benchmark.training.schemes.sample_importance import SampleImportance


class Alternating(SampleImportance):
    """Front-end and task model take turns, each moved by its own loss, every example alike.

    Args:
        period: batches before front-end and task model change turns
    """

    def __init__(self, period: int = 1) -> None:
        super().__init__(importance="uniform", period=period)
