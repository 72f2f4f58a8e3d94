"""Formulas from strings: what is too much is refused by counts, and what is spelled otherwise with its remedy."""

import time

import numpy as np
import pytest

from sdetheory import Landscape
from sdetheory.errors import InvalidInputError
from sdetheory.symbolic import parse
from sdetheory.symbolic.formulas._size import MOST_FROM_TEXT, work


def nested(step, depth, text="x"):
    for i in range(depth):
        text = step(text, i)
    return text


def joined(sign, term, numbers):
    return sign.join(term(i) for i in numbers)[:9_900].rsplit(sign, 1)[0]


TOO_MUCH = {
    "fraction of gigabytes": "x**2 + 1.0000001**(10**10)",
    "root of it": "sqrt(1.0000001)**(10**10)*x",
    "by a logarithm": "exp(10**9*log(3*x))",
    "number before a power": "((3**1000*x)**1000)**1000",
    "number from an exponential": "exp(1000000*log(1.0000001))*x",
    "decay": "x*0.999999**1e8",
    "tower": "x*9**9**9",
    "tower of twos": "2**2**2**2**2**2*x",
    "tiny": "x + 10**(-10**10)",
    "common denominator": joined("+", lambda i: f"x/{i}**300", range(1001, 3000, 2)),
    "sum of powers": joined("+", lambda i: f"{i}**-300", range(1001, 3000, 2)),
    "product of powers": joined("*", lambda i: f"(x*{i}**300)", range(1001, 3000, 2)),
    "logarithms of powers": joined("+", lambda i: f"log({i}**300)", range(2, 2000)) + "+x",
    "ten thousand digits": "x+" + "9" * 9990,
    "hexadecimal": "x+0x" + "f" * 9990,
    "long decimal": "x+0." + "1" * 9980,
    "maximum of many": "Max(" + joined(",", lambda i: f"sin({i}*x)", range(300)) + ")",
    "maximum of lines": "Max(" + joined(",", lambda i: f"x-{i}", range(300)) + ")",
    "maxima in minima": nested(lambda s, i: f"{'Max' if i % 2 else 'Min'}({s}*x,{s}+{i})", 9),
    "maxima of functions": nested(lambda s, i: f"{'Max' if i % 2 else 'Min'}({s},sin({s}))", 8),
    "many maxima": joined("+", lambda i: f"Max(x,{i})", range(2000)),
    "product": joined("*", lambda i: f"(x+{i})", range(2000)),
    "composition": nested(lambda s, i: f"sin({s})*({s})", 9),
    "powers of powers": nested(lambda s, i: f"({s})**1.1", 30),
    "powers in exponents": "**".join(["x"] * 100),
    "sines": joined("+", lambda i: f"sin({i}*x)", range(2000)),
    "hyperbolic tangents": joined("+", lambda i: f"tanh({i}*x)", range(2000)),
    "powers": joined("+", lambda i: f"x**1.{i}", range(1, 2000)),
    "kinks": joined("+", lambda i: f"abs(x-{i})", range(2000)),
    "quotients": joined("+", lambda i: f"1/(x+{i})", range(1, 2000)),
    "Gaussians": joined("+", lambda i: f"{i}.5*exp(-(x-{i}/7)**2/0.3)", range(1, 2000)),
    "long constant": joined("+", lambda i: f"sin({i})", range(2000)) + "+x",
    "product of tangents": "x*" + joined("*", lambda i: f"tan(pi/{i})", range(3, 900)),
    "parentheses": "(" * 4999 + "x" + ")" * 4999,
    "signs": "-" * 9000 + "x",
    "factors": "*".join(["x"] * 4900),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_would_take_forever_is_refused_by_its_size(name):
    """No number is built and nothing compiled; the time is the thread's own, whatever else the machine does."""
    text = TOO_MUCH[name]
    assert len(text) <= 10_000
    began = time.thread_time()
    with pytest.raises(InvalidInputError) as caught:
        well = Landscape.from_sympy(text, variables=["x"])
        well.drift  # noqa: B018
    assert "took longer" not in str(caught.value)
    assert len(str(caught.value)) < 900
    assert time.thread_time() - began < 10  # a hundredfold of what it takes, or the counts have failed


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        (nested(lambda s, i: f"{'Max' if i % 2 else 'Min'}({s},x-{i})", 40), lambda x: x - 38),
        ("(" * 100 + "x" + ")" * 100, lambda x: x),
        (nested(lambda s, i: f"sin({s})", 30), lambda x: nested(lambda v, i: np.sin(v), 30, x)),
        (joined("+", lambda i: f"{i}*x**{i}", range(1, 60)), lambda x: sum(i * x**i for i in range(1, 59))),
        (joined("+", lambda i: f"x*{i}.25", range(1, 900)), lambda x: x * sum(i + 0.25 for i in range(1, 899))),
        (joined("*", lambda i: f"(x+{i}/9)", range(1, 41)), lambda x: np.prod([x + i / 9 for i in range(1, 40)])),
        ("1.05**30*x + 2**0.5 + (pi/180)**2*x", lambda x: 1.05**30 * x + 2**0.5 + (np.pi / 180) ** 2 * x),
        ("exp(9*log(x)) + exp(-700)", lambda x: x**9),
    ],
    ids=["min and max", "parentheses", "sines", "polynomial", "linear", "product", "constants", "logarithm"],
)
def test_what_can_be_done_is_done(text, exact):
    well = Landscape.from_sympy(text, variables=["x"])
    for x in (0.4, 1.1):
        assert float(well.value([x])) == pytest.approx(float(exact(x)), rel=1e-12)
        slope = (exact(x + 1e-6) - exact(x - 1e-6)) / 2e-6
        assert float(well.gradient([x])[0]) == pytest.approx(float(slope), rel=1e-6, abs=1e-8)


def test_long_sums_of_products_have_no_deep_parentheses():
    """The gradient of a product of 48 factors: Python reads 200 parentheses inside one another."""
    well = Landscape.from_sympy("*".join(f"(x+{i}/9)" for i in range(1, 49)), variables=["x"])
    logs = sum(1 / (0.3 + i / 9) for i in range(1, 49))
    assert float(well.gradient([0.3])[0]) == pytest.approx(float(well.value([0.3])) * logs, rel=1e-12)


def test_the_count_is_of_what_is_compiled():
    formula = parse("exp(x)*exp(x) + sin(3) + 2*exp(x)", symbols=["x"])
    assert work([formula]) < 40  # exp(x) once, the constant not at all
    assert work([parse("tanh(x)+tanh(2*x)", symbols=["x"])]) > 2 * 40
    with pytest.raises(InvalidInputError, match=f"at most {MOST_FROM_TEXT}"):
        parse("+".join(f"tanh({i}*x)" for i in range(200)), symbols=["x"])


REMEDIES = {
    "(x^2-1)^2/4": "x**2 for a power",
    "k*x**2": "parameters={'k': 1.0}",
    "2x": "2*x",
    "2(x+1)": "2*(x + 1)",
    "x(x+1)": "with *",
    "(x+1)(x-1)": "with *",
    "x x": "with *",
    "xy": "x*y",
    "ln(x)": "log(x)",
    "log10(x)": "log(x)/log(10)",
    "arctan(x)": "atan(x)",
    "max(x, 0)": "Max(x, y)",
    "sigmoid(x)": "1/(1 + exp(-x))",
    "sech(x)": "1/cosh(x)",
    "math.sin(x)": "sin(x) without a module",
    "np.exp(x)": "exp(x) without a module",
    "sin x": "parentheses",
    "sin": "sin(x)",
    "e**x": "exp(x)",
    "x²": "**2",
    "x−1": "'−'",
    "2·x": "'·'",
    "2×x": "'×'",
    "√x": "sqrt",
    "π*x": "write pi",
    "|x|": "abs(x)",
    "x//2": "write /",
    "x!": "factorial",
    "y = x**2": "no '='",
    "x'": "primes",
    "[x+1]*2": "",
    "{x+1}*2": "",
    r"\frac{1}{2}x": "LaTeX",
    "$x$": "LaTeX",
    "1,5*x": "1.5",
    "inf*x": "finite number",
    "": "empty",
}


@pytest.mark.parametrize("text", REMEDIES, ids=repr)
def test_what_newcomers_write_is_refused_with_what_to_write(text):
    with pytest.raises(InvalidInputError) as caught:
        Landscape.from_sympy(text, variables=["x", "y"])
    assert REMEDIES[text] in str(caught.value)


def test_a_clean_refusal_where_sympy_cannot_compare():
    """SymPy raises ValueError for a maximum of what may be complex."""
    with pytest.raises(InvalidInputError, match="SymPy cannot build"):
        parse("Max(sqrt(tanh(2))*sqrt(Min(x/pi, 3/10 - pi)), 1)", symbols=["x"])


POINTS = np.linspace(-1, 1, 12).reshape(6, 2)


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    "prepare",
    [
        read_only,
        np.asfortranarray,
        lambda a: np.repeat(a, 2, axis=0)[::2],
        lambda a: np.repeat(a, 2, axis=1)[:, ::2],
        lambda a: a[::-1][::-1],
        lambda a: a.astype(">f8"),
        lambda a: read_only(np.asfortranarray(a)),
        lambda a: np.broadcast_to(a, (6, 2)),
        lambda a: a.tolist(),
    ],
)
def test_any_layout_of_the_points(prepare):
    bowl = Landscape.from_sympy("x**2 + x*y + 3*y**2", variables=["x", "y"])
    x, y = POINTS.T
    given = prepare(POINTS)
    assert np.allclose(bowl.value(given), x**2 + x * y + 3 * y**2, rtol=1e-14)
    assert np.allclose(bowl.gradient(given), np.c_[2 * x + y, x + 6 * y], rtol=1e-14)
    assert np.allclose(bowl.hessian(given), [[2, 1], [1, 6]], rtol=1e-14)


def test_any_type_of_the_points():
    bowl = Landscape.from_sympy("x**2", variables=["x"])
    for dtype in (np.int8, np.int64, np.uint8, np.float32, bool):
        given = np.array([[0], [1]], dtype=dtype)
        given.flags.writeable = False
        assert bowl.value(given).tolist() == [0.0, 1.0]
    for bad, word in (
        (np.float64(1.0), "shape"),
        (1.0, "shape"),
        ([[np.nan]], "finite"),
        ([["a"]], "real numbers"),
        (1j, "real"),
    ):
        for method in (bowl.value, bowl.gradient, bowl.hessian):
            with pytest.raises(InvalidInputError, match=word):
                method(bad)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"variables": 3}, "variables must be a list"),
        ({"variables": ["x"], "parameters": ["k"]}, "parameters must map"),
        ({"variables": ["x", "x"]}, "distinct"),
    ],
)
def test_wrong_declarations_are_refused(arguments, word):
    with pytest.raises(InvalidInputError, match=word):
        Landscape.from_sympy("x**2", **arguments)
