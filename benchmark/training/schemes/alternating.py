"""Sample importance with all weights 1: the control that tells weighting from alternation."""

from typing import Annotated

from pydantic import Field

from benchmark.training.schemes.sample_importance import SampleImportance


class Alternating(SampleImportance):
    """Front-end and task model take turns, each moved by its own loss, every example alike.

    Args:
        period: batches before front-end and task model change turns
    """

    def __init__(self, period: Annotated[int, Field(ge=1)] = 1) -> None:
        super().__init__(importance="uniform", period=period)
