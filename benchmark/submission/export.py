"""Write the noisy test scenes of a recipe as files, for programs that run elsewhere.

Neither the name of a file nor its place in a list tells anything about target, SNR or task. Clean signals and labels
are never exported: scenes whose input is clean are left out, and a front-end that runs elsewhere is not scored on them.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import track

from benchmark import audio
from benchmark.catalogue import Corpora
from benchmark.contracts import PROTOCOL, SAMPLE_RATE
from benchmark.data import Source, collate
from benchmark.errors import EarmarkError, unknown
from benchmark.planning.components import roles_of
from benchmark.planning.planner import missing_corpora
from benchmark.planning.recipe import Recipe
from benchmark.running.evaluation import snrs
from benchmark.scenes import Mixer
from benchmark.scenes import select as select_rows
from benchmark.store import digest, file_hash, full_disk, write_text

MANIFEST = "manifest.json"
HEADER = 128  # bytes of a WAV file besides its samples, at most


class _Wanted(NamedTuple):
    """A scene that is yet to be mixed."""

    mixer: Mixer
    row: Mapping[str, Any]
    snr: float | None
    level: float
    seed: int | None


def export(recipe: Recipe, corpora: Corpora, folder: Path, tasks: Sequence[str] = ()) -> Path:
    """Write every noisy test scene of a recipe as <opaque name>.wav, of 32-bit floats at 16 kHz, and manifest.json.

    Files that are already right are kept. The manifest has recipe, protocol, tasks, how to submit, and for each file
    its name, channels, samples, sample_rate and sha256, sorted by name.

    Args:
        tasks: labels; none: all
    Returns:
        the path of the manifest
    Raises:
        EarmarkError: an unknown task, missing corpora, too little space on the disk, or two different scenes with the
            same name
    """
    for label in tasks:
        if label not in recipe.tasks:
            raise EarmarkError(f"--task: {unknown('task', label, recipe.tasks)}")
    recipe = replace(
        recipe, tasks={label: entry for label, entry in recipe.tasks.items() if label in (tasks or recipe.tasks)}
    )
    if missing := [error for errors in missing_corpora(recipe, corpora).values() for error in errors]:
        raise EarmarkError("\nearmark: ".join(dict.fromkeys(missing)))
    wanted = list(_wanted(recipe, corpora).values())
    if not wanted:
        raise EarmarkError(
            f"{recipe.name}: all its scenes are clean, and clean scenes are never exported; add an SNR to its score"
        )
    console = Console(stderr=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _check_space(folder, wanted, console)
        files: dict[str, dict[str, Any]] = {}
        for each in track(wanted, "scenes", console=console, transient=True, disable=not console.is_terminal):
            entry = _written(folder, each)
            if files.setdefault(entry["name"], entry) != entry:
                raise EarmarkError(
                    f"{recipe.name}: two different scenes of {each.row['id']} share a name; export the tasks one by "
                    "one, with --task"
                )
        manifest = {
            "recipe": recipe.name,
            "protocol": PROTOCOL,
            "tasks": list(recipe.tasks),
            "submit": "enhance each file at its rate, with its channels and length, "
            "into a WAV file of the same name, of 32-bit float samples; "
            f"then: earmark submit --audio FOLDER --recipe {recipe.name} --name NAME",
            "files": [files[name] for name in sorted(files)],
        }
        write_text(folder / MANIFEST, json.dumps(manifest, indent=1) + "\n")
    except OSError as error:
        raise full_disk(error, folder) from error
    return folder / MANIFEST


def expected(recipe: Recipe, corpora: Corpora) -> dict[str, dict[str, dict[str, Any]]]:
    """What an export would contain: for each task, the entries of the manifest by name.

    All scenes are mixed for it, and nothing is written.
    """
    mixed: dict[str, dict[str, Any]] = {}
    found: dict[str, dict[str, dict[str, Any]]] = {}
    scenes = {label: _wanted(replace(recipe, tasks={label: entry}), corpora) for label, entry in recipe.tasks.items()}
    console, every = Console(stderr=True), [(label, key) for label, keys in scenes.items() for key in keys]
    for label, key in track(every, "scenes", console=console, transient=True, disable=not console.is_terminal):
        if key not in mixed:
            mixed[key], _ = _mixed(scenes[label][key])
        found.setdefault(label, {})[mixed[key]["name"]] = mixed[key]
    return found


def _wanted(recipe: Recipe, corpora: Corpora) -> dict[str, _Wanted]:
    """Each noisy scene once, by a hash and in the order of the hashes.

    So neither the order nor the time of writing tells which scenes belong together.
    """
    mixers: dict[str, Mixer] = {}
    wanted: dict[str, _Wanted] = {}
    for label, entry in recipe.tasks.items():
        for fold in entry.folds:
            roles = roles_of(entry, label, fold)
            source = digest({role: asdict(used) for role, used in roles.items()})
            if source not in mixers:
                mixers[source] = Source({role: corpora.open(used) for role, used in roles.items()}).mixer("test")
            mixer, score = mixers[source], entry.score
            for row in select_rows(mixer.targets, score.scenes, score.seed):
                for snr in snrs(mixer, score, row):
                    if snr is not None or "clean" in row:  # a pair mixed by its owner is noisy as it is
                        wanted[digest([source, row["id"], snr, score.level, score.seed])] = _Wanted(
                            mixer, row, snr, score.level, score.seed
                        )
    return {key: wanted[key] for key in sorted(wanted)}


def _check_space(folder: Path, wanted: Sequence[_Wanted], console: Console) -> None:
    needed = sum(HEADER + 4 * _samples(each.row["audio"]) for each in wanted)
    there = sum(path.stat().st_size for path in folder.glob("*.wav"))
    console.print(
        f"{len(wanted)} scenes, {needed / 1e6:.0f} MB, into {folder}", highlight=False, markup=False, soft_wrap=True
    )
    if needed - there > shutil.disk_usage(folder).free:
        raise EarmarkError(
            f"{folder}: {needed / 1e6:.0f} MB are needed, {shutil.disk_usage(folder).free / 1e6:.0f} are free; free "
            "some, or name another disk"
        )


def _samples(source: Any) -> int:
    """The number of samples of a recording at 16 kHz, from its header."""
    found = audio.header(source)
    return -(-found.frames * SAMPLE_RATE // found.rate)


def _mixed(wanted: _Wanted) -> tuple[dict[str, Any], np.ndarray]:
    """A scene's entry in the manifest, and its samples, (channels, time)."""
    mixture = wanted.mixer.scene(wanted.row, wanted.snr, wanted.level, wanted.seed)
    heard = collate([mixture], None).heard
    samples = heard.audio[0].numpy()
    entry = {
        "name": heard.names[0],
        "channels": samples.shape[0],
        "samples": samples.shape[1],
        "sample_rate": SAMPLE_RATE,
    }
    return entry | {"sha256": hashlib.sha256(audio.encoded(samples)).hexdigest()}, samples


def _written(folder: Path, wanted: _Wanted) -> dict[str, Any]:
    """Mix a scene, write its file unless that is there and right, and return its entry in the manifest."""
    entry, samples = _mixed(wanted)
    path = folder / f"{entry['name']}.wav"
    if not path.is_file() or file_hash(path) != entry["sha256"]:
        audio.write(path, samples)
    return entry
