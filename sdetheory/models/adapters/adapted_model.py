"""A model made of somebody else's network: what all backends have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ... import _validate
from ...errors import InvalidInputError
from .. import _minibatch
from .._formula import ModelBase, declared
from ._backend import ENTRIES, EXAMPLES, Backend, slices
from ._outputs import Outputs
from ._trial import refuse_contradiction

Array = NDArray[Any]


@declared
class AdaptedModel(Outputs, ModelBase):
    r"""The total cost of a network of PyTorch or JAX; :func:`from_torch` and :func:`from_jax` make it.

    .. math:: C(w) = \sum_{i=1}^N \ell(\mathrm{outputs}_i(w), \mathrm{target}_i) + \frac{\lambda}{2} |w|^2

    Weights and gradients are NumPy vectors of the network's own precision, ``dtype``; sums over all examples are made
    in float64 and rounded at the end. Nothing is drawn: the same weights give the same numbers, on as many threads.

    Parameters
    ----------
    backend : object
        The network and its data.
    prior_precision : float
        λ ≥ 0.

    Attributes
    ----------
    train_size, dimension : int
        N, and the number p of weights that are trained.
    weights : ndarray, shape (p,)
        The weights that the network had, to start from.
    dtype : dtype
        float32 or float64.
    """

    _shown = ("train_size", "dimension", "dtype", "prior_precision")

    def __init__(self, backend: Any, *, prior_precision: float = 0.0) -> None:
        self._backend: Backend = backend
        self.prior_precision = _validate.real("prior_precision", prior_precision, at_least=0.0)
        refuse_contradiction(backend)
        self.train_size, self.dimension = backend.train_size, backend.dimension
        self.dtype = backend.dtype

    @property
    def weights(self) -> Array:
        """A copy of the weights that the network had."""
        return self._backend.weights.copy()

    def unflatten(self, w: ArrayLike) -> Any:
        """Return weights as the library has them.

        Parameters
        ----------
        w : array_like, shape (p,)
            Weights.

        Returns
        -------
        dict of str to tensor, or pytree
            Of PyTorch, by name: ``module.load_state_dict(model.unflatten(w), strict=False)``. Of JAX, as the parameters
            that were given.

        Raises
        ------
        InvalidInputError
            If w is not p finite numbers.
        """
        return self._backend.unflatten(self._weights("w", w))

    def flatten(self, parameters: Any) -> Array:
        """Return weights of the library's own form as one vector.

        Parameters
        ----------
        parameters : module, dict of str to tensor, or pytree
            Of PyTorch a module of the same kind, or its weights by name; of JAX a tree like the one that was given.

        Returns
        -------
        ndarray, shape (p,)
            w.

        Raises
        ------
        InvalidInputError
            If names or shapes do not fit.
        """
        return self._backend.flatten(parameters)

    def cost(self, w: ArrayLike) -> Any:
        """Return the total cost C(w).

        Parameters
        ----------
        w : array_like, shape (..., p)
            Weights.

        Returns
        -------
        float or ndarray, shape (...)
            C(w), summed in float64.

        Raises
        ------
        InvalidInputError
            If w is not p finite numbers, or an array of such.
        """
        points = _validate.vectors("w", w, self.dimension)
        if points.ndim > 1:
            return np.array([self.cost(point) for point in points.reshape(-1, self.dimension)]).reshape(
                points.shape[:-1]
            )
        return self.train_size * self.loss(points) + 0.5 * self.prior_precision * float(points @ points)

    def loss(self, w: ArrayLike, inputs: Any = None, targets: Any = None) -> float:
        """Return the mean of ℓ over examples, without the regularizer.

        Parameters
        ----------
        w : array_like, shape (p,)
            Weights.
        inputs, targets : tensor, optional
            Data; by default those of the model.

        Returns
        -------
        float
            Loss per example; not finite where a diverging run has left the floats.

        Raises
        ------
        InvalidInputError
            If w is not p finite numbers, or the data do not fit the network.
        """
        weights, data, size = self._weights("w", w), None, self.train_size
        if (inputs is None) != (targets is None):
            raise InvalidInputError("inputs and targets must be given together, or neither for the data of the model")
        if inputs is not None:
            data = self._backend.checked(inputs, targets)
            size = len(data[0])
        parts = [self._backend.losses(weights, rows, data).sum(dtype=np.float64) for rows in slices(size, EXAMPLES)]
        return float(np.sum(parts)) / size

    def gradient(self, w: ArrayLike) -> Array:
        """Return the gradient ∇C(w).

        Parameters
        ----------
        w : array_like, shape (p,)
            Weights.

        Returns
        -------
        ndarray, shape (p,)
            ∇C(w), of the network's dtype.

        Raises
        ------
        InvalidInputError
            If w is not p finite numbers.
        """
        weights = self._weights("w", w)
        return self._with_prior(self._summed(weights, np.arange(self.train_size), 1.0), weights, 1.0)

    def minibatch_gradient(self, w: Array, indices: NDArray[np.integer]) -> Array:
        r"""Return the estimate of ∇C(w) by a minibatch.

        .. math:: \hat G = \frac{N}{B} \sum_{i \in \mathrm{indices}} \nabla C_i(w)

        Parameters
        ----------
        w : ndarray, shape (p,)
            Weights. Nothing is checked here: this is the inner loop of SGD. Of the network's dtype they are not copied.
        indices : ndarray, shape (B,)
            Numbers of the examples, which may repeat.

        Returns
        -------
        ndarray, shape (p,)
            Ĝ.
        """
        w, chosen = _minibatch.arguments(w, indices, self.train_size, self.dimension)
        with np.errstate(over="ignore"):
            weights = np.ascontiguousarray(w, dtype=self.dtype)
        return self._with_prior(self._summed(weights, chosen, self.train_size / len(chosen)), weights, 1.0)

    def weighted_gradient(self, w: ArrayLike, weights: ArrayLike) -> Array:
        """Return Σᵢ aᵢ ∇Cᵢ(w) for weights aᵢ of the examples, without forming the gradients one by one.

        Parameters
        ----------
        w : array_like, shape (p,)
            Weights of the network.
        weights : array_like, shape (N,)
            a, of any sign.

        Returns
        -------
        ndarray, shape (p,)
            The sum, with the prior's share aᵢ λw/N of each example.

        Raises
        ------
        InvalidInputError
            If a shape does not fit or a number is not finite.
        """
        point, a = self._weights("w", w), _validate.reals("weights", weights, shape=(self.train_size,))
        share = float(a.sum()) / self.train_size
        return self._with_prior(self._summed(point, np.arange(self.train_size), a.astype(self.dtype)), point, share)

    def per_example_gradients(self, w: ArrayLike, indices: ArrayLike | None = None) -> Array:
        """Return the gradients ∇Cᵢ(w) of the examples, which sum to the gradient.

        Parameters
        ----------
        w : array_like, shape (p,)
            Weights.
        indices : array_like, shape (m,), optional
            Numbers of the examples; by default all. Of a large network take some at a time.

        Returns
        -------
        ndarray, shape (m, p)
            ∇Cᵢ(w), each with an equal share λw/N of the regularizer's gradient; of the network's dtype.

        Raises
        ------
        InvalidInputError
            If w is not p finite numbers, or an index not that of an example.
        """
        weights, chosen = self._weights("w", w), np.arange(self.train_size)
        if indices is not None:
            chosen = _validate.integers(
                "indices", indices, at_least=0, at_most=self.train_size - 1, shape=(None,)
            )  # fmt: skip
        found = np.empty((len(chosen), self.dimension), dtype=self.dtype)
        for rows in slices(len(chosen), max(1, min(EXAMPLES, ENTRIES // self.dimension))):
            self._backend.example_gradients(weights, chosen[rows], found[rows])
            if self.prior_precision:
                found[rows] += self.dtype.type(self.prior_precision / self.train_size) * weights
        return found

    def hessian_vector_product(self, w: ArrayLike, v: ArrayLike) -> Array:
        """Return ∇∇C(w) v at the cost of a few gradients.

        Parameters
        ----------
        w, v : array_like, shape (p,)
            Weights, and the vector to multiply.

        Returns
        -------
        ndarray, shape (p,)
            ∇∇C(w) v. It does not see the kinks of rectified units.

        Raises
        ------
        InvalidInputError
            If w or v is not p finite numbers.
        """
        weights, along = self._weights("w", w), self._weights("v", v)
        total = np.zeros(self.dimension)
        for rows in slices(self.train_size, EXAMPLES):
            total += self._backend.hessian_product(weights, along, rows)
        return (total + self.prior_precision * along).astype(self.dtype)

    def _summed(self, weights: Array, chosen: NDArray[np.integer], scale: Any) -> Array:
        """Return Σ scale ∇ℓ over the examples; more than go through the network at once are added up in float64."""
        if len(chosen) <= EXAMPLES:
            return self._backend.gradient(weights, chosen, scale)
        total = np.zeros(self.dimension)
        for rows in slices(len(chosen), EXAMPLES):
            total += self._backend.gradient(weights, chosen[rows], scale if np.ndim(scale) == 0 else scale[rows])
        with np.errstate(over="ignore"):
            return total.astype(self.dtype)

    def _with_prior(self, gradient: Array, weights: Array, share: float) -> Array:
        if self.prior_precision:
            with np.errstate(over="ignore", invalid="ignore"):
                gradient += self.dtype.type(self.prior_precision * share) * weights
        return gradient

    def _weights(self, name: str, w: ArrayLike) -> Array:
        given = _validate.reals(name, w, shape=(self.dimension,))
        with np.errstate(over="ignore"):
            weights = given.astype(self.dtype, copy=False)
        if not np.isfinite(weights).all():
            raise InvalidInputError(f"{name} must be numbers that {self.dtype} holds; got {np.abs(given).max():.3g}")
        return weights
