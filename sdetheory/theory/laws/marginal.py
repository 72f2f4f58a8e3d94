"""The law of one coordinate, from the probabilities of cells along it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import make_interp_spline

from ... import _validate
from ...errors import InvalidInputError

Array = NDArray[np.float64]

_ORDER = 5


class MarginalLaw:
    """A law on an interval, given by the probabilities of cells; made by ``marginal`` of a law in more dimensions.

    Parameters
    ----------
    edges : ndarray, shape (n + 1,)
        Of the cells, increasing.
    probabilities : ndarray, shape (n,)
        Of n ≥ 5 cells, not negative. They are normalized.

    Attributes
    ----------
    bounds : ndarray, shape (1, 2)
        The ends.

    Notes
    -----
    The distribution function is a quintic spline through its values at the edges, and the density its derivative: the
    first with an error of order h⁶ in the width of the cells, the second of order h⁵. Where the law is far below what a
    float adds to 1, its density is set to zero or more.
    """

    _shown = ("bounds", "mean", "variance")

    dimension = 1

    def __init__(self, edges: Array, probabilities: Array) -> None:
        edges = _validate.reals("edges", edges, shape=(None,))
        if len(edges) < _ORDER + 1 or np.any(np.diff(edges) <= 0):
            raise InvalidInputError(
                f"edges must be {_ORDER + 1} or more increasing numbers; got {_validate.shown(edges)}"
            )
        probabilities = _validate.reals("probabilities", probabilities, at_least=0.0, shape=(len(edges) - 1,))
        if not 0 < probabilities.sum() < np.inf:
            raise InvalidInputError(f"probabilities must have a sum above zero; got {probabilities.sum():g}")
        self.bounds = np.array([[edges[0], edges[-1]]])
        heights = np.concatenate([[0.0], np.cumsum(probabilities)])
        self._cdf = make_interp_spline(edges, heights / heights[-1], k=_ORDER)
        self._pdf = self._cdf.derivative()
        nodes, weights = np.polynomial.legendre.leggauss(4)
        widths = np.diff(edges)[:, None] / 2
        self._nodes = (edges[:-1, None] + widths * (nodes + 1)).ravel()
        self._weights = (widths * weights).ravel() * self._pdf(self._nodes)

    def pdf(self, x: ArrayLike) -> Any:
        """Return the density at points (..., 1), as an array (...); 0 outside the bounds."""
        points = _validate.vectors("x", x, 1)[..., 0]
        low, high = self.bounds[0]
        inside = (points >= low) & (points <= high)
        return np.where(inside, np.maximum(self._pdf(np.clip(points, low, high)), 0.0), 0.0)[()]

    def cdf(self, x: ArrayLike) -> Any:
        """Return the probability of values up to x, at points (..., 1), as an array (...)."""
        points = _validate.vectors("x", x, 1)[..., 0]
        return np.clip(self._cdf(np.clip(points, *self.bounds[0])), 0.0, 1.0)[()]

    def expectation(self, f: Callable[[Array], Any]) -> Any:
        """Return E f(x); f maps points (m, 1) to values (m, ...)."""
        _validate.function("f", f, "of points (m, 1)")
        values = _validate.reals("the values of f", _validate.called("f", f, self._nodes[:, None]))
        if values.shape[:1] != self._nodes.shape:
            raise InvalidInputError(f"f must map points (m, 1) to (m, ...), m = {len(self._nodes)}; got {values.shape}")
        return np.tensordot(self._weights, values, axes=(0, 0))[()]

    @property
    def mean(self) -> float:
        """Mean."""
        return float(self.expectation(lambda x: x[:, 0]))

    @property
    def variance(self) -> float:
        """Variance."""
        mean = self.mean
        return float(self.expectation(lambda x: (x[:, 0] - mean) ** 2))
