"""Scenes: a target and an interferer, mixed at an SNR and a presentation level.

SNR = 10 log10(target power / interferer power), at 16 kHz, after room and resampling. The power of speech is that
of its active level after ITU-T P.56, the power of other targets is their mean square; that of an interferer is its mean
square over those samples of the scene at which it is not silent. With two ears, powers are summed over ears. A constant
offset counts as neither: it is taken off target and interferer before they are mixed (benchmark.audio.without_offset).
All
randomness comes from generators seeded by ids, so a scene does not depend on order, workers or batch size.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from scipy.signal import fftconvolve

from benchmark import audio
from benchmark.conditions import CLEAN, RECORDED, SNR
from benchmark.contracts import FULL_SCALE_DB_SPL, PROTOCOL, SAMPLE_RATE, Scene
from benchmark.errors import EarmarkError

CorpusRow = Mapping[str, Any]
SOUNDING = 0.25  # an interferer must sound for at least this share of the scene; ours
DRAWS = 1000  # of interferers, before we give up on a corpus


class Mixture(NamedTuple):
    """A scene with its signals, float32 (channels, time); `clean` is None where no reference exists."""

    scene: Scene
    noisy: np.ndarray
    clean: np.ndarray | None
    row: CorpusRow
    listener: Sequence[float] | None = None  # thresholds of both ears, in dB HL


def generator(*parts: Any) -> np.random.Generator:
    """A generator seeded by JSON values, the same on every machine."""
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


def mix(
    target: np.ndarray, interferer: np.ndarray | None, snr: float | None, level: float, speech: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The noisy and the clean signal at `level` dB SPL, (channels, time) each.

    Args:
        target, interferer: (channels, time) of equal length; an interferer of one channel is added to every channel
        snr: dB; None, or no interferer: the target alone
        level: dB SPL of the target (of speech: its active level), where an rms of 1.0 is 100 dB SPL
        speech: whether to measure the target after P.56
    Raises:
        ValueError: the interferer is silent
    """
    power = audio.active_power(target) if speech else audio.power(target)
    wanted = 10 ** ((level - FULL_SCALE_DB_SPL) / 10)
    clean = target * np.float32(np.sqrt(wanted / power)) if power > audio.TINY else target
    if interferer is None or snr is None:
        return clean, clean
    disturbance = audio.sounding_power(interferer) * (target.shape[0] if interferer.shape[0] == 1 else 1)
    if disturbance <= audio.TINY:
        raise ValueError("the interferer is silent, so no SNR is defined")
    gain = np.float32(np.sqrt(wanted / 10 ** (snr / 10) / disturbance))
    return clean + gain * interferer, clean


class Mixer:
    """Makes scenes of the rows of one split: targets, interferers and rooms.

    Args:
        targets: rows with id, group, audio and labels; those of a corpus of pairs also have clean and conditions, and
            are used as they were recorded
        interferers: rows with id, group and audio; None: nothing is added
        speech: whether the targets are speech
        mono: whether recordings of several channels are averaged to one
        kin: whether targets and interferers are of one corpus; then no target meets an interferer of its own group
        rooms: rows with id, group (the room) and audio, an impulse response (ears, time); None: no reverberation
    """

    def __init__(
        self,
        targets: Sequence[CorpusRow],
        interferers: Sequence[CorpusRow] | None,
        speech: bool,
        mono: bool = True,
        kin: bool = False,
        rooms: Sequence[CorpusRow] | None = None,
    ) -> None:
        self.kin = kin
        self.rooms = rooms
        self.targets = targets
        self.interferers = interferers
        self.speech = speech
        self.mono = mono

    def draw(
        self, seed: tuple[Any, ...], snr: tuple[float, float] | None, level: tuple[float, float], segment: float | None
    ) -> Mixture:
        """A training scene, all of it drawn from generators seeded by `seed`.

        Args:
            snr: its range in dB; None: clean
            level: its range in dB SPL
            segment: the length in s to which longer scenes are cut, at a random place; None: whole
        Raises:
            EarmarkError: the target is silent, or no interferer sounds
        """
        seed = ("training", *seed)
        rng = generator(*seed)
        row = self.targets[int(rng.integers(len(self.targets)))]
        drawn_snr = None if snr is None else float(rng.uniform(*snr))
        drawn_level = float(rng.uniform(*level))
        return self._mixture(row, seed, drawn_snr, drawn_level, (segment, float(rng.uniform())))

    def scene(self, row: CorpusRow, snr: float | None, level: float, seed: int | None = None) -> Mixture:
        """A test or validation scene: a function of the protocol, the target's id, the condition and perhaps a seed.

        SNR and level do not seed it.

        Args:
            snr: dB; None: clean, or as recorded
            level: dB SPL
        Raises:
            EarmarkError: the target is silent, no interferer sounds, or a pair differs in length
        """
        extra = () if seed is None else (seed,)
        mixture = self._mixture(row, ("scene", PROTOCOL, row["id"], *extra), snr, level)
        if seed is None:
            return mixture
        # Exported files are named after the id: those of another seed get other names.
        return mixture._replace(scene=replace(mixture.scene, id=f"{mixture.scene.id}|{seed}"))

    def _mixture(
        self,
        row: CorpusRow,
        seed: tuple[Any, ...],
        snr: float | None,
        level: float,
        cut: tuple[float | None, float] = (None, 0.0),
    ) -> Mixture:
        """`cut`: how many seconds to keep (None: all), and from where, 0 to 1."""
        if "clean" in row:
            return self._recorded(row, self._read(row["audio"]))
        target = self._sound(audio.read(row["audio"]))
        if audio.power(target) <= audio.TINY:
            raise EarmarkError(f"{row['id']}: the recording is silent; remove it from the corpus")
        interferer: np.ndarray | None = None
        used: tuple[str, ...] = ()
        if self.interferers is not None and snr is not None:
            interferer, name = self._interferer(generator("interferer", *seed), target.shape[-1], row)
            used = (name,)
        responses = self._responses(generator("room", *seed)) if self.rooms else []
        if responses:
            target = _reverberant(target, responses[0])
            interferer = None if interferer is None else _reverberant(interferer, responses[1])
        noisy, clean = mix(target, interferer, snr, level, self.speech)
        segment, place = cut
        if segment is not None and noisy.shape[-1] > (samples := round(segment * SAMPLE_RATE)):
            start = int(place * (noisy.shape[-1] - samples + 1))
            noisy, clean = noisy[:, start : start + samples], clean[:, start : start + samples]
        name = SNR.text(CLEAN if snr is None else snr)
        heard_in = tuple(response["id"] for response in responses)
        scene = Scene(f"{row['id']}|{name}", row["id"], row["id"], used, {"snr": name}, row["group"], heard_in)
        return Mixture(scene, noisy, clean, row)

    def _responses(self, rng: np.random.Generator) -> list[CorpusRow]:
        """The responses of one room for target and interferer: at two places, if the room has several."""
        assert self.rooms is not None
        first = self.rooms[int(rng.integers(len(self.rooms)))]
        places = [row for row in self.rooms if row["group"] == first["group"] and row["id"] != first["id"]] or [first]
        return [first, places[int(rng.integers(len(places)))]]

    def _interferer(self, rng: np.random.Generator, samples: int, target: CorpusRow) -> tuple[np.ndarray, str]:
        """A piece of an interferer, and its id.

        It is drawn again until it sounds for a share of SOUNDING, as many recordings are padded with silence.
        """
        assert self.interferers is not None
        for _ in range(DRAWS):
            chosen = self.interferers[int(rng.integers(len(self.interferers)))]
            if self.kin and chosen["group"] == target["group"]:
                continue
            piece = self._sound(audio.read_piece(chosen["audio"], samples, float(rng.uniform())))
            if audio.sounding_share(piece) >= SOUNDING and audio.power(piece) > audio.TINY:
                return piece, chosen["id"]
        raise EarmarkError(
            f"{target['id']}: of {DRAWS} interferers drawn for it, the last one {chosen['id']}, none sounds for a "
            "quarter of the scene"
            f"{' and is of another group' if self.kin else ''}; remove silent recordings, or give another corpus of "
            "interferers"
        )

    def _recorded(self, row: CorpusRow, noisy: np.ndarray) -> Mixture:
        clean = None if row["clean"] is None else self._read(row["clean"])
        if clean is not None and clean.shape != noisy.shape:
            raise EarmarkError(f"{row['id']}: noisy and clean differ in length; remove this pair from the corpus")
        conditions = {key: value for key, value in (row.get("conditions") or {}).items() if value is not None}
        if "snr" in conditions:
            conditions["snr"] = SNR.text(float(conditions["snr"]))
        return Mixture(
            Scene(row["id"], row["id"], row["id"], (), conditions or {"snr": RECORDED}, row["group"]),
            noisy,
            clean,
            row,
        )

    def _read(self, source: Any) -> np.ndarray:
        return self._mono(audio.read(source))

    def _sound(self, signal: np.ndarray) -> np.ndarray:
        """What is mixed: without a constant offset, which is no sound."""
        return audio.without_offset(self._mono(signal))

    def _mono(self, signal: np.ndarray) -> np.ndarray:
        return signal.mean(0, keepdims=True) if self.mono and signal.shape[0] > 1 else signal


def _reverberant(signal: np.ndarray, response: CorpusRow) -> np.ndarray:
    """The mean of the channels, convolved with the response of each ear: (ears, time), as long as the signal."""
    reverberant = fftconvolve(signal.mean(0, keepdims=True), audio.read(response["audio"]), axes=-1)
    return reverberant[:, : signal.shape[-1]].astype(np.float32)


def select(rows: Sequence[CorpusRow], count: int, seed: int | None = None) -> list[CorpusRow]:
    """`count` rows, or all if there are fewer, chosen by a hash of their ids and perhaps a seed.

    A larger count keeps the rows of a smaller one and adds to them.
    """
    start = f"{PROTOCOL}/" if seed is None else f"{PROTOCOL}/{seed}/"
    order = sorted(range(len(rows)), key=lambda i: hashlib.sha256(f"{start}{rows[i]['id']}".encode()).digest())
    return [rows[i] for i in order[:count]]
