"""A model of the user's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..errors import InvalidInputError
from . import _minibatch
from ._formula import ModelBase, extensible

Array = NDArray[np.float64]


@extensible
class FunctionModel(ModelBase):
    r"""A sum over examples, given by three functions.

    .. math:: C(w) = \sum_{i=1}^n C_i(w)

    Parameters
    ----------
    cost : callable
        ``cost(w)``, the total cost of weights of shape (p,), as a float.
    example_gradients : callable
        ``example_gradients(w, indices)``: ∇Cᵢ of the examples with these numbers, shape (len(indices), p). What belongs
        to no example, such as a prior, is shared out equally.
    hessian_vector_product : callable
        ``hessian_vector_product(w, v)``: ∇∇C(w) v, shape (p,).
    train_size : int
        n ≥ 1.
    dimension : int
        p ≥ 1.

    Raises
    ------
    InvalidInputError
        If something is not a function, or a size is not a whole number ≥ 1; by the methods, if w is not p finite
        numbers or a function returns another shape than said here.

    Examples
    --------
    >>> places = np.array([[0.0], [1.0], [5.0]])
    >>> model = FunctionModel(
    ...     lambda w: np.log(np.cosh(w - places)).sum(),
    ...     lambda w, indices: np.tanh(w - places[indices]),
    ...     lambda w, v: np.sum(v / np.cosh(w - places) ** 2, axis=0),
    ...     train_size=3,
    ...     dimension=1,
    ... )
    >>> model.gradient([1.0])
    array([-0.23773514])
    >>> model.minibatch_gradient(np.array([1.0]), np.array([0, 2]))
    array([-0.3566...])
    """

    _shown = ("train_size", "dimension")

    def __init__(
        self,
        cost: Callable[[Array], float],
        example_gradients: Callable[[Array, NDArray[np.int64]], ArrayLike],
        hessian_vector_product: Callable[[Array, Array], ArrayLike],
        *,
        train_size: int,
        dimension: int,
    ) -> None:
        functions = {
            "cost": cost,
            "example_gradients": example_gradients,
            "hessian_vector_product": hessian_vector_product,
        }
        for name, function in functions.items():
            if not callable(function):
                raise InvalidInputError(f"{name} must be a function; got {type(function).__name__}")
        self._cost, self._example_gradients, self._hessian_vector_product = functions.values()
        self.train_size = _validate.integer("train_size", train_size, at_least=1)
        self.dimension = _validate.integer("dimension", dimension, at_least=1)

    def cost(self, w: ArrayLike) -> float:
        """Return the total cost C(w) of weights of shape (p,)."""
        return _validate.real("cost(w)", self._cost(self._vector("w", w)))

    def gradient(self, w: ArrayLike) -> Array:
        """Return the gradient ∇C(w), shape (p,)."""
        return self.per_example_gradients(w).sum(axis=0)

    def per_example_gradients(self, w: ArrayLike) -> Array:
        """Return the gradients ∇Cᵢ(w) of all examples, shape (n, p)."""
        gradients = self._example_gradients(self._vector("w", w), np.arange(self.train_size))
        return _validate.reals("example_gradients(w, indices)", gradients, shape=(self.train_size, self.dimension))

    def minibatch_gradient(self, w: Array, indices: NDArray[np.int64]) -> Array:
        """Return Ĝ = (n/B) Σ ∇Cᵢ(w) over the indices, which may repeat; nothing is checked in this inner loop."""
        w, indices = _minibatch.arguments(w, indices, self.train_size, self.dimension)
        return self.train_size / len(indices) * np.sum(self._example_gradients(w, indices), axis=0)

    def weighted_gradient(self, w: ArrayLike, weights: ArrayLike) -> Array:
        """Return Σᵢ aᵢ ∇Cᵢ(w) for weights a of the examples, shape (n,) and of any sign."""
        return _validate.reals("weights", weights, shape=(self.train_size,)) @ self.per_example_gradients(w)

    def hessian_vector_product(self, w: ArrayLike, v: ArrayLike) -> Array:
        """Return ∇∇C(w) v, shape (p,)."""
        product = self._hessian_vector_product(self._vector("w", w), self._vector("v", v))
        return self._vector("hessian_vector_product(w, v)", product)

    def _vector(self, name: str, value: Any) -> Array:
        return _validate.reals(name, value, shape=(self.dimension,))
