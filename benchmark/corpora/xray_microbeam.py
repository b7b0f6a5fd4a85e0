"""Wisconsin X-ray microbeam database: English sentences, words and tasks by 57 speakers, pellets at 145.6 Hz."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmark.audio import files_below, is_audio
from benchmark.corpora._articulography import ArticulographyReader, Movement, Utterance
from benchmark.corpora._corpus_reader import identifier

PELLETS = ("UL", "LL", "T1", "T2", "T3", "T4", "MI", "MM")  # two columns each, after the time in microseconds
LOST = 1_000_000  # the value of a pellet that was not tracked


class XRayMicrobeam(ArticulographyReader):
    """X-ray microbeam database: a folder per speaker (JW11) with a .txy and a .wav file per task.

    Positions are in micrometres: x from the tips of the upper incisors towards the lips, y upwards from the occlusal
    plane. pal.dat and pha.dat beside them trace the palate and the rear wall of the pharynx. Some copies put the
    speaker before each name (jw11_tp005.txy, jw11_pal.dat). Case does not matter. All speakers have the same tasks.

    Source: Westbury, "X-ray Microbeam Speech Production Database User's Handbook", 1994.
    """

    version = "2"
    licence = "research use, as its owners grant it"
    source = "https://ubeam.engr.wisc.edu"
    size = "about 4 GB"
    folders = ("xrmb", "XRMB", "ubeam")
    verified = False

    def utterances(self) -> Sequence[Utterance]:
        """The tasks that have both a .txy and a .wav file."""
        files = {self._name(path): path for path in files_below(self.root)}
        sounds = {name.rpartition(".")[0]: path for name, path in files.items() if is_audio(path)}
        found = []
        for name, path in files.items():
            speaker = re.search(r"jw\d+", name)
            audio = sounds.get(name.removesuffix(".txy"))
            if name.endswith(".txy") and speaker and audio is not None:
                item = re.sub(r"^jw\d+_|_\d+$", "", path.stem.lower())  # TP020_2 is a repetition of TP020
                found.append(Utterance(identifier(path, self.root), speaker[0], item, audio, path))
        return found

    def movement(self, utterance: Utterance) -> Movement:
        """The two pellets on the lips and the four on the tongue."""
        table = self.numbers(utterance.movement, 1 + 2 * len(PELLETS))
        step = float(np.median(np.diff(table[:, 0])))
        if step <= 0:
            raise self.error(f"{utterance.movement}: its times do not increase", "restore the file")
        points = np.where(table[:, 1:] == LOST, np.nan, table[:, 1:] / 1000).reshape(len(table), -1, 2)
        pellets = {name: points[:, index] for index, name in enumerate(PELLETS) if name not in ("MI", "MM")}
        return Movement(1e6 / step, pellets)

    def walls(self, speaker: str) -> tuple[np.ndarray | None, np.ndarray | None]:
        """The traces of pal.dat and pha.dat."""
        palate, pharynx = (self._trace(speaker, name) for name in ("pal", "pha"))
        return palate, pharynx

    def _trace(self, speaker: str, name: str) -> np.ndarray | None:
        pattern = re.compile(rf"(.*/)?{speaker}(/|_|.*/{speaker}_){name}\.dat")
        path = next((path for path in files_below(self.root) if pattern.fullmatch(self._name(path))), None)
        return None if path is None else self.numbers(path, 2) / 1000

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix().lower()
