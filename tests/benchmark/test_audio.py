"""Reading, writing and levels, against soundfile, the text of P.56 and arithmetic."""

import io

import numpy as np
import pytest
import soundfile
from cachetools import LRUCache
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark import audio
from benchmark.errors import EarmarkError


def p56_by_the_book(speech: np.ndarray, rate: int) -> float:
    """Sample by sample, as the standard words it."""
    smoothing, hangover = np.exp(-1 / (rate * 0.03)), round(0.2 * rate)
    thresholds = 2.0 ** np.arange(-24, 1)
    p = q = energy = 0.0
    active = np.zeros(len(thresholds))
    hung = np.full(len(thresholds), hangover)
    for value in np.abs(speech.astype(np.float64)):
        p = smoothing * p + (1 - smoothing) * value
        q = smoothing * q + (1 - smoothing) * p
        energy += value**2
        on = q >= thresholds
        active += on | (hung < hangover)
        hung = np.where(on, 0, np.minimum(hung + 1, hangover))
    with np.errstate(divide="ignore"):
        level = 10 * np.log10(energy / active)
    excess = level - 20 * np.log10(thresholds) - 15.9
    upper = np.flatnonzero((active > 0) & (excess <= 0))[0]
    share = excess[upper - 1] / (excess[upper - 1] - excess[upper])
    return level[upper - 1] + share * (level[upper] - level[upper - 1])


def bursts(rng, rate=4000):
    parts = [
        np.zeros(rate // 2),
        0.02 * rng.standard_normal(rate),
        np.zeros(rate),
        0.1 * rng.standard_normal(rate // 2),
        np.zeros(rate // 3),
    ]
    return np.concatenate(parts).astype(np.float32)


def test_active_level_is_that_of_the_standard():
    speech = bursts(np.random.default_rng(0))
    assert audio.decibels(audio.active_power(speech[None], 4000)) == pytest.approx(
        p56_by_the_book(speech, 4000), abs=0.01
    )


def test_active_level_ignores_pauses_and_follows_gain():
    rng = np.random.default_rng(1)
    speech = (0.1 * rng.standard_normal(32000)).astype(np.float32)
    padded = np.concatenate([speech, np.zeros(64000, np.float32)])[None]
    # the hangover and the envelope's decay count as active
    assert audio.decibels(audio.active_power(padded)) == pytest.approx(-20, abs=0.8)
    assert audio.active_power(2 * padded) == pytest.approx(4 * audio.active_power(padded), rel=0.02)


@pytest.mark.parametrize(
    "signal", [np.zeros((1, 100), np.float32), np.full((1, 1), 0.1, np.float32), np.full((2, 50), 1e-6, np.float32)]
)
def test_active_level_of_silence_and_of_a_few_samples_is_finite(signal):
    assert np.isfinite(audio.active_power(signal))


def test_power_is_summed_over_ears_and_an_interferer_is_measured_where_it_sounds():
    tone = np.full((2, 100), 0.5, np.float32)
    assert audio.power(tone) == pytest.approx(0.5)
    gated = np.concatenate([tone, np.zeros((2, 300), np.float32)], 1)
    assert audio.sounding_power(gated) == pytest.approx(audio.power(tone))


@pytest.mark.parametrize(
    ("suffix", "rate"), [("flac", 16000), ("ogg", 16000), ("mp3", 16000), ("wav", 8000), ("wav", 44100)]
)
def test_what_takes_long_to_read_is_read_once(tmp_path, monkeypatch, suffix, rate):
    path = tmp_path / f"x.{suffix}"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 2 * rate), rate)
    whole = audio.read(path)
    opened = []
    monkeypatch.setattr(soundfile, "SoundFile", lambda *args, **kwargs: opened.append(args))
    assert audio.read(path) is whole
    piece = audio.read_piece(path, 4000, 0.25)
    assert not opened
    np.testing.assert_array_equal(piece, whole[:, int(0.25 * (whole.shape[-1] - 3999)) :][:, :4000])
    np.testing.assert_array_equal(
        audio.read_piece(path, 3 * whole.shape[-1], 0.5), np.tile(np.roll(whole, -(whole.shape[-1] // 2), -1), 3)
    )
    with pytest.raises(ValueError, match="read-only"):
        whole *= 2


def test_kept_recordings_are_bounded_and_the_same_again(tmp_path, monkeypatch):
    monkeypatch.setattr(audio, "_recordings", LRUCache(300_000, getsizeof=lambda kept: kept.nbytes))
    monkeypatch.setattr(audio, "KEPT_BYTES", 300_000)
    for index in range(4):
        soundfile.write(tmp_path / f"{index}.flac", np.random.default_rng(index).uniform(-0.5, 0.5, 30000), 16000)
    soundfile.write(tmp_path / "large.flac", np.zeros(100_000), 16000)
    first = [audio.read(tmp_path / f"{index}.flac") for index in range(4)]
    assert audio.read(tmp_path / "large.flac").shape == (1, 100_000)
    assert len(audio._recordings) == 2
    for index in range(4):
        np.testing.assert_array_equal(audio.read(tmp_path / f"{index}.flac"), first[index])


def test_of_a_long_recording_a_piece_is_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(audio, "KEPT_SECONDS", 1)
    signal = np.random.default_rng(0).uniform(-0.5, 0.5, 32000).astype(np.float32)
    soundfile.write(tmp_path / "x.flac", signal, 16000, subtype="PCM_24")
    kept = len(audio._recordings)
    np.testing.assert_allclose(audio.read_piece(tmp_path / "x.flac", 4000, 0.5)[0], signal[14000:18000], atol=1e-6)
    assert len(audio._recordings) == kept


@pytest.mark.parametrize(
    ("suffix", "subtype", "rate", "channels"),
    [("wav", "PCM_16", 8000, 1), ("flac", "PCM_24", 44100, 2), ("ogg", "VORBIS", 16000, 1)],
)
def test_every_format_is_read_at_the_engine_s_rate(tmp_path, suffix, subtype, rate, channels):
    time = np.arange(rate) / rate
    signal = np.stack([0.3 * np.sin(2 * np.pi * 440 * time)] * channels, 1)
    soundfile.write(tmp_path / f"x.{suffix}", signal, rate, subtype=subtype)
    heard = audio.read(tmp_path / f"x.{suffix}")
    assert heard.shape == (channels, 16000)
    assert heard.dtype == np.float32
    assert np.abs(np.fft.rfft(heard[0])).argmax() == 440


def test_a_file_in_a_table_is_read_from_its_bytes(tmp_path):
    audio.write(tmp_path / "x.wav", np.full((1, 10), 0.25, np.float32))
    np.testing.assert_array_equal(
        audio.read({"path": "x", "bytes": (tmp_path / "x.wav").read_bytes()}), np.full((1, 10), 0.25, np.float32)
    )


def test_written_audio_is_float_and_does_not_clip(tmp_path):
    signal = np.array([[0.0, 3.0, -2.5]], np.float32)
    audio.write(tmp_path / "deep" / "x.wav", signal)
    np.testing.assert_array_equal(audio.read(tmp_path / "deep" / "x.wav"), signal)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["x.wav"]


@settings(max_examples=30)
@given(st.integers(1, 400), st.floats(0, 0.999))
def test_a_piece_has_the_length_asked_for_and_repeats_what_is_short(tmp_path_factory, samples, position):
    path = tmp_path_factory.getbasetemp() / "piece.wav"
    if not path.is_file():
        audio.write(path, np.arange(1, 201, dtype=np.float32)[None])
    piece = audio.read_piece(path, samples, position)
    assert piece.shape == (1, samples)
    steps = np.diff(piece[0])
    assert np.all((steps == 1) | (steps == -199))  # consecutive samples, around the end where repeated


def test_a_piece_of_another_rate_has_the_length_asked_for(tmp_path):
    audio.write(tmp_path / "x.wav", np.ones((1, 44100), np.float32), 44100)
    assert audio.read_piece(tmp_path / "x.wav", 12345, 0.3).shape == (1, 12345)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such file"),
        (b"", "not audio"),
        (b"RIFF....WAVE", "not audio"),
        ("empty", "no samples"),
        ("nan", "not finite"),
        ("half", "cut short, it holds 1000 of 32000 bytes of audio"),
    ],
)
def test_what_cannot_be_read_is_one_line_with_the_file(tmp_path, content, reason):
    path = tmp_path / "x.wav"
    if content == "empty":
        soundfile.write(path, np.zeros((0, 1)), 16000)
    elif content == "half":
        soundfile.write(path, np.zeros((16000, 1)), 16000)
        path.write_bytes(path.read_bytes()[:1044])
    elif content == "nan":
        audio.write(path, np.array([[0.0, np.nan]], np.float32))
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(EarmarkError, match=reason) as caught:
        audio.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def ogg(seconds: float, subtype: str) -> bytes:
    stream = io.BytesIO()
    soundfile.write(
        stream, np.random.default_rng(0).uniform(-0.5, 0.5, int(16000 * seconds)), 16000, format="OGG", subtype=subtype
    )
    return stream.getvalue()


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.999])
def test_an_ogg_file_that_was_cut_short_is_refused_though_libsndfile_reads_it(tmp_path, subtype, share):
    whole = ogg(5, subtype)
    cut = whole[: int(share * len(whole))]
    with soundfile.SoundFile(io.BytesIO(cut)) as file:
        assert 0 < file.frames < 5 * 16000
    path = tmp_path / "x.ogg"
    path.write_bytes(cut)
    for read in (
        lambda: audio.read(path),
        lambda: audio.read_piece(path, 16000, 0.5),
        lambda: audio.read({"path": str(path), "bytes": cut}),
    ):
        with pytest.raises(
            EarmarkError,
            match=r"x\.ogg: cut short, the last page of its OGG stream is missing; restore the file or remove",
        ) as caught:
            read()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("seconds", [0.01, 5, 30])
def test_a_whole_ogg_file_is_read_whatever_its_length_and_what_follows_it(tmp_path, subtype, seconds):
    whole = ogg(seconds, subtype)
    (tmp_path / "x.ogg").write_bytes(whole)
    assert audio.read(tmp_path / "x.ogg").shape == (1, 16000 * seconds)
    assert audio.read({"bytes": whole + b"TAG"}).shape == (1, 16000 * seconds)


def test_an_ogg_page_of_the_largest_size_is_looked_at_as_a_whole():
    header = b"OggS\0\4" + bytes(20) + b"\xff" + b"\xff" * 255
    page = header + bytes(255 * 255)
    assert len(page) <= audio._OGG_PAGE
    assert audio._ends(bytes(1000) + page)
    assert not audio._ends(page[:-1])
    assert not audio._ends(header[:20])
    assert not audio._ends(b"")


@pytest.mark.parametrize(
    ("suffix", "rate", "channels"),
    [
        ("wav", 8000, 1),
        ("flac", 44_100, 2),
        ("ogg", 22_050, 1),
        ("mp3", 16_000, 2),
        ("aiff", 48_000, 6),
        ("au", 11_025, 1),
    ],
)
def test_every_format_of_libsndfile_is_found(tmp_path, clip, suffix, rate, channels):
    paths = [clip(tmp_path / f"{name}.{suffix}", rate, channels) for name in ("B/b", "a")]
    clip(tmp_path / f".trash/c.{suffix}")
    clip(tmp_path / f"._a.{suffix}")
    (tmp_path / "notes.txt").write_text("not audio")
    (tmp_path / "a.raw").write_bytes(b"no header tells what it is")
    assert audio.audio_files(tmp_path) == paths
