"""Histograms of an ensemble, with their errors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from .._intervals import law_of_fraction
from ..errors import InvalidInputError
from ..results import Estimate, mean_of


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Histogram:
    """Counts of the sampled positions on a grid of equal cells, with errors from independent groups of paths.

    Attributes
    ----------
    edges : tuple of d ndarrays
        Edges of the cells along each axis.
    counts : ndarray, shape (n_groups, *cells)
        Number of samples in each cell, for each group of paths.
    totals : ndarray, shape (n_groups,)
        Number of finite samples of each group, those outside the grid included.
    """

    edges: tuple[NDArray[np.float64], ...]
    counts: NDArray[np.int64]
    totals: NDArray[np.int64]

    @property
    def density(self) -> Estimate:
        """Probability density in each cell: arrays of the shape of the grid.

        The standard error where no sample was is that of one independent draw.
        """
        volume = math.prod(float(edge[1] - edge[0]) for edge in self.edges)
        return self._fraction(self.counts) / volume

    @property
    def outside(self) -> Estimate:
        """Probability of the points outside the grid."""
        return self._fraction(self.totals - self.counts.reshape(len(self.counts), -1).sum(axis=1))

    def probability(self, lower: ArrayLike, upper: ArrayLike) -> Estimate:
        """Return the probability of a box of whole cells.

        Parameters
        ----------
        lower, upper : float or ndarray, shape (d,)
            Corners of the box; each must lie on an edge. An infinite one stands for the end of the grid.

        Returns
        -------
        Estimate
            The fraction of all samples that lie in the box, with its standard error.

        Raises
        ------
        InvalidInputError
            A corner is not on an edge, or samples outside the grid could belong to the box.
        """
        d = len(self.edges)
        lower, upper = (
            _validate.extended(name, [end] * d if np.isscalar(end) else end, (d,))
            for name, end in (("lower", lower), ("upper", upper))
        )
        chosen = self.counts
        for axis, (edge, a, b) in enumerate(
            zip(
                self.edges,
                np.broadcast_to(lower, len(self.edges)),
                np.broadcast_to(upper, len(self.edges)),
                strict=True,
            )
        ):
            with _validate.naming("lower"):
                start = _edge(edge, a)
            with _validate.naming("upper"):
                stop = _edge(edge, b)
            if start >= stop:
                raise InvalidInputError(f"lower must be below upper on each axis; got {a:g} and {b:g}")
            chosen = chosen.take(np.arange(start, stop), axis=axis + 1)
        if np.isinf([*np.ravel(lower), *np.ravel(upper)]).any() and self.outside.value > 0:
            raise InvalidInputError(
                f"a fraction {self.outside.value:.2g} of the samples is outside the grid, so an unbounded box cannot "
                "be counted; sample again with wider bins"
            )
        return self._fraction(chosen.reshape(len(chosen), -1).sum(axis=1))

    def _fraction(self, counts: NDArray[Any]) -> Estimate:
        value, error = self._ratio(counts)
        error = np.where((error == 0) & ((value == 0) | (value == 1)), self._one_draw(), error)
        shares = counts / self._totals_beside(counts)
        return Estimate(
            value=value[()], stderr=error[()], n_eff=float(len(counts)), law=law_of_fraction(shares, value, error)
        )

    def _ratio(self, counts: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return a ratio of sums over groups, and its error, which is that of the residuals, to first order."""
        value = np.asarray(counts.sum(axis=0) / self.totals.sum())
        residual = mean_of((counts - value * self._totals_beside(counts)) / self.totals.mean())
        return value, np.asarray(residual.stderr)

    def _one_draw(self) -> float:
        """Return one over the number of independent draws that the scatter of all cells is worth."""
        value, error = self._ratio(self.counts)
        spread = float(np.sum(value * (1 - value)))
        return (
            min(float(np.sum(error**2)) / spread, 1 / len(self.counts))
            if spread and error.any()
            else 1 / len(self.counts)
        )

    def _totals_beside(self, counts: NDArray[Any]) -> NDArray[np.int64]:
        return self.totals.reshape(-1, *[1] * (counts.ndim - 1))


def cell_edges(bins: Any, dimension: int) -> tuple[NDArray[np.float64], ...]:
    """Return the edges of a grid of equal cells, one array for each axis."""
    if dimension > 2:
        raise InvalidInputError(f"bins need d = 1 or 2; this SDE has d = {dimension}. Leave bins out.")
    sequence = isinstance(bins, list | tuple) and len(bins) and np.ndim(bins[0]) == 1
    axes = tuple(bins) if sequence else (bins,)
    if len(axes) != dimension:
        raise InvalidInputError(f"bins must give edges for each of the {dimension} coordinates; got {len(axes)}")
    edges = tuple(_validate.reals("bins", axis, shape=(None,)) for axis in axes)
    for edge in edges:
        widths = np.diff(edge)
        if len(edge) < 2 or not (widths > 0).all() or np.ptp(widths) > 1e-9 * np.ptp(edge):
            raise InvalidInputError(
                "bins must be increasing edges of cells of equal width, such as np.linspace(-2, 2, 101)"
            )
    return edges


def from_counts(edges: tuple[NDArray[np.float64], ...], counts: NDArray[np.int64]) -> Histogram:
    """Return the histogram of counts (n_groups, cells + 1), of which the last column is of points outside the grid."""
    inner = counts[:, :-1].reshape(len(counts), *(len(edge) - 1 for edge in edges))
    return Histogram(edges=edges, counts=inner, totals=counts.sum(axis=1))


def _edge(edge: NDArray[np.float64], corner: float) -> int:
    """Return the number of the edge at which a corner lies."""
    if np.isnan(corner):
        raise InvalidInputError("a corner of the box is NaN; it must lie on an edge of the histogram")
    position = np.clip((corner - edge[0]) / (edge[-1] - edge[0]), 0.0, 1.0) * (len(edge) - 1)
    number = int(np.rint(position))
    if abs(position - number) > 1e-6 or (np.isfinite(corner) and not edge[0] <= corner <= edge[-1]):
        raise InvalidInputError(f"{corner:g} is not an edge of the histogram; the nearest is {edge[number]:g}")
    return number
