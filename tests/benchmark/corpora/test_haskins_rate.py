import numpy as np
import pytest
import soundfile
from scipy.io import savemat

from benchmark.corpora.haskins_rate import HaskinsRate
from benchmark.errors import EarmarkError

REST = {
    "TR": (-45, 0, 5),
    "TB": (-30, 0, 8),
    "TT": (-10, 0, 2),
    "UL": (12, 0, 15),
    "LL": (10, 0, -15),
    "JAW": (0, 0, -20),
}


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path_factory.mktemp("cache")))


def channels(seed: int, sensors=tuple(REST)) -> np.ndarray:
    """A structure array: half a second of sound at 44.1 kHz in integers, and sensors at 100 Hz.

    Sensors have position and orientation.
    """
    rng = np.random.default_rng(seed)
    time = np.arange(50) / 100
    entries = [("AUDIO", 44100.0, rng.integers(-9000, 9000, (22050, 1)).astype(float))]
    for name in sensors:
        waves = [2 * np.sin(2 * np.pi * rng.uniform(2, 5) * time + rng.uniform(0, 6)) for _ in range(3)]
        entries.append(
            (
                name,
                100.0,
                np.stack(
                    [*(rest + wave for rest, wave in zip(REST[name], waves, strict=True)), *np.zeros((3, 50))], -1
                ),
            )
        )
    return np.array(entries, dtype=[("NAME", object), ("SRATE", object), ("SIGNAL", object)])


@pytest.fixture
def root(tmp_path):
    for speaker in ("F01", "F02", "M01", "M02"):
        (tmp_path / speaker / "data").mkdir(parents=True)
        savemat(tmp_path / speaker / f"data/{speaker}_palate.mat", {"palate": np.zeros((5, 3))})
        for sentence, rate in ((1, "N"), (1, "F"), (2, "N")):
            name = f"{speaker}_B01_S0{sentence}_R01_{rate}"
            savemat(tmp_path / speaker / f"data/{name}.mat", {name: channels(sentence)})
    return tmp_path


def test_sound_and_tracks_come_out_of_the_mat_files(root, read):
    found = read(HaskinsRate(root))
    assert {split: len(rows) for split, rows in found.items()} == {"train": 6, "validation": 3, "test": 3}
    for row in (row for rows in found.values() for row in rows):
        info = soundfile.info(row["audio"])
        assert (info.samplerate, info.frames) == (44100, 22050)
        samples, _ = soundfile.read(row["audio"])
        assert np.abs(samples).max() == pytest.approx(1, abs=1e-6)
        tracks = np.load(row["tracks"])
        assert tracks.shape == (51, 6)
        assert np.isfinite(tracks[:50]).all()
        assert np.isnan(tracks[50]).all()  # the last sensor frame stands at 0.49 s


def test_front_to_back_may_run_either_way(root):
    corpus = HaskinsRate(root)
    own = [each for each in corpus.utterances() if each.speaker == "F01"]
    straight = corpus._of_speaker("F01", own)
    for each in own:
        mirrored = channels(int(each.movement.stem[10]))
        for entry in mirrored[1:]:
            entry["SIGNAL"][:, 0] *= -1
        savemat(each.movement, {each.movement.stem: mirrored})
    for before, after in zip(straight, corpus._of_speaker("F01", own), strict=True):
        np.testing.assert_allclose(before, after, atol=1e-4)


def test_user_s_errors(root):
    path = root / "F01/data/F01_B01_S01_R01_N.mat"
    savemat(path, {path.stem: channels(1, ("TT", "TB", "UL", "LL"))})
    with pytest.raises(EarmarkError, match=r"F01_B01_S01_R01_N.mat is not a file of this corpus .*channel TR"):
        HaskinsRate(root).rows("train")
    path.write_bytes(b"not a matrix")
    with pytest.raises(EarmarkError, match="not a file of this corpus") as error:
        HaskinsRate(root).rows("train")
    assert "\n" not in str(error.value)
    for speaker in ("F01", "F02"):
        for each in (root / speaker).rglob("*.mat"):
            each.unlink()
    with pytest.raises(EarmarkError, match="2 speakers"):
        HaskinsRate(root).rows("train")
