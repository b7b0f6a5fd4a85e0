"""Opening corpora by name, the catalogue, and the fingerprint."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmark import audio, registry
from benchmark.catalogue import Corpora, CorpusSpec, catalogue, fingerprint, open_corpus, rows_of
from benchmark.contracts import Corpus
from benchmark.errors import EarmarkError
from benchmark.store import default_cache

USER_CORPUS = """
from benchmark.contracts import Corpus

class Mine(Corpus):
    kind, licence, source, size, {extra} = "noise", "mine", "here", "small", {value}

    def rows(self, split):
        return [self.root]
"""


@pytest.fixture
def digits(tmp_path, clip):
    """A data folder with one corpus in it."""
    recording = clip(tmp_path / "recording.wav", rate=8000)
    recordings = tmp_path / "data/free-spoken-digit-dataset/recordings"
    recordings.mkdir(parents=True)
    for digit in range(10):
        for take in range(50):
            shutil.copy(recording, recordings / f"{digit}_ann_{take}.wav")
    return tmp_path / "data"


def test_a_corpus_is_opened_by_name_with_its_options(digits, tmp_path):
    corpus = open_corpus("free_spoken_digits", {"fold": "ann"}, digits, tmp_path)
    assert corpus.root == digits / "free-spoken-digit-dataset"
    assert {row["group"] for row in corpus.rows("test")} == {"ann"}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("free_spoken_digts", {}, "unknown corpus 'free_spoken_digts'; did you mean 'free_spoken_digits'?"),
        ("free_spoken_digits", {"fould": "ann"}, "free_spoken_digits: unknown option 'fould'; did you mean 'fold'?"),
        (
            "free_spoken_digits",
            {"fold": 3},
            "free_spoken_digits: option 'fold': Input should be a valid string; it is 3",
        ),
        ("folder", {}, "folder: Folder needs the option 'path'; give it"),
        ("folder", {"path": "nowhere"}, "folder: no folder DATA/nowhere; check the option path: nowhere"),
        (
            "folder",
            {"path": ".", "kind": "nois"},
            "folder: option 'kind': Input should be 'speech', 'noise' or 'ambience'; it is 'nois'",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(digits, tmp_path, name, options, message):
    with pytest.raises(EarmarkError) as error:
        open_corpus(name, options, digits, tmp_path)
    assert str(error.value).replace(str(digits), "DATA") == message


def test_a_missing_folder_says_where_to_get_it(tmp_path):
    with pytest.raises(EarmarkError) as error:
        open_corpus("speech_commands", {}, tmp_path, tmp_path)
    text = str(error.value)
    assert text.startswith(
        f"speech_commands: no folder speech_commands_v0.02 or speech_commands_v0.01 in {tmp_path}; get it from http"
    )
    assert text.endswith("(2.3 GB; version 0.01: 1.4 GB) and give its parent with --data")
    with pytest.raises(EarmarkError, match=r"and --data was not given; get it from"):
        open_corpus("musan", {}, None, tmp_path)


def test_a_truth_value_is_no_word(tmp_path):
    with pytest.raises(
        EarmarkError,
        match=r"speech_commands: option 'words'\[1\]: Input should be a valid string; it is \['up', True\]",
    ):
        open_corpus("speech_commands", {"words": ["up", True]}, tmp_path, tmp_path)


def test_a_path_is_looked_for_below_data_first(tmp_path, clip, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clip(tmp_path / "noises/a.wav")
    assert open_corpus("folder", {"path": "noises"}, None, tmp_path).root == Path("noises")
    clip(tmp_path / "data/noises/b.wav")
    assert open_corpus("folder", {"path": "noises"}, tmp_path / "data", tmp_path).root == tmp_path / "data/noises"


def test_a_users_own_class_without_folders_wants_a_path(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(USER_CORPUS.format(extra="version", value="1"))
    with pytest.raises(EarmarkError, match=r"mine.py:Mine: no folder was given; write its option `path`"):
        open_corpus(f"{file}:Mine", {}, tmp_path, tmp_path)
    assert open_corpus(f"{file}:Mine", {}, tmp_path, tmp_path, path=str(tmp_path)).rows("train") == [tmp_path]


@pytest.mark.parametrize(
    ("extra", "value", "root"), [("folders", ("mine",), "data/mine"), ("synthetic", True, "cache/Mine")]
)
def test_a_users_own_class_is_opened(tmp_path, extra, value, root):
    file = tmp_path / f"{extra}.py"
    file.write_text(USER_CORPUS.format(extra=extra, value=value))
    (tmp_path / "data/mine").mkdir(parents=True)
    corpus = open_corpus(f"{file}:Mine", {}, tmp_path / "data", tmp_path / "cache")
    assert corpus.rows("train") == [tmp_path / root]


def test_the_cache_follows_the_environment(monkeypatch):
    monkeypatch.setenv("EARMARK_CACHE", "/somewhere/else")
    assert default_cache() == Path("/somewhere/else")
    monkeypatch.delenv("EARMARK_CACHE")
    assert default_cache() == Path.home() / ".cache/earmark"


def test_the_catalogue_lists_every_corpus(digits, tmp_path):
    records = {record["name"]: record for record in catalogue(digits, tmp_path / "cache")}
    assert list(records) == list(registry.names("corpora"))
    assert records["free_spoken_digits"]["found"] == str(digits / "free-spoken-digit-dataset")
    assert records["an4"]["found"] == "not found"
    assert {name for name, record in records.items() if record["verified"] == "unverified"} >= {"musan", "demand"}
    for name, record in records.items():
        assert record["synthetic"] == name.startswith("synthetic/")
        assert (record["found"] == "generated on first use") == record["synthetic"]
        assert all(record[key] for key in ("kind", "licence", "size", "source"))


def test_a_fingerprint_is_that_of_the_content(digits, tmp_path, clip):
    corpus = open_corpus("free_spoken_digits", {}, digits, tmp_path)
    rows = list(corpus.rows("train"))
    shutil.copytree(digits, tmp_path / "elsewhere")
    moved = list(open_corpus("free_spoken_digits", {}, tmp_path / "elsewhere", tmp_path).rows("train"))
    assert rows[0]["audio"] != moved[0]["audio"]
    assert fingerprint(rows) == fingerprint(moved) == fingerprint(reversed(rows)) == fingerprint(corpus.rows("train"))
    for change in ({"id": "x"}, {"group": "x"}, {"label": "x"}, {"text": "x"}, {"conditions": {"snr": 5.0}}):
        assert fingerprint([rows[0] | change, *rows[1:]]) != fingerprint(rows)
    assert fingerprint(rows[1:]) != fingerprint(rows)
    held = [row | {"audio": {"path": None, "bytes": Path(row["audio"]).read_bytes()}} for row in rows]
    assert fingerprint(held) == fingerprint(rows)
    clip(Path(rows[0]["audio"]), seconds=0.2)
    assert fingerprint(rows) != fingerprint(moved)
    Path(rows[0]["audio"]).unlink()
    with pytest.raises(EarmarkError, match=r"(?i)no such file"):
        fingerprint(rows)


def test_a_class_without_recordings_for_training_is_missing_where_labels_count(tmp_path, clip):
    for speaker in ("03", "08", "09"):
        for text in range(10):
            clip(tmp_path / f"EMO-DB/wav/{speaker}a{text:02d}Wa.wav")
    clip(tmp_path / "EMO-DB/wav/09a01Tb.wav")
    corpora = Corpora(tmp_path, tmp_path / "cache")
    assert corpora.missing(CorpusSpec("emo_db", {"fold": 3}), labelled=True) is None
    lacking = corpora.missing(CorpusSpec("emo_db", {"fold": 9}), labelled=True)
    assert lacking.startswith(
        "emo_db: no recording of sadness is for training, though some are for validation or test; get the whole corpus"
    )
    assert corpora.missing(CorpusSpec("emo_db", {"fold": 9}), labelled=False) is None


def test_a_split_without_recordings_is_missing(tmp_path):
    class Untested(Corpus):
        kind = "speech"

        def rows(self, split):
            return [] if split == "test" else [{"id": split, "group": "a", "audio": self.root / "a.wav"}]

    audio.write(tmp_path / "a.wav", np.full((1, 1600), 0.1, np.float32))
    corpora = Corpora(tmp_path, tmp_path / "cache")
    corpora.open = lambda reference: Untested(tmp_path)
    assert corpora.missing(CorpusSpec("mine", {}), labelled=False) == (
        "mine: no recording is in its test split; split it otherwise"
    )


def test_an_id_that_occurs_twice_is_refused(tmp_path):
    class Doubled(Corpus):
        def rows(self, split):
            return [{"id": name, "group": "a", "audio": "a.wav"} for name in ("x", "y", "x")]

    with pytest.raises(EarmarkError, match="Doubled: the id 'x' is there 2 times in train; give every recording its"):
        rows_of(Doubled(tmp_path), "train")
