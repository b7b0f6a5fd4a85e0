"""Haskins production rate database: 720 IEEE sentences by eight speakers, with articulography at 100 Hz."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from benchmark import audio
from benchmark.corpora._articulography import ArticulographyReader, Movement, Utterance, state
from benchmark.corpora._corpus_reader import identifier
from benchmark.store import default_cache

SENSORS = {"UL": "UL", "LL": "LL", "T1": "TT", "T2": "TB", "T3": "TR"}


class HaskinsRate(ArticulographyReader):
    """Haskins production rate database: files such as F01/data/F01_B01_S01_R01_N.mat.

    A file holds an array of structures, named like the file. Each has NAME, SRATE in Hz and SIGNAL: AUDIO, and the
    sensors on lips (UL, LL) and tongue (TT, TB, TR) in mm, whose first column is front to back and whose third column
    is height. The sound is kept as .wav in the cache. The palate is the hull of the tongue's positions, as we do not
    know the layout of the files that trace it. All speakers read the same sentences.

    Source: Tiede et al., "Quantifying kinematic aspects of reduction in a contrasting rate production task", 2017.
    """

    licence = "research use, as its owners grant it"
    source = "https://yale.app.box.com/s/cfn8hj2puveo65fq54rp1ml2mk7moj3h"
    size = "about 6 GB"
    folders = ("HPRC", "hprc", "IEEE_rate_comparison")
    verified = False

    def utterances(self) -> Sequence[Utterance]:
        """The sentences of all speakers, at both rates, with all repetitions."""
        return [
            Utterance(identifier(path, self.root), named[1], named[2], self._sound(path), path)
            for path, named in self._named()
        ]

    def speakers(self) -> set[str]:
        """Those of the files' names."""
        return {named[1] for _, named in self._named()}

    def movement(self, utterance: Utterance) -> Movement:
        """The five sensors on lips and tongue."""
        channels = self._channels(utterance.movement)
        pellets = {ours: np.asarray(channels[sensor]["SIGNAL"], float)[:, [0, 2]] for ours, sensor in SENSORS.items()}
        return Movement(float(channels["TT"]["SRATE"]), pellets)

    def _named(self) -> Iterator[tuple[Path, re.Match[str]]]:
        """The files, and what their names say: the speaker and the sentence."""
        for path in audio.files_below(self.root):
            named = re.fullmatch(r"([FM]\d+)_(B\d+_S\d+)_R\d+_[NF]", path.stem)
            if named and path.suffix.lower() == ".mat":
                yield path, named

    def _sound(self, path: Path) -> Path:
        now = hashlib.sha256(f"{path.resolve()} {state(path)}".encode()).hexdigest()
        kept = default_cache() / "tracks" / self.name / f"{path.stem}-{now[:16]}.wav"
        if not kept.is_file():
            sound = self._channels(path)["AUDIO"]
            samples = np.asarray(sound["SIGNAL"], np.float32).reshape(1, -1)
            audio.write(kept, samples / max(float(np.abs(samples).max()), 1.0), round(float(sound["SRATE"])))
        return kept

    def _channels(self, path: Path) -> dict[str, Any]:
        try:
            entries = np.atleast_1d(loadmat(path, squeeze_me=True, variable_names=[path.stem])[path.stem])
            channels = {str(entry["NAME"]): entry for entry in entries}
            missing = [name for name in ("AUDIO", *SENSORS.values()) if name not in channels]
            if missing:
                raise KeyError(f"channel {missing[0]}")
        except (KeyError, ValueError, IndexError, TypeError, NotImplementedError, OSError, MatReadError) as error:
            raise self.error(
                f"{path} is not a file of this corpus ({error})", "restore the file or remove it"
            ) from error
        return channels
