"""All maxima of the evidence along ln λσ², none missed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

Array = NDArray[np.float64]

# Width of the first cells in u = ln t.
_WIDTH = 0.5
# A change of the log evidence that does not matter, and what it costs in u to make a tail as small.
NATS = 1e-9
_TAIL = -math.log(NATS)


@dataclass(frozen=True)
class Objective:
    r"""The log evidence as a function of u = ln t, t = λσ², up to a constant.

    .. math:: f(u) = -\tfrac12 \left[ m \ln Q + \sum_i \ln(1 + s_i^2 / t) \right], \quad
              Q = R + \sum_i e_i p_i, \quad p_i = \frac{t}{s_i^2 + t}

    with e = c² and the best σ² = Q/m at each t; or Q in place of m ln Q with e = c²/σ², if σ² is known (m None).

    The bounds of f''' rest on p' = pq, q = 1 - p: every sum of p or q changes at most e-fold per unit of u; and ln Q is
    analytic for |Im u| < π with |Im ln Q| ≤ |Im u|, so that |(ln Q)'''| ≤ 12/π² (Borel and Carathéodory).
    """

    log_squares: Array
    energy: Array
    unexplained: float
    m: float | None

    def misfit(self, u: float) -> float:
        """Return Q."""
        return self.unexplained + float(self.energy @ special.expit(u - self.log_squares))

    def slopes(self, u: Array) -> tuple[Array, Array, Array]:
        """Return f', f'' and a bound of |f'''| at points u, of the shape of u."""
        p = special.expit(u[:, None] - self.log_squares)
        q = special.expit(self.log_squares - u[:, None])
        gamma, pi, pq = q.sum(axis=1), p.sum(axis=1), p * q
        first, second = pq @ self.energy, (pq * (q - p)) @ self.energy
        curvature, simple = -pq.sum(axis=1), np.minimum(gamma, pi)
        if self.m is None:
            return 0.5 * (gamma - first), 0.5 * (curvature - second), 0.5 * (simple + first)
        misfit = self.unexplained + p @ self.energy
        a, b = first / misfit, (self.unexplained + p**2 @ self.energy) / misfit
        # γ - m a, or the same with a = 1 - b, whichever cancels less.
        rank = self.log_squares.size
        slope = np.where(simple == gamma, gamma - self.m * a, (rank - self.m) + (self.m * b - pi))
        bound = self.m * np.minimum(12 / math.pi**2, np.minimum(a * (1 + a * (3 + 2 * a)), 11 * b))
        return 0.5 * slope, 0.5 * (curvature - self.m * (second / misfit - a * a)), 0.5 * (simple + bound)

    @cached_property
    def log_norm(self) -> float:
        """Log of Σ e/s², the squared norm of the weights that explain y entirely."""
        with np.errstate(divide="ignore"):
            return float(special.logsumexp(np.log(self.energy) - self.log_squares))

    @property
    def explains_all(self) -> bool:
        """Whether σ² → 0 is a limit to look at."""
        return self.m is not None and self.unexplained == 0

    @property
    def null_is_maximum(self) -> bool:
        """Whether f rises towards t → ∞, from the leading term of f' there."""
        scale = self.m / (self.unexplained + self.energy.sum()) if self.m is not None else 1.0
        return bool(np.exp(self.log_squares - self.log_squares[0]) @ (1 - scale * self.energy) >= 0)

    @property
    def no_noise_is_maximum(self) -> bool:
        """Whether f falls from its limit at t → 0, where all of y is explained by as many weights."""
        inverse = np.exp(self.log_squares[-1] - self.log_squares)
        share = self.energy * inverse
        return bool(inverse.size * (share @ inverse) <= inverse.sum() * share.sum())

    def range(self) -> tuple[float, float]:
        """Return the interval of u outside which f gains less than `NATS`, or is known to rise with u."""
        rank = self.log_squares.size
        weight = float(self.energy.sum()) if self.m is None else self.m
        high = float(self.log_squares[0]) + math.log(rank + weight) + _TAIL
        low = float(self.log_squares[-1])
        if self.explains_all:
            return low - math.log(weight) - _TAIL, high
        # Below both, γ exceeds 3r/4 and its counterpart is less than r/4.
        reach = 0.0 if self.m is None else math.log(self.unexplained) - math.log(self.m)
        return min(low - math.log(4), reach + math.log(rank / 4) - self.log_norm), high


def maxima(objective: Objective) -> list[float]:
    """Return every local maximum in u, ascending, but those that rise less than `NATS` above their surroundings."""
    low, high = objective.range()
    edges = np.linspace(low, high, max(2, math.ceil((high - low) / _WIDTH) + 1))
    values = np.array(objective.slopes(edges))
    left, right = np.vstack([edges[:-1], values[:, :-1]]), np.vstack([edges[1:], values[:, 1:]])
    falls = []
    while left.size:
        done = _is_settled(left, right)
        fall = done & (left[1] > 0) & (right[1] <= 0)
        falls += list(zip(left[0, fall], right[0, fall], strict=True))
        left, right = left[:, ~done], right[:, ~done]
        if left.size:
            middle = 0.5 * (left[0] + right[0])
            centre = np.vstack([middle, *objective.slopes(middle)])
            left, right = np.hstack([left, centre]), np.hstack([centre, right])
    return sorted(_root(objective, *cell) for cell in falls)


def _is_settled(left: Array, right: Array) -> NDArray[np.bool_]:
    """Return for which cells the ends tell how many roots f' has inside: none, or one if its sign changes."""
    (u0, g0, d0, k0), (u1, g1, d1, k1) = left, right
    width = u1 - u0
    bound = np.maximum(k0, k1) * np.exp(3 * width)
    same = (g0 > 0) == (g1 > 0)
    excluded = same & (np.minimum(np.abs(g0), np.abs(g1)) > bound * width**2 / 8)
    monotone = (np.sign(d0) == np.sign(d1)) & (np.minimum(np.abs(d0), np.abs(d1)) > bound * width / 2)
    return excluded | monotone | (bound * width**3 / 12 < NATS)


def _root(objective: Objective, low: float, high: float) -> float:
    return cast(float, optimize.brentq(lambda u: objective.slopes(np.array([u]))[0][0], low, high, xtol=1e-14))
