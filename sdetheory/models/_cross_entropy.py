"""The cross-entropy of labels: −ln P(label), where the probabilities of classes are as the exponentials of outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate

Array = NDArray[Any]


def labels(y: ArrayLike, size: int, n_classes: int | None = None) -> NDArray[np.int64]:
    """Return labels, whole numbers from 0 and below the number of classes if that is known."""
    _validate.each_row("y", y, "X", size)
    return _validate.integers("y", y, at_least=0, at_most=None if n_classes is None else n_classes - 1)


def loss(outputs: Array, y: NDArray[np.int64]) -> float:
    """Return the mean of −ln P(label) over the examples; changes the outputs (n, k)."""
    with np.errstate(over="ignore", invalid="ignore"):
        outputs -= outputs.max(axis=1, keepdims=True)
        right = outputs[np.arange(len(y)), y].copy()
        return float(np.mean(np.log(np.exp(outputs).sum(axis=1)) - right))


def probabilities(outputs: Array) -> Array:
    """Turn outputs into probabilities, in place; no exponential overflows."""
    outputs -= outputs.max(axis=1, keepdims=True)
    np.exp(outputs, out=outputs)
    outputs /= outputs.sum(axis=1, keepdims=True)
    return outputs


def subtract_labels(probabilities: Array, y: NDArray[np.int64]) -> None:
    """Turn P into P − 1 of the label, in place; summed over the others, which keeps the digits of a good fit."""
    rows = np.arange(len(y))
    probabilities[rows, y] = 0
    probabilities[rows, y] = -probabilities.sum(axis=1)


def curvature_factors(probabilities: Array) -> Array:
    """Return R (n, k − 1, k) with RᵀR = diag(P) − PPᵀ for each row of P (n, k).

    R = QᵀD for D = diag(√P) and an orthonormal basis Q of what is orthogonal to √P: the columns but one of the
    reflection that takes √P to the unit vector of the likeliest class c. No difference of near numbers is taken, so
    that also where P is nearly 0 or 1 all digits are right.
    """
    n, k = probabilities.shape
    rows, likeliest = np.arange(n), probabilities.argmax(axis=1)
    roots = np.sqrt(probabilities)
    top = roots[rows, likeliest][:, None]
    shares = probabilities / (1 + top)
    shares[rows, likeliest] = top[:, 0]
    factors = roots[:, :, None] * (np.eye(k) - shares[:, None, :])
    others = np.ones((n, k), dtype=bool)
    others[rows, likeliest] = False
    return factors[others].reshape(n, k - 1, k)
