"""Damped Newton's method for a convex cost, down to the rounding error, with a certificate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ...errors import InvalidInputError

Array = NDArray[np.float64]

# Distance up to which a point counts as the mode.
CERTIFICATE = 1e-6
# No one needs less; where rounding allows no more than the certificate, that has to do.
_EXACT = 1e-12
# Below this distance full steps are taken: C is quadratic there, and its differences drown in rounding.
_QUADRATIC = 1e-3
_MAX_FACTORIZATIONS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """A point, the lower Cholesky factor of the Hessian there, and its distance from the minimum.

    The distance is the larger of the Newton decrement √(∇C' A⁻¹ ∇C), the way to go in posterior standard deviations,
    and of the largest change of an activation x'w in the Newton step −A⁻¹∇C. The first bounds the error of the cost,
    the second that of ln det A, as an activation changes the logarithm of its curvature by less than itself, or by as
    many times more as the likelihood says. The first alone would take separable data with λ → 0 for solved when the
    cost is tiny. Neither changes with the units of the inputs.
    """

    w: Array
    factor: Array
    gradient: Array
    step: Array
    decrement: float
    distance: float


def find_mode(model: Any, start: Array) -> Mode:
    """Minimize model.cost from `start`.

    Between factorizations the factor is used again as long as every step leaves a tenth of the distance or less: a
    triangular solve costs 1/p of a factorization.
    """
    w, last = start, np.inf
    for _ in range(_MAX_FACTORIZATIONS):
        mode = certify(model, w)
        # Rounding is reached when a fresh factor does not halve the distance.
        if mode.distance <= _EXACT or last / 2 < mode.distance <= CERTIFICATE:
            return mode
        moved = _damped_step(model, mode)
        if moved is None:
            break
        w, last = _repeat(model, mode, moved), mode.distance
    raise InvalidInputError(
        f"no minimum of the cost was found: Newton's method stopped at a distance of {mode.distance:.3g}. Increase "
        "prior_precision; if the cost is convex, look for inputs that nearly depend on each other, else give the mode."
    )


def certify(model: Any, w: Array) -> Mode:
    """Return `w` with the factor of its Hessian and its distance from the minimum."""
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows has no factor
        hessian, gradient = model.hessian(w), model.gradient(w)
    try:
        # Transposed, the symmetric matrix has the layout that LAPACK overwrites without a copy.
        factor = linalg.cholesky(hessian.T, lower=True, overwrite_a=True)
    except (linalg.LinAlgError, ValueError):
        raise InvalidInputError(
            "the Hessian of the cost must be positive definite to working precision; it is not at "
            f"prior_precision = {model.prior_precision:.3g}. Increase it, bring the inputs to one scale, or give "
            "a mode."
        ) from None
    step, decrement, distance = _newton_step(model, w, factor, gradient)
    return Mode(w=w, factor=factor, gradient=gradient, step=step, decrement=decrement, distance=distance)


def _newton_step(model: Any, w: Array, factor: Array, gradient: Array) -> tuple[Array, float, float]:
    """Return −A⁻¹∇C, the Newton decrement and the distance."""
    scaled = linalg.solve_triangular(factor, gradient, lower=True)
    step = -linalg.solve_triangular(factor, scaled, lower=True, trans=1)
    decrement = float(np.linalg.norm(scaled))
    if not hasattr(model, "X"):  # a model with formulas of its own, whose activations are unknown
        return step, decrement, decrement
    by_class = step.reshape(-1, model.X.shape[1]) if step.size else np.zeros((1, 0))
    changes = np.abs(by_class @ model.X.T)
    steepness = model.likelihood.steepness
    if steepness is not None:
        changes *= steepness(model.X @ w)
    return step, decrement, max(decrement, float(changes.max(initial=0.0)))


def _damped_step(model: Any, mode: Mode) -> Array | None:
    """Return the point after a Newton step, halved until the cost falls (Armijo); None if it never does."""
    if mode.distance < _QUADRATIC:
        return mode.w + mode.step
    cost, length = model.cost(mode.w), 1.0
    while length > 1e-12:
        if model.cost(mode.w + length * mode.step) <= cost - 1e-4 * length * mode.decrement**2:
            return mode.w + length * mode.step
        length /= 2
    return None


def _repeat(model: Any, mode: Mode, w: Array) -> Array:
    """Repeat steps with the old factor as long as they converge fast."""
    last = mode.distance
    while True:
        step, _, distance = _newton_step(model, w, mode.factor, model.gradient(w))
        if distance > 0.1 * last or distance == 0.0:
            return w
        w, last = w + step, distance
