"""The recursion of SGD on a quadratic cost, along one axis of the Hessian.

With the pull a = (1 - τ) ε λ / N of the curvature λ a step is v' = α v - a x - κ ξ, x' = x + v'. The heavy ball has
x = w and α = m. Nesterov's method, v' = m v - κ Ĝ(w), w' = w + m v' - κ Ĝ(w), has x = w - m v and α = m (1 - a).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ... import _validate
from ...errors import IncompatibleError, InvalidInputError
from ...hyperparameters import SGDHyperparameters

Array = NDArray[np.float64]

OPTIMIZERS = ("sgd", "nesterov")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recursion:
    """What a step of SGD multiplies and adds: κ = (1 - τ) ε / N, m, and c and b in Cov(Ĝ) = c F + b ∇C ∇Cᵀ."""

    rate: float
    momentum: float
    noise: float
    nesterov: bool
    gradient: float = 0.0

    @property
    def limit(self) -> float:
        """The pull at which the mean loses stability."""
        return 2 * (1 + self.momentum) / (1 + 2 * self.momentum * self.nesterov)

    def decay(self, pull: Array) -> Array:
        """Return α, the factor that a step leaves of the velocity."""
        return self.momentum * (1 - pull) if self.nesterov else np.full_like(pull, self.momentum)

    def radius(self, pull: Array) -> Array:
        """Return the modulus of the larger eigenvalue of a step, the larger root of z² - (1 + α - a) z + α."""
        decay = self.decay(pull)
        trace = 1 + decay - pull
        square = trace**2 - 4 * decay
        return np.where(square < 0, np.sqrt(np.abs(decay)), (np.abs(trace) + np.sqrt(np.abs(square))) / 2)

    def responses(self, pull: Array) -> tuple[Array, Array, Array]:
        """Return the stationary means of w wᵀ, w vᵀ and v vᵀ, entry by entry, for each unit of Cov(Ĝ) in an entry."""
        a, b = pull[:, None], pull[None, :]
        decay = self.decay(pull)
        alpha, beta = decay[:, None], decay[None, :]
        common = 1 - alpha * beta
        damping = a * (1 - beta) + b * (1 - alpha)
        weights = self.rate**2 / (damping - (a - alpha * b) * (b - beta * a) / common)
        cross = weights * (a - alpha * b) / common
        velocities = weights * damping / common
        if self.nesterov:  # so far x stood for w = x + m v
            weights = weights + self.momentum * (cross + cross.T) + self.momentum**2 * velocities
            cross = cross + self.momentum * velocities
        return weights, cross, velocities

    def matrices(self, hessian: Array) -> tuple[Array, Array]:
        """Return (M, K) of the step (w, v)' = M (w, v) - K Ĝ's noise."""
        one = np.eye(len(hessian))
        extra = self.momentum if self.nesterov else 0.0
        kick = self.rate * np.vstack([(1 + extra) * one, one])
        move = (self.momentum**2 if self.nesterov else self.momentum) * one
        step = np.block([[one, move], [0 * one, self.momentum * one]])
        step[:, : len(one)] -= kick @ hessian
        return step, kick


def recursion(hp: Any, optimizer: str, *, poisson: bool = False) -> Recursion:
    """Return the recursion of scalar hyperparameters; of Poisson sampling for who reckons with b alone."""
    if not isinstance(hp, SGDHyperparameters):
        raise InvalidInputError(f"hp must be SGDHyperparameters; got {type(hp).__name__}")
    optimizer = _validate.choice("optimizer", optimizer, OPTIMIZERS)
    numbers = {
        name: _validate.real(f"hp.{name}", getattr(hp, name))
        for name in ("learning_rate", "train_size", "batch_size", "momentum", "dampening")
    }
    n, batch = numbers["train_size"], numbers["batch_size"]
    poisson_sampling = hp.sampling == "poisson"
    if poisson_sampling and not poisson:
        raise IncompatibleError(
            'hp.sampling must be "without-replacement" or "with-replacement" here; got "poisson", whose noise '
            "grows with the gradient too. Use stationary_sgd, or sgd_covariance, which have its law."
        )
    # Poisson sampling has Cov(Ĝ) = (N/B - 1) Σ ∇Cᵢ ∇Cᵢᵀ, of gradients that are not centred.
    left_out = {"without-replacement": n - batch, "with-replacement": n - 1, "poisson": (n - batch) * (n - 1) / n}
    return Recursion(
        rate=(1 - numbers["dampening"]) * numbers["learning_rate"] / n,
        momentum=numbers["momentum"],
        noise=n * left_out[hp.sampling] / batch,
        nesterov=optimizer == "nesterov",
        gradient=(n - batch) / (batch * n) if poisson_sampling else 0.0,
    )


def curvatures(hessian: ArrayLike) -> tuple[Array, Array, Array]:
    """Return a Hessian with its eigenvalues and axes, refusing one that is not positive definite."""
    square = _validate.reals("hessian", hessian, shape=(None, None))
    if square.size == 0:
        raise InvalidInputError("hessian must have at least one row; got shape (0, 0)")
    matrix = _validate.symmetric("hessian", square, len(square))
    values, axes = np.linalg.eigh((matrix + matrix.T) / 2)
    # A flat direction comes out of the eigenvalue solver as a rounding error of either sign.
    if values[0] <= len(values) * np.finfo(np.float64).eps * np.abs(values).max():
        raise InvalidInputError(
            f"hessian must be positive definite; its smallest eigenvalue is {values[0]:.3g}, so that SGD does not "
            "settle. Remove the flat or unstable direction, or add weight decay."
        )
    return matrix, values, axes


def stable_pulls(step: Recursion, values: Array, hp: SGDHyperparameters, source: str) -> Array:
    """Return the pull on each axis, refusing a learning rate that is not stable in the mean."""
    pull = step.rate * values
    if pull[-1] >= step.limit:
        rule = "2(1 + m)/(1 + 2m)" if step.nesterov else "2(1 + m)"
        raise InvalidInputError(
            f"hp.learning_rate must be below {hp.learning_rate * step.limit / pull[-1]:.6g}, the stability limit "
            f"(1 − τ) ε λ/N < {rule} of the largest curvature λ = {values[-1]:.6g} of {source}; got "
            f"{hp.learning_rate:.6g}. Use a smaller learning rate."
        )
    return pull
