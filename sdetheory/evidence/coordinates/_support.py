"""Bounds of weights, found by asking, and coordinates that have none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ._mode_search import lengths, tried

Array = NDArray[np.float64]

# A cost that is infinite beyond a point where it was that small has met a bound; one that was larger has overflowed.
_OVERFLOW = 1e6
# So many doublings of the length over which the cost changes are looked through for a bound.
_DOUBLINGS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Lower and upper ends of a box that holds the weights, ∓inf where there are none, and the cost just inside."""

    low: Array
    high: Array
    cost_low: Array
    cost_high: Array

    @classmethod
    def around(cls, cost: Callable[[Array], Any], w: Array) -> Bounds:
        """Look along each axis from an allowed point."""
        low, high = np.full(w.size, -np.inf), np.full(w.size, np.inf)
        costs = np.full((2, w.size), np.inf)
        for i, length in enumerate(lengths(cost, w)):
            for side, (ends, sign) in enumerate(((low, -1.0), (high, 1.0))):
                edge, value = _edge(cost, w, i, sign * length)
                if edge is not None:
                    ends[i], costs[side, i] = edge, value
        return cls(low=low, high=high, cost_low=costs[0], cost_high=costs[1])

    @property
    def exist(self) -> bool:
        """Whether any weight is bounded."""
        return bool(np.isfinite(self.low).any() or np.isfinite(self.high).any())

    def matter(self, lowest: float) -> bool:
        """Whether the density just inside a bound is not negligible beside e^-lowest."""
        return bool(np.min(np.minimum(self.cost_low, self.cost_high)) < lowest + 40.0)

    def inside(self, u: Array) -> tuple[Array, Array]:
        """Return weights (m, d) of free coordinates, ln w or logits, and ln |dw/du|, shape (m,)."""
        w, log_jacobian = u.copy(), np.zeros(u.shape)
        below, above = np.isfinite(self.low), np.isfinite(self.high)
        for i in range(u.shape[1]):
            if below[i] and above[i]:
                width = self.high[i] - self.low[i]
                # From the nearer end, so that weights beside either keep their digits.
                near = np.where(u[:, i] < 0, self.low[i], self.high[i])
                w[:, i] = near - np.sign(u[:, i]) * width * special.expit(-np.abs(u[:, i]))
                w[u[:, i] == 0, i] = self.low[i] + 0.5 * width
                log_jacobian[:, i] = np.log(width) + special.log_expit(u[:, i]) + special.log_expit(-u[:, i])
            elif below[i] or above[i]:
                sign, end = (1.0, self.low[i]) if below[i] else (-1.0, self.high[i])
                w[:, i] = end + sign * np.exp(np.minimum(u[:, i], 700.0))
                log_jacobian[:, i] = u[:, i]
        return w, log_jacobian.sum(axis=1)

    def outside(self, w: Array) -> Array:
        """Return the free coordinates of weights (d,)."""
        u = w.copy()
        for i, (low, high) in enumerate(zip(self.low, self.high, strict=True)):
            if np.isfinite(low) and np.isfinite(high):
                u[i] = np.log(w[i] - low) - np.log(high - w[i])
            elif np.isfinite(low):
                u[i] = np.log(w[i] - low)
            elif np.isfinite(high):
                u[i] = np.log(high - w[i])
        return u


def _edge(cost: Callable[[Array], Any], w: Array, i: int, step: float) -> tuple[float | None, float]:
    """Return where the cost becomes infinite along one axis, to the last digit, and the last finite cost."""

    def at(x: float) -> float:
        point = w.copy()
        point[i] = x
        return tried(cost, point)

    inner, value = float(w[i]), at(float(w[i]))
    for _ in range(_DOUBLINGS):
        outer = inner + step
        if not np.isfinite(outer):
            return None, np.inf
        reached = at(outer)
        if reached == np.inf:
            break
        if reached > _OVERFLOW + abs(value):
            return None, np.inf
        inner, value, step = outer, reached, 2 * step
    else:
        return None, np.inf
    while True:
        middle = 0.5 * inner + 0.5 * outer
        if middle in (inner, outer):
            break
        reached = at(middle)
        if reached == np.inf:
            outer = middle
        else:
            inner, value = middle, reached
    # The bound itself is the number that people write, where it is one of the two.
    return (outer, value) if value < _OVERFLOW else (None, np.inf)
