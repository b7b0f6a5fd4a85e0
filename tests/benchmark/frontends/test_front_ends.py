"""What holds for every front-end here, and how they are built."""

import pytest
import torch
from torch import nn

from benchmark.contracts import Batch, Enhanced, Heard
from benchmark.errors import EarmarkError
from benchmark.frontends import build_front_end
from benchmark.frontends.identity import Identity
from benchmark.hearing.audiograms import PROFILES

BANDS = {"features": 4, "hidden": 4, "layers": 1, "head": 6}

SMALL = {
    "identity": {},
    "spectral": {},
    "unet": {"channels": 4, "depth": 3},
    "conv_tasnet": {"filters": 16, "channels": 8, "hidden": 8, "layers": 2, "stacks": 1},
    "chain": {"members": ["spectral", {"unet": {"channels": 2, "depth": 2, "mask": "complex"}}]},
    "two_mask": BANDS,
    "cascade": {"network": BANDS},
    "nal_r": {},
    "fig6": {},
    "unaided": {},
}
TRAINED = ("unet", "conv_tasnet")


def build(name):
    torch.manual_seed(0)
    return build_front_end({name: SMALL[name]}).eval()


def noise(batch, samples, level=0.02):
    return level * torch.randn(batch, 1, samples, generator=torch.Generator().manual_seed(samples))


def heard(audio, lengths=None):
    """What is heard by people with different losses."""
    listener = torch.tensor(
        [PROFILES[("N3", "S3", "N1")[index % 3]] for index in range(len(audio))], dtype=torch.float32
    )[:, None]
    return Heard(
        audio, torch.full((len(audio),), audio.shape[-1]) if lengths is None else torch.tensor(lengths), listener
    )


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("samples", [1, 2, 255, 512, 4001])
def test_any_length_comes_back_as_it_went_in(name, samples):
    audio = noise(2, samples)
    output = build(name).process(heard(audio)).audio
    assert output.shape == audio.shape
    assert torch.isfinite(output).all()


@pytest.mark.parametrize("name", SMALL)
def test_silence_gives_silence_and_finite_gradients(name):
    audio = torch.zeros(2, 1, 3000, requires_grad=True)
    output = build(name).process(heard(audio)).audio
    assert output.abs().max() == 0
    (gradient,) = torch.autograd.grad(output.sum(), audio)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("name", SMALL)
def test_neighbours_in_the_batch_do_not_matter(name):
    front_end, all_three = build(name), heard(noise(3, 3000))
    alone = front_end.process(Heard(*(part[1:2] for part in all_three[:3]))).audio
    torch.testing.assert_close(front_end.process(all_three).audio[1:2], alone, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("name", ["identity", "spectral", "unet", "chain", "two_mask", "nal_r", "fig6", "unaided"])
@pytest.mark.parametrize("length", [1, 700, 2048, 2305])
def test_padding_does_not_matter(name, length):
    front_end, audio = build(name), noise(2, 3000)
    audio[0, :, length:] = 0
    alone = front_end.process(heard(audio[:1, :, :length])).audio
    torch.testing.assert_close(
        front_end.process(heard(audio, [length, 3000])).audio[:1, :, :length], alone, atol=1e-6, rtol=1e-4
    )


@pytest.mark.parametrize("name", ["identity", "spectral", "unet", "chain", "nal_r", "unaided"])
def test_the_output_scales_with_the_input(name):
    front_end, audio = build(name), noise(1, 8000)
    torch.testing.assert_close(
        front_end.process(heard(10 * audio)).audio, 10 * front_end.process(heard(audio)).audio, atol=1e-5, rtol=1e-3
    )


@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize("loss", ["wsdr", "si_sdr", "snr"])
def test_losses_are_per_example_and_finite_on_silence(name, loss):
    front_end = build_front_end({name: {**SMALL[name], "loss": loss}})
    noisy, clean = noise(4, 3000), 0.5 * noise(4, 3000).roll(7, -1)
    noisy[2], clean[2] = 0, 0  # nothing there
    clean[3] = 0  # nothing but noise
    batch = Batch([], heard(noisy), clean, {})
    losses = front_end.loss(front_end.process(batch.heard), batch)
    assert losses.shape == (4,)
    assert torch.isfinite(losses).all()
    losses.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in front_end.parameters())
    assert any(p.grad.abs().sum() > 0 for p in front_end.parameters())
    best = front_end.loss(Enhanced(clean), batch)[:2]
    torch.testing.assert_close(best, torch.full((2,), -1.0), atol=0.001, rtol=0)
    assert (losses[:2] > best).all()


@pytest.mark.parametrize("name", TRAINED)
def test_a_few_steps_learn_to_take_a_hum_away(name):
    torch.manual_seed(0)
    front_end = build_front_end({name: SMALL[name]})
    optimizer = torch.optim.Adam(front_end.parameters(), 0.01)
    hum = 0.02 * torch.sin(torch.arange(4000) * 0.9)
    losses = []
    for _ in range(30):
        clean = 0.02 * torch.randn(4, 1, 4000).cumsum(-1)
        clean = 0.02 * clean / clean.std(-1, keepdim=True)
        batch = Batch([], heard(clean + hum), clean, {})
        losses.append(front_end.loss(front_end.process(batch.heard), batch).mean())
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < losses[0] - 0.05 * losses[0].abs()


def test_the_networks_start_near_what_they_hear():
    audio = noise(1, 16000)
    for entry in ({"unet": {"mask": "magnitude"}}, {"unet": {"mask": "complex"}}, "conv_tasnet"):
        torch.manual_seed(0)
        output = build_front_end(entry)(audio).detach()
        assert 0.5 < (output * audio).sum() / audio.square().sum() < 1


def test_a_network_may_estimate_the_noise_too():
    audio = noise(2, 1000)
    both = build_front_end({"conv_tasnet": {**SMALL["conv_tasnet"], "sources": 2}})
    assert both(audio).shape == audio.shape
    assert both.network(audio).shape == (2, 2, 1000)


def test_building():
    assert type(build_front_end("identity")) is Identity
    assert type(build_front_end({"identity": None})) is Identity
    for entry, message in (
        ({"unet": {"chanels": 8}}, "unet: unknown option 'chanels'; did you mean 'channels'"),
        ({"unet": {"mask": "phase"}}, "unet: option 'mask'"),
        ({"unet": {"kernel": 4}}, "unet: kernel: 4 is even"),
        ({"unet": {"hop": 400}}, "hop 400"),
        ("spectrl", "did you mean 'spectral'"),
        ({"identity": {}, "unet": {}}, "write a name, or"),
    ):
        with pytest.raises(EarmarkError, match=message):
            build_front_end(entry)


def test_a_users_module_is_wrapped(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "import torch\n"
        "class Halve(torch.nn.Module):\n"
        "    sample_rate = 8000\n"
        "    def __init__(self, by: float = 0.5):\n        super().__init__()\n        self.by = by\n"
        "    def forward(self, x):\n        return x[:, 0] * self.by\n"
        "class Cut(torch.nn.Module):\n    def forward(self, x):\n        return x[..., 1:]\n"
        "class Plain:\n    pass\n"
    )
    audio = noise(2, 100)
    for entry in (
        {f"{path}:Halve": {"by": 0.25}},
        {"adapters/module": {"module": f"{path}:Halve", "options": {"by": 0.25}}},
    ):
        wrapped = build_front_end(entry)
        assert (wrapped.channels, wrapped.sample_rate) == (1, 8000)
        torch.testing.assert_close(wrapped(audio), 0.25 * audio)
    with pytest.raises(EarmarkError, match="did you mean 'by'"):
        build_front_end({f"{path}:Halve": {"bye": 1}})
    with pytest.raises(EarmarkError, match="Cut: returned"):
        build_front_end(f"{path}:Cut")(audio)
    with pytest.raises(EarmarkError, match="Plain: not a torch"):
        build_front_end(f"{path}:Plain")
    assert isinstance(build_front_end({"adapters/module": {"module": f"{path}:Cut"}}).module, nn.Module)
