"""Grouped bootstrap, paired comparisons, Holm's correction and shared ranks.

The bootstrap is a weight matrix: row 0 weighs every scene once (the sample itself), each further row is one replicate.
Sums over scenes that are resampled are then one matrix product, and whatever is computed from them carries the observed
value in front of its replicates, (1 + replicates,). Rows of a board share the weights, so that differences between them
are paired.

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
LEVEL = 0.95  # of the intervals
ALPHA = 0.05  # of the comparisons, for a whole board
LEAST_P = 0.0001  # that is printed: as good as certain
TIE = 1e-9  # differences below this are rounding, not evidence
Bounds = tuple[float, float]
UNBOUNDED: Bounds = (-np.inf, np.inf)


def scene_weights(
    scenes: Sequence[str], groups: Sequence[str], replicates: int = REPLICATES, universe: Iterable[str] = ()
) -> np.ndarray:
    """How often each replicate draws each scene: groups with replacement, a drawn group with all its scenes; where all
    are of one group, scenes.

    To draw scenes again within a drawn group would count their spread twice, for the groups' means hold it already
    (Davison and Hinkley, section 3.8). The draws are a function of the ids, so that a rebuilt board has the same
    digits.

    Args:
        scenes: ids of base scenes, unique; all conditions of a scene are drawn together
        groups: the group of each scene (speaker, site)
        universe: groups that are drawn from, of which other boards may hold others: boards of one universe share its
            draws, and what is computed over several boards keeps what the same speakers do to all of them; those of the
            scenes where nothing is given
    Returns:
        (1 + replicates, scenes), float64; row 0 holds ones
    """
    alone = len(set(groups)) == 1
    drawn_from = scenes if alone else sorted({*universe, *groups})
    count = len(drawn_from)
    drawn = _generator(drawn_from).multinomial(count, np.full(count, 1 / count), size=replicates)
    place = {name: index for index, name in enumerate(drawn_from)}
    return np.vstack([np.ones(len(scenes)), drawn[:, [place[name] for name in (scenes if alone else groups)]]])


def units(groups: Sequence[str]) -> float:
    """As how many independent units of one size count those that the bootstrap draws first: groups, or scenes where all
    are of one group.

    Groups of n scenes count (Σn)² / Σn², the effective number of clusters (Carter, Schnepel and Steigerwald, Review of
    Economics and Statistics 99, 2017): as many as there are where they are of one size, fewer where a few hold most of
    the scenes; never less than two, with which all is uncertain enough (ours).
    """
    sizes = np.unique(np.asarray(groups), return_counts=True)[1]
    return max(2.0, float(len(groups) ** 2 / (sizes**2).sum())) if len(sizes) > 1 else len(groups)


def seed_weights(seeds: Sequence[int], replicates: int = REPLICATES) -> np.ndarray:
    """The share of each training seed in each replicate, drawn with replacement; figures are averaged over seeds with
    it.

    Returns:
        (1 + replicates, seeds), rows sum to one; row 0 holds equal shares. A function of the seeds alone: rows with the
        same seeds are paired, on boards of other tasks too, for one pre-trained front-end stands behind them.
    """
    count = len(seeds)
    shares = np.full(count, 1 / count)
    drawn = _generator(map(str, seeds)).multinomial(count, shares, size=replicates)
    return np.vstack([shares, drawn / count])


class Counted(NamedTuple):
    """As how many units figures over several boards count, and by how much a bootstrap's variance over units is too
    small.
    """

    units: Any
    inflation: Any


class Design(NamedTuple):
    """What a figure stands on."""

    scenes: int  # base scenes
    # what the bootstrap draws first, as `units` counts it; or an array of such, where several figures are asked for
    units: Any
    seeds: Any = 1  # of training: a number, or an array of numbers where several figures are asked for
    seed_variance: float = 0.0  # of a mean over seeds, pooled over the rows of a board …
    seed_degrees: float = 0.0  # … and its degrees of freedom; 0: not pooled
    inflation: Any = None  # by which a bootstrap's variance over units is too small; None: units / (units - 1)

    def over(self, counted: Counted) -> "Design":
        """The same, with units that were counted over several boards."""
        return self._replace(units=counted.units, inflation=counted.inflation)

    def pooled(self, by_seed: np.ndarray, rows: int) -> "Design":
        """The same with the mean over figures (figures, 1 + replicates) of the variance that seeds alone make; `rows`:
        how many of them are independent.

        Three seeds say next to nothing of their spread, those of all rows together do; that rows are equally sensitive
        to their seeds is assumed (ours). A row that is more sensitive keeps its own variance.
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


class Parts(NamedTuple):
    """What each of several boards adds to figures over all of them."""

    values: np.ndarray  # (boards, rows, 1 + replicates), sums over boards are the figures
    units: Sequence[float]  # of each board

    def of_rows(self) -> Counted:
        """For each row's figure, (rows,)."""
        own = self._centred()
        return self._counted((own * own.sum(0)).mean(-1))

    def of_pairs(self) -> Counted:
        """For the difference of every two rows, (rows, rows)."""
        own = self._centred()
        products = own @ own.sum(0).T / own.shape[-1]  # (boards, rows, rows): of a board's part with the whole
        same = np.diagonal(products, axis1=1, axis2=2)
        return self._counted(same[:, :, None] + same[:, None] - products - products.transpose(0, 2, 1))

    def _centred(self) -> np.ndarray:
        replicates = self.values[..., 1:]
        defined = np.isfinite(replicates)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = np.where(defined, replicates, 0).sum(-1, keepdims=True) / defined.sum(-1, keepdims=True)
        return np.where(defined, replicates - means, 0.0)

    def _counted(self, shares: np.ndarray) -> Counted:
        """From the covariance of each board's part with the whole, (boards, ...) to (...), which add up to the variance
        of the whole.

        Each share is inflated as its board's variance is. Degrees of freedom are the harmonic mean of the boards',
        weighed by their shares, much as Cochran and Cox (Experimental Designs, 1957) weigh Student's quantiles: so a
        small board counts as much as it adds to the uncertainty, and what several boards owe to the same people does
        not count twice. Satterthwaite's would be more, and are too many where a board of three places rules (ours,
        simulated).
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
    """The percentile interval of one quantity, stretched about the observed value, the more the fewer units and seeds
    there are.

    Percentile intervals of small samples are too short, as if a normal deviate stood for Student's and n for n - 1 (T.
    C. Hesterberg, The American Statistician 69, 2015, who widens the quantiles). Stretching is ours: the replicates of
    three seeds do not reach far enough for wider quantiles.

    Args:
        values: (1 + replicates,)
        by_seed: like it, where seeds alone were redrawn; None: one seed
        bounds: the least and the most that the quantity can be, where the interval ends
    Returns:
        low, high; NaN where the observed value is undefined. Undefined replicates are left out.
    """
    ((low, high),) = intervals(values[None], None if by_seed is None else by_seed[None], design, bounds)
    return float(low), float(high)


def intervals(values: np.ndarray, by_seed: np.ndarray | None, design: Design, bounds: Bounds = UNBOUNDED) -> np.ndarray:
    """The interval of each of several quantities, (quantities, 1 + replicates) to (quantities, 2); the `seeds` of the
    design may be those of each.

    Where all scenes have the same value, such as a perfect score, a bootstrap sees no spread at all. Then a share of up
    to 1 - 0.025^(1 / scenes) may have another one, the exact limit for what was never seen (C. J. Clopper and E. S.
    Pearson, Biometrika 26, 1934), as far off as the bounds (ours).
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
    """Two-sided bootstrap p values of paired differences: twice the share of replicates that fall on the rarer side of
    zero, (1 + count) / (R + 1).

    Ties count for both sides, undefined replicates for none; what is undefined proves nothing, p is 1. Three choices
    are ours:

    - The share cannot fall below 2 / (R + 1), so that no pair of a large board could pass Holm's correction: where no
      replicate crosses zero, Student's tail beyond the standard error stands for it.
    - The bootstrap of few groups, or few seeds, is too sure of itself: p is never below that tail, whose degrees of
      freedom are Satterthwaite's (Biometrics Bulletin 2, 1946) for a variance that is the sum of one over units and one
      over seeds, the latter pooled over a board.
    - p is never below what a sign test on the scenes could reach, 2 ** (1 - scenes).

    Args:
        differences: (..., 1 + replicates)
        by_seed: like it, where seeds alone were redrawn; None: one seed
        design: its `seeds` may be an array (...)
    Returns:
        (...)
    """
    observed, replicates = differences[..., 0], differences[..., 1:]
    counts = Counts((replicates > TIE).sum(-1), (replicates < -TIE).sum(-1), np.isfinite(replicates).sum(-1))
    return _p_values(
        observed, counts, _variance(replicates), None if by_seed is None else _variance(by_seed[..., 1:]), design
    )


class Counts(NamedTuple):
    """How many replicates are above zero, below it, and defined."""

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
    """The standard error and its degrees of freedom, from the variance of replicates, and that where seeds alone were
    redrawn (None: one seed).

    A bootstrap of n draws has (n - 1) / n of the variance.
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
    defined = np.isfinite(replicates)
    if defined.all():
        return np.asarray(replicates.var(-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(defined, replicates, 0).sum(-1, keepdims=True) / defined.sum(-1, keepdims=True)
        return np.asarray((np.where(defined, replicates - means, 0) ** 2).sum(-1) / defined.sum(-1))


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down correction of p values, (tests,) to (tests,)."""
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p, dtype=np.float64)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return adjusted


def compare(
    values: np.ndarray, by_seed: np.ndarray, compared: np.ndarray, design: Design, parts: Parts | None = None
) -> np.ndarray:
    """Holm-corrected p values of all pairs that are compared; one board is one family.

    Args:
        values: (rows, 1 + replicates)
        by_seed: like it, where seeds alone were redrawn
        compared: (rows, rows), symmetric, true where two rows are compared; the diagonal is ignored
        design: its `seeds` are those of each row, (rows,); the better known of a pair counts
        parts: what boards add to the values, where several do; its units and inflation are theirs
    Returns:
        (rows, rows), symmetric, NaN where nothing was compared
    """
    table = np.full(compared.shape, np.nan)
    first, second = np.nonzero(np.triu(compared, 1))
    if len(first):
        seeds = np.broadcast_to(design.seeds, len(values))
        whole, drawn = (_pair_variances(each[:, 1:])[first, second] for each in (values, by_seed))
        above, defined = _pair_counts(values[:, 1:])
        counts = Counts(above[first, second], above[second, first], defined[first, second])
        if parts is not None:
            design = design.over(Counted(*(counted[first, second] for counted in parts.of_pairs())))
        both = design._replace(seeds=np.maximum(seeds[first], seeds[second]))._pooled(drawn, len(values) - 1)
        table[first, second] = holm(_p_values(values[first, 0] - values[second, 0], counts, whole, drawn, both))
        table[second, first] = table[first, second]
    return table


def _pair_variances(replicates: np.ndarray) -> np.ndarray:
    """The variance of the difference of every two rows over the replicates that are defined in both, (rows, replicates)
    to (rows, rows).
    """
    defined = np.isfinite(replicates)
    known = defined.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.where(defined, replicates, 0).sum(1, keepdims=True) / known.sum(1, keepdims=True)
        centred = np.where(defined, replicates - means, 0)  # nothing is lost to cancellation
        products = centred @ centred.T
        if defined.all():
            squares = np.diag(products)
            return np.maximum(squares[:, None] + squares - 2 * products, 0) / replicates.shape[1]
        count, sums, squares = known @ known.T, centred @ known.T, centred**2 @ known.T
        return np.maximum((squares + squares.T - 2 * products) / count - ((sums - sums.T) / count) ** 2, 0)


def _pair_counts(replicates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """In how many replicates each row is above each other, and in how many both are defined, (rows, replicates) to
    (rows, rows) twice.
    """
    known = np.isfinite(replicates)
    both = (known.astype(np.float64) @ known.T).astype(np.int64)
    values = np.ascontiguousarray(np.where(known, replicates, -np.inf).T)
    order = np.argsort(values, 1)
    with np.errstate(invalid="ignore"):
        steps = np.diff(np.take_along_axis(values, order, 1), axis=1, prepend=-np.inf) > TIE
    # Places among the rows of a replicate, ties sharing one, what is undefined lowest: small integers are compared far
    # faster than floats.
    places = np.empty(values.shape, np.int16 if len(replicates) < 2**15 else np.int32)
    np.put_along_axis(places, order, steps.cumsum(1, dtype=places.dtype), 1)
    places, counts = np.ascontiguousarray(places.T), np.uint16 if len(places) < 2**16 else np.uint32
    above = np.array([(own > places).view(np.uint8).sum(1, dtype=counts) for own in places], np.int64)
    return above - (known.sum(1)[:, None] - both), both


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
