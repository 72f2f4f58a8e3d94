"""What a scheme does in expectation, without sampling: the engine's own step, integrated over its noise.

One step of a scheme takes a function u to the function x -> E[u(X_1) | X_0 = x]. On a space of functions in which the
step stays, this is a matrix: moments of a linear equation; Fourier series of an equation on the circle.
"""

import itertools
import math

import numba
import numpy as np

from sdetheory.simulators.schemes import SCHEMES, prepare


@numba.njit
def _step(scheme, x, work, xi, drift, diffusion, derivative, p, matrix, dt, layout):
    scheme(x, work, xi, 0, 1, drift, diffusion, derivative, p, matrix, dt, layout)


class Step:
    """One step of a scheme of the engine for an equation, as a function of the positions and the numbers."""

    def __init__(self, sde, method, dt, increments="gaussian"):
        # Two increments to a step: two-point numbers then come one by one, not packed.
        self.plan, self.dt = prepare(sde, SCHEMES[method], increments, dt, 2), dt
        self.numbers, self.rows = int(self.plan.plan[1]), int(self.plan.plan[4])

    def __call__(self, x, xi, previous=None):
        """Return the positions (d, L) after a step with numbers (m, L), after a step with the numbers `previous`."""
        x, xi = np.array(x, dtype=float, order="C"), np.ascontiguousarray(xi, dtype=float)
        work = np.zeros((self.rows, x.shape[1]))
        if previous is not None:
            work[: len(previous)] = previous
        scheme, *fields, _ = self.plan.functions
        p = self.plan.parameters.copy()
        _step(scheme, x, work, xi, *fields, p, self.plan.matrix, self.dt, self.plan.plan[0])
        return x


def nodes(increments, m, count, points=6):
    """Return points (count, N) and weights that integrate over m increments and count - m further signs."""
    signs = np.array([-1.0, 1.0]), np.array([0.5, 0.5])
    one = signs
    if increments != "two-point":
        x, w = np.polynomial.hermite_e.hermegauss(3 if increments == "three-point" else points)
        one = x, w / w.sum()
    axes = [one] * m + [signs] * (count - m)
    grid = np.array(list(itertools.product(*[a for a, _ in axes]))).T
    return grid, np.prod(list(itertools.product(*[w for _, w in axes])), axis=1)


def moments(sde, x0, method, increments, n):
    """Return E[X] and E[X X'] after n steps to time 1 of a linear equation."""
    d, step = sde.dimension, Step(sde, method, 1.0 / n, increments)
    xi, weights = nodes(increments, sde.n_noises, step.numbers)
    maps = step(np.repeat(np.eye(d), xi.shape[1], axis=1), np.tile(xi, d)).reshape(d, d, -1)
    second = np.einsum("ain,bjn,n->abij", maps, maps, weights).reshape(d * d, d * d)
    power = np.linalg.matrix_power
    x0 = np.array(x0)
    return np.concatenate([power(maps @ weights, n) @ x0, power(second, n) @ np.kron(x0, x0)])


class Circle:
    """Functions of period 2 pi / k, given by their values at N nodes; right to rounding if they are smooth."""

    def __init__(self, period, n=64):
        self.period, self.n = period, n
        self.x = period * (np.arange(n) / n - 0.5)

    def at(self, x):
        """Return the matrix from values at the nodes to values at points x (L,), by trigonometric interpolation."""
        k = np.arange(-self.n // 2 + 1, self.n // 2)
        waves = np.exp(2j * np.pi / self.period * np.multiply.outer(x, k))
        return (waves @ np.exp(-2j * np.pi / self.period * np.multiply.outer(k, self.x))).real / self.n

    def derivative(self, order=1):
        """Return the matrix of a derivative at the nodes."""
        k = 2j * np.pi / self.period * np.arange(-self.n // 2 + 1, self.n // 2)
        waves = np.exp(np.multiply.outer(self.x, k))
        return ((waves * k**order) @ waves.conj().T).real / self.n

    def chain(self, sde, method, dt, increments="gaussian"):
        """Return the matrix of one step: from u to E[u(X_1) | X_0 = x] at the nodes.

        The position of a scheme with a lead is Y + s sqrt(dt) xi / 2 with a Markov chain Y, whose matrix this is then.
        """
        step = Step(sde, method, dt, increments)
        xi, weights = nodes(increments, sde.n_noises, step.numbers, 40)
        x, numbers = np.tile(self.x, (1, xi.shape[1])), np.repeat(xi, self.n, axis=1)
        if SCHEMES[method].lead:
            half = 0.5 * np.sqrt(dt) * sde.diffusion([0.0])[0, 0]
            ends = step(x + half * numbers, np.zeros_like(numbers), previous=numbers)
        else:
            ends = step(x, numbers)
        return np.einsum("q,qij->ij", weights, self.at(ends[0]).reshape(-1, self.n, self.n))

    def expectation(self, sde, method, dt, n_steps, u, increments="gaussian"):
        """Return E[u(X_n) | X_0 = x] at the nodes, for values of u there."""
        chain = self.chain(sde, method, dt, increments)
        if not SCHEMES[method].lead:
            return np.linalg.matrix_power(chain, n_steps) @ u
        # X_0 = x gives Y_1 = x + f(x) dt + s sqrt(dt) xi / 2, and X_n is Y_n + s sqrt(dt) xi / 2.
        half = 0.5 * np.sqrt(dt) * sde.diffusion([0.0])[0, 0]
        later = np.linalg.matrix_power(chain, n_steps - 1) @ self.averaged(u, half)
        return self.at(self.x + dt * sde.drift(self.x[:, None])[:, 0]) @ self.averaged(later, half)

    def averaged(self, u, spread):
        """Return E[u(x + spread xi)] at the nodes, for normal xi."""
        xi, weights = np.polynomial.hermite_e.hermegauss(40)
        shifted = self.at(np.add.outer(self.x, spread * xi).ravel()).reshape(self.n, -1, self.n)
        return np.einsum("q,iqj,j->i", weights / weights.sum(), shifted, u)


def stationary(chain):
    """Return the stationary weights of a matrix whose rows sum to 1."""
    n = len(chain)
    system = np.vstack([chain.T - np.eye(n), np.ones(n)])
    return np.linalg.lstsq(system, np.append(np.zeros(n), 1.0), rcond=None)[0]


class Phase:
    """Functions of an angle q and a momentum p: Fourier series times Hermite polynomials in p / width, by values."""

    def __init__(self, width, n=24, degree=19):
        self.circle, self.width, self.degree = Circle(2 * np.pi, n), width, degree
        p, self.weights = np.polynomial.hermite_e.hermegauss(degree + 1)
        self.q, self.p = (a.ravel() for a in np.meshgrid(self.circle.x, width * p, indexing="ij"))

    def polynomials(self, p, derivative=0):
        """Return the normalized Hermite polynomials, or derivatives, at momenta p (L,), shape (L, degree + 1)."""
        size = np.sqrt([float(math.factorial(k)) for k in range(self.degree + 1)])
        basis = np.polynomial.hermite_e.hermeder(np.diag(1 / size), derivative) / self.width**derivative
        return np.polynomial.hermite_e.hermeval(p / self.width, basis).T

    def at(self, q, p):
        """Return the matrix from values at the nodes to values at points (q, p), each (L,)."""
        return np.einsum("la,lb->lab", self.circle.at(q), self.of_momentum(p)).reshape(len(q), -1)

    def of_momentum(self, p, derivative=0):
        """Return the matrix from values at the nodes of p to values, or derivatives, at momenta p (L,)."""
        nodes = self.polynomials(self.p[: self.degree + 1]) * (self.weights / self.weights.sum())[:, None]
        return self.polynomials(p, derivative) @ nodes.T

    def chain(self, sde, dt):
        """Return the matrix of a step of BAOAB: from u to E[u(X_1) | X_0 = (q, p)] at the nodes."""
        step, matrix = Step(sde, "baoab", dt), 0.0
        points, weights = nodes("gaussian", 1, 1, 16)
        for xi, weight in zip(points[0], weights, strict=True):
            matrix = matrix + weight * self.at(*step(np.stack([self.q, self.p]), np.full((1, len(self.q)), xi)))
        return matrix

    def generator(self, sde, friction, heat):
        """Return the matrix of p d/dq + f d/dp + friction (-p d/dp + heat d²/dp²) for unit mass; the drift is sde's."""
        p = self.p[: self.degree + 1]
        first, second = (np.kron(np.eye(self.circle.n), self.of_momentum(p, k)) for k in (1, 2))
        in_q = np.kron(self.circle.derivative(), np.eye(self.degree + 1))
        drift = sde.drift(np.stack([self.q, self.p], axis=1))
        return drift[:, :1] * in_q + drift[:, 1:] * first + friction * heat * second


def order(errors):
    """Return the slope of log error over the two smallest steps, and a bound of its bias; steps halve, four of them.

    With a next term of higher order the bias halves with the step, at least: then it is below the change from one slope
    to the next. Twice the greater of the two changes is allowed, in case that two terms balance at one of them.
    """
    slopes = np.log2(np.abs(np.array(errors[:-1]) / np.array(errors[1:])))
    return slopes[-1], 2 * np.abs(np.diff(slopes)).max()


def assert_order(errors, declared):
    """Check that the interval holds the declared order and nothing that is off by a quarter."""
    slope, half = order(errors)
    assert abs(slope - declared) <= half, (slope, half, errors)
    assert abs(slope - declared) + half < 0.25, (slope, half, errors)
