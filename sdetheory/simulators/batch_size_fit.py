"""Where the test accuracy peaks over the batch size, how far that is from failure, and how it scales."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ..errors import InvalidInputError

Array = NDArray[np.float64]

SCALINGS = {
    "learning_rate": lambda hp: hp["learning_rate"],
    "train_size": lambda hp: hp["train_size"],
    "1/(1 - momentum)": lambda hp: 1 / (1 - hp["momentum"]),
}
"""What the optimum batch size may be a power of."""

WINDOW = 5
"""Batch sizes around the best one that the parabola is fitted to."""


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
        Numbers of runs that ended above the level of training, ended below it, and left the floats.
    """

    setting: dict[str, Any]
    batch_sizes: NDArray[np.int64]
    seeds: NDArray[np.int64]
    values: Array
    trained: NDArray[np.int64]
    failed: NDArray[np.int64]
    diverged: NDArray[np.int64]

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
    """The batch size at which a metric peaks.

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

    Parameters
    ----------
    curve : BatchSizeCurve
        With at least one reliable batch size.
    weights : ndarray, shape (r, s)
        Non-negative weights of the seeds.

    Returns
    -------
    tuple of ndarray, shape (r,)
        Vertex and height of the parabola in ln B through the weighted means of the best batch size and its four
        nearest neighbours, kept between the outermost of them; NaN where no seed has weight.
    """
    use = curve.reliable
    log_b, values = np.log(curve.batch_sizes[use]), curve.values[:, use]
    done = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (weights @ np.where(done, values, 0.0)) / (weights @ done.astype(float))
    vertex, height = np.full(len(weights), np.nan), np.full(len(weights), np.nan)
    known = np.isfinite(means).all(axis=1)
    width = min(WINDOW, len(log_b))
    best = np.argmax(np.where(np.isfinite(means), means, -np.inf), axis=1)
    starts = np.clip(best - width // 2, 0, len(log_b) - width)
    for start in np.unique(starts[known]):
        rows, window = known & (starts == start), slice(start, start + width)
        u = log_b[window]
        local = means[rows, window]
        top = local.argmax(axis=1)
        vertex[rows], height[rows] = u[top], local.max(axis=1)
        if width >= 3:
            centre = u.mean()
            c, b, a = np.polynomial.polynomial.polyfit(u - centre, local.T, 2)
            hollow = a < 0
            at = np.where(hollow, np.clip(-b / np.where(hollow, 2 * a, 1.0), u[0] - centre, u[-1] - centre), 0.0)
            vertex[rows] = np.where(hollow, at + centre, vertex[rows])
            height[rows] = np.where(hollow, c + b * at + a * at**2, height[rows])
    return vertex, height


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
        best = sizes[np.argmax(np.nanmean(curve.values[:, curve.reliable], axis=0))]
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
    centre = solve @ np.log([item.batch_size.value for item in use])
    spread = np.array([solve @ row for row in np.column_stack([peak(item.curve, drawn)[0] for item, drawn in pairs])])
    n_seeds = min(len(item.curve.seeds) for item in use)
    found = {}
    for column, name in enumerate(varied, start=1):
        half = half_width(spread[:, column], n_seeds, confidence)
        value = float(centre[column])
        found[name] = Interval(value=value, low=value - half, high=value + half, confidence=confidence)
    return found


def half_width(replicates: Array, n_seeds: int, confidence: float) -> float:
    """Return Student's half-width for a few seeds.

    The spread of a bootstrap over n values is too small by √((n − 1)/n), and is itself known with n − 1 degrees of
    freedom.
    """
    if n_seeds < 2:
        return float("inf")
    spread = float(np.nanstd(replicates)) * np.sqrt(n_seeds / (n_seeds - 1))
    return spread * float(stats.t.ppf(0.5 + confidence / 2, n_seeds - 1))


def bootstrap_weights(n_seeds: int, n_bootstrap: int) -> Array:
    """Return how often each seed is drawn, shape (n_bootstrap, n_seeds); always the same draws."""
    return np.random.default_rng(1710).multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), n_bootstrap).astype(float)
