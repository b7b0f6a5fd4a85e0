"""PESQ against the package itself, and what it does where there is no value."""

import numpy as np
import pytest
from pesq import pesq as package_pesq

from benchmark.contracts import Undefined
from benchmark.metrics import _pesq_utterances
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


def tone_bursts(rng, count, seconds=1.0):
    """Bursts of noise with a pause after each, `count` utterances."""
    half = int(seconds * 8000)
    burst = np.concatenate([0.1 * rng.standard_normal(half), np.zeros(half)])
    return np.tile(burst, count) + 1e-6 * rng.standard_normal(count * len(burst))


@pytest.mark.parametrize("count", [1, 7, 49, 50, 51, 60])
def test_utterances_are_counted_as_pesq_counts_them(rng, count):
    reference = tone_bursts(rng, count)
    assert _pesq_utterances.count(reference) == count
    assert _pesq_utterances.too_many(reference) == (count > 50)
    assert _pesq_utterances.count(1e-3 * reference) == count


def test_more_utterances_than_pesq_has_room_for_are_the_references_fault(rng):
    reference = tone_bursts(rng, 60, 0.8)
    with pytest.raises(Undefined, match="PESQ: the reference has more than 50 utterances") as caught:
        pesq(reference, reference + 0.01 * rng.standard_normal(len(reference)))
    assert caught.value.fault == "reference"


def test_no_signal_of_less_than_19_seconds_has_too_many(rng):
    shortest = tone_bursts(rng, 60, 0.41)[: 50 * 97 * 64]
    assert _pesq_utterances.count(shortest) <= 50


def test_a_callers_mistake_is_not_blamed_on_the_reference(speech):
    for reference, estimate, rate in (
        (speech, speech, 8000),
        (speech[None], speech[None], 16000),
        ((speech * 32767).astype(np.int16), (speech * 32767).astype(np.int16), 16000),
    ):
        with pytest.raises(ValueError, match=r"Hz|shape|floats") as caught:
            pesq(reference, estimate, rate)
        assert not isinstance(caught.value, Undefined)


def test_a_good_pair_passes(speech):
    check_pair(speech, 1e-3 * speech)
