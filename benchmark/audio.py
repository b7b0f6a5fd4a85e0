"""Finding, reading, writing, resampling and levels of audio.

Audio is float32, (channels, time); an rms of 1.0 is 100 dB SPL. Files are read by libsndfile, resampled by soxr.
"""

import hashlib
import io
import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from cachetools import LRUCache
from scipy.io import wavfile
from scipy.ndimage import maximum_filter1d
from scipy.signal import lfilter

from benchmark.contracts import SAMPLE_RATE
from benchmark.errors import EarmarkError

# libsndfile's log of a WAV file that is shorter than its header says
_CUT = re.compile(r"^data : (\d+) \(should be (\d+)\)", re.MULTILINE)
_STREAMED = 0x7FFFF000  # sizes from here on are written by programs that do not know the size yet
_OGG_PAGE = 65_536  # bytes; the largest page of an Ogg file is a little shorter
_QUIETEST = -24  # exponent of the lowest threshold of P.56: -144 dB re full scale
_THRESHOLDS = 2.0 ** np.arange(_QUIETEST, 6)
_COMPRESSED = ("FLAC", "OGG", "MP3")  # libsndfile's names of formats that are slow to decode
KEPT_SECONDS = 60  # recordings up to this length are kept in memory, decoded and resampled
KEPT_BYTES = 400_000_000  # of kept recordings in each process; the least recently used goes first
_recordings: LRUCache[Any, np.ndarray] = LRUCache(KEPT_BYTES, getsizeof=lambda audio: audio.nbytes)
# Suffixes of the formats that libsndfile recognises by itself (not .raw and .sd2, whose format must be told, nor .mat,
# which is rarely audio), and other usual suffixes of the same formats.
SUFFIXES = {f".{name.lower()}" for name in soundfile.available_formats()} - {".raw", ".sd2"} | {
    ".aif",
    ".aifc",
    ".iff",
    ".oga",
    ".opus",
    ".sf",
    ".snd",
    ".sph",
}
TINY = 1e-10  # power below which a signal counts as silent: -100 dB re full scale, 0 dB SPL


def audio_files(folder: Path) -> list[Path]:
    """The audio files below a folder at any depth, by suffix, sorted; hidden files and folders are left out."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def read(source: str | Path | Mapping[str, Any], sample_rate: int | None = SAMPLE_RATE) -> np.ndarray:
    """Audio of a file, or of a {"path", "bytes"} pair, (channels, time), which must not be written to.

    Args:
        sample_rate: in Hz, to which it is resampled; None: that of the file
    Raises:
        EarmarkError: the file is missing, unreadable, cut short (not noticed in an MP3), empty or not finite
    """
    key = _key(source, sample_rate)
    if key in _recordings:
        return _recordings[key]
    with _opened(source) as file:
        return _whole(file, source, key, sample_rate)


def read_piece(
    source: str | Path | Mapping[str, Any], samples: int, position: float, sample_rate: int = SAMPLE_RATE
) -> np.ndarray:
    """A piece of a recording, (channels, samples), of which no more is decoded than needed where it is long.

    Args:
        samples: length of the piece at `sample_rate`; a shorter recording is repeated from `position` on
        position: where the piece starts, in [0, 1): from the first to the last possible place
    Raises:
        EarmarkError: as for `read`
    """
    key = _key(source, sample_rate)
    if key in _recordings:
        return _piece(_recordings[key], samples, position)
    with _opened(source) as file:
        needed = math.ceil(samples * file.samplerate / sample_rate)
        if file.frames < needed or _worth_keeping(file, sample_rate):
            return _piece(_whole(file, source, key, sample_rate), samples, position)
        file.seek(int(position * (file.frames - needed + 1)))
        audio = resample(_samples(file, source, needed), file.samplerate, sample_rate)
    missing = samples - audio.shape[-1]  # a resampler may round down
    return audio[:, :samples] if missing <= 0 else np.pad(audio, ((0, 0), (0, missing)), mode="edge")


def probe(source: str | Path | Mapping[str, Any]) -> None:
    """Open a recording and read its header. Raises EarmarkError where that fails."""
    with _opened(source):
        pass


def _key(source: str | Path | Mapping[str, Any], sample_rate: int | None) -> tuple[str | bytes, int | None]:
    stored = source.get("bytes") if isinstance(source, Mapping) else None
    return hashlib.sha256(stored).digest() if stored else _name(source), sample_rate


def _worth_keeping(file: soundfile.SoundFile, sample_rate: int | None) -> bool:
    """Whether a recording is short, and slow to decode or to resample."""
    costly = file.format in _COMPRESSED or sample_rate not in (None, file.samplerate)
    return costly and file.frames <= KEPT_SECONDS * file.samplerate


def _whole(file: soundfile.SoundFile, source: Any, key: Any, sample_rate: int | None) -> np.ndarray:
    audio = resample(_samples(file, source), file.samplerate, sample_rate or file.samplerate)
    if _worth_keeping(file, sample_rate) and audio.nbytes <= KEPT_BYTES:
        audio.flags.writeable = False
        _recordings[key] = audio
    return audio


def _piece(audio: np.ndarray, samples: int, position: float) -> np.ndarray:
    if (spare := audio.shape[-1] - samples) >= 0:
        start = int(position * (spare + 1))
        return audio[:, start : start + samples]
    audio = np.roll(audio, -int(position * audio.shape[-1]), axis=-1)
    return np.tile(audio, -(-samples // audio.shape[-1]))[:, :samples]


@contextmanager
def _opened(source: str | Path | Mapping[str, Any]) -> Iterator[soundfile.SoundFile]:
    name = _name(source)
    stream = io.BytesIO(source["bytes"]) if isinstance(source, Mapping) and source.get("bytes") else name
    try:
        with soundfile.SoundFile(stream) as file:
            if (cut := _CUT.search(file.extra_info)) and int(cut[2]) < int(cut[1]) < _STREAMED:
                raise EarmarkError(
                    f"{name}: cut short, it holds {cut[2]} of {cut[1]} bytes of audio; restore the file or remove it "
                    "from the corpus"
                )
            if file.format == "OGG" and not _ends(_tail(stream)):
                raise EarmarkError(
                    f"{name}: cut short, the last page of its OGG stream is missing; restore the file or remove it "
                    "from the corpus"
                )
            yield file
    except (soundfile.LibsndfileError, OSError) as error:
        reason = (
            "no such file"
            if stream is name and not Path(name).is_file()
            else "not audio that libsndfile reads, or cut short"
        )
        raise EarmarkError(f"{name}: {reason}; restore the file or remove it from the corpus") from error


def _tail(stream: io.BytesIO | str) -> bytes:
    """The end of an Ogg file, long enough for its last page."""
    if isinstance(stream, io.BytesIO):
        return bytes(stream.getbuffer()[-_OGG_PAGE:])
    with open(stream, "rb") as file:
        file.seek(max(os.path.getsize(stream) - _OGG_PAGE, 0))
        return file.read()


def _ends(tail: bytes) -> bool:
    """Whether an Ogg stream ends with a complete page that is marked as the last (RFC 3533, section 6).

    libsndfile checks neither.
    """
    page = tail[tail.rfind(b"OggS\0") :]
    if len(page) < 27 or not page[5] & 4:
        return False
    segments = page[27 : 27 + page[26]]
    return len(page) >= 27 + page[26] + sum(segments)


def _samples(file: soundfile.SoundFile, source: Any, frames: int = -1) -> np.ndarray:
    audio = file.read(frames, dtype="float32", always_2d=True)
    if audio.size == 0:
        raise EarmarkError(f"{_name(source)}: the file holds no samples; restore it or remove it from the corpus")
    if not np.isfinite(audio).all():
        raise EarmarkError(
            f"{_name(source)}: the file holds samples that are not finite; restore it or remove it from the corpus"
        )
    return np.ascontiguousarray(audio.T)


def _name(source: Any) -> str:
    return str(source.get("path") or "audio in a table") if isinstance(source, Mapping) else str(source)


def write(path: str | Path, audio: np.ndarray, sample_rate: int = SAMPLE_RATE) -> None:
    """Write (channels, time) as a WAV file, whole or not at all; equal samples give equal bytes.

    int16 stays int16, all else becomes 32-bit floats, which do not clip.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(encoded(audio, sample_rate))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def encoded(audio: np.ndarray, sample_rate: int = SAMPLE_RATE) -> bytes:
    """The bytes that `write` writes. libsndfile is not used, since it puts the time of day into files of floats."""
    samples, stream = np.atleast_2d(audio).T, io.BytesIO()
    wavfile.write(stream, sample_rate, samples if samples.dtype == np.int16 else samples.astype(np.float32))
    return stream.getvalue()


def resample(audio: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """Resample (channels, time) with soxr's high-quality linear-phase filter."""
    if from_rate == to_rate:
        return audio
    return np.ascontiguousarray(soxr.resample(audio.T, from_rate, to_rate, quality="HQ").T, dtype=np.float32)


def decibels(power: float) -> float:
    """A power in dB, 10 log10; silence is -100 dB."""
    return 10 * float(np.log10(max(power, TINY)))


def power(audio: np.ndarray) -> float:
    """Mean square over time, summed over channels (ears), of (channels, time)."""
    return float(np.einsum("ct,ct->", audio, audio, dtype=np.float64)) / audio.shape[-1]


def sounding_share(audio: np.ndarray) -> float:
    """Share of samples, 0 to 1, in which a channel is not silent: exceeds 1e-5 of full scale."""
    magnitude = np.abs(audio[0]) if len(audio) == 1 else np.abs(audio).max(0)
    return float(np.count_nonzero(magnitude > TINY**0.5)) / audio.shape[-1]


def sounding_power(audio: np.ndarray) -> float:
    """Like `power`, over the samples that are not silent: pauses do not lower the level of an interferer."""
    return power(audio) / max(sounding_share(audio), 1 / audio.shape[-1])


def active_power(
    speech: np.ndarray,
    sample_rate: int = SAMPLE_RATE,
    margin: float = 15.9,
    hangover: float = 0.2,
    smoothing: float = 0.03,
) -> float:
    """Active power of speech by method B of ITU-T P.56.

    It is the power during activity: while the envelope exceeds a threshold `margin` dB below the active level. The
    standard asks for an envelope sampled at 600 Hz or more; here it is computed from the mean magnitude in blocks of
    0.5 ms (ours).

    Args:
        speech: (channels, time). Two ears are active where the louder one is; their powers are added
        margin: in dB, 15.9 in the standard
        hangover, smoothing: in seconds, 0.2 and 0.03 in the standard
    Returns:
        mean square during activity; that of all samples where no activity is found
    """
    block = max(sample_rate // 2000, 1)
    magnitude = np.abs(speech[0]) if len(speech) == 1 else np.abs(speech).max(0)
    whole = len(magnitude) // block * block
    if whole == 0:
        return power(speech)
    pole = np.exp(-block / (sample_rate * smoothing))
    envelope = lfilter([(1 - pole) ** 2], [1, -2 * pole, pole**2], magnitude[:whole].reshape(-1, block).mean(1))
    # A block is active if the envelope reached the threshold within the hangover. A running maximum says so for all
    # thresholds at once.
    window = round(hangover * sample_rate / block) + 1
    held = maximum_filter1d(envelope, window, origin=(window - 1) // 2, mode="constant")
    # Thresholds are powers of two. A cumulative count from the loud end gives the number of blocks that reach each.
    reached = np.clip(np.frexp(np.maximum(held, _THRESHOLDS[0] / 2))[1] - _QUIETEST, 0, len(_THRESHOLDS))
    active = np.bincount(reached, minlength=len(_THRESHOLDS) + 1)[::-1].cumsum()[::-1][1:] * block
    energy = power(speech) * speech.shape[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        level = 10 * np.log10(energy / active)
        excess = level - 20 * np.log10(_THRESHOLDS) - margin
    usable = np.flatnonzero(active > 0)
    crossing = usable[excess[usable] <= 0]
    if energy <= 0 or not len(crossing) or crossing[0] == 0:
        return power(speech)
    upper = crossing[0]
    lower = upper - 1
    share = excess[lower] / (excess[lower] - excess[upper])
    return float(10 ** ((level[lower] + share * (level[upper] - level[lower])) / 10))
