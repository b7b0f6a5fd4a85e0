"""The base class of corpora whose owner divides them into numbered folds."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from benchmark.contracts import SPLITS
from benchmark.corpora._corpus_reader import CorpusReader
from benchmark.corpora._splits import split_groups, split_of
from benchmark.errors import unknown

FOLDS = {"train": [1, 2, 3], "validation": [4], "test": [5]}


class PredefinedFoldsReader(CorpusReader):
    """Clips in folds that share no source recording; a subclass writes `clips`.

    At most one of the options may be given.

    Args:
        root: the folder of the corpus
        folds: split to fold numbers; a split that is not named keeps its default (training 1 to 3, validation 4, test
            5: ours), and folds in no split are left out
        split_by: "folds", or "recordings" for a piece of the corpus that lacks folds: 0.7, 0.15 and 0.15 of the source
            recordings by a hash
        fold: the test fold; of the source recordings of all other folds, 0.15 by a hash are for validation (ours) and
            the rest for training
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
            raise self.error("fold, folds and split_by exclude each other", "give one of them")
        self.fold = fold
        self.split_by = split_by
        self.folds = FOLDS | (folds or {})
        for split in self.folds:
            if split not in SPLITS:
                raise unknown("split in folds", split, SPLITS)
        numbers = [fold for chosen in self.folds.values() for fold in chosen]
        for fold in numbers:
            if numbers.count(fold) > 1:
                raise self.error(f"fold {fold} is given twice: {self.folds}", "give each fold to one split")

    @abstractmethod
    def clips(self) -> Iterable[dict[str, Any]]:
        """All rows, with the fold's number under the key `fold` and the source recording as `group`."""

    def table(self) -> Iterator[dict[str, Any]]:
        """All clips, split as the options say."""
        if self.fold is not None:
            yield from self._one_fold_for_test(self.fold)
            return
        splits = {fold: split for split, chosen in self.folds.items() for fold in chosen}
        for clip in self.clips():
            fold = clip.pop("fold")
            yield clip | {"split": splits.get(fold, "") if self.split_by == "folds" else split_of(clip["group"])}

    def _one_fold_for_test(self, test: int) -> Iterator[dict[str, Any]]:
        """All clips: one fold for test, the others for training and validation."""
        clips = [(clip.pop("fold"), clip) for clip in self.clips()]
        if clips and test not in {fold for fold, _ in clips}:
            raise unknown(f"fold of {self.root.name}", str(test), {str(fold) for fold, _ in clips})
        others = split_groups((clip["group"] for fold, clip in clips if fold != test), test=0)
        for fold, clip in clips:
            yield clip | {"split": "test" if fold == test else others[clip["group"]]}

    @property
    def remedy(self) -> str:
        """The folds found, and how to choose among them."""
        present = ", ".join(str(fold) for fold in sorted({clip["fold"] for clip in self.clips()}))
        choice = "set folds: {train: […], validation: […], test: […]}, or split_by: recordings"
        return f"folds present: {present or 'none'}; {choice}, or {self.how_to_get}"
