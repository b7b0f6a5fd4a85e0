"""NAL-R against pyclarity, FIG6 against its published points; as formulas and as front-ends."""

import numpy as np
import pytest
import torch
from hearing_signals import pyclaritys
from scipy.signal import freqz

from benchmark.contracts import AUDIOGRAM_HZ, Heard
from benchmark.costs import look_ahead
from benchmark.frontends.fig6 import Fig6
from benchmark.frontends.nal_r import NalR
from benchmark.hearing.audiograms import PROFILES
from benchmark.hearing.prescriptions import NAL_R_HZ, fig6, nal_r


def loss_of(*names: str) -> torch.Tensor:
    return torch.tensor([PROFILES[name] for name in names], dtype=torch.float32)


def heard(audio: torch.Tensor, *names: str) -> Heard:
    return Heard(
        audio, torch.full((len(audio),), audio.shape[-1]), loss_of(*names)[:, None].expand(-1, audio.shape[1], -1)
    )


def sine(level: float, hertz: float) -> torch.Tensor:
    time = torch.arange(32000) / 16000
    return (2**0.5 * 10 ** ((level - 100) / 20) * torch.sin(2 * torch.pi * hertz * time))[None, None]


def gain_db(before: torch.Tensor, after: torch.Tensor) -> float:
    middle = slice(8000, 24000)
    return float(10 * torch.log10(after[..., middle].square().mean() / before[..., middle].square().mean()))


@pytest.mark.parametrize("name", PROFILES)
def test_nal_r_is_pyclarity_s(name):
    from clarity.enhancer.nalr import NALR

    theirs, _ = NALR(80, 16000).build(pyclaritys(PROFILES[name]))
    impulse = torch.zeros(1, 1, 161)
    impulse[..., 80] = 1
    ours = NalR().process(heard(impulse, name)).audio[0, 0, 40:121]
    _, expected = freqz(theirs, worN=256)
    _, found = freqz(ours.numpy(), worN=256)
    # pyclarity interpolates its gains on a grid of 100 Hz, so corners differ a little.
    np.testing.assert_allclose(20 * np.log10(abs(found)), 20 * np.log10(abs(expected)), atol=0.7)


def test_nal_r_by_hand():
    gains = nal_r(loss_of("N3", "N6"))
    average = 0.05 * (35 + 40 + 50)
    expected = [average + 0.31 * t + k for t, k in zip((35, 35, 40, 50, 60, 65), (-17, -8, 1, -1, -2, -2), strict=True)]
    assert gains[0].tolist() == pytest.approx(expected, abs=1e-4)
    beyond = 9 + 0.116 * (80 + 85 + 90 - 180)
    assert gains[1, 2] == pytest.approx(beyond + 0.31 * 85 + 1)
    assert not nal_r(loss_of("normal")).any()
    assert not nal_r(20.0 * torch.eye(10)[[1, 3, 5, 7]]).any()  # where the formula does not look
    assert gains.shape == (2, len(NAL_R_HZ))


@pytest.mark.parametrize(
    ("threshold", "level", "gain"),
    [
        (15, 40, 0),
        (50, 40, 30),
        (80, 40, 50),
        (50, 65, 18),
        (80, 65, 41),
        (40, 95, 0),
        (90, 95, 0.1 * 50**1.4),
        (50, 20, 30),
        (50, 52.5, 24),
        (50, 80, (18 + 0.1 * 10**1.4) / 2),
    ],
)
def test_fig6_by_hand(threshold, level, gain):
    flat = torch.full((1, 10), float(threshold))
    assert fig6(flat, torch.full((1, 10), float(level)))[0].tolist() == pytest.approx([gain] * 10, abs=1e-4)


@pytest.mark.parametrize(("level", "hertz"), [(40, 500), (65, 500), (65, 2000), (95, 4000)])
def test_the_front_end_fig6_gives_a_tone_the_gain_for_its_level(level, hertz):
    tone = sine(level, hertz)
    wanted = fig6(loss_of("N3"), torch.full((1, 10), float(level)))[0, AUDIOGRAM_HZ.index(hertz)]
    assert gain_db(tone, Fig6().process(heard(tone, "N3")).audio) == pytest.approx(float(wanted), abs=0.3)


def test_the_front_end_nal_r_gives_a_tone_its_gain_and_more_where_told():
    tone = sine(65, 2000)
    wanted = float(nal_r(loss_of("N4"))[0, 3])
    assert gain_db(tone, NalR().process(heard(tone, "N4")).audio) == pytest.approx(wanted, abs=0.5)
    assert gain_db(tone, NalR(gain=6).process(heard(tone, "N4")).audio) == pytest.approx(wanted + 6, abs=0.5)
    assert gain_db(tone, NalR().process(heard(tone, "N4"), gain=3).audio) == pytest.approx(wanted + 3, abs=0.5)


@pytest.mark.parametrize("front_end", [NalR, Fig6])
def test_delay_is_taken_out_and_ears_are_their_own(front_end):
    noise = 0.02 * torch.randn(1, 2, 16000, generator=torch.Generator().manual_seed(0))
    listener = loss_of("normal", "N4")[None]
    both = front_end().process(Heard(noise, torch.tensor([16000]), listener)).audio
    # a normal ear hears what there is, when it is there
    torch.testing.assert_close(both[0, 0], noise[0, 0], atol=2e-4, rtol=0)
    right = front_end().process(Heard(noise[:, 1:], torch.tensor([16000]), listener[:, 1:])).audio
    torch.testing.assert_close(right[0, 0], both[0, 1])
    assert look_ahead(front_end()) <= 128


@pytest.mark.parametrize("front_end", [NalR, Fig6])
def test_gradients_reach_the_audio_from_silence_too(front_end):
    audio = torch.zeros(1, 1, 4000, requires_grad=True)
    front_end().process(heard(audio, "N3")).audio.square().sum().backward()
    assert audio.grad.isfinite().all()
    with pytest.raises(ValueError, match="needs a listener"):
        front_end().process(Heard(audio, torch.tensor([4000])))
