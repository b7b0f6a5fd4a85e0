"""MOCHA-TIMIT: 460 British English sentences read by each of a few speakers, with articulography at 500 Hz."""

import io
import re
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from benchmark.audio import files_below
from benchmark.corpora._articulography import ArticulographyReader, Movement, Utterance
from benchmark.corpora._corpus_reader import identifier

COILS = {"UL": "ul", "LL": "ll", "T1": "tt", "T2": "tb", "T3": "td"}
# The order of channels if a file does not name them: upper and lower incisor, lips, tongue tip; tongue body and dorsum,
# velum, bridge of the nose.
CHANNELS = tuple(
    f"{coil}_{axis}" for coils in ("ui li ul ll tt", "tb td v bn1 bn2") for axis in "xy" for coil in coils.split()
)


class MochaTimit(ArticulographyReader):
    """MOCHA-TIMIT: <speaker>/<speaker>_<sentence>.ema and .wav.

    The .ema files are EST tracks, binary or text, or text without a header, in 1/100 mm. Some copies have a trace of
    the palate in mm, <speaker>_pal.dat, which is used if it is there. All speakers read the same sentences.

    Source: Wrench, "A multi-channel/multi-speaker articulatory database for continuous speech recognition research",
    2000.
    """

    licence = "research and education, not commercial (Queen Margaret University College)"
    source = "https://data.cstr.ed.ac.uk/mocha/"
    size = "about 0.3 GB a speaker"
    folders = ("mocha-timit", "MOCHA-TIMIT", "mocha", "MOCHA-TIMIT-sample")
    verified = False  # only one utterance has been read, which had been converted to text

    def utterances(self) -> Sequence[Utterance]:
        """The sentences that have both an .ema and a .wav file."""
        found = []
        files = files_below(self.root)
        sounds = self.by_name(files)
        for path in files:
            speaker, _, sentence = path.stem.rpartition("_")
            name = identifier(path, self.root)
            if path.suffix.lower() == ".ema" and name in sounds and speaker:
                found.append(Utterance(name, speaker, sentence, sounds[name], path))
        return found

    def movement(self, utterance: Utterance) -> Movement:
        """The five coils on lips and tongue."""
        names, table = self._track(utterance.movement)
        channels = dict(zip(names, table[:, 2:].T, strict=True))
        try:
            pellets = {
                ours: np.stack([channels[f"{coil}_x"], channels[f"{coil}_y"]], -1) / 100 for ours, coil in COILS.items()
            }
        except KeyError as error:
            raise self.error(f"no channel {error} in {utterance.movement}", "restore the file") from error
        return Movement(float(1 / np.median(np.diff(table[:, 0]))), pellets)

    def walls(self, speaker: str) -> tuple[np.ndarray | None, np.ndarray | None]:
        """The palate from <speaker>_pal.dat."""
        path = next((path for path in files_below(self.root) if path.name == f"{speaker}_pal.dat"), None)
        return None if path is None else self.numbers(path, 2), None

    def _track(self, path: Path) -> tuple[Sequence[str], np.ndarray]:
        """Names of the channels, and an array (frames, 2 + channels): time in seconds, a flag, the channels."""
        data = path.read_bytes()
        header: Mapping[str, str] = {}
        if data.startswith(b"EST_File"):
            head, _, data = data.partition(b"EST_Header_End\n")
            header = dict(re.findall(r"^(\w+)\s+(\S+)", head.decode("latin-1"), re.MULTILINE))
        names = [
            header[key]
            for key in sorted(
                (key for key in header if re.fullmatch(r"Channel_\d+", key)), key=lambda key: int(key[8:])
            )
        ]
        try:
            if header.get("DataType") == "binary":
                order = "<" if header.get("ByteOrder", "01") == "01" else ">"
                table = np.frombuffer(data, f"{order}f4").reshape(-1, 2 + len(names)).astype(float)
            else:
                table = np.loadtxt(io.StringIO(data.decode("latin-1")), ndmin=2)
            if table.shape[1] != 2 + len(names or CHANNELS) or len(table) < 2:
                raise ValueError(f"{table.shape[1]} columns")
        except ValueError as error:
            raise self.error(
                f"{path} is not a track of {len(names or CHANNELS)} channels ({error})", "restore the file"
            ) from error
        return list(chain(names or CHANNELS)), table
