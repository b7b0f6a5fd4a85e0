"""Tables, lists and listeners as people keep them: read as they are, or refused in one line."""

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest
from datasets import Dataset, DatasetDict, Features, Value, disable_progress_bars
from hypothesis import given, settings
from hypothesis import strategies as st
from trials import trials

from benchmark import audio
from benchmark.catalogue import Corpora, CorpusSpec, rows_of
from benchmark.contracts import SPLITS, Corpus
from benchmark.corpora._corpus_reader import transcript
from benchmark.corpora._text_tables import reading
from benchmark.corpora.haskins_rate import HaskinsRate
from benchmark.corpora.table import Table
from benchmark.errors import EarmarkError
from benchmark.hearing.audiograms import audiogram
from benchmark.scores.text import normalise
from tasks.asr import ASR

disable_progress_bars()
FILES = {split: f"{split}.csv" for split in SPLITS}
CELLS = ["12", "007", "1e3", "null", "None", "NA", "nan", "True", "-", "2024-01-01", "1_000", "+1"]


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "hf"))


@pytest.fixture
def table(tmp_path):
    """Write the lines of each split, and open the table."""

    def opened(lines, suffix="csv", **options):
        for split in SPLITS:
            (tmp_path / f"{split}.{suffix}").write_text(lines.get(split, lines["train"]), encoding="utf-8")
        return Table(tmp_path, "mine", splits={split: f"{split}.{suffix}" for split in SPLITS}, **options)

    return opened


def one_line(error):
    return "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
@pytest.mark.parametrize("streaming", [False, True])
def test_cells_stay_the_text_that_they_are(table, suffix, streaming):
    mark = {"csv": ",", "tsv": "\t"}[suffix]
    lines = [mark.join((f"i{place}", "a.wav", cell, cell)) for place, cell in enumerate(CELLS)]
    text = "\n".join([mark.join(("id", "audio", "group", "label")), *lines]) + "\n"
    corpus = table({"train": text}, suffix, streaming=streaming, classes=CELLS if streaming else None)
    rows = rows_of(corpus, "test")
    assert [row["group"] for row in rows] == [row["label"] for row in rows] == CELLS
    assert sorted(corpus.schema["classes"]) == sorted(CELLS)


@settings(max_examples=trials(20))
@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"])), min_size=3, max_size=3), min_size=1))
def test_what_a_csv_file_holds_is_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("cells") / "t.csv"
    text = io.StringIO()
    csv.writer(text).writerows([["audio", "group", "x"], *rows])
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    options = reading(path)
    options.pop("features")
    found = pd.read_csv(path, dtype=object, **options)  # as `datasets` does, which takes a tenth of a second
    assert found.to_numpy().tolist() == rows


@settings(max_examples=trials(30))
@given(st.binary(max_size=200))
def test_a_table_of_any_bytes_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("bytes") / "t.tsv"
    path.write_bytes(b"audio\tgroup\n" + content)
    said = ""
    try:
        reading(path)
    except ValueError as error:
        said = str(error)
    assert "\n" not in said


def test_a_quotation_mark_that_never_closes_swallows_no_row(table):
    said = ["one two", '"so it began', "in the middle", '"and so it ended', 'five" six']
    lines = [f"i{place}\ta.wav\ts\t{line}" for place, line in enumerate(said)]
    found = rows_of(table({"train": "\n".join(["id\taudio\tgroup\ttext", *lines])}, "tsv"), "train")
    assert [row["text"] for row in found] == [normalise(line) for line in said]
    lines = [f"i{place},a.wav,s,{line}" for place, line in enumerate(said)]
    with pytest.raises(EarmarkError, match=r"cannot read the split .*close its quotation mark") as error:
        table({"train": "\n".join(["id,audio,group,text", *lines])}).rows("train")
    assert one_line(error)
    swallowing = 'audio,group,text\na.wav,s,"so it began\nb.wav,s,more\nc.wav,s,end"\n'
    with pytest.raises(EarmarkError, match="holds other lines; close its quotation mark"):
        table({"train": swallowing}).rows("train")
    assert len(rows_of(table({"train": 'audio,group,text\na.wav,s,"two\nlines"\n'}), "train")) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("audio,group\na.wav,s,1\n", "line 2 has 3 cells, and the first line 2"),
        ("audio,group,text\na.wav,s\n", "line 2 has 2 cells, and the first line 3"),
        ("audio,group,group\na.wav,s,t\n", "the column 'group' is there twice"),
        ("", "it is empty"),
        ("audio,group\n,s\n", "row test/000000 has no file and no encoded audio"),
        ("audio,group\na.wav,\n", "row test/000000 has '' in the column 'group'"),
        ("id,audio,group\n,a.wav,s\n", "in the column 'id'; fill it, or remove the row"),
    ],
)
def test_a_table_that_would_be_misread_is_refused(table, text, message):
    with pytest.raises(EarmarkError, match=message) as error:
        rows_of(table({"train": text}), "test")
    assert one_line(error)


def test_an_id_that_repeats_is_refused_or_numbered(table):
    text = "id,audio,group\nz,a.wav,s\nz,b.wav,t\n"
    with pytest.raises(EarmarkError, match=r"table mine: the id 'z' is there 2 times in test; .*columns: \{id: null\}"):
        rows_of(table({"train": text}), "test")
    assert [row["id"] for row in rows_of(table({"train": text}, columns={"id": None}), "test")] == [
        "test/000000",
        "test/000001",
    ]


@pytest.mark.parametrize(("trained", "tested"), [("01", "1"), ("1", "001"), ("s1", " s1 "), ("é", "e\u0301")])
def test_one_speaker_in_two_spellings_is_in_both_splits(table, tmp_path, trained, tested):
    for place, name in enumerate("abc"):
        audio.write(tmp_path / f"{name}.wav", np.random.default_rng(place).normal(0, 0.1, (1, 1600)).astype(np.float32))
    table(
        {
            "train": f"audio,group\na.wav,{trained}\n",
            "validation": "audio,group\nb.wav,other\n",
            "test": f"audio,group\nc.wav,{tested}\n",
        }
    )
    corpora = Corpora(None, tmp_path / "cache")
    spec = CorpusSpec("table", {"path": str(tmp_path), "splits": FILES})
    trained_on, tested_on = (corpora.identity(spec, [split]) for split in ("train", "test"))
    assert "1 groups" in corpora.shared(trained_on, tested_on, groups_too=True)
    assert corpora.shared(trained_on, corpora.identity(spec, ["validation"]), groups_too=True) is None


def saved(path, groups, cells=None, dtype=None):
    parts = {}
    for split in SPLITS:
        columns = {"audio": cells or ["a.wav", "b.wav"], "group": groups[split]}
        features = None if dtype is None else Features({"audio": Value("string"), "group": Value(dtype)})
        parts[split] = Dataset.from_dict(columns, features=features)
    DatasetDict(parts).save_to_disk(str(path))
    return Table(path, "mine")


def test_groups_are_of_one_type_in_all_splits(tmp_path):
    corpus = saved(tmp_path / "t", {"train": ["01", "2"], "validation": ["3", "4"], "test": [1, 5]})
    corpus.rows("train")
    with pytest.raises(EarmarkError, match="the groups are text in train and numbers in test; store text in both"):
        corpus.rows("test")


def test_a_whole_number_is_one_group_whatever_its_type(tmp_path):
    corpus = saved(tmp_path / "t", {key: [1.0, 2.0] for key in SPLITS}, dtype="float64")
    assert [row["group"] for row in rows_of(corpus, "test")] == ["1", "2"]


@pytest.mark.parametrize("group", [None, float("nan")])
def test_a_row_without_a_group_is_named(tmp_path, group):
    corpus = saved(tmp_path / "t", {key: [1.0, group] for key in SPLITS}, dtype="float64")
    with pytest.raises(EarmarkError, match=r"row test/000001 has .* in the column 'group'; fill it, or remove the row"):
        rows_of(corpus, "test")


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([{"array": [0.0, 0.1], "sampling_rate": 16000}] * 2, "the column 'audio' holds decoded samples; name files"),
        ([[0.0, 0.1]] * 2, "the column 'audio' holds decoded samples; name files"),
        ([1, 2], "the column 'audio' holds no audio but numbers; name files"),
        ([{"bytes": b"", "path": None}] * 2, "has neither a file nor encoded audio"),
    ],
)
def test_a_column_that_holds_no_encoded_audio_is_refused(tmp_path, cells, message):
    with pytest.raises(EarmarkError, match=message) as error:
        rows_of(saved(tmp_path / "t", {key: ["s", "t"] for key in SPLITS}, cells), "train")
    assert one_line(error)


@settings(max_examples=trials(30))
@given(st.text())
def test_a_reader_and_the_scorer_agree_on_a_transcript(text):
    try:
        assert normalise(text) == transcript(text, "here")
    except EarmarkError:
        assert normalise(text) == ""


def test_a_missing_transcript_is_named():
    with pytest.raises(ValueError, match="it has no transcript; write one, or remove the recording"):
        ASR({"alphabet": "ab"}).check({"id": "x", "text": None})


@pytest.mark.parametrize(
    "rows",
    [
        [{"group": "s", "audio": "a.wav"}],
        [{"id": 1, "group": "s", "audio": "a.wav"}],
        [{"id": "a", "group": None, "audio": "a.wav"}],
        [{"id": "a", "group": "s", "audio": np.zeros(3)}],
        [{"id": "a", "group": "s", "audio": {"array": [0.0]}}],
        ["a.wav"],
        None,
    ],
)
def test_rows_of_a_reader_from_outside_are_looked_at(tmp_path, rows):
    class Mine(Corpus):
        def rows(self, split):
            return rows

    with pytest.raises(EarmarkError, match=r"^Mine: its train split cannot be read \(.*\); correct it") as error:
        rows_of(Mine(tmp_path), "train")
    assert one_line(error)


def test_a_listing_of_corpora_computes_no_tracks(tmp_path, monkeypatch):
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path / "cache"))
    for speaker in ("F01", "F02", "M01"):
        path = tmp_path / f"HPRC/{speaker}/data/{speaker}_B01_S01_R01_N.mat"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"not opened")
    assert Corpora(tmp_path, tmp_path / "cache").lacking("haskins_rate") is None
    assert not (tmp_path / "cache").exists()
    path.unlink()
    with pytest.raises(EarmarkError, match=r"2 speakers in .* are too few"):
        HaskinsRate(tmp_path / "HPRC").survey()


def test_a_corpus_that_cannot_be_opened_costs_no_other(tmp_path, monkeypatch):
    def denied(spec):
        raise PermissionError(13, "Permission denied", str(tmp_path))

    corpora = Corpora(tmp_path, tmp_path / "cache")
    monkeypatch.setattr(corpora, "open", denied)
    assert "Permission denied" in corpora.lacking("an4")


@settings(max_examples=trials(30))
@given(st.binary(max_size=100) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_listeners_of_any_content_are_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("listeners") / "x.json"
    path.write_bytes(content if isinstance(content, bytes) else f'{{"L1": {content}}}'.encode())
    with pytest.raises(EarmarkError) as error:
        audiogram(f"{path}:L1:left")
    assert one_line(error)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"L1": {"audiogram_cfs": [250, 6000], "audiogram_levels_l": [0, 1e999]}}']
)
def test_listeners_that_nobody_writes_are_refused(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(EarmarkError) as error:
        audiogram(f"{path}:L1:left")
    assert one_line(error)
