"""The covariance of per-example gradients, which is the noise of SGD up to the noise scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ... import _validate
from ...errors import InvalidInputError
from ._rows import matrix_of


def gradient_covariance(per_example_gradients: ArrayLike) -> NDArray[np.float64]:
    r"""Return the covariance F of the per-example gradients.

    .. math:: F = \frac{1}{N - 1} \sum_{i=1}^N (\nabla C_i - \bar g)(\nabla C_i - \bar g)^\top, \qquad
              \bar g = \frac{1}{N} \sum_{i=1}^N \nabla C_i .

    Parameters
    ----------
    per_example_gradients : array_like, shape (N, p)
        ∇Cᵢ of N ≥ 2 examples.

    Returns
    -------
    ndarray, shape (p, p)
        F, symmetric and positive semidefinite, of rank at most N − 1.

    Raises
    ------
    InvalidInputError
        If the gradients are not an (N, p) array of finite numbers, N = 1, or p > 16,384.

    Notes
    -----
    With N − 1 in the denominator N(N/B − 1)F is exactly the covariance of the minibatch gradient (without
    replacement); with N it would be that only up to a factor N/(N − 1).

    F uses the labels of the data and subtracts the mean, so in general it is not the Fisher information.

    References
    ----------
    S. L. Smith and Q. V. Le, "A Bayesian Perspective on Generalization and Stochastic Gradient Descent", ICLR 2018,
    arXiv:1710.06451, Section 5 (between Eqs. 11 and 12).

    Examples
    --------
    >>> gradient_covariance([[1.0, 0.0], [2.0, 1.0], [3.0, -1.0]])
    array([[ 1. , -0.5],
           [-0.5,  1. ]])
    """
    gradients = _validate.reals("per_example_gradients", per_example_gradients, shape=(None, None))
    n = len(gradients)
    if n < 2:
        raise InvalidInputError(
            f"per_example_gradients must have at least 2 rows; got {n}. A covariance needs more than one example."
        )
    matrix_of(
        gradients.shape[1], "For its trace see simple_noise_scale, for its diagonal gradients.var(axis=0, ddof=1)."
    )
    centered = gradients - gradients.mean(axis=0)
    return centered.T @ centered / (n - 1)
