"""A network with one hidden layer of rectified units."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..errors import InvalidInputError
from . import _cross_entropy, _minibatch
from ._formula import ModelBase, declared
from .relu import _passes
from .relu._jacobian import Jacobians

Array = NDArray[Any]


# Arrays have no single truth value and no hash, so models compare by identity.
@declared
@dataclass(frozen=True, slots=True, eq=False)
class ReLUNetwork(Jacobians, ModelBase):
    r"""A classifier with one hidden layer of rectified units, as the total (summed) cost of its weights.

    .. math:: C(w) = -\sum_{i=1}^n \ln \frac{e^{o_{i y_i}}}{\sum_c e^{o_{ic}}} + \frac{\lambda}{2} |w|^2, \qquad
              o_i = \max(0,\, x_i W_1 + b_1) W_2 + b_2

    The flat vector w of length (p + 1)h + (h + 1)k holds W₁ (p, h) row by row, b₁ (h,), W₂ (h, k) and b₂ (k,).

    Parameters
    ----------
    X : array_like, shape (n, p)
        Inputs, one example a row.
    y : array_like, shape (n,)
        Labels 0, 1, …, k − 1.
    hidden : int
        Number h ≥ 1 of hidden units.
    n_classes : int, optional
        k ≥ 2; by default the largest label plus one.
    prior_precision : float
        λ ≥ 0, of weights and biases alike; the default 0 is plain maximum likelihood.
    dtype : {"float32", "float64"}
        In what the network computes and in what gradients come. Costs and losses are summed in float64.

    Raises
    ------
    InvalidInputError
        If X is not a finite (n, p) array, y not n labels below k, or another argument is out of its range.

    Notes
    -----
    A rectified unit has no derivative at zero; there the left one, 0, is taken. Gradients are exact wherever no unit of
    any example is at its kink, and so is the product with the Hessian, which does not see the kinks at all.

    Weights that overflow give gradients that are not finite, without a warning: a diverging run is for the caller to
    count.

    References
    ----------
    S. L. Smith and Q. V. Le, "A Bayesian Perspective on Generalization and Stochastic Gradient Descent", ICLR 2018,
    arXiv:1710.06451, Section 4 (h = 800).
    B. A. Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6 (1994) 147.

    Examples
    --------
    >>> model = ReLUNetwork([[1.0, 2.0], [1.0, -1.0], [1.0, 0.5]], [2, 0, 1], hidden=4)
    >>> w = model.initial(0)
    >>> w.shape, w.dtype
    ((27,), dtype('float32'))
    >>> model.minibatch_gradient(w, [0, 1, 2]).shape
    (27,)
    >>> round(model.cost(np.zeros(27)), 6)      # 3 ln 3
    3.295837
    """

    X: Array
    y: NDArray[np.int64]
    _: KW_ONLY
    hidden: int = 800
    n_classes: int | None = None
    prior_precision: float = 0.0
    dtype: Any = "float32"

    def __post_init__(self) -> None:
        try:
            name: Any = str(np.dtype(self.dtype))
        except Exception:  # NumPy has an error for each kind of thing that is no dtype
            name = self.dtype
        dtype = np.dtype(_validate.choice("dtype", name, ("float32", "float64")))
        inputs = _validate.reals("X", self.X, shape=(None, None))
        if not len(inputs):
            raise InvalidInputError(f"X must have a row for each example; got shape {inputs.shape}")
        labels = _cross_entropy.labels(self.y, len(inputs))
        used = int(labels.max(initial=0)) + 1
        k = _validate.integer("n_classes", max(2, used) if self.n_classes is None else self.n_classes, at_least=2)
        if used > k:
            raise InvalidInputError(f"y must be labels below n_classes = {k}; got {used - 1}")
        values = {
            "X": inputs.astype(dtype, copy=False),
            "y": labels,
            "hidden": _validate.integer("hidden", self.hidden, at_least=1),
            "n_classes": k,
            "prior_precision": _validate.real("prior_precision", self.prior_precision, at_least=0.0),
            "dtype": dtype,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def train_size(self) -> int:
        """Number n of examples."""
        return self.X.shape[0]

    @property
    def dimension(self) -> int:
        """Number (p + 1)h + (h + 1)k of weights and biases."""
        return (self.X.shape[1] + 1) * self.hidden + (self.hidden + 1) * self._classes

    def initial(self, rng: Any = None) -> Array:
        """Return weights to start from: normal, of variance 2/p in W₁ and 2/h in W₂, and biases of zero.

        Parameters
        ----------
        rng : None, int, SeedSequence or Generator
            Source of the weights.

        Returns
        -------
        ndarray, shape (dimension,)
            w, of the network's dtype.

        References
        ----------
        K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers", ICCV 2015, arXiv:1502.01852, Eq. 10.
        """
        generator, w = _validate.generator(rng), np.zeros(self.dimension, dtype=self.dtype)
        for matrix in self.layers(w)[::2]:
            matrix[...] = np.sqrt(2 / len(matrix)) * generator.standard_normal(matrix.shape)
        return w

    def layers(self, w: Array) -> tuple[Array, Array, Array, Array]:
        """Return W₁, b₁, W₂ and b₂ as views of the flat vector.

        Parameters
        ----------
        w : ndarray, shape (dimension,)
            Weights.

        Returns
        -------
        tuple of ndarray, shapes (p, h), (h,), (h, k), (k,)
            Views: what is written to them is written to w.
        """
        if not isinstance(w, np.ndarray) or w.shape != (self.dimension,):
            raise InvalidInputError(
                f"w must be an array of shape ({self.dimension},), for the layers to be views; got {_validate.shown(w)}"
            )
        p, h, k = self.X.shape[1], self.hidden, self._classes
        first, second = p * h + h, p * h + h + h * k
        return w[: p * h].reshape(p, h), w[p * h : first], w[first:second].reshape(h, k), w[second:]

    def cost(self, w: ArrayLike) -> Any:
        """Return the total cost C(w).

        Parameters
        ----------
        w : array_like, shape (..., dimension)
            Weights.

        Returns
        -------
        float or ndarray, shape (...)
            C(w).

        Raises
        ------
        InvalidInputError
            If w is not `dimension` finite numbers, or an array of such.
        """
        weights = _validate.vectors("w", w, self.dimension)
        if weights.ndim > 1:
            return np.array([self.cost(row) for row in weights])
        return self.train_size * self.loss(weights) + 0.5 * self.prior_precision * float(weights @ weights)

    def loss(self, w: ArrayLike, X: ArrayLike | None = None, y: ArrayLike | None = None) -> float:
        """Return the mean cross-entropy, without the prior.

        Parameters
        ----------
        w : array_like, shape (dimension,)
            Weights.
        X, y : array_like, shapes (n', p) and (n',), optional
            Data; by default those of the model.

        Returns
        -------
        float
            Loss per example in nats; not finite where a diverging run has left the floats.

        Raises
        ------
        InvalidInputError
            If a shape does not fit, or a label is not one of the classes.
        """
        return _cross_entropy.loss(*self._outputs(w, X, y))

    def accuracy(self, w: ArrayLike, X: ArrayLike | None = None, y: ArrayLike | None = None) -> float:
        """Return the share of examples whose label has the greatest probability.

        Parameters
        ----------
        w : array_like, shape (dimension,)
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
            If a shape does not fit, or a label is not one of the classes.
        """
        logits, labels = self._outputs(w, X, y)
        return float(np.mean(logits.argmax(axis=1) == labels))

    def gradient(self, w: ArrayLike) -> Array:
        """Return the gradient ∇C(w).

        Parameters
        ----------
        w : array_like, shape (dimension,)
            Weights.

        Returns
        -------
        ndarray, shape (dimension,)
            ∇C(w).

        Raises
        ------
        InvalidInputError
            If w is not `dimension` finite numbers.
        """
        return self.minibatch_gradient(self._weights(w), np.arange(self.train_size))

    def minibatch_gradient(self, w: ArrayLike, indices: ArrayLike) -> Array:
        r"""Return the estimate of ∇C(w) by a minibatch.

        .. math:: \hat G = \frac{n}{B} \sum_{i \in \mathrm{indices}} \nabla C_i(w)

        Parameters
        ----------
        w : array_like, shape (dimension,)
            Weights. Nothing is checked here: this is the inner loop of SGD.
        indices : array_like, shape (B,)
            Numbers of the examples, which may repeat.

        Returns
        -------
        ndarray, shape (dimension,)
            Ĝ.
        """
        w, chosen = _minibatch.arguments(w, indices, self.train_size, self.dimension)
        return self._backward(np.asarray(w, dtype=self.dtype), chosen, self.train_size / len(chosen), 1.0)

    def weighted_gradient(self, w: ArrayLike, weights: ArrayLike) -> Array:
        """Return Σᵢ aᵢ ∇Cᵢ(w) for weights aᵢ of the examples, without forming the gradients one by one.

        Parameters
        ----------
        w : array_like, shape (dimension,)
            Weights of the network.
        weights : array_like, shape (n,)
            a, of any sign.

        Returns
        -------
        ndarray, shape (dimension,)
            The sum, with the prior's share aᵢ λw/n of each example.

        Raises
        ------
        InvalidInputError
            If a shape does not fit or a number is not finite.
        """
        a = _validate.reals("weights", weights, shape=(self.train_size,))
        scale = a.astype(self.dtype)[:, None]
        return self._backward(self._weights(w), np.arange(self.train_size), scale, float(a.sum()) / self.train_size)

    def per_example_gradients(self, w: ArrayLike) -> Array:
        """Return the gradients ∇Cᵢ(w) of the examples, which sum to the gradient.

        Parameters
        ----------
        w : array_like, shape (dimension,)
            Weights.

        Returns
        -------
        ndarray, shape (n, dimension)
            ∇Cᵢ(w), each with an equal share λw/n of the prior's gradient. For large networks use `weighted_gradient`.

        Raises
        ------
        InvalidInputError
            If w is not `dimension` finite numbers.
        """
        weights = self._weights(w)
        share, everyone = 1 / self.train_size, np.arange(self.train_size)
        return np.stack([self._backward(weights, everyone[i : i + 1], 1.0, share) for i in everyone])

    def hessian_vector_product(self, w: ArrayLike, v: ArrayLike) -> Array:
        """Return ∇∇C(w) v at the cost of about two gradients.

        Parameters
        ----------
        w, v : array_like, shape (dimension,)
            Weights, and the vector to multiply.

        Returns
        -------
        ndarray, shape (dimension,)
            ∇∇C(w) v.

        Raises
        ------
        InvalidInputError
            If w or v is not `dimension` finite numbers.
        """
        weights = self._weights(w)
        along = _validate.reals("v", v, shape=(self.dimension,)).astype(self.dtype, copy=False)
        (w1, b1, w2, b2), (v1, c1, v2, c2) = self.layers(weights), self.layers(along)
        active = self.X @ w1 + b1
        np.maximum(active, 0, out=active)
        on = active > 0
        residuals = _cross_entropy.probabilities(active @ w2 + b2)
        moved = (self.X @ v1 + c1) * on
        change = moved @ w2 + active @ v2 + c2
        change = residuals * (change - np.sum(residuals * change, axis=1, keepdims=True))
        _cross_entropy.subtract_labels(residuals, self.y)
        back = (change @ w2.T + residuals @ v2.T) * on
        parts = self.X.T @ back, back.sum(axis=0), moved.T @ residuals + active.T @ change, change.sum(axis=0)
        return np.concatenate([part.ravel() for part in parts]) + self.dtype.type(self.prior_precision) * along

    def _backward(self, w: Array, indices: Array, scale: Any, share: float) -> Array:
        """Return Σ scale ∇(−ln P) over the examples plus share λw; scale is a number or a column."""
        gradient = np.empty(self.dimension, dtype=self.dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            _passes.backward(self.layers(w), self.layers(gradient), self.X, self.y, indices, scale)
            if self.prior_precision:
                gradient += self.dtype.type(self.prior_precision * share) * w
        return gradient

    def _outputs(self, w: ArrayLike, X: ArrayLike | None, y: ArrayLike | None) -> tuple[Array, NDArray[np.int64]]:
        """Return the network's outputs in float64, and the labels."""
        if (X is None) != (y is None):
            raise InvalidInputError("X and y must be given together, or neither for the data of the model")
        inputs: Array = self.X
        labels = self.y
        if X is not None and y is not None:
            # Test data come again and again: those that fit already are used as they are.
            if isinstance(X, np.ndarray) and X.dtype == self.dtype and X.shape[1:] == self.X.shape[1:]:
                inputs = X
            else:
                inputs = _validate.reals("X", X, shape=(None, self.X.shape[1])).astype(self.dtype)
            labels = _cross_entropy.labels(y, len(inputs), self._classes)
        with np.errstate(over="ignore", invalid="ignore"):
            outputs = _passes.outputs(self.layers(self._weights(w)), inputs)
            return np.asarray(outputs, dtype=np.float64), labels

    def _weights(self, w: ArrayLike) -> Array:
        given = _validate.reals("w", w, shape=(self.dimension,))
        with np.errstate(over="ignore"):
            weights = given.astype(self.dtype, copy=False)
        if not np.isfinite(weights).all():
            raise InvalidInputError(f"w must be numbers that {self.dtype} holds; got {np.abs(given).max():.3g}")
        return weights

    @property
    def _classes(self) -> int:
        assert self.n_classes is not None
        return self.n_classes
