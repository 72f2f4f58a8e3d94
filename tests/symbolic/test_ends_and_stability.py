"""Passage through ends that are never reached, moments of equations that do not settle, and symbols of one name."""

import numpy as np
import pytest
import sympy
from scipy import integrate
from sympy import Rational, oo, sqrt

from sdetheory.errors import InvalidInputError, SdeTheoryError
from sdetheory.symbolic import (
    ItoSDE,
    UndecidedError,
    exit_probability,
    fokker_planck,
    gaussian_moments,
    increment_moments,
    laplace,
    lyapunov,
    mean_first_passage_time,
    moment_equations,
    recursion_expansion,
    semigroup_expansion,
    stability_conditions,
    stationary_covariance,
    stationary_density,
)

X, Y = sympy.symbols("x y", real=True)
P = sympy.Symbol("p", positive=True)
A, B, S, K, V, L = sympy.symbols("a b s k v L", positive=True)
C = sympy.Symbol("c", real=True)
BROWN, UP, DOWN = ItoSDE(0, 1, X), ItoSDE(V, S, X), ItoSDE(-V, S, X)


def bessel(dimension):
    return ItoSDE((dimension - 1) / (2 * P), 1, P)


# Karlin and Taylor (1981), chapter 15: the scale function is finite or not at each end.
CHANCES = {
    "Brownian motion comes everywhere": (BROWN, X, 1, -oo, 1),
    "a drift up": (UP, X, L, -oo, 1),
    "a drift down: e^{2v(x − L)/s²}": (DOWN, X, L, -oo, sympy.exp(2 * V * (X - L) / S**2)),
    "a drift up escapes": (UP, P, oo, 0, 1 - sympy.exp(-2 * V * P / S**2)),
    "a drift down does not": (DOWN, P, oo, 0, 0),
    "a stock that grows does not go to zero": (ItoSDE(P, P, P), P, 2, 0, 1),
    "a stock at a quarter of its variance may": (ItoSDE(P / 4, P, P), P, 2, 0, sqrt(P / 2)),
    "Feller's condition holds": (ItoSDE(2 - P, sqrt(P), P), P, 2, 0, 1),
    "three dimensions miss the origin": (bessel(3), P, 2, 0, 1),
    "three dimensions escape": (bessel(3), P, 1, oo, 1 / P),
    "two dimensions miss the origin": (bessel(2), P, 2, 0, 1),
    "one and a half dimensions do not": (bessel(Rational(3, 2)), P, 0, 2, 1 - sqrt(P / 2)),
    "a spring returns": (ItoSDE(-K * X, S, X), X, 1, -oo, 1),
    "an unstable point": (ItoSDE(K * X, S, X), X, oo, -oo, (1 + sympy.erf(sqrt(K) * X / S)) / 2),
}


@pytest.mark.parametrize("name", CHANCES)
def test_chances_have_the_right_limit_at_natural_ends(name):
    sde, start, target, other, expected = CHANCES[name]
    found = exit_probability(sde, start, target=target, other=other)
    values = {K: 0.8, V: 0.5, S: 1.1, L: 0.9, X: 0.3, P: 0.7 if oo not in (target, other) else 1.4}
    assert float(found.subs(values)) == pytest.approx(float(sympy.sympify(expected).subs(values)), rel=1e-10)


def test_a_chance_below_fellers_condition():
    """CIR with a = 1/8: ∫ y^(−1/4) e^{2y} dy by quadrature."""
    found = exit_probability(ItoSDE(Rational(1, 8) - P, sqrt(P), P), 1, target=2, other=0)
    scale = [integrate.quad(lambda y: y**-0.25 * np.exp(2 * y), 0, end)[0] for end in (1, 2)]
    assert complex(sympy.N(found)) == pytest.approx(scale[0] / scale[1], rel=1e-7)


TIMES = {
    "Brownian motion takes forever": (BROWN, X, {"absorbing": 1, "reflecting": -oo}, oo),
    "a drift takes the distance over the speed": (UP, X, {"absorbing": L, "reflecting": -oo}, (L - X) / V),
    "two ends, one never reached": (UP, X, {"absorbing": (-oo, L)}, (L - X) / V),
    "a drift away may miss it": (DOWN, X, {"absorbing": L, "reflecting": -oo}, oo),
    "two ends at infinity": (BROWN, X, {"absorbing": (-oo, oo)}, oo),
    "an end at infinity": (BROWN, P, {"absorbing": oo, "reflecting": 0}, oo),
    "three dimensions from the origin: (1 − x²)/3": (bessel(3), P, {"absorbing": (0, 1)}, (1 - P**2) / 3),
    "its origin as a wall": (bessel(3), P, {"absorbing": 1, "reflecting": 0}, (1 - P**2) / 3),
    "from outside it may miss": (bessel(3), P, {"absorbing": 1, "reflecting": oo}, oo),
    "a growing stock: ln(2/x)/(μ − s²/2)": (ItoSDE(P, P, P), P, {"absorbing": (0, 2)}, 2 * sympy.log(2 / P)),
    "Brownian motion between walls": (BROWN, X, {"absorbing": (-1, 1)}, 1 - X**2),
}


@pytest.mark.parametrize("name", TIMES)
def test_times_have_the_right_limit_at_natural_ends(name):
    sde, start, ends, expected = TIMES[name]
    found = mean_first_passage_time(sde, start, **ends)
    values = {V: 0.5, S: 1.1, L: 0.9, X: 0.3, P: 0.7}
    assert float(found.subs(values)) == pytest.approx(float(sympy.sympify(expected).subs(values)), rel=1e-10)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: exit_probability(BROWN, X, target=oo, other=-oo), InvalidInputError, "neither oo nor -oo"),
        (lambda: exit_probability(ItoSDE(A * P, S * P, P), P, target=2, other=0), UndecidedError, "sign of"),
        (lambda: exit_probability(BROWN, X, target=1, other=1), InvalidInputError, "must differ"),
        (lambda: mean_first_passage_time(DOWN, X, absorbing=(-oo, L)), UndecidedError, "undefined expression"),
        (lambda: mean_first_passage_time(ItoSDE(P / 4, P, P), P, absorbing=(0, 2)), UndecidedError, "undefined"),
        (lambda: exit_probability(BROWN, sympy.Symbol("x"), target=1, other=0), InvalidInputError, "two ways"),
    ],
)
def test_no_number_is_made_up_at_an_end(call, error, message):
    with pytest.raises(error, match=message):
        call()


UNSTABLE = {
    "a spring that pushes": lambda: stationary_covariance(ItoSDE(K * X, S, X)),
    "its moments": lambda: moment_equations(ItoSDE(K * X, S, X), 2).stationary(),
    "a stock": lambda: moment_equations(ItoSDE(A * P, S * P, P), 2).stationary(),
    "noise stronger than the spring": lambda: moment_equations(ItoSDE(-X, 2 * X, X), 2).stationary(),
    "the fourth moment, not the second": lambda: moment_equations(ItoSDE(-X, X / sqrt(1), X), 4).stationary(),
    "a saddle": lambda: stationary_covariance(ItoSDE([-A * X, B * Y], [[1, 0], [0, 1]], [X, Y])),
    "negative friction": lambda: stationary_covariance(ItoSDE([Y, -K * X + A * Y], [[0], [S]], [X, Y])),
    "a rotation": lambda: stationary_covariance(ItoSDE([Y, -K * X], [[S], [S]], [X, Y])),
    "a matrix": lambda: lyapunov([[A, 0], [0, -A - B]], [[1, 0], [0, 1]]),
}


@pytest.mark.parametrize("name", UNSTABLE)
def test_there_are_no_stationary_moments_of_an_unstable_equation(name):
    with pytest.raises(InvalidInputError, match=r"not settle|no equilibrium|no unique|not determined"):
        UNSTABLE[name]()


def test_conditions_of_stability_are_stated():
    multiplicative = moment_equations(ItoSDE(-K * X, S * X, X), 2)
    assert multiplicative.stability == (2 * K - S**2,)
    assert moment_equations(ItoSDE(A - B * P, S * sqrt(P), P), 3).stability == ()
    assert stability_conditions([[A, B], [B, C]]) == (A + C, A * C - B**2)
    assert stability_conditions([[0, -1], [K, A]]) == ()
    # A third-order filter: a b > c.
    assert stability_conditions([[0, -1, 0], [0, 0, -1], [C, B, A]]) == (A * B - C, C)


@pytest.mark.parametrize(
    ("matrix", "stable"),
    [
        ([[1, 5, 0], [0, 2, 7], [0, 0, 3]], True),
        ([[1, 5, 0], [-5, 1, 7], [0, -1, 3]], True),
        ([[1, 9, 0], [0, 1, 9], [-9, 0, 1]], False),
        ([[2, -3], [-3, 2]], False),
        ([[0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], False),
        ([[4, 1, 0, 2], [0, 3, 1, 0], [1, 0, 5, 1], [0, 2, 0, 6]], True),
    ],
)
def test_hurwitz_agrees_with_eigenvalues(matrix, stable):
    assert (np.linalg.eigvals(np.array(matrix, float)).real > 1e-9).all() == stable
    if stable:
        assert stability_conditions(matrix) == ()
    else:
        with pytest.raises(InvalidInputError, match="no equilibrium"):
            stability_conditions(matrix)


# Moments of stationary laws, by the law's own formulas.
MOMENTS = {
    "normal": (ItoSDE(K * (C - X), S, X), 4, {2: C**2 + S**2 / (2 * K)}),
    "gamma": (ItoSDE(A - B * P, S * sqrt(P), P), 2, {1: A / B, 2: A**2 / B**2 + A * S**2 / (2 * B**2)}),
    "beta": (
        ItoSDE(A * (1 - P) - B * P, sqrt(P * (1 - P)), P), 2,
        {1: A / (A + B), 2: A / (A + B) * (2 * A + 1) / (2 * A + 2 * B + 1)},
    ),
    "Student": (ItoSDE(-K * X, S * sqrt(1 + X**2), X), 2, {2: S**2 / (2 * K - S**2)}),
    "inverse gamma": (ItoSDE(A - B * P, S * P, P), 2, {1: A / B, 2: 2 * A**2 / (B * (2 * B - S**2))}),
}  # fmt: skip


@pytest.mark.parametrize("name", MOMENTS)
def test_moments_of_pearsons_laws(name):
    sde, order, expected = MOMENTS[name]
    moments = moment_equations(sde, order).stationary()
    for n, value in expected.items():
        assert sympy.simplify(moments[n,] - value) == 0


WRONG, RIGHT, TIME = sympy.Symbol("x"), sympy.Symbol("x", real=True), sympy.Symbol("t", positive=True)
H = sympy.Symbol("h", positive=True)
SPELLINGS = {
    "drift": lambda: ItoSDE(-WRONG, 1, RIGHT),
    "noise": lambda: ItoSDE(-RIGHT, sympy.sqrt(WRONG**2 + 1), RIGHT),
    "covariance": lambda: ItoSDE.from_covariance(-RIGHT, 1 + WRONG**2, RIGHT),
    "Stratonovich": lambda: ItoSDE.from_stratonovich(-WRONG, 1, RIGHT),
    "parameter": lambda: ItoSDE(-K * RIGHT, sympy.Symbol("k"), RIGHT),
    "generator": lambda: ItoSDE(-RIGHT, 1, RIGHT).generator(WRONG**2),
    "time": lambda: ItoSDE(-RIGHT, 1, RIGHT).generator(RIGHT * sympy.Symbol("t"), TIME),
    "Itô's formula": lambda: ItoSDE(-RIGHT, 1, RIGHT).ito_formula(WRONG**2),
    "Fokker–Planck": lambda: fokker_planck(ItoSDE(-RIGHT, 1, RIGHT), sympy.exp(-(WRONG**2))),
    "increment": lambda: recursion_expansion(WRONG, -H * RIGHT, RIGHT, {}, step=H, order=1),
    "step": lambda: semigroup_expansion(ItoSDE(-RIGHT, sympy.Symbol("h"), RIGHT), RIGHT, step=H, order=1),
    "noises": lambda: increment_moments(sympy.Symbol("z", real=True), {sympy.Symbol("z"): 0}, 1),
    "Laplace": lambda: laplace(RIGHT**2 / 2 + WRONG**4, {RIGHT: 0}),
    "change of variables": lambda: ItoSDE(P, P, P).change_variables(
        {Y: sympy.log(sympy.Symbol("p"))}, {P: sympy.exp(Y)}
    ),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_two_symbols_of_one_name_are_refused(name):
    with pytest.raises(InvalidInputError, match=r"spelled in two ways: Symbol\('\w'"):
        SPELLINGS[name]()


def test_dummies_may_share_a_name():
    dummy = sympy.Dummy("x")
    assert ItoSDE(-RIGHT * dummy, 1, RIGHT).generator(RIGHT) == -RIGHT * dummy


def test_maps_that_fold_are_refused():
    sde = ItoSDE(-X, 1, X)
    for forward, inverse in ((X**2, sqrt(P)), (sympy.Abs(X), P), (sympy.cos(X), sympy.acos(P))):
        with pytest.raises(SdeTheoryError, match=r"folds|undo|decide|declared"):
            sde.change_variables({P: forward}, {X: inverse})
    with pytest.raises(InvalidInputError, match="declared positive"):
        ItoSDE(-P, P, P).change_variables({A: sympy.log(P)}, {P: sympy.exp(A)})
    for forward, inverse in ((2 * X + 1, (Y - 1) / 2), (sympy.sinh(X), sympy.asinh(Y))):
        sde.change_variables({Y: forward}, {X: inverse})
    radius = sympy.Symbol("r", positive=True)
    plane = ItoSDE([-X, -Y], [[1, 0], [0, 1]], [X, Y])
    with pytest.raises(SdeTheoryError):
        plane.change_variables({radius: sqrt(X**2 + Y**2)}, {X: radius, Y: sympy.Integer(0)})


def test_nothing_raw_comes_out():
    """What SymPy raises is told in words; a wrong number of arguments is Python's to tell."""
    brown = ItoSDE(0, 1, X)
    deep = X
    for _ in range(3000):
        deep = sympy.sin(deep, evaluate=False)
    for call in (
        lambda: brown.generator(deep),
        lambda: gaussian_moments([X, Y], [[1, 2]], 2),
        lambda: stationary_density(brown, support=(0, sympy.nan)),
        lambda: laplace(sympy.Piecewise((X**2, X > 0), (X**2 + X, True)), {X: 0}),
    ):
        with pytest.raises(SdeTheoryError):
            call()
    with pytest.raises(TypeError):
        fokker_planck(brown)
