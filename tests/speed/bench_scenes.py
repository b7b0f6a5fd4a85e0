"""Time to mix a scene from files that are not cached, against torchaudio's add_noise and SpeechBrain's AddNoise."""

import os
import time
from itertools import pairwise

import numpy as np
import pytest
import soundfile
import torch
import torchaudio.functional as F
from side_by_side import in_turns

from benchmark import audio
from benchmark.scenes import Mixer

FILES, SECONDS, LIMIT_MS_PER_SECOND = 40, 3, 1.0


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Speech-like bursts and noise, 16-bit WAV at 16 kHz: the folder and the rows of both."""
    folder = tmp_path_factory.mktemp("speed")
    rng = np.random.default_rng(0)
    rows = {"speech": [], "noise": []}
    for index in range(FILES):
        bursts = rng.normal(0, 0.1, 16000 * SECONDS) * (np.sin(np.arange(16000 * SECONDS) / 3000) > 0)
        for kind, signal in (("speech", bursts), ("noise", rng.normal(0, 0.1, 16000 * SECONDS * 2))):
            path = folder / f"{kind}{index}.wav"
            audio.write(path, (32767 * signal).astype(np.int16))
            rows[kind].append({"id": path.stem, "group": "g", "audio": str(path), "path": str(path)})
    (folder / "noise.csv").write_text(
        "ID,duration,wav,wav_format,wav_opts\n"
        + "".join(f"{r['id']},{SECONDS * 2},{r['audio']},wav,\n" for r in rows["noise"])
    )
    return folder, rows


def with_the_engine(rows):
    mixer = Mixer(rows["speech"], rows["noise"], speech=True)
    for index, row in enumerate(rows["speech"]):
        mixer._mixture(row, (index,), 5.0, 65.0)
        yield


def with_torchaudio(rows):
    for speech, noise in zip(rows["speech"], rows["noise"], strict=True):
        target = torch.from_numpy(soundfile.read(speech["audio"], dtype="float32")[0])[None]
        disturbance = torch.from_numpy(soundfile.read(noise["audio"], dtype="float32", frames=target.shape[-1])[0])[
            None
        ]
        F.add_noise(target, disturbance, torch.tensor([5.0]))
        yield


def with_speechbrain(rows, folder):
    # Imported here, so that no other test meets the modules that it leaves behind.
    from speechbrain.augment.time_domain import AddNoise

    adder = AddNoise(str(folder / "noise.csv"), snr_low=5, snr_high=5, clean_sample_rate=16000, noise_sample_rate=16000)
    for speech in rows["speech"]:
        target = torch.from_numpy(soundfile.read(speech["audio"], dtype="float32")[0])[None]
        adder(target, torch.ones(1))
        yield


def cold(folder, steps) -> list[float]:
    """Seconds of each step, with the files dropped from the cache of the operating system before.

    This needs Linux. On a file system in memory the files stay cached for either way.
    """
    os.sync()
    for path in folder.glob("*.wav"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    times = [time.perf_counter()]
    times += [time.perf_counter() for _ in steps]
    return [later - earlier for earlier, later in pairwise(times)][2:]  # without the first two, which set things up


@pytest.mark.parametrize("other", ["torchaudio", "speechbrain"])
def test_a_scene_costs_little_more_than_adding_noise(benchmark, files, other):
    folder, rows = files
    theirs = {"torchaudio": lambda: with_torchaudio(rows), "speechbrain": lambda: with_speechbrain(rows, folder)}[other]
    medians = in_turns(benchmark, lambda: cold(folder, with_the_engine(rows)), lambda: cold(folder, theirs()), rounds=3)
    if medians:
        more = (medians.ours - medians.theirs) * 1000 / SECONDS
        print(
            f"\na scene of {SECONDS} s: {medians.ours * 1000:.2f} ms, {other} {medians.theirs * 1000:.2f} ms: "
            f"{more:.2f} ms more a second of audio (limit {LIMIT_MS_PER_SECOND})"
        )
        assert more <= LIMIT_MS_PER_SECOND
