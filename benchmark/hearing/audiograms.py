"""Audiograms: standard profiles, listeners from a file, and random draws for training.

An audiogram is a tuple of ten thresholds in dB HL at AUDIOGRAM_HZ.
"""

import json
import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.contracts import AUDIOGRAM_HZ
from benchmark.errors import EarmarkError, unknown

Audiogram = tuple[float, ...]
# dB HL, range of audiometers, beyond which a number is a mistake; the auditory model limits thresholds to 0 to 105
LOWEST, HIGHEST = -10.0, 120.0
DRAWN = (0.0, 105.0)  # dB HL, range of audiograms drawn for training, as of the standard profiles
JITTER = 10.0  # dB, largest random change up or down, independent at each frequency
EARS = ("left", "right")

# The ten standard audiograms of IEC 60118-15 (Bisgaard, Vlaming, Dahlquist, Trends in Amplification 2010), N for flat
# and moderately sloping, S for steeply sloping, and a normal ear.
PROFILES: dict[str, Audiogram] = {
    "normal": (0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    "N1": (10, 10, 10, 10, 10, 10, 15, 20, 30, 40),
    "N2": (20, 20, 20, 22.5, 25, 30, 35, 40, 45, 50),
    "N3": (35, 35, 35, 35, 40, 45, 50, 55, 60, 65),
    "N4": (55, 55, 55, 55, 55, 60, 65, 70, 75, 80),
    "N5": (65, 67.5, 70, 72.5, 75, 80, 80, 80, 80, 80),
    "N6": (75, 77.5, 80, 82.5, 85, 90, 90, 95, 100, 100),
    "N7": (90, 92.5, 95, 100, 105, 105, 105, 105, 105, 105),
    "S1": (10, 10, 10, 10, 10, 10, 15, 30, 55, 70),
    "S2": (20, 20, 20, 22.5, 25, 35, 55, 75, 95, 95),
    "S3": (30, 30, 35, 47.5, 60, 70, 75, 80, 80, 85),
}


def audiogram(name: str) -> Audiogram:
    """A standard profile by name, or an ear of a listener, as `path/to/listeners.json:L0001:left`.

    Raises:
        EarmarkError: there is no such profile, file, listener or ear
    """
    if name in PROFILES:
        return PROFILES[name]
    stem, _, ear = name.partition(".json:")
    if not ear:
        raise unknown("listener", name, PROFILES)
    path = Path(f"{stem}.json")
    listener, _, side = ear.partition(":")
    known = _listeners(path)
    if listener not in known:
        raise unknown(f"listener of {path}", listener, known)
    if side not in EARS:
        raise EarmarkError(f"{name}: which ear? write {path}:{listener}:left or :right")
    record = known[listener]
    try:  # an ear of somebody else that was not measured is of no concern
        hertz, thresholds = record["audiogram_cfs"], record[f"audiogram_levels_{side[0]}"]
    except (KeyError, TypeError) as error:
        raise _other_format(path) from error
    return resampled(hertz, thresholds, f"{path}: {listener}, {side} ear")


def _listeners(path: Path) -> dict[str, Any]:
    """The records of listeners by name, from a listeners.json of the Clarity challenges' format."""
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            raise _other_format(path)  # a pipe would be waited for
        records = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise EarmarkError(f"{path}: cannot be read ({error.strerror}); give the path of a listeners.json") from error
    except (ValueError, RecursionError) as error:
        raise _other_format(path) from error
    if not isinstance(records, dict):
        raise _other_format(path)
    return records


def _other_format(path: Path) -> EarmarkError:
    return EarmarkError(
        f"{path}: not a list of listeners with audiogram_cfs, audiogram_levels_l and audiogram_levels_r; get the "
        "Clarity metadata"
    )


def resampled(hertz: Sequence[float], thresholds: Sequence[float], where: str = "audiogram") -> Audiogram:
    """Interpolate thresholds to AUDIOGRAM_HZ, linearly over log frequency; nothing is extrapolated.

    Args:
        hertz: rising frequencies in Hz that cover 250 to 6000 Hz
        thresholds: in dB HL, -10 to 120, one for each frequency
        where: what an error message begins with
    Raises:
        EarmarkError: these are not two lists of numbers, or do not have the lengths, order or ranges above
    """
    if not all(isinstance(values, Sequence) and all(map(_is_number, values)) for values in (hertz, thresholds)):
        raise EarmarkError(f"{where}: frequencies and thresholds must be two lists of numbers; correct the file")
    if len(hertz) != len(thresholds):
        raise EarmarkError(
            f"{where}: {len(hertz)} frequencies and {len(thresholds)} thresholds; give one number in dB HL for each "
            "frequency"
        )
    if not all(0 < f < np.inf for f in hertz):
        raise EarmarkError(
            f"{where}: the frequencies {', '.join(f'{f:g}' for f in hertz)} are not all above 0 Hz and finite; correct "
            "them"
        )
    if any(later <= earlier for earlier, later in pairwise(hertz)):
        raise EarmarkError(
            f"{where}: the frequencies {', '.join(f'{f:g}' for f in hertz)} Hz do not rise; sort them, each once"
        )
    if not hertz or hertz[0] > AUDIOGRAM_HZ[0] or hertz[-1] < AUDIOGRAM_HZ[-1]:
        raise EarmarkError(
            f"{where}: the frequencies do not cover {AUDIOGRAM_HZ[0]} to {AUDIOGRAM_HZ[-1]} Hz; measure the missing "
            "ones"
        )
    for f, threshold in zip(hertz, thresholds, strict=True):
        if not LOWEST <= threshold <= HIGHEST:
            raise EarmarkError(
                f"{where}: {threshold:g} dB HL at {f:g} Hz is outside {LOWEST:g} to {HIGHEST:g}; correct it"
            )
    return tuple(float(value) for value in np.interp(np.log(AUDIOGRAM_HZ), np.log(hertz), thresholds))


def _is_number(value: Any) -> bool:
    return isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53)


def drawn(rng: np.random.Generator) -> Audiogram:
    """Draw an audiogram for training: a random profile, changed by up to ±10 dB at each frequency.

    It is limited to 0 to 105 dB HL. After Gonzalez et al. 2025.
    """
    profile = PROFILES[list(PROFILES)[int(rng.integers(len(PROFILES)))]]
    jittered = np.clip(np.asarray(profile) + rng.uniform(-JITTER, JITTER, len(profile)), *DRAWN)
    return tuple(float(value) for value in jittered)
