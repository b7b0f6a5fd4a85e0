"""Audio as it lies on disks: every format and name, files cut short, damaged headers, links, pipes, offsets."""

import io
import os
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from trials import trials

from benchmark import audio
from benchmark.errors import EarmarkError
from benchmark.submission.own_recordings import enhance, system_of

# Files of these formats do not say how long they are, or need to be told what they are.
UNMEASURED = {"IRCAM", "PVF", "XI", "PAF", "RAW", "SD2"}
FORMATS = sorted(
    (name, subtype)
    for name in soundfile.available_formats()
    for subtype in soundfile.available_subtypes(name)
    if name not in UNMEASURED
)


def noise(samples: int = 8000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.3, 0.3, samples)


def encoded(name: str, subtype: str, rate: int = 8000) -> bytes:
    stream = io.BytesIO()
    try:
        soundfile.write(stream, noise(), rate, format=name, subtype=subtype)
    except soundfile.LibsndfileError:
        pytest.skip("libsndfile reads it and does not write it")
    return stream.getvalue()


def whole_lines(error: EarmarkError) -> bool:
    return "\n" not in str(error) and ";" in str(error)


@pytest.mark.parametrize(("name", "subtype"), FORMATS)
def test_every_format_is_read_and_noticed_where_it_is_cut_short(tmp_path, name, subtype):
    data = encoded(name, subtype)
    path = tmp_path / f"x.{name.lower()}"
    path.write_bytes(data)
    heard = audio.read(path, None)
    assert 8000 <= heard.shape[-1] <= 8400  # some encodings fill their last block
    assert audio.header(path)[:3] == (8000, 1, heard.shape[-1])
    assert audio.read_piece(path, 1000, 0.5, 8000).shape == (1, 1000)
    assert audio.sounds(path)
    for share in (0.3, 0.6, 0.9):
        cut = tmp_path / f"cut{share}.{name.lower()}"
        cut.write_bytes(data[: int(share * len(data))])
        for look in (audio.read, audio.sounds):
            with pytest.raises(EarmarkError, match=r"cut0\.\d\.\w+: (cut short|not audio).*; restore") as caught:
                look(cut)
            assert whole_lines(caught.value)


@settings(max_examples=trials(30))
@given(
    st.sampled_from([("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("AIFF", "PCM_16"), ("AU", "PCM_16"), ("W64", "GSM610")]),
    st.integers(0, 60),
    st.binary(min_size=1, max_size=8),
)
def test_a_damaged_header_is_one_line_or_no_harm(kind, place, bits):
    data = bytearray(encoded(*kind))
    data[place : place + len(bits)] = bits
    heard, error = None, None
    try:
        heard = audio.read({"path": "x", "bytes": bytes(data)})
    except EarmarkError as raised:
        error = raised
    assert np.isfinite(heard).all() if error is None else whole_lines(error)


@pytest.mark.parametrize("rate", [0, 1, 999, 2**31 - 1, 2**32 - 1])
def test_a_rate_that_no_recorder_has_is_refused(tmp_path, rate):
    data = bytearray(encoded("WAV", "PCM_16"))
    data[24:28] = struct.pack("<I", rate)
    (tmp_path / "x.wav").write_bytes(data)
    with pytest.raises(EarmarkError, match=r"x\.wav: .*; ") as caught:
        audio.read(tmp_path / "x.wav")
    assert whole_lines(caught.value)


def test_a_flac_of_unknown_length_is_read(tmp_path):
    data = bytearray(encoded("FLAC", "PCM_16"))
    whole = audio.read({"bytes": bytes(data)}).copy()
    data[21] &= 0xF0  # the 36 bits of the number of samples in STREAMINFO
    data[22:26] = bytes(4)
    (tmp_path / "x.flac").write_bytes(data)
    np.testing.assert_array_equal(audio.read(tmp_path / "x.flac"), whole)
    assert audio.header(tmp_path / "x.flac").frames == 8000
    assert audio.read_piece(tmp_path / "x.flac", 500, 0.5).shape == (1, 500)


def test_a_pipe_and_a_folder_are_no_recordings(tmp_path):
    os.mkfifo(tmp_path / "x.wav")
    (tmp_path / "y.wav").mkdir()
    soundfile.write(tmp_path / "y.wav/z.WAV", noise(), 8000)
    assert audio.audio_files(tmp_path) == [tmp_path / "x.wav", tmp_path / "y.wav/z.WAV"]
    for name in ("x.wav", "y.wav"):
        with pytest.raises(EarmarkError, match=f"{name}: not a file but a folder, a pipe or a device; remove it"):
            audio.read(tmp_path / name)


def test_links_are_followed_once(tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "mine").mkdir()
    soundfile.write(tmp_path / "shared/a.wav", noise(), 8000)
    (tmp_path / "mine/more").symlink_to(tmp_path / "shared")
    (tmp_path / "shared/back").symlink_to(tmp_path / "mine")
    (tmp_path / "mine/gone.wav").symlink_to(tmp_path / "nowhere.wav")
    assert audio.audio_files(tmp_path / "mine") == [tmp_path / "mine/gone.wav", tmp_path / "mine/more/a.wav"]
    with pytest.raises(EarmarkError, match=r"gone\.wav: no such file; restore"):
        audio.read(tmp_path / "mine/gone.wav")


def test_one_bad_recording_costs_itself_alone(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    latin = os.fsdecode(os.fsencode(folder) + b"/f\xfcr.WAV")
    good = {"a.wav": "PCM_16", "gsm.wav": "GSM610", latin: "PCM_16", "._a.wav": None}
    for name, subtype in good.items():
        path = folder / name
        if subtype is None:
            path.write_bytes(b"\0\5\x16\7" + bytes(4092))
        else:
            path.write_bytes(encoded("WAV", subtype))
    (folder / "cut.wav").write_bytes(encoded("WAV", "PCM_16")[:5000])
    os.mkfifo(folder / "pipe.wav")
    with pytest.raises(EarmarkError) as caught:
        enhance(system_of("identity"), folder, tmp_path / "out")
    lines = str(caught.value).split("\nearmark: ")
    assert [("cut short" in line, "a pipe" in line) for line in lines] == [(True, False), (False, True)]
    written = sorted(audio.shown(path.name) for path in (tmp_path / "out").iterdir())
    assert written == ["a.wav", "f\\xfcr.wav", "gsm.wav"]


@settings(max_examples=trials(20))
@given(st.floats(0.002, 0.5), st.sampled_from([1, -1]), st.integers(0, 99))
def test_an_offset_is_taken_off_and_all_else_stays(size, sign, seed):
    rng = np.random.default_rng(seed)
    speech = 0.05 * rng.standard_normal((1, 16000)) * (np.arange(16000) // 4000 % 2)
    speech += 1e-4 * rng.standard_normal(speech.shape)
    plain = speech.astype(np.float32)
    assert audio.without_offset(plain) is plain
    assert audio.without_offset(0.1 * rng.standard_normal((2, 16000))).shape == (2, 16000)
    shifted = (speech + sign * size).astype(np.float32)
    assert audio.active_power(audio.without_offset(shifted)) == pytest.approx(audio.active_power(plain), rel=1e-2)
    assert audio.power(audio.without_offset(shifted)) == pytest.approx(audio.power(plain), rel=1e-2)


def test_rumble_and_voices_have_no_offset():
    rng = np.random.default_rng(0)
    rumble = np.cumsum(rng.standard_normal((1, 32000)), 1).astype(np.float32) / 1000
    pulses = np.abs(rng.standard_normal((1, 32000)) ** 5).astype(np.float32) / 1000
    for signal in (rumble, pulses, np.zeros((1, 32000), np.float32), np.full((1, 5), 0.3, np.float32)):
        assert audio.without_offset(signal) is signal


def test_a_constant_is_silence(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.full(16000, 0.25), 16000)
    assert not audio.sounds(tmp_path / "x.wav")


@pytest.mark.parametrize("samples", [0, 1, 2])
def test_a_recording_of_next_to_nothing_holds_no_samples(tmp_path, samples):
    soundfile.write(tmp_path / "x.wav", np.full(samples, 0.3), 96000)
    for look in (audio.read, audio.sounds):
        with pytest.raises(EarmarkError, match=r"x\.wav: the file holds no samples; restore"):
            look(tmp_path / "x.wav")
