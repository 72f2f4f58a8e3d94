"""Moments of stationary SGD on any cost, closed at the second or the third cumulant.

A step is z' = M z - K (r + ξ), z = (w - μ, v). M holds A, the Hessian averaged over the law, r is what is left of the
gradient beyond A (w - μ), and ξ the noise of the minibatch. Averages are over the normal law N(μ, S) of the weights.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ... import _validate
from ...hyperparameters import SGDHyperparameters
from ._fixed_point import fixed_point
from ._minimum import hessian
from ._sgd_recursion import Recursion

Array = NDArray[np.float64]

_DOUBLINGS = 60


class Unbounded(Exception):
    """The recursion of the moments does not settle."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The examples' gradients of a model along orthonormal axes (p, r) through its minimum."""

    model: Any
    minimum: Array
    axes: Array

    def rows(self, at: Array) -> Array:
        """Return the gradients of the examples, shape (N, r), at coordinates from the minimum."""
        with np.errstate(over="ignore", invalid="ignore"):
            w = self.minimum + self.axes @ at
            given = _validate.called("model.per_example_gradients", self.model.per_example_gradients, w)
            rows = np.asarray(given, dtype=np.float64)
            if not np.isfinite(np.sum(rows) ** 2):
                raise Unbounded("the gradients overflow at weights that the law reaches")
        return rows @ self.axes

    def hessian(self, at: Array) -> Array:
        """Return the Hessian, shape (r, r), at coordinates from the minimum."""
        return self.axes.T @ hessian(self.model, self.minimum + self.axes @ at) @ self.axes


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """How minibatches are drawn: Cov(Ĝ) = `second` F and κ₃(Ĝ) = `third` Σ d d d, of rows d that may be centred."""

    second: float
    third: float
    centred: bool

    @classmethod
    def of(cls, hp: SGDHyperparameters, step: Recursion) -> Draws:
        """Return what the sampling of hyperparameters says."""
        n, batch = float(hp.train_size), float(hp.batch_size)
        third = {
            "with-replacement": n**2 / batch**2,
            "without-replacement": n**2 * (n - batch) * (n - 2 * batch) / (batch**2 * (n - 1) * max(n - 2, 1.0)),
            "poisson": (n / batch - 1) * (n / batch - 2),
        }[hp.sampling]
        return cls(second=step.noise, third=third, centred=hp.sampling != "poisson")

    def deviations(self, rows: Array) -> Array:
        """Return the rows d whose products are summed."""
        return rows - rows.mean(axis=0) if self.centred else rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """What third cumulants are made of: ⟨∂∂∇C⟩, the derivative of the noise by the weights, and κ₃(Ĝ) at the mean."""

    third: Array
    noise_slope: Array
    skewness: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Averages:
    """Averages over N(μ, S) that the recursion of the moments is made of.

    `noise` is Cov(Ĝ), with that of r at the points (`rest`); `odd` is there for order 3 alone.
    """

    gradient: Array
    hessian: Array
    noise: Array
    rest: Array
    odd: Odd | None = None


def averages(cost: Cost, draws: Draws, mean: Array, covariance: Array, points: Array, order: int) -> Averages:
    """Return the averages over N(mean, covariance) by points of the standard normal law."""
    n, p = points.shape
    root = linalg.cholesky(covariance, lower=True)
    moved = points @ root.T
    gradients, spread = np.empty((n, p)), np.zeros((p, p))
    slope, bend = np.zeros((p * p, p)), np.zeros((p * p, p))
    for i, (offset, x) in enumerate(zip(moved, points, strict=True)):
        rows = cost.rows(mean + offset)
        gradients[i] = rows.sum(axis=0)
        d = draws.deviations(rows)
        square = d.T @ d / (len(d) - 1)
        spread += square
        if order > 2:
            slope += np.outer(square, x)
            bend += np.outer(cost.hessian(mean + offset), x)
    # Stein: E[∇C xᵀ] = A L for w = μ + L x, and so on for higher derivatives.
    matrix = linalg.solve_triangular(root.T, points.T @ gradients / n, lower=False).T
    matrix = (matrix + matrix.T) / 2
    gradient = gradients.mean(axis=0)
    rest = gradients - gradient - moved @ matrix
    noise = draws.second * spread / n + rest.T @ rest / n
    odd = None
    if order > 2:
        inverse = linalg.solve_triangular(root, np.eye(p), lower=True)
        third = bend.reshape(p, p, p) / n @ inverse
        slope = draws.second * slope.reshape(p, p, p) + np.einsum("na,nb,nc->abc", rest, rest, points, optimize=True)
        d = draws.deviations(cost.rows(mean))
        odd = Odd(
            third=(third + third.transpose(0, 2, 1) + third.transpose(2, 1, 0)) / 3,
            noise_slope=slope / n @ inverse,
            skewness=draws.third * np.einsum("na,nb,nc->abc", d, d, d, optimize=True),
        )
    return Averages(gradient=gradient, hessian=matrix, noise=noise, rest=rest, odd=odd)


@dataclass(frozen=True, slots=True)
class Law:
    """Mean and covariance of the weights, and the covariance of (w, v)."""

    mean: Array
    covariance: Array
    joint: Array


@dataclass(slots=True)
class Solver:
    """Finds the law of which the averages cause that law; `root` sets the units of its unknowns."""

    cost: Cost
    draws: Draws
    step: Recursion
    root: Array
    points: Array
    trouble: str = ""
    _joint: Array = field(default_factory=lambda: np.empty((0, 0)))

    def solve(self, start: Law, order: int) -> Law | None:
        """Return the law closed at an order, or None; then `trouble` says why."""
        self.trouble = "the iteration does not end"
        state = fixed_point(lambda x: self._next(x, order), self._packed(start.mean, start.covariance))
        if state is None:
            return None
        mean, covariance = self._unpacked(state)
        return Law(mean, covariance, self._joint)

    def _next(self, state: Array, order: int) -> Array | None:
        mean, covariance = self._unpacked(state)
        try:
            found = averages(self.cost, self.draws, mean, covariance, self.points, order)
            joint, cumulant = moments(self.step, found)
            pull = skewed_gradient(found, covariance, cumulant, self.points)
        except linalg.LinAlgError:
            self.trouble = "the covariance is not positive definite"
            return None
        except Unbounded as error:
            self.trouble = str(error)
            return None
        self._joint = joint
        return self._packed(mean - np.linalg.solve(found.hessian, pull), joint[: len(mean), : len(mean)])

    def _packed(self, mean: Array, covariance: Array) -> Array:
        half = linalg.solve_triangular(self.root, covariance, lower=True)
        whole = linalg.solve_triangular(self.root, half.T, lower=True)
        return np.append(linalg.solve_triangular(self.root, mean, lower=True), whole)

    def _unpacked(self, state: Array) -> tuple[Array, Array]:
        r = len(self.root)
        covariance = self.root @ state[r:].reshape(r, r) @ self.root.T
        return self.root @ state[:r], (covariance + covariance.T) / 2


def moments(step: Recursion, found: Averages) -> tuple[Array, Array | None]:
    """Return the covariance of (w, v) that the averages cause, and the third cumulant for order 3."""
    p = len(found.hessian)
    values, axes = np.linalg.eigh(found.hessian)
    pull = step.rate * values
    if not (np.isfinite(found.noise).all() and values[0] > 0 and pull[-1] < step.limit):
        raise Unbounded("the curvature averaged over the law is not positive, or beyond the limit")
    noise = axes.T @ found.noise @ axes
    weights, cross, velocities = (axes @ (response * noise) @ axes.T for response in step.responses(pull))
    joint = np.block([[weights, cross], [cross.T, velocities]])
    joint = (joint + joint.T) / 2
    if found.odd is None:
        return joint, None
    move, kick = step.matrices(found.hessian)
    # Without momentum the velocities are differences of weights, and nothing of their own.
    d = p if step.momentum == 0 else 2 * p
    inner, push = move[:d, :d], kick[:d]
    spread = inner @ joint[:d, :p]
    cumulant = _settled(inner, _source(found.odd, push, spread))
    # What the skewness adds to E[z ∇Cᵀ].
    extra = np.zeros((2 * p, p))
    extra[:d] = np.einsum("zij,bij->zb", cumulant[:, :p, :p], found.odd.third) / 2
    source = -move @ extra @ kick.T
    joint = joint + _settled(move, source + source.T)
    return (joint + joint.T) / 2, cumulant


def skewed_gradient(found: Averages, covariance: Array, cumulant: Array | None, points: Array) -> Array:
    """Return E[∇C] over the normal law, or over one with the third cumulant of its weights."""
    if cumulant is None:
        return found.gradient
    p = len(covariance)
    inverse = linalg.inv(linalg.cholesky(covariance, lower=True))
    cube = np.einsum("ijk,ai,bj,ck->abc", cumulant[:p, :p, :p], inverse, inverse, inverse, optimize=True)
    # Hermite's polynomials of the third degree: x x x less each x beside a trace.
    weights = np.einsum("abc,na,nb,nc->n", cube, points, points, points, optimize=True) / 6
    weights = weights - points @ np.einsum("aac->c", cube) / 2
    return found.gradient + weights @ found.rest / len(points)


def _source(odd: Odd, kick: Array, spread: Array) -> Array:
    """Return what a step adds to third cumulants, for Cov(M z, w).

    It comes from third derivatives, from noise that grows along w, and from the skewness of the noise.
    """
    bent = np.einsum("abc,ia,jb,kc->ijk", odd.third, kick, spread, spread, optimize=True)
    grown = np.einsum("abc,kc,ia,jb->kij", odd.noise_slope, spread, kick, kick, optimize=True)
    once = grown - bent  # symmetric in two indices; the first stands apart, at each place in turn
    whole = once + once.transpose(1, 0, 2) + once.transpose(2, 1, 0)
    return whole - np.einsum("abc,ia,jb,kc->ijk", odd.skewness, kick, kick, kick, optimize=True)


def _settled(move: Array, source: Array) -> Array:
    """Return X = source + (move ⊗ … ⊗ move) X, by doubling."""
    total, power = source, move
    for _ in range(_DOUBLINGS):
        added = total
        for axis in range(source.ndim):
            added = np.moveaxis(np.tensordot(power, added, axes=(1, axis)), 0, axis)
        total = total + added
        if np.abs(added).max() <= 1e-16 * np.abs(total).max():
            break
        power = power @ power
    return total
