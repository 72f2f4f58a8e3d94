"""Linear regression."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ._formula import declared
from ._regression import Regression, data


# Arrays have no single truth value and no hash, so models compare by identity.
@declared
@dataclass(frozen=True, slots=True, eq=False)
class LinearRegression(Regression):
    r"""Least squares with a Gaussian prior, as the total (summed) cost of its weights.

    .. math:: C(w) = \frac12 \sum_{i=1}^n (x_i \cdot w - y_i)^2 + \frac{\lambda}{2} |w|^2 .

    Up to a constant this is the negative log posterior of y ~ N(x·w, 1) under the prior w ~ N(0, I/λ).

    Parameters
    ----------
    X : array_like, shape (n, p)
        Inputs, one example a row. No intercept is added: for one, append a column of ones.
    y : array_like, shape (n,)
        Targets, in units of the standard deviation of their noise.
    prior_precision : float
        λ ≥ 0; the default 0 is plain least squares.

    Raises
    ------
    InvalidInputError
        If X is not a finite (n, p) array, y not n finite numbers, or λ < 0.

    Notes
    -----
    The cost is quadratic, but the noise of SGD on it depends on w: the gradients (xᵢ·w − yᵢ) xᵢ of the examples differ
    in their curvatures xᵢxᵢᵀ. For evidence see :class:`sdetheory.evidence.LinearModel`.

    References
    ----------
    C. Bishop (2006), Pattern Recognition and Machine Learning, section 3.1.

    Examples
    --------
    >>> model = LinearRegression([[1.0, 2.0], [1.0, -1.0], [1.0, 0.5]], [1.0, 0.0, 2.0])
    >>> model.cost([0.0, 0.0])
    2.5
    >>> model.gradient([0.0, 0.0])
    array([-3., -3.])
    >>> model.minibatch_gradient(np.zeros(2), np.array([2]))      # three times that of the last example
    array([-6., -3.])
    """

    X: NDArray[np.float64]
    y: NDArray[np.float64]
    _: KW_ONLY
    prior_precision: float = 0.0

    def __post_init__(self) -> None:
        inputs = _validate.reals("X", self.X, shape=(None, None))
        object.__setattr__(self, "X", inputs)
        object.__setattr__(self, "y", _validate.each_row("y", self.y, "X", len(inputs)))
        object.__setattr__(
            self, "prior_precision", _validate.real("prior_precision", self.prior_precision, at_least=0.0)
        )

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
        fit = 0.5 * np.sum((weights @ self.X.T - self.y) ** 2, axis=-1)
        total = fit + 0.5 * self.prior_precision * np.sum(weights**2, axis=-1)
        return float(total) if weights.ndim == 1 else total

    def loss(self, w: ArrayLike, X: ArrayLike | None = None, y: ArrayLike | None = None) -> float:
        """Return the mean of (x·w − y)²/2, without the prior.

        Parameters
        ----------
        w : array_like, shape (p,)
            Weights.
        X, y : array_like, shapes (n', p) and (n',), optional
            Data; by default those of the model.

        Returns
        -------
        float
            Loss per example.

        Raises
        ------
        InvalidInputError
            If a shape does not fit or a number is not finite.
        """
        inputs, targets = data(X, y, self.dimension) or (self.X, self.y)
        return float(np.mean((inputs @ self._weights(w) - targets) ** 2) / 2)

    def _slopes(self, products: NDArray[np.float64], y: NDArray[Any]) -> NDArray[np.float64]:
        return products - y

    def _curvatures(self, products: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.ones_like(products)
