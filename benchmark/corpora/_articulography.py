"""The base class of corpora of articulatory movement: pellets or coils on lips and tongue, tracked during speech.

Tracks of tract variables at 100 Hz are computed from them and kept as .npy files.
"""

import hashlib
import json
import os
import shutil
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d

from benchmark.audio import header
from benchmark.corpora._corpus_reader import CorpusReader
from benchmark.corpora._splits import split_groups, split_of
from benchmark.corpora._tract_variables import VARIABLES, tract_variables, upper_hull
from benchmark.errors import EarmarkError
from benchmark.store import default_cache

RATE = 100  # Hz, of the tracks
METHOD = "1"  # version of how tracks are computed; raise it and they are computed anew
SMOOTHING = 0.005  # seconds: standard deviation of the Gaussian that smooths movement before it is sampled at 100 Hz


class Utterance(NamedTuple):
    """One recording of sound and movement."""

    id: str
    speaker: str
    item: str  # the sentence; the same for all speakers who read it
    audio: Path
    movement: Path


class Movement(NamedTuple):
    """Positions of pellets over time."""

    rate: float  # Hz
    # By name: UL and LL on the lips, T1 (the tip) to T3 or T4 on the tongue. (frames, 2) each in mm: x along the
    # palate in either direction, y upwards; NaN if lost.
    pellets: Mapping[str, np.ndarray]


class ArticulographyReader(CorpusReader):
    """Speech with tracks of six tract variables (see _tract_variables.py), computed from midsagittal pellets.

    Tracks are .npy files, float32 (frames, 6) at 100 Hz, kept in the folder `tracks` of the cache. Each variable is
    scaled for each speaker: the 1st percentile is -1, the 99th is 1. It is NaN while a pellet was lost. If nobody
    traced a speaker's palate, the upper hull of all positions of the tongue stands for it.

    A subclass writes `utterances` and `movement`, and `walls` if it has traces of the palate or the pharynx.

    Args:
        root: the folder of the corpus
        split_by: "speakers" keeps 0.15 of the speakers, at least one, for validation and as many for test, unseen in
            training; "sentences" divides the sentences of all speakers into 0.7, 0.15 and 0.15, for a piece of the
            corpus with fewer than three speakers: then no speaker is unseen
    """

    kind = "speech"

    def __init__(self, root: Path, split_by: Literal["speakers", "sentences"] = "speakers") -> None:
        super().__init__(root)
        self.split_by = split_by

    @property
    def schema(self) -> Mapping[str, Any]:
        """The variables, in the order of the tracks' columns."""
        return {"variables": list(VARIABLES)}

    @abstractmethod
    def utterances(self) -> Sequence[Utterance]:
        """Every recording that has both sound and movement."""

    @abstractmethod
    def movement(self, utterance: Utterance) -> Movement:
        """The positions of the pellets during one utterance."""

    def walls(self, speaker: str) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Traces of a speaker's palate and rear pharyngeal wall, (points, 2) each in mm; None if nobody traced it."""
        return None, None

    def table(self) -> Iterator[dict[str, Any]]:
        """The recordings with their tracks, which are computed first if they are not in the cache."""
        found = self.utterances()
        self._check_speakers({utterance.speaker for utterance in found})
        splits = split_groups(utterance.speaker for utterance in found)
        folder = self._tracks(found)
        for utterance in found:
            split = splits[utterance.speaker] if self.split_by == "speakers" else split_of(utterance.item)
            row = {
                "id": utterance.id,
                "group": utterance.speaker,
                "audio": utterance.audio,
                "tracks": folder / f"{utterance.id}.npy",
            }
            yield row | {"split": split}

    def survey(self) -> None:
        """Raise EarmarkError where there are too few recordings or speakers; nothing is computed."""
        self._check_speakers(self.speakers())

    def speakers(self) -> set[str]:
        """Those who have recordings of both sound and movement; nothing is computed."""
        return {utterance.speaker for utterance in self.utterances()}

    def _check_speakers(self, speakers: Collection[str]) -> None:
        if not speakers:
            raise self.error(f"no recording with movement in {self.root}")
        if self.split_by == "speakers" and len(speakers) < 3:
            raise self.error(
                f"{len(speakers)} speakers in {self.root} are too few for three splits",
                f"set split_by: sentences, or {self.how_to_get}",
            )

    def _tracks(self, utterances: Sequence[Utterance]) -> Path:
        """The folder that holds the tracks of these utterances; it appears whole or not at all.

        Its name has a digest of the files' sizes and times, of the walls and of METHOD.
        """
        files = sorted((utterance.id, state(utterance.movement), state(utterance.audio)) for utterance in utterances)
        walls = [
            [None if wall is None else wall.tolist() for wall in self.walls(speaker)]
            for speaker in sorted({each.speaker for each in utterances})
        ]
        digest = hashlib.sha256(json.dumps([METHOD, files, walls]).encode()).hexdigest()
        folder = default_cache() / "tracks" / f"{self.name}-{digest[:16]}"
        if folder.is_dir():
            return folder
        partial = folder.with_name(f".{folder.name}.{os.getpid()}.part")
        try:
            for speaker, group in groupby(
                sorted(utterances, key=lambda utterance: utterance.speaker), key=lambda utterance: utterance.speaker
            ):
                own = list(group)
                for utterance, tracks in zip(own, self._of_speaker(speaker, own), strict=True):
                    path = partial / f"{utterance.id}.npy"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    np.save(path, tracks)
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return folder

    def _of_speaker(self, speaker: str, utterances: Sequence[Utterance]) -> list[np.ndarray]:
        """The scaled tracks of one speaker's utterances, float32 (frames, 6) each."""
        moved = [self._pellets(utterance) for utterance in utterances]
        pooled = {name: np.concatenate([pellets[name] for pellets in moved]) for name in moved[0]}
        if never := [name for name, points in pooled.items() if np.isnan(points).all(0).any()]:
            raise self.error(f"speaker {speaker}: pellet {never[0]} was never tracked", "remove the speaker's folder")
        palate, pharynx = self.walls(speaker)
        mirror = np.array([-1.0 if np.nanmean(pooled["UL"][:, 0]) < np.nanmean(pooled["T3"][:, 0]) else 1.0, 1.0])
        palate = (
            upper_hull(np.concatenate([pooled[name] for name in pooled if name[0] == "T"]) * mirror)
            if palate is None
            else palate * mirror
        )
        pharynx = np.empty((0, 2)) if pharynx is None else pharynx * mirror
        variables = [
            tract_variables({name: points * mirror for name, points in pellets.items()}, palate, pharynx)
            for pellets in moved
        ]
        low, high = np.nanpercentile(np.concatenate(variables), [1, 99], axis=0)
        return [(2 * (each - low) / (high - low) - 1).astype(np.float32) for each in variables]

    def _pellets(self, utterance: Utterance) -> dict[str, np.ndarray]:
        """Positions by pellet every 10 ms of the recording, (frames, 2) each in mm."""
        try:
            return _resampled(self.movement(utterance), _seconds(utterance.audio))
        except (LookupError, ValueError, TypeError, ArithmeticError) as error:
            raise self.error(
                f"{utterance.movement} or {utterance.audio} cannot be used ({error})", "restore or remove both files"
            ) from error

    def numbers(self, path: Path, columns: int) -> np.ndarray:
        """The numbers of a text file, (lines, columns).

        Raises:
            EarmarkError: something is not a number, there are fewer than two lines, or other than `columns` columns
        """
        try:
            table = np.loadtxt(path, ndmin=2)
        except ValueError as error:
            raise self.error(f"{path} holds more than numbers ({error})", "restore the file") from error
        if table.shape[1] != columns or len(table) < 2:
            raise self.error(
                f"{path} holds {table.shape[1]} columns and {len(table)} lines; {columns} columns are needed",
                "restore the file",
            )
        return table


def state(path: Path) -> tuple[int, int]:
    """Size in bytes and time of writing in ns: what tells that a file has changed."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _resampled(movement: Movement, seconds: float) -> dict[str, np.ndarray]:
    """Positions by pellet every 10 ms of a recording of `seconds`, NaN once the movement has ended."""
    wanted = np.arange(int(seconds * RATE) + 1) / RATE
    resampled = {}
    for name, points in movement.pellets.items():
        smooth = gaussian_filter1d(points, SMOOTHING * movement.rate, axis=0, mode="nearest")
        time = np.arange(len(points)) / movement.rate
        resampled[name] = np.stack([np.interp(wanted, time, column, right=np.nan) for column in smooth.T], -1)
    return resampled


def _seconds(audio: Path) -> float:
    try:
        found = header(audio)
    except EarmarkError as error:
        raise ValueError(str(error).partition(";")[0]) from error
    return float(found.frames / found.rate)
