"""A look at every recording: all that cannot be used at once, remembered, and left out by an option."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmark import audio, recording_checks
from benchmark.catalogue import Corpora, CorpusSpec, corpus_spec, rows_of
from benchmark.errors import EarmarkError


@pytest.fixture
def folder(tmp_path, clip):
    """Recordings in three splits, of which six cannot be used as targets and three of them not at all."""
    for split in ("train", "validation", "test"):
        for take in range(3):
            clip(tmp_path / f"mine/{split}/{take}.wav")
    for place in ("train/silent", "test/silent"):
        soundfile.write(tmp_path / f"mine/{place}.wav", np.zeros(1600), 16000)
    soundfile.write(tmp_path / "mine/test/constant.wav", np.full(1600, 0.2), 16000)
    soundfile.write(tmp_path / "mine/train/short.wav", np.full(20, 0.2), 16000)
    (tmp_path / "mine/train/text.wav").write_text("no audio")
    (tmp_path / "mine/validation/cut.wav").write_bytes((tmp_path / "mine/train/0.wav").read_bytes()[:500])
    audio.write(tmp_path / "mine/test/nan.wav", np.array([[0.1] * 300 + [np.nan]], np.float32))
    return tmp_path / "mine"


def spec(folder, **options):
    return corpus_spec({"folder": {"path": str(folder), **options}}, "tasks.mine.targets")


def test_all_that_cannot_be_used_is_told_at_once(folder, tmp_path):
    lines = Corpora(None, tmp_path / "cache").missing(spec(folder), labelled=False).split("\nearmark: ")
    assert lines[0].startswith(
        "folder: 7 of 16 recordings cannot be used; mend them, or leave them out with this option of the corpus: "
        f"without: {tmp_path}/cache/unusable/folder-"
    )
    assert [line.split(": ", 2)[1:] for line in lines[1:]] == [
        ["test/constant.wav", "the recording is silent"],
        ["test/nan.wav", "the file holds samples that are not finite"],
        ["test/silent.wav", "the recording is silent"],
        ["train/short.wav", "too short, 20 samples at 16000 Hz; 0.01 s is the least"],
        ["train/silent.wav", "the recording is silent"],
        ["train/text.wav", "not audio that libsndfile reads, or cut short"],
        ["validation/cut.wav", "cut short, it holds 456 of 1600 bytes of audio"],
    ]


def test_silent_interferers_may_be_there(folder, tmp_path):
    told = Corpora(None, tmp_path / "cache").missing(spec(folder), labelled=False, targets=False)
    assert told.startswith("folder: 3 of 16 recordings cannot be used")
    assert "the recording is silent" not in told
    assert "not finite" in told


@pytest.mark.parametrize("listed", [True, False])
def test_leaving_them_out_keeps_what_is_valid(folder, tmp_path, listed):
    corpora = Corpora(None, tmp_path / "cache")
    told = corpora.missing(spec(folder), labelled=False)
    file = told.partition("without: ")[2].partition("\n")[0]
    names = [line.partition("\t")[0] for line in Path(file).read_text(encoding="utf-8").splitlines()]
    mended = spec(folder, without=names if listed else file)
    assert corpora.missing(mended, labelled=False) is None
    assert [row["id"] for row in rows_of(corpora.open(mended), "test")] == ["test/0.wav", "test/1.wav", "test/2.wav"]
    assert len(rows_of(corpora.open(spec(folder)), "test")) == 6
    content = corpora.identity(mended, ("test",)).content
    for row in rows_of(corpora.open(spec(folder)), "test")[3:]:
        (folder / row["id"]).unlink()
    assert Corpora(None, tmp_path).identity(spec(folder), ("test",)).content == content


@pytest.mark.parametrize("without", [3, [3], {"a": 1}, "nowhere.txt"])
def test_what_names_no_recordings_is_one_line(folder, without):
    with pytest.raises(EarmarkError, match=r"^tasks\.mine\.targets: without: .*; .*text file"):
        spec(folder, without=without)


def test_what_was_sound_is_not_looked_at_again_until_it_changes(folder, tmp_path, monkeypatch):
    looked = []
    sounds = audio.sounds
    monkeypatch.setattr(audio, "sounds", lambda source: looked.append(str(source)) or sounds(source))
    rows = rows_of(Corpora(None, tmp_path).open(spec(folder)), "test")
    found = recording_checks.unusable(rows, tmp_path / "cache", targets=True)
    assert len(looked) == len(rows)
    looked.clear()
    assert recording_checks.unusable(rows, tmp_path / "cache", targets=True) == found
    assert sorted(looked) == sorted(row["audio"] for row in rows if row["id"] in found)
    looked.clear()
    soundfile.write(folder / "test/0.wav", np.zeros(1700), 16000)
    assert set(recording_checks.unusable(rows, tmp_path / "cache", targets=True)) == {*found, "test/0.wav"}
    assert str(folder / "test/0.wav") in looked


@pytest.mark.parametrize("content", ["", "{", "[]", '{"method": 1}', '{"method": 1, "files": [1]}', "null"])
def test_a_memory_that_is_not_sound_is_none(folder, tmp_path, content):
    memory = tmp_path / "cache/looked_through/targets.json"
    memory.parent.mkdir(parents=True)
    memory.write_text(content)
    rows = rows_of(Corpora(None, tmp_path).open(spec(folder)), "test")
    assert len(recording_checks.unusable(rows, tmp_path / "cache", targets=True)) == 3


def test_a_pair_of_two_lengths_cannot_be_used(tmp_path, clip):
    row = {"id": "a", "audio": str(clip(tmp_path / "a.wav")), "clean": str(clip(tmp_path / "b.wav", seconds=0.1))}
    assert recording_checks.unusable([row], tmp_path, targets=True) == {"a": "noisy and clean differ in length"}


def test_spec_without_options_is_what_it_was(folder):
    assert spec(folder) == CorpusSpec("folder", {"path": str(folder), "kind": "noise"}, None)
