"""Articulatory synthesis by VocalTractLab: movement, sound and tract variables; the renderer of articulation.py.

The synthesiser is described in P. Birkholz, "Modeling consonant-vowel coarticulation for articulatory speech
synthesis", PLoS ONE 8(4), 2013; the vocal tract is its speaker JD3. Timing, smoothing, voices and the normalisation of
the tracks are ours.
"""

import xml.etree.ElementTree as xml
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from scipy.ndimage import gaussian_filter1d

from benchmark.corpora._tract_geometry import angle, approach, outline
from benchmark.corpora.synthetic._wav import RATE, write

SYNTHESIS, STEP = 44_100, 110  # sample rate in Hz; samples per state of tract and glottis
STATES = SYNTHESIS / STEP  # states per second
TRACT = (
    "HX",
    "HY",
    "JX",
    "JA",
    "LP",
    "LD",
    "VS",
    "VO",
    "TCX",
    "TCY",
    "TTX",
    "TTY",
    "TBX",
    "TBY",
    "TRX",
    "TRY",
    "TS1",
    "TS2",
    "TS3",
)
GLOTTIS = ("F0", "PR", "XB", "XT", "CA", "PL", "RA", "DP", "PS", "FL", "AS")
# How slowly articulators follow their targets, by prefix of the parameter: standard deviation in seconds of the
# Gaussian that smooths the targets. It looks both ways, and thus anticipates.
INERTIA = {"H": 0.04, "V": 0.028, "TC": 0.026, "TR": 0.026, "": 0.02}
# The parameters that a labial or a lingual consonant controls; the vowels around it determine the others.
LIPS, TONGUE = ("JX", "JA", "LP", "LD"), ("JX", "JA", *TRACT[8:])
# Consonants: VocalTractLab's shape, the parameters it controls, the glottis' shape, seconds, and how far the target
# lies beyond the shape, to make sure of a closure.
CONSONANTS: dict[str, tuple[str, tuple[str, ...], str, float, dict[str, float]]] = {
    "p": ("ll-labial-closure", LIPS, "voiceless-plosive", 0.09, {"LD": -0.4}),
    "b": ("ll-labial-closure", LIPS, "", 0.08, {"LD": -0.4}),
    "m": ("ll-labial-closure", LIPS, "", 0.085, {"LD": -0.4, "VO": 0.6}),
    "f": ("ll-dental-fricative", LIPS, "voiceless-fricative", 0.11, {}),
    "v": ("ll-dental-fricative", LIPS, "", 0.08, {}),
    "t": ("tt-alveolar-closure", TONGUE, "voiceless-plosive", 0.09, {"TTY": 0.3}),
    "d": ("tt-alveolar-closure", TONGUE, "", 0.08, {"TTY": 0.3}),
    "n": ("tt-alveolar-closure", TONGUE, "", 0.085, {"TTY": 0.3, "VO": 0.6}),
    "l": ("tt-alveolar-lateral", TONGUE, "", 0.08, {}),
    "s": ("tt-alveolar-fricative", TONGUE, "voiceless-fricative", 0.12, {}),
    "S": ("tt-postalveolar-fricative", TONGUE, "voiceless-fricative", 0.12, {}),
    "k": ("tb-velar-closure", TONGUE, "voiceless-plosive", 0.095, {"TCY": 0.25}),
    "g": ("tb-velar-closure", TONGUE, "", 0.085, {"TCY": 0.25}),
    "h": ("", (), "h", 0.07, {}),
}
# Vowels, and the vowel (a, i or u) whose context they count as for the shapes of consonants.
VOWELS = {
    "a": "a",
    "e": "i",
    "i": "i",
    "o": "u",
    "u": "u",
    "E": "a",
    "I": "i",
    "O": "u",
    "U": "u",
    "@": "a",
    "2": "i",
    "y": "u",
}
PAUSE = 0.1  # seconds before and after a phrase
RELEASE = 0.025  # seconds that the glottis stays open after a voiceless plosive
# The values of each variable that become -1 and 1: about its range in the speech of this tract. Tracks may exceed them.
ENDS = {
    "LA": (0.0, 1.2),  # cm between the lips
    "LP": (-0.4, 1.0),  # cm that they protrude
    "TTCL": (-25.0, 35.0),  # degrees
    "TTCD": (0.0, 2.0),  # cm
    "TBCL": (40.0, 180.0),  # degrees
    "TBCD": (0.0, 1.8),  # cm
    "VP": (0.0, 0.6),  # cm^2 of the velopharyngeal port
    "periodicity": (0.0, 1.0),
    "aperiodicity": (0.0, 1.0),
    "pitch": (6.2, 7.6),  # octaves above 1 Hz: 74 to 194 Hz
}
VOICED = 0.3  # periodicity above which pitch is defined


@cache
def _shape(name: str, kind: str) -> np.ndarray:
    import vocaltractlab_cython as vtl  # only here, in a process of its own: GPL-3.0

    return vtl.get_shape(name, kind)


def states(clip: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """The states of tract (states, 19) and glottis (states, 11) over time for one clip.

    Args:
        clip: `segments`, a list of [symbol, seconds, semitones above the phrase's melody]; pitch in Hz; quality from -1
            to 1; pressure in dPa
    """
    symbols = ["@", *(symbol for symbol, _, _ in clip["segments"]), "@"]
    ends = PAUSE + np.cumsum([0.0, *(seconds for _, seconds, _ in clip["segments"])])
    time = np.arange(round((ends[-1] + PAUSE) * STATES)) / STATES
    tract = np.stack([_tract_target(symbols, index) for index in range(len(symbols))])[
        np.searchsorted(ends, time, side="right")
    ]
    late = [
        RELEASE if symbol in CONSONANTS and CONSONANTS[symbol][2] == "voiceless-plosive" else 0.0
        for symbol in symbols[:-1]
    ]
    glottis = np.stack([_glottis_target(symbol, clip) for symbol in symbols])[
        np.searchsorted(ends + late, time, side="right")
    ]
    for column, name in enumerate(TRACT):
        inertia = next(seconds for prefix, seconds in INERTIA.items() if name.startswith(prefix))
        tract[:, column] = gaussian_filter1d(tract[:, column], inertia * STATES, mode="nearest")
    glottis = gaussian_filter1d(glottis, 0.01 * STATES, axis=0, mode="nearest")
    melody = [0.0, *(semitones for _, _, semitones in clip["segments"]), 0.0]
    # declination: the pitch falls by 3 semitones over the clip
    semitones = (
        np.interp(time, np.concatenate([[0.0], (ends[1:] + ends[:-1]) / 2, time[-1:]]), melody) - 3 * time / time[-1]
    )
    glottis[:, 0] = clip["pitch"] * 2 ** (gaussian_filter1d(semitones, 0.03 * STATES, mode="nearest") / 12)
    speaking = ((time > ends[0] - 0.03) & (time < ends[-1] - 0.02)).astype(float)
    glottis[:, 1] = clip["pressure"] * gaussian_filter1d(speaking, 0.02 * STATES, mode="nearest")
    return tract, glottis


def _tract_target(symbols: list[str], index: int) -> np.ndarray:
    if symbols[index] in VOWELS:
        return _shape(symbols[index], "tract")
    before = next(symbol for symbol in reversed(symbols[:index]) if symbol in VOWELS)
    after = next(symbol for symbol in symbols[index:] if symbol in VOWELS)
    target = (_shape(before, "tract") + _shape(after, "tract")) / 2
    name, commanded, _, _, aims = CONSONANTS[symbols[index]]
    if name:
        shape = _shape(f"{name}({VOWELS[after]})", "tract")
        columns = [TRACT.index(parameter) for parameter in commanded]
        target[columns] = shape[columns]
    for parameter, aim in aims.items():
        target[TRACT.index(parameter)] += aim
    return target


def _glottis_target(symbol: str, clip: Mapping[str, Any]) -> np.ndarray:
    """The glottis of a symbol, (11,); the voice quality goes from -1 (pressed) through 0 (modal) to 1 (breathy)."""
    name = CONSONANTS[symbol][2] if symbol in CONSONANTS else ""
    if name:
        return _shape(name, "glottis").copy()
    quality = clip["quality"]
    modal, other = _shape("modal", "glottis"), _shape("breathy" if quality > 0 else "pressed", "glottis")
    return modal + abs(quality) * (other - modal)


def variables(tract: np.ndarray, glottis: np.ndarray) -> dict[str, np.ndarray]:
    """The ten variables of tract (frames, 19) and glottis (frames, 11), (frames,) each in the units of ENDS.

    LA and LP are the tract's lip distance and protrusion. Tongue tip and tongue body are the tract's circles, and the
    walls are the outline of palate, raised velum and rear pharyngeal wall. TTCL is the angle of the tip, TBCL that of
    the constriction of the body. The share of time that the glottis is open is taken as its mean displacement over
    1 mm; with lung pressure and vibration, it divides the source into periodicity and aperiodicity.
    """
    state = dict(zip(TRACT, tract.T, strict=True)) | dict(zip(GLOTTIS, glottis.T, strict=True))
    palate, walls, tip_radius, body_radius = _anatomy()
    tip, body = (np.stack([state[f"{part}X"], state[f"{part}Y"]], -1) for part in ("TT", "TC"))
    origin = np.array([1.0, -1.0])  # cm, in the middle of the tongue
    tip_distance, _ = approach(tip, tip_radius, palate, 0.1)
    body_distance, place = approach(body, body_radius, walls, 0.1)
    pressure = np.clip(state["PR"] / 8000, 0, 1)
    opening = np.clip((state["XB"] + state["XT"]) / 0.2, 0, 1)
    periodicity = pressure * np.clip(state["RA"], 0, 1) * (1 - opening)
    return {
        "LA": np.maximum(state["LD"], 0),
        "LP": state["LP"],
        "TTCL": angle(tip, origin),
        "TTCD": tip_distance,
        "TBCL": angle(place, origin),
        "TBCD": body_distance,
        "VP": np.maximum(state["VO"], 0),
        "periodicity": periodicity,
        "aperiodicity": pressure * opening,
        "pitch": np.where(periodicity > VOICED, np.log2(state["F0"]), np.nan),
    }


@cache
def _anatomy() -> tuple[np.ndarray, np.ndarray, float, float]:
    """Outlines of the palate and of all walls, and the radii of tongue tip and tongue body, in cm.

    Outlines run from the lips backwards, (points, 2). All are from the package's speaker file.
    """
    import vocaltractlab_cython as vtl

    anatomy = xml.parse(vtl.active_speaker()).find("vocal_tract_model/anatomy")
    assert anatomy is not None

    def number(path: str, name: str) -> float:
        return float(anatomy.find(path).get(name))  # type: ignore[union-attr,arg-type]

    palate = np.array(
        [[number(f"palate/p{i}", "x"), number(f"palate/p{i}", "palate_height")] for i in range(8, -1, -1)]
    )
    velum = np.array(anatomy.find("velum/high").get("points").split(), float).reshape(-1, 2)[::-1]  # type: ignore[union-attr]
    top = np.array([number("pharynx", "fulcrum_x"), number("pharynx", "fulcrum_y")])
    down = np.radians(number("pharynx", "rotation_angle_deg"))
    pharynx = np.stack([top, top + 5 * np.array([np.cos(down), np.sin(down)])])
    return (
        outline(palate, 0.05),
        outline(np.concatenate([palate, velum, pharynx]), 0.05),
        number("tongue/tip", "radius"),
        number("tongue/body", "radius_x"),
    )


def tracks(tract: np.ndarray, glottis: np.ndarray, frames: int) -> np.ndarray:
    """The normalised variables every 10 ms, float32 (frames, 10), with -1 and 1 at ENDS.

    They are rounded to 3 decimals, so that all processors agree on the bits.
    """
    import vocaltractlab_cython as vtl

    time = np.arange(frames) / 100 * STATES
    sampled = [
        np.stack([np.interp(time, np.arange(len(part)), column) for column in part.T], -1) for part in (tract, glottis)
    ]
    # the tongue stops at the walls, whatever its targets
    limited = np.stack([vtl.tract_state_to_limited_tract_state(state) for state in sampled[0]])
    found = variables(limited, sampled[1])
    scaled = [2 * (found[name] - low) / (high - low) - 1 for name, (low, high) in ENDS.items()]
    rounded = np.round(np.stack(scaled, -1), 3) + 0.0  # no negative zero
    return np.where(np.isnan(rounded), np.nan, rounded).astype("<f4")  # and a single bit pattern for NaN


def render(folder: Path, clips: Iterable[Mapping[str, Any]]) -> None:
    """Speak the clips of articulation.py to `folder` / audio, and write their tracks to `folder` / tracks."""
    import vocaltractlab_cython as vtl

    for clip in clips:
        tract, glottis = states(clip)
        audio = soxr.resample(vtl.synth_block(tract, glottis, STEP), SYNTHESIS, RATE, quality="VHQ")
        write(folder / clip["audio"], audio)
        np.save(folder / clip["tracks"], tracks(tract, glottis, len(audio) // 160 + 1))
