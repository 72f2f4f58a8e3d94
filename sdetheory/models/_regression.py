"""Models in which an example enters through one product x·w: a likelihood of it, and a Gaussian prior."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..errors import InvalidInputError
from . import _minibatch
from ._formula import Model, formula_of
from .likelihoods._likelihood import Likelihood

Array = NDArray[np.float64]


# Arrays have no single truth value and no hash, so models compare by identity.
@dataclass(frozen=True, slots=True, eq=False)
class Regression(Model):
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
    def train_size(self) -> int:
        """Number n of examples."""
        return self.X.shape[0]

    @property
    def dimension(self) -> int:
        """Number p of weights."""
        return self.X.shape[1]

    def cost(self, w: ArrayLike) -> Any:
        """Return the total cost C(w).

        Parameters
        ----------
        w : array_like, shape (..., p)
            Weights.

        Returns
        -------
        float or ndarray, shape (...)
            C(w).

        Raises
        ------
        InvalidInputError
            If w is not p finite numbers, or an array of such.
        """
        weights = _validate.vectors("w", w, self.dimension)
        fit = self.likelihood.total(weights @ self.X.T, self.y)
        total = fit + 0.5 * self.prior_precision * np.sum(weights**2, axis=-1)
        return float(total) if weights.ndim == 1 else total

    def loss(self, w: ArrayLike, X: ArrayLike | None = None, y: ArrayLike | None = None) -> float:
        """Return the mean of ℓ over examples, without the prior.

        Parameters
        ----------
        w : array_like, shape (p,)
            Weights.
        X, y : array_like, shapes (n', p) and (n',), optional
            Data; by default those of the model.

        Returns
        -------
        float
            Loss per example; for classes the cross-entropy in nats, for least squares the mean of (x·w − y)²/2.

        Raises
        ------
        InvalidInputError
            If a shape does not fit, a label is none that the model takes, or a number is not finite.
        """
        return float(np.mean(self.likelihood.cost(*self._products(w, X, y))))

    def gradient(self, w: ArrayLike) -> Array:
        """Return the gradient ∇C(w).

        Parameters
        ----------
        w : array_like, shape (p,)
            Weights.

        Returns
        -------
        ndarray, shape (p,)
            ∇C(w).

        Raises
        ------
        InvalidInputError
            If w is not p finite numbers.
        """
        weights = self._weights(w)
        return self._slopes(self.X @ weights, self.y) @ self.X + self.prior_precision * weights

    def per_example_gradients(self, w: ArrayLike) -> Array:
        """Return the gradients ∇Cᵢ(w) of the examples, which sum to the gradient.

        Parameters
        ----------
        w : array_like, shape (p,)
            Weights.

        Returns
        -------
        ndarray, shape (n, p)
            ∇Cᵢ(w), each with an equal share λw/n of the prior's gradient (which adds nothing to their covariance).

        Raises
        ------
        InvalidInputError
            If w is not p finite numbers.
        """
        weights = self._weights(w)
        slopes = self._slopes(self.X @ weights, self.y)
        return slopes[:, None] * self.X + self.prior_precision / self.train_size * weights

    def minibatch_gradient(self, w: Array, indices: NDArray[np.integer]) -> Array:
        r"""Return the estimate of ∇C(w) by a minibatch.

        .. math:: \hat G = \frac{n}{B} \sum_{i \in \mathrm{indices}} \nabla C_i(w)

        Parameters
        ----------
        w : ndarray, shape (p,)
            Weights. Nothing is checked here: this is the inner loop of SGD.
        indices : ndarray, shape (B,)
            Numbers of the examples, which may repeat.

        Returns
        -------
        ndarray, shape (p,)
            Ĝ.
        """
        w, indices = _minibatch.arguments(w, indices, self.train_size, self.dimension)
        inputs = self.X[indices]
        slopes = self._slopes(inputs @ w, self.y[indices])
        return self.train_size / len(inputs) * (slopes @ inputs) + self.prior_precision * w

    def weighted_gradient(self, w: ArrayLike, weights: ArrayLike) -> Array:
        """Return Σᵢ aᵢ ∇Cᵢ(w) for weights aᵢ of the examples, without forming the gradients one by one.

        Parameters
        ----------
        w : array_like, shape (p,)
            Weights of the model.
        weights : array_like, shape (n,)
            a, of any sign.

        Returns
        -------
        ndarray, shape (p,)
            The sum, with the prior's share aᵢ λw/n of each example.

        Raises
        ------
        InvalidInputError
            If a shape does not fit or a number is not finite.
        """
        point, a = self._weights(w), _validate.reals("weights", weights, shape=(self.train_size,))
        share = self.prior_precision * a.sum() / self.train_size
        return (a * self._slopes(self.X @ point, self.y)) @ self.X + share * point

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

    def hessian_vector_product(self, w: ArrayLike, v: ArrayLike) -> Array:
        """Return ∇∇C(w) v without forming the Hessian.

        Parameters
        ----------
        w, v : array_like, shape (p,)
            Weights, and the vector to multiply.

        Returns
        -------
        ndarray, shape (p,)
            ∇∇C(w) v.

        Raises
        ------
        InvalidInputError
            If w or v is not p finite numbers.
        """
        point, along = self._weights(w), _validate.reals("v", v, shape=(self.dimension,))
        curvatures = self._curvatures(self.X @ point)
        return (curvatures * (self.X @ along)) @ self.X + self.prior_precision * along

    def _slopes(self, products: Array, y: NDArray[Any]) -> Array:
        """Return ∂ℓ/∂z."""
        return self.likelihood.slope(products, y)

    def _curvatures(self, products: Array) -> Array:
        """Return ∂²ℓ/∂z² of the model's own examples."""
        return self.likelihood.curvature(products, self.y)

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

    def _products(self, w: ArrayLike, X: ArrayLike | None, y: ArrayLike | None) -> tuple[Array, NDArray[Any]]:
        inputs, labels = data(X, y, self.dimension) or (self.X, self.y)
        return inputs @ self._weights(w), self.likelihood.labels(labels)

    def _weights(self, w: ArrayLike) -> Array:
        return _validate.reals("w", w, shape=(self.dimension,))


class TwoClasses(Regression):
    """A regression with labels 0 and 1, of which 1 is the more probable one where x·w > 0."""

    __slots__ = ()

    @property
    def n_classes(self) -> int:
        """Number of classes: two."""
        return 2

    def accuracy(self, w: ArrayLike, X: ArrayLike | None = None, y: ArrayLike | None = None) -> float:
        """Return the share of examples whose label is the more probable one; an example on the boundary is a 0.

        Parameters
        ----------
        w : array_like, shape (p,)
            Weights.
        X, y : array_like, shapes (n', p) and (n',), optional
            Data; by default those of the model.

        Returns
        -------
        float
            From 0 to 1.

        Raises
        ------
        InvalidInputError
            If a shape does not fit, a label is not 0 or 1, or a number is not finite.
        """
        products, labels = self._products(w, X, y)
        return float(np.mean((products > 0) == labels))


def data(X: ArrayLike | None, y: ArrayLike | None, p: int) -> tuple[Array, Array] | None:
    """Return inputs and labels that were given together, or None where neither was."""
    if X is None and y is None:
        return None
    if X is None or y is None:
        raise InvalidInputError("X and y must be given together, or neither for the data of the model")
    inputs = _validate.reals("X", X, shape=(None, p))
    return inputs, _validate.each_row("y", y, "X", len(inputs))
