"""Signal ratios against torchmetrics and by hand."""

import pytest
import torch
from torchmetrics.functional.audio import scale_invariant_signal_distortion_ratio, signal_noise_ratio

from benchmark.metrics.si_sdr import SISDR, si_sdr
from benchmark.metrics.snr import snr
from benchmark.metrics.weighted_sdr import weighted_sdr


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    reference = torch.randn(3, 2, 8000, generator=generator)
    return reference, 0.5 * reference + torch.tensor([0.1, 1.0, 10.0])[:, None, None] * torch.randn(
        3, 2, 8000, generator=generator
    )


def test_ratios_agree_with_torchmetrics(pair):
    reference, estimate = pair
    torch.testing.assert_close(snr(reference, estimate), signal_noise_ratio(estimate, reference), atol=1e-3, rtol=0)
    torch.testing.assert_close(
        si_sdr(reference, estimate), scale_invariant_signal_distortion_ratio(estimate, reference), atol=1e-3, rtol=0
    )


def test_scale_counts_in_snr_alone(pair):
    reference, estimate = pair
    torch.testing.assert_close(si_sdr(reference, 7 * estimate), si_sdr(reference, estimate), atol=1e-3, rtol=0)
    assert (snr(reference, 7 * estimate) < snr(reference, estimate)).all()
    assert snr(reference, 2 * reference)[0, 0].item() == pytest.approx(0, abs=1e-4)


def test_the_limit_is_soft_and_leaves_bad_examples_alone(pair):
    reference, estimate = pair
    for ratio in (snr, si_sdr):
        assert ratio(reference, reference, limit=30).amax().item() == pytest.approx(30, abs=0.01)
        # 10 log10(1 / (10^-a/10 + 10^-3)) for an unlimited ratio of a dB
        plain = ratio(reference, estimate)
        torch.testing.assert_close(
            ratio(reference, estimate, limit=30), -10 * torch.log10(10 ** (-plain / 10) + 1e-3), atol=1e-3, rtol=0
        )


def test_weighted_sdr_by_hand():
    speech, noise = torch.tensor([3.0, 0.0, 0.0]), torch.tensor([0.0, 4.0, 0.0])
    estimate = torch.tensor([1.0, 1.0, 0.0])  # leaves (2, 3, 0) of the mixture
    expected = 9 / 25 * (1 / 2**0.5) + 16 / 25 * (3 / 13**0.5)
    assert weighted_sdr(speech, estimate, speech + noise).item() == pytest.approx(expected)
    assert weighted_sdr(speech, speech, speech + noise).item() == pytest.approx(1)
    assert weighted_sdr(speech, -speech, speech).item() == pytest.approx(-1)


def test_padding_adds_nothing(pair):
    reference, estimate = pair
    noise = torch.randn_like(reference)
    padded = [torch.nn.functional.pad(signal, (0, 500)) for signal in (reference, estimate, reference + noise)]
    for function, count in ((snr, 2), (si_sdr, 2), (weighted_sdr, 3)):
        plain = function(*(reference, estimate, reference + noise)[:count])
        torch.testing.assert_close(function(*padded[:count]), plain)


@pytest.mark.parametrize("level", [0.0, 1e-12, 1.0])
@pytest.mark.parametrize("reference_level", [0.0, 1.0])
def test_values_and_gradients_are_finite_on_silence(level, reference_level):
    reference = reference_level * torch.ones(1, 100)
    estimate = (level * torch.ones(1, 100)).requires_grad_()
    for value in (
        snr(reference, estimate),
        si_sdr(reference, estimate),
        weighted_sdr(reference, estimate, reference),
        si_sdr(reference, estimate, 30),
    ):
        (gradient,) = torch.autograd.grad(value.sum(), estimate, retain_graph=True)
        assert torch.isfinite(value).all()
        assert torch.isfinite(gradient).all()


def test_more_is_better():
    assert SISDR.figures["si_sdr"].sign == 1


@pytest.mark.parametrize("measure", [si_sdr, snr])
def test_integers_are_refused_as_they_would_overflow(measure):
    whole = torch.arange(-30000, 30000, 7, dtype=torch.int16)
    with pytest.raises(ValueError, match="signals are floats"):
        measure(whole, whole)
    with pytest.raises(ValueError, match="signals are floats"):
        weighted_sdr(whole, whole, whole)
