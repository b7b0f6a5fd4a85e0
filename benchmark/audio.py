"""Finding, reading, writing, resampling and levels of audio.

Audio is float32, (channels, time); an rms of 1.0 is 100 dB SPL. Files are read by libsndfile, resampled by soxr.
"""

import hashlib
import io
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
import soxr
from cachetools import LRUCache
from scipy.io import wavfile
from scipy.ndimage import maximum_filter1d
from scipy.signal import lfilter

from benchmark.contracts import SAMPLE_RATE
from benchmark.errors import EarmarkError

RATES = (1000, 1_000_000)  # Hz; other headers are damaged, or in kHz
# What libsndfile's log says of a file that is shorter than its header says: of how much there should be, how much there
# is. (In RIFF and FORM, sizes of the whole file are often wrong where nothing is missing; W64 gives no others.)
_SHORTER = (
    re.compile(r"^(?:data| SSND| BODY|  Data Size) +: (?P<said>\d+) \(should be (?P<held>\d+)\)", re.MULTILINE),
    re.compile(r"^riff : (?P<said>\d+) \(should be (?P<held>\d+)\)", re.MULTILINE),
    re.compile(r"^Data length (?P<said>\d+) should be (?P<held>\d+)", re.MULTILINE),
    re.compile(r"frame count (?P<held>\d+) does not match value from 'ds64' chunk of (?P<said>\d+)"),
    re.compile(r"file seems to be truncated\. (?P<held>\d+) <--> (?P<said>\d+)", re.IGNORECASE),
)
_TRUNCATED = re.compile(r"seems to be (?:a )?truncated", re.IGNORECASE)  # it says so without a number
_FRAMES = re.compile(r"^(?: *Frames +:|    Rows : \d+ +Cols :) (\d+)", re.MULTILINE)  # in AVR, MPC 2000, MAT 5, SDS
_NIST_FRAMES = re.compile(rb"^sample_count -i (\d+)", re.MULTILINE)
_STREAMED = 0x7FFFF000  # sizes from here on are written by programs that do not know the size yet
_UNKNOWN = 2**62  # frames from here on stand for an unknown length, as in a FLAC stream written into a pipe
_BLOCK = 2**22  # samples that are read at a time
# The share of frames that may be missing where a header gives an estimate; ours.
_ESTIMATED = {"MP3": 0.02, "OGG": 0.02}
_OGG_PAGE = 65_536  # bytes; the largest page of an Ogg file is a little shorter
_QUIETEST = -24  # exponent of the lowest threshold of P.56: -144 dB re full scale
_THRESHOLDS = 2.0 ** np.arange(_QUIETEST, 6)
_QUICK = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "NIST", "FLAC", "OGG")  # whose end can be reached at once
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
_CERTAIN = 100 * TINY  # mean power from which a recording is not silent, whatever resampling takes away


class Header(NamedTuple):
    """What the header of a recording says."""

    rate: int  # Hz
    channels: int
    frames: int  # samples of each channel
    subtype: str  # libsndfile's name of the encoding, such as PCM_16


class _File(soundfile.SoundFile):
    """A sound file that is read from its beginning to its end.

    soundfile would seek after every block, which some encodings (GSM, ADPCM, DWVW) do not allow.
    """

    def seekable(self) -> bool:
        return False

    def allows_pieces(self) -> bool:
        """Whether its length is known, and reading may begin anywhere."""
        return super().seekable() and self.frames < _UNKNOWN and not self.subtype.startswith("DWVW")


class _Bytes(io.BytesIO):
    """Bytes in which a damaged header may seek to places that are not there, without a word on standard error."""

    def seek(self, place: int, whence: int = 0) -> int:
        with suppress(ValueError, OverflowError):
            super().seek(place, whence)
        return self.tell()


def files_below(folder: Path) -> list[Path]:
    """All files below a folder at any depth, sorted; links are followed, hidden files and folders are left out.

    Raises EarmarkError where a folder cannot be read.
    """
    return sorted(_walk(folder, ()))


def _walk(folder: Path, above: tuple[tuple[int, int], ...]) -> Iterator[Path]:
    try:
        found = folder.stat()
        if (this := (found.st_dev, found.st_ino)) in above:  # a link to a folder that it is in
            return
        entries = [(Path(entry.path), entry.is_dir()) for entry in os.scandir(folder) if not entry.name.startswith(".")]
    except OSError as error:
        raise EarmarkError(
            f"{shown(folder)}: cannot be read ({error.strerror}); give yourself the permission, or move it elsewhere"
        ) from error
    for path, is_folder in entries:
        if is_folder:
            yield from _walk(path, (*above, this))
        else:
            yield path


def is_audio(path: Path) -> bool:
    """Whether a file is taken for audio: by its suffix, in small letters or capitals, unless it is hidden."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def audio_files(folder: Path) -> list[Path]:
    """The audio files below a folder at any depth, sorted: those of `files_below` that `is_audio` takes for audio."""
    return [path for path in files_below(folder) if is_audio(path)]


def shown(path: str | Path) -> str:
    """A path as text that can be printed and stored, also where its name is not UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def read(source: str | Path | Mapping[str, Any], sample_rate: int | None = SAMPLE_RATE) -> np.ndarray:
    """Audio of a file, or of a {"path", "bytes"} pair, (channels, time), which must not be written to.

    Args:
        sample_rate: in Hz, to which it is resampled; None: that of the file
    Raises:
        EarmarkError: the file is missing, unreadable, cut short, empty or not finite, or its rate is outside RATES.
            IRCAM, PVF, XI and PAF files do not say how long they are; if they are cut short, nobody knows
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
        short = file.frames < needed or _worth_keeping(file, file.frames, sample_rate)
        if short or not file.allows_pieces():
            return _piece(_whole(file, source, key, sample_rate), samples, position)
        file.seek(int(position * (file.frames - needed + 1)))
        audio = resample(_samples(file, source, needed), file.samplerate, sample_rate)
    missing = samples - audio.shape[-1]  # a resampler may round down
    return audio[:, :samples] if missing <= 0 else np.pad(audio, ((0, 0), (0, missing)), mode="edge")


def header(source: str | Path | Mapping[str, Any]) -> Header:
    """Rate, channels and length of a recording. It is decoded only if its header does not give the length.

    Raises:
        EarmarkError: as for `read`, as far as it shows without decoding
    """
    with _opened(source) as file:
        frames = file.frames if file.frames < _UNKNOWN else _samples(file, source).shape[-1]
        return Header(file.samplerate, file.channels, frames, file.subtype)


def probe(source: str | Path | Mapping[str, Any]) -> None:
    """Open a recording and read its header. Raises EarmarkError where that fails."""
    with _opened(source):
        pass


def sounds(source: str | Path | Mapping[str, Any]) -> bool:
    """Whether there is a sound in a recording.

    No more is decoded than needed: up to the first sound, and the end. Floats are read to the end, since they may not
    be finite.

    Raises:
        EarmarkError: as for `read`
    """
    with _opened(source) as file:
        frames, energy, total = 0, 0.0, file.frames if file.frames < _UNKNOWN else 0
        to_the_end = file.subtype in ("FLOAT", "DOUBLE") or file.format not in _QUICK or not file.allows_pieces()
        for block in _blocks(file, source, -1, 2**14):
            frames += len(block)
            mono = block.mean(1, dtype=np.float64)
            energy += float(np.square(mono - mono.mean()).sum()) if len(mono) else 0.0
            if energy > _CERTAIN * total and not to_the_end:
                if frames < total:
                    file.seek(total - 1)
                    frames = total - 1 + sum(map(len, _blocks(file, source)))
                break
        _check_length(file, source, frames)
    if energy > _CERTAIN * max(frames, total):
        return True
    return power(without_offset(read(source).mean(0, keepdims=True))) > TINY


def _key(source: str | Path | Mapping[str, Any], sample_rate: int | None) -> tuple[str | bytes, int | None]:
    stored = source.get("bytes") if isinstance(source, Mapping) else None
    return hashlib.sha256(stored).digest() if stored else str(_path(source)), sample_rate


def _worth_keeping(file: soundfile.SoundFile, frames: int, sample_rate: int | None) -> bool:
    """Whether a recording is short, and slow to decode or to resample."""
    costly = file.format in _COMPRESSED or sample_rate not in (None, file.samplerate)
    return costly and frames <= KEPT_SECONDS * file.samplerate


def _whole(file: _File, source: Any, key: Any, sample_rate: int | None) -> np.ndarray:
    samples = _samples(file, source)
    audio = resample(samples, file.samplerate, sample_rate or file.samplerate)
    if audio.shape[-1] == 0:  # too short for a sample at the lower rate
        raise _empty(source)
    if _worth_keeping(file, samples.shape[-1], sample_rate) and audio.nbytes <= KEPT_BYTES:
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
def _opened(source: str | Path | Mapping[str, Any]) -> Iterator[_File]:
    """The one place where sound files are opened: every reader and command comes through here."""
    name, path = _name(source), _path(source)
    stored = source.get("bytes") if isinstance(source, Mapping) else None
    try:
        if not stored and not stat.S_ISREG(os.stat(path).st_mode):  # to open a pipe would wait for a writer
            raise EarmarkError(f"{name}: not a file but a folder, a pipe or a device; remove it from the corpus")
        with _File(_Bytes(stored) if stored else os.fsencode(path)) as file:
            if not RATES[0] <= file.samplerate <= RATES[1]:
                raise EarmarkError(
                    f"{name}: its header says {file.samplerate} Hz, and rates are {RATES[0]} to {RATES[1]} Hz; correct "
                    "it, or remove the file from the corpus"
                )
            if (lack := _lacking(file, stored, path)) is not None:
                raise _cut(name, lack)
            yield file
    except FileNotFoundError as error:
        raise EarmarkError(f"{name}: no such file; restore the file or remove it from the corpus") from error
    except PermissionError as error:
        raise EarmarkError(
            f"{name}: cannot be read ({error.strerror}); give yourself the permission, or remove it from the corpus"
        ) from error
    except (soundfile.SoundFileError, OSError, TypeError, ValueError, MemoryError) as error:
        raise EarmarkError(
            f"{name}: not audio that libsndfile reads, or cut short; restore the file or remove it from the corpus"
        ) from error


def _lacking(file: soundfile.SoundFile, stored: bytes | None, path: str | Path) -> str | None:
    """What a file lacks that was cut short, as far as its header and its end tell; None if it is whole."""
    log = file.extra_info
    for pattern in _SHORTER:
        if (cut := pattern.search(log)) and int(cut["held"]) < int(cut["said"]) < _STREAMED:
            unit = "frames" if "frame" in pattern.pattern else "bytes"
            return f"it holds {cut['held']} of {cut['said']} {unit} of audio"
    if file.format in ("VOC", "PAF") and _TRUNCATED.search(log):
        return "it holds less than its header says"
    held, said = file.frames, file.frames
    if file.format == "NIST":
        said = max(map(int, _NIST_FRAMES.findall(_bytes(stored, path, 0, 1024))), default=held)
    elif file.format in ("AVR", "MPC2K", "MAT5", "SDS"):
        logged = int((_FRAMES.findall(log) or [held])[-1])
        held, said = (logged, said) if file.format == "SDS" else (held, logged)
    if held < said:
        return f"it holds {held} of {said} frames of audio"
    if file.format == "OGG" and not _ends(_bytes(stored, path, -_OGG_PAGE, _OGG_PAGE)):
        return "the last page of its OGG stream is missing"
    return None


def _cut(name: str, lack: str) -> EarmarkError:
    return EarmarkError(f"{name}: cut short, {lack}; restore the file or remove it from the corpus")


def _bytes(stored: bytes | None, path: str | Path, start: int, count: int) -> bytes:
    """Some bytes of a file; a negative start counts from its end."""
    if stored:
        return stored[start:][:count]
    with open(path, "rb") as file:
        file.seek(start if start >= 0 else max(os.path.getsize(path) + start, 0))
        return file.read(count)


def _ends(tail: bytes) -> bool:
    """Whether an Ogg stream ends with a complete page that is marked as the last (RFC 3533, section 6).

    libsndfile checks neither.
    """
    page = tail[tail.rfind(b"OggS\0") :]
    if len(page) < 27 or not page[5] & 4:
        return False
    segments = page[27 : 27 + page[26]]
    return len(page) >= 27 + page[26] + sum(segments)


def _samples(file: _File, source: Any, frames: int = -1) -> np.ndarray:
    """The next `frames` of a file, or all of it, (channels, time)."""
    blocks = list(_blocks(file, source, frames))
    audio = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    if frames < 0:
        _check_length(file, source, len(audio))
    return np.ascontiguousarray(audio.T)


def _blocks(file: _File, source: Any, frames: int = -1, size: int = _BLOCK) -> Iterator[np.ndarray]:
    """The next `frames` of a file, or all that are left, in blocks (time, channels) of up to `size` samples."""
    left, first = (frames if frames >= 0 else _UNKNOWN), True
    size = max(size // file.channels, 1)
    if file.frames < _UNKNOWN:
        size = min(size, max(file.frames, 1))
    while left > 0:
        block = file.read(min(size, left), dtype="float32", always_2d=True)
        if not np.isfinite(block).all():
            raise EarmarkError(
                f"{_name(source)}: the file holds samples that are not finite; restore it or remove it from the corpus"
            )
        if first or len(block):
            yield block
        if len(block) < min(size, left):
            return
        left, first = left - len(block), False


def _empty(source: Any) -> EarmarkError:
    return EarmarkError(f"{_name(source)}: the file holds no samples; restore it or remove it from the corpus")


def _check_length(file: soundfile.SoundFile, source: Any, frames: int) -> None:
    """Raise EarmarkError where a file holds no samples, or fewer than its header says."""
    if frames == 0 and not 0 < file.frames < _UNKNOWN:
        raise _empty(source)
    if file.frames < _UNKNOWN and frames < file.frames * (1 - _ESTIMATED.get(file.format, 0.0)):
        raise _cut(_name(source), f"it holds {frames} of {file.frames} frames of audio")


def _path(source: Any) -> str | Path:
    return source.get("path") or "audio in a table" if isinstance(source, Mapping) else source


def _name(source: Any) -> str:
    """What a recording is called in messages."""
    return shown(_path(source))


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


def without_offset(audio: np.ndarray) -> np.ndarray:
    """(channels, time) without the constant that a faulty recorder adds; the same array where there is none.

    It is no sound, but would count as speech in every pause, and as noise. A channel has an offset if nothing else is
    left in its pauses: in the quietest twentieth of blocks of 20 ms (eight at least), the mean is the same, to a
    sixteenth, and at least 1.5 times the rms of what else is there. All of this is ours: rumble and the voices
    of the embedded corpora, whose means are not zero, are left as they are.
    """
    offsets = np.array([_offset(channel) for channel in audio], np.float32)
    return audio - offsets[:, None] if offsets.any() else audio


def _offset(channel: np.ndarray) -> float:
    block = min(SAMPLE_RATE // 50, len(channel) // 16)
    if block == 0:
        return 0.0
    blocks = channel[: len(channel) // block * block].reshape(-1, block)
    means = blocks.mean(1, dtype=np.float64)
    sizes = blocks.std(1, dtype=np.float64)
    count = max(len(blocks) // 20, 8)
    quiet = np.argpartition(sizes, count - 1)[:count]
    offset = float(means[quiet].mean())
    steady = means[quiet].std() * 16 < abs(offset)
    alone = 1.5 * float(np.sqrt(np.square(sizes[quiet]).mean())) < abs(offset)
    return offset if steady and alone and abs(offset) > TINY**0.5 else 0.0


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
