"""Wrong arguments of symbolic calls are refused by name, and what is right beside them is served."""

import numpy as np
import pytest
import sympy

from sdetheory import symbolic
from sdetheory.errors import InvalidInputError, SdeTheoryError

X = sympy.Symbol("x", real=True)
K, S = sympy.symbols("k s", positive=True)
OU = symbolic.ItoSDE(-K * X, S, X)
GAUSS = sympy.exp(-K * X**2 / S**2)


def derivation():
    d = symbolic.Derivation("a title")
    d.assume(K, "a positive number")
    return d


def concluded(value):
    d = derivation()
    c = sympy.Symbol("c")
    d.define(c, 2 * K, "twice k")
    return d.conclude(c, value, "c", by="counting")


CALLS = {
    "a huge number": (lambda: symbolic.is_zero(10**5000), "difference must hold no number"),
    "a huge fraction": (lambda: symbolic.is_zero(sympy.Rational(1, 3**9000)), "difference must hold no number"),
    "a masked entry": (lambda: symbolic.lyapunov([[2]], np.ma.masked), "covariance must be a sequence"),
    "an infinite rate": (lambda: symbolic.lyapunov([[2, sympy.oo], [0, 1]], [[1, 0], [0, 1]]), "rate must be finite"),
    "a number as a matrix": (lambda: symbolic.lyapunov(2, [[1, 0], [0, 1]]), "rate and covariance must .* one size"),
    "rows of several lengths": (lambda: symbolic.stability_conditions([[1, 2], [3]]), "rate must have rows of equal"),
    "a density of zero": (lambda: symbolic.is_stationary(OU, 0), "density must be finite, and not zero"),
    "no parity": (lambda: symbolic.satisfies_detailed_balance(OU, GAUSS, parity=len), "parity must be a SymPy"),
    "a start outside": (
        lambda: symbolic.exit_probability(OU, 3, target=1, other=0),
        r"start must lie .* 0 \(other\) and 1 \(target\)",
    ),
    "one end twice": (
        lambda: symbolic.mean_first_passage_time(OU, 0, absorbing=1, reflecting=1),
        "absorbing and reflecting must differ",
    ),
    "an array as an end": (
        lambda: symbolic.mean_first_passage_time(OU, 0, absorbing=1, reflecting=np.zeros(2)),
        "reflecting must be a SymPy expression",
    ),
    "three ends": (lambda: symbolic.stationary_density(OU, support=(0, 1, 2)), "support must be a pair"),
    "a flat cost": (lambda: symbolic.laplace(sympy.Integer(3), {X: 0}), "cost must have a positive definite Hessian"),
    "no minimum": (lambda: symbolic.laplace(X**2, {}), "minimum must be one or more symbols"),
    "moments of another size": (lambda: symbolic.moment_equations(OU, 2).rate((1, 1)), "exponents must be among"),
    "a moment below zero": (lambda: symbolic.moment_equations(OU, 2).symbol((-1,)), "exponents must be one whole"),
    "words that are no formula": (lambda: symbolic.parse("see below", symbols=[K]), "text, in the symbols k"),
    "an unknown name": (lambda: symbolic.parse("q", symbols=[]), r"text, in the symbols \(none\): unknown name 'q'"),
    "no formula": (lambda: symbolic.as_expression(len, [K]), "value, in the symbols k: expected a string"),
    "an array as a word": (lambda: symbolic.noise_scale(np.array(["a", "b"])), "sampling must be one of"),
    "a text as a condition": (lambda: derivation().assume(S, "noise", where="s > 0"), "where must be a relation"),
    "a number as a condition": (lambda: symbolic.is_zero(X, [3]), "conditions: a condition must be"),
    "an undefined symbol": (lambda: derivation().step("s", K, S, by="hope"), "right: s is used in s"),
    "a character without LaTeX": (lambda: derivation().note("\ud800"), "text: no LaTeX is known"),
    "a wrong conclusion": (lambda: concluded(3 * K), r"symbol is c; value is 3\*k"),
    "an unstated assumption": (
        lambda: derivation().step("s", K, K, by="it", using="calm"),
        'using: "s" uses the assumption',
    ),
    "an error of zero": (
        lambda: symbolic.compare_order("e", 1, [0.1, 0.01], [0.1, 0.0], "halving"),
        "errors must not be 0",
    ),
    "sizes that grow": (
        lambda: symbolic.compare_order("e", 1, [0.01, 0.1], [0.1, 0.2], "halving"),
        "sizes must be two or more that decrease",
    ),
    "an unknown option": (
        lambda: symbolic.present(list, lambda d: [], ["--colour"]),
        "argv must be options .* --colour",
    ),
    "options in a string": (lambda: symbolic.present(list, lambda d: [], "--help"), "argv must be a list of strings"),
}


@pytest.mark.parametrize("kind", CALLS)
def test_the_argument_is_named(kind):
    call, words = CALLS[kind]
    with pytest.raises(SdeTheoryError, match=words):
        call()


def test_what_fails_in_the_functions_of_a_script_is_its_cause(capsys):
    with pytest.raises(InvalidInputError, match="meet_numerics must be a function") as refused:
        symbolic.present(lambda: [], lambda derivations: 1 / 0, [])
    assert isinstance(refused.value.__cause__, ZeroDivisionError)
    assert symbolic.present(lambda: 3, lambda derivations: [], []) == 1
    assert "what derive returns must be a list of derivations; got 3" in capsys.readouterr().err


def test_right_arguments_are_served():
    # Exponents beyond what prints are fine as powers; floats are the fractions that they spell.
    assert symbolic.is_zero(sympy.Integer(2) ** 9000 - 4**4500)
    assert symbolic.stationary_density(symbolic.ItoSDE(0, 1, X), support=(0.5, 2.5)) == sympy.Rational(1, 2)
    assert symbolic.lyapunov(2, 4) == sympy.ImmutableMatrix([[1]])
    assert symbolic.enumerate_minibatches((g for g in (1, 2, 4)), 1).mean == 7
    # A ratio of 1e460 is no float, its logarithm is one.
    assert symbolic.compare_order("e", 46, [1e5, 1e-5], [1e230, 1e-230], "x**46").startswith("e: order 46 = 46")
