"""Haskins production rate database: 720 IEEE sentences by eight speakers, with articulography at 100 Hz."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from benchmark import audio
from benchmark.catalogue import default_cache
from benchmark.corpora._pellets import Movement, PelletReader, Utterance, state
from benchmark.corpora._reader import identifier

SENSORS = {"UL": "UL", "LL": "LL", "T1": "TT", "T2": "TB", "T3": "TR"}


class HaskinsRate(PelletReader):
    """Tiede et al., "Quantifying kinematic aspects of reduction in a contrasting rate production task", 2017;
    F01/data/F01_B01_S01_R01_N.mat and the like.

    A file holds an array of structures named as the file, each with NAME, SRATE in Hz and SIGNAL: AUDIO, and a sensor
    each on lips (UL, LL) and tongue (TT, TB, TR) in mm, where the first column is front to back and the third is
    height. The sound is kept as .wav in the cache. The palate is the hull of where the tongue was: the layout of the
    files that trace it is not known to us. Speakers share the sentences.
    """

    licence = "research use, as its owners grant it"
    source = "https://yale.app.box.com/s/cfn8hj2puveo65fq54rp1ml2mk7moj3h"
    size = "about 6 GB"
    folders = ("HPRC", "hprc", "IEEE_rate_comparison")
    verified = False

    def utterances(self) -> Sequence[Utterance]:
        """The sentences of all speakers, at both rates and in all repetitions."""
        found = []
        for path in sorted(self.root.rglob("*.mat")):
            named = re.fullmatch(r"([FM]\d+)_(B\d+_S\d+)_R\d+_[NF]", path.stem)
            if named:
                found.append(Utterance(identifier(path, self.root), named[1], named[2], self._sound(path), path))
        return found

    def movement(self, utterance: Utterance) -> Movement:
        """The five sensors."""
        channels = self._channels(utterance.movement)
        pellets = {ours: np.asarray(channels[sensor]["SIGNAL"], float)[:, [0, 2]] for ours, sensor in SENSORS.items()}
        return Movement(float(channels["TT"]["SRATE"]), pellets)

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
