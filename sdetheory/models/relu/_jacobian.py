"""The derivatives of the outputs of a network with one hidden layer: products, and inner products without forming them.

A row of the Jacobian J is the gradient of one output of one example. For one hidden layer it is a pair of outer
products, so that the inner product of two rows is one of inputs times one of back-propagated signals, plus one of
hidden activations times that of the outputs: matrices of n × n numbers do what n × p would.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ... import _validate
from .. import _cross_entropy

Array = NDArray[np.float64]

_BLOCK = 2**22
"""Entries of a Gram matrix that are made at once."""


class Jacobians:
    """Methods of a network that has ``X``, ``layers(w)``, ``dimension`` and ``train_size``; all compute in float64."""

    __slots__ = ()

    X: Any
    dimension: int
    train_size: int
    layers: Callable[[Any], Any]

    def outputs(self, w: ArrayLike, X: ArrayLike | None = None) -> Array:
        """Return the outputs o before the softmax.

        Parameters
        ----------
        w : array_like, shape (dimension,)
            Weights.
        X : array_like, shape (n, p), optional
            Inputs; by default those of the model.

        Returns
        -------
        ndarray, shape (n, k)
            o, float64.

        Raises
        ------
        InvalidInputError
            If a shape does not fit or a number is not finite.
        """
        _, _, w2, b2 = layers = self._layers("w", w)
        return _active(layers, self._inputs(X)) @ w2 + b2

    def curvature_factors(self, w: ArrayLike) -> Array:
        r"""Return factors Rᵢ of the Hessians Λᵢ = RᵢᵀRᵢ of −ln P(yᵢ) in the outputs oᵢ.

        .. math:: \Lambda_i = \mathrm{diag}(P_i) - P_i P_i^T

        Parameters
        ----------
        w : array_like, shape (dimension,)
            Weights.

        Returns
        -------
        ndarray, shape (n, k − 1, k)
            R. A row is missing, as a softmax does not see what all outputs have in common.

        Raises
        ------
        InvalidInputError
            If w is not `dimension` finite numbers.
        """
        return _cross_entropy.curvature_factors(_cross_entropy.probabilities(self.outputs(w)))

    def jacobian_vector_product(self, w: ArrayLike, v: ArrayLike, X: ArrayLike | None = None) -> Array:
        """Return J(w) v: how the outputs change along v.

        Parameters
        ----------
        w, v : array_like, shape (dimension,)
            Weights, and a direction.
        X : array_like, shape (n, p), optional
            Inputs; by default those of the model.

        Returns
        -------
        ndarray, shape (n, k)
            J v, float64.

        Raises
        ------
        InvalidInputError
            If a shape does not fit or a number is not finite.
        """
        layers, (v1, c1, v2, c2) = self._layers("w", w), self._layers("v", v)
        inputs = self._inputs(X)
        active = _active(layers, inputs)
        moved = inputs @ v1
        moved += c1
        moved *= active > 0
        return moved @ layers[2] + active @ v2 + c2

    def vector_jacobian_product(self, w: ArrayLike, u: ArrayLike) -> Array:
        """Return J(w)ᵀ u = Σᵢ Jᵢᵀ uᵢ.

        Parameters
        ----------
        w : array_like, shape (dimension,)
            Weights.
        u : array_like, shape (n, k)
            One vector for each example.

        Returns
        -------
        ndarray, shape (dimension,)
            Jᵀ u, float64.

        Raises
        ------
        InvalidInputError
            If a shape does not fit or a number is not finite.
        """
        layers, inputs = self._layers("w", w), self._inputs(None)
        back_out = _validate.reals("u", u, shape=(self.train_size, len(layers[3])))
        active = _active(layers, inputs)
        back = back_out @ layers[2].T
        back *= active > 0
        parts = inputs.T @ back, back.sum(axis=0), active.T @ back_out, back_out.sum(axis=0)
        return np.concatenate([part.ravel() for part in parts])

    def jacobian_gram(self, w: ArrayLike, factors: ArrayLike) -> Array:
        r"""Return B Bᵀ for B = R J, whose rows are Rᵢ Jᵢ, at the cost of two Gram matrices.

        .. math:: (B B^T)_{ir,js} = (x_i \cdot x_j + 1)\, d_{ir} \cdot d_{js} +
                  (a_i \cdot a_j + 1)\, R_{ir} \cdot R_{js}

        a are the activations of the hidden units, and d = 1(a > 0) ∘ W₂R the signals that come back to them.

        Parameters
        ----------
        w : array_like, shape (dimension,)
            Weights.
        factors : array_like, shape (n, m, k)
            R.

        Returns
        -------
        ndarray, shape (n m, n m)
            B Bᵀ, float64.

        Raises
        ------
        InvalidInputError
            If a shape does not fit or a number is not finite.
        """
        layers, inputs = self._layers("w", w), self._inputs(None)
        R = _validate.reals("factors", factors, shape=(self.train_size, None, len(layers[3])))
        active, signals = _active(layers, inputs), _signals(layers, inputs, R)
        n, m = R.shape[:2]
        gram = np.empty((n, m, n, m))
        step = max(1, _BLOCK // (n * m * m))
        for i in range(0, n, step):
            rows = slice(i, i + step)
            gram[rows] = _products((inputs, active, signals, R), rows)
        return gram.reshape(n * m, n * m)

    def jacobian_gram_at(self, w: ArrayLike, factors: ArrayLike, X: ArrayLike) -> tuple[Array, Array]:
        """Return J★Bᵀ and, for each example by itself, J★J★ᵀ, of the outputs at other inputs.

        Parameters
        ----------
        w : array_like, shape (dimension,)
            Weights.
        factors : array_like, shape (n, m, k)
            R of B = R J.
        X : array_like, shape (n★, p)
            The other inputs.

        Returns
        -------
        tuple of ndarray, shapes (n★, k, n m) and (n★, k, k)
            Inner products of the gradients of outputs with the rows of B, and with each other.

        Raises
        ------
        InvalidInputError
            If a shape does not fit or a number is not finite.
        """
        layers, inputs, others = self._layers("w", w), self._inputs(None), self._inputs(X)
        R = _validate.reals("factors", factors, shape=(self.train_size, None, len(layers[3])))
        k = len(layers[3])
        unit = np.broadcast_to(np.eye(k), (len(others), k, k))
        here = inputs, _active(layers, inputs), _signals(layers, inputs, R), R
        there = others, _active(layers, others), _signals(layers, others, unit), unit
        cross = _products(there, slice(None), here)
        lengths = [np.sum(part**2, axis=1)[:, None, None] + 1 for part in there[:2]]
        own = lengths[0] * (there[2] @ np.swapaxes(there[2], 1, 2)) + lengths[1] * np.eye(k)
        return cross.reshape(len(others), k, -1), own

    def _layers(self, name: str, w: ArrayLike) -> Any:
        return self.layers(_validate.reals(name, w, shape=(self.dimension,)))

    def _inputs(self, X: ArrayLike | None) -> Array:
        if X is None:
            return np.asarray(self.X, dtype=np.float64)
        return _validate.reals("X", X, shape=(None, self.X.shape[1]))


def _active(layers: Any, inputs: Array) -> Array:
    """Return the activations of the hidden units, (n, h)."""
    active = inputs @ layers[0]
    active += layers[1]
    return np.maximum(active, 0, out=active)


def _signals(layers: Any, inputs: Array, R: Array) -> Array:
    """Return what comes back to the hidden units from each row of R, (n, m, h)."""
    signals = R @ layers[2].T
    signals *= (_active(layers, inputs) > 0)[:, None, :]
    return signals


def _products(one: tuple[Array, ...], rows: slice, other: tuple[Array, ...] | None = None) -> Array:
    """Return the inner products (b, m, n, m') of some rows of RJ with all rows, of the same inputs or others."""
    x, a, d, R = (part[rows] for part in one)
    y, c, e, S = one if other is None else other
    left, right = (len(x), d.shape[1]), (len(y), e.shape[1])
    gram = (d.reshape(-1, d.shape[2]) @ e.reshape(-1, e.shape[2]).T).reshape(*left, *right)
    gram *= (x @ y.T + 1)[:, None, :, None]
    last = (R.reshape(-1, R.shape[2]) @ S.reshape(-1, S.shape[2]).T).reshape(*left, *right)
    last *= (a @ c.T + 1)[:, None, :, None]
    gram += last
    return gram
