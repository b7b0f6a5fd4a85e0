"""Speed of the auditory model, forward and backward, against direct convolution with the same filters; one thread."""

import time

import torch
from side_by_side import in_turns

from benchmark.contracts import SAMPLE_RATE
from benchmark.hearing.audiograms import PROFILES
from benchmark.hearing.auditory_model import SMALLEST, AuditoryModel, hair_cell_loss

BATCH, SECONDS, ROUNDS = 2, 2, 3  # direct convolution takes seconds even for these


def convolved(x, filters, groups):
    """Causal convolution of (batch, 1 or channels, time) with (channels, taps)."""
    padded = torch.nn.functional.pad(x, (filters.shape[-1] - 1, 0))
    return torch.nn.functional.conv1d(padded, filters.flip(-1)[:, None], groups=groups)


def direct(model, audio, audiogram):
    """The output of the model, with every filter as a convolution in time."""
    outer, inner = (10 ** (-loss[..., None] / 20) for loss in hair_cell_loss(audiogram, model.centres))
    channels = len(model.centres)
    tuned = convolved(audio[:, None], model.before, 1)
    magnitude = tuned.abs().clamp_min(torch.finfo(tuned.dtype).tiny)
    broken_stick = tuned.sign() * torch.minimum(model.gain * outer * magnitude, model.compressed * magnitude**0.25)
    velocity = convolved(broken_stick, model.after, channels) + convolved(audio[:, None], model.linear, 1)
    cell = convolved(torch.relu(velocity), model.cell.expand(channels, -1), channels)
    return torch.log1p(torch.relu(cell) * inner / SMALLEST)


def test_the_auditory_model_by_fft_and_directly(benchmark):
    model = AuditoryModel()
    batch, samples = (BATCH, SECONDS * SAMPLE_RATE) if benchmark.enabled else (1, SAMPLE_RATE // 4)
    audio = 0.02 * torch.randn(batch, samples, generator=torch.Generator().manual_seed(0))
    audiogram = torch.tensor([PROFILES["N3"]] * batch, dtype=torch.float32)
    results = {}

    def timed(way):
        heard = audio.clone().requires_grad_()
        start = time.perf_counter()
        output = way(heard, audiogram)
        output.mean().backward()
        taken = time.perf_counter() - start
        results[way] = output.detach(), heard.grad
        return [taken]

    by_fft, directly = model.forward, lambda *signals: direct(model, *signals)
    medians = in_turns(benchmark, lambda: timed(by_fft), lambda: timed(directly), ROUNDS)
    for ours, theirs in zip(results[by_fft], results[directly], strict=True):
        assert (ours - theirs).norm() < 0.01 * theirs.norm()
    if medians:
        ratio = medians.theirs / medians.ours
        print(
            f"\nauditory model, {BATCH} x {SECONDS} s forward and backward: {medians.ours:.2f} s, directly "
            f"{medians.theirs:.2f} s: {ratio:.1f} times as fast"
        )
        assert ratio > 1
