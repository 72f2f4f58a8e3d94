"""Generated kernels compute what the formula says, in source that nobody else can write into."""

import ast
import os
import platform
import re
import subprocess
import sys
import warnings

import mpmath
import numba
import numpy as np
import pytest
import sympy
from numba.core.registry import cpu_target

from sdetheory._kernels.block import BlockFunction
from sdetheory._kernels.signatures import FIELD
from sdetheory.errors import InvalidInputError
from sdetheory.symbolic.formulas._builder import FUNCTIONS
from sdetheory.symbolic.formulas.codegen import block_source
from sdetheory.symbolic.formulas.functions import logaddexp, logistic
from sdetheory.symbolic.formulas.parsing import parse

X, Y, Z = VARIABLES = sympy.symbols("x y z", real=True)
K, M = PARAMETERS = sympy.symbols("k m", real=True)
EXACT = [
    {
        "logaddexp": lambda a, b: mpmath.log(mpmath.exp(a) + mpmath.exp(b)),
        "logistic": lambda v: 1 / (1 + mpmath.exp(-v)),
    },
    "mpmath",
]
VALUES = np.array([0.7, -1.3])


def compute(expressions, points, values=VALUES, variables=VARIABLES, parameters=PARAMETERS):
    source = block_source("formula", expressions, variables, parameters)
    return BlockFunction(source, np.asarray(values, dtype=np.float64), len(expressions))(np.asarray(points))


def exactly(expression, points, values=VALUES):
    """Value in forty digits, and the largest number met on the way, in units of which rounding errors come."""
    nodes = sympy.preorder_traversal(expression)
    pieces = [e for e in nodes if isinstance(e, sympy.Expr) and e.is_extended_real is not False]
    function = sympy.lambdify([*VARIABLES, *PARAMETERS], [expression, *pieces], modules=EXACT)
    with mpmath.workdps(40):
        rows = [function(*map(mpmath.mpf, [*map(float, point), *values])) for point in points]
    return [row[0] for row in rows], np.array([max(1.0, *(float(abs(v)) for v in row)) for row in rows])


def check(expressions, points):
    computed = compute(expressions, points)
    for column, expression in zip(computed.T, expressions, strict=True):
        exact, scale = exactly(expression, points)
        errors = np.array([float(abs(c - e)) for c, e in zip(column.tolist(), exact, strict=True)])
        assert np.all(errors <= 1e-13 * scale), (expression, errors.max())


def random_expression(rng, depth):
    """Return a random formula whose values stay moderate."""
    if depth == 0:
        leaves = [X, Y, Z, K, M, *map(sympy.sympify, (2, -1)), sympy.Rational(-3, 7), sympy.sqrt(2), sympy.pi / 3]
        return leaves[rng.integers(len(leaves))]
    a, b = (random_expression(rng, depth - 1) for _ in range(2))
    kinds = [
        *[lambda: a + b, lambda: a - b, lambda: a * b, lambda: a * b - sympy.Rational(1, 3), lambda: 2 * a - 3 * b],
        *[lambda: a / (1 + b**2), lambda: -a * (b + 1), lambda: (a + b) ** 2, lambda: sympy.tanh(a) ** 3],
        *[lambda: sympy.sqrt(1 + a**2), lambda: sympy.exp(-(a**2)), lambda: sympy.log(1 + b**2) * a],
        *[lambda: sympy.sin(a) * sympy.exp(-abs(b)), lambda: sympy.cos(a), lambda: sympy.atan2(a, 2 + b**2)],
        *[lambda: logaddexp(a, b), lambda: logistic(a), lambda: sympy.Max(a, b), lambda: sympy.Min(a, 0, b)],
        *[lambda: 1 / sympy.sqrt(2 + a**2), lambda: (1 + a**2) ** sympy.Rational(-3, 2), lambda: sympy.erf(a)],
    ]
    return kinds[rng.integers(len(kinds))]()


def test_random_formulas(rng):
    points = rng.uniform(-1.5, 1.5, size=(4, 3))
    check([random_expression(rng, 3) for _ in range(24)], points)


# Shapes on which a writer of source stumbles: signs, parentheses, several constants, quotients, powers.
SHAPES = [
    2 * X * Y + 1 + sympy.sqrt(2),
    1 + sympy.sqrt(2) + sympy.pi,
    X + 1 + sympy.sqrt(2),
    X - sympy.pi - sympy.sqrt(2) + sympy.Rational(1, 3),
    Z - (X + 1) * (Y + 2),
    Z - 2 * (X + 1) * (Y + 2),
    -(X + 1) * (Y + 2),
    -3 * (X + 1) * (Y + 2) * (Z - 5),
    Z - sympy.exp(X) * sympy.sin(Y),
    Z * Y - sympy.exp(X) * sympy.sin(Y),
    -sympy.exp(X) * sympy.sin(Y),
    sympy.exp(X) * sympy.sin(Y) - sympy.cos(X) * sympy.exp(Y),
    X - sympy.sqrt(2) * Y * Z,
    X - Y * Z,
    -X - Y,
    -X,
    -(X**2),
    (-X) ** 3 * Y,
    X - (Y - Z),
    X * (Y - Z) - Z * (Y - X),
    X / (1 + Y**2) / (2 + Z**2),
    -X / (1 + Y**2),
    1 / (1 + Y**2) - 1,
    (X - 1) / ((Y**2 + 1) * (Z**2 + 1)) - X * Y,
    (X + Y) / (Z**2 + 2) ** 2,
    3 / (X**2 + 1) ** 3,
    X**2 * Y**-2 * Z,
    X**7 + X**14 + X**3 * Y**5,
    (X**2) ** sympy.Rational(1, 2) * 3,
    (1 + X**2) ** sympy.Rational(5, 2),
    (1 + X**2) ** sympy.Rational(-1, 2) * Y,
    (1 + X**2) ** sympy.Rational(1, 3) - Y,
    Y - (1 + X**2) ** sympy.Rational(-7, 5),
    (2 + X) ** sympy.Rational(5, 2) * sympy.sqrt(2 + X),
    (2 + X) ** sympy.pi,
    sympy.Piecewise((X**2, X > Y), (sympy.exp(Y), True)),
    Z - 2 * sympy.Piecewise((X, X > 1), (Y, X < 0), (Z * Y, True)),
    sympy.Piecewise((X, (X > 0) & (Y > 0)), (Y, (X < 0) | sympy.Not(Y > 0)), (1, True)),
    sympy.Piecewise((X, sympy.Eq(X, 2)), (Y, sympy.Ne(X, Y)), (Z, True)),
    sympy.Piecewise((-X, X + Y <= Z), (Y, X >= -Z), (Z, True)) ** 2,
    sympy.Piecewise((sympy.sin(X), X > 0), (sympy.cos(X), True)) * sympy.Piecewise((1, X > 0), (-Y, True)),
    (2 + X**2) ** (Y / 3),
    2**X,
    2 ** (-X),
    (1 + X**2) ** -65,
    sympy.Max(X, Y, Z, sympy.Rational(1, 2)) - sympy.Min(X, Y),
    sympy.Abs(X - Y) * -1,
    sympy.Integer(0),
    sympy.Rational(-1, 3),
    K * X**2 / 2 - M * Y,
]


def test_awkward_shapes(rng):
    # Away from zero, which some of them divide by.
    check(SHAPES, rng.uniform(0.3, 1.5, size=(8, 3)) * rng.choice([-1, 1], size=(8, 3)))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_awkward_shapes_are_valid_source(shape):
    ast.parse(block_source("formula", [shape], VARIABLES, PARAMETERS))


def test_every_function_of_a_formula_can_be_compiled():
    """What the parser lets in, the generator must bring out, with its gradient."""
    arguments = {name: "(x, y)" if name in ("Max", "Min", "atan2", "logaddexp") else "(x)" for name in FUNCTIONS}
    points = np.array([[0.3, 0.6, 0.0], [0.7, 0.2, 0.0]])
    expressions = [parse(name + arguments[name], symbols=VARIABLES) for name in FUNCTIONS if "acosh" not in name]
    check(expressions, points)
    gradients = [
        parse(name + arguments[name], symbols=VARIABLES).diff(X) for name in FUNCTIONS if name not in ("acosh", "sign")
    ]
    assert np.isfinite(compute(gradients, points)).all()


def test_acosh():
    np.testing.assert_allclose(compute([sympy.acosh(X)], [[1.5, 0, 0]]), [[np.arccosh(1.5)]], rtol=1e-15)


@pytest.mark.parametrize("function", [sympy.gamma, sympy.zeta, sympy.besselj])
def test_a_function_that_cannot_be_compiled_is_named(function):
    argument = (1, X) if function is sympy.besselj else (X,)
    with pytest.raises(InvalidInputError, match=f"the cost of tea holds {function.__name__}"):
        block_source("cost of tea", [Y + 2 * function(*argument)], VARIABLES)


def test_an_unknown_symbol_is_named():
    with pytest.raises(InvalidInputError, match=r"formula depends on k, neither a variable nor a parameter"):
        block_source("formula", [K * X], VARIABLES)


@pytest.mark.parametrize("constant", [sympy.I, sympy.sqrt(-2), sympy.log(-1), sympy.oo, sympy.nan, sympy.zoo])
def test_a_constant_that_is_not_a_finite_real_number_is_refused(constant):
    for expression in (constant, X + constant, constant * X, sympy.exp(constant * X)):
        if expression not in (0, sympy.nan):
            with pytest.raises(InvalidInputError, match="not a finite real number"):
                block_source("formula", [expression], VARIABLES)


def test_a_number_beyond_floating_point_is_refused():
    with pytest.raises(InvalidInputError, match="not a finite real number"):
        block_source("formula", [sympy.Integer(10) ** 400 * X], VARIABLES)


@pytest.mark.parametrize("title", ['"""\nraise SystemExit\n"""', "x\nimport os", "'", "\\", "# coding: x"])
def test_a_title_cannot_enter_the_source(title):
    assert block_source(title, [X**2], VARIABLES) == block_source("formula", [X**2], VARIABLES)


@pytest.mark.parametrize("name", ["__import__('os')", "x0\nraise SystemExit", "s0", "t0", "p0", "out", "lane", "λ"])
def test_names_of_symbols_do_not_enter_the_source(name):
    """And none collides with a name that the writer makes up."""
    e, symbols = sympy.exp(X * Y), [sympy.Symbol(key, real=True) for key in (name, "a")]
    source, plain = (block_source("formula", [s * e + X * Y + e**2 * s, s], [s, X, Y]) for s in symbols)
    assert name not in ("__import__('os')", "x0\nraise SystemExit") or name not in source
    result = BlockFunction(source, np.empty(0), 2)(np.array([[0.5, 0.3, -0.7]]))
    expected = BlockFunction(plain, np.empty(0), 2)(np.array([[0.5, 0.3, -0.7]]))
    np.testing.assert_allclose(result, expected, rtol=1e-15)


def test_the_source_holds_functions_and_nothing_else():
    tree = ast.parse(block_source("formula", SHAPES[:10], VARIABLES))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert imported == {"math", "numpy"}
    kinds = {type(node) for node in tree.body}
    assert kinds <= {ast.Expr, ast.Import, ast.ImportFrom, ast.FunctionDef}


def test_the_same_formula_gives_the_same_text_in_every_process():
    """Whatever the hash seed: the text is the name of the machine code in the cache."""
    script = (
        "import sympy\nfrom sdetheory.symbolic.formulas.codegen import block_source\n"
        "from sdetheory.symbolic.formulas.parsing import parse\nv = sympy.symbols('x y z', real=True)\n"
        "c = parse('exp(-x*y)*sin(z) + (x + y*z - 3*sin(z))**2/(1 + exp(-x*y)) - logaddexp(x, y*z)', symbols=v)\n"
        "print(block_source('t', [c, *[c.diff(s) for s in v]], v))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(texts) == 1
    assert "def kernel" in texts.pop()


def test_shared_subexpressions_are_computed_once():
    cost = sympy.exp(-X * Y) * sympy.sin(Z) + sympy.exp(-X * Y) ** 2 / (1 + sympy.sin(Z) ** 2)
    body = block_source("formula", [cost, cost.diff(X), cost.diff(Z)], VARIABLES).split("def kernel")[1]
    assert len(re.findall(r"\bexp\(", body)) <= 2  # e^{-xy} and e^{-2xy}, which SymPy keeps apart
    assert len(re.findall(r"\bsin\(", body)) == 1
    # Negative control: without sharing there would be more.
    assert sum(e.count(sympy.sin) for e in (cost, cost.diff(X), cost.diff(Z))) > 3


def test_powers_share_their_squares():
    body = block_source("formula", [X**8, X**4, X**2], [X]).split("def kernel")[1]
    assert body.count("*") == 3


def test_only_the_helpers_in_use_are_written():
    assert "def exp" not in block_source("formula", [X**2 + sympy.sin(X)], [X])
    source = block_source("formula", [logaddexp(X, Y)], [X, Y])
    assert source.index("def exp") < source.index("def logaddexp")
    assert "def logistic" not in source


HALF = sympy.Rational(1, 2)
PIECES = sympy.Piecewise((X**2 / 2, abs(X) <= 1), (X - HALF, X > 1), (-X - HALF, True))  # Huber's loss


def test_pieces_and_their_derivatives_on_both_sides_of_the_joint():
    points = np.array([[x, 0, 0] for x in (-np.inf, -3.0, -1.0, -0.5, 0.0, 1.0, np.nextafter(1.0, 2.0), 4.0)])
    value, slope, curvature = compute([PIECES, PIECES.diff(X), PIECES.diff(X, 2)], points).T
    x = points[:, 0]
    np.testing.assert_array_equal(value, np.where(abs(x) <= 1, x**2 / 2, abs(x) - 0.5))
    np.testing.assert_array_equal(slope, np.clip(x, -1, 1))
    np.testing.assert_array_equal(curvature, abs(x) <= 1)


def test_outside_of_all_pieces_there_is_no_number():
    partial = sympy.Piecewise((X, X > 0), (Y, X < -1))
    np.testing.assert_array_equal(compute([partial], [[2, 5, 0], [-2, 5, 0], [-0.5, 5, 0]]).ravel(), [2, 5, np.nan])


def test_a_piece_that_is_not_selected_may_overflow():
    safe = sympy.Piecewise((sympy.log(X), X > 0), (1 / Y, True))
    np.testing.assert_array_equal(compute([safe], [[1.0, 0, 0], [-1.0, 2, 0]]).ravel(), [0.0, 0.5])


def test_a_threshold_may_be_a_parameter():
    step = sympy.Piecewise((1, X > K), (0, True))
    assert compute([step], [[0.71, 0, 0], [0.69, 0, 0]], values=[0.7, 0.0]).ravel().tolist() == [1, 0]


def test_a_condition_that_cannot_be_compiled_is_named():
    for condition, name in ((sympy.Contains(X, sympy.Integers), "Contains"), (sympy.Xor(X > 0, Y > 0), "Xor")):
        with pytest.raises(InvalidInputError, match=f"the price holds the condition {name}"):
            block_source("price", [sympy.Piecewise((X, condition), (Y, True))], VARIABLES)
    with pytest.raises(InvalidInputError, match="the price holds gamma"):
        block_source("price", [sympy.Piecewise((X, sympy.gamma(X) > 0), (Y, True))], VARIABLES)
    with pytest.raises(InvalidInputError, match="depends on q"):
        block_source("price", [sympy.Piecewise((X, sympy.Symbol("q") < X), (Y, True))], VARIABLES)
    with pytest.raises(InvalidInputError, match=r"curvature holds DiracDelta, from .*; write that with Piecewise"):
        block_source("curvature", [sympy.Max(X, Y).diff(X, 2)], VARIABLES)


_, _, FEATURES = cpu_target.target_context.codegen().magic_tuple()
FUSED = platform.machine() not in ("x86_64", "AMD64") or "+fma" in FEATURES


def operations(expression):
    """Return how many operations and roots of a kernel LLVM has made of vectors, and its calls for one lane at a time.

    Some versions of LLVM call the library's root, which rounds as the processor's does, for lanes that fill no vector.
    """
    namespace = {}
    exec(block_source("formula", [expression], VARIABLES, PARAMETERS), namespace)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = numba.cfunc(FIELD, error_model="numpy")(namespace["kernel"]).inspect_llvm()
    patterns = r"<\d+ x double> @llvm.fma", r"<\d+ x double> @llvm.sqrt", r"call double @(?!llvm|sqrt\()"
    return [len(re.findall(pattern, text)) for pattern in patterns]


@pytest.mark.skipif(not FUSED, reason="without fused multiply-add lanes are computed one by one")
def test_lanes_are_computed_together():
    promised = sympy.Piecewise(
        (sympy.sin(X) * sympy.tanh(Y) * (1 + X**2) ** sympy.Rational(5, 2), (X > 0) & (Y < 1)),
        (sympy.log(2 + sympy.cos(X)) * (1 + X**2) ** K, X > -1),
        (sympy.Max(sympy.exp(-abs(X)), sympy.sign(Y)), True),
    )
    vectors, roots, calls = operations(promised)
    assert vectors > 50 and roots > 0
    assert calls == 0
    # Negative control: the tangent is that of the system's library.
    vectors, roots, calls = operations(sympy.tan(X))
    assert vectors == roots == 0
    assert calls > 0


def chain(d):
    x = sympy.symbols(f"x:{d}", real=True)
    rows = [K * (x[i - 1] - 2 * x[i] + x[(i + 1) % d]) - (i + 1) * x[i] ** 3 / 7 + sympy.sin(x[i]) for i in range(d)]
    return x, rows


def irregular(d):
    x, rows = chain(d)
    mean = sympy.tanh(sum(x) / d)
    cost = sum(sympy.exp(-(e**2)) for e in x)
    return x, [mean * rows[i] + M * sympy.sin(x[i] * x[(i * i) % d]) ** (1 + i % 5) for i in range(d)] + [cost]


@pytest.mark.parametrize("formulas", [chain, irregular])
def test_a_long_kernel_computes_the_same_bits_in_parts(formulas, monkeypatch, rng):
    x, rows = formulas(24)
    points = rng.uniform(-1.5, 1.5, size=(40, 24))
    texts = {}
    for most, cut in ((10**9, 10**9), (0, 10**9), (0, 50)):
        monkeypatch.setattr("sdetheory.symbolic.formulas.codegen._LONGEST", most)
        monkeypatch.setattr("sdetheory.symbolic.formulas._parts._LONGEST", cut)
        texts[block_source("formula", rows, x, PARAMETERS)] = compute(rows, points, variables=x)
    whole, *others = texts.values()
    assert len(others) == 2
    for other in others:
        np.testing.assert_array_equal(other, whole)


def test_rows_that_are_alike_share_their_code():
    lengths = [len(block_source("formula", chain(d)[1], chain(d)[0], PARAMETERS).split("def ")) for d in (100, 400)]
    assert lengths[0] == lengths[1]
