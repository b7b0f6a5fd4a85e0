import pytest

from benchmark.corpora.voicebank_demand import VoiceBankDemand
from benchmark.errors import EarmarkError


@pytest.fixture
def owners(tmp_path, clip):
    """The owner's layout, two recordings a speaker; p287 has no texts."""
    for name, speakers in (("trainset_28spk", ("p226", "p250", "p287")), ("testset", ("p232", "p257"))):
        log = []
        for number, speaker in enumerate(speakers):
            for take in (1, 2):
                recording = f"{speaker}_{take:03d}"
                for side in ("clean", "noisy"):
                    clip(tmp_path / f"{side}_{name}_wav/{recording}.wav", rate=48_000)
                if speaker != "p287":
                    text = tmp_path / f"{name}_txt/{recording}.txt"
                    text.parent.mkdir(exist_ok=True)
                    text.write_text("Please call Stella.\n")
                log.append(f"{recording} {'bus' if take == 1 else 'cafe'} {2.5 + 5 * number}\n")
        (tmp_path / f"log_{name}.txt").write_text("".join(log))
    (tmp_path / "log_readme.txt").write_text("what the logs say: name noise SNR\n")
    return tmp_path


def test_the_owners_layout(owners, read):
    corpus = VoiceBankDemand(owners)
    assert corpus.kind == "pairs"
    found = read(corpus)
    assert {split: {row["group"] for row in rows} for split, rows in found.items()} == {
        "train": {"p250"},
        "validation": {"p226", "p287"},
        "test": {"p232", "p257"},
    }
    assert found["test"][-1] == {
        "id": "p257_002",
        "group": "p257",
        "audio": str(owners / "noisy_testset_wav/p257_002.wav"),
        "clean": str(owners / "clean_testset_wav/p257_002.wav"),
        "conditions": {"snr": 7.5, "interferer": "cafe"},
        "text": "please call stella",
    }
    assert [row["text"] for row in found["validation"]] == ["please call stella"] * 2 + [None] * 2


def test_the_plain_layout_has_the_same_ids_and_splits(owners, read, tmp_path):
    plain = tmp_path / "plain"
    plain.mkdir()
    for side in ("clean", "noisy"):
        (plain / side).mkdir()
        for path in owners.glob(f"{side}_*_wav/*.wav"):
            (plain / side / path.name).symlink_to(path)
    found, wanted = read(VoiceBankDemand(plain)), read(VoiceBankDemand(owners))
    for split, rows in found.items():
        assert [(row["id"], row["group"]) for row in rows] == [(row["id"], row["group"]) for row in wanted[split]]
        assert all(row["conditions"] == {} and "text" not in row for row in rows)


def test_speakers_can_be_moved(owners, read):
    assert {row["group"] for row in read(VoiceBankDemand(owners, validation_speakers=["p250"]))["train"]} == {
        "p226",
        "p287",
    }
    corpus = VoiceBankDemand(owners, validation_speakers=[])
    with pytest.raises(
        EarmarkError,
        match=(
            r"the validation split is empty in .*; speakers present: p226, p232, p250, p257, p287; set "
            r"validation_speakers"
        ),
    ):
        corpus.rows("validation")


def test_the_other_training_set_must_be_there(owners):
    assert {row["group"] for row in VoiceBankDemand(owners, trainset="56spk").rows("test")} == {"p232", "p257"}
    with pytest.raises(EarmarkError, match=r"the train split is empty"):
        VoiceBankDemand(owners, trainset="56spk").rows("train")


def test_what_is_broken_is_named(owners, tmp_path):
    text = owners / "testset_txt/p232_001.txt"
    text.write_text("\n")
    with pytest.raises(EarmarkError, match=rf"{text}: the transcript is empty"):
        VoiceBankDemand(owners).rows("test")
    text.write_text("A word.")
    log = owners / "log_testset.txt"
    whole = log.read_text()
    log.write_text("p232_001 bus\n")
    with pytest.raises(
        EarmarkError, match=rf"{log} has a line that is not name, noise and SNR: 'p232_001 bus'; restore the file"
    ):
        VoiceBankDemand(owners).rows("test")
    log.write_text(whole)
    (owners / "clean_testset_wav/p232_002.wav").unlink()
    with pytest.raises(
        EarmarkError,
        match=(
            r"1 files are in only one of noisy_testset_wav and clean_testset_wav in .*, the first is p232_002.wav; "
            r"get"
        ),
    ):
        VoiceBankDemand(owners).rows("test")
    (tmp_path / "empty").mkdir()
    with pytest.raises(EarmarkError, match=r"neither noisy nor noisy_trainset_28spk_wav nor noisy_testset_wav in"):
        VoiceBankDemand(tmp_path / "empty").rows("test")
