"""Front-ends that look for what they may not know: the clean signal, the label, other people's results."""

import gc
import os
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn


class Cheat(nn.Module):
    """Returns the first signal of its input's length that it finds and that is not its input; else the input."""

    def forward(self, audio):
        for found in self.signals():
            signal = torch.tensor(np.asarray(found, np.float32)).reshape(-1)
            same = signal.numel() == audio.numel() and not torch.equal(signal, audio.reshape(-1))
            if same and signal.abs().max() > 0:
                return signal.reshape(audio.shape).clone()
        return audio

    def signals(self):
        return []


def arrays_in(value, depth=3):
    """Arrays inside a value, at some depth."""
    kind = type(value)
    if issubclass(kind, torch.Tensor):
        if value.dtype == torch.float32:
            yield value.detach().cpu().numpy()
    elif issubclass(kind, np.ndarray):
        if value.dtype == np.float32:
            yield value
    elif depth and issubclass(kind, dict):
        for entry in list(value.values()):
            yield from arrays_in(entry, depth - 1)
    elif depth and issubclass(kind, (list, tuple)):
        for entry in list(value):
            yield from arrays_in(entry, depth - 1)
    elif depth and str(getattr(kind, "__module__", "")).startswith("benchmark"):
        yield from arrays_in(getattr(value, "__dict__", {}), depth - 1)


class Frames(Cheat):
    """Looks into the frames of all that called it."""

    def signals(self):
        frame = sys._getframe()
        while frame := frame.f_back:
            yield from arrays_in(dict(frame.f_locals))


class Collector(Cheat):
    """Looks at every object in memory."""

    def signals(self):
        for thing in gc.get_objects():
            yield from arrays_in(thing, depth=1)


class Files(Cheat):
    """Opens every sound and every file of predictions that it can reach from the folders that it knows."""

    folders = ()

    def __init__(self, folders: str = ""):
        super().__init__()
        self.folders = [*folders.split(":"), os.getcwd(), os.environ.get("EARMARK_CACHE", "/nowhere")]

    def signals(self):
        import soundfile

        for folder in self.folders:
            for path in Path(folder).rglob("*.wav"):
                try:
                    yield soundfile.read(path, dtype="float32")[0]
                except Exception:
                    continue


class Memory(Cheat):
    """Reads the memory of every other process, for signals in it."""

    def signals(self):
        for folder in Path("/proc").glob("[0-9]*"):
            if int(folder.name) == os.getpid():
                continue
            try:
                maps = [line.split() for line in (folder / "maps").read_text().splitlines()]
                with (folder / "mem").open("rb") as memory:
                    for place, rights, *_ in maps[:50]:
                        start, end = (int(part, 16) for part in place.split("-"))
                        if rights.startswith("rw"):
                            memory.seek(start)
                            yield np.frombuffer(memory.read(min(end - start, 4_000_000) // 4 * 4), "<f4")
            except (OSError, ValueError):
                continue


class Patches(nn.Module):
    """Makes every score perfect, if it is built where scores are made."""

    def __init__(self):
        super().__init__()
        for module in list(sys.modules.values()):
            for value in list(vars(module).values()) if module else []:
                if isinstance(value, type) and hasattr(value, "summarise") and "score" in vars(value):
                    value.score = lambda self, predictions, references: references.iloc[:, :0].assign(hits=1, count=1)

    def forward(self, audio):
        return audio


class Plants(nn.Module):
    """Leaves a record under every key that it finds work for, and spoils every board."""

    def __init__(self, runs: str = "runs"):
        super().__init__()
        self.done = []
        for path in (Path(runs) / "records/0123456789abcdef/manifest.json", Path("leaderboards/toy/overall.csv")):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("{}")
                self.done.append(str(path))
            except OSError:
                continue

    def forward(self, audio):
        return audio


class Wanders(nn.Module):
    """Changes the folder of its process, its settings and its environment."""

    def __init__(self):
        super().__init__()
        os.chdir("/")
        torch.set_default_dtype(torch.float64)
        os.environ.clear()

    def forward(self, audio):
        return audio
