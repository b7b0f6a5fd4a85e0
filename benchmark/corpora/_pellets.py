"""What the corpora of articulatory movement share: from pellets on lips and tongue to tract variables at 100 Hz, kept
as .npy files.
"""

import hashlib
import json
import os
import shutil
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import soundfile
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import ConvexHull

from benchmark.catalogue import default_cache
from benchmark.corpora._reader import Reader, split_groups, split_of
from benchmark.corpora.synthetic._tract_geometry import angle, approach, outline

VARIABLES = ("LA", "LP", "TTCL", "TTCD", "TBCL", "TBCD")
RATE = 100  # Hz
METHOD = "1"  # of what is below: another one makes tracks anew
SMOOTHING = 0.005  # seconds: standard deviation of the Gaussian that keeps what 100 Hz cannot hold out of the tracks
ORIGIN_DEPTH = 20.0  # mm under the top of the palate, where angles are measured from
SOFTNESS = 1.0  # mm, of the place of a constriction


class Utterance(NamedTuple):
    """A recording: `item` is the same for the same sentence by other speakers."""

    id: str
    speaker: str
    item: str
    audio: Path
    movement: Path


class Movement(NamedTuple):
    """Pellets by name, (frames, 2) each, in mm, y upwards, x along the palate either way, NaN where lost: UL, LL, T1
    (tip) to T3 or T4, at `rate` Hz.
    """

    rate: float
    pellets: Mapping[str, np.ndarray]


class PelletReader(Reader):
    """Six tract variables from midsagittal pellets, for each speaker between -1 and 1 from the 1st to the 99th
    percentile, NaN where a pellet was lost.

    LA is the distance of the lips and LP the position of the lower one; TTCD the distance of the tip to the palate and
    TTCL its angle; TBCD and TBCL distance and angle of the narrowest place between palate (and pharynx, where it was
    traced) and the line through the pellets behind the tip. Where nobody traced the palate, it is the upper hull of all
    places where the speaker's tongue was. The group whose variables these are publishes no equations: these are ours.
    Tracks are kept in the folder `tracks` of the cache.

    Args:
        root: the folder of the corpus
        split_by: "speakers": unseen speakers in validation and test, 0.15 of them each and at least one; "sentences":
            0.7, 0.15 and 0.15 of the sentences, by all speakers, for a piece of the corpus with fewer than three: then
            no speaker is unseen
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
        """What moved."""

    def walls(self, speaker: str) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Traces of palate and pharynx, (points, 2) each in mm, as far as there are any."""
        return None, None

    def table(self) -> Iterator[dict[str, Any]]:
        """The recordings, with their tracks."""
        found = self.utterances()
        if not found:
            raise self.error(f"no recording with movement in {self.root}")
        splits = split_groups(utterance.speaker for utterance in found)
        if self.split_by == "speakers" and len(splits) < 3:
            raise self.error(
                f"{len(splits)} speakers in {self.root} make no three splits",
                f"set split_by: sentences, or {self.fetch}",
            )
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

    def _tracks(self, utterances: Sequence[Utterance]) -> Path:
        """The folder of the tracks of these files as they are now, which is whole or absent."""
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
        """Normalised tracks, float32 (frames, 6) each."""
        moved = [self._moved(utterance) for utterance in utterances]
        pooled = {name: np.concatenate([pellets[name] for pellets in moved]) for name in moved[0]}
        if never := [name for name, points in pooled.items() if np.isnan(points).all(0).any()]:
            raise self.error(f"speaker {speaker}: pellet {never[0]} was never tracked", "remove the speaker's folder")
        palate, pharynx = self.walls(speaker)
        mirror = np.array([-1.0 if np.nanmean(pooled["UL"][:, 0]) < np.nanmean(pooled["T3"][:, 0]) else 1.0, 1.0])
        palate = (
            _hull(np.concatenate([pooled[name] for name in pooled if name[0] == "T"]) * mirror)
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

    def _moved(self, utterance: Utterance) -> dict[str, np.ndarray]:
        """Pellets every 10 ms."""
        try:
            return _resampled(self.movement(utterance), _seconds(utterance.audio))
        except (LookupError, ValueError, TypeError, ArithmeticError, soundfile.LibsndfileError) as error:
            raise self.error(
                f"{utterance.movement} or {utterance.audio} cannot be used ({error})", "restore both or remove them"
            ) from error

    def numbers(self, path: Path, columns: int) -> np.ndarray:
        """The table of a text file, (lines, columns); EarmarkError where it is none, or has fewer than two lines."""
        try:
            table = np.loadtxt(path, ndmin=2)
        except ValueError as error:
            raise self.error(f"{path} holds more than numbers ({error})", "restore the file") from error
        if table.shape[1] != columns or len(table) < 2:
            raise self.error(
                f"{path} holds {table.shape[1]} columns and {len(table)} lines; {columns} columns are wanted",
                "restore the file",
            )
        return table


def state(path: Path) -> tuple[int, int]:
    """What changes with a file: its size, and when it was written."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def tract_variables(pellets: Mapping[str, np.ndarray], palate: np.ndarray, pharynx: np.ndarray) -> np.ndarray:
    """LA, LP, TTCL, TTCD, TBCL, TBCD in mm and degrees, (frames, 6), of pellets and walls (…, 2) in mm, x towards the
    lips.
    """
    palate = outline(palate[np.argsort(-palate[:, 0])], 0.5)  # from the lips backwards
    walls = np.concatenate([palate, outline(pharynx, 0.5)]) if len(pharynx) else palate
    tip, *body = (pellets[name] for name in sorted(pellets) if name[0] == "T")
    surface = [front + share * (back - front) for front, back in pairwise(body) for share in np.linspace(0, 1, 9)]
    distances, places = (
        np.stack(each) for each in zip(*(approach(points, 0.0, walls, SOFTNESS) for points in surface), strict=True)
    )
    weights = np.exp((distances.min(0) - distances) / SOFTNESS)
    place = (weights[..., None] * places).sum(0) / weights.sum(0)[:, None]
    tip_distance, _ = approach(tip, 0.0, palate, SOFTNESS)
    top = palate[palate[:, 1].argmax()]
    origin = np.array([top[0], top[1] - ORIGIN_DEPTH])
    lips = np.hypot(*(pellets["UL"] - pellets["LL"]).T)
    return np.stack(
        [lips, pellets["LL"][:, 0], angle(tip, origin), tip_distance, angle(place, origin), distances.min(0)], -1
    )


def _resampled(movement: Movement, seconds: float) -> dict[str, np.ndarray]:
    """Pellets every 10 ms of a recording of `seconds`, NaN beyond the movement's end."""
    wanted = np.arange(int(seconds * RATE) + 1) / RATE
    resampled = {}
    for name, points in movement.pellets.items():
        smooth = gaussian_filter1d(points, SMOOTHING * movement.rate, axis=0, mode="nearest")
        time = np.arange(len(points)) / movement.rate
        resampled[name] = np.stack([np.interp(wanted, time, column, right=np.nan) for column in smooth.T], -1)
    return resampled


def _seconds(audio: Path) -> float:
    info = soundfile.info(audio)
    return float(info.frames / info.samplerate)


def _hull(points: np.ndarray) -> np.ndarray:
    """The upper side of the convex hull, by x."""
    points = points[~np.isnan(points).any(1)]
    hull = points[ConvexHull(points).vertices]
    hull = hull[np.argsort(hull[:, 0])]
    chord = np.interp(hull[:, 0], hull[[0, -1], 0], hull[[0, -1], 1])
    return hull[hull[:, 1] >= chord]
