"""Logistic regression."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from .. import _validate
from ._formula import declared
from ._regression import Regression, data


# Arrays have no single truth value and no hash, so models compare by identity.
@declared
@dataclass(frozen=True, slots=True, eq=False)
class LogisticRegression(Regression):
    r"""Two-class logistic regression with a Gaussian prior, as the total (summed) cost of its weights.

    .. math:: C(w) = \sum_{i=1}^n \ln\bigl(1 + e^{(1 - 2 y_i)\, x_i \cdot w}\bigr) + \frac{\lambda}{2} |w|^2 .

    Up to a constant this is the negative log posterior of P(y = 1 | x, w) = 1/(1 + exp(−x·w)) under the prior
    w ~ N(0, I/λ).

    Parameters
    ----------
    X : array_like, shape (n, p)
        Inputs, one example a row. No intercept is added: for one, append a column of ones.
    y : array_like, shape (n,)
        Labels, 0 or 1.
    prior_precision : float
        λ ≥ 0; the default 0 is plain maximum likelihood.

    Raises
    ------
    InvalidInputError
        If X is not a finite (n, p) array, y not n labels that are 0 or 1, or λ < 0.

    Notes
    -----
    No exponential overflows and no difference cancels, whatever the size of the margins.

    References
    ----------
    S. L. Smith and Q. V. Le, "A Bayesian Perspective on Generalization and Stochastic Gradient Descent", ICLR 2018,
    arXiv:1710.06451, Sections 2 and 3.

    Examples
    --------
    >>> model = LogisticRegression([[1.0, 2.0], [1.0, -1.0], [1.0, 0.5]], [1, 0, 1], prior_precision=0.1)
    >>> round(model.cost([0.0, 0.0]), 6)
    2.079442
    >>> model.gradient([0.0, 0.0])
    array([-0.5 , -1.75])
    >>> model.hessian([0.0, 0.0])
    array([[0.85  , 0.375 ],
           [0.375 , 1.4125]])
    """

    X: NDArray[np.float64]
    y: NDArray[np.int64]
    _: KW_ONLY
    prior_precision: float = 0.0

    def __post_init__(self) -> None:
        inputs = _validate.reals("X", self.X, shape=(None, None))
        _validate.each_row("y", self.y, "X", len(inputs))
        object.__setattr__(self, "X", inputs)
        object.__setattr__(self, "y", _validate.integers("y", self.y, at_least=0, at_most=1))
        object.__setattr__(
            self, "prior_precision", _validate.real("prior_precision", self.prior_precision, at_least=0.0)
        )

    @property
    def n_classes(self) -> int:
        """Number of classes: two."""
        return 2

    def cost(self, w: ArrayLike) -> Any:
        """Return the total cost C(w).

        Parameters
        ----------
        w : array_like, shape (..., p)
            Weights.

        Returns
        -------
        float or ndarray, shape (...)
            C(w).

        Raises
        ------
        InvalidInputError
            If w is not p finite numbers, or an array of such.
        """
        weights = _validate.vectors("w", w, self.dimension)
        losing = (1 - 2 * self.y) * (weights @ self.X.T)
        # ln(1 + e^z) = max(z, 0) + ln(1 + e^−|z|), a third of the time of logaddexp for many weights.
        size = np.abs(losing)
        fit = 0.5 * np.sum(losing + size, axis=-1)
        np.exp(np.negative(size, out=size), out=size)
        fit += np.log1p(size, out=size).sum(axis=-1)
        total = fit + 0.5 * self.prior_precision * np.sum(weights**2, axis=-1)
        return float(total) if weights.ndim == 1 else total

    def loss(self, w: ArrayLike, X: ArrayLike | None = None, y: ArrayLike | None = None) -> float:
        """Return the mean cross-entropy, without the prior.

        Parameters
        ----------
        w : array_like, shape (p,)
            Weights.
        X, y : array_like, shapes (n', p) and (n',), optional
            Data; by default those of the model.

        Returns
        -------
        float
            Loss per example in nats.

        Raises
        ------
        InvalidInputError
            If a shape does not fit, a label is not 0 or 1, or a number is not finite.
        """
        products, labels = self._products(w, X, y)
        return float(np.mean(np.logaddexp(0.0, (1 - 2 * labels) * products)))

    def accuracy(self, w: ArrayLike, X: ArrayLike | None = None, y: ArrayLike | None = None) -> float:
        """Return the share of examples whose label is the more probable one; an example on the boundary is a 0.

        Parameters
        ----------
        w : array_like, shape (p,)
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
            If a shape does not fit, a label is not 0 or 1, or a number is not finite.
        """
        products, labels = self._products(w, X, y)
        return float(np.mean((products > 0) == labels))

    def _slopes(self, products: NDArray[np.float64], y: NDArray[Any]) -> NDArray[np.float64]:
        """Return P(y = 1 | xᵢ, w) − yᵢ, in the form that keeps its digits when an example is fitted well."""
        signs = 1 - 2 * y
        return signs * special.expit(signs * products)

    def _curvatures(self, products: NDArray[np.float64]) -> NDArray[np.float64]:
        return special.expit(products) * special.expit(-products)

    def _products(
        self, w: ArrayLike, X: ArrayLike | None, y: ArrayLike | None
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        inputs, labels = data(X, y, self.dimension) or (self.X, self.y)
        return inputs @ self._weights(w), _validate.integers("y", labels, at_least=0, at_most=1)
