"""Kill -9 of a process of a run at random moments; the same command must then end as if nothing had happened.

`python tests/faults/kill_at_random.py 100` tries a hundred moments, in turn on a run from nothing (corpora are
generated, cells run, boards written) and on a submission. It prints a line for each, and ends with status 1 where one
came out otherwise: other boards or predictions, a process, a lock or a temporary folder that is left, or a traceback.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
EARMARK = [sys.executable, "-m", "benchmark.cli"]
GAIN = "import torch\n\nclass Mine(torch.nn.Module):\n    def forward(self, audio):\n        return audio / 2\n"
TRIES = 4  # after a kill, in which the same command must end well


def main() -> int:
    """Try the moments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("moments", type=int, nargs="?", default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        root = Path(folder)
        expected, lasting = {}, {}
        for what in ("run", "submit"):
            place = fresh(root / f"{what}-undisturbed", what)
            started = time.monotonic()
            if (done := run(place, what)).returncode:
                print(done.stderr)
                return 1
            lasting[what], expected[what] = time.monotonic() - started, content(place)
        for moment in range(options.moments):
            what = ("run", "run", "submit")[moment % 3]
            place = fresh(root / "disturbed", what)
            after = rng.uniform(0.0, lasting[what])
            victim = killed(place, what, after, rng)
            said = ended(place, what)
            problems = said or differences(expected[what], content(place)) + leftovers(place)
            wrong += bool(problems)
            print(
                f"{moment + 1}/{options.moments} {what}, {victim} after {after:.1f} s: {problems or 'right'}",
                flush=True,
            )
            shutil.rmtree(place)
    print(f"{options.moments} moments, {wrong} wrong")
    return int(wrong > 0)


def fresh(place: Path, what: str) -> Path:
    """A folder with a recipe; for a submission with a finished run of it."""
    import toys

    (place / "tmp").mkdir(parents=True)
    (place / "mine.py").write_text(GAIN)
    toys.toy_recipe(place, schemes={"noisy": None, "joint": None})
    if what == "submit":
        done = run(place, "run")
        assert done.returncode == 0, done.stderr
    return place


def command(what: str) -> list[str]:
    """The command under test."""
    if what == "run":
        return [*EARMARK, "run", "toy.yaml", "--jobs", "2"]
    return [*EARMARK, "submit", "mine.py:Mine", "--recipe", "toy.yaml", "--unchecked", "--jobs", "2"]


def environment(place: Path) -> dict[str, str]:
    """Everything of a run lies in its folder."""
    return {**os.environ, "EARMARK_CACHE": str(place / "cache"), "TMPDIR": str(place / "tmp")}


def run(place: Path, what: str) -> subprocess.CompletedProcess[str]:
    """The command, to its end."""
    return subprocess.run(
        command(what), cwd=place, env=environment(place), capture_output=True, text=True, check=False, timeout=300
    )


def killed(place: Path, what: str, after: float, rng: random.Random) -> str:
    """Start the command and kill one of its processes after some seconds; who it was."""
    process = subprocess.Popen(
        command(what), cwd=place, env=environment(place), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(after)
    victims = [process.pid] if rng.random() < 0.5 else family(process.pid)
    victim = rng.choice(victims or [process.pid])
    name = "the run itself" if victim == process.pid else "a process of it"
    try:
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        name = "nobody"
    process.wait(300)
    return name


def family(pid: int) -> list[int]:
    """A process and all that it started, directly or not."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def ended(place: Path, what: str) -> list[str]:
    """Give the same command again until it ends well; what it said where it does not."""
    for _ in range(TRIES):
        done = run(place, what)
        if "Traceback" in done.stderr:
            return ["a traceback: " + done.stderr.strip().splitlines()[-1]]
        if done.returncode == 0:
            return []
        last = done.stderr.strip().splitlines()[-1]
        if "is writing here" in last:  # what was killed takes a moment to end
            time.sleep(2)
    return [f"it does not end well: {last}"]


def content(place: Path) -> dict[str, str]:
    """Digests of boards without what depends on the machine, and of predictions, by what they are of."""
    found = {}
    for path in sorted((place / "leaderboards/toy").glob("*.csv")):
        if path.stem != "costs":
            found[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    for path in sorted((place / "runs/records").glob("*/predictions.jsonl")):
        found[f"predictions {path.parent.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    for shelf in ("weights", "enhanced"):
        for path in sorted((place / "runs" / shelf).glob("*/manifest.json")):
            found[f"{shelf} {path.parent.name}"] = json.dumps(json.loads(path.read_text())["files"], sort_keys=True)
    return {name: value for name, value in found.items() if "log.csv" not in name}


def differences(expected: dict[str, str], got: dict[str, str]) -> list[str]:
    """What came out otherwise."""
    names = expected.keys() | got.keys()
    return [f"other {name}" for name in sorted(names) if _weights(expected.get(name)) != _weights(got.get(name))]


def _weights(text: str | None) -> object:
    """The hashes of an entry's files, without its log, which says how long steps took."""
    if text is None or not text.startswith("{"):
        return text
    return {name: value for name, value in json.loads(text).items() if name != "log.csv"}


def leftovers(place: Path) -> list[str]:
    """What should not be there any more."""
    found = [f"left: {path.relative_to(place)}" for path in place.rglob("*.part")]
    found += [f"left: {path.relative_to(place)}" for path in (place / "runs/work").glob("*")]
    late = time.monotonic() + 10
    while (left := list((place / "tmp").iterdir())) and time.monotonic() < late:
        time.sleep(0.2)
    found += [f"left: {path.relative_to(place)}" for path in left if path.name.startswith("earmark")]
    mark = str(place).encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes() and int(path.parent.name) != os.getpid():
                found.append(f"process {path.parent.name} still runs")
        except OSError:
            continue
    return found


if __name__ == "__main__":
    sys.exit(main())
