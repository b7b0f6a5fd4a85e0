"""STOI and ESTOI against pystoi, without its pitfalls."""

import numpy as np
import pystoi
import pytest

from benchmark.contracts import Undefined
from benchmark.metrics.estoi import estoi
from benchmark.metrics.stoi import stoi


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def speech(rng):
    time = np.arange(16000) / 16000
    return 0.05 * rng.standard_normal(16000) * (1.1 + np.sin(2 * np.pi * 4 * time))


def test_values_are_pystois(speech, rng):
    noisy = speech + 0.05 * rng.standard_normal(16000)
    assert stoi(speech, noisy) == pytest.approx(pystoi.stoi(speech, noisy, 16000), abs=1e-9)
    assert estoi(speech, noisy) == pytest.approx(pystoi.stoi(speech, noisy, 16000, extended=True), abs=1e-9)
    assert 0 < estoi(speech, noisy) < stoi(speech, noisy) < 1
    assert estoi(speech, speech) == pytest.approx(1)


@pytest.mark.parametrize("length", [0, 1, 100, 4000])
def test_too_little_speech_is_the_references_fault(speech, length):
    for metric in (stoi, estoi):
        with pytest.raises(Undefined) as caught:
            metric(speech[:length], speech[:length])
        assert caught.value.fault == "reference"


def test_a_silent_output_is_its_own_fault(speech):
    with pytest.raises(Undefined) as caught:
        estoi(speech, 0 * speech)
    assert caught.value.fault == "estimate"


def test_pauses_of_digital_silence_give_one_value_and_leave_the_random_state_alone(speech):
    gated = np.where(np.arange(16000) < 9000, 0, speech)
    np.random.seed(3)
    first = estoi(speech, gated)
    after = np.random.random()
    np.random.seed(4)
    assert estoi(speech, gated) == first
    np.random.seed(3)
    assert np.random.random() == after


@pytest.mark.parametrize("measure", [stoi, estoi])
def test_a_callers_mistake_is_not_blamed_on_the_reference(speech, measure):
    whole = (speech * 30000).astype(np.int16)
    for reference, rate in ((whole, 16000), (np.stack([speech, speech]), 16000), (speech, 16), (speech, 44_099)):
        with pytest.raises(ValueError, match=r"floats|shape|rate") as caught:
            measure(reference, reference, rate)
        assert not isinstance(caught.value, Undefined)
