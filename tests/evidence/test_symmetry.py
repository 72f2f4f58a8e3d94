"""One minimum times the number of its copies is the integral; one minimum alone is not."""

import itertools
import math

import numpy as np
import pytest
from scipy import integrate

from sdetheory.errors import InvalidInputError
from sdetheory.evidence import log_equivalent_modes


def laplace_at(cost, hessian, w):
    """Return Laplace's log integral of e^−C about one minimum."""
    return -cost(*w) + 0.5 * len(w) * math.log(2 * math.pi) - 0.5 * np.linalg.slogdet(hessian)[1]


def test_product_of_two_weights_has_two_minima():
    """A model y = w₁w₂ with a Gaussian prior, n observations of mean m: one hidden unit, odd activation."""
    n, m, precision = 4000.0, 2.0, 1.0

    def cost(a, b):
        return 0.5 * n * (a * b - m) ** 2 + 0.5 * precision * (a * a + b * b)

    # a = b at the minimum: n(a² − m) + λ = 0.
    a = math.sqrt(m - precision / n)
    residual = a * a - m
    same, other = n * a * a + precision, n * (a * a + residual)
    hessian = np.array([[same, other], [other, same]])
    lowest = cost(a, a)

    def integrand(b, a):
        return math.exp(lowest - cost(a, b))

    # For each a the ridge is at b = m/a, of width 1/(a√n).
    half = integrate.quad(
        lambda a: integrate.quad(
            integrand, m / a - 12 / (a * math.sqrt(n)), m / a + 12 / (a * math.sqrt(n)), args=(a,), epsabs=0
        )[0],
        0.15, 9.0, epsabs=0, limit=200,
    )[0]  # fmt: skip
    exact = math.log(2 * half) - lowest
    one = laplace_at(cost, hessian, (a, a))
    error = exact - one - log_equivalent_modes(1, sign_flips=True)
    # Along the valley a b = m the posterior is e^−λ(a² + m²/a²)/2 alone, a one-dimensional integral whose own Laplace
    # error the two-dimensional one inherits, up to O(1/n).
    t = np.linspace(-3.0, 3.0, 6001)
    valley = np.exp(-precision * m * (np.cosh(2 * t) - 1)).sum() * (t[1] - t[0])
    known = math.log(valley / math.sqrt(2 * math.pi / (4 * precision * m)))
    assert error == pytest.approx(known, abs=2e-3)
    assert abs(exact - one - known) == pytest.approx(math.log(2), abs=2e-3)


@pytest.mark.parametrize("separation", [6.0, 10.0])
def test_mixture_of_two_has_two_labelings(separation):
    """Means μ₁, μ₂ of two components whose observations are known to come in equal numbers, integrated on a grid."""
    n, precision = 10, 0.01
    x = np.concatenate([np.linspace(-1, 1, n), separation + np.linspace(-1, 1, n)])
    axis = np.linspace(-4.0, separation + 4.0, 801)

    def cost(a, b):
        a, b = np.asarray(a)[..., None], np.asarray(b)[..., None]
        mixture = np.logaddexp(-0.5 * (x - a) ** 2, -0.5 * (x - b) ** 2) - math.log(2)
        return -mixture.sum(axis=-1) + 0.5 * precision * (a[..., 0] ** 2 + b[..., 0] ** 2)

    def minimum_and_hessian():
        w, h = np.array([0.0, separation]), 1e-3
        for _ in range(20):
            gradient, hessian = derivatives(w, h)
            w = w - np.linalg.solve(hessian, gradient)
        return w, hessian

    def derivatives(w, h):
        e = h * np.eye(2)
        gradient = np.array([cost(*(w + s)) - cost(*(w - s)) for s in e]) / (2 * h)
        hessian = np.array(
            [[cost(*(w + s + r)) - cost(*(w + s - r)) - cost(*(w - s + r)) + cost(*(w - s - r)) for r in e] for s in e]
        ) / (4 * h * h)
        return gradient, hessian

    w, hessian = minimum_and_hessian()
    values = -cost(axis[:, None], axis[None, :])
    exact = values.max() + math.log(np.exp(values - values.max()).sum()) + 2 * math.log(axis[1] - axis[0])
    one = laplace_at(cost, hessian, w)
    assert exact == pytest.approx(one + log_equivalent_modes(2, sign_flips=False), abs=0.02)
    assert exact - one == pytest.approx(math.log(2), abs=0.02)  # so without the count it is off by ln 2


def test_counts_are_those_of_the_group():
    """By enumeration: permutations and signs of three tanh units give 48 weights with the same function."""
    rng = np.random.default_rng(0)
    incoming, outgoing, x = rng.standard_normal(3), rng.standard_normal(3), np.linspace(-2, 2, 7)
    original, copies = np.tanh(np.outer(x, incoming)) @ outgoing, set()
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((-1.0, 1.0), repeat=3):
            a, b = np.array(signs) * incoming[list(order)], np.array(signs) * outgoing[list(order)]
            np.testing.assert_allclose(np.tanh(np.outer(x, a)) @ b, original, atol=1e-14)
            copies.add((*a, *b))
    assert math.log(len(copies)) == pytest.approx(log_equivalent_modes(3, sign_flips=True), rel=1e-14)
    assert log_equivalent_modes(3, sign_flips=False) == pytest.approx(math.log(6), rel=1e-14)
    many = math.lgamma(1001) + 1000 * math.log(2)
    assert log_equivalent_modes(1000, sign_flips=True) == pytest.approx(many, rel=1e-14)


def test_refusals():
    for units in (0, 1.5, -3):
        with pytest.raises(InvalidInputError, match="hidden_units"):
            log_equivalent_modes(units, sign_flips=True)
    for flips in (1, "no", [True, False], None):
        with pytest.raises(InvalidInputError, match="sign_flips must be True or False"):
            log_equivalent_modes(2, sign_flips=flips)
