"""The fixed gains that minimise the compensation loss, and their distance from NAL-R.

python studies/gains_that_minimise_the_loss.py

The loss compares what an impaired ear hears with amplification and what a normal ear hears without. Gains at NAL-R's
frequencies are found by gradient descent from NAL-R, on 4 validation scenes of synthetic sentences at 65 dB SPL: clean
and at 2.5 dB SNR, as they are and 15 dB louder for both ears. A line for each listener shows the loss at NAL-R and at
the minimum, both sets of gains in dB, and how far they are apart (root mean square, mean).
"""

import torch

from benchmark.catalogue import open_corpus
from benchmark.contracts import SAMPLE_RATE
from benchmark.data import Source, collate
from benchmark.hearing.audiograms import PROFILES
from benchmark.hearing.auditory_loss import AuditoryLoss
from benchmark.hearing.filters import interpolated
from benchmark.hearing.prescriptions import NAL_R_HZ, nal_r
from benchmark.scenes import select
from benchmark.store import default_cache

SCENES, SECONDS, STEPS = 4, 2, 80
LISTENERS = ("N3", "N4", "S3")
LOSS = AuditoryLoss()


def amplified(audio: torch.Tensor, gains: torch.Tensor) -> torch.Tensor:
    """Audio (batch, time) under gains in dB at the frequencies of NAL-R, interpolated over log frequency."""
    hertz = torch.fft.rfftfreq(audio.shape[-1], 1 / SAMPLE_RATE).clamp_min(1.0)
    decibels = interpolated(gains, torch.tensor(NAL_R_HZ, dtype=torch.float32).log(), hertz.log())
    return torch.fft.irfft(torch.fft.rfft(audio) * 10 ** (decibels / 20), audio.shape[-1])


def minimising_gains(
    audio: torch.Tensor, lengths: torch.Tensor, listener: str, steps: int = STEPS
) -> tuple[list[float], torch.Tensor]:
    """Gradient descent on the gains for one listener.

    Args:
        audio: (batch, time)
        lengths: (batch,) in samples
        listener: the name of a standard audiogram
        steps: of the descent
    Returns:
        the loss at each step, and the gains in dB at the least loss, at the frequencies of NAL-R
    """
    thresholds = torch.tensor(PROFILES[listener], dtype=torch.float32).expand(len(audio), -1)
    gains = nal_r(thresholds[0]).clone().requires_grad_()
    optimizer = torch.optim.Adam([gains], 2.0)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    losses: list[float] = []
    best = gains.detach().clone()
    for _ in range(steps):
        loss = LOSS(amplified(audio, gains), audio, lengths, thresholds).mean()
        if not losses or loss.item() < min(losses):
            best = gains.detach().clone()
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        slower.step()
    return losses, best


def main() -> None:
    """Print a line for each level, SNR and listener."""
    torch.set_num_threads(1)
    roles = {"targets": "synthetic/sentences", "interferers": "synthetic/noise"}
    source = Source({role: open_corpus(name, {}, None, default_cache()) for role, name in roles.items()})
    mixer = source.mixer("validation")
    rows = select(mixer.targets, SCENES)
    for raised in (0.0, 15.0):
        for snr in (None, 2.5):
            heard = collate([mixer.scene(row, snr, 65.0) for row in rows], None).heard
            audio = heard.audio[:, 0, : SECONDS * SAMPLE_RATE] * 10 ** (raised / 20)
            lengths = heard.lengths.clamp_max(SECONDS * SAMPLE_RATE)
            for listener in LISTENERS:
                losses, gains = minimising_gains(audio, lengths, listener)
                usual = nal_r(torch.tensor(PROFILES[listener], dtype=torch.float32))
                apart = gains - usual
                told = [[round(value) for value in each.tolist()] for each in (usual, gains)]
                print(
                    f"+{raised:g} dB, SNR {snr}, {listener}: loss {losses[0]:.3f} to {min(losses):.3f}, NAL-R "
                    f"{told[0]}, found {told[1]}, apart {apart.square().mean().sqrt():.1f}, {apart.mean():+.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
