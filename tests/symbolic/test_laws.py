"""Stationary densities with symbolic parameters against SciPy's distributions and against quadrature."""

import itertools

import numpy as np
import pytest
import sympy
from scipy import integrate, stats
from sympy import Rational, cos, cot, exp, log, oo, pi, sign, sin, sinh, sqrt, tanh

from sdetheory.errors import InvalidInputError, SdeTheoryError
from sdetheory.symbolic import ItoSDE, UndecidedError, is_stationary, stationary_density
from sdetheory.symbolic.calculus._laws import TABLE

X = sympy.Symbol("x", real=True)
P = sympy.Symbol("p", positive=True)
PLAIN = sympy.Symbol("x")
A, B, S, K, T, M, H, F, V = sympy.symbols("a b s k T mu theta F V", positive=True)
C = sympy.Symbol("c", real=True)
LINE, HALF, UNIT, TURN = (-oo, oo), (0, oo), (0, 1), (0, 2 * pi)
VALUES = {A: 0.7, B: 1.3, S: 0.6, K: 0.9, T: 0.4, M: 0.4, H: 1.2, F: 0.3, V: 0.5, C: -0.35}
OTHERS = {A: 1.1, B: 0.6, S: 0.9, K: 1.7, T: 1.5, M: 0.6, H: 0.8, F: 0.2, V: 1.1, C: 0.5}


def numbers(expression, x, points, values):
    f = sympy.lambdify(x, expression.subs(values), modules=["scipy", "numpy"])
    return np.array([float(np.real(f(point))) for point in points])


# The law with a name: drift, noise, variable, support, and SciPy's density for values (a, b, s, ...) at x.
NAMED = {
    "normal (Uhlenbeck and Ornstein 1930)": (
        H * (C - X), S, X, LINE,
        lambda x, v: stats.norm.pdf(x, v[C], v[S] / np.sqrt(2 * v[H])),
    ),
    "gamma (Cox, Ingersoll, Ross 1985)": (
        H * (M - P), S * sqrt(P), P, HALF,
        lambda x, v: stats.gamma.pdf(x, 2 * v[H] * v[M] / v[S] ** 2, scale=v[S] ** 2 / (2 * v[H])),
    ),
    "gamma, of a real symbol": (
        H * (M - X), S * sqrt(X), X, HALF,
        lambda x, v: stats.gamma.pdf(x, 2 * v[H] * v[M] / v[S] ** 2, scale=v[S] ** 2 / (2 * v[H])),
    ),
    "gamma, of a plain symbol": (
        H * (M - PLAIN), S * sqrt(PLAIN), PLAIN, HALF,
        lambda x, v: stats.gamma.pdf(x, 2 * v[H] * v[M] / v[S] ** 2, scale=v[S] ** 2 / (2 * v[H])),
    ),
    "beta (Jacobi; Forman and Sørensen 2008)": (
        -H * (P - M), sqrt(2 * H * A * P * (1 - P)), P, UNIT,
        lambda x, v: stats.beta.pdf(x, v[M] / v[A], (1 - v[M]) / v[A]),
    ),
    "inverse gamma (GARCH diffusion; Nelson 1990)": (
        -H * (P - M), sqrt(2 * H * A) * P, P, HALF,
        lambda x, v: stats.invgamma.pdf(x, 1 + 1 / v[A], scale=v[M] / v[A]),
    ),
    "F (Fisher and Snedecor; Forman and Sørensen 2008)": (
        -H * (P - M), sqrt(2 * H * A * P * (P + 1)), P, HALF,
        lambda x, v: stats.betaprime.pdf(x, v[M] / v[A], 1 + 1 / v[A]),
    ),
    "Student (Forman and Sørensen 2008)": (
        -H * (X - C), sqrt(2 * H * A * ((X - C) ** 2 + 1)), X, LINE,
        lambda x, v: stats.t.pdf(x, 1 + 1 / v[A], loc=v[C], scale=1 / np.sqrt(1 + 1 / v[A])),
    ),
    "beta (Wright, Fisher; Ewens 2004)": (
        A * (1 - P) - B * P, sqrt(P * (1 - P)), P, UNIT, lambda x, v: stats.beta.pdf(x, 2 * v[A], 2 * v[B]),
    ),
    "beta on (-1, 1)": (
        -K * X, S * sqrt(1 - X**2), X, (-1, 1),
        lambda x, v: stats.beta.pdf(x, v[K] / v[S] ** 2, v[K] / v[S] ** 2, loc=-1, scale=2),
    ),
    "gamma (Verhulst; Horsthemke and Lefever 1984)": (
        A * P - B * P**2, S * P, P, HALF,
        lambda x, v: stats.gamma.pdf(x, 2 * v[A] / v[S] ** 2 - 1, scale=v[S] ** 2 / (2 * v[B])),
    ),
    "lognormal (Gompertz)": (
        A * P - B * P * log(P), S * P, P, HALF,
        lambda x, v: stats.lognorm.pdf(
            x, v[S] / np.sqrt(2 * v[B]), scale=np.exp((v[A] - v[S] ** 2 / 2) / v[B])
        ),
    ),
    "lognormal (Schwartz 1997)": (
        P * (C - K * log(P)), S * P, P, HALF,
        lambda x, v: stats.lognorm.pdf(
            x, v[S] / np.sqrt(2 * v[K]), scale=np.exp((v[C] - v[S] ** 2 / 2) / v[K])
        ),
    ),
    "chi (Bessel's process in a spring)": (
        A / P - K * P, S, P, HALF,
        lambda x, v: stats.chi.pdf(x, 2 * v[A] / v[S] ** 2 + 1, scale=v[S] / np.sqrt(2 * v[K])),
    ),
    "half-normal": (
        -K * P, S, P, HALF, lambda x, v: stats.halfnorm.pdf(x, scale=v[S] / np.sqrt(2 * v[K])),
    ),
    "truncated normal": (
        -K * (P - M), S, P, HALF,
        lambda x, v: stats.truncnorm.pdf(
            x, -v[M] * np.sqrt(2 * v[K]) / v[S], np.inf, loc=v[M], scale=v[S] / np.sqrt(2 * v[K])
        ),
    ),
    "exponential, of a barometer": (-K, S, P, HALF, lambda x, v: stats.expon.pdf(x, scale=v[S] ** 2 / (2 * v[K]))),
    "exponential, to the left": (
        K, S, X, (-oo, 0), lambda x, v: stats.expon.pdf(-x, scale=v[S] ** 2 / (2 * v[K])),
    ),
    "truncated exponential": (
        -K, S, P, (0, 2), lambda x, v: stats.truncexpon.pdf(x, 4 * v[K] / v[S] ** 2, scale=v[S] ** 2 / (2 * v[K])),
    ),
    "uniform": (0, S, P, (0, 3), lambda x, v: stats.uniform.pdf(x, 0, 3)),
    "Laplace": (-K * sign(X), S, X, LINE, lambda x, v: stats.laplace.pdf(x, scale=v[S] ** 2 / (2 * v[K]))),
    "asymmetric Laplace": (
        C / 3 - K * sign(X), 1, X, LINE,
        lambda x, v: stats.laplace_asymmetric.pdf(
            x, np.sqrt((v[K] - v[C] / 3) / (v[K] + v[C] / 3)), scale=1 / np.sqrt(4 * (v[K] ** 2 - v[C] ** 2 / 9))
        ),
    ),
    "logistic: the square of sech": (-tanh(X / 2), sqrt(2), X, LINE, lambda x, v: stats.logistic.pdf(x)),
    "hyperbolic secant": (-tanh(X) / 2, 1, X, LINE, lambda x, v: stats.hypsecant.pdf(x)),
    "hyperbolic (Barndorff-Nielsen 1977)": (
        -K * X / sqrt(1 + X**2), 1, X, LINE, lambda x, v: stats.genhyperbolic.pdf(x, 1, 2 * v[K], 0),
    ),
    "generalized inverse Gaussian": (
        A + B * P - K * P**2, S * P, P, HALF,
        lambda x, v: stats.geninvgauss.pdf(
            x, 2 * v[B] / v[S] ** 2 - 1, 4 * np.sqrt(v[A] * v[K]) / v[S] ** 2, scale=np.sqrt(v[A] / v[K])
        ),
    ),
    "logarithm of a gamma law": (
        A - B * exp(X), S, X, LINE,
        lambda x, v: stats.loggamma.pdf(x, 2 * v[A] / v[S] ** 2, loc=np.log(v[S] ** 2 / (2 * v[B]))),
    ),
    "von Mises": (-V * sin(X), S, X, (-pi, pi), lambda x, v: stats.vonmises.pdf(x, 2 * v[V] / v[S] ** 2)),
    "Pareto (Lomax)": (
        0, sqrt((1 + P) ** 3), P, HALF, lambda x, v: stats.lomax.pdf(x, 2),
    ),
    "power function, of a Bessel process": (A / P, 1, P, UNIT, lambda x, v: stats.powerlaw.pdf(x, 2 * v[A] + 1)),
    "inverse gamma (Ahn and Gao 1999)": (
        P * (A - B * P), S * P ** Rational(3, 2), P, HALF,
        lambda x, v: stats.invgamma.pdf(x, 2 * v[B] / v[S] ** 2 + 2, scale=2 * v[A] / v[S] ** 2),
    ),
    "generalized normal": (
        -B * X**3, S, X, LINE, lambda x, v: stats.gennorm.pdf(x, 4, scale=(2 * v[S] ** 2 / v[B]) ** 0.25),
    ),
    "noise proportional to the loss (Mori et al. 2022)": (
        -K * X, sqrt(2 * T * (1 + K * X**2 / 2)), X, LINE,
        lambda x, v: stats.t.pdf(x, 1 + 2 / v[T], scale=np.sqrt(2 / v[K] / (1 + 2 / v[T]))),
    ),
}  # fmt: skip


@pytest.mark.parametrize("values", [VALUES, OTHERS], ids=["values", "others"])
@pytest.mark.parametrize("name", NAMED)
def test_laws_with_a_name(name, values):
    drift, noise, x, support, law = NAMED[name]
    density = stationary_density(ItoSDE(drift, noise, x), support=support)
    points = {LINE: [-1.3, 0.2, 1.1], HALF: [0.15, 0.8, 2.1], (-oo, 0): [-1.5, -0.2]}.get(support, [0.15, 0.4, 0.9])
    expected = [law(point, values) for point in points]
    assert numbers(density, x, points, values) == pytest.approx(expected, rel=1e-9)
    # Twice the noise is another law.
    other = stationary_density(ItoSDE(drift, sympy.sqrt(2) * noise, x), support=support)
    if name != "uniform" and "Pareto" not in name:
        assert numbers(other, x, points, values) != pytest.approx(expected, rel=1e-3)


# Those without a name in SciPy: the integral is 1, and the equation holds.
FORMS = {
    "Landau, double well": (A * X - B * X**3, S, X, LINE),
    "Landau, of unknown sign": (C * X - B * X**3, S, X, LINE),
    "Landau, single well": (-A * X - B * X**3, S, X, LINE),
    "Pearson's fourth type": (-H * (X - C), sqrt(2 * H * A * (X**2 + 1)), X, LINE),
    "power of sech, tilted": (C / 4 - A * tanh(X), 1, X, LINE),
    "cosh": (-sinh(X), 1, X, LINE),
    "Wright and Fisher with selection": (A * (1 - P) - B * P + C * P * (1 - P), sqrt(P * (1 - P)), P, UNIT),
    "power of sine": (A * cot(P), S, P, (0, pi)),
    "half a parabolic cylinder": (A / P - K * P + C, 1, P, HALF),
    "Landau, one half": (A * P - B * P**3, 1, P, HALF),
    "third moment of temperature": (1 + X - X**3, 1, X, LINE),
    "sextic": (X**3 - X**5, 1, X, LINE),
    "bounded noise": (-X - sin(X), 1, X, LINE),
    "two waves": (-V * sin(X) - sin(2 * X) / 5, 1, X, (-pi, pi)),
}


@pytest.mark.parametrize("name", FORMS)
def test_laws_without_a_name(name):
    drift, noise, x, support = FORMS[name]
    density = stationary_density(ItoSDE(drift, noise, x), support=support)
    for values in (VALUES, OTHERS):
        f = sympy.lambdify(x, density.subs(values).evalf(), modules=["scipy", "numpy"])
        with np.errstate(all="ignore"):  # e^(−cosh x) far out
            total, _ = integrate.quad(lambda t, f=f: np.real(f(t)), *map(float, support), limit=200, epsrel=1e-10)
        assert total == pytest.approx(1, rel=1e-7)
    # The logarithm has the slope 2a/A − A′/A.
    rate = 2 * drift / noise**2 - 2 * sympy.diff(noise, x) / noise
    slope = (np.log(f(0.371)) - np.log(f(0.369))) / 0.002
    assert np.real(slope) == pytest.approx(float(rate.subs(values).subs(x, 0.37)), abs=1e-4)


def test_a_driven_particle_on_a_circle():
    """Risken (1989), chapter 11: a constant current J = ½ (1 − e^{−2πf}) / Z, and Stratonovich's integral."""
    sde = ItoSDE(F - V * sin(X), S, X)
    density = stationary_density(sde, support=TURN, periodic=True)
    for values in (VALUES, OTHERS):
        p = sympy.lambdify(X, density.subs(values), modules=["mpmath"])
        total, _ = integrate.quad(lambda t, p=p: float(p(t)), 0, 2 * np.pi, epsrel=1e-10)
        assert total == pytest.approx(1, rel=1e-8)
        step = 1e-5
        currents = [
            (values[F] - values[V] * np.sin(t)) * float(p(t))
            - values[S] ** 2 / 2 * float(p(t + step) - p(t - step)) / (2 * step)
            for t in (0.3, 2.0, 5.1)
        ]
        assert currents == pytest.approx([currents[0]] * 3, rel=1e-6)
        assert currents[0] > 1e-4  # along the force
    still = stationary_density(ItoSDE(-V * sin(X), S, X), support=TURN, periodic=True)
    assert sympy.simplify(still - exp(2 * V * cos(X) / S**2) / (2 * pi * sympy.besseli(0, 2 * V / S**2))) == 0
    with pytest.raises(InvalidInputError, match="period"):
        stationary_density(ItoSDE(-X, S, X), support=TURN, periodic=True)


def test_a_rough_circle_keeps_its_integrals():
    """A force and a noise that change: the integral form, of period L."""
    sde = ItoSDE(1 + sin(2 * X) / 3, sqrt(2 + cos(X)), X)
    with pytest.raises(UndecidedError):
        stationary_density(sde, support=TURN, periodic=True)
    density = stationary_density(ItoSDE(1 + cos(X) / 2 + sin(2 * X), 1, X), support=TURN, periodic=True)
    values = sympy.lambdify(X, density, "scipy")  # nested quadrature, for which SymPy's own digits take minutes
    assert values(0.0) == pytest.approx(values(2 * np.pi), rel=1e-6)


DIVERGENT = {
    "Brownian motion": (0, S, X, LINE),
    "Brownian motion on a half-line": (0, S, P, HALF),
    "an unstable line": (K * X, S, X, LINE),
    "a drift away": (K, S, P, HALF),
    "a constant force on the line": (C, S, X, LINE),
    "geometric Brownian motion": (A * P, S * P, P, HALF),
    "Wright and Fisher without mutation": (0, sqrt(P * (1 - P)), P, UNIT),
    "a quartic upside down": (B * X**3, S, X, LINE),
    "noise that grows too fast for the drift": (P * (A + B * P), S * P, P, HALF),
    "Verhulst below the threshold": (P / 2 - P**2, 2 * P, P, HALF),
    "no mutation to one side": (-B * P, sqrt(P * (1 - P)), P, UNIT),
    "a log-potential too weak": (-X / (1 + X**2) / 4, 1, X, LINE),
    "a spring against the wall": (K * X, S, X, (-oo, 1)),
    "Bessel's process": (A / P, 1, P, HALF),
}


@pytest.mark.parametrize("name", DIVERGENT)
def test_no_law_where_the_integral_diverges(name):
    drift, noise, x, support = DIVERGENT[name]
    with pytest.raises(InvalidInputError, match="no stationary density"):
        stationary_density(ItoSDE(drift, noise, x), support=support)


@pytest.mark.parametrize(
    ("drift", "noise", "x", "support", "condition"),
    [
        (A * P - B * P**2, S * P, P, HALF, 2 * A > S**2),
        (-H * (P - M), sqrt(2 * H * A * P * (1 - P)), P, UNIT, M < 1),
        (-C * X, S, X, LINE, C > 0),
        (C - K * P, S * sqrt(P), P, HALF, C > 0),
    ],
)
def test_conditions_that_the_signs_leave_open_are_stated(drift, noise, x, support, condition):
    density = stationary_density(ItoSDE(drift, noise, x), support=support)
    assert isinstance(density, sympy.Piecewise)
    ((_, stated),) = density.args
    symbols = sorted(stated.free_symbols, key=str)
    assert set(symbols) == condition.free_symbols
    for values in itertools.product((Rational(1, 3), Rational(9, 4), -Rational(1, 2)), repeat=len(symbols)):
        point = dict(zip(symbols, values, strict=True))
        if all(value > 0 or not symbol.is_positive for symbol, value in point.items()):
            assert bool(stated.subs(point)) == bool(condition.subs(point))
    assert is_stationary(ItoSDE(drift, noise, x), density)


UNDECIDED = {
    "an unknown force": (sympy.Function("f")(X), 1, X, LINE),
    "a noise of no closed form": (-X - sin(X), sqrt(2 + cos(X)), X, LINE),
    "a root that may lie inside": (-X, sqrt((X - C) ** 2 + C), X, LINE),
}


@pytest.mark.parametrize("name", UNDECIDED)
def test_what_is_not_decided_is_not_called_divergent(name):
    drift, noise, x, support = UNDECIDED[name]
    with pytest.raises(UndecidedError):
        stationary_density(ItoSDE(drift, noise, x), support=support)


@pytest.mark.parametrize(
    ("drift", "noise", "x", "support", "message"),
    [
        (-X, X, X, LINE, "inside the support"),
        (-P, 1, P, LINE, "declare p as real"),
        (-X, 1, X, (1, 0), "low < high"),
        (-X, 1, X, (0, X), "low < high"),
        (-X, 1, X, (0, sympy.I), "real numbers"),
        (-X, 1, X, (0, 1, 2), "pair"),
        (-X, 1, X, "01", "pair"),
    ],
)
def test_supports_that_make_no_sense_are_refused(drift, noise, x, support, message):
    with pytest.raises(InvalidInputError, match=message):
        stationary_density(ItoSDE(drift, noise, x), support=support)


def test_every_row_of_the_table_is_used():
    """Each row has a docstring of its own; the laws above go through all of them."""
    assert len(TABLE) == len(set(TABLE.values())) >= 19


def test_the_time_is_bounded(monkeypatch):
    monkeypatch.setattr("sdetheory.symbolic.proofs._bounded.TIME_LIMIT", 0.05)

    def forever(form):
        while True:
            pass

    monkeypatch.setattr("sdetheory.symbolic.calculus.densities._total", forever)
    with pytest.raises(SdeTheoryError, match=r"longer than 0\.05 s; give symbols"):
        stationary_density(ItoSDE(-X, 1, X), support=LINE)
