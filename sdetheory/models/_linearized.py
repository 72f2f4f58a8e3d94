"""A regression as the least squares that SGD near its weights w cannot tell it from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..errors import InvalidInputError
from ._formula import likelihood_of


def linearized_inputs(model: Any, w: ArrayLike | None) -> NDArray[np.float64]:
    """Return √ℓ″(xᵢ·w) xᵢ, (N, p): the examples' Hessians are the squares of these, so least squares moves like it."""
    likelihood = likelihood_of(model)
    if likelihood is None or likelihood.outputs != 1:
        raise InvalidInputError(
            "model must be a LinearRegression or a LogisticRegression, or another regression on one product x·w, whose "
            f"examples have Hessians of rank one; got {type(model).__name__}. Of others pass curvature, or inputs."
        )
    if w is None:
        if not likelihood.quadratic:
            raise InvalidInputError(
                f"w must say where training ends: the curvature of {likelihood.name} regression depends on it"
            )
        w = np.zeros(model.dimension)
    point = _validate.reals("w", w, shape=(model.dimension,))
    return np.sqrt(model._curvatures(model.X @ point))[:, None] * model.X
