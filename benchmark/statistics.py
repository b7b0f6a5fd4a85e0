"""Grouped bootstrap, paired comparisons, Holm's correction and shared ranks.

The bootstrap is a weight matrix: row 0 weighs every scene once (the sample itself), each further row is one replicate. Sums over scenes that are resampled
are then one matrix product, and whatever is computed from them carries the observed value in front of its replicates, (1 + replicates,). Rows of a board
share the weights, so that differences between them are paired.

Sources: A. C. Davison and D. V. Hinkley, Bootstrap Methods and their Application, 1997 (percentile intervals, the (1 + count) / (R + 1) convention, resampling
of nested data); M. Bisani and H. Ney, ICASSP 2004 (the bootstrap of error rates); S. Holm, Scandinavian Journal of Statistics 6, 1979.
"""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from scipy.special import stdtr

REPLICATES = 2000
LEVEL = 0.95  # of the intervals
ALPHA = 0.05  # of the comparisons, for a whole board
TIE = 1e-9  # differences below this are rounding, not evidence


def scene_weights(scenes: Sequence[str], groups: Sequence[str], replicates: int = REPLICATES, universe: Iterable[str] = ()) -> np.ndarray:
    """How often each replicate draws each scene: groups with replacement, then scenes with replacement within each drawn group.

    Where all scenes are of one group, scenes alone are drawn. The draws are a function of the ids, so that a rebuilt board has the same digits.

    Args:
        scenes: ids of base scenes, unique; all conditions of a scene are drawn together
        groups: the group of each scene (speaker, site)
        universe: groups that are drawn from, of which other boards may hold others: boards of one universe share its draws, and what is computed over several
            boards keeps what the same speakers do to all of them; those of the scenes where nothing is given
    Returns:
        (1 + replicates, scenes), float64; row 0 holds ones
    """
    generator = _generator(scenes)
    weights = np.ones((1 + replicates, len(scenes)))
    labels = np.asarray(groups)
    names = sorted({*universe, *groups})
    drawn = _generator(names).multinomial(len(names), np.full(len(names), 1 / len(names)), size=replicates)
    for index, name in enumerate(names):
        if name not in groups:
            continue
        members = np.flatnonzero(labels == name)
        # A group drawn c times has its n scenes resampled c times over, which is one multinomial of c n trials.
        weights[1:, members] = generator.multinomial(drawn[:, index] * len(members), np.full(len(members), 1 / len(members)))
    return weights


def units(groups: Sequence[str]) -> int:
    """How many independent units the bootstrap draws first: groups, or scenes where all are of one group."""
    return len(set(groups)) if len(set(groups)) > 1 else len(groups)


def seed_weights(seeds: Sequence[int], scenes: Sequence[str], replicates: int = REPLICATES) -> np.ndarray:
    """The share of each training seed in each replicate, drawn with replacement; figures are averaged over seeds with it.

    Returns:
        (1 + replicates, seeds), rows sum to one; row 0 holds equal shares. A function of seeds and scenes: rows with the same seeds are paired.
    """
    count = len(seeds)
    shares = np.full(count, 1 / count)
    drawn = _generator([*map(str, seeds), *scenes]).multinomial(count, shares, size=replicates)
    return np.vstack([shares, drawn / count])


def interval(values: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """The percentile interval of one quantity, (1 + replicates,); undefined replicates are left out, and it is NaN where the observed value is."""
    replicates = values[1:][np.isfinite(values[1:])]
    if not replicates.size or not np.isfinite(values[0]):
        return float("nan"), float("nan")
    low, high = np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def p_values(differences: np.ndarray, scenes: int, units: int) -> np.ndarray:
    """Two-sided bootstrap p values of paired differences: twice the share of replicates that fall on the rarer side of zero, (1 + count) / (R + 1).

    Ties count for both sides, undefined replicates for none. Three choices are ours:

    - The share cannot fall below 2 / (R + 1), so that no pair of a large board could pass Holm's correction: where no replicate crosses zero, Student's tail
      beyond the bootstrap's standard error stands for it.
    - The bootstrap of few groups is too sure of itself: p is never below that tail, with one degree of freedom less than there are units (A. C. Cameron and
      D. L. Miller, Journal of Human Resources 50, 2015).
    - p is never below what a sign test on the scenes could reach, 2 ** (1 - scenes).

    Args:
        differences: (..., 1 + replicates)
        scenes: the number of base scenes behind them
        units: what the bootstrap drew first, as `units` counts it
    Returns:
        (...)
    """
    observed, replicates = differences[..., 0], differences[..., 1:]
    defined = np.isfinite(replicates)
    total = defined.sum(-1)
    crossed = total - np.maximum((replicates > TIE).sum(-1), (replicates < -TIE).sum(-1))
    share = 2 * (1 + crossed) / (1 + total)
    with np.errstate(divide="ignore", invalid="ignore"):
        # The spread of a bootstrap of n units is short by the root of (n - 1) / n.
        tail = 2 * stdtr(units - 1, -np.abs(observed) / replicates.std(-1, where=defined) * np.sqrt(1 - 1 / units))
    return np.fmin(np.fmax(np.where(crossed == 0, tail, np.fmax(share, tail)), 2.0 ** (1 - scenes)), 1)


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down correction of p values, (tests,) to (tests,)."""
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p, dtype=np.float64)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return adjusted


def compare(values: np.ndarray, compared: np.ndarray, scenes: int, units: int) -> np.ndarray:
    """Holm-corrected p values of all pairs that are compared; one board is one family.

    Args:
        values: (rows, 1 + replicates)
        compared: (rows, rows), symmetric, true where two rows are compared; the diagonal is ignored
        scenes, units: their numbers, as for `p_values`
    Returns:
        (rows, rows), symmetric, NaN where nothing was compared
    """
    table = np.full(compared.shape, np.nan)
    pairs = np.argwhere(np.triu(compared, 1))
    if len(pairs):
        chunks = np.array_split(pairs, -(-len(pairs) // 256))  # bounds the memory of large boards
        first, second = pairs.T
        table[first, second] = holm(np.concatenate([p_values(values[chunk[:, 0]] - values[chunk[:, 1]], scenes, units) for chunk in chunks]))
        table[second, first] = table[first, second]
    return table


def ranks(scores: np.ndarray, p: np.ndarray) -> np.ndarray:
    """One plus the number of rows that are significantly better; rows may share a rank.

    Args:
        scores: (rows,), more is better
        p: (rows, rows) as `compare` returns it
    Returns:
        (rows,), int
    """
    return 1 + ((p < ALPHA) & (scores[:, None] > scores)).sum(0)


def _generator(names: Iterable[str]) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256("\n".join(names).encode()).digest(), "big"))
