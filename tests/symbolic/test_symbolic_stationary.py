"""Densities, currents and detailed balance against laws with a name; the plausible wrong ones are refused."""

import pytest
import sympy
from sympy import exp, oo, pi, sqrt

from sdetheory.errors import IncompatibleError, InvalidInputError, SdeTheoryError
from sdetheory.symbolic import (
    Derivation,
    DerivationError,
    ItoSDE,
    UndecidedError,
    entropy_production_density,
    fokker_planck,
    is_stationary,
    is_zero,
    probability_current,
    satisfies_detailed_balance,
    stationarity_residual,
    stationary_density,
)

X, Y, V = sympy.symbols("x y v", real=True)
A, B, S, T, K, G, P = sympy.symbols("a b s t k g p", positive=True)
C = sympy.Function("C", real=True)(X)
F = sympy.Function("F", positive=True)(X)


@pytest.mark.parametrize("factor", [1, 2, sympy.Rational(1, 2)])
def test_the_kernel_of_ornstein_and_uhlenbeck(factor):
    """Risken (1989), section 5.3: variance (s²/2k)(1 − e^{−2kt}); a factor 2 or ½ in it is refused."""
    variance = factor * S**2 / (2 * K) * (1 - exp(-2 * K * T))
    kernel = exp(-((X - A * exp(-K * T)) ** 2) / (2 * variance)) / sqrt(variance)
    residual = (kernel.diff(T) - fokker_planck(ItoSDE(-K * X, S, X), kernel)) / kernel
    assert is_zero(sympy.simplify(residual)) == (factor == 1)


LAWS = {
    # Cox, Ingersoll, Ross (1985): a gamma density
    "gamma": (A - B * P, S * sqrt(P), P ** (2 * A / S**2 - 1) * exp(-2 * B * P / S**2)),
    # Wong (1964): the inverse gamma density
    "inverse gamma": (A - B * P, S * P, P ** (-2 - 2 * B / S**2) * exp(-2 * A / (S**2 * P))),
    # Wright and Fisher's diffusion with mutation (Ewens 2004): a beta density
    "beta": (A * (1 - P) - B * P, sqrt(P * (1 - P)), P ** (2 * A - 1) * (1 - P) ** (2 * B - 1)),
    # Kramers (1940): Boltzmann's law
    "double well": (P - P**3, sqrt(2 * T), exp((P**2 / 2 - P**4 / 4) / T)),
}


@pytest.mark.parametrize("name", LAWS)
def test_laws_with_a_name(name):
    drift, noise, law = LAWS[name]
    sde = ItoSDE(drift, noise, P)
    logarithm = sympy.expand_log(sympy.log(stationary_density(sde) / law), force=True)
    assert sympy.simplify(logarithm.diff(P)) == 0
    assert is_stationary(sde, law)
    assert satisfies_detailed_balance(sde, law)
    # A Stratonovich reading of the same coefficients has another law, unless the noise is additive.
    assert is_stationary(ItoSDE.from_stratonovich(drift, noise, P), law) == (name == "double well")
    # Twice the noise (the ½ of the Fokker–Planck operator forgotten) too.
    assert not is_stationary(ItoSDE(drift, sqrt(2) * noise, P), law)


def test_normalization():
    density = stationary_density(ItoSDE(-K * X, S, X), support=(-oo, oo))
    assert is_zero(density - sqrt(K / pi) / S * exp(-K * X**2 / S**2))
    assert stationary_density(ItoSDE(-B, S, P), support=(0, oo)) == 2 * B * exp(-2 * B * P / S**2) / S**2
    for drift in (K * X, sympy.Integer(0)):
        with pytest.raises(InvalidInputError, match="no stationary density"):
            stationary_density(ItoSDE(drift, S, X), support=(-oo, oo))
    with pytest.raises(InvalidInputError, match="support must be"):
        stationary_density(ItoSDE(-K * X, S, X), support=oo)


def test_a_logarithm_is_real_on_the_support():
    density = stationary_density(ItoSDE(2 - 4 * P, sqrt(2 * P * (1 - P)), P), support=(0, 1))
    assert is_zero(density - 6 * P * (1 - P))


def test_multiplicative_noise_of_any_form():
    """Itô's extra −ln F; a Stratonovich equation keeps half of it."""
    gibbs = exp(-2 / G * sympy.Integral(C.diff(X) / F, X))
    ito = ItoSDE.from_covariance(-C.diff(X), G * F, X)
    stratonovich = ItoSDE.from_stratonovich(-C.diff(X), sqrt(G * F), X)
    for sde, law in ((ito, gibbs / F), (stratonovich, gibbs / sqrt(F))):
        assert stationarity_residual(sde, law) == 0
    for sde, law in ((ito, gibbs / sqrt(F)), (stratonovich, gibbs / F), (ito, gibbs), (stratonovich, gibbs)):
        assert not is_stationary(sde, law)


def test_gibbs_in_two_dimensions_for_any_cost():
    cost = sympy.Function("C", real=True)(X, Y)
    noise = sqrt(2 * T) * sympy.eye(2)
    langevin = ItoSDE([-cost.diff(X), -cost.diff(Y)], noise, [X, Y])
    assert is_stationary(langevin, exp(-cost / T))
    assert satisfies_detailed_balance(langevin, exp(-cost / T))
    assert not is_stationary(langevin, exp(-2 * cost / T))
    # A current along the lines of equal cost leaves the law as it is, but not the balance.
    swirl = ItoSDE([-cost.diff(X) - cost.diff(Y), -cost.diff(Y) + cost.diff(X)], noise, [X, Y])
    assert is_stationary(swirl, exp(-cost / T))
    assert not satisfies_detailed_balance(swirl, exp(-cost / T))
    assert any(current != 0 for current in probability_current(swirl, exp(-cost / T)))


def test_underdamped_langevin_needs_the_parity_of_the_velocity():
    """Gardiner (2009), section 6.3: Kramers' equation is balanced with v odd."""
    cost = sympy.Function("C", real=True)(X)
    sde = ItoSDE([V, -cost.diff(X) - K * V], [[0], [sqrt(2 * K * T)]], [X, V])
    law = exp(-(cost + V**2 / 2) / T)
    assert is_stationary(sde, law)
    assert satisfies_detailed_balance(sde, law, parity=[1, -1])
    assert not satisfies_detailed_balance(sde, law)
    assert not is_stationary(ItoSDE([V, -cost.diff(X) - K * V], [[0], [sqrt(K * T)]], [X, V]), law)


def test_entropy_production_of_a_linear_process():
    """Chaudhari & Soatto: A = diag(1, 3), D = [[1, ½], [½, 1]] produces 1/3; with commuting matrices nothing."""
    for noise, inverse, expected in (
        (
            [[2, 1], [1, 2]],
            sympy.Matrix([[12, 3], [3, 4]]) / 12,
            "1/3",
        ),
        ([[2, 0], [0, 2]], sympy.diag(1, sympy.Rational(1, 3)), "0"),
    ):
        sde = ItoSDE.from_covariance([-X, -3 * Y], noise, [X, Y])
        point = sympy.Matrix([X, Y])
        law = exp(-(point.T * inverse.inv() * point)[0] / 2) / (2 * pi * sqrt(inverse.det()))
        assert is_stationary(sde, law)
        rate = sympy.Poly(sympy.simplify(entropy_production_density(sde, law) / law), X, Y)
        means = {(2, 0): inverse[0, 0], (1, 1): inverse[0, 1], (0, 2): inverse[1, 1]}
        assert str(sum(c * means[powers] for powers, c in rate.terms() if c != 0)) == expected


OU = ItoSDE(-X, 1, X)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: stationary_density(ItoSDE([X, Y], [[1], [1]], [X, Y])), IncompatibleError, "needs one variable"),
        (lambda: stationary_density(ItoSDE(X, 0, X)), InvalidInputError, "deterministic"),
        (lambda: satisfies_detailed_balance(ItoSDE(-X, 1, X), exp(-X)), InvalidInputError, "not stationary under"),
        (lambda: satisfies_detailed_balance(ItoSDE(-X, 1, X), exp(-(X**2)), parity=[2]), InvalidInputError, "parity"),
        (
            lambda: satisfies_detailed_balance(ItoSDE(-X, 1, X), exp(-(X**2)), parity=[1, 1]),
            InvalidInputError,
            "parity",
        ),
        (lambda: is_stationary(ItoSDE(-X, 1, X), "exp(-x**2)"), InvalidInputError, "parse"),
        (
            lambda: entropy_production_density(ItoSDE([V, -X], [[0], [1]], [X, V]), exp(-(X**2))),
            *(InvalidInputError, "singular"),
        ),
    ],
)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_what_cannot_be_decided_is_not_called_false():
    assert issubclass(UndecidedError, SdeTheoryError)
    n = sympy.Symbol("n", integer=True, positive=True)
    with pytest.raises(UndecidedError, match="could not decide"):
        is_zero(sympy.floor(n / 2) + sympy.ceiling(n / 2) - n)


def test_the_operator_can_be_shown_before_it_is_applied():
    langevin, law = ItoSDE(-C.diff(X), sqrt(2 * T), X), exp(-C / T)
    shown = fokker_planck(langevin, law, evaluate=False)
    assert shown.has(sympy.Derivative(law * 2 * T, X))
    d = Derivation("Gibbs")
    for symbol, sentence in ((X, "weight"), (T, "temperature"), (C.func, "cost")):
        d.assume(symbol, sentence)
    d.step("stationary", shown, 0, by="differentiate")
    wrong = fokker_planck(ItoSDE(-C.diff(X), sqrt(T), X), law, evaluate=False)
    with pytest.raises(DerivationError, match="does not hold"):
        d.step("dropped factor of two", wrong, 0, by="differentiate")
