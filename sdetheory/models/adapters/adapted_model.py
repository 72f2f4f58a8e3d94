"""A model made of somebody else's network: what all backends have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ... import _validate
from ...errors import InvalidInputError
from .. import _minibatch
from .._formula import ModelBase, declared

Array = NDArray[Any]

EXAMPLES = 1024
"""Examples that go through the network at once."""
ENTRIES = 2**22
"""Entries of the gradients of examples that are made at once, beyond those that are returned."""


class Backend(Protocol):
    """What a library of derivatives must do; weights are of `dtype`, and `rows` a slice or numbers of examples."""

    train_size: int
    dimension: int
    n_outputs: int
    dtype: np.dtype[Any]
    weights: Array

    def losses(self, w: Array, rows: Any, data: tuple[Any, Any] | None = None) -> Array:
        """Return ℓᵢ, shape (m,); of other data if they are given."""
        ...

    def gradient(self, w: Array, rows: Any, scale: Any) -> Array:
        """Return Σ scaleᵢ ∇ℓᵢ, shape (p,), for a number or one for each row; the array is the caller's to write to."""
        ...

    def example_gradients(self, w: Array, rows: Any, out: Array) -> None:
        """Write ∇ℓᵢ to out, shape (m, p)."""
        ...

    def hessian_product(self, w: Array, v: Array, rows: Any) -> Array:
        """Return Σ ∇∇ℓᵢ v, shape (p,)."""
        ...

    def outputs(self, w: Array, inputs: Any) -> Array:
        """Return the outputs (m, k) of rows, or of other inputs."""
        ...

    def jacobian_product(self, w: Array, v: Array, rows: Any) -> Array:
        """Return J v, shape (m, k)."""
        ...

    def jacobian_transpose(self, w: Array, u: Array, rows: Any) -> Array:
        """Return Jᵀ u, shape (p,)."""
        ...

    def output_hessians(self, w: Array, rows: Any) -> Array:
        """Return the Hessians of ℓᵢ in the outputs, shape (m, k, k)."""
        ...

    def checked(self, inputs: Any, targets: Any) -> tuple[Any, Any]:
        """Return data that fit the network, or refuse them by the argument's name."""
        ...

    def unflatten(self, w: Array) -> Any:
        """Return weights in the library's own form."""
        ...

    def flatten(self, parameters: Any) -> Array:
        """Return weights of the library's own form as one vector."""
        ...


@declared
class AdaptedModel(ModelBase):
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

    def __init__(self, backend: Any, *, prior_precision: float = 0.0) -> None:
        self._backend: Backend = backend
        self.prior_precision = _validate.real("prior_precision", prior_precision, at_least=0.0)
        self.train_size, self.dimension = backend.train_size, backend.dimension
        self.dtype = backend.dtype

    def __repr__(self) -> str:
        """Say what it is in one line."""
        return (
            f"AdaptedModel({self._backend!r}, {self.dimension} weights, {self.train_size} examples, {self.dtype}, "
            f"prior_precision={self.prior_precision:g})"
        )

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
        parts = [self._backend.losses(weights, rows, data).sum(dtype=np.float64) for rows in _slices(size, EXAMPLES)]
        return float(np.sum(parts)) / size

    def outputs(self, w: ArrayLike, inputs: Any = None) -> Array:
        """Return the outputs of the network.

        Parameters
        ----------
        w : array_like, shape (p,)
            Weights.
        inputs : tensor, optional
            Inputs; by default those of the model.

        Returns
        -------
        ndarray, shape (m, k)
            Outputs, flattened to k numbers an example, float64.

        Raises
        ------
        InvalidInputError
            If w is not p finite numbers, or the inputs do not fit the network.
        """
        weights, given = self._weights("w", w), None if inputs is None else self._backend.checked(inputs, None)[0]
        size = self.train_size if given is None else len(given)
        parts = [
            self._backend.outputs(weights, rows if given is None else given[rows]) for rows in _slices(size, EXAMPLES)
        ]
        return np.concatenate(parts).astype(np.float64)

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
        for rows in _slices(len(chosen), max(1, min(EXAMPLES, ENTRIES // self.dimension))):
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
        for rows in _slices(self.train_size, EXAMPLES):
            total += self._backend.hessian_product(weights, along, rows)
        return (total + self.prior_precision * along).astype(self.dtype)

    def jacobian_vector_product(self, w: ArrayLike, v: ArrayLike) -> Array:
        """Return J(w) v: how the outputs change along v.

        Parameters
        ----------
        w, v : array_like, shape (p,)
            Weights, and a direction.

        Returns
        -------
        ndarray, shape (N, k)
            J v, float64.

        Raises
        ------
        InvalidInputError
            If w or v is not p finite numbers.
        """
        weights, along = self._weights("w", w), self._weights("v", v)
        parts = [self._backend.jacobian_product(weights, along, rows) for rows in _slices(self.train_size, EXAMPLES)]
        return np.concatenate(parts).astype(np.float64)

    def vector_jacobian_product(self, w: ArrayLike, u: ArrayLike) -> Array:
        """Return J(w)ᵀ u = Σᵢ Jᵢᵀ uᵢ.

        Parameters
        ----------
        w : array_like, shape (p,)
            Weights.
        u : array_like, shape (N, k)
            One vector for each example.

        Returns
        -------
        ndarray, shape (p,)
            Jᵀ u, float64.

        Raises
        ------
        InvalidInputError
            If a shape does not fit or a number is not finite.
        """
        weights = self._weights("w", w)
        back = _validate.reals("u", u, shape=(self.train_size, self._backend.n_outputs)).astype(self.dtype)
        total = np.zeros(self.dimension)
        for rows in _slices(self.train_size, EXAMPLES):
            total += self._backend.jacobian_transpose(weights, back[rows], rows)
        return total

    def curvature_factors(self, w: ArrayLike) -> Array:
        """Return factors Rᵢ of the Hessians Λᵢ = RᵢᵀRᵢ of ℓᵢ in the outputs, which make the Gauss–Newton matrix.

        Parameters
        ----------
        w : array_like, shape (p,)
            Weights.

        Returns
        -------
        ndarray, shape (N, m, k)
            R, with as many rows as the Hessians have rank at most: k − 1 for a softmax.

        Raises
        ------
        InvalidInputError
            If w is not p finite numbers, or the loss is not convex in the outputs.
        """
        weights = self._weights("w", w)
        parts = [self._backend.output_hessians(weights, rows) for rows in _slices(self.train_size, EXAMPLES)]
        return _factors(np.concatenate(parts))

    def _summed(self, weights: Array, chosen: NDArray[np.integer], scale: Any) -> Array:
        """Return Σ scale ∇ℓ over the examples; more than go through the network at once are added up in float64."""
        if len(chosen) <= EXAMPLES:
            return self._backend.gradient(weights, chosen, scale)
        total = np.zeros(self.dimension)
        for rows in _slices(len(chosen), EXAMPLES):
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


def _slices(size: int, most: int) -> Iterator[slice]:
    return (slice(first, min(first + most, size)) for first in range(0, size, most))


def _factors(hessians: Array) -> Array:
    """Return R (n, m, k) with RᵀR the matrices given; m is the largest rank."""
    n, k = hessians.shape[:2]
    # What rounding leaves of a zero, in each of them, is of the size of the terms, and so of the largest of all.
    floor = 16 * k * float(np.finfo(hessians.dtype).eps) * float(np.abs(hessians).max(initial=0.0))
    values, vectors = np.linalg.eigh(0.5 * (hessians + np.swapaxes(hessians, 1, 2)).astype(np.float64))
    if (values < -floor).any():
        i = int(values.min(axis=1).argmin())
        raise InvalidInputError(
            f"loss must be convex in the outputs for a Gauss–Newton matrix; of example {i} its Hessian has the "
            f"eigenvalue {values[i].min():.3g}. Cross-entropy and squared errors are convex."
        )
    kept = values > floor
    rank = max(1, int(kept.sum(axis=1).max(initial=0)))
    roots = np.sqrt(np.where(kept, values, 0.0))[:, k - rank :]
    return roots[:, :, None] * np.swapaxes(vectors, 1, 2)[:, k - rank :]
