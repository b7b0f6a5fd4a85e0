"""Conditions, what scores are grouped by: their axes, and how their names are written and read.

A condition is one value on each of some axes, such as {"snr": "snr_-5", "listener": "N3"}. Its name, `snr_-5 N3`, has
the values in the order of a task's axes, with spaces between them; an axis on which a scene has no value is left out.
Scenes, records, summaries, boards and plots all take values and names from here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite, nan
from typing import Literal

from benchmark.errors import unknown

CLEAN = "clean"  # nothing was added to the target
RECORDED = "recorded"  # the recording as it is; its SNR is not known


@dataclass(frozen=True)
class Axis:
    """One axis of conditions; its values are numbers, or words such as the name of a listener."""

    name: str
    title: str  # beside a chart
    owner: Literal["scene", "listener", "setting"]  # what fixes the value
    unit: str = ""
    prefix: str = ""  # of a number on boards, `snr_`; empty: values are words
    # Words among numbers, and the number that they stand for, if there is one.
    words: Mapping[str, float | None] = field(default_factory=dict)

    def text(self, value: float | str) -> str:
        """A value as boards write it: clean, snr_-5, snr_2.5, N3."""
        return f"{self.prefix}{float(value):g}" if self.prefix and value not in self.words else str(value)

    def number(self, text: str) -> float | None:
        """Parse a board value into a number, infinite for clean; None where there is none."""
        if text in self.words:
            return self.words[text]
        try:
            value = float(text.removeprefix(self.prefix)) if self.prefix and text.startswith(self.prefix) else nan
        except ValueError:
            return None
        return value if isfinite(value) else None

    def has(self, text: str) -> bool:
        """Whether a text is a number of this axis or one of its words."""
        return text in self.words or self.number(text) is not None

    def readable(self, text: str) -> str:
        """A value as pages show it: clean, −5 dB, 30°."""
        value = self.number(text)
        if value is None or text in self.words:
            return text
        space = "" if self.unit == "°" else "\N{NO-BREAK SPACE}"
        return f"{value:g}".replace("-", "\N{MINUS SIGN}") + space + self.unit

    def ordered(self, texts: Iterable[str]) -> list[str]:
        """Distinct values in the order of this axis: numbers from low to high; words after them, as they come."""
        return sorted(dict.fromkeys(texts), key=lambda text: inf if (value := self.number(text)) is None else value)


SNR = Axis("snr", "SNR", "scene", "dB", "snr_", {CLEAN: inf, RECORDED: None})
AXES: Mapping[str, Axis] = {
    axis.name: axis
    for axis in (
        SNR,
        Axis("room", "room", "scene"),
        Axis("azimuth", "azimuth", "scene", "°", "azimuth_"),
        Axis("listener", "listener", "listener"),
    )
}


def axes_of(names: Iterable[str]) -> list[Axis]:
    """The axes of these names, in their order; EarmarkError for an unknown one."""
    names = list(names)
    for name in names:
        if name not in AXES:
            raise unknown("axis", name, AXES)
    return [AXES[name] for name in names]


def condition_name(values: Mapping[str, str], axes: Iterable[str]) -> str:
    """The name of a condition: its values on these axes, in the order of the axes; other values are left out."""
    return " ".join(str(values[axis.name]) for axis in axes_of(axes) if axis.name in values)


def condition_values(name: str, axes: Iterable[str]) -> dict[str, str]:
    """The values in a name that `condition_name` wrote with these axes, by axis.

    A word goes to the axis of numbers that has it, else to the first axis of words that is still free; so any axis of
    numbers may be missing, and the last axes of words.
    """
    left, values = axes_of(axes), {}
    for word in name.split(" "):
        axis = next((axis for axis in left if axis.has(word)), None) or next(
            (axis for axis in left if not axis.prefix), None
        )
        if axis is not None:
            values[axis.name] = word
            left.remove(axis)
    return values


def owned(values: Mapping[str, str], owner: str) -> dict[str, str]:
    """The values on the axes of one owner, such as all that makes up the listener."""
    return {name: value for name, value in values.items() if name in AXES and AXES[name].owner == owner}


def is_clean(values: Mapping[str, str]) -> bool:
    """Whether a condition is that of clean input."""
    return values.get(SNR.name) == CLEAN


def clean_first(names: Iterable[str], axes: Sequence[str]) -> list[str]:
    """Distinct names of conditions as boards order them: those of clean input, then the others, each as they come."""
    return sorted(dict.fromkeys(names), key=lambda name: not is_clean(condition_values(name, axes)))


def readable(name: str) -> str:
    """A condition as pages show it: "snr_-5 N3" becomes "−5 dB N3", which breaks before N3 alone."""
    return " ".join(
        next((axis.readable(word) for axis in AXES.values() if axis.has(word)), word) for word in name.split(" ")
    )
