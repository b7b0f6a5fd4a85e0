"""The ear against values that the authors' own implementation gives, and what any ear must do."""

import pytest
import torch

from benchmark.hearing.audiograms import PROFILES
from benchmark.hearing.auditory_model import AuditoryModel, _middle_ear, centre_frequencies, hair_cell_loss

FREQUENCIES = torch.tensor([250.0, 375, 500, 750, 1000, 1500, 2000, 3000, 4000, 6000])


@pytest.fixture(scope="module")
def ear() -> AuditoryModel:
    return AuditoryModel()


def loss_of(name: str) -> torch.Tensor:
    return torch.tensor([PROFILES[name]], dtype=torch.float32)


def sine(level: float, seconds: float = 1.0, hertz: float = 1000.0) -> torch.Tensor:
    time = torch.arange(int(16000 * seconds)) / 16000
    return (2**0.5 * 10 ** ((level - 100) / 20) * torch.sin(2 * torch.pi * hertz * time))[None]


@pytest.mark.parametrize(
    ("level", "who", "membrane", "reported"),
    [
        (40, None, 5.465e-4, 2.7066),
        (40, "N3", 1.842e-5, 0.156),
        (60, None, 1.6076e-3, 3.6486),
        (60, "N3", 1.842e-4, 0.8725),
        (80, None, 2.2296e-3, 3.8389),
        (80, "N3", 1.842e-3, 2.4228),
        (100, None, 2.4785e-2, 6.0445),
        (100, "N3", 2.470e-2, 4.633),
    ],
)
def test_a_tone_gives_the_published_model_s_values(ear, level, who, membrane, reported):
    audiogram = None if who is None else loss_of(who)
    outer = 1.0 if audiogram is None else 10 ** (-hair_cell_loss(audiogram, ear.centres)[0][..., None] / 20)
    steady = slice(8000, 16000)
    assert ear.basilar_membrane(sine(level), outer)[0, 13, steady].square().mean().sqrt() == pytest.approx(
        membrane, rel=0.01
    )
    assert ear(sine(level), audiogram)[0, 13, steady].mean() == pytest.approx(reported, rel=0.01)


@pytest.mark.parametrize(("level", "overall"), [(35, 0.694), (65, 2.177), (95, 3.615)])
def test_white_noise_gives_the_published_model_s_mean(ear, level, overall):
    noise = 10 ** ((level - 100) / 20) * torch.randn(4, 32000, generator=torch.Generator().manual_seed(0))
    assert ear(noise).mean() == pytest.approx(overall, rel=0.01)


def test_channels_and_middle_ear_are_the_published_ones():
    centres = centre_frequencies()
    assert len(centres) == 31
    assert [centres[0], centres[13], centres[30]] == pytest.approx([80.01, 1027.62, 7642.69], abs=0.01)
    response = torch.fft.rfft(torch.from_numpy(_middle_ear()), 16000).abs()
    assert response[1000] == pytest.approx(4.208e-4, rel=0.001)
    assert int(response.argmax()) == pytest.approx(795, abs=2)


@pytest.mark.parametrize(
    ("name", "outer", "inner"),
    [
        (
            "N3",
            [18.59, 23.07, 23.33, 23.33, 26.67, 30.00, 33.33, 36.67, 39.32, 40.52],
            [16.41, 11.93, 11.67, 11.67, 13.33, 15.00, 16.67, 18.33, 20.68, 24.48],
        ),
        (
            "N5",
            [18.59, 23.07, 25.26, 30.70, 34.03, 38.68, 39.53, 39.49, 39.32, 40.52],
            [46.41, 44.43, 44.74, 41.80, 40.97, 41.32, 40.47, 40.51, 40.68, 39.48],
        ),
        (
            "S2",
            [13.33, 13.33, 13.33, 15.00, 16.67, 23.33, 36.67, 39.49, 39.32, 40.52],
            [6.67, 6.67, 6.67, 7.50, 8.33, 11.67, 18.33, 35.51, 55.68, 54.48],
        ),
    ],
)
def test_a_loss_is_shared_out_between_hair_cells_as_published(name, outer, inner):
    found = hair_cell_loss(loss_of(name), FREQUENCIES)
    assert found[0][0].tolist() == pytest.approx(outer, abs=0.006)
    assert found[1][0].tolist() == pytest.approx(inner, abs=0.006)


def test_thresholds_are_extrapolated_within_what_an_ear_can_lose():
    outer, inner = hair_cell_loss(loss_of("S1"), torch.tensor([80.0, 8000.0]))
    total = (outer + inner)[0]
    slope = (70 - 55) / (torch.log10(torch.tensor(6000.0)) - torch.log10(torch.tensor(4000.0)))
    assert total[0] == pytest.approx(10)
    assert total[1] == pytest.approx(float(70 + slope * torch.log10(torch.tensor(8000 / 6000))), rel=1e-4)
    assert hair_cell_loss(loss_of("N7"), torch.tensor([8000.0]))[0].isfinite().all()
    assert (sum(hair_cell_loss(loss_of("N7") + 60, FREQUENCIES)) <= 105).all()


def test_batches_of_ears_and_signals_are_what_each_is_alone(ear):
    sounds = torch.cat([sine(60, 0.25), sine(75, 0.25, 3000)])
    losses = torch.cat([loss_of("N2"), loss_of("S3")])
    together = ear(sounds, losses)
    assert together.shape == (2, 31, 4000)
    for index in range(2):
        torch.testing.assert_close(
            ear(sounds[index : index + 1], losses[index : index + 1])[0], together[index], rtol=1e-4, atol=1e-3
        )


def test_no_loss_is_the_normal_ear_and_more_loss_reports_less(ear):
    noise = 0.02 * torch.randn(1, 8000, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ear(noise, loss_of("normal")), ear(noise))
    means = [float(ear(noise, loss_of(name)).mean()) for name in ("normal", "N1", "N2", "N3", "N4", "N5", "N6", "N7")]
    assert means == sorted(means, reverse=True)
    assert means[-1] < 0.05 * means[0]


def test_it_is_causal(ear):
    noise = 0.02 * torch.randn(1, 8000, generator=torch.Generator().manual_seed(0))
    cut = noise.clone()
    cut[:, 5000:] = 0
    torch.testing.assert_close(ear(cut)[..., :5000], ear(noise)[..., :5000], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("scale", [0.0, 1e-12, 0.02, 1.0])
def test_gradients_are_finite_from_silence_to_full_scale(ear, scale):
    audio = (scale * torch.sign(torch.randn(2, 2000, generator=torch.Generator().manual_seed(0)))).requires_grad_()
    losses = torch.cat([loss_of("normal"), loss_of("N4")]).requires_grad_()
    ear(audio, losses).square().mean().backward()
    assert audio.grad.isfinite().all()
    assert losses.grad.isfinite().all()
    assert scale < 1e-6 or audio.grad.abs().max() > 0


def test_the_gradient_is_that_of_finite_differences(ear):
    exact = AuditoryModel().double()
    audio = 0.02 * torch.randn(1, 400, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    direction = torch.randn(1, 400, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    loss = loss_of("N2").double()
    step = 1e-7
    difference = (exact(audio + step * direction, loss).mean() - exact(audio - step * direction, loss).mean()) / (
        2 * step
    )
    audio.requires_grad_()
    exact(audio, loss).mean().backward()
    assert float((audio.grad * direction).sum()) == pytest.approx(float(difference), rel=1e-3)
