"""Whether the two controls of a trained front-end are independent: p of noise reduction, q of compensation.

python studies/independence_of_controls.py RECIPE FRONT_END OUT SEED…

OUT is the folder in which the recipe was run. SEED is a seed of training, or "untrained" for initial weights. A column
is printed for each seed, in dB, and which limits it fails; the limits were fixed beforehand in docs/results/hearing.md.

Effects are measured by shadow filtering. Those of moving p or q from 0 to 1 are measured on 30 test scenes in noise, at
each SNR and for each listener of the recipe. How close q comes to NAL-R is measured on 10 test scenes at each SNR, for
the ten standard audiograms with a loss, at the q that comes closest on as many validation scenes. For comparison, it
prints how close any one gain for all listeners could come.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import torch

from benchmark.catalogue import Corpora
from benchmark.contracts import FrontEnd
from benchmark.data import Source
from benchmark.hearing.audiograms import PROFILES
from benchmark.hearing.prescriptions import nal_r
from benchmark.hearing.shadow_filtering import shadows
from benchmark.planning.plan import Plan
from benchmark.planning.planner import make_plan
from benchmark.planning.recipe import load_recipe
from benchmark.running.sweep import batches
from benchmark.running.systems import enhancer_of, front_end_of, open_source
from benchmark.settings import ScoredScenes
from benchmark.store import Store, Workspace, default_cache

EFFECT_SCENES, NAL_R_SCENES = 30, 10  # for the effects of p and q; for the distance from NAL-R
CORNERS = [{"p": p, "q": q} for p in (0.0, 1.0) for q in (0.0, 1.0)]
ALONG = [{"p": 0.0, "q": q / 10} for q in range(11)]
LOSSES = {name: profile for name, profile in PROFILES.items() if name != "normal"}


def independence(
    front_end: FrontEnd, source: Source, mixing: ScoredScenes, listeners: Mapping[str, Sequence[float]]
) -> dict[str, float]:
    """The measurements by name, in dB; most of them have a limit.

    Args:
        front_end: with controls p and q, and a method `shadow`, as `shadow_filtering.shadows` wants it
        mixing: SNRs and level of the scenes
        listeners: thresholds in dB HL by name
    """

    def table(
        split: str, scenes: int, heard_by: Mapping[str, Sequence[float]], settings: list[dict[str, float]]
    ) -> pd.DataFrame:
        own = batches(source.mixer(split), mixing.model_copy(update={"scenes": scenes}), heard_by)
        return pd.DataFrame(settings).join(shadows(front_end, own, settings)).set_index(["p", "q"])

    corners = table("test", EFFECT_SCENES, listeners, CORNERS)
    off = {
        split: table(split, NAL_R_SCENES, LOSSES, ALONG)["shadow_nal_r"].loc[0.0] for split in ("validation", "test")
    }
    nearest = off["validation"].idxmin()
    prescribed = nal_r(torch.tensor(list(LOSSES.values()), dtype=torch.float32))
    figures = {
        "q nearest to NAL-R": nearest,
        "off NAL-R there": off["test"][nearest],
        "off NAL-R at q = 1": off["test"][1.0],
    }
    figures["off NAL-R, one gain for all"] = float((prescribed - prescribed.mean(0)).square().mean(1).sqrt().mean())
    for q in (0.0, 1.0):
        moved = corners.loc[(1.0, q)] - corners.loc[(0.0, q)]
        figures |= {f"p at q = {q:.0f}: SNR": moved["shadow_snr"], f"p at q = {q:.0f}: speech": moved["shadow_gain"]}
    figures["q at p = 0: SNR of a band, either way"] = corners["shadow_band_snr_moved"][0.0, 1.0]
    figures["q at p = 1: SNR in bands"] = corners["shadow_band_snr"][1.0, 1.0] - corners["shadow_band_snr"][1.0, 0.0]
    return figures


def failed(figures: dict[str, float]) -> list[str]:
    """The names of the measurements that are beyond their limits."""
    limits = {name: 2.0 for name in figures if name.endswith("speech")} | {
        name: 1.0 for name in figures if name.startswith("q at p")
    }
    limits["off NAL-R there"] = min(8.0, figures["off NAL-R, one gain for all"])
    beyond = [name for name, limit in limits.items() if not abs(figures[name]) < limit]
    return beyond + [name for name, value in figures.items() if name.endswith(": SNR") and not value >= 3.0]


def front_end_with_weights(plan: Plan, label: str, seed: str, store: Store) -> FrontEnd:
    """A front-end of a plan with the weights of a seed; "untrained": as it is built under the first seed."""
    row = next(row for row in plan.rows if row.front_end == label and seed in (str(row.seed), "untrained"))
    enhancing = plan.enhancing(row)
    if seed == "untrained":
        torch.manual_seed(row.seed)
        return front_end_of(enhancing.front_end).eval()
    return enhancer_of(enhancing, store).front_end


def main(recipe_name: str, label: str, out: Path, seeds: list[str]) -> None:
    """Print a column for each seed, and the limits that it fails."""
    torch.set_num_threads(1)
    workspace = Workspace(None, default_cache(), out / "runs", out / "leaderboards")
    plan = make_plan(load_recipe(recipe_name), Corpora(workspace.data, workspace.cache))
    scoring = plan.scoring(next(row for row in plan.rows if row.front_end == label))
    source = open_source(scoring.source, workspace)
    found = {}
    for seed in seeds:
        front_end = front_end_with_weights(plan, label, seed, Store(workspace.runs))
        found[seed] = independence(front_end, source, scoring.scenes, scoring.listeners or {})
    print(pd.DataFrame(found).round(2).to_string())
    for seed, figures in found.items():
        print(f"{seed}: {'; '.join(failed(figures)) or 'nothing'} fails")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4:])
