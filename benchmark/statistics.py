"""Cluster bootstrap, confidence intervals, paired comparisons with Holm's correction, and ranks.

The bootstrap is a matrix of weights, (1 + replicates, scenes). Row 0 weighs every scene once: it is the sample itself;
each other row is one replicate. Resampled sums over scenes are then one matrix product, and whatever is computed from
them has the observed value in front of its replicates, (1 + replicates,). All rows of a board use the same weights, so
differences between them are paired.

Sources: A. C. Davison and D. V. Hinkley, Bootstrap Methods and their Application, 1997 (the (1 + count) / (R + 1)
convention, resampling of nested data); M. Bisani and H. Ney, ICASSP 2004 (the bootstrap of error rates); S. Holm,
Scandinavian Journal of Statistics 6, 1979.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit

REPLICATES = 2000
LEVEL = 0.95  # confidence level of intervals
ALPHA = 0.05  # significance level of comparisons, over a whole board
LEAST_P = 0.0001  # the smallest p value that is printed
TIE = 1e-9  # smaller differences are rounding errors
Bounds = tuple[float, float]
UNBOUNDED: Bounds = (-np.inf, np.inf)


def scene_weights(
    scenes: Sequence[str], groups: Sequence[str], replicates: int = REPLICATES, universe: Iterable[str] = ()
) -> np.ndarray:
    """Weights of the cluster bootstrap: how often each replicate draws each scene.

    Groups are drawn with replacement, each with all its scenes; if there is only one group, scenes are drawn instead.
    Scenes are not drawn again within a group: that would count their spread twice, since the groups' means contain it
    already (Davison and Hinkley, section 3.8). The draws are a function of the ids, so a rebuilt board has the same
    digits.

    Args:
        scenes: ids of base scenes, unique; all conditions of a scene are drawn together
        groups: the group (speaker, site) of each scene
        universe: all groups to draw from, also those without scenes here; by default the groups of the scenes. Boards
            with the same universe share their draws, so figures over several boards account for speakers that the
            boards have in common
    Returns:
        (1 + replicates, scenes), float64; row 0 is all ones
    """
    alone = len(set(groups)) == 1
    drawn_from = scenes if alone else sorted({*universe, *groups})
    count = len(drawn_from)
    drawn = _generator(drawn_from).multinomial(count, np.full(count, 1 / count), size=replicates)
    place = {name: index for index, name in enumerate(drawn_from)}
    return np.vstack([np.ones(len(scenes)), drawn[:, [place[name] for name in (scenes if alone else groups)]]])


def units(groups: Sequence[str]) -> float:
    """Effective number of clusters, (Σn)² / Σn² for groups of n scenes; the number of scenes if there is one group.

    It is the number of groups where all have the same size, and smaller where a few hold most of the scenes (Carter,
    Schnepel and Steigerwald, Review of Economics and Statistics 99, 2017). It is at least 2, with which everything is
    uncertain enough (ours).

    Args:
        groups: the group of each scene
    """
    sizes = np.unique(np.asarray(groups), return_counts=True)[1]
    return max(2.0, float(len(groups) ** 2 / (sizes**2).sum())) if len(sizes) > 1 else len(groups)


def seed_weights(seeds: Sequence[int], replicates: int = REPLICATES) -> np.ndarray:
    """Weights of training seeds in averages over them: seeds are drawn with replacement, like scenes.

    They are a function of the seeds alone. So systems with the same seeds are paired, also on boards of different
    tasks, since the same pre-trained front-ends are behind them.

    Returns:
        (1 + replicates, seeds); each row sums to 1, row 0 holds equal weights
    """
    count = len(seeds)
    shares = np.full(count, 1 / count)
    drawn = _generator(map(str, seeds)).multinomial(count, shares, size=replicates)
    return np.vstack([shares, drawn / count])


class Counted(NamedTuple):
    """Effective numbers of clusters of figures over several boards, with the bias of their bootstrap variances."""

    units: Any  # effective numbers of clusters
    inflation: Any  # factors that correct the variances over clusters


class Design(NamedTuple):
    """Sample sizes that a figure is based on. `units`, `seeds` and `inflation` may be arrays, for several figures."""

    scenes: int  # number of base scenes
    units: Any  # effective number of clusters, see `units`
    seeds: Any = 1  # number of training seeds
    seed_variance: float = 0.0  # of a mean over seeds, pooled over the rows of a board …
    seed_degrees: float = 0.0  # … and its degrees of freedom; 0: not pooled
    inflation: Any = None  # factor that corrects the bootstrap's variance over clusters; None: units / (units - 1)

    def over(self, counted: Counted) -> "Design":
        """The same design with the clusters of figures over several boards."""
        return self._replace(units=counted.units, inflation=counted.inflation)

    def pooled(self, by_seed: np.ndarray, rows: int) -> "Design":
        """The same design with the variance between seeds pooled over rows.

        Three seeds say next to nothing about their spread, but those of all rows together do. This assumes that all
        rows are equally sensitive to their seeds (ours); a row that is more sensitive keeps its own variance.

        Args:
            by_seed: figures where only seeds were redrawn, (rows, 1 + replicates)
            rows: how many of these rows are independent
        """
        return self._pooled(_variance(by_seed[:, 1:]), rows)

    def _pooled(self, drawn: np.ndarray, rows: int) -> "Design":
        seeds = np.broadcast_to(self.seeds, len(drawn))
        if not (several := seeds > 1).any():
            return self
        variances = drawn[several] * seeds[several] / (seeds[several] - 1)
        return self._replace(
            seed_variance=float(variances.mean()), seed_degrees=float(rows * (seeds[several].mean() - 1))
        )


class Contributions(NamedTuple):
    """Contributions of several boards to figures over all of them."""

    values: np.ndarray  # (boards, rows, 1 + replicates); their sums over boards are the figures
    units: Sequence[float]  # effective number of clusters of each board

    def of_rows(self) -> Counted:
        """Of the figure of each row, (rows,)."""
        own = self._centred()
        return self._counted((own * own.sum(0)).mean(-1))

    def of_pairs(self) -> Counted:
        """Of the difference of every two rows, (rows, rows)."""
        own = self._centred()
        products = (
            own @ own.sum(0).T / own.shape[-1]
        )  # (boards, rows, rows): covariances of a board's part with the whole
        same = np.diagonal(products, axis1=1, axis2=2)
        return self._counted(same[:, :, None] + same[:, None] - products - products.transpose(0, 2, 1))

    def _centred(self) -> np.ndarray:
        replicates = self.values[..., 1:]
        defined = np.isfinite(replicates)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = np.where(defined, replicates, 0).sum(-1, keepdims=True) / defined.sum(-1, keepdims=True)
        return np.where(defined, replicates - means, 0.0)

    def _counted(self, shares: np.ndarray) -> Counted:
        """Effective numbers of clusters, from the boards' shares of the variance, (boards, ...) to (...).

        The share of a board is the covariance of its part with the whole; all shares add up to the variance. Each is
        inflated as its board's variance is. The degrees of freedom are the mean of the boards', harmonic and weighted
        by their shares, similar to how Cochran and Cox (Experimental Designs, 1957) weight Student's quantiles. So a
        small board counts as much as it adds to the uncertainty, and people who are on several boards do not count
        twice. Satterthwaite's degrees of freedom are larger, and too large where a board of three sites dominates
        (ours, by simulation).

        Args:
            shares: of the variance
        """
        units = np.array(self.units, dtype=float).reshape(-1, *[1] * (shares.ndim - 1))
        fewest = np.float64(min(self.units))
        with np.errstate(invalid="ignore", divide="ignore"):
            sizes = np.abs(shares * units / (units - 1))
            counted, inflation = (
                1 + sizes.sum(0) / (sizes / (units - 1)).sum(0),
                (shares * units / (units - 1)).sum(0) / shares.sum(0),
            )
            known = np.isfinite(counted) & np.isfinite(inflation)
            return Counted(
                np.where(known, counted, fewest), np.where(known, np.maximum(inflation, 1), fewest / (fewest - 1))
            )


def interval(
    values: np.ndarray, by_seed: np.ndarray | None, design: Design, bounds: Bounds = UNBOUNDED
) -> tuple[float, float]:
    """Percentile interval of one quantity, stretched about the observed value for small samples.

    Percentile intervals of small samples are too short, as if normal quantiles were used for Student's and n for n - 1
    (T. C. Hesterberg, The American Statistician 69, 2015, who takes wider quantiles instead). To stretch the interval
    is our choice, because the replicates of three seeds do not reach far enough for wider quantiles.

    Args:
        values: (1 + replicates,); replicates that are NaN are left out
        by_seed: the same where only seeds were redrawn; None: there is one seed
        bounds: the smallest and the largest possible value, to which the interval is clipped
    Returns:
        low, high; NaN where the observed value is NaN
    """
    ((low, high),) = intervals(values[None], None if by_seed is None else by_seed[None], design, bounds)
    return float(low), float(high)


def intervals(values: np.ndarray, by_seed: np.ndarray | None, design: Design, bounds: Bounds = UNBOUNDED) -> np.ndarray:
    """The `interval` of each of several quantities, (quantities, 1 + replicates) to (quantities, 2).

    Where all scenes have the same value, such as a perfect score, all replicates are equal. The interval then allows
    for a share of 1 - 0.025^(1 / scenes) of other scenes, the exact limit for what was never observed (C. J. Clopper
    and E. S. Pearson, Biometrika 26, 1934), with values at the bounds (ours).

    Args:
        design: its `seeds` may be an array, (quantities,)
    """
    observed, replicates = values[:, :1], values[:, 1:]
    defined, tail = np.isfinite(replicates), (1 - LEVEL) / 2
    error, degrees = _standard_error(
        _variance(replicates), None if by_seed is None else _variance(by_seed[:, 1:]), design
    )
    quantiles = np.full((len(values), 2), np.nan)
    whole = defined.all(1)
    quantiles[whole] = np.quantile(replicates[whole], [tail, 1 - tail], axis=1).T
    for index in np.flatnonzero(~whole & defined.any(1)):
        quantiles[index] = np.quantile(replicates[index, defined[index]], [tail, 1 - tail])
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(_variance(replicates))
        stretch = np.where((spread > 0) & (degrees > 0), stdtrit(degrees, tail) * error / (ndtri(tail) * spread), 1.0)[
            :, None
        ]
        ends = observed + stretch * (quantiles - observed)
    if np.isfinite(bounds).all():
        unseen = 1 - tail ** (1 / design.scenes)
        ends = np.where(spread[:, None] < TIE, observed + unseen * (bounds - observed), ends)
    return np.where(np.isfinite(observed), np.clip(ends, *bounds), np.nan)


def p_values(differences: np.ndarray, by_seed: np.ndarray | None, design: Design) -> np.ndarray:
    """Two-sided bootstrap p values of paired differences.

    p is twice the share of the R replicates on the rarer side of zero, (1 + count) / (R + 1). Ties count for both
    sides, replicates that are NaN for neither; where the observed difference is NaN, p is 1. Three choices are ours:

    - Where no replicate crosses zero, p is the tail of Student's t at the observed difference in standard errors. The
      share cannot be smaller than 2 / (R + 1), with which no pair of a large board could pass Holm's correction.
    - The bootstrap of few groups or few seeds underestimates p, so p is never below that tail. Its degrees of freedom
      are Satterthwaite's (Biometrics Bulletin 2, 1946) for the sum of the variances over clusters and over seeds, the
      latter pooled over a board.
    - p is never below 2 ** (1 - scenes), the smallest value of a sign test on the scenes.

    Args:
        differences: (..., 1 + replicates)
        by_seed: the same where only seeds were redrawn; None: there is one seed
        design: its `seeds` may be an array, (...)
    Returns:
        (...)
    """
    observed, replicates = differences[..., 0], differences[..., 1:]
    counts = Counts((replicates > TIE).sum(-1), (replicates < -TIE).sum(-1), np.isfinite(replicates).sum(-1))
    return _p_values(
        observed, counts, _variance(replicates), None if by_seed is None else _variance(by_seed[..., 1:]), design
    )


class Counts(NamedTuple):
    """Numbers of replicates above zero, below zero, and that are not NaN."""

    above: np.ndarray
    below: np.ndarray
    defined: np.ndarray


def _p_values(
    observed: np.ndarray, counts: Counts, whole: np.ndarray, drawn: np.ndarray | None, design: Design
) -> np.ndarray:
    crossed = counts.defined - np.maximum(counts.above, counts.below)
    share = 2 * (1 + crossed) / (1 + counts.defined)
    error, degrees = _standard_error(whole, drawn, design)
    with np.errstate(divide="ignore", invalid="ignore"):
        tail = 2 * stdtr(degrees, -np.abs(observed) / error)
    p = np.fmin(np.fmax(np.where(crossed == 0, tail, np.fmax(share, tail)), 2.0 ** (1 - design.scenes)), 1)
    return np.where(np.isfinite(observed) & (counts.defined > 0), p, 1.0)


def _standard_error(whole: np.ndarray, drawn: np.ndarray | None, design: Design) -> tuple[np.ndarray, np.ndarray]:
    """Standard errors and their degrees of freedom, Satterthwaite's for variances over clusters and over seeds.

    A bootstrap of n draws underestimates the variance by a factor of (n - 1) / n, which is corrected here.

    Args:
        whole: variance of the replicates
        drawn: the same where only seeds were redrawn; None: there is one seed
    """
    units, seeds = design.units, np.asarray(design.seeds)
    drawn = np.zeros_like(whole) if drawn is None else np.minimum(drawn, whole)
    with np.errstate(divide="ignore", invalid="ignore"):
        over_units = (
            (whole - drawn) * units / (units - 1) if design.inflation is None else (whole - drawn) * design.inflation
        )
        over_seeds = np.where(seeds > 1, np.maximum(drawn * seeds / (seeds - 1), design.seed_variance), 0.0)
        together = over_units + over_seeds
        degrees = together**2 / (
            over_units**2 / (units - 1) + np.where(seeds > 1, over_seeds**2 / (design.seed_degrees or seeds - 1), 0.0)
        )
    return np.sqrt(together), np.where(np.isfinite(degrees), degrees, units - 1)


def _variance(replicates: np.ndarray) -> np.ndarray:
    """Variance over the last axis, without what is NaN."""
    defined = np.isfinite(replicates)
    if defined.all():
        return np.asarray(replicates.var(-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(defined, replicates, 0).sum(-1, keepdims=True) / defined.sum(-1, keepdims=True)
        return np.asarray((np.where(defined, replicates - means, 0) ** 2).sum(-1) / defined.sum(-1))


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down correction of p values, (tests,) to (tests,), at most 1."""
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p, dtype=np.float64)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return adjusted


def compare(
    values: np.ndarray, by_seed: np.ndarray, compared: np.ndarray, design: Design, added: Contributions | None = None
) -> np.ndarray:
    """Holm-corrected p values of all compared pairs of rows, which are one family of tests.

    Args:
        values: (rows, 1 + replicates)
        by_seed: the same where only seeds were redrawn
        compared: (rows, rows), symmetric, true where two rows are compared; the diagonal is ignored
        design: its `seeds` are those of each row, (rows,); for a pair the larger number counts
        added: what each board adds to the values, if there are several boards; they replace the clusters of design
    Returns:
        (rows, rows), symmetric, NaN where rows are not compared
    """
    table = np.full(compared.shape, np.nan)
    first, second = np.nonzero(np.triu(compared, 1))
    if len(first):
        seeds = np.broadcast_to(design.seeds, len(values))
        whole, drawn = (_pair_variances(each[:, 1:])[first, second] for each in (values, by_seed))
        above, defined = _pair_counts(values[:, 1:])
        counts = Counts(above[first, second], above[second, first], defined[first, second])
        if added is not None:
            design = design.over(Counted(*(counted[first, second] for counted in added.of_pairs())))
        both = design._replace(seeds=np.maximum(seeds[first], seeds[second]))._pooled(drawn, len(values) - 1)
        table[first, second] = holm(_p_values(values[first, 0] - values[second, 0], counts, whole, drawn, both))
        table[second, first] = table[first, second]
    return table


def _pair_variances(replicates: np.ndarray) -> np.ndarray:
    """Variance of the difference of every two rows, (rows, replicates) to (rows, rows); what is NaN is left out."""
    defined = np.isfinite(replicates)
    known = defined.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.where(defined, replicates, 0).sum(1, keepdims=True) / known.sum(1, keepdims=True)
        centred = np.where(defined, replicates - means, 0)  # centred first, so that nothing is lost to cancellation
        products = centred @ centred.T
        if defined.all():
            squares = np.diag(products)
            return np.maximum(squares[:, None] + squares - 2 * products, 0) / replicates.shape[1]
        count, sums, squares = known @ known.T, centred @ known.T, centred**2 @ known.T
        return np.maximum((squares + squares.T - 2 * products) / count - ((sums - sums.T) / count) ** 2, 0)


def _pair_counts(replicates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of replicates in which each row is above each other, and in which neither is NaN, both (rows, rows)."""
    known = np.isfinite(replicates)
    both = (known.astype(np.float64) @ known.T).astype(np.int64)
    values = np.ascontiguousarray(np.where(known, replicates, -np.inf).T)
    order = np.argsort(values, 1)
    with np.errstate(invalid="ignore"):
        steps = np.diff(np.take_along_axis(values, order, 1), axis=1, prepend=-np.inf) > TIE
    # Ranks of the rows in each replicate, equal for ties and lowest for NaN: small integers are compared much faster
    # than floats.
    places = np.empty(values.shape, np.int16 if len(replicates) < 2**15 else np.int32)
    np.put_along_axis(places, order, steps.cumsum(1, dtype=places.dtype), 1)
    places, counts = np.ascontiguousarray(places.T), np.uint16 if len(places) < 2**16 else np.uint32
    above = np.array([(own > places).view(np.uint8).sum(1, dtype=counts) for own in places], np.int64)
    return above - (known.sum(1)[:, None] - both), both


def ranks(scores: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Ranks: one plus the number of rows that are significantly better, so rows may share a rank.

    Args:
        scores: (rows,), higher is better
        p: (rows, rows), as `compare` returns it
    Returns:
        (rows,), int
    """
    return 1 + ((p < ALPHA) & (scores[:, None] > scores)).sum(0)


def _generator(names: Iterable[str]) -> np.random.Generator:
    """A generator that is seeded by names."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256("\n".join(names).encode()).digest(), "big"))
