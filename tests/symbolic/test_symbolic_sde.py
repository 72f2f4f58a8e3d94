"""Itô's formula and the generator against closed forms, and what may not enter."""

import pytest
import sympy
from sympy import cos, exp, log, sin, sqrt

from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.symbolic import Derivation, ItoSDE, fokker_planck, gaussian_moments, is_zero, stationary_density
from sdetheory.symbolic.calculus.ito import stratonovich_correction

X, Y, W = sympy.symbols("x y w", real=True)
T, MU, S, K = sympy.symbols("t mu s k", positive=True)
P = sympy.Symbol("p", positive=True)


def test_itos_formula_solves_the_stock_price():
    """Øksendal (2003), chapter 5: X = exp((μ − s²/2) t + s W) obeys dX = μ X dt + s X dW."""
    brown = ItoSDE(0, 1, W)
    price = exp((MU - S**2 / 2) * T + S * W)
    drift, (noise,) = brown.ito_formula(price, T)
    assert is_zero(drift - MU * price)
    assert is_zero(noise - S * price)
    # The ½ dropped from the exponent is noticed.
    wrong = exp((MU - S**2) * T + S * W)
    assert not is_zero(brown.ito_formula(wrong, T)[0] - MU * wrong)


def test_brownian_motion_on_the_circle():
    """Øksendal (2003), chapter 4: (cos W, sin W) has the drift −½ (cos W, sin W)."""
    brown = ItoSDE(0, 1, W)
    assert brown.ito_formula(cos(W)) == (-cos(W) / 2, (-sin(W),))
    # In two dimensions the radius does not change: d(x² + y²) = 0.
    circle = ItoSDE([-X / 2, -Y / 2], [[-Y], [X]], [X, Y])
    assert circle.ito_formula(X**2 + Y**2) == (0, (0,))
    # A Stratonovich equation needs no drift for it; read as Itô, the radius grows.
    assert ItoSDE.from_stratonovich([0, 0], [[-Y], [X]], [X, Y]).drift == circle.drift
    assert ItoSDE([0, 0], [[-Y], [X]], [X, Y]).generator(X**2 + Y**2) != 0


def test_itos_isometry_of_a_product():
    """d(xy) has the covariation of x and y."""
    sde = ItoSDE([0, 0], [[1, 0], [S, 2]], [X, Y])
    assert sde.ito_formula(X * Y) == (S, (S * X + Y, 2 * X))


def test_two_calculi_are_each_others_inverse():
    a, b = sympy.Function("a")(X), sympy.Function("b")(X)
    sde = ItoSDE.from_stratonovich(a, b, X)
    assert sde.drift == (a + b * b.diff(X) / 2,)
    assert sde.stratonovich_drift == (a,)
    assert stratonovich_correction(sde.diffusion, [X]) == [b * b.diff(X) / 2]


def test_the_generator_is_the_adjoint_of_the_fokker_planck_operator():
    """∫ p L f = ∫ f L† p, with general noise."""
    sde = ItoSDE([X * Y - X, sympy.Integer(1) - Y], [[X, Y], [1, X]], [X, Y])
    p, f = exp(-(X**2) - Y**2 + X * Y), X**3 * Y + Y**2

    def integral(e):
        inner = sympy.Poly(sympy.expand(sympy.simplify(e / p)), X, Y)
        # Moments of the Gaussian of covariance [[2, 1], [1, 2]] / 3.
        means = gaussian_moments([X, Y], sympy.Matrix([[2, 1], [1, 2]]) / 3, inner.total_degree())
        return sum(c * means.get(X**m * Y**n, 1) for (m, n), c in inner.terms())

    assert integral(p * sde.generator(f)) == integral(f * fokker_planck(sde, p))
    assert integral(p * sde.generator(f)) != 0


def test_a_change_of_variables_there_and_back():
    sde = ItoSDE(K - P, S * sqrt(P), P)
    q = sympy.Symbol("q", positive=True)
    root = sde.change_variables({q: sqrt(P)}, {P: q**2})  # of constant noise (Lamperti)
    assert is_zero(root.diffusion[0] ** 2 - S**2 / 4)
    with pytest.raises(InvalidInputError, match="does not undo"):
        sde.change_variables({Y: sqrt(P)}, {P: Y**3})
    with pytest.raises(InvalidInputError, match="inverse must give p"):
        sde.change_variables({Y: sqrt(P)}, {X: Y**3})


def test_a_covariance_is_enough_for_the_generator_and_no_more():
    f = sympy.Function("f")(X, Y)
    matrix = [[S * X, 0], [1, Y]]
    whole = ItoSDE([X, Y], matrix, [X, Y])
    half = ItoSDE.from_covariance([X, Y], whole.covariance, [X, Y])
    assert half.generator(f) == whole.generator(f)
    for call in (lambda: half.ito_formula(f), lambda: half.stratonovich_drift):
        with pytest.raises(IncompatibleError, match="only b bᵀ is known"):
            call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ItoSDE([X], [[1], [1]], [X, Y]), "drift must have one entry for each of the 2"),
        (lambda: ItoSDE([X, Y], [[1, 0]], [X, Y]), r"diffusion must have 2 row\(s\)"),
        (lambda: ItoSDE([X, Y], [[1, 0], [1]], [X, Y]), r"of equal length.*got 2 row\(s\) of length 2, 1"),
        (lambda: ItoSDE([X, Y], [[], []], [X, Y]), "equal length"),
        (lambda: ItoSDE.from_covariance([X, Y], [[1, 0, 0], [0, 1, 0]], [X, Y]), "square matrix of 2 rows"),
        (lambda: ItoSDE.from_covariance([X, Y], [[1, X], [0, 1]], [X, Y]), "symmetric"),
        (lambda: ItoSDE([X, Y], [[1], [1]], [X, X]), "different names"),
        (lambda: ItoSDE(X, 1, X**2), "variables must be SymPy symbols"),
        (lambda: ItoSDE(X, 1, ["x"]), "variables must be SymPy symbols"),
        (lambda: ItoSDE(X, 1, X).generator(X, time=X), "time must be a symbol"),
        (lambda: ItoSDE(sympy.nan, 1, X), "not defined"),
        (lambda: ItoSDE(True, 1, X), "number"),
        (lambda: ItoSDE(X > 0, 1, X), "SymPy expression or a number"),
        (lambda: ItoSDE(object(), 1, X), "SymPy expression or a number"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()


HOSTILE = "__import__('pathlib').Path('/proc/self/does-not-matter').touch() or 1/0"


@pytest.mark.parametrize(
    "call",
    [
        lambda s: ItoSDE(s, 1, X),
        lambda s: ItoSDE([s], [[1]], [X]),
        lambda s: ItoSDE(X, s, X),
        lambda s: ItoSDE(X, [[s]], X),
        lambda s: ItoSDE(X, [s], X),
        lambda s: ItoSDE(X, 1, s),
        lambda s: ItoSDE.from_covariance(X, s, X),
        lambda s: ItoSDE(X, 1, X).generator(s),
        lambda s: ItoSDE(X, 1, X).ito_formula(s),
        lambda s: ItoSDE(X, 1, X).generator(X, s),
        lambda s: fokker_planck(ItoSDE(X, 1, X), s),
    ],
)
def test_a_string_is_refused_and_not_evaluated(call):
    with pytest.raises(InvalidInputError, match=r"got .__import__"):
        call(HOSTILE)  # evaluated, it would raise ZeroDivisionError or SympifyError


@pytest.mark.parametrize("wrap", [lambda s: (s, s), lambda s: {X: s}, lambda s: {s: X}, lambda s: [s]])
def test_a_string_in_a_container_is_refused_and_not_evaluated(wrap, tmp_path):
    """SymPy's strict conversion refuses a string and evaluates the same string in a tuple."""
    witness = tmp_path / "witness"
    value = wrap(f"__import__('pathlib').Path({str(witness)!r}).touch()")
    brown, derivation = ItoSDE(0, 1, X), Derivation("t", source="s")
    for call in (
        lambda: fokker_planck(brown, value),
        lambda: brown.generator(value),
        lambda: stationary_density(ItoSDE(-X, 1, X), support=(value, sympy.oo)),
        lambda: derivation.assume(X, "x", where=value),
        lambda: derivation.define(S, value, "x"),
    ):
        with pytest.raises(InvalidInputError):
            call()
    assert not witness.exists()
    # Negative control: SymPy does evaluate it.
    sympy.sympify((f"__import__('pathlib').Path({str(witness)!r}).touch() or 1",), strict=True)
    assert witness.exists()


def test_floats_become_exact():
    assert ItoSDE(0.1 * X, 0.5, X).generator(X**2) == X**2 / 5 + sympy.Rational(1, 4)


def test_logarithm_of_a_product_of_processes():
    """L ln(xy) = Σ drift/x − ½ Σ variance/x², with the covariation of independent noises absent."""
    a, b = sympy.symbols("a b", positive=True)
    sde = ItoSDE([a, b], [[S * a, 0], [0, K * b]], [a, b])
    assert sde.generator(log(a * b)) == 2 - S**2 / 2 - K**2 / 2
