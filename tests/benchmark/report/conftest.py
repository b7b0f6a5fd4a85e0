"""A leaderboard of two invented tasks, with names that would do harm, and records with sounds beside it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from invented_summaries import CONDITIONS, TASKS, summary

from benchmark import audio, registry
from benchmark.report.site import write_site
from benchmark.results.summary_file import write_summaries
from benchmark.store import Store, canonical, write_text

HARM = "<script>alert(1)</script>"
FORMULA = '=cmd()"&'
FAILS = ("asr", HARM, "noisy")
TEXTS = {
    "identity": "tree boxes are the door",
    "unet": "three books are under the door",
    "reference": "three books are under the door",
}


@pytest.fixture(scope="session")
def summaries() -> list[dict[str, Any]]:
    costs = {
        name: summary()["costs"] | {"macs_per_second": macs, "real_time_factor": time}
        for name, macs, time in (("identity", 0, 1e-6), ("unet", 2e8, 0.02), (HARM, 4e8, 0.01), (FORMULA, None, 0.03))
    }
    rates = {
        "asr": {"identity": 0.5, "unet": 0.1, HARM: 0.15, FORMULA: 0.6},
        "commands": {"identity": 0.4, "unet": 0.2, HARM: 0.4, FORMULA: 0.7},
    }
    once = np.zeros((30, len(CONDITIONS)), int)
    once[0, 1] = 1
    lines = [
        summary(
            task,
            name,
            scheme,
            rate,
            costs=costs[name],
            predictions=None,
            **{"failed": once.tolist()} if (task, name, scheme) == FAILS else {},
        )
        for task, by_name in rates.items()
        for name, rate in by_name.items()
        for scheme in ("noisy", "joint")
        if (name, scheme) != ("identity", "joint")
    ]
    return lines + [
        summary(task, "reference", "clean", 0.02, ranked=False, costs={}, predictions=None) for task in TASKS
    ]


@pytest.fixture(scope="session")
def leaderboard(tmp_path_factory: pytest.TempPathFactory, summaries: list[dict[str, Any]]) -> Path:
    """Without records."""
    folder = tmp_path_factory.mktemp("bare") / "leaderboards" / "toy & co"
    write_summaries(folder / "summaries.jsonl", summaries)
    return folder


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory, summaries: list[dict[str, Any]]) -> Path:
    """With records of three rows: transcripts and labels, and the sounds of a scene."""
    root = tmp_path_factory.mktemp("recorded")
    folder = root / "leaderboards" / "toy"
    write_summaries(folder / "summaries.jsonl", summaries)
    for line in summaries:
        if (line["front_end"], line["scheme"]) in (("identity", "noisy"), ("unet", "joint"), ("reference", "clean")):
            _record(Store(root / "runs"), line)
        elif (line["task"], line["front_end"], line["scheme"]) == FAILS:
            _record(Store(root / "runs"), line, failed=f"the front-end's output {HARM}")
    return folder


@pytest.fixture(autouse=True)
def stubs(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks without models, and a cache of one's own."""
    _stub(monkeypatch, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def site(leaderboard: Path, recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of both."""
    with pytest.MonkeyPatch.context() as patch:  # for the building alone: other tests of the session have real tasks
        _stub(patch, tmp_path_factory.mktemp("cache"))
        return write_site([leaderboard, recorded], tmp_path_factory.mktemp("out") / "site").parent


def _stub(patch: pytest.MonkeyPatch, cache: Path) -> None:
    patch.setenv("EARMARK_CACHE", str(cache))
    load = registry.load
    patch.setattr(registry, "load", lambda kind, name: TASKS[name] if kind == "tasks" else load(kind, name))


def _record(store: Store, line: dict[str, Any], failed: str | None = None) -> None:
    right = line["front_end"] != "identity"
    if line["task"] == "asr":
        reference, prediction = {"text": "Three books are under the door."}, {"text": TEXTS.get(line["front_end"], "")}
    else:
        reference, prediction = {"label": "left"}, {"label": "left" if right else "right"}
    shown = {"scene": "a|snr_5", "base": "a", "conditions": {"snr": "snr_5"}}
    entries = [
        {
            "scene": f"{base}|{snr}",
            "base": base,
            "conditions": {"snr": snr},
            "reference": reference,
            "prediction": {} if failed else prediction,
            "failed": failed,
        }
        for base in ("a", "b")
        for snr in ("clean", "snr_5", "snr_0")
    ]
    tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / 16000)
    sound = {"identity": 2 * tone, "unet": 0.1 * tone, "reference": 0.5 * tone}.get(line["front_end"], tone)

    def fill(folder: Path) -> None:
        write_text(folder / "predictions.jsonl", "".join(canonical(entry) + "\n" for entry in entries))
        audio.write(folder / "audio" / "0.wav", sound[None])
        write_text(folder / "audio" / "audio.json", json.dumps([] if failed else [{**shown, "file": "0.wav"}]))

    store.put("records", line["keys"]["outputs"], {}, fill)
