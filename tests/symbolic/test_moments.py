"""Moment equations and Lyapunov's equation against known moments."""

import pytest
import sympy
from sympy import Rational, sqrt

from sdetheory.errors import InvalidInputError
from sdetheory.symbolic import ItoSDE, is_zero, linear_coefficients, lyapunov, moment_equations, stationary_covariance

X, Y, V = sympy.symbols("x y v", real=True)
A, B, S, T, K, F, G, H = sympy.symbols("a b s t k f g h", positive=True)


def test_moments_of_a_square_root_process():
    """Cox, Ingersoll, Ross (1985): mean a/b, variance a s²/(2 b²)."""
    moments = moment_equations(ItoSDE(A - B * X, S * sqrt(X), X), 3).stationary()
    assert moments[1,] == A / B
    assert is_zero(moments[2,] - moments[1,] ** 2 - A * S**2 / (2 * B**2))
    # The third moment of the gamma law of shape 2a/s² and rate 2b/s².
    shape, rate = 2 * A / S**2, 2 * B / S**2
    assert is_zero(moments[3,] - shape * (shape + 1) * (shape + 2) / rate**3)


def test_noise_proportional_to_the_loss():
    """F = s (k x²/2 + c): variance g s c/(2k − g s k/2) (Mori et al. 2022)."""
    c = sympy.Symbol("c", positive=True)
    sde = ItoSDE.from_covariance(-K * X, G * S * (K * X**2 / 2 + c), X)
    variance = moment_equations(sde, 2).stationary()[2,]
    assert is_zero(variance - G * S * c / (2 * K - G * S * K / 2))
    assert variance.subs({G: 1, S: Rational(4, 5), c: Rational(1, 10), K: 1}) == Rational(1, 20)
    assert not is_zero(variance - G * S * c / (2 * K))


def test_rates_of_a_coupled_pair():
    """The rate of E[xy] of a linear pair, by hand; and the symbols that it is written in."""
    equations = moment_equations(ItoSDE([-X + K * Y, -Y], [[S, 0], [T, 1]], [X, Y]), 2)
    assert equations.closed
    xy, yy = equations.symbol((1, 1)), equations.symbol((0, 2))
    assert equations.rate((1, 1)) == -2 * xy + K * yy + S * T
    assert str(xy) == "E[x*y]"
    assert equations.symbol((0, 0)) == 1


def test_equations_that_are_not_closed_say_what_they_need():
    equations = moment_equations(ItoSDE(-(X**3), 1, X), 2)
    assert not equations.closed
    with pytest.raises(InvalidInputError, match=r"E\[x\*\*3\], E\[x\*\*4\]"):
        equations.stationary()


def test_lyapunov_of_the_literature():
    """Mandt, Hoffman, Blei (2017): K = [[2, ½], [½, 1]], checked by inserting; the factor is that of KΣ + ΣKᵀ = A."""
    k, a = (
        sympy.Matrix([[2, Rational(1, 2)], [Rational(1, 2), 1]]),
        sympy.Matrix([[1, Rational(3, 10)], [Rational(3, 10), 2]]),
    )
    sigma = lyapunov(k, a)
    assert k * sigma + sigma * k.T == a
    # An antisymmetric part of K matters, so the transpose does.
    k = sympy.Matrix([[1, 2], [-2, 1]])
    sigma = lyapunov(k, sympy.diag(1, 2))
    assert k * sigma + sigma * k.T == sympy.diag(1, 2)
    assert k.T * sigma + sigma * k != sympy.diag(1, 2)


def test_lyapunov_agrees_with_the_moments():
    sde = ItoSDE([V, -K * X - F * V + H], [[0], [sqrt(2 * F * T)]], [X, V])
    sigma, moments = stationary_covariance(sde), moment_equations(sde, 2).stationary()
    mean = sympy.Matrix([moments[1, 0], moments[0, 1]])
    second = sympy.Matrix([[moments[2, 0], moments[1, 1]], [moments[1, 1], moments[0, 2]]])
    assert (second - mean * mean.T - sigma).applyfunc(sympy.simplify) == sympy.zeros(2)
    assert list(mean) == [H / K, 0]
    assert sigma == sympy.diag(T / K, T)


def test_isotropic_exactly_when_noise_is_proportional_to_curvature():
    """F = H/c gives Σ = (g/2c) I; F = I does not, unless H is."""
    a, b, c = sympy.symbols("a b c", positive=True)
    hessian = sympy.Matrix([[a + 1, b], [b, b**2 + 1]])
    assert lyapunov(hessian, G * hessian / c) == G / (2 * c) * sympy.eye(2)
    isotropic = lyapunov(hessian, G * sympy.eye(2))
    assert (isotropic - G * hessian.inv() / 2).applyfunc(sympy.simplify) == sympy.zeros(2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lyapunov([[1, 0], [0, 1]], [[1, 0, 0], [0, 1, 0]]), "covariance must be a square matrix"),
        (lambda: lyapunov([[1, 0, 0], [0, 1, 0]], [[1, 0], [0, 1]]), "rate must be a square matrix"),
        (lambda: lyapunov([[1, 0], [0, 1]], [[1, 1], [0, 1]]), "symmetric"),
        (lambda: lyapunov([[1, 0], [0, -2]], [[1, 0], [0, 1]]), "no equilibrium"),
        (lambda: lyapunov([[0, 1], [-1, 0]], [[1, 0], [0, 1]]), "no equilibrium"),
        (lambda: lyapunov([[K, 0], [0, -K]], [[1, 0], [0, 1]]), "no unique solution"),
        (lambda: lyapunov("[[1]]", [[1]]), "rate must"),
        (lambda: linear_coefficients(ItoSDE(X**2, 1, X)), "not linear"),
        (lambda: stationary_covariance(ItoSDE(-X, X, X)), "depends on the state"),
        (lambda: moment_equations(ItoSDE(-sympy.sin(X), 1, X), 2), "polynomial"),
        (lambda: moment_equations(ItoSDE(-X, 1, X), 0), "order must be a whole number >= 1"),
        (lambda: moment_equations(ItoSDE(0, 1, X), 2).stationary(), "not determined"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()
