"""Weighted SDR of a run's trained front-ends by scheme, and how unequal loss weights are within a batch.

python studies/weighted_sdr_and_batch_weights.py RUNS [SCENES]

RUNS is the folder `runs` of a finished run, SCENES the number of test scenes (12). It prints the weighted SDR of every
scheme by SNR, and the effective share of a batch, (Σw)²/(n Σw²), for each weighting function. The stock model of the
reference row counts as well, under `clean`: here it hears the mixture as it is. The tables of
docs/results/sample_importance.md are for runs of papers/sample_importance_small with 12 scenes.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmark.data import collate
from benchmark.metrics.weighted_sdr import weighted_sdr
from benchmark.planning.cells import Enhancing, Scoring, from_json
from benchmark.running.systems import open_source, scored_system
from benchmark.scenes import select
from benchmark.store import Store, Workspace, default_cache
from benchmark.training.importance import FUNCTIONS, normalised

BATCH, DRAWS = 8, 200  # scenes in a batch; batches drawn for each row and weighting function


class Scored(NamedTuple):
    """A noisy test scene behind one front-end."""

    snr: float | str  # dB
    weighted_sdr: float  # of the output
    loss: float  # the task's


def rows_of(store: Store) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Task, scheme and manifest of every record but those of identity, sorted by label."""
    manifests = [store.manifest("records", key) for key in store.list("records")]
    for manifest in sorted(manifests, key=lambda manifest: manifest["label"]):
        row = re.fullmatch(r".+: (?P<front_end>\S+) (?P<scheme>\S+) scored, seed \d+", manifest["label"])
        if row is not None and row["front_end"] != "identity":
            yield manifest["work"]["label"], row["scheme"], manifest


def scored(manifest: Mapping[str, Any], workspace: Workspace, scenes: int) -> Iterator[Scored]:
    """Every noisy test scene of a record."""
    scoring = from_json(manifest["work"])
    enhancing = from_json(manifest["enhanced"]["work"]) if manifest["enhanced"] else None
    assert isinstance(scoring, Scoring)
    assert enhancing is None or isinstance(enhancing, Enhancing)
    source = open_source(scoring.source, workspace)
    system = scored_system(enhancing, scoring, source, Store(workspace.runs))
    mixer, mixing, label = source.mixer("test"), scoring.scenes, scoring.label
    for row in select(mixer.targets, scenes, mixing.seed):
        for snr in mixing.snr:
            if snr != "clean":
                batch = collate([mixer.scene(row, float(snr), mixing.level, mixing.seed)], system.tasks[label])
                enhanced = system.enhance(batch)
                assert batch.clean is not None
                sdr = weighted_sdr(batch.clean.flatten(1), enhanced.audio.flatten(1), batch.heard.audio.flatten(1))
                yield Scored(snr, float(sdr), float(system.task_loss(label, enhanced, batch)[0]))


def effective_shares(losses: Sequence[float], generator: torch.Generator) -> dict[str, list[float]]:
    """The effective share of batches drawn at random, by weighting function: 1 under equal weights, 1/BATCH at least.

    Args:
        losses: of the task, by scene
    """
    known = torch.tensor(losses)
    shares: dict[str, list[float]] = {name: [] for name in FUNCTIONS}
    for name, function in FUNCTIONS.items():
        for _ in range(DRAWS):
            drawn = known[torch.randint(len(known), (BATCH,), generator=generator)]
            weights = normalised(function(drawn, 1.0, 2.0))
            shares[name].append(float(weights.sum() ** 2 / weights.square().sum() / BATCH))
    return shares


def main(runs: Path, scenes: int) -> None:
    """Print the weighted SDR by task, scheme and SNR, and the shares by task and weighting function."""
    torch.set_num_threads(1)
    workspace = Workspace(None, default_cache(), runs, runs.parent / "leaderboards")
    generator = torch.Generator().manual_seed(0)
    sdr: dict[tuple[str, str, float | str], list[float]] = defaultdict(list)
    shares: dict[tuple[str, str], list[float]] = defaultdict(list)
    for task, scheme, manifest in rows_of(Store(runs)):
        with torch.inference_mode():
            found = list(scored(manifest, workspace, scenes))
        for scene in found:
            sdr[task, scheme, scene.snr].append(scene.weighted_sdr)
        for name, own in effective_shares([scene.loss for scene in found], generator).items():
            shares[task, name] += own
    for (task, scheme, snr), values in sorted(sdr.items(), key=str):
        print(f"{task}, {scheme}, {snr} dB: weighted SDR {sum(values) / len(values):.3f} ({len(values)} scenes)")
    for (task, name), values in sorted(shares.items()):
        print(f"{task}, weights by {name}: effective share of a batch of {BATCH} {sum(values) / len(values):.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 12)
