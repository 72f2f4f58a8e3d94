"""The outputs of a network and their derivatives, as the evidence of networks asks for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ... import _validate
from ...errors import InvalidInputError
from ._backend import EXAMPLES, Backend, slices

Array = NDArray[Any]


class Outputs:
    """Methods of a model that has a backend."""

    _backend: Backend
    _weights: Callable[[str, ArrayLike], Array]
    train_size: int
    dimension: int
    dtype: np.dtype[Any]

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
            self._backend.outputs(weights, rows if given is None else given[rows]) for rows in slices(size, EXAMPLES)
        ]
        return np.concatenate(parts).astype(np.float64)

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
        parts = [self._backend.jacobian_product(weights, along, rows) for rows in slices(self.train_size, EXAMPLES)]
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
        for rows in slices(self.train_size, EXAMPLES):
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
        parts = [self._backend.output_hessians(weights, rows) for rows in slices(self.train_size, EXAMPLES)]
        return _factors(np.concatenate(parts))


def _factors(hessians: Array) -> Array:
    """Return R (n, m, k) with RᵀR the matrices given; m is the largest rank."""
    k = hessians.shape[1]
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
