"""Sample importance with all weights 1: the control that separates weighting from alternation."""

from typing import Annotated

from pydantic import Field

from benchmark.training.schemes.sample_importance import SampleImportance


class Alternating(SampleImportance):
    """Front-end and task model take turns, each trained by its own loss, with all examples alike.

    Args:
        period: batches for the one before it is the other's turn
    """

    def __init__(self, period: Annotated[int, Field(ge=1)] = 1) -> None:
        super().__init__(importance="uniform", period=period)
