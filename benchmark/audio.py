"""Finding, reading, writing, resampling and levels of audio.

Arrays are float32, (channels, time); rms 1.0 is 100 dB SPL. Formats are those of libsndfile, resampling is soxr's.
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

# libsndfile's log of a WAV whose header promises more than there is
_CUT = re.compile(r"^data : (\d+) \(should be (\d+)\)", re.MULTILINE)
_STREAMED = 0x7FFFF000  # the least size that programs write who do not know it yet
_OGG_PAGE = 65_536  # bytes, the next power of two above the largest page of an Ogg file
_QUIETEST = -24  # exponent of the lowest threshold of P.56: -144 dB re full scale
_THRESHOLDS = 2.0 ** np.arange(_QUIETEST, 6)
_COMPRESSED = ("FLAC", "OGG", "MP3")  # libsndfile's names of the formats that take long to decode
KEPT_SECONDS = 60  # recordings up to this length are kept, decoded and resampled, for the next time
KEPT_BYTES = 400_000_000  # of them in each process, the least lately used going first
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
TINY = 1e-10  # power under which a signal counts as silent: -100 dB re full scale, 0 dB SPL


def audio_files(folder: Path) -> list[Path]:
    """The audio files below a folder at any depth, by suffix, sorted; hidden files and folders are left out."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def read(source: str | Path | Mapping[str, Any], sample_rate: int | None = SAMPLE_RATE) -> np.ndarray:
    """Read a file, or a {"path", "bytes"} pair, as (channels, time) at `sample_rate` (None: as it is); not to be
    written to.

    Raises EarmarkError where the file is missing, unreadable, cut short, empty or holds samples that are not finite. An
    MP3 that was cut short is not noticed.
    """
    key = _key(source, sample_rate)
    if key in _recordings:
        return _recordings[key]
    with _opened(source) as file:
        return _whole(file, source, key, sample_rate)


def read_piece(
    source: str | Path | Mapping[str, Any], samples: int, position: float, sample_rate: int = SAMPLE_RATE
) -> np.ndarray:
    """`samples` samples at `sample_rate`, (channels, samples), from a relative `position` in [0, 1); of a long
    recording only what is needed is decoded.

    A recording that is too short is repeated from there. Errors as for `read`.
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
    """Open a recording and read its header; raises EarmarkError where that cannot be done."""
    with _opened(source):
        pass


def _key(source: str | Path | Mapping[str, Any], sample_rate: int | None) -> tuple[str | bytes, int | None]:
    stored = source.get("bytes") if isinstance(source, Mapping) else None
    return hashlib.sha256(stored).digest() if stored else _name(source), sample_rate


def _worth_keeping(file: soundfile.SoundFile, sample_rate: int | None) -> bool:
    """Whether decoding or resampling costs more than reading, and the recording is short."""
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
    """The last bytes of an Ogg file, as many as its largest page could have."""
    if isinstance(stream, io.BytesIO):
        return bytes(stream.getbuffer()[-_OGG_PAGE:])
    with open(stream, "rb") as file:
        file.seek(max(os.path.getsize(stream) - _OGG_PAGE, 0))
        return file.read()


def _ends(tail: bytes) -> bool:
    """Whether the last page of an Ogg stream is there as a whole and flagged as the last (RFC 3533, section 6);
    libsndfile asks for neither.
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
    """Write (channels, time) as WAV, whole or not at all: int16 as it is, all else as 32-bit floats, which clip
    nothing. Equal samples give equal bytes.
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
    """What `write` writes; libsndfile would put the time of day into files of floats."""
    samples, stream = np.atleast_2d(audio).T, io.BytesIO()
    wavfile.write(stream, sample_rate, samples if samples.dtype == np.int16 else samples.astype(np.float32))
    return stream.getvalue()


def resample(audio: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """Resample (channels, time) with soxr's high-quality linear-phase filter."""
    if from_rate == to_rate:
        return audio
    return np.ascontiguousarray(soxr.resample(audio.T, from_rate, to_rate, quality="HQ").T, dtype=np.float32)


def decibels(power: float) -> float:
    """10 log10 of a power, with silence at -100 dB."""
    return 10 * float(np.log10(max(power, TINY)))


def power(audio: np.ndarray) -> float:
    """Mean square over time, summed over channels (two ears: power summed over ears)."""
    return float(np.einsum("ct,ct->", audio, audio, dtype=np.float64)) / audio.shape[-1]


def sounding_share(audio: np.ndarray) -> float:
    """The share of samples that are not silent: where any channel exceeds 1e-5 of full scale."""
    magnitude = np.abs(audio[0]) if len(audio) == 1 else np.abs(audio).max(0)
    return float(np.count_nonzero(magnitude > TINY**0.5)) / audio.shape[-1]


def sounding_power(audio: np.ndarray) -> float:
    """Like power, over the samples that are not silent. An interferer with pauses keeps its level."""
    return power(audio) / max(sounding_share(audio), 1 / audio.shape[-1])


def active_power(
    speech: np.ndarray,
    sample_rate: int = SAMPLE_RATE,
    margin: float = 15.9,
    hangover: float = 0.2,
    smoothing: float = 0.03,
) -> float:
    """Active power of speech by method B of ITU-T P.56: power over the time in which the envelope exceeds a threshold
    `margin` dB below the active level.

    The standard asks for an envelope sampled at 600 Hz or more; here it is that of the mean magnitude over blocks of
    0.5 ms.

    Args:
        speech: (channels, time); the activity of two ears is that of the louder one at each moment, the power is summed
            over ears
        margin: dB, 15.9 in the standard
        hangover, smoothing: seconds, 0.2 and 0.03 in the standard
    Returns:
        mean square during activity; the power over all samples where no activity is found
    """
    block = max(sample_rate // 2000, 1)
    magnitude = np.abs(speech[0]) if len(speech) == 1 else np.abs(speech).max(0)
    whole = len(magnitude) // block * block
    if whole == 0:
        return power(speech)
    pole = np.exp(-block / (sample_rate * smoothing))
    envelope = lfilter([(1 - pole) ** 2], [1, -2 * pole, pole**2], magnitude[:whole].reshape(-1, block).mean(1))
    # A block is active at a threshold while the envelope reached it within the hangover: a running maximum answers for
    # all thresholds at once.
    window = round(hangover * sample_rate / block) + 1
    held = maximum_filter1d(envelope, window, origin=(window - 1) // 2, mode="constant")
    # Thresholds are powers of two; counting from the loud end gives the blocks that reach each.
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
