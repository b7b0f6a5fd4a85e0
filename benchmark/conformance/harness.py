"""Test harness: runs a front-end as the engine does, and makes test sounds."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn

from benchmark.contracts import FULL_SCALE_DB_SPL, SAMPLE_RATE, Batch, Enhanced, FrontEnd, Heard
from benchmark.frontends import as_front_end
from benchmark.hearing.audiograms import PROFILES
from benchmark.training.system import System

LEVEL = 65.0  # dB SPL, of the speech
SNRS = (10.0, 5.0, 0.0)  # dB, used in turn for the examples of a batch
LISTENERS = ("N3", "S3", "N1")  # used in turn for the examples of a batch
FAINTEST = -100.0  # dB SPL, reported for digital silence

Build = Callable[[], nn.Module]


class Harness:
    """A fresh front-end on the CPU, in evaluation mode, with scenes to try it on."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self.front_end = self.another()
        self.system = System(self.front_end, {}).eval()

    def another(self) -> FrontEnd:
        """Build the front-end once more."""
        return as_front_end(self._build()).cpu().eval()

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """Trainable parameters by name; none for a front-end that is only dropped in."""
        return (
            {}
            if self.front_end.dropped_in_only
            else {name: p for name, p in self.front_end.named_parameters() if p.requires_grad}
        )

    def enhance(self, batch: Batch, **controls: float) -> Enhanced:
        """Enhance a batch as in scoring."""
        with torch.inference_mode():
            return self.system.enhance(batch, **controls)

    def output(self, batch: Batch, **controls: float) -> Tensor:
        """The enhanced audio, (batch, channels, time)."""
        return self.enhance(batch, **controls).audio

    def scenes(self, seconds: float = 0.5, count: int = 3, ears: int = 1, seed: int = 0) -> Batch:
        """A batch of speech-like sounds at LEVEL in white noise at SNRS, drawn independently at each ear.

        The batch has LISTENERS if the front-end needs a listener.
        """
        speech, noise = _voices(seconds, count, ears, seed)
        snr = torch.tensor([SNRS[index % len(SNRS)] for index in range(count)])[:, None, None]
        thresholds = torch.tensor(
            [PROFILES[LISTENERS[index % len(LISTENERS)]] for index in range(count)], dtype=torch.float32
        )
        listener = thresholds[:, None].repeat(1, ears, 1) if "listener" in self.front_end.needs else None
        names = tuple(f"scene{seed}{index}" for index in range(count))
        heard = Heard(speech + noise * 10 ** (-snr / 20), torch.full((count,), speech.shape[-1]), listener, names)
        return Batch([], heard, speech, {}, [{} for _ in names])


def _voices(seconds: float, count: int, ears: int, seed: int) -> tuple[Tensor, Tensor]:
    """Harmonic tones that swell four times a second, and white noise, both (count, ears, time) at LEVEL."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pitch = 100 + 100 * torch.rand(count, 1, 1, generator=generator)
    harmonics = torch.stack([torch.sin(2 * math.pi * k * pitch * time) / k for k in range(1, 16)]).sum(0)
    speech = (harmonics * torch.sin(4 * math.pi * time).square()).repeat(1, ears, 1)
    noise = torch.randn(speech.shape, generator=generator)
    speech, noise = (
        10 ** ((LEVEL - FULL_SCALE_DB_SPL) / 20) * x / x.square().mean(-1, keepdim=True).sqrt() for x in (speech, noise)
    )
    return speech, noise


def with_audio(batch: Batch, audio: Tensor) -> Batch:
    """The batch with other audio, of any length; `lengths` stay as they are."""
    return replace(batch, heard=batch.heard._replace(audio=audio))


def selected(batch: Batch, *rows: int) -> Batch:
    """The examples of a batch at these indices."""
    heard, index = batch.heard, torch.tensor(rows)
    listener = None if heard.listener is None else heard.listener[index]
    clean = None if batch.clean is None else batch.clean[index]
    return replace(
        batch,
        heard=Heard(heard.audio[index], heard.lengths[index], listener, tuple(heard.names[row] for row in rows)),
        clean=clean,
    )


def level_db_spl(audio: Tensor) -> float:
    """The level in dB SPL, at least FAINTEST."""
    return max(FULL_SCALE_DB_SPL + 10 * math.log10(float(audio.square().mean()) + 1e-30), FAINTEST)


def difference_db(output: Tensor, expected: Tensor) -> float:
    """The level of the difference relative to the expected output, in dB; -inf if they are identical."""
    difference = float((output - expected).square().sum())
    return -math.inf if difference == 0 else 10 * math.log10(difference / (float(expected.square().sum()) + 1e-30))


def shown_db(value: float) -> str:
    """A value of `difference_db` as text."""
    return "the same to the bit" if value == -math.inf else f"{value:.0f} dB"


@contextmanager
def trying(what: str) -> Iterator[None]:
    """Add a note to an error raised inside: what was being tried."""
    try:
        yield
    except Exception as error:
        error.add_note(what)
        raise
