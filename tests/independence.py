"""Whether p and q of a trained front-end are independent, by shadow filtering, against the limits that docs/hearing.md fixed beforehand.

python tests/independence.py RECIPE FRONT_END OUT SEED…    OUT: where the recipe was run; SEED: of training, or "untrained" for weights as they start

On 30 test scenes in noise, each SNR and each listener of the recipe: what p does from 0 to 1 at either end of q, and q at either end of p. The q that comes
nearest to NAL-R is chosen on 30 validation scenes. All figures in dB.
"""

import sys
from pathlib import Path

import pandas as pd
import torch

from benchmark.contracts import FrontEnd
from benchmark.corpora import Corpora, default_cache
from benchmark.data import Source
from benchmark.frontends import build_front_end
from benchmark.plan import make_plan
from benchmark.recipe import Score, load_recipe
from benchmark.shadow import shadows
from benchmark.store import Store
from benchmark.sweep import batches
from benchmark.worker import scored_system

SCENES = 30
ALONG = [{"p": p, "q": q / 10} for p in (0.0, 1.0) for q in range(11)]


def independence(front_end: FrontEnd, source: Source, score: Score, listeners: dict[str, list[float]]) -> dict[str, float]:
    """Every figure that has a limit."""
    tables = {}
    for split in ("test", "validation"):
        found = shadows(front_end, batches(source.mixer(split), score, listeners), ALONG)
        tables[split] = pd.DataFrame(ALONG).join(found).set_index(["p", "q"])
    test, nearest = tables["test"], tables["validation"]["shadow_nal_r"].loc[0.0].idxmin()
    figures = {"q nearest to NAL-R": nearest, "off NAL-R there": test["shadow_nal_r"][0.0, nearest], "off NAL-R at q = 1": test["shadow_nal_r"][0.0, 1.0]}
    for q in (0.0, 1.0):
        moved = test.loc[(1.0, q)] - test.loc[(0.0, q)]
        figures |= {f"p at q = {q:.0f}: SNR": moved["shadow_snr"], f"p at q = {q:.0f}: speech": moved["shadow_gain"]}
    for p in (0.0, 1.0):
        figures[f"q at p = {p:.0f}: SNR in bands"] = test["shadow_band_snr"][p, 1.0] - test["shadow_band_snr"][p, 0.0]
    return figures


def failed(figures: dict[str, float]) -> list[str]:
    """The names of figures beyond their limits."""
    small = {name: 2.0 for name in figures if name.endswith("speech")} | {name: 1.0 for name in figures if name.endswith("bands")} | {"off NAL-R there": 8.0}
    beyond = [name for name, limit in small.items() if not abs(figures[name]) < limit]
    return beyond + [name for name, value in figures.items() if name.endswith(": SNR") and not value >= 3.0]


def main(recipe_name: str, label: str, out: Path, seeds: list[str]) -> None:
    """Print a column for each seed, and what it fails."""
    torch.set_num_threads(1)
    recipe = load_recipe(recipe_name)
    plan, corpora = make_plan(recipe, Corpora(None, default_cache())), Corpora(None, default_cache())
    found = {}
    for seed in seeds:
        row = next(row for row in plan.rows if row.front_end == label and seed in (str(row.seed), "untrained"))
        config = plan.cells[row.record].config
        source = Source(*(corpora.open(config["source"][role]) for role in ("targets", "interferers")))
        if seed == "untrained":
            torch.manual_seed(row.seed)
            front_end = build_front_end({recipe.front_ends[label].name: dict(recipe.front_ends[label].config)})
        else:
            front_end = scored_system(config, source, Store(out / "runs")).front_end
        score = Score(**config["score"]).model_copy(update={"scenes": SCENES})
        found[seed] = independence(front_end.eval(), source, score, config["listeners"])
    print(pd.DataFrame(found).round(2).to_string())
    for seed, figures in found.items():
        print(f"{seed}: {'; '.join(failed(figures)) or 'nothing'} fails")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4:])
