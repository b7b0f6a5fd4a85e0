"""PESQ against the package itself, and what it does where there is no value."""

import numpy as np
import pytest
from pesq import pesq as package_pesq

from benchmark.contracts import Undefined
from benchmark.metrics import pesq as module
from benchmark.metrics._checks import check_pair
from benchmark.metrics.pesq import PESQ, pesq


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def speech(rng):
    """Bursts of noise at a syllable's rate, two seconds."""
    time = np.arange(32000) / 16000
    return 0.05 * rng.standard_normal(32000) * np.clip(np.sin(2 * np.pi * 3 * time), 0, None)


def test_pesq_is_the_packages(speech, rng):
    noisy = speech + 0.005 * rng.standard_normal(32000)
    assert pesq(speech, noisy) == package_pesq(16000, speech, noisy, "wb")
    assert (
        PESQ.figures["pesq"].floor
        < pesq(speech, noisy)
        < pesq(speech, speech)
        == pytest.approx(PESQ.figures["pesq"].best, abs=1e-3)
    )


def test_the_fault_of_a_failure(speech):
    quarter = speech[:3000]
    cases = [
        (0 * speech, speech, "reference"),
        (quarter, quarter, "reference"),
        (speech[:0], speech[:0], "reference"),
        (speech, 0 * speech, "estimate"),
        (speech, speech[:-1], "estimate"),
        (speech, np.where(np.arange(32000) == 5, np.nan, speech), "estimate"),
    ]
    for reference, estimate, fault in cases:
        with pytest.raises(Undefined) as caught:
            pesq(reference, estimate)
        assert caught.value.fault == fault


def test_a_failure_inside_pesq_is_the_outputs_only_if_the_reference_works(speech, monkeypatch):
    def fails(rate, reference, estimate, mode):
        if estimate is not reference:
            raise ValueError("no")
        return 4.6

    monkeypatch.setattr(module, "package_pesq", fails)
    with pytest.raises(Undefined, match="PESQ: no") as caught:
        pesq(speech, 0.5 * speech)
    assert caught.value.fault == "estimate"


def test_a_good_pair_passes(speech):
    check_pair(speech, 1e-3 * speech)
