import itertools
from collections import Counter

import numpy as np
import pytest
from scipy.signal import welch
from sklearn.metrics import balanced_accuracy_score
from sklearn.naive_bayes import MultinomialNB
from sklearn.preprocessing import OneHotEncoder

from benchmark import audio
from benchmark.contracts import SPLITS
from benchmark.corpora.synthetic import _generated_corpus, _speaking_styles
from benchmark.corpora.synthetic._seeded_random import BANDS, generator
from benchmark.corpora.synthetic._speaking_styles import RATE, STYLES, envelope, filtered, wavering
from benchmark.corpora.synthetic._voices import VOICES
from benchmark.corpora.synthetic.prosody import Prosody, parameters
from benchmark.corpora.synthetic.sentences import Sentences

CHANCE = 1 / len(STYLES)


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return Prosody(tmp_path_factory.mktemp("prosody")).plan()


@pytest.fixture(scope="module")
def splits(plan):
    return {split: [row for row in plan if row["split"] == split] for split in SPLITS}


def values(rows, key):
    return {row[key] for row in rows}


def test_ids_are_unique_and_sizes_those_of_a_small_corpus(plan, splits):
    assert len(values(plan, "id")) == len(values(plan, "audio")) == len(plan)
    assert {split: len(rows) for split, rows in splits.items()} == {"train": 1120, "validation": 240, "test": 400}


def test_every_voice_speaks_every_sentence_of_its_own_in_every_style(splits):
    for split, rows in splits.items():
        assert values(rows, "group") == {voice.variant for voice in VOICES[split]}
        assert set(Counter((row["group"], row["text"], row["label"]) for row in rows).values()) == {1}
        texts = {(row["group"], row["text"]) for row in rows}
        assert len(rows) == len(texts) * len(STYLES)
        assert len({row["label"] for row in rows}) == len(STYLES) >= 5


def test_splits_share_no_voice_and_no_sentence_and_no_other_corpus_has_the_sentences(splits, tmp_path):
    for one, other in itertools.combinations(splits.values(), 2):
        for key in ("group", "text"):
            assert not values(one, key) & values(other, key)
    everywhere = set().union(*(values(rows, "text") for rows in splits.values()))
    assert not everywhere & values(Sentences(tmp_path).plan(), "text")


@pytest.mark.parametrize("keys", [("text",), ("group",), ("text", "group")])
def test_text_and_voice_alone_are_at_chance(splits, keys):
    """Even for a classifier that saw the test texts and voices: each occurs in all styles equally often."""
    rows = splits["test"]
    known = OneHotEncoder().fit_transform([[row[key] for key in keys] for row in rows])
    labels = np.array([row["label"] for row in rows])
    assert balanced_accuracy_score(labels, MultinomialNB().fit(known, labels).predict(known)) == pytest.approx(CHANCE)


def test_words_alone_are_at_chance(splits):
    """The words of the training sentences tell nothing about the styles of the test sentences."""
    words = sorted({word for rows in splits.values() for row in rows for word in row["text"].split()})
    bags = {
        split: np.array([[row["text"].split().count(word) for word in words] for row in rows])
        for split, rows in splits.items()
    }
    labels = {split: [row["label"] for row in rows] for split, rows in splits.items()}
    guess = MultinomialNB().fit(bags["train"], labels["train"]).predict(bags["test"])
    assert balanced_accuracy_score(labels["test"], guess) == pytest.approx(CHANCE)


def test_parameters_are_drawn_from_the_bands_of_their_split(splits):
    for split, rows in splits.items():
        start, stop = BANDS[split]
        for row in rows:
            drawn = parameters(generator("prosody parameters", row["id"]), split, row["label"])
            assert drawn.items() >= row["style"].items()
            assert {"rate", "pitch", "range", "drift"} < drawn.keys()
            for name, value in drawn.items():
                ends = STYLES[row["label"]][name]
                bands = [(ends.at((period + start) / 3), ends.at((period + stop) / 3)) for period in range(3)]
                assert any(low <= value <= high for low, high in bands), (row["id"], name)


def test_espeak_is_told_what_it_understands(plan):
    for row in plan:
        assert " ".join(phrase["text"][:-1] for phrase in row["phrases"]) == row["text"]
        for phrase in row["phrases"]:
            assert phrase["voice"].endswith(f"+{row['group']}")
            assert 80 <= phrase["rate"] <= 300
            assert 0 <= phrase["pitch"] <= 100
            assert 0 <= phrase["range"] <= 100


def test_rendered_clips_are_short_and_differ_by_style(tmp_path, monkeypatch):
    pytest.importorskip("espeakng_loader")
    monkeypatch.setattr(_generated_corpus, "UNITS", 1)

    class Few(Prosody):
        def plan(self):
            return [
                row
                for split in SPLITS
                for row in [row for row in super(Few, self).plan() if row["split"] == split][: len(STYLES)]
            ]

    corpus = Few(tmp_path)
    rows = corpus.rows("test")
    assert rows.column_names == ["id", "group", "audio", "label", "text"]
    assert rows["label"] == corpus.schema["classes"]
    clips = [audio.read(path) for path in rows["audio"]]
    assert all(0.8 < clip.shape[-1] / RATE < 3 for clip in clips)
    assert all(-40 < audio.decibels(audio.power(clip)) < -25.9 for clip in clips)
    brightness = dict(zip(rows["label"], [spectral_slope(clip[0]) for clip in clips], strict=True))
    assert brightness["subdued"] < min(brightness["agitated"], brightness["stern"])


def spectral_slope(clip):
    hertz, power = welch(clip, RATE, nperseg=1024)
    return 10 * np.log10(power[(hertz > 1500) & (hertz < 5000)].sum() / power[hertz < 1000].sum())


def tone(frequency=200.0, seconds=1.0):
    return np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)


@pytest.mark.parametrize("tilt", [-6.0, 3.0])
def test_tilt_is_in_decibels_an_octave(tilt):
    style = {"pause": 0.0, "tilt": tilt, "fade": 0.0, "accent": 1.0, "breath": -200.0, "tremor": 0.0}
    levels = [
        _speaking_styles.styled(np.random.default_rng(0), [tone(hertz)], **style)[4000:-4000].std()
        for hertz in (200, 500, 1000, 2000)
    ]
    assert 20 * np.log10(np.divide(levels, tone().std())) == pytest.approx([0, 0, tilt, 2 * tilt], abs=0.1)


def test_pause_and_fade():
    style = {"pause": 0.2, "tilt": 0.0, "fade": 6.0, "accent": 1.0, "breath": -200.0, "tremor": 0.0}
    clip = _speaking_styles.styled(np.random.default_rng(0), [tone(), tone()], **style)
    assert len(clip) == round(2.2 * RATE)
    assert np.abs(clip[RATE + 320 : RATE + 2880]).max() < 0.01
    ends = clip[-4000:].std() / clip[:4000].std()
    assert 20 * np.log10(ends) == pytest.approx(6 * (1 - 4000 / len(clip)), abs=0.1)


def test_breath_is_noise_of_the_speech_s_level():
    style = {"pause": 0.0, "tilt": 0.0, "fade": 0.0, "accent": 1.0, "tremor": 0.0}
    quiet, breathy = (
        _speaking_styles.styled(np.random.default_rng(0), [tone()], **style, breath=breath)
        for breath in (-200.0, -20.0)
    )
    inner = slice(2000, -2000)
    expected = 10 ** (-20 / 20) * np.abs(tone()).mean() * np.sqrt(1 - 1500 / 8000)
    assert (breathy - quiet)[inner].std() == pytest.approx(expected, rel=0.05)


def test_accent_spreads_levels():
    style = {"pause": 0.0, "tilt": 0.0, "fade": 0.0, "breath": -200.0, "tremor": 0.0}
    plain, accented = (
        _speaking_styles.styled(np.random.default_rng(0), [tone(), 0.5 * tone()], **style, accent=accent)
        for accent in (1.0, 2.0)
    )
    ratios = [clip[RATE + 4000 : -4000].std() / clip[4000 : RATE - 4000].std() for clip in (plain, accented)]
    assert ratios == pytest.approx([0.5, 0.25], rel=0.05)


def test_wavering_moves_the_pitch_by_its_depth():
    clip = wavering(np.random.default_rng(0), tone(1000.0), 0.02)
    phase = np.unwrap(np.angle(np.fft.ifft(np.fft.fft(clip) * (np.fft.fftfreq(len(clip)) > 0))))
    frequency = np.diff(phase)[2000:-2000] * RATE / (2 * np.pi)
    assert frequency.max() == pytest.approx(1020, abs=4)
    assert frequency.min() == pytest.approx(980, abs=4)


def test_filters_have_no_delay_and_envelopes_are_positive():
    speech = np.concatenate([np.zeros(5000), tone(), np.zeros(5000)])
    np.testing.assert_allclose(filtered(speech, np.ones_like), speech, atol=1e-12)
    level = envelope(speech)
    assert (level > 0).all()
    assert level[5000 + RATE // 2] == pytest.approx(2 / np.pi, rel=0.02)
