"""A chain is what its members are, one after the other."""

import pytest
import torch
import toys

from benchmark.contracts import Batch, Enhanced, FrontEnd, Heard
from benchmark.errors import EarmarkError
from benchmark.frontends import build_front_end
from benchmark.training.system import System

SMALL = {"channels": 2, "depth": 2}
MEMBERS = '''
import torch
from torch import nn
from benchmark.contracts import Enhanced, FrontEnd

class Aid(FrontEnd):
    """Amplifies by the first threshold, and by its control."""
    needs = frozenset({"listener"})
    controls = {"extra": 0.0, "attenuation": 0.0}
    def process(self, heard, **controls):
        gain = heard.listener[..., :1] + controls.get("extra", 0.0) - controls.get("attenuation", 0.0)
        return Enhanced(heard.audio * 10 ** (gain / 20))

class Swap(FrontEnd):
    """Swaps the ears, and shares its input."""
    channels = None
    def process(self, heard, **controls):
        return Enhanced(heard.audio.flip(1), shared=heard.audio)

class Offset(FrontEnd):
    """Leaves something in the padding."""
    def forward(self, audio):
        return audio + 1

class Fast(FrontEnd):
    sample_rate = 48000
'''


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MEMBERS)
    return lambda name: f"{path}:{name}"


@pytest.fixture
def heard():
    generator = torch.Generator().manual_seed(0)
    audio = 0.02 * torch.randn(3, 1, 3000, generator=generator)
    audio[1, :, 2000:] = 0
    return Heard(audio, torch.tensor([3000, 2000, 3000]), torch.full((3, 1, 10), 6.0))


def test_members_come_one_after_the_other(heard, mine):
    torch.manual_seed(0)
    chain = build_front_end({"chain": {"members": ["spectral", {"unet": SMALL}, mine("Aid")]}})
    spectral, unet, aid = chain.members
    first = System(spectral, {}).enhance(Batch([], heard, None, {})).audio
    second = System(unet, {}).enhance(Batch([], heard._replace(audio=first), None, {})).audio
    torch.testing.assert_close(chain.process(heard).audio, aid.process(heard._replace(audio=second)).audio)
    assert chain.needs == {"clean", "listener"}
    assert not chain.dropped_in_only


def test_a_listener_is_passed_on(heard):
    members = [{f"{toys.__file__}:Gain": {"start": 0.5}}, {f"{toys.__file__}:HearingAid": {}}]
    chain = build_front_end({"chain": {"members": members}}).eval()
    assert "listener" in chain.needs
    with_loss = heard._replace(listener=torch.full((3, 1, 10), 40.0))
    torch.testing.assert_close(chain.process(with_loss).audio, 5 * heard.audio)


def test_controls_keep_their_names_unless_they_are_shared(heard, mine):
    chain = build_front_end({"chain": {"members": ["spectral", mine("Aid"), "spectral"]}})
    assert chain.controls == {
        "spectral.attenuation": 20.0,
        "extra": 0.0,
        "Aid.attenuation": 0.0,
        "spectral2.attenuation": 20.0,
    }
    quiet = {"spectral.attenuation": 0.0, "spectral2.attenuation": 0.0}
    torch.testing.assert_close(chain.process(heard, **quiet, extra=14.0).audio, 10 * heard.audio, atol=1e-6, rtol=1e-3)
    torch.testing.assert_close(
        chain.process(heard, **quiet, **{"Aid.attenuation": 6.0}).audio, heard.audio, atol=1e-6, rtol=1e-3
    )


def test_one_ear_and_two_ear_members_mix(heard, mine):
    torch.manual_seed(0)
    chain = build_front_end({"chain": {"members": [{"unet": SMALL}, mine("Swap"), mine("Aid")]}})
    assert chain.channels is None
    ears = torch.cat([heard.audio, 0.3 * heard.audio.flip(0)], 1)
    listener = torch.tensor([0.0, 20.0])[None, :, None].expand(3, 2, 10)
    enhanced = chain.process(heard._replace(audio=ears, listener=listener))
    unet = chain.members[0]
    for ear in (0, 1):
        alone = unet.process(heard._replace(audio=ears[:, ear : ear + 1])).audio * (
            torch.arange(3000) < heard.lengths[:, None, None]
        )
        torch.testing.assert_close(enhanced.audio[:, 1 - ear : 2 - ear], alone * (10.0 if ear == 0 else 1.0))
    assert enhanced.shared.shape == ears.shape


def test_padding_is_silenced_between_members(heard, mine):
    chain = build_front_end({"chain": {"members": [mine("Offset"), mine("Offset")]}})
    assert chain.process(heard).audio[1, :, 2000:].abs().max() == 0


def test_the_loss_is_that_of_the_last_trainable_member_before_what_follows(heard, mine):
    torch.manual_seed(0)
    clean = 0.5 * heard.audio
    for tail in ([], [mine("Aid")]):
        chain = build_front_end({"chain": {"members": ["spectral", {"unet": SMALL}, *tail]}})
        batch = Batch([], heard, clean, {})
        unet = chain.members[1]
        denoised = unet.process(heard._replace(audio=build_front_end("spectral").process(heard).audio)).audio
        denoised = denoised * (torch.arange(3000) < heard.lengths[:, None, None])
        losses = chain.loss(System(chain, {}).enhance(batch), batch)
        torch.testing.assert_close(losses, unet.loss(Enhanced(denoised), batch))
        losses.sum().backward()
        assert all(p.grad.abs().sum() > 0 for p in unet.encoder.parameters())


def test_the_loss_survives_ears_in_the_batch(heard, mine):
    chain = build_front_end({"chain": {"members": [{"unet": SMALL}, mine("Aid")]}})
    ears = heard._replace(audio=heard.audio.repeat(1, 2, 1), listener=heard.listener.repeat(1, 2, 1))
    batch = Batch([], ears, ears.audio, {})
    assert chain.loss(System(chain, {}).enhance(batch), batch).shape == (3,)


def test_without_a_trainable_member_the_loss_is_the_default(heard):
    chain = build_front_end({"chain": {"members": ["spectral", "identity"]}})
    batch = Batch([], heard, heard.audio, {})
    enhanced = chain.process(heard)
    torch.testing.assert_close(chain.loss(enhanced, batch), FrontEnd.loss(chain, enhanced, batch))


def test_what_cannot_be_chained(mine, tmp_path):
    with pytest.raises(EarmarkError, match="there are none"):
        build_front_end({"chain": {"members": []}})
    with pytest.raises(EarmarkError, match=r"run at \[16000, 48000\] Hz"):
        build_front_end({"chain": {"members": ["identity", mine("Fast")]}})
    assert build_front_end(
        {"chain": {"members": [{"adapters/folder": {"path": str(tmp_path)}}, "spectral"]}}
    ).dropped_in_only


def test_a_chain_of_one_ear_members_takes_one_ear():
    assert build_front_end({"chain": {"members": [{"unet": SMALL}, {"unet": SMALL}]}}).channels == 1
    assert build_front_end({"chain": {"members": [{"unet": SMALL}, "identity"]}}).channels is None
