"""Exit times and chances in one dimension against closed forms, by insertion, and against a known number."""

import math

import pytest
import sympy
from scipy import integrate

from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.symbolic import ItoSDE, backward_kolmogorov, exit_probability, is_zero, mean_first_passage_time

X, Y = sympy.symbols("x y", real=True)
L, S, V, T, T1, P = sympy.symbols("L s v t u p", positive=True)


def test_drift_towards_an_absorbing_point():
    """Redner (2001): (L − x)/v − (D/v²)(e^{−vx/D} − e^{−vL/D}), D = s²/2; with D = s² it is refused."""
    sde = ItoSDE(V, S, X)
    time = mean_first_passage_time(sde, X, absorbing=L, reflecting=0)

    def redner(d):
        return (L - X) / V - d / V**2 * (sympy.exp(-V * X / d) - sympy.exp(-V * L / d))

    assert is_zero(time - redner(S**2 / 2))
    assert not is_zero(time - redner(S**2))
    assert is_zero(sde.generator(time) + 1)
    assert is_zero(time.subs(X, L))
    assert is_zero(time.diff(X).subs(X, 0))
    assert is_zero(mean_first_passage_time(sde, X, absorbing=L, reflecting=-sympy.oo) - (L - X) / V)


def test_absorption_on_the_left():
    sde = ItoSDE(-V, S, X)
    assert is_zero(mean_first_passage_time(sde, X, absorbing=0, reflecting=sympy.oo) - X / V)


def test_two_absorbing_points():
    sde = ItoSDE(V, S, X)
    for ends in ((-L, L), (L, -L)):
        time = mean_first_passage_time(sde, X, absorbing=ends)
        assert is_zero(sde.generator(time) + 1)
        assert all(is_zero(time.subs(X, end)) for end in ends)


def test_chance_of_ruin():
    """Karlin & Taylor (1981), chapter 15: (1 − e^{−2vx/s²})/(1 − e^{−2vL/s²}); and x^{1 − 2v/s²} for a stock."""
    sde = ItoSDE(V, S, X)
    chance = exit_probability(sde, X, target=L, other=0)
    known = (1 - sympy.exp(-2 * V * X / S**2)) / (1 - sympy.exp(-2 * V * L / S**2))
    assert is_zero(chance - known)
    assert not is_zero(chance - known.subs(S, sympy.sqrt(2) * S))
    assert is_zero(sde.generator(chance))
    assert is_zero(chance + exit_probability(sde, X, target=0, other=L) - 1)
    stock = exit_probability(ItoSDE(P, S * P, P), P, target=2, other=1).subs(S, 1)
    assert is_zero(stock - (1 - 1 / P) * 2)


def test_kramers_by_the_exact_integral():
    """U = x⁴/4 − x²/2 at T = 1/10, from −1 to 1: 66.2686 exactly; Kramers' 54.1254 is 22 % below it."""
    sde = ItoSDE(X - X**3, sympy.sqrt(sympy.Rational(1, 5)), X)
    time = mean_first_passage_time(sde, -1, absorbing=1, reflecting=-sympy.oo, evaluate=False)
    (z, low, _), (y, *ends) = time.limits
    assert (low, ends) == (-sympy.oo, [-1, 1])
    f = sympy.lambdify([z, y], time.function, modules="math")
    value, _ = integrate.dblquad(f, -1, 1, -4, lambda y: y, epsabs=1e-8, epsrel=1e-8)
    assert value == pytest.approx(66.2686, rel=1e-5)
    kramers = 2 * math.pi / math.sqrt(2) * math.exp(2.5)
    assert kramers == pytest.approx(54.1254, rel=1e-5)
    assert value != pytest.approx(kramers, rel=0.1)


def test_the_backward_equation_of_brownian_motion():
    kernel = sympy.exp(-((Y - X) ** 2) / (2 * (T1 - T))) / sympy.sqrt(T1 - T)
    assert is_zero(sympy.simplify(backward_kolmogorov(ItoSDE(0, 1, X), kernel, T) / kernel))
    # Of a backward equation with the sign of the forward one nothing is left to be zero.
    assert not is_zero(sympy.simplify(backward_kolmogorov(ItoSDE(0, 1, X), kernel.subs(T, -T), T) / kernel.subs(T, -T)))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda s: mean_first_passage_time(s, X, absorbing=1), InvalidInputError, "two absorbing points, or one"),
        (lambda s: mean_first_passage_time(s, X, absorbing=(0, 1), reflecting=2), InvalidInputError, "two absorbing"),
        (lambda s: mean_first_passage_time(s, X, absorbing=(0, 1, 2)), InvalidInputError, "two absorbing"),
        (lambda s: mean_first_passage_time(s, 3, absorbing=(0, 1)), InvalidInputError, "outside"),
        (lambda s: mean_first_passage_time(s, 3, absorbing=1, reflecting=0), InvalidInputError, "outside"),
        (lambda s: mean_first_passage_time(s, -1, absorbing=1, reflecting=0), InvalidInputError, "outside"),
        (lambda s: exit_probability(s, 3, target=1, other=0), InvalidInputError, "outside"),
        (lambda s: exit_probability(s, "x", target=1, other=0), InvalidInputError, "parse"),
        (
            lambda s: mean_first_passage_time(ItoSDE([X, Y], [[1], [1]], [X, Y]), X, absorbing=(0, 1)),
            *(IncompatibleError, "one variable"),
        ),
        (lambda s: mean_first_passage_time(ItoSDE(1, 0, X), X, absorbing=(0, 1)), InvalidInputError, "deterministic"),
    ],
)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(ItoSDE(0, 1, X))
