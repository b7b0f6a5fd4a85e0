"""PESQ and DNSMOS against the packages themselves, and what they do where there is no value."""

import sys
import types

import numpy as np
import pytest
from benchmark.metrics.quality import DNSMOS, PESQ, dnsmos, pesq_wb
from pesq import pesq

from benchmark.errors import EarmarkError
from benchmark.metrics import Undefined, check_pair, quality


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
    assert pesq_wb(speech, noisy) == pesq(16000, speech, noisy, "wb")
    assert PESQ.floor < pesq_wb(speech, noisy) < pesq_wb(speech, speech) == pytest.approx(PESQ.best, abs=1e-3)


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
            pesq_wb(reference, estimate)
        assert caught.value.fault == fault


def test_a_failure_inside_pesq_is_the_outputs_only_if_the_reference_works(speech, monkeypatch):
    def fails(rate, reference, estimate, mode):
        if estimate is not reference:
            raise ValueError("no")
        return 4.6

    monkeypatch.setattr(quality, "pesq", fails)
    with pytest.raises(Undefined, match="PESQ: no") as caught:
        pesq_wb(speech, 0.5 * speech)
    assert caught.value.fault == "estimate"


def test_a_good_pair_passes(speech):
    check_pair(speech, 1e-3 * speech)


def test_dnsmos_without_its_extra_says_what_to_install(speech, monkeypatch):
    quality._dnsmos_session.cache_clear()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(EarmarkError, match="install the extra 'dnsmos'"):
        dnsmos(speech)


class Network:
    """Stands in for the slow network: three raw scores out of the audio."""

    def run(self, outputs, inputs):
        audio = next(iter(inputs.values()))
        return [np.array([[3 + 10 * audio.mean(), 2 + audio.std(), 1 + np.abs(audio).max()]])]


@pytest.mark.parametrize("seconds", [2, 9.01, 9.5, 10.5, 11])
def test_dnsmos_repeats_cuts_and_maps_as_speechmos_does(seconds, rng, monkeypatch):
    pytest.importorskip("speechmos")
    monkeypatch.setitem(sys.modules, "librosa", types.ModuleType("librosa"))  # for a score that is not ours
    from speechmos import dnsmos as original

    audio = np.clip(0.1 * rng.standard_normal(int(seconds * 16000)) * np.linspace(0, 1, int(seconds * 16000)), -1, 1)
    theirs = object.__new__(original.DNSMOS)
    theirs.onnx_sess = theirs.p808_onnx_sess = Network()
    theirs.audio_melspec = lambda audio: audio[None]
    expected = theirs(audio, 16000, False)
    monkeypatch.setattr(quality, "_dnsmos_session", Network)
    found = dnsmos(audio)
    assert found == pytest.approx({name: expected[f"{name}_mos"] for name in ("ovrl", "sig", "bak")}, abs=1e-5)
    assert dnsmos(100 * audio) == pytest.approx(dnsmos(audio / np.abs(audio).max()), abs=1e-5)
    with pytest.raises(Undefined):
        dnsmos(0 * audio)


def test_the_network_of_speechmos_takes_what_we_give():
    pytest.importorskip("speechmos")
    pytest.importorskip("onnxruntime")
    quality._dnsmos_session.cache_clear()
    (given,) = quality._dnsmos_session().get_inputs()
    assert given.name == "input_1"
    assert given.shape[1] == 144160
    assert (DNSMOS.best, DNSMOS.floor) == (5, 1)
