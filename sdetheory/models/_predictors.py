"""Models in which an example enters through products x·w: their gradients, from the slopes in these products."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..errors import InvalidInputError
from . import _minibatch
from ._formula import ModelBase

Array = NDArray[np.float64]


class PredictorModel(ModelBase):
    """The cost C(w) = Σᵢ ℓ(products of xᵢ with w, yᵢ) + λ|w|²/2 of d weights, and what follows from slopes of ℓ.

    A model has X, y, `prior_precision` and a likelihood, and says what its products are (`_products`, of inputs and
    weights), ℓ (`_costs`, or `_fit`, their sum), the slopes of ℓ (`_slopes`), how these change with products
    (`_change`), and how slopes and inputs make gradients (`_outer`, and summed over the examples `_collected`).
    """

    __slots__ = ()

    X: Array
    y: NDArray[Any]
    prior_precision: float
    likelihood: Any
    dimension: Any
    _products: Any
    _costs: Any
    _fit: Any
    _slopes: Any
    _change: Any
    _outer: Any
    _collected: Any

    @property
    def train_size(self) -> int:
        """Number n of examples."""
        return self.X.shape[0]

    def cost(self, w: ArrayLike) -> Any:
        """Return the total cost C(w).

        Parameters
        ----------
        w : array_like, shape (..., d)
            Weights.

        Returns
        -------
        float or ndarray, shape (...)
            C(w).

        Raises
        ------
        InvalidInputError
            If w is not d finite numbers, or an array of such.
        """
        weights = _validate.vectors("w", w, self.dimension)
        total = self._fit(weights) + 0.5 * self.prior_precision * np.sum(weights**2, axis=-1)
        return float(total) if weights.ndim == 1 else total

    def gradient(self, w: ArrayLike) -> Array:
        """Return the gradient ∇C(w).

        Parameters
        ----------
        w : array_like, shape (d,)
            Weights.

        Returns
        -------
        ndarray, shape (d,)
            ∇C(w).

        Raises
        ------
        InvalidInputError
            If w is not d finite numbers.
        """
        weights = self._weights(w)
        slopes = self._slopes(self._products(self.X, weights), self.y)
        return self._collected(slopes, self.X) + self.prior_precision * weights

    def per_example_gradients(self, w: ArrayLike) -> Array:
        """Return the gradients ∇Cᵢ(w) of the examples, which sum to the gradient.

        Parameters
        ----------
        w : array_like, shape (d,)
            Weights.

        Returns
        -------
        ndarray, shape (n, d)
            ∇Cᵢ(w), each with an equal share λw/n of the prior's gradient (which adds nothing to their covariance).

        Raises
        ------
        InvalidInputError
            If w is not d finite numbers.
        """
        weights = self._weights(w)
        slopes = self._slopes(self._products(self.X, weights), self.y)
        return self._outer(slopes, self.X) + self.prior_precision / self.train_size * weights

    def minibatch_gradient(self, w: Array, indices: NDArray[np.integer]) -> Array:
        r"""Return the estimate of ∇C(w) by a minibatch.

        .. math:: \hat G = \frac{n}{B} \sum_{i \in \mathrm{indices}} \nabla C_i(w)

        Parameters
        ----------
        w : ndarray, shape (d,)
            Weights. Nothing is checked here: this is the inner loop of SGD.
        indices : ndarray, shape (B,)
            Numbers of the examples, which may repeat.

        Returns
        -------
        ndarray, shape (d,)
            Ĝ.
        """
        w, indices = _minibatch.arguments(w, indices, self.train_size, self.dimension)
        inputs = self.X[indices]
        slopes = self._slopes(self._products(inputs, w), self.y[indices])
        return self.train_size / len(inputs) * self._collected(slopes, inputs) + self.prior_precision * w

    def weighted_gradient(self, w: ArrayLike, weights: ArrayLike) -> Array:
        """Return Σᵢ aᵢ ∇Cᵢ(w) for weights aᵢ of the examples, without forming the gradients one by one.

        Parameters
        ----------
        w : array_like, shape (d,)
            Weights of the model.
        weights : array_like, shape (n,)
            a, of any sign.

        Returns
        -------
        ndarray, shape (d,)
            The sum, with the prior's share aᵢ λw/n of each example.

        Raises
        ------
        InvalidInputError
            If a shape does not fit or a number is not finite.
        """
        point, a = self._weights(w), _validate.reals("weights", weights, shape=(self.train_size,))
        share = self.prior_precision * a.sum() / self.train_size
        slopes = self._slopes(self._products(self.X, point), self.y)
        return self._collected((a * slopes.T).T, self.X) + share * point

    def hessian_vector_product(self, w: ArrayLike, v: ArrayLike) -> Array:
        """Return ∇∇C(w) v without forming the Hessian.

        Parameters
        ----------
        w, v : array_like, shape (d,)
            Weights, and the vector to multiply.

        Returns
        -------
        ndarray, shape (d,)
            ∇∇C(w) v.

        Raises
        ------
        InvalidInputError
            If w or v is not d finite numbers.
        """
        point, along = self._weights(w), _validate.reals("v", v, shape=(self.dimension,))
        change = self._change(self._products(self.X, point), self._products(self.X, along))
        return self._collected(change, self.X) + self.prior_precision * along

    def loss(self, w: ArrayLike, X: ArrayLike | None = None, y: ArrayLike | None = None) -> float:
        """Return the mean of ℓ over examples, without the prior.

        Parameters
        ----------
        w : array_like, shape (d,)
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
        return float(np.mean(self._costs(*self._on_data(w, X, y))))

    def _weights(self, w: ArrayLike) -> Array:
        return _validate.reals("w", w, shape=(self.dimension,))

    def _on_data(self, w: ArrayLike, X: ArrayLike | None, y: ArrayLike | None) -> tuple[Array, NDArray[Any]]:
        """Return the products and labels of other data, or of the model's own where none are given."""
        inputs, labels = self.X, self.y
        if X is not None and y is not None:
            inputs = _validate.reals("X", X, shape=(None, self.X.shape[1]))
            labels = _validate.each_row("y", y, "X", len(inputs))
        elif X is not None or y is not None:
            raise InvalidInputError("X and y must be given together, or neither for the data of the model")
        return self._products(inputs, self._weights(w)), self.likelihood.labels(labels)


class ClassModel(PredictorModel):
    """Such a model whose labels are classes; it says which one is the likeliest given products (`_likeliest`)."""

    __slots__ = ()

    _likeliest: Any

    def accuracy(self, w: ArrayLike, X: ArrayLike | None = None, y: ArrayLike | None = None) -> float:
        """Return the share of examples whose label has the greatest probability; between two classes alike it is a 0.

        Parameters
        ----------
        w : array_like, shape (d,)
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
            If a shape does not fit, a label is not one of the classes, or a number is not finite.
        """
        products, labels = self._on_data(w, X, y)
        return float(np.mean(self._likeliest(products) == labels))
