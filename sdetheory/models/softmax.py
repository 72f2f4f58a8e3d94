"""Softmax regression: more than two classes."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, special

from .. import _validate
from ..errors import InvalidInputError
from . import _cross_entropy
from ._formula import declared
from ._predictors import ClassModel
from .likelihoods.categorical import Categorical

Array = NDArray[np.float64]


# Arrays have no single truth value and no hash, so models compare by identity.
@declared
@dataclass(frozen=True, slots=True, eq=False)
class SoftmaxRegression(ClassModel):
    r"""Regression to k classes with a Gaussian prior, as the total (summed) cost of its weights.

    .. math:: C(w) = -\sum_{i=1}^n \ln \frac{e^{a_{i y_i}}}{\sum_c e^{a_{ic}}} + \frac{\lambda}{2} |w|^2, \qquad
              a_i = K W x_i

    W, of shape (m, p), holds the weights w row by row. K, the coding, is the identity unless it is given: each class
    then has p weights of its own (m = k).

    Parameters
    ----------
    X : array_like, shape (n, p)
        Inputs, one example a row. No intercept is added: for one, append a column of ones.
    y : array_like, shape (n,)
        Labels 0, 1, …, k − 1.
    n_classes : int, optional
        k ≥ 2; by default the largest label plus one, if every label below it has an example.
    coding : array_like, shape (k, m), optional
        K. The identity without its last column, for example, makes the last class the one of reference.
    prior_precision : float
        λ ≥ 0; the default 0 is plain maximum likelihood.

    Raises
    ------
    InvalidInputError
        If X is not a finite (n, p) array, y not n labels below k, a class without example while n_classes is not given,
        `coding` does not have k rows, or λ < 0.

    Notes
    -----
    With the identity as coding a constant added to the weights of all classes changes no probability; the prior alone
    decides there. Two classes with precision λ are a logistic regression with precision λ/2, whose weights are the
    differences of those here.

    References
    ----------
    C. Bishop (2006), Pattern Recognition and Machine Learning, section 4.3.4.

    Examples
    --------
    >>> model = SoftmaxRegression([[1.0, 2.0], [1.0, -1.0], [1.0, 0.5]], [2, 0, 1], prior_precision=0.1)
    >>> round(model.cost(np.zeros(6)), 6)       # 3 ln 3
    3.295837
    >>> model.gradient(np.zeros(6)).reshape(3, 2)
    array([[ 0. ,  1.5],
           [ 0. ,  0. ],
           [ 0. , -1.5]])
    """

    X: Array
    y: NDArray[np.int64]
    _: KW_ONLY
    n_classes: int | None = None
    coding: Array | None = None
    prior_precision: float = 0.0

    def __post_init__(self) -> None:
        inputs = _validate.reals("X", self.X, shape=(None, None))
        _validate.each_row("y", self.y, "X", len(inputs))
        labels = _validate.integers("y", self.y, at_least=0)
        used = int(labels.max(initial=0)) + 1
        k = _validate.integer("n_classes", max(2, used) if self.n_classes is None else self.n_classes, at_least=2)
        missing = np.setdiff1d(np.arange(used), labels)
        if self.n_classes is None and labels.size and missing.size:
            raise InvalidInputError(
                f"y must be labels 0 to k - 1 with an example of each; none is {', '.join(map(str, missing[:10]))}. "
                "np.unique(y, return_inverse=True)[1] numbers the labels that there are; where a class has no example "
                "on purpose, give n_classes."
            )
        if used > k:
            raise InvalidInputError(f"y must be labels below n_classes = {k}; got {used - 1}")
        coding = np.eye(k) if self.coding is None else _validate.reals("coding", self.coding, shape=(k, None))
        precision = _validate.real("prior_precision", self.prior_precision, at_least=0.0)
        values = {"X": inputs, "y": labels, "n_classes": k, "coding": coding, "prior_precision": precision}
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def likelihood(self) -> Categorical:
        """What an example costs, given its m products with weights."""
        return Categorical(self._coding)

    @property
    def dimension(self) -> int:
        """Number m p of weights."""
        return self._coding.shape[1] * self.X.shape[1]

    def hessian(self, w: ArrayLike) -> Array:
        """Return the Hessian ∇∇C(w).

        Parameters
        ----------
        w : array_like, shape (m p,)
            Weights.

        Returns
        -------
        ndarray, shape (m p, m p)
            ∇∇C(w), symmetric, with no eigenvalue below λ up to rounding.

        Raises
        ------
        InvalidInputError
            If w is not m p finite numbers.
        """
        weights = _validate.reals("w", w, shape=(self.dimension,))
        probabilities = np.exp(self.log_probabilities(self.X, weights))
        coding, p = self._coding, self.X.shape[1]
        # Covariance of the classes' codes: K'(diag P − PP')K = Σ P (K_c − mean)(K_c − mean)', without a difference.
        centred = coding - (probabilities @ coding)[:, None, :]
        weighted = probabilities[:, :, None] * centred
        m = coding.shape[1]
        hessian = np.empty((m, p, m, p))
        for a in range(m):
            for b in range(a + 1):
                block = (self.X * np.sum(weighted[:, :, a] * centred[:, :, b], axis=1)[:, None]).T @ self.X
                hessian[a, :, b, :] = block
                hessian[b, :, a, :] = block.T
        return hessian.reshape(m * p, m * p) + self.prior_precision * np.eye(m * p)

    def log_probabilities(self, X: ArrayLike, w: ArrayLike) -> Array:
        """Return ln P(class | x, w) of examples that need not be those of the model.

        Parameters
        ----------
        X : array_like, shape (n', p)
            Inputs.
        w : array_like, shape (..., m p)
            Weights.

        Returns
        -------
        ndarray, shape (..., n', k)
            Log probabilities.

        Raises
        ------
        InvalidInputError
            If a shape does not fit or a number is not finite.
        """
        inputs = _validate.reals("X", X, shape=(None, self.X.shape[1]))
        weights = _validate.vectors("w", w, self.dimension)
        matrix = weights.reshape(*weights.shape[:-1], self._coding.shape[1], self.X.shape[1])
        return special.log_softmax(inputs @ np.swapaxes(self._coding @ matrix, -1, -2), axis=-1)

    def _fisher(self, w: ArrayLike) -> Array:
        """Return the Fisher information of one example, averaged over the inputs."""
        return (self.hessian(w) - self.prior_precision * np.eye(self.dimension)) / self.train_size

    def _response(self, X: Array, w: Array) -> Array:
        """Return the probabilities of the classes at inputs (n', p) for weights (..., m p), shape (..., n', k)."""
        return np.exp(self.log_probabilities(X, w))

    def _on_scores(self, scores: Array) -> tuple[SoftmaxRegression, Array]:
        """Return the same labels with inputs that are rotated, and the rotation of the outputs."""
        # What all classes have in common changes no probability.
        left, singular, right = linalg.svd(self._coding - self._coding.mean(axis=0), full_matrices=False)
        size = max(self._coding.shape) * np.finfo(np.float64).eps * singular.max(initial=0.0)
        rank = int(np.sum(singular > size))  # the others are zero up to rounding
        coding = left[:, :rank] * singular[:rank]
        # The class itself, as its formulas are the model's: a subclass may be made in other ways.
        return SoftmaxRegression(scores, self.y, n_classes=self.n_classes, coding=coding), right[:rank]

    def _products(self, X: Array, w: Array) -> Array:
        """Return the activations K W x, shape (n, k)."""
        return X @ (self._coding @ w.reshape(self._coding.shape[1], -1)).T

    def _fit(self, weights: Array) -> Any:
        return -self.log_probabilities(self.X, weights)[..., np.arange(self.train_size), self.y].sum(axis=-1)

    def _costs(self, products: Array, y: NDArray[np.int64]) -> Array:
        return -special.log_softmax(products, axis=1)[np.arange(len(y)), y]

    def _slopes(self, products: Array, y: NDArray[np.int64]) -> Array:
        """Return the derivatives of −ln P by the rows of W x, shape (n, m)."""
        residuals = np.exp(special.log_softmax(products, axis=1))
        _cross_entropy.subtract_labels(residuals, y)
        return residuals @ self._coding

    def _change(self, products: Array, along: Array) -> Array:
        probabilities = np.exp(special.log_softmax(products, axis=1))
        return probabilities * (along - np.sum(probabilities * along, axis=1, keepdims=True)) @ self._coding

    def _outer(self, slopes: Array, X: Array) -> Array:
        return (slopes[:, :, None] * X[:, None, :]).reshape(len(X), self.dimension)

    def _collected(self, slopes: Array, X: Array) -> Array:
        return (slopes.T @ X).ravel()

    def _likeliest(self, products: Array) -> NDArray[np.int64]:
        return special.log_softmax(products, axis=1).argmax(axis=1)

    @property
    def _coding(self) -> Array:
        assert self.coding is not None
        return self.coding
