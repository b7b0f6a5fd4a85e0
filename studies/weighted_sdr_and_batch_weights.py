"""Weighted SDR of a run's trained front-ends by scheme, and how unequal loss weights are within a batch.

python studies/weighted_sdr_and_batch_weights.py RUNS [SCENES]

RUNS is the folder `runs` of a finished run, SCENES the number of test scenes (12). It prints the weighted SDR of every
scheme by SNR, and the effective share of a batch, (Σw)²/(n Σw²), for each weighting function. The tables of
docs/results/sample_importance.md are for runs of papers/sample_importance_small with 12 scenes.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from benchmark.catalogue import Corpora, default_cache
from benchmark.data import Source, collate
from benchmark.metrics.weighted_sdr import weighted_sdr
from benchmark.running.worker import scored_system
from benchmark.scenes import select
from benchmark.settings import Score
from benchmark.store import Store
from benchmark.training.importance import FUNCTIONS, normalised

BATCH, DRAWS = 8, 200  # scenes in a batch; batches drawn per cell and weighting function


def scored(
    store: Path, config: dict[str, Any], corpora: Corpora, scenes: int
) -> Iterator[tuple[float | str, float, float]]:
    """SNR, weighted SDR of the output and the task's loss, for every noisy scene of one cell."""
    targets, interferers = (
        corpora.open({key: config["source"][role][key] for key in ("name", "options", "path")})
        for role in ("targets", "interferers")
    )
    source, score, label = Source(targets, interferers), Score(**config["score"]), config["label"]
    system = scored_system(config, source, Store(store)).eval()
    mixer = source.mixer("test")
    for row in select(mixer.targets, scenes, score.seed):
        for snr in score.snr:
            if snr != "clean":
                batch = collate([mixer.scene(row, snr, score.level, score.seed)], system.tasks[label])
                enhanced = system.enhance(batch)
                own = weighted_sdr(batch.clean.flatten(1), enhanced.audio.flatten(1), batch.heard.audio.flatten(1))
                yield snr, float(own), float(system.task_loss(label, enhanced, batch)[0])


def main(runs: Path, scenes: int) -> None:
    """Print the weighted SDR by task, scheme and SNR, and the shares by task and weighting function."""
    corpora, chance = Corpora(None, default_cache()), torch.Generator().manual_seed(0)
    sdr, shares = defaultdict(list), defaultdict(list)
    for path in sorted(runs.glob("records/*/manifest.json")):
        manifest = json.loads(path.read_text())
        cell = re.fullmatch(r".+: (?P<front_end>\S+) (?P<scheme>\S+) scored, seed \d+", manifest["label"])
        if cell is None or cell["front_end"] == "identity":
            continue
        config = manifest["config"]
        with torch.inference_mode():
            found = list(scored(runs, config, corpora, scenes))
        for snr, own, _ in found:
            sdr[config["label"], cell["scheme"], snr].append(own)
        losses = torch.tensor([loss for *_, loss in found])
        for name, function in FUNCTIONS.items():
            for _ in range(DRAWS):
                weights = normalised(function(losses[torch.randint(len(losses), (BATCH,), generator=chance)], 1.0, 2.0))
                shares[config["label"], name].append(float(weights.sum() ** 2 / weights.square().sum() / BATCH))
    for (task, scheme, snr), values in sorted(sdr.items(), key=str):
        print(f"{task}, {scheme}, {snr} dB: weighted SDR {sum(values) / len(values):.3f} ({len(values)} scenes)")
    for (task, name), values in sorted(shares.items()):
        print(f"{task}, weights by {name}: effective share of a batch of {BATCH} {sum(values) / len(values):.2f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 12)
