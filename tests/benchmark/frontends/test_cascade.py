"""The comparison systems of two_mask: two networks in a row, and the listener who goes without."""

import pytest
import torch

from benchmark.contracts import Batch, Heard
from benchmark.errors import EarmarkError
from benchmark.frontends.cascade import Cascade
from benchmark.frontends.unaided import Unaided
from benchmark.hearing.audiograms import PROFILES
from benchmark.training.system import System

SMALL = {"features": 4, "hidden": 4, "layers": 1, "head": 6}


@pytest.fixture
def cascade():
    torch.manual_seed(0)
    return Cascade(SMALL).eval()


@pytest.fixture
def sound():
    """Noise of two people, heard with different losses."""
    audio = 0.02 * torch.randn(2, 1, 2100, generator=torch.Generator().manual_seed(0))
    listener = torch.tensor([[PROFILES["N2"]], [PROFILES["S3"]]], dtype=torch.float32)
    return Heard(audio, torch.tensor([2100, 2100]), listener)


def test_a_cascade_is_its_networks_in_turn(cascade, sound):
    first = cascade.reducer.process(sound).audio
    torch.testing.assert_close(
        cascade.process(sound).audio, cascade.compensator.process(sound._replace(audio=first)).audio
    )
    torch.testing.assert_close(cascade.process(sound, p=0, q=0).audio, sound.audio, atol=1e-6, rtol=0)
    torch.testing.assert_close(cascade.process(sound, q=0).audio, first, atol=1e-6, rtol=0)
    torch.testing.assert_close(
        cascade.process(sound, p=0, q=2).audio, cascade.compensator.process(sound, q=2).audio, atol=1e-4, rtol=1e-3
    )
    assert cascade.controls == {"p": 1.0, "q": 1.0}
    assert cascade.needs == {"clean", "listener"}


def test_a_cascade_is_trained_as_its_networks_would_be_by_themselves(cascade, sound):
    batch = Batch([], sound, 0.5 * sound.audio.roll(7, -1), {})
    parts = [network.loss(network.process(batch.heard), batch) for network in (cascade.reducer, cascade.compensator)]
    losses = cascade.loss(cascade.process(batch.heard), batch)
    torch.testing.assert_close(losses, sum(parts))
    losses.sum().backward()
    together = {name: p.grad.clone() for name, p in cascade.named_parameters()}
    for name, network, loss in zip(
        ("reducer", "compensator"), (cascade.reducer, cascade.compensator), parts, strict=True
    ):
        assert (network.objective, *network.controls) == {
            "reducer": ("noise_reduction", "p"),
            "compensator": ("compensation", "q"),
        }[name]
        network.zero_grad()
        loss.sum().backward()
        for key, parameter in network.named_parameters():
            torch.testing.assert_close(together[f"{name}.{key}"], parameter.grad, rtol=1e-4, atol=1e-6)


def test_two_ears_are_what_each_is_alone(cascade, sound):
    system = System(cascade, {})
    ears = Heard(
        torch.cat([sound.audio, 0.3 * sound.audio], 1),
        sound.lengths,
        torch.cat([sound.listener, sound.listener + 10], 1),
    )
    both = Batch([], ears, 0.5 * ears.audio, {})
    enhanced = system.enhance(both)
    losses = []
    for ear in (slice(0, 1), slice(1, 2)):
        one = Batch([], ears._replace(audio=ears.audio[:, ear], listener=ears.listener[:, ear]), both.clean[:, ear], {})
        single = system.enhance(one)
        torch.testing.assert_close(enhanced.audio[:, ear], single.audio, atol=1e-6, rtol=1e-3)
        losses.append(system.front_end_loss(single, one))
    torch.testing.assert_close(system.front_end_loss(enhanced, both), sum(losses) / 2, atol=1e-4, rtol=1e-3)


def test_options_of_a_cascade_are_those_of_its_networks(cascade):
    assert len(cascade.reducer.over_time) == len(cascade.compensator.over_time) == 1
    with pytest.raises(EarmarkError, match="unknown option 'feature'; did you mean 'features'"):
        Cascade({"feature": 4})
    with pytest.raises(EarmarkError, match="product: it adds a term to the objective both, not to noise_reduction"):
        Cascade({"product": True})


def test_who_goes_unaided_hears_what_there_is(sound):
    assert torch.equal(Unaided().process(sound).audio, sound.audio)
    assert Unaided().needs == {"listener"}


@pytest.mark.parametrize("length", [700, 2048, 2305])
def test_padding_and_the_tail_of_the_first_network_do_not_reach_the_second(cascade, length):
    audio = 0.02 * torch.randn(2, 1, 3000, generator=torch.Generator().manual_seed(0))
    audio[0, :, length:] = 0
    listener = torch.tensor([[PROFILES["N3"]]], dtype=torch.float32).expand(2, 1, 10)
    together = cascade.process(Heard(audio, torch.tensor([length, 3000]), listener)).audio[:1, :, :length]
    alone = cascade.process(Heard(audio[:1, :, :length], torch.tensor([length]), listener[:1])).audio
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-3)


def test_the_objectives_of_a_cascade_are_its_own():
    with pytest.raises(EarmarkError, match="network: objective: a cascade gives each network its own"):
        Cascade({"objective": "snr"})
