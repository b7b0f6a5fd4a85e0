"""ESC-50: environmental sounds, 2000 clips of five seconds in fifty classes."""

import csv
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from benchmark.corpora._predefined_folds import PredefinedFoldsReader

# By target number, as meta/esc50.csv has them.
CATEGORIES = re.findall(
    r"\w+",
    """dog rooster pig cow frog cat hen insects sheep crow rain sea_waves crackling_fire crickets chirping_birds
    water_drops wind pouring_water toilet_flush thunderstorm crying_baby sneezing clapping breathing coughing footsteps
    laughing brushing_teeth snoring drinking_sipping door_wood_knock mouse_click keyboard_typing door_wood_creaks
    can_opening washing_machine vacuum_cleaner clock_alarm clock_tick glass_breaking helicopter chainsaw siren car_horn
    engine train church_bells airplane fireworks hand_saw""",
)
ESC10 = (0, 1, 10, 11, 12, 20, 21, 38, 40, 41)  # the targets of the subset
META = "meta/esc50.csv"


class ESC50(PredefinedFoldsReader):
    """ESC-50: audio/ and meta/esc50.csv.

    A group is a source recording on Freesound. The classes are in the order of the owner's target numbers. Where meta/
    is missing, all is taken from the names of the files, such as 1-100032-A-0.wav: fold, source, take, target.

    Source: Piczak, "ESC: Dataset for Environmental Sound Classification", 2015.

    Args:
        root, folds, split_by, fold: as for PredefinedFoldsReader
        subset: "all", or "esc10" for the ten classes that the owner marks as ESC-10
    """

    kind = "noise"
    licence = "CC BY-NC 3.0"
    source = "https://github.com/karolpiczak/ESC-50"
    size = "0.6 GB, zipped"
    folders = ("ESC-50", "ESC-50-master")

    def __init__(
        self,
        root: Path,
        folds: dict[str, list[int]] | None = None,
        split_by: Literal["folds", "recordings"] = "folds",
        fold: int | None = None,
        subset: Literal["all", "esc10"] = "all",
    ) -> None:
        super().__init__(root, folds, split_by, fold)
        self.subset = subset

    @property
    def schema(self) -> Mapping[str, Any]:
        """The categories."""
        return {
            "classes": list(
                dict.fromkeys(row["category"] for row in sorted(self._meta, key=lambda row: int(row["target"])))
            )
        }

    def clips(self) -> Iterator[dict[str, Any]]:
        """The clips of meta/esc50.csv."""
        paths = {path.stem: path for path in self.recordings("audio/*")}
        names = [row["filename"] for row in self._meta]
        self.check_complete(META, [name for name in names if Path(name).stem not in paths])
        for row in self._meta:
            name = row["filename"]
            yield {
                "id": name.removesuffix(".wav"),
                "group": row["src_file"],
                "audio": paths[Path(name).stem],
                "label": row["category"],
                "fold": int(row["fold"]),
            }

    @cached_property
    def _meta(self) -> list[dict[str, str]]:
        rows = list(csv.DictReader(self.lines(META))) if (self.root / META).is_file() else self._from_names()
        wanted = ["filename", "fold", "target", "category", "src_file"] + ["esc10"] * (self.subset == "esc10")
        if not all(row.get(column) for row in rows for column in wanted):
            raise self.error(
                f"{META} in {self.root} lacks some of the comma-separated columns {', '.join(wanted)}",
                "restore it",
            )
        return rows if self.subset == "all" else [row for row in rows if self._truth(row["esc10"])]

    def _truth(self, word: str) -> bool:
        """A truth value, whatever program wrote it."""
        if word.strip().lower() in ("true", "1"):
            return True
        if word.strip().lower() in ("false", "0"):
            return False
        raise self.error(f"{META} in {self.root} says {word!r} in the column esc10", "write True or False")

    def _from_names(self) -> list[dict[str, str]]:
        rows = []
        for path in self.recordings("audio/*"):
            found = re.fullmatch(r"([1-5])-(\d+)-[A-Z]-(\d+)", path.stem)
            if found is None or int(found[3]) >= len(CATEGORIES):
                raise self.error(f"no {META}, and {path.name} has no name of ESC-50's, such as 1-100032-A-0.wav")
            fold, source, target = found.groups()
            small = str(int(target) in ESC10)
            category = CATEGORIES[int(target)]
            row = {"filename": path.name, "fold": fold, "target": target, "category": category}
            rows.append(row | {"src_file": source, "esc10": small})
        return rows
