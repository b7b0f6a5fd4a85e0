"""PESQ and DNSMOS against the packages themselves, and what they do where there is no value."""

import sys
import types

import numpy as np
import pytest
from pesq import pesq

from benchmark.errors import EarmarkError
from benchmark.metrics import Undefined, check_pair, quality
from benchmark.metrics.quality import DNSMOS, PESQ, dnsmos, pesq_wb


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


def test_dnsmos_is_speechmos(speech, monkeypatch):
    pytest.importorskip("speechmos")
    quality._dnsmos_session.cache_clear()
    # speechmos imports librosa for a score that is not ours: a stand-in with the right shape will do.
    librosa = types.SimpleNamespace(
        feature=types.SimpleNamespace(melspectrogram=lambda y, **options: np.zeros((120, 900), np.float32)), power_to_db=lambda power, ref: power
    )
    monkeypatch.setitem(sys.modules, "librosa", librosa)
    from speechmos import dnsmos as original

    for audio in (speech, np.tile(speech, 5)[: 11 * 16000]):  # repeated to the network's length, and heard in two windows
        expected = original.run(audio, 16000)
        found = dnsmos(audio)
        assert set(found) == {"ovrl", "sig", "bak"}
        for name, value in found.items():
            assert value == pytest.approx(expected[f"{name}_mos"], abs=1e-4)
            assert DNSMOS.floor - 0.5 < value < DNSMOS.best
    assert dnsmos(100 * speech)["bak"] == pytest.approx(dnsmos(speech / np.abs(speech).max())["bak"], abs=1e-4)
    with pytest.raises(Undefined):
        dnsmos(0 * speech)
