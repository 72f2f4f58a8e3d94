"""Models in which an example enters through one product x·w: a likelihood of it, and a Gaussian prior."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ._formula import formula_of
from ._predictors import ClassModel, PredictorModel
from .likelihoods._likelihood import Likelihood

Array = NDArray[np.float64]


# Arrays have no single truth value and no hash, so models compare by identity.
@dataclass(frozen=True, slots=True, eq=False)
class Regression(PredictorModel):
    """The cost C(w) = Σᵢ ℓ(xᵢ·w, yᵢ) + λ|w|²/2 of a likelihood ℓ, which each model names; with its derivatives."""

    likelihood: ClassVar[Likelihood]

    X: Array
    y: NDArray[Any]
    _: KW_ONLY
    prior_precision: float = 0.0

    def __post_init__(self) -> None:
        inputs = _validate.reals("X", self.X, shape=(None, None))
        _validate.each_row("y", self.y, "X", len(inputs))
        object.__setattr__(self, "X", inputs)
        object.__setattr__(self, "y", self.likelihood.labels(self.y))
        precision = _validate.real("prior_precision", self.prior_precision, at_least=0.0)
        object.__setattr__(self, "prior_precision", precision)

    @property
    def dimension(self) -> int:
        """Number p of weights."""
        return self.X.shape[1]

    def hessian(self, w: ArrayLike) -> Array:
        """Return the Hessian ∇∇C(w).

        Parameters
        ----------
        w : array_like, shape (p,)
            Weights.

        Returns
        -------
        ndarray, shape (p, p)
            ∇∇C(w), symmetric, with no eigenvalue below λ.

        Raises
        ------
        InvalidInputError
            If w is not p finite numbers.
        """
        return self._gram(self._curvatures(self.X @ self._weights(w))) + self.prior_precision * np.eye(self.dimension)

    def _products(self, X: Array, w: Array) -> Array:
        return X @ w

    def _fit(self, weights: Array) -> Any:
        return self.likelihood.total(weights @ self.X.T, self.y)

    def _costs(self, products: Array, y: NDArray[Any]) -> Array:
        return self.likelihood.cost(products, y)

    def _slopes(self, products: Array, y: NDArray[Any]) -> Array:
        return self.likelihood.slope(products, y)

    def _curvatures(self, products: Array) -> Array:
        return self.likelihood.curvature(products, self.y)

    def _change(self, products: Array, along: Array) -> Array:
        return self._curvatures(products) * along

    def _outer(self, slopes: Array, X: Array) -> Array:
        return slopes[:, None] * X

    def _collected(self, slopes: Array, X: Array) -> Array:
        return slopes @ X

    def _fisher(self, w: ArrayLike) -> Array:
        """Return the Fisher information of one example, averaged over the inputs."""
        return self._gram(self.likelihood.information(self.X @ self._weights(w))) / self.train_size

    def _gram(self, curvatures: Array) -> Array:
        """Return Σᵢ cᵢ xᵢxᵢᵀ; the product of a matrix with its own transpose comes out exactly symmetric."""
        scaled = np.sqrt(curvatures)[:, None] * self.X
        return scaled.T @ scaled

    def _response(self, X: Array, w: Array) -> Array:
        """Return the means of labels at inputs (m, p) for weights (..., p), shape (..., m)."""
        return self.likelihood.mean(w @ X.T)

    def _on_scores(self, scores: Array) -> tuple[Regression, Array]:
        """Return the same labels with inputs that are rotated, and the rotation of the outputs, of which there is one.

        The class itself, as its formulas are the model's: a subclass may be made in other ways.
        """
        return formula_of(self)(scores, self.y), np.ones((1, 1))  # pyright: ignore[reportOptionalCall]


class TwoClasses(Regression, ClassModel):
    """A regression with labels 0 and 1, of which 1 is the more probable one where x·w > 0."""

    __slots__ = ()

    @property
    def n_classes(self) -> int:
        """Number of classes: two."""
        return 2

    def _likeliest(self, products: Array) -> NDArray[np.bool_]:
        return products > 0
