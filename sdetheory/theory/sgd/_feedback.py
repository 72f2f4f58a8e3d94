"""How the noise of SGD on least squares, which grows with the distance from the minimum, feeds itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, optimize
from scipy.sparse.linalg import LinearOperator, eigs

from ... import _validate
from ...errors import IncompatibleError, InvalidInputError
from ...hyperparameters import SGDHyperparameters
from ._sgd_recursion import Recursion

Array = NDArray[np.float64]

# Up to this many weights second moments are mapped by a dense matrix of order p², beyond by products.
_DENSE = 8


@dataclass(frozen=True, slots=True)
class Feedback:
    """The map of second moments of w - w* to the covariance of Ĝ, on the axes of the Hessian along which it acts."""

    inputs: Array
    values: Array
    noise: float

    def minimum(self, y: ArrayLike, prior_precision: float) -> tuple[Array, Array]:
        """Return the minimum and the gradients of the examples there, whose sum is zero."""
        x = self.inputs
        targets = _validate.reals("y", y, shape=(len(x),))
        with np.errstate(over="ignore", invalid="ignore"):
            mean = x.T @ targets / self.values
            residuals = x * (x @ mean - targets)[:, None] + prior_precision / len(x) * mean
            residuals = residuals - residuals.mean(axis=0)
            if not np.isfinite(residuals.T @ residuals).all():
                raise InvalidInputError("y must be of a size at which squares do not overflow; choose another unit")
        return mean, residuals

    def covariance(self, moments: Array) -> Array:
        """Return c/(N - 1) Σ A P A, where A = x xᵀ - XᵀX/N, for the second moments P."""
        x, n = self.inputs, len(self.inputs)
        gram = x.T @ x
        weighted = x.T @ (x * np.einsum("ni,ij,nj->n", x, moments, x, optimize=True)[:, None])
        return self.noise / (n - 1) * (weighted - gram @ moments @ gram / n)

    def cross(self, mean: Array, residuals: Array) -> Array:
        """Return c/(N - 1) Σ (A μ rᵀ + r μᵀ Aᵀ), for the mean μ of w - w* and gradients r at w* whose sum is zero."""
        x = self.inputs
        half = (x * (x @ mean)[:, None]).T @ residuals
        return self.noise / (len(x) - 1) * (half + half.T)

    def operator(self, response: Array) -> Array | LinearOperator:
        """Return the matrix, or the map, of second moments to those that their noise causes."""
        p = self.inputs.shape[1]
        if p > _DENSE:

            def apply(vector: Array) -> Array:
                return (response * self.covariance(vector.reshape(p, p))).ravel()

            return LinearOperator((p * p, p * p), matvec=apply, dtype=np.float64)  # pyright: ignore[reportCallIssue]
        n = len(self.inputs)
        products = (self.inputs[:, :, None] * self.inputs[:, None, :]).reshape(n, p * p)
        gram = self.inputs.T @ self.inputs
        return response.ravel()[:, None] * (self.noise / (n - 1) * (products.T @ products - np.kron(gram, gram) / n))

    def gain(self, step: Recursion) -> float:
        """Return the spectral radius of the operator: stable in mean square if and only if it is below 1."""
        if self.noise == 0:
            return 0.0
        operator = self.operator(step.responses(step.rate * self.values)[0])
        if isinstance(operator, LinearOperator):
            # A positive map: its radius is an eigenvalue, whose eigenvector is a covariance, near to the identity.
            start = np.eye(len(self.values)).ravel()
            return float(np.abs(eigs(operator, k=1, which="LM", v0=start, return_eigenvectors=False)[0]))
        return float(np.abs(linalg.eigvals(operator)).max())


def feedback(X: ArrayLike, hp: SGDHyperparameters, prior_precision: float, step: Recursion) -> tuple[Array, Feedback]:
    """Return axes (p, r) of the Hessian, and the feedback, of least squares with checked arguments.

    Without a prior the axes span the rows of X: no gradient of an example has a part outside, where SGD stays put.
    """
    inputs = _validate.reals("X", X, shape=(None, None))
    ridge = _validate.real("prior_precision", prior_precision, at_least=0.0)
    if hp.sampling == "poisson":
        raise IncompatibleError(
            "hp.sampling must be of batches of one size: with Poisson sampling the gradient itself adds noise, which "
            "these formulas do not have. theory.stationary_sgd has it."
        )
    if len(inputs) != hp.train_size:
        raise InvalidInputError(f"X must have hp.train_size = {hp.train_size} rows; got {len(inputs)}")
    n, p = inputs.shape
    left, singular, right = linalg.svd(inputs, full_matrices=ridge > 0 and n < p)
    rank = int(np.sum(singular > max(n, p) * np.finfo(np.float64).eps * singular.max(initial=0.0)))
    if rank == 0 and ridge == 0:
        raise InvalidInputError(
            "X must have an entry other than zero where prior_precision = 0; no example pulls on any weight. Pass "
            "inputs that are not all zero, or a prior."
        )
    used = p if ridge > 0 else rank
    # From the singular values, as products with X would leave rounding errors where it has no part.
    turned, values = np.zeros((n, used)), np.full(used, ridge)
    turned[:, :rank] = left[:, :rank] * singular[:rank]
    with np.errstate(over="ignore"):
        values[:rank] += singular[:rank] ** 2
    # Fourth powers of the inputs are what the feedback is made of.
    if not (np.all(values > 0) and np.isfinite(values[values.argmax()] ** 2)):
        raise InvalidInputError(
            "X must be of a size at which fourth powers neither overflow nor vanish, and prior_precision beside it; "
            f"got curvatures from {values.min():.3g} to {values.max():.3g}. Choose another unit."
        )
    # Ascending, as the solvers of eigenvalues give them.
    return right[used - 1 :: -1].T, Feedback(turned[:, ::-1], values[::-1], step.noise)


class Feeding(Protocol):
    """What has a gain: the feedback of least squares, or that of the examples' curvatures at a minimum."""

    @property
    def values(self) -> Array:
        """Eigenvalues of the Hessian, ascending."""
        ...

    def gain(self, step: Recursion) -> float:
        """Return the spectral radius that is 1 at the limit in mean square."""
        ...


def mean_square_limit(own: Feeding, step: Recursion, hp: SGDHyperparameters) -> float:
    highest = step.limit / own.values[-1]
    scale = hp.learning_rate / step.rate

    def excess(rate: float) -> float:
        return own.gain(replace(step, rate=rate)) - 1

    # Just below the limit of the mean the variance along the steepest axis is without bound, if there is noise at all.
    if excess((1 - 1e-9) * highest) <= 0:
        return float(scale * highest)
    return float(
        scale
        * optimize.brentq(excess, 1e-9 * highest, (1 - 1e-9) * highest, xtol=1e-16 * highest, rtol=np.float64(1e-12))
    )
