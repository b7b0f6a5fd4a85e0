"""DNSMOS against the package itself, and what it does where there is no value."""

import sys
import types

import numpy as np
import pytest

from benchmark.contracts import Undefined
from benchmark.errors import EarmarkError
from benchmark.metrics import dnsmos as module
from benchmark.metrics.dnsmos import DNSMOS, _session, dnsmos


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def speech(rng):
    """Bursts of noise at a syllable's rate, two seconds."""
    time = np.arange(32000) / 16000
    return 0.05 * rng.standard_normal(32000) * np.clip(np.sin(2 * np.pi * 3 * time), 0, None)


def test_dnsmos_without_its_extra_says_what_to_install(speech, monkeypatch):
    _session.cache_clear()
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
    monkeypatch.setattr(module, "_session", Network)
    found = dnsmos(audio)
    assert found == pytest.approx({name: expected[f"{name}_mos"] for name in ("ovrl", "sig", "bak")}, abs=1e-5)
    assert dnsmos(100 * audio) == pytest.approx(dnsmos(audio / np.abs(audio).max()), abs=1e-5)
    with pytest.raises(Undefined):
        dnsmos(0 * audio)


def test_the_network_of_speechmos_takes_what_we_give():
    pytest.importorskip("speechmos")
    pytest.importorskip("onnxruntime")
    _session.cache_clear()
    (given,) = _session().get_inputs()
    assert given.name == "input_1"
    assert given.shape[1] == 144160
    assert all((figure.best, figure.floor) == (5, 1) for figure in DNSMOS.figures.values())
