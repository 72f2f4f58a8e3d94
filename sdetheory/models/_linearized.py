"""A regression as the least squares that SGD near its weights w cannot tell it from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..errors import InvalidInputError
from ._formula import formula_of
from .linear import LinearRegression
from .logistic import LogisticRegression


def linearized_inputs(model: Any, w: ArrayLike | None) -> NDArray[np.float64]:
    """Return √ℓ″(xᵢ·w) xᵢ, (N, p): the examples' Hessians are the squares of these, so least squares moves like it."""
    formula = formula_of(model)
    if formula not in (LinearRegression, LogisticRegression):
        raise InvalidInputError(
            f"model must be a LinearRegression or a LogisticRegression, whose examples have Hessians of rank one; got "
            f"{type(model).__name__}. Of others pass curvature, or inputs."
        )
    if w is None:
        if formula is LogisticRegression:
            raise InvalidInputError(
                "w must say where training ends: the curvature of logistic regression depends on it"
            )
        w = np.zeros(model.dimension)
    point = _validate.reals("w", w, shape=(model.dimension,))
    return np.sqrt(model._curvatures(model.X @ point))[:, None] * model.X
