"""Minima and saddles of a landscape, and the pass between two minima."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import integrate, optimize
from scipy.stats import qmc

from ... import _validate
from ...errors import InvalidInputError
from ..laws._box import checked

Array = NDArray[np.float64]

_NEWTON_STEPS = 200
_LONGEST = 0.05  # of a Newton step, as a share of the box
_CONVERGED = 1e-10  # length of the last Newton step, as a share of the box
_SAME = 1e-6  # points closer than this share of the box are one
_AWAY = 1e-4  # first step down from a saddle, as a share of the box


class Landscape(Protocol):
    """A cost with its first two derivatives, at points (..., d)."""

    @property
    def dimension(self) -> int:
        """Return d."""
        ...

    def value(self, x: Any, /) -> Any:
        """Return C, shape (...)."""

    def gradient(self, x: Any, /) -> Any:
        """Return ∇C, shape (..., d)."""

    def hessian(self, x: Any, /) -> Any:
        """Return ∇∇C, shape (..., d, d)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalPoint:
    """A point where the gradient vanishes.

    Parameters
    ----------
    position : ndarray, shape (d,)
        x.
    value : float
        C(x).
    curvatures : ndarray, shape (d,)
        Eigenvalues of the Hessian, ascending.
    index : int
        Number of negative ones: 0 for a minimum, 1 for a saddle that can be a pass.
    """

    position: Array
    value: float
    curvatures: Array
    index: int


def critical_points(landscape: Landscape, bounds: ArrayLike, *, starts: int = 256) -> list[CriticalPoint]:
    """Return the critical points of a landscape in a box, lowest cost first.

    Parameters
    ----------
    landscape : object
        Has ``dimension``, ``value``, ``gradient`` and ``hessian``, at points (..., d).
    bounds : ndarray, shape (d, 2)
        Lower and upper end of each axis; in one dimension also (2,).
    starts : int, optional
        Newton's method starts from so many points of a Sobol sequence. A point whose domain of attraction is smaller
        than about 1/starts of the box may be missed; in one dimension not the one between two minima or two maxima.

    Returns
    -------
    list of CriticalPoint
        Minima, saddles and maxima. Degenerate ones (a zero curvature) converge slowly and may be missed.

    Raises
    ------
    InvalidInputError
        Bounds of a wrong shape or order.

    Examples
    --------
    >>> import sdetheory as st
    >>> [(p.position.round(6).tolist(), p.index) for p in critical_points(st.landscapes.double_well(), (-2, 2))]
    [([-1.0], 0), ([1.0], 0), ([0.0], 1)]
    """
    low, high = _validate.box("bounds", bounds, checked(landscape, "gradient", "hessian")).T
    width = high - low
    exponent = int(np.ceil(np.log2(_validate.integer("starts", starts, at_least=1))))
    unit = qmc.Sobol(landscape.dimension, scramble=False).random_base2(exponent)
    x = low + (unit + 0.5 / len(unit)) * width
    wild = ~np.isfinite(_newton_step(landscape, x)).all(axis=1)
    if wild.any():
        raise InvalidInputError(
            "bounds must hold points whose gradient and Hessian are numbers; they are not at "
            f"{x[wild][0].tolist()}. Take narrower bounds, of the size on which the landscape varies."
        )
    for _ in range(_NEWTON_STEPS):
        step = _newton_step(landscape, x)
        # Who has come to where the landscape is no number does not come back.
        tame = np.isfinite(step).all(axis=1)
        x, step = x[tame], step[tame]
        length = np.max(np.abs(step) / width, axis=1)
        step *= np.minimum(1.0, _LONGEST / np.maximum(length, 1e-300))[:, None]
        # A point that has left the box for good is held where the landscape can still be evaluated.
        x = np.clip(x + step, low - width, high + width)
        if np.all(length < _CONVERGED):
            break
    length = np.max(np.abs(_newton_step(landscape, x)) / width, axis=1)
    x = x[(length < _CONVERGED) & np.all((x >= low) & (x <= high), axis=1)]
    found: list[Array] = []
    for point in x:
        if all(np.max(np.abs(point - other) / width) > _SAME for other in found):
            found.append(point)
    points = [_describe(landscape, point) for point in found]
    if landscape.dimension == 1:
        points += _between(landscape, points)
    return sorted(points, key=lambda point: (round(point.value, 12), point.index, point.position.tolist()))


def lowest_pass(
    landscape: Landscape, start: ArrayLike, end: ArrayLike, bounds: ArrayLike, *, starts: int = 256
) -> CriticalPoint:
    """Return the saddle that the lowest path between two minima has to cross.

    Parameters
    ----------
    landscape : object
        Has ``dimension``, ``value``, ``gradient`` and ``hessian``, at points (..., d).
    start, end : ndarray, shape (d,)
        The minima.
    bounds : ndarray, shape (d, 2)
        Where to look for saddles.
    starts : int, optional
        As for :func:`critical_points`.

    Returns
    -------
    CriticalPoint
        Of index 1: the highest saddle on the path whose highest saddle is lowest, other minima being allowed on the
        way.

    Raises
    ------
    InvalidInputError
        If `start` or `end` is no minimum, both are the same, or no saddle between them was found.

    Examples
    --------
    >>> import sdetheory as st
    >>> print(lowest_pass(st.landscapes.double_well(barrier=0.3), [-1.0], [1.0], (-2, 2)).value)
    0.3
    """
    low, high = _validate.box("bounds", bounds, checked(landscape, "gradient", "hessian")).T
    tolerance = 1e-4 * (high - low)
    points = critical_points(landscape, bounds, starts=starts)
    minima = [point for point in points if point.index == 0]
    groups = list(range(len(minima)))
    ends = [numbered(minima, name, x, tolerance) for name, x in (("start", start), ("end", end))]
    if ends[0] == ends[1]:
        raise InvalidInputError(f"start and end must be different minima; got {start} twice")
    for saddle in points:
        if saddle.index != 1:
            continue
        sides = [_nearest(minima, x, tolerance) for x in _descend(landscape, saddle, low, high)]
        known = [side for side in sides if side is not None]
        if len(known) == 2:
            first, second = (groups[side] for side in known)
            groups = [first if group == second else group for group in groups]
        if groups[ends[0]] == groups[ends[1]]:
            return saddle
    raise InvalidInputError(
        f"there must be a saddle between the minima; none of the {sum(p.index == 1 for p in points)} saddles found "
        "within the bounds connects them. Widen the bounds or raise starts."
    )


def _newton_step(landscape: Landscape, x: Array) -> Array:
    """Return the step of least norm, where a curvature vanishes; NaN where the derivatives are no numbers."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        gradient, hessian = landscape.gradient(x), np.array(landscape.hessian(x))
        wild = ~(np.isfinite(gradient).all(axis=1) & np.isfinite(hessian).all(axis=(1, 2)))
        hessian[wild] = 0.0
        step = -np.einsum("mij,mj->mi", np.linalg.pinv(hessian, rcond=1e-12, hermitian=True), gradient)
    step[wild] = np.nan
    return step


def _describe(landscape: Landscape, x: Array) -> CriticalPoint:
    curvatures: Any = np.linalg.eigvalsh(landscape.hessian(x))
    return CriticalPoint(
        position=x, value=float(landscape.value(x)), curvatures=curvatures, index=int(np.sum(curvatures < 0))
    )


def _between(landscape: Landscape, points: list[CriticalPoint]) -> list[CriticalPoint]:
    """Return what the search has missed between neighbours of one kind, where the gradient must turn: on kinks, say."""

    def slope(x: float) -> float:
        return float(np.asarray(landscape.gradient(np.array([x])))[0])

    found = []
    ordered = sorted(points, key=lambda point: float(point.position[0]))
    for left, right in itertools.pairwise(ordered):
        a, b = float(left.position[0]), float(right.position[0])
        near = _SAME * (b - a)
        if left.index == right.index and slope(a + near) * slope(b - near) < 0:
            turn: Any = optimize.brentq(slope, a + near, b - near, xtol=1e-14 * (b - a))
            found.append(_describe(landscape, np.array([turn])))
    return found


def _descend(landscape: Landscape, saddle: CriticalPoint, low: Array, high: Array) -> list[Array]:
    """Follow -∇C from a saddle to both sides until it comes to rest."""
    width = high - low
    direction = np.linalg.eigh(landscape.hessian(saddle.position))[1][:, 0]
    slow = 1 / np.abs(saddle.curvatures).max()

    def outside(_: float, x: Array) -> float:
        return float(np.min(np.minimum(x - (low - width), high + width - x)))

    outside.terminal = True  # pyright: ignore[reportFunctionMemberAccess]
    ends = []
    for sign in (1, -1):
        x, span = saddle.position + sign * _AWAY * np.min(width) * direction, 10 * slow
        for _ in range(40):
            run = integrate.solve_ivp(
                lambda _, x: -landscape.gradient(x), (0, span), x, method="LSODA", rtol=1e-8, atol=1e-10, events=outside
            )
            moved, x, span = np.max(np.abs(run.y[:, -1] - x) / width), run.y[:, -1], 2 * span
            if moved < 1e-8 or run.status == 1:
                break
        ends.append(x)
    return ends


def _nearest(minima: list[CriticalPoint], x: Array, tolerance: Array) -> int | None:
    matches = [n for n, point in enumerate(minima) if np.all(np.abs(point.position - x) <= tolerance)]
    return matches[0] if matches else None


def numbered(minima: list[CriticalPoint], name: str, x: ArrayLike, tolerance: Array) -> int:
    """Return which of the minima the user's point, called `name`, is."""
    place = _validate.reals(name, x, shape=tolerance.shape)
    match = _nearest(minima, place, tolerance)
    if match is None:
        known = [point.position.round(6).tolist() for point in minima]
        raise InvalidInputError(
            f"{name} must be a minimum of the landscape within the bounds; got {place.tolist()}, known are {known}"
        )
    return match
