"""Corpora of acted emotions as their owners distribute them."""

from collections import Counter

import pytest


@pytest.mark.parametrize("name", ["emo_db", "ravdess", "crema_d"])
def test_every_recording_is_read_once_and_speakers_are_kept_apart(real, read, name):
    corpus = real(name)
    found = read(corpus)
    rows = [row for split in found.values() for row in split]
    print({split: Counter(row["label"] for row in rows) for split, rows in found.items()})
    assert len(rows) == len(list(corpus.root.rglob("*.wav")))
    assert {row["label"] for row in rows} == set(corpus.schema["classes"])


@pytest.mark.parametrize("name", ["emo_db", "ravdess", "crema_d"])
def test_a_speaker_left_out_is_under_test_alone(real, read, name):
    speaker = read(real(name), ("test",))["test"][0]["group"]
    found = read(real(name, fold=int(speaker)), disjoint=False)
    assert {row["group"] for row in found["test"]} == {speaker}
    assert speaker not in {row["group"] for split in ("train", "validation") for row in found[split]}
