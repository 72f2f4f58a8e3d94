"""The parser reads formulas and nothing else."""

import numpy as np
import pytest
import sympy

from sdetheory.errors import InvalidInputError
from sdetheory.symbolic import as_expression, parse

X, Y = sympy.symbols("x y", real=True)

GOOD = {
    "x + 2*y - 3": X + 2 * Y - 3,
    "-x**2": -(X**2),
    "(-x)**2": X**2,
    "2**-x": 2 ** (-X),
    "x - y - 1": X - Y - 1,
    "x/y/2": X / Y / 2,
    "x**2**3": X**8,
    "0.25*x": X / 4,
    "1e-3*x": X / 1000,
    "3.14159265358979323846": sympy.Rational("3.14159265358979323846"),
    "exp(-x) + log(2) + sqrt(x)*Abs(y)": sympy.exp(-X) + sympy.log(2) + sympy.sqrt(X) * sympy.Abs(Y),
    "Max(x, y, 0) - Min(x, 1)": sympy.Max(X, Y, 0) - sympy.Min(X, 1),
    "tanh(pi*x) + E": sympy.tanh(sympy.pi * X) + sympy.E,
    "(x\n + y)": X + Y,
}


@pytest.mark.parametrize("text", GOOD)
def test_formulas_are_read_as_python_would(text):
    assert parse(text, symbols=[X, Y]) == GOOD[text]


def test_a_thousand_terms_are_not_deep():
    assert parse(" + ".join(["x"] * 1000), symbols=["x"]) == 1000 * X


HOSTILE = {
    "__import__('os').system('x')": "__import__",
    "x.__class__": "attribute access 'x.__class__'",
    "(lambda: 0)()": "lambda: 0",
    "open('f')": "'open'",
    "x if x else y": "conditional",
    "[x for x in y]": "comprehension",
    "9**9**9**9": "9**9",
    "2**(10**9)": "huge power",
    "2**0.5**-99": "huge",
    "(10**300)**400*x": "huge power",
    "x**1001": "exponent",
    "*".join(["9**1000"] * 9): "huge number",
    "exp(exp(exp(10)))": "huge number",
    "1e999999999": "huge",
    "1e-999999999": "huge",
    "x; y": "invalid syntax",
    "exp(x, evaluate=False)": "keyword argument",
    "exp(*x)": "starred",
    "exp(**x)": "keyword argument",
    "exp(x, y)": "exp takes 1",
    "'a'": "constant",
    "x[0]": "subscript",
    "f(x)": "'f'",
    "x(y)": "'x'",
    "exp.eval(x)": "exp.eval",
    "x < y": "comparison",
    "x and y": "Boolean",
    "x // y": "operator",
    "x @ y": "operator",
    "~x": "operator",
    "(x := 1)": "construct",
    "True": "constant",
    "1j": "constant",
    "z": "unknown name 'z'",
    "x # y": "comment",
    "x\0": "cannot read",
    "": "cannot read",
    "1/0": "division by zero",
    "0**-1": "not finite",
    "log(0)": "not finite",
    "sqrt(-1)": "not real",
    "x" * 10**6: "at most 10000 characters",
    "(" * 5000 + "x" + ")" * 4999: "cannot read",
    "-" * 9000 + "x": "nest",
    "exp(" * 70 + "x" + ")" * 70: "nesting",
}


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:30]))
def test_anything_else_is_refused_by_name(text):
    with pytest.raises(InvalidInputError) as caught:
        parse(text, symbols=["x", "y"])
    assert HOSTILE[text] in str(caught.value)
    assert len(str(caught.value)) < 800


def test_names_are_compared_after_unicode_normalization():
    phi = sympy.Symbol("ϕ", real=True)  # Python reads this letter as φ
    assert parse("2*ϕ", symbols=[phi]) == 2 * phi


def test_a_keyword_cannot_be_a_name():
    with pytest.raises(InvalidInputError, match="lambda"):
        parse("1", symbols=["lambda"])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x/2", X / 2),
        (0.1, sympy.Rational(1, 10)),
        (3, sympy.Integer(3)),
        (np.float64(0.5), sympy.Rational(1, 2)),
        (np.int64(2), sympy.Integer(2)),
        (sympy.Symbol("x") * 0.25, X / 4),
        (sympy.Float(0.5), sympy.Rational(1, 2)),
        (sympy.Rational(1, 3), sympy.Rational(1, 3)),
    ],
)
def test_as_expression_matches_symbols_by_name_and_makes_decimals_exact(value, expected):
    assert as_expression(value, [X, Y]) == expected


@pytest.mark.parametrize(
    ("value", "piece"),
    [
        (sympy.Symbol("z") + X, "'z'"),
        (sympy.Function("f")(X), "'f'"),
        (float("nan"), "finite"),
        (sympy.zoo, "finite"),
        (None, "NoneType"),
        (True, "bool"),
        ([X], "list"),
    ],
)
def test_as_expression_refuses_what_it_does_not_know(value, piece):
    with pytest.raises(InvalidInputError, match=piece):
        as_expression(value, [X, Y])
