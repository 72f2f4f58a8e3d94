"""Each formula of derivations/ is one with the hand-written numerics: neither imports the other, both give one number.

Every module with a ``derive()`` is found, so none can be forgotten. Its ``meet_numerics`` gives both numbers of each
comparison; here they must agree to 1e-12, relative, at any size. Formulas that a page does not compare (those of
any function, or of an order) have an entry in `REST`. What is compared with something else than the package's own
numerics is named in `INDEPENDENT`. The negative control is for each formula, and for each symbol of it: one that is a
millionth too large is rejected, so that a formula that nobody compares fails too.
"""

import dataclasses
import importlib
import itertools
import math
import pkgutil
import types
from functools import cache

import mpmath
import numpy as np
import pytest
import sympy
from sympy.core.function import AppliedUndef

import derivations
from sdetheory.theory import mean_first_passage_time, stationary_law

MODULES = [
    info.name
    for info in pkgutil.iter_modules(derivations.__path__)
    if info.name != "__main__" and hasattr(importlib.import_module(f"derivations.{info.name}"), "derive")
]

# Exact numbers from outside the package, for formulas of which it has no numerics.
INDEPENDENT = {
    "by hand",
    "discrete Lyapunov equation",
    "every batch listed",
    "every pair of batches",
    "integrals over the density",
    "mode searched",
    "quadrature",
    "scipy's discrete Lyapunov equation",
    "stationary law of the Markov chain",
    "stationary moments",
    "Stirling's series",
    "the same at B, both by Gauss-Hermite quadrature",
}

x = sympy.Symbol("x", real=True)


class MismatchError(Exception):
    """The derivation and the numerics disagree."""


def strict(what, derived, found, how):
    # What ends near zero is the difference of numbers of order ten, and keeps their rounding.
    if not abs(derived - found) <= 1e-12 * abs(found) + 1e-14:
        raise MismatchError(f"{what}: the derivation says {derived!r}, {how} says {found!r}")
    return how


def insert(formula, functions=None, **values):
    """Return the expression with functions of one variable, and numbers, inserted."""
    expression = formula.expression
    for name, body in (functions or {}).items():
        expression = expression.replace(
            lambda e, name=name: isinstance(e, AppliedUndef) and e.func.__name__ == name,
            lambda e, body=body: sympy.sympify(body).subs(x, e.args[0]),
        )
    expression = expression.doit() if not expression.has(sympy.Integral) else expression
    return expression.subs({s: values[str(s)] for s in expression.free_symbols})


def two_calculi(formula):
    """Take the ratio of both densities at 1 over that at −½, which no normalization enters."""
    ito, stratonovich = (
        stationary_law(lambda w: -3 * w, lambda w: 0.2 * (2 + w**2), calculus=calculus)
        for calculus in ("ito", "stratonovich")
    )
    ratio = [float(ito.pdf([w]) / stratonovich.pdf([w])) for w in (1.0, -0.5)]
    derived = float(insert(formula, {"F": 2 + x**2}, x=1.0))
    return "sdetheory.theory.stationary_law", derived, ratio[0] / ratio[1] / math.sqrt(2.25)


def modified_drift(formula):
    """−(L′²)′/4 of L = sin x is sin(2x)/4."""
    return "by hand", float(insert(formula, {"L": sympy.sin(x)}, x=0.7)), math.sin(1.4) / 4


def step_of_svag(formula):
    """Both steps from the same place, for x⁴ and a gradient with three values; the other is the Gaussian step."""
    values, times, h, place = np.array([-1.0, 0.5, 3.0]), 4, 0.3, 1.7
    mean = values.mean()
    k3, k4 = ((values - mean) ** 3).mean(), ((values - mean) ** 4).mean() - 3 * values.var() ** 2
    first, second = (1 + math.sqrt(2 * times - 1)) / 2, (1 - math.sqrt(2 * times - 1)) / 2
    steps = [h * (first * a + second * b) for a, b in itertools.product(values, repeat=2)]
    spread, centre = h**2 * times * values.var(), place - h * mean
    gaussian = centre**4 + 6 * centre**2 * spread + 3 * spread**2
    functions = {"f": x**4, "L": sympy.Float(mean) * x, "k_3": k3, "k_4": k4}
    derived = insert(formula, functions, x=place, h=h, eta=times * h)
    return "every pair of batches", float(derived), float(np.mean([(place - s) ** 4 for s in steps]) - gaussian)


def passage_time(formula):
    """For D = exp(x) and the potential x²/2, whose drift is −x exp(x), in Itô's reading."""
    found = mean_first_passage_time(lambda y: -y * np.exp(y), np.exp, start=0.2, target=1.0, wall=-0.5)
    integrand = insert(formula, {"D": sympy.exp(x), "Phi": x**2 / 2}, w=1, x=0.2, c=1, r=-0.5)
    factor, outer = integrand.as_coeff_mul(sympy.Integral)
    (outer,) = outer
    (inner,) = outer.function.atoms(sympy.Integral)
    y, z = outer.variables[0], inner.variables[0]
    rest = sympy.lambdify(y, outer.function / inner, "mpmath")
    behind = sympy.lambdify(z, inner.function, "mpmath")
    derived = mpmath.quad(lambda t: rest(t) * mpmath.quad(behind, [-0.5, t]), [0.2, 1.0]) * float(factor)
    return "sdetheory.theory.mean_first_passage_time", float(derived), found


def kramers_correction(formula):
    """For A (exp(au) − au − 1) in the minimum and its negative at the top: each integral is a gamma function."""
    low, high, a, b = 1.3, 0.6, 0.8, 1.7
    derived = formula(
        K_a=low * a**2, C_3a=low * a**3, C_4a=low * a**4, K_b=high * b**2, C_3b=-high * b**3, C_4b=-high * b**4
    )
    return "Stirling's series", derived, (1 / low + 1 / high) / 12


REST = {
    "Noise that depends on the weight: Itô and Stratonovich": two_calculi,
    "Stochastic modified equations of SGD": modified_drift,
    "A step of SVAG against the stochastic differential equation": step_of_svag,
    "The exact mean passage time with noise that depends on the place": passage_time,
    "The first correction to Kramers' time": kramers_correction,
}

# Not yet compared to 1e-12: their page measures the order of the error of what they predict.
BY_ORDER = {
    "Implicit regularization by random reshuffling",
    "The modified loss in terms of the examples",
    "Every order of four examples",
    "The second order of an epoch for any batch size",
}


@cache
def derive(name):
    return importlib.import_module(f"derivations.{name}").derive()


def meet(name, derived, monkeypatch):
    """Return what the results were compared with; a stand-in of a derivation has a title and a result."""
    module = importlib.import_module(f"derivations.{name}")
    monkeypatch.setattr(module, "compare", strict, raising=False)
    monkeypatch.setattr(module, "compare_order", lambda *arguments: arguments[-1], raising=False)
    found = module.meet_numerics(derived)
    for derivation in derived:
        if derivation.title in REST:
            how, left, right = REST[derivation.title](derivation.result)
            found.append(strict(derivation.title, left, right, how))
    return found


@pytest.mark.parametrize("name", MODULES)
def test_the_formulas_agree_with_the_numerics(name, monkeypatch):
    for how in set(meet(name, derive(name), monkeypatch)):
        assert "sdetheory" in how or how in INDEPENDENT, how


def too_large(expression):
    """Yield the expression a millionth of itself too large and, unless it is of functions, with each symbol so."""
    yield "the formula", expression * sympy.Rational(1000001, 1000000)
    if not expression.has(sympy.Derivative, sympy.Integral, AppliedUndef):
        for symbol in sorted(expression.free_symbols, key=str):
            yield symbol, expression.xreplace({symbol: symbol + sympy.Rational(1, 1000000)})


@pytest.mark.parametrize("name", MODULES)
def test_a_formula_that_is_a_millionth_too_large_is_rejected(name, monkeypatch):
    derived = derive(name)
    for i, derivation in enumerate(derived):
        if derivation.title in BY_ORDER:
            continue
        for what, wrong in too_large(derivation.result.expression):
            replaced = [types.SimpleNamespace(title=d.title, result=d.result) for d in derived]
            replaced[i].result = dataclasses.replace(derivation.result, expression=wrong)
            with pytest.raises(MismatchError):
                meet(name, replaced, monkeypatch)
                pytest.fail(f"{derivation.title}: nothing was compared that depends on {what}")


def test_every_entry_belongs_to_a_derivation():
    assert set(REST) | BY_ORDER <= {derivation.title for name in MODULES for derivation in derive(name)}
