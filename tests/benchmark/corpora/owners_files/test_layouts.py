"""Corpora of speech and of environmental sounds as their owners distribute them."""

from contextlib import suppress
from pathlib import Path

import pytest

from benchmark.contracts import SPLITS
from benchmark.corpora.esc50 import ESC50
from benchmark.corpora.voicebank_demand import VoiceBankDemand
from benchmark.errors import EarmarkError


def folder(data: Path, pattern: str) -> Path:
    """The first folder that matches, as pieces and resampled copies are often renamed; or skip."""
    found = sorted(path for path in data.glob(pattern) if path.is_dir())
    return found[0] if found else pytest.skip(f"no folder {pattern} in {data}")


def size(found: dict) -> dict[str, tuple[int, int]]:
    """Recordings and groups of each split, for the log."""
    counts = {split: (len(rows), len({row["group"] for row in rows})) for split, rows in found.items()}
    print(counts)
    return counts


def test_speech_commands(real, read):
    corpus = real("speech_commands")
    found = read(corpus)
    size(found)
    assert set(corpus.schema["classes"]) == {row["label"] for rows in found.values() for row in rows}
    assert "_background_noise_" not in corpus.schema["classes"]
    for split, name in (("validation", "validation_list.txt"), ("test", "testing_list.txt")):
        listed = (corpus.root / name).read_text().split()
        assert [f"{row['id']}.wav" for row in found[split]] == sorted(listed)


def test_free_spoken_digits(real, read):
    found = read(real("free_spoken_digits"), disjoint=False)
    counts = size(found)
    assert counts["test"][0] * 9 == counts["train"][0] + counts["validation"][0]  # 5 takes of 50
    speaker = found["test"][0]["group"]
    held_out = read(real("free_spoken_digits", fold=speaker), disjoint=False)
    assert {row["group"] for row in held_out["test"]} == {speaker}
    assert speaker not in {row["group"] for split in ("train", "validation") for row in held_out[split]}
    assert sum(map(len, held_out.values())) == sum(map(len, found.values()))


def test_an4(real, read):
    found = read(real("an4"))
    size(found)
    assert all(row["text"] for rows in found.values() for row in rows)
    assert {row["id"].partition("/")[0] for row in found["test"]} == {"an4test_clstk"}


def test_librispeech(real, read):
    corpus = real("librispeech", split_speakers=True)
    found = read(corpus)
    size(found)
    flacs = [
        path
        for path in corpus.root.glob("*/*/*/*.flac")
        if path.relative_to(corpus.root).parts[0].partition("-")[0] in ("train", "dev", "test")
    ]
    assert sum(map(len, found.values())) == len(flacs)


def test_voicebank_demand(data, read):
    corpus = VoiceBankDemand(folder(data, "VoiceBank*"))
    found = {}
    for split in SPLITS:
        with suppress(EarmarkError):  # a piece of the corpus may lack a split
            found |= read(corpus, (split,))
    size(found)
    assert found
    assert all(Path(row["clean"]).name == Path(row["audio"]).name for rows in found.values() for row in rows)


def test_esc50(data, read):
    corpus = ESC50(folder(data, "ESC-50*"), folds={"train": [1], "validation": [4], "test": [5]})
    found = read(corpus, ("train",))
    size(found)
    assert {row["label"] for row in found["train"]} == set(corpus.schema["classes"])
    assert len(corpus.schema["classes"]) == 50


def test_esc10(real, read):
    corpus = real("esc10", folds={"train": [1], "validation": [2], "test": [3]})
    found = read(corpus)
    size(found)
    assert len(corpus.schema["classes"]) == 10


def test_a_folder_of_several_formats(data, read, real):
    name = folder(data, "ESC-10*").name
    size(read(real("folder", path=name)))


def test_a_table_of_real_recordings(real, read, tmp_path, monkeypatch):
    from datasets import Audio, Dataset

    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "hf"))
    digits = read(real("free_spoken_digits"), disjoint=False)
    for split in SPLITS:
        rows = [row | {"audio": {"path": None, "bytes": Path(row["audio"]).read_bytes()}} for row in digits[split][::5]]
        Dataset.from_list(rows).cast_column("audio", Audio()).to_parquet(str(tmp_path / f"table/{split}.parquet"))
    whole = read(real("table", path=str(tmp_path / "table")), disjoint=False)
    streamed = read(
        real(
            "table",
            path=str(tmp_path / "table"),
            streaming=True,
            classes=sorted({row["label"] for row in digits["train"]}),
        ),
        disjoint=False,
    )
    size(whole)
    assert whole == streamed
    assert [row["id"] for row in whole["test"]] == [row["id"] for row in digits["test"][::5]]
