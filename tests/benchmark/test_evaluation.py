"""What counts as an answer, and what as a failure."""

import pytest
import torch

from benchmark.contracts import FrontEnd
from benchmark.evaluation import LOUDEST, evaluate
from benchmark.recipe import Score
from benchmark.training.system import System


class Through(FrontEnd):
    """Applies a function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, audio):
        return self.function(audio)


def failures(function, task, source):
    records = list(evaluate(System(Through(function), {"bands": task}), "bands", source.mixer("test"), Score(snr=(0,), scenes=2)))
    assert len(records) == 2
    assert all(bool(record["prediction"]) == (record["failed"] is None) for record in records)
    return {record["failed"] for record in records}


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: torch.complex(x, x), "Through: the output must be floats of the input's shape"),
        (lambda x: x * float("nan"), "the front-end's output is not finite"),
        (lambda x: x / x.abs().amax() * 2 * LOUDEST, "the front-end's output reaches 2e+06, beyond 1e+06 (220 dB SPL)"),
        (lambda x: -x / x.max() * 2 * LOUDEST, None),
        (lambda x: x * 1e30, None),
    ],
)
def test_an_output_that_is_no_audio_is_a_failure_with_its_reason(task, source, function, reason):
    (found, *_) = found_all = failures(function, task, source)
    assert None not in found_all
    assert reason is None or found.startswith(reason)


def test_a_loud_output_is_an_answer(task, source):
    assert failures(lambda x: x / x.abs().amax() * 0.99 * LOUDEST, task, source) == {None}
