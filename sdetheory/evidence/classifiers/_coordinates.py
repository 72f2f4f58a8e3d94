"""The directions of weight space that the data see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInputError
from ..decomposition._decomposition import Factors, factor
from ..decomposition._design import Design

Array = NDArray[np.float64]

# Directions below this share of the strongest are decomposed again: activations have errors of 1e-16 of the strongest.
_WEAK = 1e-9
# Powers of two beyond which inputs are brought to one, so that squares neither overflow nor vanish.
_FAR = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinates:
    """A model rotated into as many weights as the rank of its data, and the way back.

    A Gaussian prior N(0, I/λ) is the same in every direction, so a rotation of the weights changes nothing, and in a
    direction that the data do not see the posterior is the prior: the mode is 0 and the curvature λ. With n examples of
    p > n inputs Newton's method thus works on n by n matrices. Inputs of extreme size are divided by a power of two,
    2ᵘ, which multiplies the weights by it and divides λ by its square.

    Parameters
    ----------
    model : Regression or SoftmaxRegression
        The rotated model, with rank(X) inputs.
    rows : ndarray, shape (r, p)
        Orthonormal directions of inputs.
    codes : ndarray, shape (m', m)
        Orthonormal directions in the space of classes.
    unit : int
        u.
    """

    model: Any
    rows: Array
    codes: Array
    unit: int

    @classmethod
    def of(cls, model: Any) -> tuple[Coordinates, Factors]:
        """Decompose the inputs, and the outputs of a model of several; return the factors of the inputs too."""
        factors = factor(Design(), model.X, model.X.copy, weak=_WEAK, names=False)
        largest = int(np.frexp(factors.singular.max(initial=0.0))[1])
        unit = largest if abs(largest) > _FAR else 0
        scores = factors.left * np.ldexp(factors.singular, -unit)
        rotated, codes = model._on_scores(scores)
        return cls(model=rotated, rows=factors.right, codes=codes, unit=unit), factors

    def precision(self, prior_precision: float) -> float:
        """Return λ in the unit of the rotated weights."""
        scaled = float(np.ldexp(prior_precision, -2 * self.unit))
        if not 1e-300 < scaled < 1e300:
            raise InvalidInputError(
                f"prior_precision must be within the range of doubles beside the square of the inputs' size, "
                f"2^{self.unit}; got {prior_precision:.3g}. Bring the inputs to the size of one."
            )
        return scaled

    def at(self, prior_precision: float) -> Any:
        """Return the rotated model with another prior."""
        return replace(self.model, prior_precision=self.precision(prior_precision))

    def lift(self, reduced: Array) -> Array:
        """Return the weights of the original model."""
        matrix = np.ldexp(reduced.reshape(len(self.codes), len(self.rows)), -self.unit)
        return (self.codes.T @ matrix @ self.rows).ravel()

    def lower(self, w: Array) -> tuple[Array, Array]:
        """Return the rotated weights, and what is left of w in directions that the data do not see."""
        reduced = (self.codes @ w.reshape(self.codes.shape[1], -1) @ self.rows.T).ravel()
        reduced = np.ldexp(reduced, self.unit)
        return reduced, w - self.lift(reduced)

    def split(self, inputs: Array) -> tuple[Array, Array]:
        """Return inputs (m, r) of the rotated model, and what is left of them."""
        seen = inputs @ self.rows.T
        unseen = inputs - seen @ self.rows
        if len(self.rows) == inputs.shape[1]:
            # Nothing is unseen; the rounding error left here would count at 1/λ.
            unseen[:] = 0.0
        return np.ldexp(seen, -self.unit), unseen
