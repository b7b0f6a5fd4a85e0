import pytest

from benchmark.corpora.an4 import AN4
from benchmark.errors import EarmarkError

TRAIN = ("fash", "fclc", "mblb", "mcen", "mewl", "mjda", "mgah")
TEST = ("fcaw", "mjwl")


@pytest.fixture
def root(tmp_path, clip):
    (tmp_path / "etc").mkdir()
    for split, folder, speakers, line in (
        ("train", "an4_clstk", TRAIN, "<s> ENTER SIX </s> ({})"),
        ("test", "an4test_clstk", TEST, "RUBOUT G M ({})"),
    ):
        files = [f"{folder}/{speaker}/{name}-{speaker}-b" for speaker in speakers for name in ("an1", "cen1")]
        for file in files:
            clip(tmp_path / f"wav/{file}.wav")
        (tmp_path / f"etc/an4_{split}.fileids").write_text("\n".join(files) + "\n")
        (tmp_path / f"etc/an4_{split}.transcription").write_text(
            "\n".join(line.format(file.rpartition("/")[2]) for file in files) + "\n"
        )
    return tmp_path


def test_validation_speakers_are_held_out_of_training(root, read):
    found = read(AN4(root))
    assert {split: len({row["group"] for row in rows}) for split, rows in found.items()} == {
        "train": 6,
        "validation": 1,
        "test": 2,
    }
    assert {row["group"] for row in found["train"] + found["validation"]} == set(TRAIN)
    assert {row["text"] for row in found["train"] + found["validation"]} == {"enter six"}
    assert found["test"][0] == {
        "id": "an4test_clstk/fcaw/an1-fcaw-b",
        "group": "fcaw",
        "audio": str(root / "wav/an4test_clstk/fcaw/an1-fcaw-b.wav"),
        "text": "rubout g m",
    }
    assert [row["id"] for row in AN4(root).rows("validation")] == [row["id"] for row in found["validation"]]


def test_sphere_files_are_read_as_distributed(root, read, clip):
    for path in sorted(root.glob("wav/*/*/*.wav")):
        path.unlink()
        clip(path.with_suffix(".sph"))
    assert read(AN4(root))["test"][0]["audio"].endswith("an1-fcaw-b.sph")


def test_what_is_missing_is_named(root):
    (root / "wav/an4_clstk/mjda/an1-mjda-b.wav").unlink()
    with pytest.raises(
        EarmarkError,
        match=(
            r"1 files named in etc/an4_train.fileids are missing from .*, the first is an4_clstk/mjda/an1-mjda-b; "
            r".*cut the lists"
        ),
    ):
        AN4(root).rows("test")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<s> </s> (an1-fcaw-b)", "an4_test.transcription: an1-fcaw-b: the transcript is empty; "),
        ("", "no line for an1-fcaw-b in .*an4_test.transcription; "),
    ],
)
def test_an_empty_or_missing_transcript_is_an_error(root, text, message):
    path = root / "etc/an4_test.transcription"
    path.write_text(path.read_text().replace("RUBOUT G M (an1-fcaw-b)", text))
    with pytest.raises(EarmarkError, match=message):
        AN4(root).rows("test")


def test_a_list_that_is_not_utf_8_is_told(root):
    path = root / "etc/an4_test.transcription"
    path.write_bytes(path.read_bytes().replace(b"RUBOUT", b"R\xdcBOUT"))
    with pytest.raises(EarmarkError, match=rf"an4: {path} is not UTF-8 \(.* at byte 1\); get the corpus from"):
        AN4(root).rows("test")


def test_another_folder_is_told(tmp_path):
    with pytest.raises(
        EarmarkError,
        match=r"an4: no file etc/an4_train.transcription in .*; get the corpus from https://github.com/cmusphinx/an4",
    ):
        AN4(tmp_path).rows("train")
