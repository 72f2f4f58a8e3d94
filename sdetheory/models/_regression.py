"""What the models share in which an example enters through one product x·w."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..errors import InvalidInputError
from . import _minibatch
from ._formula import Model

Array = NDArray[np.float64]


class Regression(Model):
    """Gradients and Hessians of Σᵢ ℓ(xᵢ·w, yᵢ) + λ|w|²/2, from the first two derivatives of ℓ in its first argument.

    A model has X, y and `prior_precision`, and says what ℓ′ (`_slopes`) and ℓ″ (`_curvatures`) are.
    """

    __slots__ = ()

    X: Array
    y: NDArray[Any]
    prior_precision: float

    def _slopes(self, products: Array, y: NDArray[Any]) -> Array:
        raise NotImplementedError  # each model has its own

    def _curvatures(self, products: Array) -> Array:
        raise NotImplementedError  # each model has its own

    @property
    def train_size(self) -> int:
        """Number n of examples."""
        return self.X.shape[0]

    @property
    def dimension(self) -> int:
        """Number p of weights."""
        return self.X.shape[1]

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
        scaled = np.sqrt(self._curvatures(self.X @ self._weights(w)))[:, None] * self.X
        # The product of a matrix with its own transpose comes out exactly symmetric.
        return scaled.T @ scaled + self.prior_precision * np.eye(self.dimension)

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

    def _weights(self, w: ArrayLike) -> Array:
        return _validate.reals("w", w, shape=(self.dimension,))


def data(X: ArrayLike | None, y: ArrayLike | None, p: int) -> tuple[Array, Array] | None:
    """Return inputs and labels that were given together, or None where neither was."""
    if X is None and y is None:
        return None
    if X is None or y is None:
        raise InvalidInputError("X and y must be given together, or neither for the data of the model")
    inputs = _validate.reals("X", X, shape=(None, p))
    return inputs, _validate.reals("y", y, shape=(len(inputs),))
