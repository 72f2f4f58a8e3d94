"""Minima of costs that come without derivatives, in any unit and within any support."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from ...errors import InvalidInputError

Array = NDArray[np.float64]
Cost = Callable[[Array], Any]

# A change of the cost that says how far a weight reaches, in nats; and the factors by which lengths are tried.
_LOW, _HIGH, _FACTOR, _TRIES = 0.1, 3.0, 4.0, 600
_RESTARTS = 12
# A cost that has fallen by so many times its first value has no minimum that anyone meant.
_BOTTOMLESS = 1e30


def tried(cost: Cost, w: Array) -> float:
    """Return the cost at a point that a search tries, infinite where it is no number: what uses it will say so."""
    try:
        with np.errstate(all="ignore"):
            return float(cost(w))
    except InvalidInputError:
        return math.inf


def lengths(cost: Cost, w: Array) -> Array:
    """Return for each weight a length over which the cost changes by about a nat, on a side where it is finite."""
    here = float(cost(w))
    # Beside a large cost a change of a nat may be rounding error.
    low = _LOW + 1e-9 * abs(here)
    found = np.empty(w.size)
    for i in range(w.size):
        length = abs(w[i]) or 1.0
        below, above = 0.0, math.inf
        for _ in range(_TRIES):
            steps = np.zeros((2, w.size))
            steps[:, i] = length, -length
            changes = np.abs(np.array([tried(cost, w + step) for step in steps]) - here)
            finite = changes[np.isfinite(changes)]
            change = float(finite.max()) if finite.size else math.inf
            if low <= change <= max(_HIGH, 30 * low):
                break
            if change < low:
                below = length
            else:
                above = length
            if below > 0.0 and above < math.inf:
                if above / below < 1.001:  # the cost jumps
                    break
                length = math.sqrt(below) * math.sqrt(above)
            else:
                length = length * _FACTOR if change < low else length / _FACTOR
            if not 1e-250 < length < 1e250:
                length = abs(w[i]) or 1.0  # nothing depends on this weight
                break
        found[i] = length
    return found


def descend(cost: Cost, start: Array) -> Array:
    """Return a point near a minimum below `start`, by Nelder and Mead's method in units of :func:`lengths`.

    A simplex needs no derivatives, and takes forbidden weights for high ground. It is set up anew, in the units of
    where it came to rest, until that gains nothing.
    """
    w, value = start, float(cost(start))
    bottom = value - _BOTTOMLESS * (1 + abs(value))

    def watched(point: Array) -> float:
        reached = tried(cost, point)
        if reached < bottom:
            raise InvalidInputError(
                f"no minimum of the cost was found: it falls without bound, to {reached:.3g} at w = {point.tolist()}. "
                "Give a prior that falls off."
            )
        return reached

    for _ in range(_RESTARTS):
        unit = lengths(cost, w)
        simplex = np.vstack([np.zeros(w.size), np.eye(w.size)])
        inside = [np.isfinite(tried(cost, w + unit * corner)) for corner in simplex[1:]]
        simplex[1:][~np.array(inside)] *= -1
        with np.errstate(invalid="ignore"):  # differences of infinite costs
            found = optimize.minimize(
                lambda u, w=w, unit=unit: watched(w + unit * u),
                np.zeros(w.size),
                method="Nelder-Mead",
                options={
                    "initial_simplex": simplex,
                    "xatol": 1e-5,
                    "fatol": 1e-9,
                    "maxfev": 2000 * w.size,
                    "adaptive": w.size > 2,
                },
            )
        gained = value - float(found.fun)
        w, value = w + unit * found.x, min(value, float(found.fun))
        if gained <= 1e-6:
            break
    return w
