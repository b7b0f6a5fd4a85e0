"""Any table of recordings that Hugging Face `datasets` reads: hub name, saved dataset, parquet, CSV, JSON, folder."""

import os
import unicodedata
from collections.abc import Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from benchmark.contracts import SPLITS, Corpus
from benchmark.corpora._corpus_reader import LETTERS, transcript
from benchmark.corpora._text_tables import reading
from benchmark.errors import EarmarkError, unknown

BUILDERS = {".parquet": "parquet", ".csv": "csv", ".tsv": "csv", ".json": "json", ".jsonl": "json"}
NAMES = ("id", "group", "audio", "label", "text")


class Table(Corpus):
    """A table with one recording per row.

    `datasets` does not decode the audio: an audio column gives {"path", "bytes"}, and a column of strings names files
    relative to the table's folder. The columns `group` (the speaker, or whatever else the splits must keep apart) and
    `audio` are required. Without a column `id`, the id is the row's number in its split; a streamed table needs the
    column. An id must not occur twice in a split. Labels may be ClassLabel numbers or strings. Transcripts become lower
    case without punctuation. Cells of CSV and TSV files are text, whatever they look like: 007 stays 007.

    Args:
        root: where `path` is on this machine
        path: a name on the hub, a folder written by save_to_disk, a parquet, CSV or JSON file, a folder of such files,
            or a folder of audio with a sub-folder for each split, each with a metadata.csv or metadata.jsonl that has a
            column file_name
        columns: our names (id, group, audio, label, text) to the table's, if they differ; `id: null` numbers the rows,
            whatever the column id holds
        splits: our names (train, validation, test) to the table's, if they differ, or to files in the folder `path`;
            unless streamed also to slices such as "train[:80%]"
        config: the configuration, if the table has several
        kind: what the recordings are
        classes: the classes in order; None: those of the ClassLabel, or else the labels of the training split, sorted
        alphabet: of the transcripts
        streaming: read rows as they come, without a local copy; `classes` is then required unless the labels are
            ClassLabel numbers
    """

    licence = "that of the table"
    source = "a table of yours, or https://huggingface.co/datasets"
    size = "any"

    def __init__(
        self,
        root: Path,
        path: str | Path,
        columns: Mapping[str, str | None] | None = None,
        splits: Mapping[str, str] | None = None,
        config: str | None = None,
        kind: Literal["speech", "noise", "ambience"] = "speech",
        classes: list[str] | None = None,
        alphabet: str = LETTERS,
        streaming: bool = False,
    ) -> None:
        super().__init__(root)
        self.path = str(path)
        self.columns = dict(columns or {})
        self.splits = {split: split for split in SPLITS} | dict(splits or {})
        for option, given, known in (("columns", self.columns, NAMES), ("splits", self.splits, SPLITS)):
            for ours in given:
                if ours not in known:
                    raise unknown(f"name in the option {option} of table:", ours, known)
        if len(set(self.splits.values())) < len(self.splits):
            raise EarmarkError(
                f"table {self.path}: two of the splits {self.splits} are the same; give each its own in splits: {{…}}"
            )
        self.config = config
        self.kind = kind  # type: ignore[misc]  # here the user says what the recordings are
        self.classes = None if classes is None else [_word(each) for each in classes]
        self.alphabet = alphabet
        self.streaming = streaming
        self._kinds: dict[str, str] = {}  # by split: what the column of groups holds

    @property
    def name(self) -> str:
        """The table, for messages."""
        return f"table {self.path}"

    @cached_property
    def schema(self) -> Mapping[str, Any]:  # type: ignore[override]  # a property that is computed once
        """The classes if there are labels, and the alphabet if there are transcripts, as in the training split."""
        table = self._load("train")
        features = _features(table)
        columns = self._columns(features)
        schema: dict[str, Any] = {"alphabet": self.alphabet} if "text" in columns else {}
        if "label" in columns:
            names = getattr(features[columns["label"]], "names", None)
            if not (self.classes or names) and self.streaming:
                raise EarmarkError(f"table {self.path}: it is streamed and its labels are strings; set classes: […]")
            schema["classes"] = self.classes or names or sorted(set(map(_word, table[columns["label"]])) - {""})
        return schema

    def rows(self, split: str) -> Any:
        """The rows of one split: a `datasets.Dataset`, or an IterableDataset if streamed.

        Raises:
            EarmarkError: the path, the split or a column is wrong
        """
        if split not in SPLITS:
            raise unknown("split", split, SPLITS)
        from datasets import (  # here, since importing them takes over a second
            Audio,
            Dataset,
            concatenate_datasets,
        )

        table = self._load(split)
        features = _features(table)
        columns = self._columns(features)
        self._check_kinds(split, features[columns["group"]])
        audio = columns["audio"]
        file = self._file(split)
        folder = self.root if file is None else file.parent
        embedded = self._embedded(audio, features[audio])
        if embedded:
            table = table.cast_column(audio, Audio(decode=False))
        numbered = getattr(features[columns["label"]], "names", None) if "label" in columns else None

        def plain(row: Mapping[str, Any], index: int) -> dict[str, Any]:
            name = self._said(row, columns["id"], str(index)) if "id" in columns else f"{split}/{index:06d}"
            found = {"id": name, "group": self._said(row, columns["group"], name)}
            if "label" in columns:
                found["label"] = self._label(row[columns["label"]], numbered, name)
            if "text" in columns:
                said = row[columns["text"]]
                if not isinstance(said, str | int | None):
                    raise self._error(f"row {name} has the transcript {said!r}", "write text")
                found["text"] = transcript("" if said is None else str(said), f"{self.path}: row {name}")
            if audio in row:
                found["audio"] = self._recording(row[audio], folder, name)
            return found

        if self.streaming:
            return table.map(plain, with_indices=True, remove_columns=list(features))
        if not embedded:
            return Dataset.from_list([plain(row, index) for index, row in enumerate(table)])
        # The audio column stays as it is on disk; the other columns become a new table beside it.
        labels = Dataset.from_list([plain(row, index) for index, row in enumerate(table.remove_columns(audio))])
        return concatenate_datasets([labels, table.select_columns(audio).rename_columns({audio: "audio"})], axis=1)

    def _load(self, split: str) -> Any:
        from datasets import load_dataset, load_from_disk
        from datasets.exceptions import DatasetsError

        name = self.splits[split]
        file = self._file(split)
        try:
            if (self.root / "dataset_dict.json").is_file() or (self.root / "state.json").is_file():
                saved = load_from_disk(str(self.root))
                tables = saved if isinstance(saved, dict) else {"train": saved}
                if name not in tables:
                    raise ValueError(f"it holds {', '.join(tables)}")
                return tables[name].to_iterable_dataset() if self.streaming else tables[name]
            if file is not None:
                options = reading(file) if BUILDERS[file.suffix] == "csv" else {}
                chosen = "train" if self.root.is_dir() else name  # datasets calls the rows of one file "train"
                return load_dataset(
                    BUILDERS[file.suffix], data_files=str(file), split=chosen, streaming=self.streaming, **options
                )
            where = str(self.root) if os.path.exists(self.root) else self.path
            texts = sorted(path for path in self.root.glob("*") if BUILDERS.get(path.suffix) == "csv")
            if texts and not any(path.stem == "metadata" for path in texts) and not any(self.root.glob("*.parquet")):
                raise ValueError(f"it holds {texts[0].name}; name the file of each split in splits")
            return load_dataset(where, self.config, split=name, streaming=self.streaming)
        except (OSError, ValueError, IndexError, TypeError, DatasetsError) as error:  # IndexError: a table without rows
            cause: BaseException = error
            while cause.__cause__ is not None:  # datasets wraps the cause
                cause = cause.__cause__
            problem = (str(cause).splitlines() or [type(cause).__name__])[0]
            raise EarmarkError(
                f"table {self.path}: cannot read the split '{name}': {problem}; check path, splits and config"
            ) from error

    def _file(self, split: str) -> Path | None:
        """The file that holds a split, or None.

        A folder of audio is read through its metadata file, since `datasets` would decode the audio.
        """
        place = self.root / self.splits[split]
        files = [self.root, place, *(place / f"metadata{suffix}" for suffix in BUILDERS)]
        files += [self.root / f"{self.splits[split]}{suffix}" for suffix in BUILDERS if BUILDERS[suffix] == "csv"]
        return next((file for file in files if os.path.isfile(file) and file.suffix in BUILDERS), None)

    def _columns(self, features: Mapping[str, Any]) -> dict[str, str]:
        columns: dict[str, str] = {}
        required = {"group", "audio"} | set(self.columns) | ({"id"} if self.streaming else set())
        for ours in NAMES:
            theirs = self.columns.get(ours, ours)
            if theirs is None and ours == "id" and not self.streaming:
                continue
            if ours == theirs == "audio" and "audio" not in features and "file_name" in features:
                theirs = "file_name"  # the name in metadata files
            if theirs is not None and theirs in features:
                columns[ours] = theirs
            elif ours in required:
                raise EarmarkError(
                    f"table {self.path}: {unknown('column', str(theirs), features)}; set columns: {{{ours}: …}}"
                )
        return columns

    def _check_kinds(self, split: str, feature: Any) -> None:
        """Raise EarmarkError where groups are text in one split and numbers in another.

        Speaker 01 of one would be speaker 1 of the other, and nobody would see that both splits have him.
        """
        self._kinds[split] = kind = _kind(feature)
        for other, theirs in self._kinds.items():
            if theirs != kind:
                raise self._error(
                    f"the groups are {theirs} in {self.splits[other]} and {kind} in {self.splits[split]}",
                    "store text in both",
                )

    def _embedded(self, column: str, feature: Any) -> bool:
        """Whether a column holds encoded audio rather than names of files."""
        from datasets import Audio

        kind = _kind(feature)
        if feature is None or kind == "text":
            return False
        if isinstance(feature, Audio) or kind in ("binary", "large_binary"):
            return True
        if isinstance(feature, Mapping) and feature.keys() == {"bytes", "path"}:
            return True
        raise self._error(
            f"the column '{column}' holds {_described(feature)}",
            "name files in it, or store encoded audio in a column of the type Audio, as Dataset.cast_column writes it",
        )

    def _recording(self, value: Any, folder: Path, row: str) -> Any:
        if isinstance(value, str) and value:
            return str(folder / value) if os.path.exists(self.root) else value
        if isinstance(value, Mapping) and (value.get("bytes") or value.get("path")):
            return value
        raise self._error(f"row {row} has no file and no encoded audio", "add it, or remove the row")

    def _said(self, row: Mapping[str, Any], column: str, name: str) -> str:
        """A cell of ids or groups as a word."""
        value = row[column]
        word = _word(int(value) if isinstance(value, float) and value.is_integer() else value)
        if not word:
            raise self._error(f"row {name} has {value!r} in the column '{column}'", "fill it, or remove the row")
        return word

    def _label(self, label: Any, names: list[str] | None, row: str) -> str:
        if names is not None:
            label = word = names[label] if label is not None and 0 <= label < len(names) else None
        else:
            word = _word(label)
        if not word or word not in self.schema["classes"]:
            raise self._error(
                f"row {row} has the label {label!r}, which is not a class", "set classes, or remove the row"
            )
        return word

    def _error(self, problem: str, remedy: str) -> EarmarkError:
        return EarmarkError(f"{self.name}: {problem}; {remedy}")


def _word(value: Any) -> str:
    """A cell as a word: no blanks around it, composed characters (NFC); "" where there is none."""
    if isinstance(value, date):
        return value.isoformat()
    if value is None or value != value or not isinstance(value, str | int | float):
        return ""
    return unicodedata.normalize("NFC", str(value).strip())


def _kind(feature: Any) -> str:
    """What a column holds, in a word: text, numbers, or else the name of its type."""
    kind = str(getattr(feature, "dtype", None) or "lists or mappings")
    if kind in ("string", "large_string"):
        return "text"
    return "numbers" if kind.startswith(("int", "uint", "float")) else kind


def _described(feature: Any) -> str:
    from datasets import List

    decoded = isinstance(feature, List) or (isinstance(feature, Mapping) and "array" in feature)
    return "decoded samples" if decoded else f"no audio but {_kind(feature)}"


def _features(table: Any) -> Mapping[str, Any]:
    """A table's columns; a streamed CSV file shows them only in its first row."""
    return table.features or dict.fromkeys(next(iter(table), {}))
