"""Grouped bootstrap, paired comparisons, Holm's correction and shared ranks.

The bootstrap is a weight matrix: row 0 weighs every scene once (the sample itself), each further row is one replicate. Sums over scenes that are resampled
are then one matrix product, and whatever is computed from them carries the observed value in front of its replicates, (1 + replicates,). Rows of a board
share the weights, so that differences between them are paired.

Sources: A. C. Davison and D. V. Hinkley, Bootstrap Methods and their Application, 1997 (the (1 + count) / (R + 1) convention, resampling
of nested data); M. Bisani and H. Ney, ICASSP 2004 (the bootstrap of error rates); S. Holm, Scandinavian Journal of Statistics 6, 1979.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit

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


class Design(NamedTuple):
    """What a figure stands on."""

    scenes: int  # base scenes
    units: int  # what the bootstrap draws first, as `units` counts it
    seeds: Any = 1  # of training: a number, or an array of numbers where several figures are asked for
    seed_variance: float = 0.0  # of a mean over seeds, pooled over the rows of a board …
    seed_degrees: float = 0.0  # … and its degrees of freedom; 0: not pooled

    def pooled(self, by_seed: np.ndarray, rows: int) -> "Design":
        """The same with the mean over figures (figures, 1 + replicates) of the variance that seeds alone make; `rows`: how many of them are independent.

        Three seeds say next to nothing of their spread, those of all rows together do; that rows are equally sensitive to their seeds is assumed (ours). A row
        that is more sensitive keeps its own variance.
        """
        seeds = np.broadcast_to(self.seeds, len(by_seed))
        if not (several := seeds > 1).any():
            return self
        variances = _variance(by_seed[several, 1:]) * seeds[several] / (seeds[several] - 1)
        return self._replace(seed_variance=float(variances.mean()), seed_degrees=float(rows * (seeds[several].mean() - 1)))


def interval(values: np.ndarray, by_seed: np.ndarray | None, design: Design, level: float = LEVEL) -> tuple[float, float]:
    """The percentile interval of one quantity, stretched about the observed value, the more the fewer units and seeds there are.

    Percentile intervals of small samples are too short, as if a normal deviate stood for Student's and n for n - 1 (T. C. Hesterberg, The American Statistician
    69, 2015, who widens the quantiles). Stretching is ours: the replicates of three seeds do not reach far enough for wider quantiles.

    Args:
        values: (1 + replicates,)
        by_seed: like it, where seeds alone were redrawn; None: one seed
    Returns:
        low, high; NaN where the observed value is undefined. Undefined replicates are left out.
    """
    replicates = values[1:][np.isfinite(values[1:])]
    if not replicates.size or not np.isfinite(values[0]):
        return float("nan"), float("nan")
    error, degrees = _standard_error(values[1:], None if by_seed is None else by_seed[1:], design)
    tail, spread = (1 - level) / 2, replicates.std()
    stretch = stdtrit(degrees, tail) * error / (ndtri(tail) * spread) if spread > 0 and degrees > 0 else 1.0
    low, high = values[0] + stretch * (np.quantile(replicates, [tail, 1 - tail]) - values[0])
    return float(low), float(high)


def p_values(differences: np.ndarray, by_seed: np.ndarray | None, design: Design) -> np.ndarray:
    """Two-sided bootstrap p values of paired differences: twice the share of replicates that fall on the rarer side of zero, (1 + count) / (R + 1).

    Ties count for both sides, undefined replicates for none. Three choices are ours:

    - The share cannot fall below 2 / (R + 1), so that no pair of a large board could pass Holm's correction: where no replicate crosses zero, Student's tail
      beyond the standard error stands for it.
    - The bootstrap of few groups, or few seeds, is too sure of itself: p is never below that tail, whose degrees of freedom are Satterthwaite's (Biometrics
      Bulletin 2, 1946) for a variance that is the sum of one over units and one over seeds, the latter pooled over a board.
    - p is never below what a sign test on the scenes could reach, 2 ** (1 - scenes).

    Args:
        differences: (..., 1 + replicates)
        by_seed: like it, where seeds alone were redrawn; None: one seed
        design: its `seeds` may be an array (...)
    Returns:
        (...)
    """
    observed, replicates = differences[..., 0], differences[..., 1:]
    defined = np.isfinite(replicates)
    total = defined.sum(-1)
    crossed = total - np.maximum((replicates > TIE).sum(-1), (replicates < -TIE).sum(-1))
    share = 2 * (1 + crossed) / (1 + total)
    error, degrees = _standard_error(replicates, None if by_seed is None else by_seed[..., 1:], design)
    with np.errstate(divide="ignore", invalid="ignore"):
        tail = 2 * stdtr(degrees, -np.abs(observed) / error)
    return np.fmin(np.fmax(np.where(crossed == 0, tail, np.fmax(share, tail)), 2.0 ** (1 - design.scenes)), 1)


def _standard_error(replicates: np.ndarray, by_seed: np.ndarray | None, design: Design) -> tuple[np.ndarray, np.ndarray]:
    """From replicates (..., replicates) the standard error (...) and its degrees of freedom: a bootstrap of n draws has (n - 1) / n of the variance."""
    whole, units, seeds = _variance(replicates), design.units, np.asarray(design.seeds)
    drawn = np.zeros_like(whole) if by_seed is None else np.minimum(_variance(by_seed), whole)
    with np.errstate(divide="ignore", invalid="ignore"):
        over_units = (whole - drawn) * units / (units - 1)
        over_seeds = np.where(seeds > 1, np.maximum(drawn * seeds / (seeds - 1), design.seed_variance), 0.0)
        together = over_units + over_seeds
        degrees = together**2 / (over_units**2 / (units - 1) + np.where(seeds > 1, over_seeds**2 / (design.seed_degrees or seeds - 1), 0.0))
    return np.sqrt(together), np.where(np.isfinite(degrees), degrees, units - 1)


def _variance(replicates: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(replicates.var(-1, where=np.isfinite(replicates)))


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down correction of p values, (tests,) to (tests,)."""
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p, dtype=np.float64)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return adjusted


def compare(values: np.ndarray, by_seed: np.ndarray, compared: np.ndarray, design: Design) -> np.ndarray:
    """Holm-corrected p values of all pairs that are compared; one board is one family.

    Args:
        values: (rows, 1 + replicates)
        by_seed: like it, where seeds alone were redrawn
        compared: (rows, rows), symmetric, true where two rows are compared; the diagonal is ignored
        design: its `seeds` are those of each row, (rows,); the better known of a pair counts
    Returns:
        (rows, rows), symmetric, NaN where nothing was compared
    """
    table = np.full(compared.shape, np.nan)
    pairs = np.argwhere(np.triu(compared, 1))
    if len(pairs):
        first, second = pairs.T
        seeds = np.broadcast_to(design.seeds, len(values))
        both = design._replace(seeds=np.maximum(seeds[first], seeds[second]))
        both = both.pooled(by_seed[first] - by_seed[second], len(values) - 1)
        raw = [
            p_values(values[first[part]] - values[second[part]], by_seed[first[part]] - by_seed[second[part]], both._replace(seeds=both.seeds[part]))
            for part in np.array_split(np.arange(len(pairs)), -(-len(pairs) // 256))  # bounds the memory of large boards
        ]
        table[first, second] = holm(np.concatenate(raw))
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
