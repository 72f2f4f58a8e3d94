"""The Fisher information, and how far the covariance of gradients is from it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ... import _validate
from ...errors import InvalidInputError
from .._formula import likelihood_of, overridden
from .gradient_noise import gradient_covariance


def fisher_information(model: Any, w: ArrayLike) -> NDArray[np.float64]:
    r"""Return the Fisher information of one example, averaged over the inputs of the data.

    .. math:: I(w) = \frac{1}{N} \sum_{i=1}^N E_{y \sim P(\cdot | x_i, w)}
              \bigl[ \nabla \ln P(y | x_i, w) \, \nabla \ln P(y | x_i, w)^\top \bigr]

    Parameters
    ----------
    model : LinearRegression, LogisticRegression or another regression of this package
        The labels of its data do not enter.
    w : array_like, shape (p,)
        Weights.

    Returns
    -------
    ndarray, shape (p, p)
        I, symmetric and positive semidefinite.

    Raises
    ------
    InvalidInputError
        If the model is another one or overrides what these say, or w is not p finite numbers.

    Notes
    -----
    Where the link is canonical (all but the probit) I is the Hessian of the cost without the prior, over N.

    References
    ----------
    P. McCullagh and J. A. Nelder (1989), Generalized Linear Models, section 2.5.

    Examples
    --------
    >>> from sdetheory.models import LogisticRegression
    >>> fisher_information(LogisticRegression([[1.0], [2.0]], [0, 1], prior_precision=3.0), [0.0])
    array([[0.625]])
    """
    if likelihood_of(model) is None:
        changed = ", ".join(sorted(overridden(model)))
        raise InvalidInputError(
            "model must be a regression with a likelihood, such as a linear, logistic or softmax regression; got "
            f"{type(model).__name__}"
            + (f", which overrides {changed}: the formula need not hold for it" if changed else "")
            + ". For others average the products of gradients over labels that the model draws."
        )
    return model._fisher(w)


def fisher_discrepancy(model: Any, w: ArrayLike) -> float:
    r"""Return how far the covariance F of gradients is from the Fisher information.

    .. math:: \frac{\| F(w) - I(w) \|}{\| I(w) \|} \qquad \text{(Frobenius norms)}

    Parameters
    ----------
    model : LinearRegression, LogisticRegression or another regression of this package
        With at least two examples.
    w : array_like, shape (p,)
        Weights.

    Returns
    -------
    float
        0 if they are equal.

    Raises
    ------
    InvalidInputError
        As :func:`fisher_information`, and if I vanishes or there is one example.

    Notes
    -----
    F takes the labels of the data and subtracts the mean. The two agree, up to sampling error of order √(p/N), where
    the labels are drawn from the model at w itself; elsewhere nothing makes them equal. That SGD comes to rest
    isotropically, with covariance (ε/2B)·1, rests on their equality.

    References
    ----------
    F. Kunstner, L. Balles and P. Hennig, "Limitations of the empirical Fisher approximation for natural gradient
    descent", NeurIPS 2019, arXiv:1905.12558.

    Examples
    --------
    >>> from sdetheory.models import LinearRegression
    >>> X = np.array([[1.0], [-1.0], [1.0], [-1.0]])
    >>> fisher_discrepancy(LinearRegression(X, [0.0, 2.0, 2.0, 0.0]), [0.0])     # F = 8/3, I = 1
    1.666666666666666...
    """
    fisher = fisher_information(model, w)
    size = float(np.linalg.norm(fisher))
    if size == 0:
        raise InvalidInputError("the Fisher information is zero at w: every label is certain, or every input zero")
    difference = gradient_covariance(model.per_example_gradients(w)) - fisher
    return _validate.real("the discrepancy", np.linalg.norm(difference)) / size
