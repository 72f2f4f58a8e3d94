"""Shares of a sample in cells and under its distribution function, with their errors under the law."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from ... import _validate
from ...errors import InvalidInputError

Array = NDArray[np.float64]

_FEW = 5  # expected draws, below which a cell joins the rest
_POINTS = 1025  # of the grid on which a distribution function is tabulated, evenly in its logit
_HALVINGS = 40
_DOUBLINGS = 1100  # beyond the largest float
_COARSE = 8  # every eighth point serves for double integrals


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Mean and variance of a law, and the variance of (x - mean)²."""

    mean: float
    variance: float
    square_variance: float


class Line:
    """A law in one dimension, of this package or of SciPy, behind one interface: functions of x of shape (n,)."""

    def __init__(self, law: Any) -> None:
        self._scipy = hasattr(law, "support")
        if not callable(getattr(law, "cdf", None)) and getattr(getattr(law, "grid", None), "dimension", 0) == 1:
            law = law.marginal(0)
        if not callable(getattr(law, "cdf", None)) or getattr(law, "dimension", 1) != 1:
            raise InvalidInputError(
                f"law must be one-dimensional, with a method cdf; got {law!r:.80}. For one coordinate of a law in more "
                "dimensions pass law.marginal(axis)."
            )
        self._law = law

    def cdf(self, x: Array) -> Array:
        """Return the distribution function."""
        values = self._law.cdf(x) if self._scipy else self._law.cdf(x[:, None])
        return _validate.reals("the values of law.cdf", values, shape=x.shape)

    def probabilities(self, edges: Array) -> Array:
        """Return the probability of each cell."""
        return np.diff(self.cdf(edges))

    def grid(self, low: float, high: float, *, tail: float) -> tuple[Array, Array]:
        """Return points and their F, evenly in ln F/(1 - F) and far beyond a probability of `tail` at both sides."""
        reach = -np.log(tail) + 7.0
        levels = special.expit(np.linspace(-reach, reach, _POINTS))
        width = max(high - low, 1e-300)
        ends = np.array([low - width, high + width])
        for _ in range(_DOUBLINGS):
            short = (self.cdf(ends) - levels[[0, -1]]) * [1, -1] > 0
            if not short.any() or not np.isfinite(ends).all():
                break
            ends = np.where(short, ends + np.array([-1, 1]) * width, ends)
            width *= 2
        lower, upper = (np.full(_POINTS, end) for end in ends)
        for _ in range(_HALVINGS):
            middle = (lower + upper) / 2
            below = self.cdf(middle) < levels
            lower, upper = np.where(below, middle, lower), np.where(below, upper, middle)
        points = np.maximum.accumulate(upper)
        return points, self.cdf(points)

    def moments(self) -> Moments:
        """Return the moments that exist; the others are infinite or nan."""
        if self._scipy:
            mean, variance, excess = (float(m) for m in self._law.stats(moments="mvk"))
            return Moments(mean=mean, variance=variance, square_variance=variance**2 * (excess + 2))
        mean = float(np.ravel(self._law.mean)[0])
        if np.isnan(mean):
            return Moments(mean=np.nan, variance=np.nan, square_variance=np.nan)
        second, fourth = self._law.expectation(lambda x: np.concatenate([(x - mean) ** 2, (x - mean) ** 4], axis=1))
        return Moments(mean=mean, variance=float(second), square_variance=float(fourth - second**2))


class Cells:
    """Shares of a sample in cells beside the probabilities of the law.

    Parameters
    ----------
    inside : ndarray, shape (m,)
        Probability of each cell.
    shares : ndarray, shape (m,)
        Share of the sample in each.
    covariance : ndarray, shape (m + 1, m + 1)
        Of the shares, with the outside as the last.
    n : float
        Independent draws that the sample is worth.
    groups : int, optional
        Number of groups that the covariance was taken from.
    """

    def __init__(self, inside: Array, shares: Array, covariance: Array, n: float, groups: int | None = None) -> None:
        self.inside, self.shares, self._n, self._groups = inside, shares, n, groups
        self._covariance = covariance
        self.errors = np.sqrt(np.diag(covariance)[:-1])

    @property
    def residuals(self) -> Array:
        """Differences in standard errors; nan where few draws are expected."""
        clear = (self._n * self.inside >= _FEW) & (self.errors > 0)
        return np.where(clear, (self.shares - self.inside) / np.where(clear, self.errors, 1.0), np.nan)

    @cached_property
    def _lumps(self) -> Array:
        """Matrix (l, m + 1) that joins the outside and the cells of few draws."""
        everything = with_rest(self.inside)
        order = np.append(np.argsort(everything[:-1], kind="stable"), len(everything) - 1)[::-1]
        # From the outside on, the smallest cells join until each of the others, and the rest, expects enough.
        small = 1 + int(np.sum(self._n * everything[:-1] < _FEW))
        joined = np.concatenate([order[:1], order[:0:-1]])
        while small < len(joined) and self._n * everything[joined[:small]].sum() < _FEW:
            small += 1
        matrix = np.zeros((len(joined) - small + 1, len(joined)))
        matrix[0, joined[:small]] = 1
        matrix[np.arange(1, len(matrix)), joined[small:]] = 1
        return matrix

    def total_variation(self) -> tuple[float, float, float, float]:
        """Return the distance, its mean and deviation under the law, and the p-value of Pearson's statistic."""
        lumps = self._lumps
        expected = lumps @ with_rest(self.inside)
        difference = lumps @ with_rest(self.shares) - expected
        covariance = lumps @ self._covariance @ lumps.T
        mean, deviation = absolute_sum(covariance, np.full(len(lumps), 0.5))
        distance = float(np.abs(difference).sum() / 2)
        if len(lumps) < 2:
            return distance, mean, deviation, 1.0
        # Σ d²/p is a sum of χ² with one degree of freedom, weighted with the eigenvalues of A.
        scaled = covariance / np.sqrt(np.multiply.outer(expected, expected))
        trace, square = float(np.trace(scaled)), float(np.sum(scaled**2))
        statistic = float(np.sum(difference**2 / expected)) / trace
        if self._groups is None:
            freedom = trace**2 / square
            return distance, mean, deviation, float(stats.chi2.sf(statistic * freedom, freedom))
        spare = self._groups - 1
        # The square of a sample covariance is too large by its own scatter.
        square = spare**2 / ((spare + 2) * (spare - 1)) * (square - trace**2 / spare)
        freedom = float(np.clip(trace**2 / max(square, 1e-300), 1.0, len(lumps) - 1.0))
        return distance, mean, deviation, float(stats.f.sf(statistic, freedom, freedom * spare))


def with_rest(shares: Array) -> Array:
    """Append the share of the outside."""
    return np.append(shares, max(1.0 - float(shares.sum()), 0.0))


def multinomial(probabilities: Array, n: float) -> Array:
    """Return the covariance of the shares of n independent draws."""
    return (np.diag(probabilities) - np.multiply.outer(probabilities, probabilities)) / n


def between_groups(counts: Array, totals: Array) -> Array:
    """Return the covariance of the shares from independent groups, counts (n_groups, m) of totals (n_groups,)."""
    groups = len(totals)
    residuals = (counts - counts.sum(axis=0) / totals.sum() * totals[:, None]) / totals.mean()
    return residuals.T @ residuals / (groups * (groups - 1))


def absolute_sum(covariance: Array, weights: Array) -> tuple[float, float]:
    """Return mean and standard deviation of Σ wᵢ|eᵢ| for normal e of mean zero."""
    deviations = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    scales = np.multiply.outer(deviations, deviations)
    correlation = np.clip(np.divide(covariance, scales, out=np.zeros_like(scales), where=scales > 0), -1.0, 1.0)
    shape = np.sqrt(1 - correlation**2) + correlation * np.arcsin(correlation) - 1
    variance = 2 / np.pi * float(weights @ (scales * shape) @ weights)
    return float(np.sqrt(2 / np.pi) * weights @ deviations), float(np.sqrt(max(variance, 0.0)))


def bridge(points: Array, heights: Array, n: float) -> tuple[float, float]:
    """Return mean and standard deviation of ∫|Fₙ - F| dx for n draws, with F at increasing points."""
    x, f = points[::_COARSE], heights[::_COARSE]
    covariance = np.minimum.outer(f, f) * (1 - np.maximum.outer(f, f)) / n
    widths = (np.diff(x, prepend=x[0]) + np.diff(x, append=x[-1])) / 2
    spread = np.sqrt(heights * (1 - heights) / n)
    mean = np.sqrt(2 / np.pi) * np.trapezoid(spread, points)
    return float(mean), absolute_sum(covariance, widths)[1]


def area_between(values: Array, at: Array, points: Array, heights: Array) -> float:
    """Return ∫|Fₙ - F| dx for sorted values with F(values) = at, and F known at points too."""
    x = np.concatenate([points, values])
    order = np.argsort(x, kind="stable")
    x, f = x[order], np.concatenate([heights, at])[order]
    steps = np.searchsorted(values, x[:-1], side="right") / len(values)
    first, last = f[:-1] - steps, f[1:] - steps
    # Between two points F is a straight line; where it crosses the step the area falls into two triangles.
    crossing = first * last < 0
    slope = np.where(crossing, last - first, 1.0)
    heights_mean = np.where(crossing, (first**2 + last**2) / (2 * np.abs(slope)), np.abs(first + last) / 2)
    return float(np.sum(np.diff(x) * heights_mean))


def probabilities(law: Any, edges: tuple[Array, ...]) -> Array:
    """Return the probability of each cell of a grid in two dimensions, by 3 × 3 Gauss–Legendre points in each."""
    if getattr(law, "dimension", getattr(getattr(law, "grid", None), "dimension", 2)) != 2:
        raise InvalidInputError("law must have two dimensions, as the histogram has")
    nodes, weights = np.polynomial.legendre.leggauss(3)
    axes = [edge[:-1, None] + np.diff(edge)[:, None] * (nodes + 1) / 2 for edge in edges]
    x = np.stack(np.meshgrid(*(axis.ravel() for axis in axes), indexing="ij"), axis=-1)
    density = np.asarray(law.pdf(x)).reshape(axes[0].shape + axes[1].shape)
    inner = np.einsum("iajb,a,b->ij", density, weights / 2, weights / 2)
    return inner * np.multiply.outer(np.diff(edges[0]), np.diff(edges[1]))
