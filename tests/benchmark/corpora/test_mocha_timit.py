import numpy as np
import pytest
import soundfile

from benchmark.corpora.mocha_timit import CHANNELS, MochaTimit
from benchmark.errors import EarmarkError

REST = {
    "ui": (0, 0),
    "li": (1, -20),
    "ul": (-10, 4),
    "ll": (-12, -18),
    "tt": (11, -12),
    "tb": (29, -9),
    "td": (47, -6),
    "v": (63, -6),
    "bn1": (0, 0),
    "bn2": (0, 0),
}


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path_factory.mktemp("cache")))


def moving(frames: int, seed: int) -> np.ndarray:
    """(frames, 2 + 20) in 1/100 mm at 500 Hz: every coil wanders about its rest."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames) / 500
    columns = [
        100 * (REST[name[:-2]][name[-1] == "y"] + 2 * np.sin(2 * np.pi * rng.uniform(1, 4) * time + rng.uniform(0, 6)))
        for name in CHANNELS
    ]
    return np.stack([time, np.ones(frames), *columns], -1)


def track(path, table, kind="binary", order="<", names=CHANNELS):
    head = (
        f"EST_File Track\nDataType {kind}\nNumFrames {len(table)}\nByteOrder "
        f"{'01' if order == '<' else '10'}\nNumChannels {len(names)}\nCommentChar ;\n\n"
    )
    head += "".join(f"Channel_{index} {name}\n" for index, name in enumerate(names)) + "EST_Header_End\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "binary":
        path.write_bytes(head.encode() + table.astype(f"{order}f4").tobytes())
    else:
        path.write_text(
            (head if kind == "ascii" else "") + "\n".join(" ".join(f"{value:.6f}" for value in row) for row in table)
        )


@pytest.fixture
def root(tmp_path, clip):
    for speaker in ("fsew0", "msak0", "maps0"):
        for sentence in (1, 2, 3, 4, 5, 6, 8, 39):
            stem = tmp_path / f"{speaker}_v1.1" / f"{speaker}_{sentence:03d}"
            clip(stem.with_suffix(".wav"), seconds=0.4)
            track(stem.with_suffix(".ema"), moving(220, sentence))
    clip(tmp_path / "fsew0_v1.1/fsew0_900.wav")  # sound alone
    return tmp_path


def test_rows_carry_tracks_of_the_audio_s_length_by_unseen_speakers(root, read):
    corpus = MochaTimit(root)
    found = read(corpus)
    assert sum(map(len, found.values())) == 24
    for row in (row for rows in found.values() for row in rows):
        tracks = np.load(row["tracks"], allow_pickle=False)
        info = soundfile.info(row["audio"])
        assert tracks.dtype == np.float32
        assert tracks.shape == (info.frames // 160 + 1, len(corpus.schema["variables"])) == (41, 6)
        assert np.isfinite(tracks).all()
        assert np.abs(tracks).max() < 1.5
        assert tracks.std(0).min() > 0.1


def test_all_ways_to_write_a_track_give_the_same(root):
    corpus = MochaTimit(root)
    (one, *_) = corpus.utterances()
    expected = corpus.movement(one)
    assert expected.rate == pytest.approx(500, rel=1e-5)
    np.testing.assert_allclose(expected.pellets["UL"].mean(0), REST["ul"], atol=1.5)
    table = moving(220, 1)
    shuffled = np.random.default_rng(0).permutation(len(CHANNELS))
    variants = [
        ("binary", ">", CHANNELS),
        ("ascii", "<", CHANNELS),
        ("bare", "<", CHANNELS),
        ("binary", "<", tuple(np.array(CHANNELS)[shuffled])),
    ]
    for kind, order, names in variants:
        columns = [0, 1, *(2 + CHANNELS.index(name) for name in names)]
        track(one.movement, table[:, columns], kind, order, names)
        for name, points in corpus.movement(one).pellets.items():
            np.testing.assert_allclose(points, expected.pellets[name], atol=1e-4)


def test_tracks_are_made_once_and_anew_for_other_files(root, clip, monkeypatch):
    first = MochaTimit(root).rows("train")["tracks"]
    monkeypatch.setattr(MochaTimit, "movement", lambda *_: pytest.fail("read again"))
    assert MochaTimit(root).rows("train")["tracks"] == first
    monkeypatch.undo()
    monkeypatch.setenv("EARMARK_CACHE", str(root / "cache"))
    seen = {first[0]}
    for change in (
        lambda: track(root / "fsew0_v1.1/fsew0_001.ema", moving(180, 1)),
        lambda: track(root / "fsew0_v1.1/fsew0_001.ema", moving(180, 2)),  # as many bytes
        lambda: clip(root / "fsew0_v1.1/fsew0_001.wav", seconds=0.3),
        lambda: np.savetxt(root / "fsew0_v1.1/fsew0_pal.dat", [[3, 5], [60, 5]]),
    ):
        change()
        (now, *_) = MochaTimit(root).rows("train")["tracks"]
        assert now not in seen
        seen.add(now)


def test_sentences_may_split_a_piece_with_few_speakers(root, read):
    for path in root.glob("maps0*/*.ema"):
        path.unlink()
    with pytest.raises(EarmarkError, match=r"2 speakers .* set split_by: sentences"):
        MochaTimit(root).rows("train")
    found = read(MochaTimit(root, split_by="sentences"), disjoint=False)
    sentences = [{row["id"][-3:] for row in rows} for rows in found.values()]
    assert sum(map(len, sentences)) == len(set().union(*sentences)) == 8
    assert all({row["group"] for row in rows} == {"fsew0", "msak0"} for rows in found.values())


def test_the_palate_of_a_copy_is_used(root):
    palate = np.stack([np.linspace(3, 60, 20), np.full(20, 5.0)], -1)
    np.savetxt(root / "fsew0_v1.1/fsew0_pal.dat", palate)
    corpus = MochaTimit(root)
    np.testing.assert_allclose(corpus.walls("fsew0")[0], palate)
    assert corpus.walls("msak0") == (None, None)
    (one, *_) = corpus.utterances()
    tip = corpus.movement(one).pellets["T1"]
    (tracks,) = corpus._of_speaker("fsew0", [one])
    # a flat palate: the distance is the height
    assert np.corrcoef(tracks[:38, 3], 5 - tip[: 38 * 5 : 5, 1])[0, 1] > 0.99


def test_user_s_errors(root, tmp_path_factory):
    with pytest.raises(EarmarkError, match="mocha_timit: no recording with movement"):
        MochaTimit(tmp_path_factory.mktemp("empty")).rows("train")
    path = root / "fsew0_v1.1/fsew0_001.ema"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(EarmarkError, match=r"fsew0_001.ema is not a track of 20 channels") as error:
        MochaTimit(root).rows("train")
    assert "\n" not in str(error.value)
    names = tuple(f"x{index}_x" for index in range(20))
    track(root / "fsew0_v1.1/fsew0_001.ema", moving(220, 1), names=names)
    with pytest.raises(EarmarkError, match="no channel 'ul_x'"):
        MochaTimit(root).rows("train")


@pytest.mark.parametrize("text", ["x y\n1 2\n3 4\n", "1 2\n", "1 2 3\n4 5 6\n"])
def test_a_palate_that_is_none_is_named(root, text):
    (root / "fsew0_v1.1/fsew0_pal.dat").write_text(text)
    with pytest.raises(EarmarkError, match=r"^mocha_timit: .*fsew0_pal.dat holds .*; restore the file$"):
        MochaTimit(root).rows("train")


def test_what_cannot_be_used_is_named(root):
    sound = root / "fsew0_v1.1/fsew0_001.wav"
    kept = sound.read_bytes()
    sound.write_bytes(b"RIFF")
    with pytest.raises(
        EarmarkError,
        match=r"^mocha_timit: .*fsew0_001.ema or .*fsew0_001.wav cannot be used .*; restore or remove both files$",
    ):
        MochaTimit(root).rows("train")
    sound.write_bytes(kept)
    for path in root.glob("fsew0*/*.ema"):
        table = moving(220, 1)
        table[:, 2 + CHANNELS.index("ul_x")] = np.nan
        track(path, table)
    with pytest.raises(
        EarmarkError, match=r"^mocha_timit: speaker fsew0: pellet UL was never tracked; remove the speaker's folder$"
    ):
        MochaTimit(root).rows("train")
