"""Scenes: a target and an interferer, mixed at an SNR and a presentation level.

SNR = 10 log10 of target level over interferer level at 16 kHz, after room and resampling. The level of speech is the
active level of ITU-T P.56, that of other targets their rms; an interferer's is its rms over the samples that are not
silent in the overlap. With two ears powers are summed over ears. Everything random comes from a generator seeded by
ids, so that a scene never depends on order, workers or batch size.
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

Row = Mapping[str, Any]
SOUNDING = 0.25  # the least share of a scene in which its interferer sounds; ours
DRAWS = 1000  # of interferers before a corpus is said to be silent


class Mixture(NamedTuple):
    """A scene with its signals, float32 (channels, time); `clean` is None where no reference exists."""

    scene: Scene
    noisy: np.ndarray
    clean: np.ndarray | None
    row: Row
    listener: Sequence[float] | None = None  # thresholds of both ears, in dB HL


def generator(*parts: Any) -> np.random.Generator:
    """A generator seeded by any JSON values, alike on every machine."""
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


def mix(
    target: np.ndarray, interferer: np.ndarray | None, snr: float | None, level: float, speech: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Noisy and clean signal at `level` dB SPL.

    Args:
        target, interferer: (channels, time) of equal length; an interferer of one channel serves any number
        snr: dB; None, or no interferer: the target alone; the interferer must sound
        level: dB SPL of the target (speech: active level), where rms 1.0 is 100 dB SPL
        speech: whether the target is measured after P.56
    """
    power = audio.active_power(target) if speech else audio.power(target)
    wanted = 10 ** ((level - FULL_SCALE_DB_SPL) / 10)
    clean = target * np.float32(np.sqrt(wanted / power)) if power > audio.TINY else target
    if interferer is None or snr is None:
        return clean, clean
    disturbance = audio.sounding_power(interferer) * (target.shape[0] if interferer.shape[0] == 1 else 1)
    if disturbance <= audio.TINY:
        raise ValueError("the interferer is silent, so that no SNR is defined")
    gain = np.float32(np.sqrt(wanted / 10 ** (snr / 10) / disturbance))
    return clean + gain * interferer, clean


class Mixer:
    """Draws scenes from the rows of a target corpus and an interferer corpus of one split.

    Args:
        targets: sequence of rows with id, group, audio and labels; of kind "pairs" also clean and conditions, and then
            they are recordings as they are
        interferers: rows with id and audio; None: nothing is added
        speech: whether targets are speech
        kin: targets and interferers are of one corpus, so that a target's own group is no interferer
        rooms: rows with id, group (the room) and audio, an impulse response (ears, time); None: dry
    """

    def __init__(
        self,
        targets: Sequence[Row],
        interferers: Sequence[Row] | None,
        speech: bool,
        mono: bool = True,
        kin: bool = False,
        rooms: Sequence[Row] | None = None,
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
        """A training scene: everything is drawn, from generators seeded by `seed`. `snr` None: clean."""
        seed = ("training", *seed)
        rng = generator(*seed)
        row = self.targets[int(rng.integers(len(self.targets)))]
        drawn = None if snr is None else float(rng.uniform(*snr))
        shown = float(rng.uniform(*level))
        return self._mixture(row, seed, drawn, shown, (segment, float(rng.uniform())))

    def scene(self, row: Row, snr: float | None, level: float, seed: int | None = None) -> Mixture:
        """A test or validation scene: a function of protocol, target id, condition and perhaps a seed. Neither SNR nor
        level seeds it.
        """
        secret = () if seed is None else (seed,)
        mixture = self._mixture(row, ("scene", PROTOCOL, row["id"], *secret), snr, level)
        if seed is None:
            return mixture
        # files of other scenes have other names
        return mixture._replace(scene=replace(mixture.scene, id=f"{mixture.scene.id}|{seed}"))

    def _mixture(
        self,
        row: Row,
        seed: tuple[Any, ...],
        snr: float | None,
        level: float,
        cut: tuple[float | None, float] = (None, 0.0),
    ) -> Mixture:
        """`cut`: the seconds that are kept, None for all, and where they lie, from 0 to 1."""
        target = self._read(row["audio"])
        if "clean" in row:
            return self._recorded(row, target)
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

    def _responses(self, rng: np.random.Generator) -> list[Row]:
        """Two responses of one room, of the target and of the interferer, at different places if it has several."""
        assert self.rooms is not None
        first = self.rooms[int(rng.integers(len(self.rooms)))]
        places = [row for row in self.rooms if row["group"] == first["group"] and row["id"] != first["id"]] or [first]
        return [first, places[int(rng.integers(len(places)))]]

    def _interferer(self, rng: np.random.Generator, samples: int, target: Row) -> tuple[np.ndarray, str]:
        """A piece of an interferer and its id: drawn again until it sounds for a share of SOUNDING, since many
        recordings are padded with silence.
        """
        assert self.interferers is not None
        for _ in range(DRAWS):
            chosen = self.interferers[int(rng.integers(len(self.interferers)))]
            if self.kin and chosen["group"] == target["group"]:
                continue
            piece = self._mono(audio.read_piece(chosen["audio"], samples, float(rng.uniform())))
            if audio.sounding_share(piece) >= SOUNDING and audio.power(piece) > audio.TINY:
                return piece, chosen["id"]
        raise EarmarkError(
            f"{target['id']}: of {DRAWS} interferers drawn for it, the last one {chosen['id']}, none sounds for a "
            "quarter of the scene"
            f"{' and is of another group' if self.kin else ''}; remove silent recordings, or give another corpus of "
            "interferers"
        )

    def _recorded(self, row: Row, noisy: np.ndarray) -> Mixture:
        clean = None if row["clean"] is None else self._read(row["clean"])
        if clean is not None and clean.shape != noisy.shape:
            raise EarmarkError(f"{row['id']}: noisy and clean differ in length; the pair is not usable, remove it")
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

    def _mono(self, signal: np.ndarray) -> np.ndarray:
        return signal.mean(0, keepdims=True) if self.mono and signal.shape[0] > 1 else signal


def _reverberant(signal: np.ndarray, response: Row) -> np.ndarray:
    """A sound of one channel as the ears of a room response hear it, (ears, time), as long as it was."""
    reverberant = fftconvolve(signal.mean(0, keepdims=True), audio.read(response["audio"]), axes=-1)
    return reverberant[:, : signal.shape[-1]].astype(np.float32)


def select(rows: Sequence[Row], count: int, seed: int | None = None) -> list[Row]:
    """`count` rows (or all there are), chosen by a hash of their ids and perhaps a seed; a larger count only adds to a
    smaller one.
    """
    start = f"{PROTOCOL}/" if seed is None else f"{PROTOCOL}/{seed}/"
    order = sorted(range(len(rows)), key=lambda i: hashlib.sha256(f"{start}{rows[i]['id']}".encode()).digest())
    return [rows[i] for i in order[:count]]
