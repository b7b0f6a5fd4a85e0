"""Recordings of every format and name, as readers find them."""

import os
import shutil

import pytest
import soundfile

from benchmark.catalogue import fingerprint, rows_of
from benchmark.corpora.emo_db import EmoDB
from benchmark.corpora.esc50 import ESC50
from benchmark.corpora.folder import Folder
from benchmark.corpora.speech_commands import SpeechCommands
from benchmark.errors import EarmarkError


@pytest.fixture
def emotions(tmp_path, clip):
    for speaker in ("03", "08", "09", "10"):
        for letter in "WLN":
            clip(tmp_path / f"emotions/wav/{speaker}a01{letter}a.wav")
    return tmp_path / "emotions"


def ids(corpus):
    return {split: [row["id"] for row in corpus.rows(split)] for split in ("train", "validation", "test")}


def test_suffixes_in_capitals_other_formats_and_companions_of_macos(emotions):
    before = ids(EmoDB(emotions))
    for index, path in enumerate(sorted((emotions / "wav").iterdir())):
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7" + bytes(4092))
        if index % 3 == 0:
            path.rename(path.with_suffix(".WAV"))
        elif index % 3 == 1:
            soundfile.write(path.with_suffix(".flac"), *soundfile.read(path))
            path.unlink()
    assert ids(EmoDB(emotions)) == before


def test_two_recordings_of_one_name_are_refused(emotions, clip):
    clip(emotions / "wav/03a01Wa.flac")
    with pytest.raises(EarmarkError, match=r"^emo_db: .*03a01Wa\.wav and 03a01Wa\.flac have the same name; remove one"):
        EmoDB(emotions).rows("train")


def test_owners_lists_name_recordings_of_any_format(tmp_path, clip):
    root = tmp_path / "commands"
    for word in ("yes", "no"):
        for take in range(3):
            clip(root / f"{word}/{take:08x}_nohash_0.{'FLAC' if take else 'wav'}")
    (root / "validation_list.txt").write_text("yes/00000001_nohash_0.wav\n")
    (root / "testing_list.txt").write_text("no/00000002_nohash_0.wav\n")
    assert {split: len(found) for split, found in ids(SpeechCommands(root)).items()} == {
        "train": 4,
        "validation": 1,
        "test": 1,
    }
    esc = tmp_path / "esc"
    (esc / "meta").mkdir(parents=True)
    lines = ["filename,fold,target,category,esc10,src_file"]
    for fold in range(1, 6):
        clip(esc / f"audio/{fold}-1-A-0.WAV")
        lines.append(f"{fold}-1-A-0.wav,{fold},0,dog,True,{fold}")
    (esc / "meta/esc50.csv").write_text("\n".join(lines))
    assert ids(ESC50(esc))["test"] == ["5-1-A-0"]


def test_folders_behind_links_are_read(tmp_path, clip):
    clip(tmp_path / "shared/yes/a_nohash_0.wav")
    clip(tmp_path / "mine/train/b.wav")
    (tmp_path / "mine/train/more").symlink_to(tmp_path / "shared")
    assert ids_of_train(tmp_path / "mine") == ["train/b.wav", "train/more/yes/a_nohash_0.wav"]


def ids_of_train(root):
    return [row["id"] for row in Folder(root, root).rows("train")]


def test_a_name_that_is_no_utf_8_has_an_id_and_is_read(tmp_path, clip):
    path = clip(tmp_path / "mine/train/x.wav")
    shutil.copy(path, tmp_path / "mine/train/y.wav")
    os.rename(os.fsencode(path), os.fsencode(path.parent) + b"/f\xfcr.wav")
    corpus = Folder(tmp_path / "mine", tmp_path / "mine")
    rows = rows_of(corpus, "train")
    assert [row["id"] for row in rows] == ["train/f\\xfcr.wav", "train/y.wav"]
    assert len(fingerprint(rows)) == 64
    assert soundfile.info(os.fsencode(rows[0]["audio"])).frames > 0
