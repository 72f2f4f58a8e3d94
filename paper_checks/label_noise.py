"""Two weights whose product is to be one, with noisy labels: ½(uv − 1 − ξ)², by all ways that the noise can go.

The minima are the hyperbola uv = 1, on which the Hessian is ∇f∇fᵀ of trace u² + v². Along it moves u² − v², which
gradient flow keeps, and which a step multiplies by 1 − ε²e² of the error e = uv − 1 − ξ.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike


def drift(
    start: float, rate: float, labels: ArrayLike, shares: ArrayLike, steps: int, *, gradients: ArrayLike = ((0.0, 0.0),)
) -> float:
    """Return −ln of the factor by which the mean of u² − v² changes in the last of some steps from (u, 1/u).

    Parameters
    ----------
    start : float
        u; not 1.
    rate : float
        Learning rate ε.
    labels, shares : array_like, shape (k,)
        Values of ξ and their probabilities.
    steps : int
        K, so that (k l)^K ways are listed.
    gradients : array_like, shape (l, 2)
        Values, alike in probability, of noise that is added to the gradient.

    Examples
    --------
    >>> drift(2.0, 0.1, [0.0], [1.0], 3) == 0
    True
    >>> round(drift(2.0, 0.1, [-0.1, 0.1], [0.5, 0.5], 1), 8), round(-math.log(1 - 0.1**2 * 0.1**2), 8)
    (0.00010001, 0.00010001)
    """
    values = np.repeat(np.asarray(labels, dtype=float), len(gradients))
    weights = np.repeat(np.asarray(shares, dtype=float), len(gradients)) / len(gradients)
    left, right = np.tile(np.asarray(gradients, dtype=float), (len(np.atleast_1d(labels)), 1)).T
    u, v, share = np.array([start]), np.array([1 / start]), np.ones(1)
    means = [start**2 - 1 / start**2]
    for _ in range(steps):
        error = (u * v - 1)[:, None] - values
        u, v = ((u[:, None] - rate * (error * v[:, None] + left)).ravel(),
                (v[:, None] - rate * (error * u[:, None] + right)).ravel())  # fmt: skip
        share = (share[:, None] * weights).ravel()
        means.append(float(share @ (u**2 - v**2)))
    return -math.log(means[-1] / means[-2])
