"""Two masks with two exponents: what each does alone, what it is trained by, and what changes nothing."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from benchmark.contracts import AUDIOGRAM_HZ, Batch, Heard
from benchmark.costs import look_ahead
from benchmark.errors import EarmarkError
from benchmark.frontends import build_front_end, two_mask
from benchmark.frontends._stft import STFT
from benchmark.frontends.two_mask import TwoMask, _edges
from benchmark.hearing.audiograms import PROFILES
from benchmark.hearing.auditory_loss import AuditoryLoss
from benchmark.metrics.snr import snr
from benchmark.training.system import System

SMALL = {"features": 4, "hidden": 4, "layers": 1, "head": 6}
CONTROLS = {
    "both": {"p", "q"},
    "product": {"p", "q"},
    "noise_reduction": {"p"},
    "snr": {"p"},
    "compensation": {"q"},
    "joint": {"q"},
}
EVERY = [*((objective, False) for objective in CONTROLS), ("both", True)]
SAMPLES = 2100
RAISED = 10 ** (15 / 20)  # by which impaired ears, and the normal ones they are held against, hear everything louder


DIFFERENCE = AuditoryLoss()  # without weights, and slow to build: one for all networks


@pytest.fixture(autouse=True)
def one_ear(monkeypatch):
    monkeypatch.setattr(two_mask, "AuditoryLoss", lambda: DIFFERENCE)


def build(objective="both", strength=4.0, **options):
    """A small network with random weights; `strength` times as large in the last layer, so that its masks are far from
    1.
    """
    torch.manual_seed(0)
    network = TwoMask(objective, **{**SMALL, **options}).eval()
    with torch.no_grad():
        if network.film is not None:  # which starts at zero
            network.film.weight.normal_(std=0.3)
        for heads in network.heads.values():
            for head in heads:
                head[-1].weight.mul_(strength)
    return network


def listeners(*names):
    return torch.tensor([PROFILES[name] for name in names], dtype=torch.float32)[:, None]


def noise(batch, samples=SAMPLES, seed=0):
    return 0.02 * torch.randn(batch, 1, samples, generator=torch.Generator().manual_seed(seed))


def heard(audio, names=(), lengths=None):
    return Heard(
        audio, torch.tensor(lengths or [audio.shape[-1]] * len(audio)), listeners(*(names or ["N3"] * len(audio)))
    )


@pytest.fixture(scope="module")
def batch():
    """Three scenes, the last two shorter than the first; each is heard by somebody else."""
    lengths = [SAMPLES, 2048, 700]
    valid = torch.arange(SAMPLES) < torch.tensor(lengths)[:, None, None]
    clean = noise(3) * valid
    return Batch([], heard(clean + 0.5 * noise(3, seed=1) * valid, ("N1", "N4", "S3"), lengths), clean, {})


def alone(batch, index):
    length = int(batch.heard.lengths[index])
    one = Heard(
        batch.heard.audio[index : index + 1, :, :length],
        torch.tensor([length]),
        batch.heard.listener[index : index + 1],
    )
    return Batch([], one, batch.clean[index : index + 1, :, :length], {})


@pytest.mark.parametrize(("objective", "causal"), [*((objective, False) for objective in CONTROLS), ("both", True)])
def test_without_any_of_its_masks_the_input_comes_back(objective, causal, batch):
    network = build(objective, causal=causal)
    assert set(network.controls) == CONTROLS[objective]
    assert network.controls == dict.fromkeys(network.controls, 1.0)
    untouched = network.process(batch.heard, **dict.fromkeys(network.controls, 0.0)).audio
    torch.testing.assert_close(untouched, batch.heard.audio, atol=1e-6, rtol=0)
    output = network.process(batch.heard).audio
    assert abs(10 * torch.log10(output.detach().square().sum() / batch.heard.audio.square().sum())) > 0.3  # dB
    torch.testing.assert_close(output, network.process(batch.heard, **dict.fromkeys(network.controls, 1.0)).audio)


@pytest.mark.parametrize("objective", ["both", "noise_reduction"])
def test_more_noise_reduction_attenuates_more_at_every_frequency(objective):
    network, audio = build(objective, strength=1.0), noise(2, 4000)
    assert (network.process(heard(audio)).intermediates["noise"] <= 0).all()
    spectra = [
        network.stft.analyse(network.process(heard(audio), **{**dict.fromkeys(network.controls, 0.0), "p": p}).audio)
        for p in (0, 0.5, 1, 2, 4)
    ]
    powers = torch.stack([spectrum.abs().square().sum((1, 3)) for spectrum in spectra])  # (p, batch, bins)
    assert (powers.diff(dim=0) < 0).all()


def test_each_exponent_is_a_power_of_its_own_mask():
    """With masks that are constants by construction: the logistic function of 2 + 4 b, and in nepers range tanh(b /
    range).
    """
    network, audio = build(range_db=10.0), noise(1)
    most = torch.tensor(10.0).log() / 2  # 10 dB in nepers
    with torch.no_grad():
        for heads in network.heads.values():
            for head in heads:
                head[-1].weight.zero_()
                head[-1].bias.fill_(0.3)
    for p, q in ((1, 0), (0, 1), (1, 1), (0.5, 2), (3, -1)):
        factor = torch.sigmoid(torch.tensor(3.2)) ** p * (q * most * torch.tanh(0.3 / most)).exp()
        torch.testing.assert_close(network.process(heard(audio), p=p, q=q).audio, factor * audio, rtol=1e-3, atol=1e-6)


def test_the_output_is_the_masked_spectrum():
    network, audio = build(range_db=12.0), noise(2)
    masks = network.process(heard(audio)).intermediates
    assert set(masks) == {"heard", "noise", "compensation"}
    spectrum = STFT(512, 256).analyse(audio)
    assert masks["noise"].shape == masks["compensation"].shape == spectrum.shape
    for p, q in ((1, 1), (0.5, 2)):
        masked = spectrum * masks["noise"].exp() ** p * masks["compensation"].exp() ** q
        torch.testing.assert_close(
            network.process(heard(audio), p=p, q=q).audio,
            STFT(512, 256).synthesise(masked, SAMPLES),
            rtol=1e-3,
            atol=1e-6,
        )


@pytest.mark.parametrize("range_db", [6.0, 60.0])
def test_the_compensation_mask_stays_within_its_range(range_db):
    mask = (
        build("compensation", strength=1e4, range_db=range_db)
        .process(heard(noise(1)))
        .intermediates["compensation"]
        .detach()
    )
    assert float(mask.abs().max()) * 20 / torch.log(torch.tensor(10.0)) == pytest.approx(range_db, rel=1e-3)


def gains(network, audio):
    """Of the compensation mask at the ten frequencies of audiograms, in nepers, (batch, 10, frames)."""
    mask = network.process(heard(audio)).intermediates["compensation"][:, 0]
    return torch.linalg.lstsq(network.weights.T.expand(len(mask), -1, -1), mask).solution


def test_the_gains_of_compensation_are_those_of_a_prescription():
    """Straight lines over log frequency between the frequencies of audiograms, held beyond them."""
    network, audio = build(), noise(2)
    mask = network.process(heard(audio)).intermediates["compensation"][:, 0].detach()
    hertz = np.linspace(0, 8000, 257)
    known = gains(network, audio).detach()
    for example, frame in ((0, 0), (1, 3)):
        expected = np.interp(np.log(np.maximum(hertz, 1)), np.log(AUDIOGRAM_HZ), known[example, :, frame])
        np.testing.assert_allclose(mask[example, :, frame], expected, atol=1e-4)
    assert known.std(1).min() > 0  # each its own


@pytest.mark.parametrize("causal", [False, True])
def test_the_gains_of_compensation_are_slow(causal):
    """The mean over frames, weighed by exp(-distance / release), against a sum by hand; in a causal network over the
    past alone.
    """
    network, audio = build(causal=causal, release=0.1), noise(1, 16000)
    slow = gains(network, audio)
    network.pole = 0.0
    fast = gains(network, audio)
    times = 0.016 * torch.arange(fast.shape[-1])
    apart = times[:, None] - times
    weights = torch.exp(-apart.abs() / 0.1) * ((apart >= 0) if causal else 1.0)
    torch.testing.assert_close(slow, fast @ (weights / weights.sum(-1, keepdim=True)).T, rtol=1e-4, atol=1e-5)
    assert slow.diff().abs().mean() < 0.3 * fast.diff().abs().mean()


def test_one_mask_that_does_both_follows_every_bin_and_frame():
    network, audio = build("joint"), noise(1)
    mask = network.process(heard(audio)).intermediates["compensation"]
    assert mask[0, 0, :, 0].unique().numel() == 257
    network.pole = 0.0
    assert torch.equal(mask, network.process(heard(audio)).intermediates["compensation"])


@pytest.mark.parametrize(("objective", "product"), EVERY)
def test_gradients_are_finite_from_silence_to_full_scale(objective, product):
    network = build(objective, product=product)
    noisy = torch.tensor([0.0, 1e-12, 1.0])[:, None, None] * torch.sign(noise(3, 800))
    scene = Batch([], heard(noisy, ("normal", "N4", "N5")), 0.5 * noisy, {})
    losses = network.loss(network.process(scene.heard), scene)
    assert losses.shape == (3,)
    for loss in losses:
        network.zero_grad()
        loss.backward(retain_graph=True)
        assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)
    assert any(p.grad.abs().max() > 0 for p in network.parameters() if p.grad is not None)


@pytest.mark.parametrize("causal", [False, True])
def test_padding_and_neighbours_change_nothing(causal, batch):
    network = build(causal=causal, product=True)
    together = network.process(batch.heard)
    losses = network.loss(together, batch)
    assert losses.shape == (3,)
    for index, length in enumerate(batch.heard.lengths.tolist()):
        one = alone(batch, index)
        enhanced = network.process(one.heard)
        torch.testing.assert_close(together.audio[index : index + 1, :, :length], enhanced.audio, atol=1e-6, rtol=1e-3)
        torch.testing.assert_close(losses[index : index + 1], network.loss(enhanced, one), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("objective", ["noise_reduction", "compensation", "joint", "snr"])
def test_losses_are_those_of_each_example(objective, batch):
    network = build(objective)
    losses = network.loss(System(network, {}).enhance(batch), batch)
    single = [
        network.loss(System(network, {}).enhance(one), one) for one in (alone(batch, index) for index in range(3))
    ]
    torch.testing.assert_close(losses, torch.cat(single), atol=1e-4, rtol=1e-3)
    assert len(set(losses.tolist())) == 3


def test_the_causal_network_looks_no_further_ahead_than_is_measured():
    network, audio = build(causal=True), noise(1, 16000)
    with torch.inference_mode():
        ahead = look_ahead(network)
        assert 256 < ahead < 512  # of its window
        before = network.process(heard(audio)).audio
        for place in (8000, 8191, 8192, 8300):
            changed = audio.clone()
            changed[..., place:] *= -2
            difference = (network.process(heard(changed)).audio - before).abs()[0, 0]
            assert difference[: place - ahead].max() < 1e-4 * before.std()
            assert difference[place:].max() > 0.1 * before.std()


def test_the_other_network_needs_the_whole_utterance():
    network = build(strength=1.0)
    with torch.no_grad():
        for name, bias in network.named_parameters():
            if "lstm.bias_ih" in name:
                # a forget gate that is open: untrained ones remember half a second
                bias[SMALL["hidden"] : 2 * SMALL["hidden"]] = 6.0
    with torch.inference_mode():
        assert look_ahead(network) is None


@pytest.mark.parametrize("objective", CONTROLS)
def test_the_audiogram_matters_where_a_loss_is_made_good(objective):
    network, audio = build(objective), noise(1)
    outputs = [network.process(heard(audio, [name])).audio for name in ("N1", "N5")]
    if objective in ("noise_reduction", "snr"):
        assert "listener" not in network.needs
        assert torch.equal(*outputs)
        assert torch.equal(network.process(Heard(audio, torch.tensor([SAMPLES]))).audio, outputs[0])
    else:
        assert network.needs == {"clean", "listener"}
        assert (outputs[0] - outputs[1]).std() > 0.01 * audio.std()
        with pytest.raises(ValueError, match="needs a listener"):
            network.process(Heard(audio, torch.tensor([SAMPLES])))


@pytest.mark.parametrize(("objective", "product"), EVERY)
def test_losses_are_what_the_ear_makes_of_what_the_controls_give(objective, product, batch):
    """Each term against the output at its own exponents; both terms and the product with uncertainties that are set by
    hand.
    """
    network = build(objective, product=product)
    noisy, clean, lengths, thresholds = (
        batch.heard.audio[:, 0],
        batch.clean[:, 0],
        batch.heard.lengths,
        batch.heard.listener[:, 0],
    )

    def term(reference, audiogram, **controls):
        louder = 1.0 if audiogram is None else RAISED
        return DIFFERENCE(
            louder * network.process(batch.heard, **controls).audio[:, 0], louder * reference, lengths, audiogram
        )

    found = network.loss(System(network, {}).enhance(batch), batch)
    terms = []
    if objective == "snr":
        terms.append(-snr(clean, System(network, {}).enhance(batch).audio[:, 0], 30.0) / 30)
    if objective == "joint":
        terms.append(term(clean, thresholds))
    if objective in ("both", "noise_reduction"):
        terms.append(term(clean, None, p=1, q=0))
    if objective in ("both", "compensation"):
        terms.append(term(noisy, thresholds, p=0, q=1))
    if product or objective == "product":
        terms.append(term(clean, thresholds, p=1, q=1))
    torch.testing.assert_close(found, sum(terms), rtol=1e-4, atol=1e-5)
    if objective != "snr":  # the exponents do not touch it
        torch.testing.assert_close(
            network.loss(network.process(batch.heard, **dict.fromkeys(network.controls, 0.3)), batch), found
        )
    if objective == "both":
        uncertainties = torch.tensor([0.5, -0.7, 1.1])[: len(terms)]
        network.uncertainties.data = uncertainties
        expected = sum((-u).exp() * value + u for u, value in zip(uncertainties, terms, strict=True))
        # validation does not follow them
        torch.testing.assert_close(network.loss(network.process(batch.heard), batch), found)
        network.train()
        torch.testing.assert_close(network.loss(network.process(batch.heard), batch), expected, rtol=1e-4, atol=1e-5)
        network.loss(network.process(batch.heard), batch).mean().backward()
        assert network.uncertainties.grad.abs().min() > 0


@pytest.mark.parametrize(("objective", "product"), EVERY)
def test_a_few_steps_lower_what_is_trained(objective, product):
    network = build(objective, strength=1.0, product=product).train()
    clean = torch.sin(0.3 * torch.arange(1000)) * torch.tensor([[[0.02]], [[0.01]]])
    scene = Batch([], heard(clean + noise(2, 1000), ("N2", "N4")), clean, {})
    optimizer = torch.optim.Adam(network.parameters(), 0.03)

    def loss():
        return network.loss(network.process(scene.heard), scene).mean()

    before = loss().item()
    for _ in range(4):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    if network.uncertainties is not None:
        network.uncertainties.data.zero_()  # the terms themselves, not their weights
    assert loss().item() < before - 0.03 * abs(before)


@pytest.mark.parametrize("objective", ["both", "noise_reduction", "snr"])
def test_no_reference_no_loss(objective, batch):
    network = build(objective)
    with pytest.raises(ValueError, match="needs a clean reference"):
        network.loss(network.process(batch.heard), Batch([], batch.heard, None, {}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective": "hearing"}, "option 'objective'"),
        ({"range_db": 0}, "option 'range_db'"),
        ({"hop": 300}, "hop 300"),
        *(
            ({"objective": one, "product": True}, f"product: it adds a term to the objective both, not to {one}")
            for one in CONTROLS
            if one != "both"
        ),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(EarmarkError, match=message):
        build_front_end({"two_mask": options})


def test_bands_are_the_paper_s():
    edges = [
        0,
        7,
        13,
        20,
        26,
        33,
        39,
        45,
        52,
        58,
        65,
        71,
        77,
        84,
        90,
        97,
        103,
        109,
        116,
        122,
        129,
        145,
        161,
        177,
        193,
        209,
        225,
        257,
    ]
    assert _edges(512) == edges
    for window in (32, 64, 256, 400, 1024):
        bins = [index for start, stop in pairwise(_edges(window)) for index in range(start, stop)]
        assert bins == list(range(window // 2 + 1))


def test_the_paper_s_sizes_can_be_built():
    network = TwoMask(features=64, hidden=128, layers=6, head=256, product=True)
    assert len(network.split) == len(network.heads["noise"]) == 27
    assert len(network.heads["compensation"]) == 10
    parameters = sum(p.numel() for p in network.parameters())
    # of theirs, where both masks share a hidden layer and have a value for each bin
    assert parameters == pytest.approx(3_407_944, rel=0.1)
    scene = Batch([], heard(noise(1, 600)), noise(1, 600), {})
    assert network.loss(network.process(scene.heard), scene).isfinite().all()


def test_two_ears_are_what_each_is_alone(batch):
    system = System(build(product=True), {})
    listener = torch.cat([batch.heard.listener, batch.heard.listener + 10], 1)
    ears = batch.heard._replace(audio=torch.cat([batch.heard.audio, 0.3 * batch.heard.audio], 1), listener=listener)
    both = Batch([], ears, torch.cat([batch.clean, 0.3 * batch.clean], 1), {})
    enhanced = system.enhance(both)
    losses = []
    for ear in (slice(0, 1), slice(1, 2)):
        one = Batch([], ears._replace(audio=ears.audio[:, ear], listener=listener[:, ear]), both.clean[:, ear], {})
        single = system.enhance(one)
        torch.testing.assert_close(enhanced.audio[:, ear], single.audio, atol=1e-6, rtol=1e-3)
        losses.append(system.front_end_loss(single, one))
    torch.testing.assert_close(system.front_end_loss(enhanced, both), sum(losses) / 2, atol=1e-4, rtol=1e-3)


def test_in_a_chain_the_network_is_trained_on_its_own_output():
    torch.manual_seed(0)
    chain = build_front_end(
        {"chain": {"members": ["spectral", {"two_mask": {"objective": "noise_reduction", **SMALL}}]}}
    ).eval()
    noisy = noise(1, 8000)
    batch = Batch([], Heard(noisy, torch.tensor([8000])), 0.3 * noisy, {})
    enhanced = System(chain, {}).enhance(batch)
    expected = DIFFERENCE(enhanced.audio[:, 0], batch.clean[:, 0], batch.heard.lengths)
    torch.testing.assert_close(chain.loss(enhanced, batch), expected, rtol=1e-3, atol=1e-4)
