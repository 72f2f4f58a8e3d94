"""Modified equations of SGD and of Euler's scheme from the Kramers–Moyal expansion."""

import pytest
import sympy
from sympy import Rational, sqrt

from sdetheory.errors import InvalidInputError
from sdetheory.symbolic import (
    ItoSDE,
    gaussian_moments,
    increment_moments,
    is_zero,
    recursion_expansion,
    semigroup_expansion,
    weak_mismatch,
)

X, Y, XI, ETA = sympy.symbols("x y xi eta", real=True)
H, S, K = sympy.symbols("h s k", positive=True)
L = sympy.Function("L")(X)
SIGMA = sympy.Function("Sigma", positive=True)(X)
NOISE = {XI: 0, XI**2: SIGMA}
SGD = -H * (L.diff(X) + XI)


def test_moments_of_gaussians():
    """Isserlis: E[x²y²] = Σxx Σyy + 2 Σxy², E[x³y] = 3 Σxx Σxy, E[x⁶] = 15 Σxx³; odd ones vanish."""
    moments = gaussian_moments([X, Y], [[S, K], [K, H]], 6)
    assert moments[X**2 * Y**2] == S * H + 2 * K**2
    assert moments[X**3 * Y] == 3 * S * K
    assert moments[X**6] == 15 * S**3
    assert moments[X**2 * Y] == 0
    assert len(moments) == sum(n + 1 for n in range(1, 7))


def test_the_moments_of_a_step():
    moments = increment_moments(SGD, NOISE, 2)
    assert moments[1,] == -H * L.diff(X)
    assert is_zero(moments[2,] - H**2 * (L.diff(X) ** 2 + SIGMA))


def test_modified_equations_of_sgd():
    """Li, Tai, E (2019): order 1, and order 2 with the drift −∇(L + h |∇L|²/4), for any L and Σ."""
    first = ItoSDE(-L.diff(X), sqrt(H * SIGMA), X)
    second = ItoSDE(-(L + H * L.diff(X) ** 2 / 4).diff(X), sqrt(H * SIGMA), X)
    options = {"step": H}
    assert weak_mismatch(first, SGD, NOISE, order=1, **options) == {}
    assert list(weak_mismatch(first, SGD, NOISE, order=2, **options)) == [(1,)]
    assert weak_mismatch(second, SGD, NOISE, order=2, **options) == {}
    # A wrong sign, a half for a quarter, a noise without its √h are each found; so is a Stratonovich reading.
    for factor in (-Rational(1, 4), Rational(1, 2)):
        wrong = ItoSDE(-(L + factor * H * L.diff(X) ** 2).diff(X), sqrt(H * SIGMA), X)
        assert weak_mismatch(wrong, SGD, NOISE, order=2, **options)
    assert weak_mismatch(ItoSDE(-L.diff(X), sqrt(SIGMA), X), SGD, NOISE, order=1, **options)
    stratonovich = ItoSDE.from_stratonovich(second.drift, second.diffusion, X)
    assert list(weak_mismatch(stratonovich, SGD, NOISE, order=2, **options)) == [(1,)]


def test_modified_equation_in_two_dimensions():
    loss = sympy.Function("L")(X, Y)
    gradient = [loss.diff(X), loss.diff(Y)]
    a, b, c = sympy.symbols("a b c", positive=True)
    noise = {XI: 0, ETA: 0, XI**2: a, XI * ETA: b, ETA**2: c}
    sgd = [-H * (gradient[0] + XI), -H * (gradient[1] + ETA)]
    modified = loss + H * (gradient[0] ** 2 + gradient[1] ** 2) / 4
    covariance = [[H * a, H * b], [H * b, H * c]]
    second = ItoSDE.from_covariance([-modified.diff(X), -modified.diff(Y)], covariance, [X, Y])
    assert weak_mismatch(second, sgd, noise, step=H, order=2) == {}
    uncorrelated = ItoSDE.from_covariance(second.drift, [[H * a, 0], [0, H * c]], [X, Y])
    assert weak_mismatch(uncorrelated, sgd, noise, step=H, order=2) == {(1, 1): H**2 * b}


def test_eulers_scheme_has_weak_order_one():
    """Its local error at order h², in full (Talay & Tubaro 1990): −(a a′ + s² a″/2)/2 ∂ − s² a′/2 ∂²."""
    a = sympy.Function("a")(X)
    sde, euler = ItoSDE(a, S, X), a * H + S * sqrt(H) * XI
    noise = gaussian_moments(XI, 1, 4)
    assert weak_mismatch(sde, euler, noise, step=H, order=1) == {}
    found = weak_mismatch(sde, euler, noise, step=H, order=2)
    assert set(found) == {(1,), (2,)}
    assert is_zero(found[1,] + H**2 * (a * a.diff(X) + S**2 * a.diff(X, 2) / 2) / 2)
    assert is_zero(found[2,] + H**2 * S**2 * a.diff(X) / 2)
    # Two-point increments have the moments that order 1 needs.
    assert weak_mismatch(sde, euler, {XI: 0, XI**2: 1}, step=H, order=1) == {}


def test_the_exact_step_of_a_linear_equation_matches_to_any_order():
    variance = S**2 * (1 - sympy.exp(-2 * K * H)) / (2 * K)
    exact = (sympy.exp(-K * H) - 1) * X + sympy.Symbol("z") * 0
    series = sympy.series(exact, H, 0, 4).removeO()
    noise = {XI: 0, XI**2: sympy.series(variance / H, H, 0, 3).removeO(), XI**3: 0}
    noise[XI**4] = sympy.expand(3 * noise[XI**2] ** 2)
    noise |= {XI**5: 0, XI**6: sympy.expand(15 * noise[XI**2] ** 3)}
    assert weak_mismatch(ItoSDE(-K * X, S, X), series + sqrt(H) * XI, noise, step=H, order=3) == {}


def test_the_semigroup_of_a_linear_equation():
    """E[X²] of Ornstein and Uhlenbeck, expanded."""
    exact = X**2 * sympy.exp(-2 * K * H) + S**2 / (2 * K) * (1 - sympy.exp(-2 * K * H))
    expansion = semigroup_expansion(ItoSDE(-K * X, S, X), X**2, step=H, order=3)
    assert is_zero(expansion - sympy.series(exact, H, 0, 4).removeO())


F = sympy.Function("f")(X)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: increment_moments(SGD, {XI: 0}, 2), r"mean of xi\*\*2 is needed; state it"),
        (lambda: increment_moments(sympy.exp(XI), NOISE, 1), "polynomial"),
        (lambda: increment_moments(SGD, {2 * XI: 0}, 1), "monomials"),
        (lambda: increment_moments(SGD, {XI: 0, XI**2: XI}, 1), "must not depend on the noise"),
        (lambda: recursion_expansion(F, X, X, {}, step=H, order=1), "power 1/2, 1, 3/2"),
        (lambda: recursion_expansion(F, H, [X, Y], {}, step=H, order=1), "one entry for each"),
        (lambda: recursion_expansion(F, X, X, {}, step=sympy.Symbol("h"), order=1), "step must be a positive symbol"),
        (lambda: recursion_expansion("f", H, X, {}, step=H, order=1), "parse"),
        (lambda: gaussian_moments([X, Y], [[1, 0]], 2), "covariance must have 2"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()
