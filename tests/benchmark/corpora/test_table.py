"""Tables of Hugging Face `datasets`, on disk in every form, streamed and not."""

import json

import pytest
from datasets import Audio, ClassLabel, Dataset, DatasetDict

from benchmark.catalogue import fingerprint, open_corpus
from benchmark.corpora.table import Table
from benchmark.errors import EarmarkError

COLUMNS = {"id": "file", "group": "speaker", "audio": "sound", "label": "word", "text": "said"}
SPLITS = {"validation": "dev"}


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "hf"))


def make(tmp_path, clip, split, start):
    """Four rows with audio as bytes, numbered labels and numbers for speakers."""
    paths = [clip(tmp_path / f"audio/{split}{number}.flac", rate=8000) for number in range(4)]
    columns = {
        "file": [path.stem for path in paths],
        "speaker": [start, start, start + 1, start + 1],
        "sound": [{"path": path.name, "bytes": path.read_bytes()} for path in paths],
        "word": [1, 0, 1, 0],
        "said": ["Yes!", "NO", "yes", "no."],
        "other": [0.5] * 4,
    }
    return Dataset.from_dict(columns).cast_column("sound", Audio()).cast_column("word", ClassLabel(names=["no", "yes"]))


@pytest.fixture
def tables(tmp_path, clip):
    return {split: make(tmp_path, clip, split, start) for split, start in (("train", 10), ("dev", 20), ("test", 30))}


@pytest.fixture(params=["saved", "parquet files", "parquet folder"])
def table(request, tmp_path, tables):
    """A table on disk, and its options."""
    root = tmp_path / "table"
    splits = SPLITS
    if request.param == "saved":
        DatasetDict(tables).save_to_disk(str(root))
    else:
        root.mkdir()
        for split, rows in tables.items():
            rows.to_parquet(str(root / f"{split}.parquet"))
        # In a folder datasets finds the splits by the files' names, and calls dev "validation".
        names = {"train": "train.parquet", "validation": "dev.parquet", "test": "test.parquet"}
        splits = names if request.param == "parquet files" else {}
    return {"path": str(root), "columns": COLUMNS, "splits": splits}


def test_columns_are_mapped_and_nothing_is_decoded(table, tmp_path, read):
    corpus = open_corpus("table", table, None, tmp_path)
    assert corpus.kind == "speech"
    assert corpus.schema == {"alphabet": " 'abcdefghijklmnopqrstuvwxyz", "classes": ["no", "yes"]}
    found = read(corpus)
    assert {split: {row["group"] for row in rows} for split, rows in found.items()} == {
        "train": {"10", "11"},
        "validation": {"20", "21"},
        "test": {"30", "31"},
    }
    first = found["train"][0]
    assert first.keys() == {"id", "group", "audio", "label", "text"}
    assert (first["id"], first["label"], first["text"]) == ("train0", "yes", "yes")
    assert first["audio"]["bytes"] == (tmp_path / "audio/train0.flac").read_bytes()


def test_a_streamed_table_gives_the_same_rows(table, tmp_path, read):
    whole = open_corpus("table", table, None, tmp_path)
    streamed = open_corpus("table", table | {"streaming": True}, None, tmp_path)
    assert not hasattr(streamed.rows("train"), "__len__")
    assert streamed.schema == whole.schema
    assert read(streamed) == read(whole)
    assert fingerprint(streamed.rows("test")) == fingerprint(whole.rows("test"))


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl"])
def test_text_tables_name_files_beside_them(tmp_path, clip, read, suffix, streaming):
    root = tmp_path / "mine"
    for split in ("train", "validation", "test"):
        rows = [
            {"id": f"{split}{i}", "group": f"{split}{i % 2}", "audio": f"wav/{split}{i}.wav", "label": "ab"[i % 2]}
            for i in range(2)
        ]
        for row in rows:
            clip(root / row["audio"])
        separator = {"csv": ",", "tsv": "\t"}.get(suffix)
        lines = (
            [json.dumps(row) for row in rows]
            if separator is None
            else [separator.join(rows[0])] + [separator.join(row.values()) for row in rows]
        )
        (root / f"{split}.{suffix}").write_text("\n".join(lines) + "\n")
    splits = {split: f"{split}.{suffix}" for split in ("train", "validation", "test")}
    corpus = Table(root, root, splits=splits, streaming=streaming, classes=["b", "a"] if streaming else None)
    found = read(corpus)
    assert corpus.schema == {"classes": ["b", "a"] if streaming else ["a", "b"]}
    assert found["test"][1] == {"id": "test1", "group": "test1", "audio": str(root / "wav/test1.wav"), "label": "b"}
    if streaming:
        with pytest.raises(EarmarkError, match=r"it is streamed and its labels are strings; set classes"):
            _ = Table(root, root, splits=splits, streaming=True).schema


def test_a_folder_of_audio_with_metadata(tmp_path, clip, read):
    root = tmp_path / "audiofolder"
    for split in ("train", "validation", "test"):
        for number in range(2):
            clip(root / split / f"{number}.wav")
        (root / split / "metadata.csv").write_text(f"file_name,speaker\n0.wav,{split}0\n1.wav,{split}1\n")
    found = read(Table(root, root, columns={"group": "speaker"}, kind="noise"))
    assert [row["id"] for row in found["validation"]] == ["validation/000000", "validation/000001"]
    assert {row["group"] for row in found["test"]} == {"test0", "test1"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"columns": COLUMNS | {"group": "speakr"}},
            r"unknown column 'speakr'; did you mean 'speaker'\?; set columns: \{group: …\}",
        ),
        ({"columns": {"audio": "sound"}}, r"unknown column 'group'; .*; set columns: \{group: …\}"),
        (
            {"columns": {"audio": "sound", "group": "speaker"}, "streaming": True},
            r"unknown column 'id'; .*; set columns: \{id: …\}",
        ),
        ({"columns": {"speaker": "group"}}, "unknown name in the option columns of table: 'speaker'"),
        ({"splits": {"dev": "dev"}}, "unknown name in the option splits of table: 'dev'"),
        ({"splits": {"validation": "test"}}, "two of the splits .* are the same; give each its own"),
        ({"splits": {"test": "eval"}}, "cannot read the split 'eval': .*; check path, splits and config"),
        ({"classes": ["no"]}, "row test0 has the label 'yes', which is not a class; set classes, or remove the row"),
    ],
)
def test_errors_name_the_option(tmp_path, tables, options, message):
    DatasetDict(tables).save_to_disk(str(tmp_path / "table"))
    with pytest.raises(EarmarkError, match=message):
        next(
            iter(
                open_corpus(
                    "table",
                    {"path": str(tmp_path / "table"), "columns": COLUMNS, "splits": SPLITS} | options,
                    None,
                    tmp_path,
                ).rows("test")
            )
        )


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("said", " ", "row test0: the transcript is empty"),
        ("said", None, "row test0: the transcript is empty"),
        ("word", -1, "the label None, which is not a class"),
    ],
)
@pytest.mark.parametrize("streaming", [False, True])
def test_rows_that_cannot_be_used_are_named(tmp_path, tables, column, value, message, streaming):
    test = tables["test"]
    changed = test.remove_columns(column).add_column(column, [value, *test[column][1:]], feature=test.features[column])
    DatasetDict(tables | {"test": changed}).save_to_disk(str(tmp_path / "table"))
    corpus = Table(tmp_path / "table", "table", columns=COLUMNS, splits=SPLITS, streaming=streaming)
    with pytest.raises(EarmarkError, match=message):
        list(corpus.rows("test"))


def test_one_saved_table_or_file_is_one_split(tmp_path, tables):
    tables["train"].save_to_disk(str(tmp_path / "one"))
    tables["train"].to_parquet(str(tmp_path / "one.parquet"))
    for name in ("one", "one.parquet"):
        corpus = open_corpus("table", {"path": name, "columns": COLUMNS}, tmp_path, tmp_path)
        assert len(corpus.rows("train")) == 4
        with pytest.raises(EarmarkError, match=r"cannot read the split 'test'"):
            corpus.rows("test")
    sliced = open_corpus(
        "table",
        {"path": "one.parquet", "columns": COLUMNS, "splits": {"train": "train[:50%]", "test": "train[50%:]"}},
        tmp_path,
        tmp_path,
    )
    assert [row["id"] for row in sliced.rows("test")] == ["train2", "train3"]


def test_an_empty_split_is_an_error(tmp_path, tables):
    tables["test"] = tables["test"].select([])
    DatasetDict(tables).save_to_disk(str(tmp_path / "saved"))
    (tmp_path / "files").mkdir()
    for split, rows in tables.items():
        rows.to_parquet(str(tmp_path / f"files/{split}.parquet"))
    for folder, test in (("saved", "test"), ("files", "test.parquet")):
        with pytest.raises(
            EarmarkError, match=f"table it: cannot read the split '{test}': .*; check path, splits and config"
        ):
            Table(tmp_path / folder, "it", columns=COLUMNS, splits={"test": test}).rows("test")


def test_a_file_that_is_no_table_is_named(tmp_path):
    (tmp_path / "broken.parquet").write_text("this is not parquet")
    with pytest.raises(EarmarkError, match=r"table broken.parquet: cannot read the split 'train': .*; check path"):
        Table(tmp_path / "broken.parquet", "broken.parquet").rows("train")
