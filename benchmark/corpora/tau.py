"""TAU (TUT) Urban Acoustic Scenes, development sets of 2018 to 2022: streets, parks and trains in European cities."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from benchmark.corpora._corpus_reader import CorpusReader, identifier
from benchmark.corpora._splits import split_groups


class TAU(CorpusReader):
    """TAU Urban Acoustic Scenes: audio/, meta.csv and evaluation_setup/, the same in all editions.

    A group is a location, such as london-205. The owner's fold 1 says which clips are for training and which for test
    (fold1_evaluate); 0.15 of the training locations, by a hash, are for validation (ours). Clips in neither list are
    left out. Real clips have been read with this reader, but not the owner's meta.csv and lists.

    Source: Mesaros, Heittola and Virtanen, "A Multi-Device Dataset for Urban Acoustic Scene Classification", 2018.

    Args:
        root: the folder that holds meta.csv
        split_by: "fold", or "locations" for a piece of the corpus without evaluation_setup/: 0.7, 0.15 and 0.15 of the
            locations by a hash
    """

    kind = "ambience"
    licence = "non-commercial use, Tampere University's own licence"
    source = "https://doi.org/10.5281/zenodo.3819968"
    size = "30 GB: 2020 Mobile, development"
    folders = (
        "TAU-urban-acoustic-scenes-2020-mobile-development",
        "TAU-urban-acoustic-scenes-2022-mobile-development",
        "TAU-urban-acoustic-scenes-2020-3class-development",
        "TAU-urban-acoustic-scenes-2019-development",
        "TAU-urban-acoustic-scenes-2019-mobile-development",
        "TUT-urban-acoustic-scenes-2018-development",
        "TUT-urban-acoustic-scenes-2018-mobile-development",
    )
    verified = False

    def __init__(self, root: Path, split_by: Literal["fold", "locations"] = "fold") -> None:
        super().__init__(root)
        self.split_by = split_by

    @property
    def schema(self) -> Mapping[str, Any]:
        """The scenes, sorted."""
        return {"classes": sorted({row["scene_label"] for row in self._meta.values()})}

    def table(self) -> Iterator[dict[str, Any]]:
        """The clips of meta.csv that have a split."""
        splits = self._by_location() if self.split_by == "locations" else self._by_fold()
        paths = {path.stem: path for path in self.recordings("audio/*")}
        self.check_complete("meta.csv or evaluation_setup", sorted(n for n in splits if Path(n).stem not in paths))
        for name, split in splits.items():
            row, path = self._meta[name], paths[Path(name).stem]
            yield {
                "id": identifier(path, self.root),
                "group": row["identifier"],
                "audio": path,
                "label": row["scene_label"],
                "split": split,
            }

    def _by_fold(self) -> dict[str, str]:
        train, test = self._listed("train"), self._listed("evaluate")
        locations = split_groups((self._meta[name]["identifier"] for name in train), test=0)
        return {name: locations[self._meta[name]["identifier"]] for name in train} | dict.fromkeys(test, "test")

    def _by_location(self) -> dict[str, str]:
        locations = split_groups(row["identifier"] for row in self._meta.values())
        return {name: locations[row["identifier"]] for name, row in self._meta.items()}

    def _listed(self, part: str) -> list[str]:
        """The file names in one of the owner's lists: .csv with a header, or .txt without one (2018)."""
        paths = [f"evaluation_setup/fold1_{part}.{suffix}" for suffix in ("csv", "txt")]
        found = next((path for path in paths if (self.root / path).is_file()), None)
        if found is None:
            raise self.error(f"no file {paths[0]} in {self.root}", f"set split_by: locations, or {self.how_to_get}")
        names = [name for name in (line.partition("\t")[0] for line in self.lines(found)) if name != "filename"]
        if unnamed := [name for name in names if name not in self._meta]:
            raise self.error(f"{found} names {unnamed[0]}, which is not in meta.csv in {self.root}")
        return names

    @cached_property
    def _meta(self) -> dict[str, dict[str, str]]:
        """The rows of meta.csv by file name."""
        header, *lines = (line.split("\t") for line in self.lines("meta.csv") or [""])
        rows = [dict(zip(header, line, strict=False)) for line in lines]
        wanted = ("filename", "scene_label", "identifier")
        if not rows or not all(row.get(column) for row in rows for column in wanted):
            raise self.error(
                f"meta.csv in {self.root} lacks some of the tab-separated columns {', '.join(wanted)}", "restore it"
            )
        return {row["filename"]: row for row in rows}
