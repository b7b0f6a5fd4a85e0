import numpy as np
import pytest
import soundfile
from scipy.signal import stft
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmark.contracts import SPLITS
from benchmark.corpora.synthetic import _ambiences, _generated_corpus
from benchmark.corpora.synthetic._ambiences import AMBIENCES, EQUALISER, GAIN, PITCH, PRESENCE, SLOPE
from benchmark.corpora.synthetic._seeded_random import BANDS
from benchmark.corpora.synthetic.scenes import Scenes

RATE = 16_000


class Few(Scenes):
    """Two clips of every scene."""

    def plan(self):
        return [row for row in super().plan() if row["id"].startswith("test") and row["id"].endswith(("00-0", "01-0"))]


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return Scenes(tmp_path_factory.mktemp("plan")).plan()


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_generated_corpus, "UNITS", 2)
        corpus = Few(tmp_path_factory.mktemp("few"))
        corpus.prepare()
    return corpus


def values(row):
    """Every drawn parameter of a row, with the range that it is from."""
    yield from ((row["tempi"][name], ends) for name, ends in AMBIENCES[row["label"]].ranges.items())
    yield from (
        (row["pitch"], PITCH),
        (row["slope"], SLOPE),
        (row["presence"], PRESENCE),
        *((gain, GAIN) for gain in row["gains"]),
    )


def test_splits_share_no_site_and_no_parameter_value(plan):
    sites = {split: {row["group"] for row in plan if row["split"] == split} for split in SPLITS}
    assert sum(map(len, sites.values())) == len(set().union(*sites.values()))
    for row in plan:
        start, stop = BANDS[row["split"]]
        for value, ends in values(row):
            assert any(ends.at((period + start) / 3) <= value <= ends.at((period + stop) / 3) for period in range(3)), (
                row["id"]
            )


def test_every_scene_has_as_many_clips_and_sites(plan):
    assert len(AMBIENCES) >= 8
    assert len({row["audio"] for row in plan}) == len({row["id"] for row in plan}) == len(plan)
    for label in AMBIENCES:
        for split, clips, sites in (("train", 80, 40), ("validation", 20, 10), ("test", 30, 10)):
            rows = [row for row in plan if row["label"] == label and row["split"] == split]
            assert (len(rows), len({row["group"] for row in rows})) == (clips, sites)


def test_clips_of_a_site_share_its_tempi_and_no_equaliser(plan):
    by_site = {}
    for row in plan:
        by_site.setdefault(row["group"], []).append(row)
    for rows in by_site.values():
        assert all(row["tempi"] == rows[0]["tempi"] and row["slope"] == rows[0]["slope"] for row in rows)
        assert len({tuple(row["gains"]) for row in rows}) == len({row["pitch"] for row in rows}) == len(rows)


def test_audio_is_16_bit_at_16_khz_and_of_the_length_that_is_said(few):
    rows = few.rows("test")
    assert rows.column_names == ["id", "group", "audio", "label"]
    assert {row["label"] for row in rows} == set(few.schema["classes"]) == set(AMBIENCES)
    for row in rows:
        audio, rate = soundfile.read(row["audio"])
        assert (rate, soundfile.info(row["audio"]).subtype, audio.ndim) == (RATE, "PCM_16", 1)
        assert 2.75 <= len(audio) / RATE <= 3.25
        assert np.abs(audio).max() < 0.96
        assert -40 < 20 * np.log10(np.sqrt(np.mean(audio**2))) < -25.9


def test_bytes_depend_on_the_row_alone(few, tmp_path):
    rows = few.plan()
    _ambiences.render(tmp_path, reversed(rows))
    for row in rows:
        assert (tmp_path / row["audio"]).read_bytes() == (few.root / "1" / row["audio"]).read_bytes()
    assert len({(tmp_path / row["audio"]).read_bytes() for row in rows}) == len(rows)


def test_no_package_beyond_the_core_is_needed(tmp_path, monkeypatch):
    find = _generated_corpus.importlib.util.find_spec
    monkeypatch.setattr(
        _generated_corpus.importlib.util, "find_spec", lambda name: None if name == "espeakng_loader" else find(name)
    )
    monkeypatch.setattr(_generated_corpus, "_render", lambda *_: pytest.fail("reached the renderer"))
    with pytest.raises(pytest.fail.Exception, match="reached the renderer"):
        Few(tmp_path).prepare()


@pytest.mark.parametrize(
    ("label", "tempi", "hertz"),
    [
        ("sea", {"period": 1.25, "rise": 0.3}, 0.8),
        ("train", {"period": 0.8, "gap": 0.15}, 1.25),
        ("workshop", {"strokes": 3.0, "teeth": 80.0}, 3.0),
        ("meadow", {"pulses": 30.0, "chirps": 2.0}, 2.0),
        ("meadow", {"pulses": 30.0, "chirps": 2.0}, 30.0),
    ],
)
def test_a_rhythm_is_as_fast_as_the_parameter_says(label, tempi, hertz):
    time = np.arange(20 * RATE) / RATE
    sound = AMBIENCES[label].make(np.random.default_rng(0), time, 1500.0, **tempi)
    assert sound.shape == time.shape
    envelope = np.sqrt(np.square(sound).reshape(-1, RATE // 200).mean(1))  # at 200 Hz
    strength = np.abs(np.fft.rfft(envelope - envelope.mean()))
    rates = np.fft.rfftfreq(len(envelope), 1 / 200)
    near = np.abs(np.log2(np.maximum(rates, 0.1) / hertz)) < 0.7  # within the octave around it
    assert rates[near][strength[near].argmax()] == pytest.approx(hertz, rel=0.08)


def test_the_equaliser_has_the_gains_that_it_is_told():
    impulse = np.zeros(RATE)
    impulse[0] = 1
    gains = [6.0, -12.0, 0.0, 12.0, -3.0, 9.0, -6.0]
    response = np.fft.rfft(_ambiences._equalised(impulse, gains))
    at = [20 * np.log10(np.abs(response[hertz])) for hertz in EQUALISER]  # a bin is 1 Hz
    np.testing.assert_allclose(at, gains, atol=0.1)
    assert 20 * np.log10(np.abs(response[2828])) == pytest.approx(3.0, abs=0.1)  # halfway between -3 and 9, in octaves


def test_events_at_the_edges_are_cut():
    time = np.arange(RATE) / RATE
    placed = _ambiences._placed(
        time, [(-0.5, np.full(RATE, 1.0)), (0.75, np.full(RATE, 2.0)), (-3, np.ones(9)), (5, np.ones(9))]
    )
    np.testing.assert_array_equal(placed[[0, 7999, 8000, 11999, 12000, -1]], [1, 1, 0, 0, 2, 2])


def test_a_linear_classifier_needs_time(plan, tmp_path):
    """Scenes are hard to tell by the long-term spectrum, easier by an equally simple spectrum of the envelope."""
    train, test = (
        [row for row in plan if row["split"] == split and row["id"].endswith("-0")] for split in ("train", "test")
    )
    train = [row for row in train if int(row["group"][-2:]) < 16]
    _ambiences.render(tmp_path, train + test)

    def accuracy(feature):
        x, unseen = (
            np.array([feature(soundfile.read(tmp_path / row["audio"])[0]) for row in rows]) for rows in (train, test)
        )
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000)).fit(
            x, [row["label"] for row in train]
        )
        return model.score(unseen, [row["label"] for row in test])

    spectrum, rhythm = accuracy(_long_term_spectrum), accuracy(_rhythm)
    assert spectrum < 0.5
    assert rhythm > spectrum + 0.2


def _bands(audio):
    """Log energy in 30 bands between 50 Hz and 8 kHz every 10 ms, of audio at rms 1: (bands, frames)."""
    hertz, _, spectrum = stft(audio / audio.std(), RATE, nperseg=400, noverlap=240)
    edges = np.searchsorted(hertz, np.linspace(50**0.5, 8000**0.5, 31) ** 2)
    return np.log(np.add.reduceat(np.abs(spectrum) ** 2, edges[:-1]) + 1e-6)


def _long_term_spectrum(audio):
    return _bands(audio).mean(1)


def _rhythm(audio):
    """The strength of fluctuations in 16 ranges of rate between 0.5 and 50 Hz, averaged over bands."""
    bands = _bands(audio)
    strength = np.abs(np.fft.rfft(bands - bands.mean(1, keepdims=True), 400)).mean(0)  # a bin is 0.25 Hz
    return np.log(np.add.reduceat(strength, np.unique(np.geomspace(2, 190, 16).astype(int))))
