"""Softmax regression: more than two classes."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, special

from .. import _validate
from ..errors import InvalidInputError
from . import _cross_entropy, _minibatch
from ._formula import Model, declared
from ._regression import data
from .likelihoods.categorical import Categorical

Array = NDArray[np.float64]


# Arrays have no single truth value and no hash, so models compare by identity.
@declared
@dataclass(frozen=True, slots=True, eq=False)
class SoftmaxRegression(Model):
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
    def train_size(self) -> int:
        """Number n of examples."""
        return self.X.shape[0]

    @property
    def dimension(self) -> int:
        """Number m p of weights."""
        return self._coding.shape[1] * self.X.shape[1]

    def cost(self, w: ArrayLike) -> Any:
        """Return the total cost C(w).

        Parameters
        ----------
        w : array_like, shape (..., m p)
            Weights.

        Returns
        -------
        float or ndarray, shape (...)
            C(w).

        Raises
        ------
        InvalidInputError
            If w is not m p finite numbers, or an array of such.
        """
        weights = _validate.vectors("w", w, self.dimension)
        log_probabilities = self.log_probabilities(self.X, weights)
        fit = log_probabilities[..., np.arange(self.train_size), self.y].sum(axis=-1)
        total = 0.5 * self.prior_precision * np.sum(weights**2, axis=-1) - fit
        return float(total) if weights.ndim == 1 else total

    def gradient(self, w: ArrayLike) -> Array:
        """Return the gradient ∇C(w).

        Parameters
        ----------
        w : array_like, shape (m p,)
            Weights.

        Returns
        -------
        ndarray, shape (m p,)
            ∇C(w).

        Raises
        ------
        InvalidInputError
            If w is not m p finite numbers.
        """
        weights = _validate.reals("w", w, shape=(self.dimension,))
        return (self._slopes(self.X, self.y, weights).T @ self.X).ravel() + self.prior_precision * weights

    def per_example_gradients(self, w: ArrayLike) -> Array:
        """Return the gradients ∇Cᵢ(w) of the examples, which sum to the gradient.

        Parameters
        ----------
        w : array_like, shape (m p,)
            Weights.

        Returns
        -------
        ndarray, shape (n, m p)
            ∇Cᵢ(w), each with an equal share λw/n of the prior's gradient (which adds nothing to their covariance).

        Raises
        ------
        InvalidInputError
            If w is not m p finite numbers.
        """
        weights = _validate.reals("w", w, shape=(self.dimension,))
        slopes = self._slopes(self.X, self.y, weights)
        products = (slopes[:, :, None] * self.X[:, None, :]).reshape(self.train_size, self.dimension)
        return products + self.prior_precision / self.train_size * weights

    def minibatch_gradient(self, w: Array, indices: NDArray[np.integer]) -> Array:
        r"""Return the estimate of ∇C(w) by a minibatch.

        .. math:: \hat G = \frac{n}{B} \sum_{i \in \mathrm{indices}} \nabla C_i(w)

        Parameters
        ----------
        w : ndarray, shape (m p,)
            Weights. Nothing is checked here: this is the inner loop of SGD.
        indices : ndarray, shape (B,)
            Numbers of the examples, which may repeat.

        Returns
        -------
        ndarray, shape (m p,)
            Ĝ.
        """
        w, indices = _minibatch.arguments(w, indices, self.train_size, self.dimension)
        inputs = self.X[indices]
        slopes = self._slopes(inputs, self.y[indices], w)
        return self.train_size / len(inputs) * (slopes.T @ inputs).ravel() + self.prior_precision * w

    def weighted_gradient(self, w: ArrayLike, weights: ArrayLike) -> Array:
        """Return Σᵢ aᵢ ∇Cᵢ(w) for weights aᵢ of the examples, without forming the gradients one by one.

        Parameters
        ----------
        w : array_like, shape (m p,)
            Weights of the model.
        weights : array_like, shape (n,)
            a, of any sign.

        Returns
        -------
        ndarray, shape (m p,)
            The sum, with the prior's share aᵢ λw/n of each example.

        Raises
        ------
        InvalidInputError
            If a shape does not fit or a number is not finite.
        """
        point = _validate.reals("w", w, shape=(self.dimension,))
        a = _validate.reals("weights", weights, shape=(self.train_size,))
        slopes = a[:, None] * self._slopes(self.X, self.y, point)
        return (slopes.T @ self.X).ravel() + self.prior_precision * a.sum() / self.train_size * point

    def hessian_vector_product(self, w: ArrayLike, v: ArrayLike) -> Array:
        """Return ∇∇C(w) v without forming the Hessian.

        Parameters
        ----------
        w, v : array_like, shape (m p,)
            Weights, and the vector to multiply.

        Returns
        -------
        ndarray, shape (m p,)
            ∇∇C(w) v.

        Raises
        ------
        InvalidInputError
            If w or v is not m p finite numbers.
        """
        weights = _validate.reals("w", w, shape=(self.dimension,))
        along = _validate.reals("v", v, shape=(self.dimension,))
        probabilities = np.exp(self._log_probabilities(self.X, weights))
        change = self._activations(self.X, along)
        change = probabilities * (change - np.sum(probabilities * change, axis=1, keepdims=True))
        return ((change @ self._coding).T @ self.X).ravel() + self.prior_precision * along

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

    def loss(self, w: ArrayLike, X: ArrayLike | None = None, y: ArrayLike | None = None) -> float:
        """Return the mean cross-entropy, without the prior.

        Parameters
        ----------
        w : array_like, shape (m p,)
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
            If a shape does not fit, a label is not one of the classes, or a number is not finite.
        """
        logs, labels = self._on_data(w, X, y)
        return float(-np.mean(logs[np.arange(len(labels)), labels]))

    def accuracy(self, w: ArrayLike, X: ArrayLike | None = None, y: ArrayLike | None = None) -> float:
        """Return the share of examples whose label has the greatest probability.

        Parameters
        ----------
        w : array_like, shape (m p,)
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
            If a shape does not fit, a label is not one of the classes, or a number is not finite.
        """
        logs, labels = self._on_data(w, X, y)
        return float(np.mean(logs.argmax(axis=1) == labels))

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

    def _on_data(self, w: ArrayLike, X: ArrayLike | None, y: ArrayLike | None) -> tuple[Array, NDArray[np.int64]]:
        inputs, labels = data(X, y, self.X.shape[1]) or (self.X, self.y)
        weights = _validate.reals("w", w, shape=(self.dimension,))
        k = self._coding.shape[0]
        return self._log_probabilities(inputs, weights), _validate.integers("y", labels, at_least=0, at_most=k - 1)

    def _activations(self, inputs: Array, w: Array) -> Array:
        return inputs @ (self._coding @ w.reshape(self._coding.shape[1], -1)).T

    def _log_probabilities(self, inputs: Array, w: Array) -> Array:
        return special.log_softmax(self._activations(inputs, w), axis=1)

    def _slopes(self, inputs: Array, y: NDArray[np.int64], w: Array) -> Array:
        """Return the derivatives of −ln P by the rows of W x, shape (n, m)."""
        residuals = np.exp(self._log_probabilities(inputs, w))
        _cross_entropy.subtract_labels(residuals, y)
        return residuals @ self._coding

    @property
    def _coding(self) -> Array:
        assert self.coding is not None
        return self.coding
