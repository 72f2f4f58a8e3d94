"""The minimum of a model's total cost, by Newton's method, for the theory that starts there."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import _validate
from ...errors import InvalidInputError

Array = NDArray[np.float64]

_ITERATIONS = 100
_EXACT = 1e-10
"""A Newton step so short, relative to the weights and to the width of the first Hessian, is a rounding error."""


def minimum(model: Any, start: Array) -> tuple[Array, Array]:
    """Return the minimum that Newton's method finds from `start`, and the Hessian there.

    A step is halved until the slope along it has not turned by more than it was. Along data that can be separated the
    steps never become short, however small the gradient is: there the minimum is at infinity, and refused.
    """
    w, floor = start, 0.0
    for _ in range(_ITERATIONS):
        slope, matrix = gradient(model, w), hessian(model, w)
        values, axes = np.linalg.eigh(matrix)
        if not values[0] > len(w) * np.finfo(np.float64).eps * np.abs(values).max():
            raise InvalidInputError(
                f"the Hessian of model must be positive definite; its smallest eigenvalue is {values[0]:.3g} beside a "
                f"largest of {values[-1]:.3g}, at |w| = {np.linalg.norm(w):.3g}. Where data can be separated or "
                "columns depend on each other, give a prior; where the cost is not convex, a start near the minimum."
            )
        floor = floor or 1e-3 / np.sqrt(values[-1])
        step = -axes @ (axes.T @ slope / values)
        if np.linalg.norm(step) <= _EXACT * max(np.linalg.norm(w), floor):
            return w, matrix
        w = w + _length(model, w, step, slope) * step
    raise InvalidInputError(
        f"model must have a minimum; after {_ITERATIONS} steps Newton's method is at |w| = {np.linalg.norm(w):.3g} and "
        f"still moves by {np.linalg.norm(step):.3g}. Data that can be separated have none without a prior: give one; "  # pyright: ignore[reportPossiblyUnbound]
        "or, where the cost is not convex, a start near the minimum."
    )


def _length(model: Any, w: Array, step: Array, slope: Array) -> float:
    """Return the share of a step that does not overshoot."""
    along, length = -float(step @ slope), 1.0
    for _ in range(50):
        with np.errstate(over="ignore", invalid="ignore"):
            there = np.asarray(model.gradient(w + length * step), dtype=np.float64)
        if np.isfinite(there).all() and step @ there <= 0.9 * along:
            break
        length /= 2
    return length


def gradient(model: Any, w: Array) -> Array:
    """Return ∇C(w) of the total cost, checked."""
    with np.errstate(over="ignore", invalid="ignore"):
        given = _validate.called("model.gradient", model.gradient, w)
    return _validate.reals("model.gradient(w)", given, shape=w.shape)


def hessian(model: Any, w: Array) -> Array:
    """Return ∇∇C(w), from products where the model has no matrix."""
    with np.errstate(over="ignore", invalid="ignore"):
        if callable(getattr(model, "hessian", None)):
            given = _validate.called("model.hessian", model.hessian, w)
        else:
            product = model.hessian_vector_product
            columns = [_validate.called("model.hessian_vector_product", product, w, e) for e in np.eye(len(w))]
            given = np.array(columns)
            given = (given + given.T) / 2
    return _validate.symmetric("model.hessian(w)", given, len(w))
