import hashlib
import itertools
import json

import numpy as np
import pytest
import soundfile

from benchmark.contracts import SPLITS
from benchmark.corpora._tract_geometry import angle, approach, outline
from benchmark.corpora.synthetic import _generated_corpus
from benchmark.corpora.synthetic._seeded_random import BANDS
from benchmark.corpora.synthetic._vocaltractlab import CONSONANTS, ENDS, PAUSE, VOWELS, states, tracks
from benchmark.corpora.synthetic.articulation import COUNTS, PITCH, PRESSURE, QUALITY, TEMPO, Articulation
from benchmark.errors import EarmarkError

VOICE = {"pitch": 120.0, "quality": 0.0, "pressure": 8000.0}


class Short(Articulation):
    """A phrase for training and one for test, cut to two segments."""

    def plan(self):
        plan = super().plan()
        rows = [next(row for row in plan if row["split"] == split) for split in ("train", "test")]
        return [row | {"segments": row["segments"][:2]} for row in rows]


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    pytest.importorskip("vocaltractlab_cython")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_generated_corpus, "UNITS", 2)
        corpus = Short(tmp_path_factory.mktemp("cache") / "articulation")
        corpus.prepare()
    return corpus


@pytest.fixture(scope="module")
def spoken():
    """Tracks of consonants between vowels, by name of the variable, and the frames of a symbol's middle."""
    pytest.importorskip("vocaltractlab_cython")
    symbols = "ipasamokitunagiSe"
    segments = [[symbol, CONSONANTS[symbol][3] if symbol in CONSONANTS else 0.14, 0.0] for symbol in symbols]
    ends = PAUSE + np.cumsum([0, *(seconds for _, seconds, _ in segments)])
    middles = {
        symbol: int(50 * (start + end)) for symbol, (start, end) in zip(symbols, itertools.pairwise(ends), strict=True)
    }
    found = tracks(*states({"segments": segments, **VOICE}), int(100 * (ends[-1] + PAUSE)))
    return dict(zip(ENDS, found.T, strict=True)), middles


def test_splits_share_neither_words_nor_values(tmp_path):
    plan = Articulation(tmp_path).plan()
    splits = {split: [row for row in plan if row["split"] == split] for split in SPLITS}
    assert {split: len(rows) for split, rows in splits.items()} == COUNTS
    words = [{word for row in rows for word in row["text"].split()} for rows in splits.values()]
    assert all(not one & other for one, other in itertools.combinations(words, 2))
    for split, rows in splits.items():
        start, stop = BANDS[split]
        for name, ends in {"pitch": PITCH, "quality": QUALITY, "pressure": PRESSURE}.items():
            allowed = [(ends.at((period + start) / 3), ends.at((period + stop) / 3)) for period in range(3)]
            assert all(any(low <= row[name] <= high for low, high in allowed) for row in rows)


def test_phrases_are_speakable_and_make_minutes(tmp_path):
    plan = Articulation(tmp_path).plan()
    seconds = [2 * PAUSE + sum(duration for _, duration, _ in row["segments"]) for row in plan]
    assert sum(seconds) > 180
    assert 0.7 < min(seconds) <= max(seconds) < 3
    assert len({row["id"] for row in plan}) == len(plan)
    used = set()
    for row in plan:
        symbols = "".join(symbol for symbol, _, _ in row["segments"])
        assert symbols == row["text"].replace(" ", "")
        used |= set(symbols)
        for _, duration, semitones in row["segments"]:
            assert 0.9 * TEMPO.low * 0.07 <= duration <= 1.1 * TEMPO.high * 0.16
            assert abs(semitones) <= 3
    assert used == {*CONSONANTS, *VOWELS}


def test_tracks_show_the_sounds(spoken):
    track, at = spoken
    for symbol in "pm":
        assert track["LA"][at[symbol]] == -1  # closed lips
    assert track["LA"][at["a"]] > 0
    assert track["LP"][at["u"]] > track["LP"][at["i"]] + 0.5
    for symbol in "tnsS":
        assert track["TTCD"][at[symbol]] < -0.7
        assert track["TTCD"][at[symbol]] < track["TTCD"][at["a"]] - 0.3
    assert track["TBCD"][at["k"]] < -0.9
    assert track["TBCL"][at["i"]] < track["TBCL"][at["o"]] - 0.5  # palate, pharynx
    assert track["VP"][at["n"]] > 0
    assert track["VP"][at["m"]] > 0
    assert track["VP"][at["s"]] == -1


def test_tracks_show_the_source(spoken):
    track, at = spoken
    for symbol in "psktS":
        assert track["periodicity"][at[symbol]] < -0.8
        assert track["aperiodicity"][at[symbol]] > 0.7
        assert np.isnan(track["pitch"][at[symbol]])
    for symbol in "aiumne":
        assert track["periodicity"][at[symbol]] > 0.5
        assert track["aperiodicity"][at[symbol]] < -0.5
        assert np.isfinite(track["pitch"][at[symbol]])
    assert track["pitch"][at["p"] - 12] > track["pitch"][at["e"]]  # declination
    assert track["periodicity"][0] == track["aperiodicity"][0] == -1  # silence


def test_tracks_stay_about_their_ends_and_move_smoothly(spoken):
    track, _ = spoken
    for name, values in track.items():
        assert np.nanmin(values) >= -1.3, name
        assert np.nanmax(values) <= 1.3, name
    for name in ("LA", "LP", "TTCL", "TTCD", "TBCD", "VP"):
        assert np.abs(np.diff(track[name])).max() < 0.6, name


def test_breathiness_and_effort_are_in_the_source_tracks():
    pytest.importorskip("vocaltractlab_cython")

    def middle(**voice):
        found = tracks(*states({"segments": [["a", 0.3, 0.0]], **VOICE, **voice}), 50)[25]
        return dict(zip(ENDS, found, strict=True))

    pressed, modal, breathy = (middle(quality=quality) for quality in (-1.0, 0.0, 1.0))
    assert pressed["aperiodicity"] < modal["aperiodicity"] < breathy["aperiodicity"]
    assert pressed["periodicity"] > modal["periodicity"] > breathy["periodicity"]
    assert middle(pressure=6500.0)["periodicity"] < modal["periodicity"]
    assert middle(pitch=170.0)["pitch"] - modal["pitch"] == pytest.approx(
        2 * np.log2(170 / 120) / (ENDS["pitch"][1] - ENDS["pitch"][0]), abs=0.002
    )


def test_audio_and_tracks_go_together(short):
    assert short.schema["variables"] == list(ENDS)
    for split in ("train", "test"):
        (row,) = short.rows(split)
        audio, rate = soundfile.read(row["audio"])
        found = np.load(row["tracks"], allow_pickle=False)
        assert rate == 16_000
        assert found.dtype == np.float32
        assert found.shape == (len(audio) // 160 + 1, 10)
        np.testing.assert_allclose(found, np.round(found, 3), atol=1e-7)
        pitch = found[:, list(ENDS).index("pitch")]
        (voiced,) = np.nonzero(np.isfinite(pitch))
        centre = int(np.median(voiced))
        low, high = ENDS["pitch"]
        assert heard_pitch(audio[(centre - 4) * 160 : (centre + 4) * 160]) == pytest.approx(
            2 ** (low + (pitch[centre] + 1) / 2 * (high - low)), rel=0.06
        )


def heard_pitch(audio):
    """By autocorrelation, between 60 and 300 Hz."""
    correlation = np.correlate(audio, audio, "full")[len(audio) - 1 :]
    lags = slice(16_000 // 300, 16_000 // 60)
    return 16_000 / (lags.start + np.argmax(correlation[lags]))


def test_tracks_are_part_of_the_hash_and_bytes_depend_on_no_neighbour(short, tmp_path):
    files = json.loads((short.root / f"{type(short).version}/manifest.json").read_text())["files"]
    assert sorted(path.rpartition(".")[2] for path in files) == ["npy", "npy", "wav", "wav"]
    row = short.plan()[1]
    _generated_corpus._run(short.renderer, [row], tmp_path)
    for name in short.files:
        assert hashlib.sha256((tmp_path / row[name]).read_bytes()).hexdigest() == files[row[name]]


def test_a_missing_package_is_one_line_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(_generated_corpus.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EarmarkError, match=r"vocaltractlab_cython, .* pip install earmark\[synth\]"):
        Articulation(tmp_path).rows("train")


def test_the_published_hash_is_one():
    assert len(bytes.fromhex(Articulation.published)) == 32
    assert int(Articulation.published, 16)


def test_geometry_of_a_corner():
    wall = outline(np.array([[0.0, 0.0], [-4.0, 0.0], [-4.0, -4.0]]), 0.1)
    assert np.hypot(*np.diff(wall, axis=0).T).max() <= 0.1 + 1e-9
    centres = np.array([[-1.0, -1.5], [-3.5, -3.0], [-1.0, 0.2], [np.nan, 0.0], [-2.0, -2.0]])
    distance, place = approach(centres, 0.5, wall, 0.01)
    np.testing.assert_allclose(distance, [1.0, 0.0, 0.0, np.nan, 1.5], atol=0.01)
    np.testing.assert_allclose(place[:2], [[-1.0, 0.0], [-4.0, -3.0]], atol=0.1)
    np.testing.assert_allclose(place[4], [-3.0, -1.0], atol=0.1)  # two walls equally near: between them
    np.testing.assert_allclose(
        angle(np.array([[1.0, 0.0], [0.0, 2.0], [-1.0, 0.0], [0.0, -1.0], [-1.0, -1.0]]), np.zeros(2)),
        [0, 90, 180, -90, 225],
    )
