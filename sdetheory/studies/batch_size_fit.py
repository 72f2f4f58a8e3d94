"""Where the test accuracy peaks over the batch size, how far that is from failure, and how it scales."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..errors import InvalidInputError

Array = NDArray[np.float64]

SCALINGS = {
    "learning_rate": lambda hp: hp["learning_rate"],
    "train_size": lambda hp: hp["train_size"],
    "1/(1 - momentum)": lambda hp: 1 / (1 - hp["momentum"]),
}
"""What the optimum batch size may be a power of."""

STEEPNESS = np.geomspace(0.5, 32.0, 61)
"""Powers k of 1/B that the fall towards small batches is tried with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A number with a confidence interval.

    Attributes
    ----------
    value, low, high : float
        The number and the ends of the interval; infinite ends where one seed says nothing about them.
    confidence : float
        The probability with which such intervals hold the truth.
    """

    value: float
    low: float
    high: float
    confidence: float

    def __contains__(self, number: float) -> bool:
        return self.low <= number <= self.high

    def __str__(self) -> str:
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"


# Arrays have no single truth value and no hash, so results compare by identity.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatchSizeCurve:
    """A metric over the batch size, at one learning rate, momentum and training set size.

    Attributes
    ----------
    setting : dict
        learning_rate, momentum, dampening and train_size.
    batch_sizes : ndarray, shape (b,)
        B, increasing.
    seeds : ndarray, shape (s,)
        Seeds of the runs.
    values : ndarray, shape (s, b)
        The metric after training; NaN where a run diverged, failed to train or is still to be done.
    trained, failed, diverged : ndarray, shape (b,)
        Numbers of runs that ended better than the level of training, ended worse, and left the floats.
    minimize : bool
        Whether the metric is the better, the smaller it is.
    """

    setting: dict[str, Any]
    batch_sizes: NDArray[np.int64]
    seeds: NDArray[np.int64]
    values: Array
    trained: NDArray[np.int64]
    failed: NDArray[np.int64]
    diverged: NDArray[np.int64]
    minimize: bool = False

    @property
    def reliable(self) -> NDArray[np.bool_]:
        """Batch sizes of which every run trained, and at least one was made: those that means are taken of."""
        return (self.trained > 0) & (self.failed + self.diverged == 0)

    @property
    def edge(self) -> float:
        """The smallest batch size that trains: most runs do, there and at all larger ones; NaN if there is none."""
        most = self.trained > self.failed + self.diverged
        counted = self.trained + self.failed + self.diverged > 0
        from_here = np.logical_and.accumulate((most | ~counted)[::-1])[::-1] & counted
        return float(self.batch_sizes[from_here][0]) if from_here.any() else np.nan

    @property
    def edge_is_seen(self) -> bool:
        """Whether a smaller batch size was tried, and failed."""
        return bool(np.any(self.batch_sizes < self.edge))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OptimumBatchSize:
    """The batch size at which a metric peaks, or a loss is least.

    Attributes
    ----------
    curve : BatchSizeCurve
        What the peak is of.
    batch_size : Interval
        B_opt, with the interval of a bootstrap over seeds.
    height : float
        The metric at the peak of the fit.
    distance_to_edge : float
        ln(B_opt / smallest B that trains); 0 is an optimum at the edge of failure.
    bounded : bool
        False if the best batch size is the largest or smallest tried (and none smaller failed): the peak may lie
        outside, so that it enters no scaling.
    """

    curve: BatchSizeCurve
    batch_size: Interval
    height: float
    distance_to_edge: float
    bounded: bool


def peak(curve: BatchSizeCurve, weights: Array) -> tuple[Array, Array]:
    r"""Return ln B and the height of the peak, for each of many weightings of the seeds.

    .. math:: a(B) = A - s \ln B - c B^{-k}, \qquad B_\mathrm{opt} = (c k/s)^{1/k}

    Parameters
    ----------
    curve : BatchSizeCurve
        With at least one reliable batch size.
    weights : ndarray, shape (r, s)
        Non-negative weights of the seeds.

    Returns
    -------
    tuple of ndarray, shape (r,)
        The peak of the curve above, for a loss of its negative, with s, c > 0, of least squared distance from the
        weighted means, kept between the outermost batch sizes. A distance counts in proportion to how far the point
        lies below the best one, added to the decline from there to the largest batch: the depth of the cliff does not
        move the peak. The best mean itself where there are fewer than five batch sizes or no such curve. NaN where no
        seed has weight.
    """
    use = curve.reliable
    sign = -1.0 if curve.minimize else 1.0
    log_b, values = np.log(curve.batch_sizes[use]), sign * curve.values[:, use]
    done = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (weights @ np.where(done, values, 0.0)) / (weights @ done.astype(float))
    known = np.asarray(np.isfinite(means).all(axis=1))
    means = np.where(known[:, None], means, 0.0)
    vertex, height = log_b[means.argmax(axis=1)], means.max(axis=1)
    if len(log_b) >= 5:
        below = np.nanmean(values, axis=0)
        below = below.max() - below
        trust = 1 / np.maximum(below + below[-1], 1e-3 * below.max() + np.finfo(float).tiny)
        u, least = log_b - log_b[0], np.full(len(means), np.inf)
        target = (trust * means).T
        for k in STEEPNESS:
            design = trust[:, None] * np.column_stack([np.ones_like(u), -u, -np.exp(-k * u)])
            found = np.linalg.pinv(design) @ target
            squares = np.sum((design @ found - target) ** 2, axis=0)
            level, slope, fall = found
            better = (squares < least) & (slope > 0) & (fall > 0)
            least = np.where(better, squares, least)
            with np.errstate(invalid="ignore", divide="ignore"):
                at = np.clip(np.log(fall * k / slope) / k, 0.0, u[-1])
            vertex = np.where(better, at + log_b[0], vertex)
            height = np.where(better, level - slope * at - fall * np.exp(-k * at), height)
    return np.where(known, vertex, np.nan), np.where(known, sign * height, np.nan)


def optimum(curve: BatchSizeCurve, weights: Array, confidence: float) -> OptimumBatchSize | None:
    """Return the peak of a curve, or None if no batch size trains reliably."""
    if not curve.reliable.any():
        return None
    (vertex,), (height,) = peak(curve, np.ones((1, len(curve.seeds))))
    if not np.isfinite(vertex):
        return None
    replicates, _ = peak(curve, weights)
    half = half_width(replicates, len(curve.seeds), confidence)
    sizes = curve.batch_sizes[curve.reliable]
    with np.errstate(invalid="ignore"):
        best = np.nanmean(curve.values[:, curve.reliable], axis=0)
        best = sizes[np.argmin(best) if curve.minimize else np.argmax(best)]
    smaller_failed = bool(np.any(curve.batch_sizes < sizes[0]))
    bounded = len(sizes) >= 3 and best < sizes[-1] and (best > sizes[0] or smaller_failed)
    interval = Interval(
        value=float(np.exp(vertex)), low=float(np.exp(vertex - half)), high=float(np.exp(vertex + half)),
        confidence=confidence,
    )  # fmt: skip
    return OptimumBatchSize(
        curve=curve, batch_size=interval, height=float(height),
        distance_to_edge=float(vertex - np.log(curve.edge)), bounded=bool(bounded),
    )  # fmt: skip


def exponents(optima: list[OptimumBatchSize], weights: list[Array], confidence: float) -> dict[str, Interval]:
    r"""Fit ln B_opt = constant + Σ exponent × ln quantity over all quantities that vary.

    An interval holds two errors, added in squares: that of the seeds, from the bootstrap, and that of the optima about
    the power law, from the residuals. The seeds are shared by the optima and do not know the second.

    Parameters
    ----------
    optima : list of OptimumBatchSize
        The peaks; those that are not bounded are left out.
    weights : list of ndarray, shapes (r, s)
        The bootstrap's weights of the seeds of each, the same draws for all.
    confidence : float
        Of the intervals.

    Returns
    -------
    dict of str to Interval
        The exponent of each quantity that takes at least two values.
    """
    pairs = [pair for pair in zip(optima, weights, strict=True) if pair[0].bounded]
    use = [item for item, _ in pairs]
    logs = {name: np.log([float(of(item.curve.setting)) for item in use]) for name, of in SCALINGS.items()}
    varied = [name for name, column in logs.items() if len(column) and np.ptp(column) > 1e-9]
    design = np.column_stack([np.ones(len(use)), *(logs[name] for name in varied)])
    if not varied or np.linalg.matrix_rank(design) < design.shape[1]:
        raise InvalidInputError(
            f"a scaling needs bounded optima at two values or more of what varies; got {len(use)} of {len(optima)}. "
            "Extend the grids of batch sizes to both sides of the peaks."
        )
    solve = np.linalg.pinv(design)
    values = np.log([item.batch_size.value for item in use])
    centre = solve @ values
    spread = np.array([solve @ row for row in np.column_stack([peak(item.curve, drawn)[0] for item, drawn in pairs])])
    n_seeds = min(len(item.curve.seeds) for item in use)
    scatter = _scatter(design, solve, values, confidence)
    found = {}
    for column, name in enumerate(varied, start=1):
        half = np.hypot(half_width(spread[:, column], n_seeds, confidence), scatter[column])
        value = float(centre[column])
        found[name] = Interval(value=value, low=value - half, high=value + half, confidence=confidence)
    return found


def _scatter(design: Array, solve: Array, values: Array, confidence: float) -> Array:
    """Return Student's half-widths of a least-squares fit; 0 where no more optima are left than coefficients."""
    freedom = len(values) - design.shape[1]
    if freedom == 0:
        return np.zeros(design.shape[1])
    variance = float(np.sum((values - design @ (solve @ values)) ** 2)) / freedom
    return np.sqrt(variance * np.sum(solve**2, axis=1)) * float(special.stdtrit(freedom, 0.5 + confidence / 2))


def half_width(replicates: Array, n_seeds: int, confidence: float) -> float:
    """Return Student's half-width for a few seeds.

    The spread of a bootstrap over n values is too small by √((n − 1)/n), and is itself known with n − 1 degrees of
    freedom.
    """
    if n_seeds < 2:
        return float("inf")
    spread = float(np.nanstd(replicates)) * np.sqrt(n_seeds / (n_seeds - 1))
    return spread * float(special.stdtrit(n_seeds - 1, 0.5 + confidence / 2))


def bootstrap_weights(n_seeds: int, n_bootstrap: int) -> Array:
    """Return how often each seed is drawn, shape (n_bootstrap, n_seeds); always the same draws."""
    return np.random.default_rng(1710).multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), n_bootstrap).astype(float)
