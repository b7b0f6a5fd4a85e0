"""Enhance recordings of your own, by a front-end with the weights that a run left, or without any."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from safetensors import SafetensorError

from benchmark import audio
from benchmark.catalogue import Corpora
from benchmark.contracts import FRONT_END, SAMPLE_RATE, WET, Batch, FrontEnd, Heard
from benchmark.errors import EarmarkError, unknown
from benchmark.frontends import build_front_end, front_ends
from benchmark.frontends.adapters.module import ModuleAdapter
from benchmark.hearing.audiograms import Audiogram
from benchmark.planning.planner import make_plan
from benchmark.planning.recipe import Recipe
from benchmark.running.evaluation import defect
from benchmark.running.systems import load_weights
from benchmark.store import Store, Workspace
from benchmark.training.system import System


def system_of(entry: str | Mapping[str, Any], weights: Path | None = None) -> System:
    """A front-end on the CPU, in evaluation mode.

    Args:
        entry: as recipes write it: a name, {name: options} or {"path/to/file.py:Class": options}
        weights: a file front_end.safetensors that a run left
    Raises:
        EarmarkError: it cannot be built, the weights do not fit, or it needs some and none are given
    """
    system = System(build_front_end(entry), {})
    if weights is not None:
        try:
            load_weights(system.part(FRONT_END), weights)
        except (OSError, SafetensorError) as error:
            raise EarmarkError(
                f"{weights}: no weights of a front-end ({error}); give a front_end.safetensors below runs/weights"
            ) from error
        except EarmarkError as error:
            name = type(system.front_end).__name__
            raise EarmarkError(
                f"{weights}: these weights do not fit {name}; give the options that it was trained with, as --option "
                "channels=16"
            ) from error
    elif untrained := next(filter(_untrained, front_ends(system.front_end)), None):
        name = type(untrained).__name__
        raise EarmarkError(
            f"{name}: it was trained on nothing yet; take weights of a run with --from RECIPE:SCHEME:TASK, or of a "
            "file with --weights"
        )
    return system.eval()


def _untrained(front_end: FrontEnd) -> bool:
    """Whether it has weights of its own, beside those of its members, that nobody trained.

    The constructors of the suite's front-ends load none; those of others may.
    """
    if not type(front_end).__module__.startswith("benchmark.") or isinstance(front_end, ModuleAdapter):
        return False
    members = {id(weight) for member in front_ends(front_end)[1:] for weight in member.parameters()}
    own = [weight for weight in front_end.parameters() if id(weight) not in members]
    trained = front_end.pretrained_on or front_end.dropped_in_only
    return not trained and any(weight.requires_grad for weight in own)


def benchmarked(recipe: Recipe, workspace: Workspace, front_end: str, scheme: str, task: str | None = None) -> System:
    """A front-end with the weights that a run of a recipe left under a scheme, of the first seed and fold.

    Args:
        front_end: its label in the recipe
        task: the task that it was trained with; needed where a scheme trains it with each
    Raises:
        EarmarkError: there is no such row, there are several trainings to choose from, or the recipe was not run
    """
    if not workspace.runs.is_dir():
        raise EarmarkError(
            f"{workspace.runs}: nothing was run here; run `earmark run {recipe.name}` first, or say with --out where "
            "it was"
        )
    if front_end not in recipe.front_ends:
        raise EarmarkError(f"{recipe.name}: {unknown('front-end', front_end, recipe.front_ends)}")
    alone = replace(recipe, front_ends={front_end: recipe.front_ends[front_end]})
    plan = make_plan(alone, Corpora(workspace.data, workspace.cache))
    rows = [row for row in plan.rows if row.front_end == front_end]
    if scheme not in (schemes := {row.scheme for row in rows}):
        raise EarmarkError(f"{recipe.name}: {front_end}: {unknown('scheme', scheme, schemes)}")
    by_task: dict[str, str | None] = {}
    for row in rows:
        if row.scheme == scheme:
            by_task.setdefault(row.task, plan.enhancing(row).weights.get(FRONT_END))
    if task is not None and task not in by_task:
        raise EarmarkError(f"{recipe.name}: {front_end} under {scheme}: {unknown('task', task, by_task)}")
    keys = set(by_task.values()) if task is None else {by_task[task]}
    if len(keys) > 1:
        raise EarmarkError(
            f"{recipe.name}: {front_end} under {scheme} has other weights for other tasks; say which, as "
            f"{scheme}:{next(iter(by_task))}"
        )
    (key,), store, spec = keys, Store(workspace.runs), recipe.front_ends[front_end]
    if key is not None and not store.exists("weights", key):
        remedy = (
            f"run `earmark run {recipe.name}` first, or give the options that it was trained with, as --option "
            "channels=16"
        )
        raise EarmarkError(f"{store.root}: {front_end} under {scheme} was not trained yet; {remedy}")
    return system_of(
        {spec.name: dict(spec.config)}, None if key is None else store.get("weights", key) / f"{FRONT_END}.safetensors"
    )


def enhance(
    system: System,
    source: Path,
    target: Path,
    listener: Sequence[Audiogram] = (),
    controls: Mapping[str, float] | None = None,
) -> list[Path]:
    """Enhance a recording, or all recordings in a folder, at any depth.

    The output files are WAV files of 32-bit floats, with the rate, channels and length of their inputs. The front-end
    gets the samples at 16 kHz, so nothing above 8 kHz is left, and at their own level, where an rms of 1 stands for
    100 dB SPL. If it takes one channel, each channel is enhanced by itself.

    Args:
        source: a file that libsndfile reads, or a folder
        target: a .wav file; for a folder, a folder that gets the same names and tree
        listener: thresholds in dB HL, one audiogram for all channels or one for each
        controls: of the front-end, and `wet`, the share of its output in the mix with its input
    Returns:
        the files written
    Raises:
        EarmarkError: something is missing or does not fit, or a file failed; the others are then done all the same
    """
    controls = dict(controls or {})
    for name, value in controls.items():
        if name not in (known := (*system.front_end.controls, WET)):
            raise EarmarkError(f"--control: {unknown('control', name, known)}")
        if not np.isfinite(value) or (name == WET and not 0 <= value <= 1):
            raise EarmarkError(
                f"--control: {name}={value:g}: write {'a share, 0 to 1' if name == WET else 'a finite number'}"
            )
    if ("listener" in system.front_end.needs) != bool(listener):
        wanted = "give the ear that it hears for, as --audiogram N3" if not listener else "leave --audiogram out"
        raise EarmarkError(
            f"--audiogram: this front-end {'needs one' if not listener else 'does not know the listener'}; {wanted}"
        )
    pairs, failures, written = _pairs(source, target), [], []
    console = Console(stderr=True)
    for one, other in track(pairs, "recordings", console=console, transient=True, disable=not console.is_terminal):
        try:
            audio.write(other, *_enhanced(system, one, listener, controls))
            written.append(other)
        except EarmarkError as error:
            failures.append(str(error))
        except OSError as error:
            failures.append(f"{other}: cannot be written ({error.strerror}); choose another place for the output")
    if failures:
        raise EarmarkError("\nearmark: ".join(failures))
    return written


def _pairs(source: Path, target: Path) -> list[tuple[Path, Path]]:
    """Pairs of input and output. Raises EarmarkError where an output is an input, or that of two inputs."""
    if source.is_dir():
        pairs = [(path, (target / path.relative_to(source)).with_suffix(".wav")) for path in audio.audio_files(source)]
    else:
        pairs = [(source, target)]
        if target.suffix.lower() != ".wav" or target.is_dir():
            raise EarmarkError(f"{target}: the output of a file is a file; give a name that ends in .wav")
    if not pairs:
        raise EarmarkError(f"{source}: no recordings in it; give a folder of audio files")
    inputs, outputs = {one.resolve() for one, _ in pairs}, Counter(other.resolve() for _, other in pairs)
    for one, other in pairs:
        if other.resolve() in inputs:
            raise EarmarkError(
                f"{other}: this is an input, which is never written over; choose another place for the output"
            )
        if outputs[other.resolve()] > 1:
            raise EarmarkError(f"{one}: another recording has the same name but for its suffix; rename one of them")
    return pairs


def _enhanced(
    system: System, path: Path, listener: Sequence[Audiogram], controls: Mapping[str, float]
) -> tuple[np.ndarray, int]:
    """Enhanced samples, (channels, time), and their rate in Hz."""
    try:
        samples = audio.read(path, None)
    except EarmarkError as error:
        raise EarmarkError(f"{str(error).partition(';')[0]}; give another recording") from error
    rate, channels = audio.header(path).rate, len(samples)
    if len(listener) not in (0, 1, channels):
        raise EarmarkError(
            f"--audiogram: {path} has {channels} channels, and {len(listener)} audiograms were given; give one, or one "
            "for each channel"
        )
    inner = torch.tensor(audio.resample(samples, rate, SAMPLE_RATE))[None]
    thresholds = torch.tensor(listener, dtype=torch.float32).expand(channels, -1)[None] if listener else None
    heard = Heard(inner, torch.tensor([inner.shape[-1]]), thresholds, (path.stem,))
    try:
        with torch.inference_mode():
            output = system.enhance(Batch([], heard, None, {}), **controls).audio[0].numpy()
    except EarmarkError:
        raise
    except (Exception, SystemExit) as error:  # a third party's code
        raise EarmarkError(
            f"{path}: the front-end failed ({' '.join(f'{type(error).__name__}: {error}'.split())[:200]}); fix it, or "
            "the recording"
        ) from error
    if reason := defect(torch.from_numpy(output)):
        raise EarmarkError(f"{path}: the front-end's output {reason}; nothing was written")
    output = audio.resample(output, SAMPLE_RATE, rate)[:, : samples.shape[-1]]
    return np.pad(output, ((0, 0), (0, samples.shape[-1] - output.shape[-1]))), rate
