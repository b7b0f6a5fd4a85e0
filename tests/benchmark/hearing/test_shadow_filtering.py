"""Masks applied to speech and noise apart."""

import numpy as np
import pytest
import torch

from benchmark.contracts import Batch, Heard
from benchmark.frontends.cascade import Cascade
from benchmark.frontends.two_mask import TwoMask
from benchmark.hearing.audiograms import PROFILES
from benchmark.hearing.prescriptions import NAL_R_HZ, nal_r
from benchmark.hearing.shadow_filtering import FIGURES, shadows

SMALL = {"features": 4, "hidden": 4, "layers": 1, "head": 6}
RATE = 16000
TIME = torch.arange(RATE) / RATE


def tone(hertz, rms=0.01):
    return rms * 2**0.5 * torch.sin(2 * torch.pi * hertz * TIME)[None, None]


def hiss(rms, seed):
    return rms * torch.randn(1, 1, RATE, generator=torch.Generator().manual_seed(seed))


def batch(speech, noise, listener="N3"):
    thresholds = torch.tensor([[PROFILES[listener]]], dtype=torch.float32)
    return Batch([], Heard(speech + noise, torch.tensor([RATE]), thresholds), speech, {})


class LowPass:
    """Takes `p` times 20 dB off what lies above 1500 Hz."""

    def shadow(self, heard, others, p=1.0):
        spectra = [torch.fft.rfft(other) for other in others]
        gain = torch.where(torch.fft.rfftfreq(RATE, 1 / RATE) > 1500, 10 ** (-p), 1.0)
        return [torch.fft.irfft(spectrum * gain, RATE) for spectrum in spectra]


class Prescribed:
    """NAL-R to the letter: one gain for all frequencies nearest to one of its own."""

    def shadow(self, heard, others, gain=0.0):
        hertz, known = torch.fft.rfftfreq(RATE, 1 / RATE), torch.tensor(NAL_R_HZ, dtype=torch.float32)
        nearest = (torch.log(hertz.clamp(min=1))[:, None] - torch.log(known)).abs().argmin(-1)
        decibels = nal_r(heard.listener[0, 0])[nearest] + gain
        return [torch.fft.irfft(torch.fft.rfft(other) * 10 ** (decibels / 20), RATE) for other in others]


def test_what_a_control_does_to_the_noise_alone():
    table = shadows(
        LowPass(),
        [batch(tone(500), tone(4000, 0.02)), batch(tone(1000), tone(2000))],
        [{"p": 0.0}, {"p": 0.5}, {"p": 1.0}],
    )
    assert list(table.columns) == list(FIGURES)
    np.testing.assert_allclose(table["shadow_snr"], [0, 10, 20], atol=0.01)
    np.testing.assert_allclose(table["shadow_gain"], 0, atol=0.01)


def test_a_linear_filter_changes_no_band_and_a_prescription_is_met():
    speech, noise = hiss(0.02, 0), hiss(0.01, 1) + tone(300, 0.02)
    (line,) = shadows(Prescribed(), [batch(speech, noise, name) for name in ("N3", "S3")], [{}]).to_dict("records")
    assert abs(line["shadow_snr"]) > 1  # the filter raises what the tone is not
    assert line["shadow_band_snr"] == pytest.approx(0, abs=1e-3)
    assert line["shadow_nal_r"] == pytest.approx(0, abs=1e-3)
    (louder,) = shadows(Prescribed(), [batch(speech, noise, name) for name in ("N3", "S3")], [{"gain": 6.0}]).to_dict(
        "records"
    )
    assert louder["shadow_gain"] - line["shadow_gain"] == pytest.approx(6, abs=1e-3)
    assert louder["shadow_nal_r"] == pytest.approx(6, abs=1e-3)


class Louder:
    """Doubles whichever of speech and noise is louder."""

    def shadow(self, heard, others):
        speech, noise = others
        return [2 * speech, noise] if speech.std() > noise.std() else [speech, 2 * noise]


def test_what_goes_up_in_one_scene_and_down_in_another_does_not_cancel():
    loud, soft = hiss(0.02, 0), hiss(0.01, 1)
    (line,) = shadows(Louder(), [batch(loud, soft), batch(soft, loud)], [{}]).to_dict("records")
    assert line["shadow_band_snr"] == pytest.approx(0, abs=1e-3)
    assert line["shadow_band_snr_moved"] == pytest.approx(20 * np.log10(2), abs=1e-3)


@pytest.mark.parametrize("build", [lambda: TwoMask(**SMALL), lambda: Cascade(SMALL)])
def test_the_parts_add_up_to_the_output(build):
    torch.manual_seed(0)
    network = build().eval()
    scene = batch(hiss(0.02, 0), tone(900))
    with torch.no_grad():
        for controls in ({}, {"p": 0.5, "q": 0.2}, {"p": 0.0, "q": 0.0}):
            speech, noise = network.shadow(scene.heard, (scene.clean, scene.heard.audio - scene.clean), **controls)
            torch.testing.assert_close(
                speech + noise, network.process(scene.heard, **controls).audio, atol=1e-5, rtol=1e-4
            )


class Leaks:
    """Changes nothing, but for a hiss a million times weaker than what it is added to."""

    def shadow(self, heard, others):
        return [other + hiss(1e-3 * float(other.std()), 2) for other in others]


def test_bands_that_hold_none_of_the_noise_do_not_count():
    (line,) = shadows(Leaks(), [batch(hiss(0.02, 0), tone(4000))], [{}]).to_dict("records")
    assert line["shadow_band_snr"] == pytest.approx(0, abs=0.01)
    (line,) = shadows(Leaks(), [batch(tone(1000), tone(4000))], [{}]).to_dict("records")
    assert np.isnan(line["shadow_band_snr"])
