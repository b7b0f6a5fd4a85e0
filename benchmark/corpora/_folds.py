"""What corpora with numbered folds share."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from benchmark.contracts import SPLITS
from benchmark.corpora._reader import Reader, split_groups, split_of
from benchmark.errors import unknown

FOLDS = {"train": [1, 2, 3], "validation": [4], "test": [5]}


class FoldedReader(Reader):
    """A corpus whose owner numbers folds that share no source recording; `folds` says which of them are whose. A
    subclass writes `clips`.

    Args:
        root: the folder of the corpus
        fold: the one fold under test; of the source recordings of all others 0.15 by a hash are for validation (ours),
            the rest for training
        split_by: "folds", or "recordings": 0.7, 0.15 and 0.15 of the source recordings by a hash, for a piece of the
            corpus that lacks folds
        folds: split to fold numbers; a split that is not named keeps its default (training 1 to 3, validation 4, test
            5: ours); other folds are left out
    """

    def __init__(
        self,
        root: Path,
        folds: dict[str, list[int]] | None = None,
        split_by: Literal["folds", "recordings"] = "folds",
        fold: int | None = None,
    ) -> None:
        super().__init__(root)
        if sum((fold is not None, bool(folds), split_by != "folds")) > 1:
            raise self.error("fold, folds and split_by each say which clips are for test", "give one of them")
        self.fold = fold
        self.split_by = split_by
        self.folds = FOLDS | (folds or {})
        for split in self.folds:
            if split not in SPLITS:
                raise unknown("split in folds", split, SPLITS)
        numbers = [fold for chosen in self.folds.values() for fold in chosen]
        for fold in numbers:
            if numbers.count(fold) > 1:
                raise self.error(f"fold {fold} stands twice in folds: {self.folds}", "let no two splits share a fold")

    @abstractmethod
    def clips(self) -> Iterable[dict[str, Any]]:
        """All rows, with the number of each one's fold under the key `fold`."""

    def table(self) -> Iterator[dict[str, Any]]:
        """The clips with their splits."""
        if self.fold is not None:
            yield from self._left_out(self.fold)
            return
        splits = {fold: split for split, chosen in self.folds.items() for fold in chosen}
        for clip in self.clips():
            fold = clip.pop("fold")
            yield clip | {"split": splits.get(fold, "") if self.split_by == "folds" else split_of(clip["group"])}

    def _left_out(self, test: int) -> Iterator[dict[str, Any]]:
        """The clips, with fold `test` for test and the others for training and validation."""
        clips = [(clip.pop("fold"), clip) for clip in self.clips()]
        if clips and test not in {fold for fold, _ in clips}:
            raise unknown(f"fold of {self.root.name}", str(test), {str(fold) for fold, _ in clips})
        others = split_groups((clip["group"] for fold, clip in clips if fold != test), test=0)
        for fold, clip in clips:
            yield clip | {"split": "test" if fold == test else others[clip["group"]]}

    @property
    def remedy(self) -> str:
        """Which folds there are, and how to choose among them."""
        present = ", ".join(str(fold) for fold in sorted({clip["fold"] for clip in self.clips()}))
        choice = "set folds: {train: […], validation: […], test: […]}, or split_by: recordings"
        return f"folds present: {present or 'none'}; {choice}, or {self.fetch}"
