"""How differently two sounds are heard: nothing for equal ones, and less once an aid makes up for a loss."""

import numpy as np
import pytest
import torch
from hearing_signals import noisy, syllables

from benchmark.contracts import Heard
from benchmark.frontends.nal_r import NalR
from benchmark.hearing.audiograms import PROFILES
from benchmark.hearing.auditory_loss import AuditoryLoss
from benchmark.hearing.auditory_model import AuditoryModel


@pytest.fixture(scope="module")
def difference():
    return AuditoryLoss()


@pytest.fixture(scope="module")
def speech():
    return torch.from_numpy(np.stack([syllables(0.25, seed) for seed in (0, 1)])).float()


def loss_of(*names):
    return torch.tensor([PROFILES[name] for name in names], dtype=torch.float32)


def whole(signals):
    return torch.full((len(signals),), signals.shape[-1])


def test_it_is_the_mean_distance_of_what_the_model_reports(difference, speech):
    other = torch.from_numpy(noisy(speech.numpy()[0], 5)).float()[None]
    ear = AuditoryModel()
    expected = (ear(other, loss_of("N2"))[0] - ear(speech[:1])[0]).abs().mean()
    found = difference(other, speech[:1], whole(other), loss_of("N2"))
    assert found.shape == (1,)
    torch.testing.assert_close(found[0], expected)


def test_equal_sounds_are_heard_alike_by_normal_ears_alone(difference, speech):
    assert difference(speech, speech, whole(speech)).tolist() == [0, 0]
    torch.testing.assert_close(
        difference(speech, speech, whole(speech), loss_of("normal", "normal")), torch.zeros(2), atol=1e-5, rtol=0
    )
    sizes = [
        difference(speech[:1], speech[:1], whole(speech[:1]), loss_of(name)).item() for name in ("N1", "N3", "N5", "N7")
    ]
    assert sizes[0] > 0.1
    assert sizes == sorted(sizes)


def test_noise_is_heard_and_more_of_it_more(difference, speech):
    sizes = [
        difference(torch.from_numpy(noisy(speech[0].numpy(), snr)).float()[None], speech[:1], whole(speech[:1])).item()
        for snr in (20, 10, 0)
    ]
    assert 0 < sizes[0] < sizes[1] < sizes[2]


def test_padding_and_neighbours_change_nothing(difference, speech):
    lengths = torch.tensor([4000, 2500])
    processed, thresholds = 0.5 * speech, loss_of("N2", "S3")
    together = difference(processed, speech, lengths, thresholds)
    louder = processed + 10 * (torch.arange(4000) >= lengths[:, None])  # whatever lies behind the lengths
    torch.testing.assert_close(difference(louder, speech, lengths, thresholds), together, rtol=1e-3, atol=1e-3)
    for index, length in enumerate(lengths.tolist()):
        pick = slice(index, index + 1)
        alone = difference(processed[pick, :length], speech[pick, :length], lengths[pick], thresholds[pick])
        torch.testing.assert_close(together[pick], alone, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("scale", [0.0, 1e-12, 1.0])
def test_gradients_are_finite_from_silence_to_full_scale_and_none_reaches_the_reference(difference, scale):
    processed = (scale * torch.sign(torch.randn(2, 1500, generator=torch.Generator().manual_seed(0)))).requires_grad_()
    reference = torch.zeros(2, 1500, requires_grad=True)
    difference(processed, reference, torch.tensor([1500, 700]), loss_of("normal", "N5")).sum().backward()
    assert processed.grad.isfinite().all()
    assert scale < 1 or processed.grad[0].abs().max() > 0
    assert processed.grad[1, 700:].abs().max() < 1e-7  # behind its length
    assert reference.grad is None


@pytest.mark.parametrize("name", ["N3", "S3"])
@pytest.mark.parametrize("level", [45, 65])
def test_a_prescription_makes_speech_be_heard_more_like_a_normal_ear_does(difference, speech, name, level):
    spoken = speech[:1] * 10 ** ((level - 65) / 20)
    aided = NalR().process(Heard(spoken[:, None], whole(spoken), loss_of(name)[:, None])).audio[:, 0]
    assert difference(aided, spoken, whole(spoken), loss_of(name)) < 0.95 * difference(
        spoken, spoken, whole(spoken), loss_of(name)
    )
