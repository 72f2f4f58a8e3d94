"""A landscape from a formula: values, derivatives, shapes, parameters, and what is refused."""

import numpy as np
import pytest
import sympy

import sdetheory as st
from sdetheory._kernels.block import BlockFunction
from sdetheory.errors import InvalidInputError
from sdetheory.landscapes import double_well, quadratic, sharp_and_broad

FORMULA = "a*sin(x)*y**2 + exp(-x*y/4) + (x**2 - 1)**2/4 - b*x*tanh(y)"


def landscape():
    return st.Landscape.from_sympy(FORMULA, variables=["x", "y"], parameters={"a": 0.5, "b": 2}, name="ravine")


def by_hand(w, a=0.5, b=2.0):
    x, y = w[..., 0], w[..., 1]
    return a * np.sin(x) * y**2 + np.exp(-x * y / 4) + (x**2 - 1) ** 2 / 4 - b * x * np.tanh(y)


def differences(function, w, h=1e-5):
    """Central differences along the last axis of w, as a new last axis."""
    columns = [(function(w + h * e) - function(w - h * e)) / (2 * h) for e in np.eye(w.shape[-1])]
    return np.stack(columns, axis=-1)


X, Y, K = sympy.symbols("x y k", real=True)
PIECES = sympy.Piecewise((sympy.log(2 + X**2), X > K), (sympy.sqrt(3 + sympy.cos(X)), True)) * sympy.exp(-(Y**2) / 2)
KINKS = sympy.Max(X, K * Y) ** 2 + 3 * sympy.Abs(X - Y) + sympy.Min(sympy.sin(X), sympy.tanh(Y))


def bent(expression):
    return st.Landscape.from_sympy(expression, variables=["x", "y"], parameters={"k": 0.3}, name="bent cost")


CASES = {
    "formula": landscape,
    "pieces": lambda: bent(PIECES),
    "double well": double_well,
    "sharp and broad": sharp_and_broad,
    "quadratic": lambda: quadratic([[2.0, 0.5, 0.0], [0.5, 1.0, -0.3], [0.0, -0.3, 3.0]]),
}


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_derivatives_agree_with_differences(make, rng):
    cost = make()
    w = rng.uniform(-1.5, 2.5, size=(20, cost.dimension))
    gradient, hessian = cost.gradient(w), cost.hessian(w)
    np.testing.assert_allclose(gradient, differences(cost.value, w), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(hessian, differences(cost.gradient, w), rtol=1e-6, atol=1e-5)
    np.testing.assert_array_equal(hessian, hessian.swapaxes(-1, -2))
    # Negative control: one part in a thousand is seen.
    assert not np.allclose(1.001 * gradient, differences(cost.value, w), rtol=1e-6, atol=1e-6)


def test_kinks_have_a_gradient_and_no_hessian(rng):
    cost, w = bent(KINKS), rng.uniform(-1.5, 1.5, size=(50, 2))
    x, y = w.T
    value = np.maximum(x, 0.3 * y) ** 2 + 3 * abs(x - y) + np.minimum(np.sin(x), np.tanh(y))
    np.testing.assert_allclose(cost.value(w), value, rtol=1e-13, atol=1e-13)
    # A difference taken across a kink is wrong; the corners in x alone or y alone are none.
    away = np.min(np.abs([x - 0.3 * y, x - y, np.sin(x) - np.tanh(y)]), axis=0) > 1e-4
    assert away.sum() > 40
    np.testing.assert_allclose(cost.gradient(w[away]), differences(cost.value, w[away]), rtol=1e-6, atol=1e-6)
    with pytest.raises(InvalidInputError, match="the Hessian of the bent cost holds DiracDelta"):
        cost.hessian(w)


def test_value_is_the_formula(rng):
    w = rng.uniform(-2, 2, size=(100, 2))
    np.testing.assert_allclose(landscape().value(w), by_hand(w), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("shape", [(), (1,), (7,), (2, 3), (0,), (2, 0, 3)])
def test_shapes(shape, rng):
    cost, w = landscape(), rng.standard_normal((*shape, 2))
    assert np.shape(cost.value(w)) == shape
    assert cost.gradient(w).shape == (*shape, 2)
    assert cost.hessian(w).shape == (*shape, 2, 2)
    np.testing.assert_array_equal(cost.value(w.tolist() if w.size else w), cost.value(w))


def test_layout_and_type_do_not_matter(rng):
    w = rng.integers(-2, 3, size=(6, 4)).astype(float)
    for given in (np.asfortranarray(w[:, :2]), w[:, :2].astype(np.float32), w[:, :2].astype(np.int8), w[:, :2]):
        np.testing.assert_array_equal(landscape().gradient(given), landscape().gradient(w[:, :2].copy()))


def test_arguments_are_left_alone():
    w = np.ones((3, 2))
    gradient = landscape().gradient(w)
    gradient[:] = 7
    assert (w == 1).all()
    assert (landscape().gradient(w) != 7).all()


def test_parameters_change_without_compiling(rng):
    cost, w = landscape(), rng.uniform(-2, 2, size=(10, 2))
    compiled = [block.compiled for block in (cost._value_block, cost.drift, cost._hessian_block)]
    changed = cost.with_parameters(a=-3.0)
    assert [b.compiled for b in (changed._value_block, changed.drift, changed._hessian_block)] == compiled
    assert changed.drift.source == cost.drift.source
    np.testing.assert_allclose(changed.value(w), by_hand(w, a=-3.0), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(cost.value(w), by_hand(w), rtol=1e-13, atol=1e-13)
    assert changed.parameters == {"a": -3.0, "b": 2.0}
    assert cost.parameters == {"a": 0.5, "b": 2.0}


def test_the_name_does_not_enter_the_machine_code():
    hostile = '"""\nraise SystemExit\n"""'
    cost = st.Landscape.from_sympy("x**2", variables=["x"], name=hostile)
    assert hostile not in cost.drift.source
    assert cost.drift.compiled is st.Landscape.from_sympy("x**2", variables=["x"]).drift.compiled


def test_strings_and_expressions_are_the_same():
    x, k = sympy.symbols("x k")  # without assumptions: matched by name
    one = st.Landscape.from_sympy(k * sympy.cos(x) ** 2, variables=[x], parameters={"k": 2.0})
    other = st.Landscape.from_sympy("k*cos(x)**2", variables=["x"], parameters={"k": 2.0})
    assert one.expression == other.expression
    assert one.drift.source == other.drift.source


def test_a_constant_has_no_force():
    cost = st.Landscape.from_sympy("3", variables=["x", "y"])
    assert cost.value([1.0, 2.0]) == 3.0
    np.testing.assert_array_equal(cost.gradient(np.ones((4, 2))), np.zeros((4, 2)))


def test_repr_tells_the_formula():
    assert "ravine" in repr(landscape())
    assert "b=2" in repr(landscape())


@pytest.fixture
def idle(monkeypatch):
    """Nothing may be compiled."""

    def forbidden(*_):
        raise AssertionError("work before the check")

    monkeypatch.setattr(BlockFunction, "compiled", property(forbidden))


REFUSED = {
    "attribute": ({"expression": "x.__class__", "variables": ["x"]}, "attribute access 'x.__class__' is not allowed"),
    "import": ({"expression": "__import__('os').system('ls')", "variables": ["x"]}, "__import__.* not allowed"),
    "call": ({"expression": "eval('x')", "variables": ["x"]}, "eval.* not allowed"),
    "lambda": ({"expression": "(lambda: x)()", "variables": ["x"]}, "not allowed"),
    "subscript": ({"expression": "x[0]", "variables": ["x"]}, "subscript"),
    "huge": ({"expression": "9**9**9*x", "variables": ["x"]}, "huge power"),
    "unknown name": ({"expression": "x*z", "variables": ["x"]}, "unknown name 'z'.*Allowed"),
    "unknown symbol": ({"expression": sympy.Symbol("z"), "variables": ["x"]}, "unknown symbol 'z'"),
    "unknown function": ({"expression": sympy.gamma(sympy.Symbol("x")), "variables": ["x"]}, "holds gamma"),
    "complex": ({"expression": sympy.I * sympy.Symbol("x"), "variables": ["x"]}, "not a finite real number"),
    "nothing": ({"expression": None, "variables": ["x"]}, "expected a string, a number or a SymPy expression"),
    "no variable": ({"expression": "1", "variables": []}, "at least one variable"),
    "variable twice": ({"expression": "x", "variables": ["x", "x"]}, "distinct names"),
    "both": ({"expression": "x", "variables": ["x"], "parameters": {"x": 1.0}}, "distinct names"),
    "nan": ({"expression": "k*x", "variables": ["x"], "parameters": {"k": np.nan}}, "parameter k must be finite"),
    "infinite": ({"expression": "k*x", "variables": ["x"], "parameters": {"k": np.inf}}, "parameter k must be finite"),
    "text": ({"expression": "k*x", "variables": ["x"], "parameters": {"k": "1"}}, "parameter k must be real numbers"),
    "array": (
        {"expression": "k*x", "variables": ["x"], "parameters": {"k": [1.0, 2.0]}},
        "parameter k must have shape",
    ),
    "hostile variable": ({"expression": "x", "variables": ["x", "__import__('os')"]}, "rename it"),
    "variable is a number": ({"expression": "1", "variables": [1]}, "variables"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals(arguments, message, idle):
    with pytest.raises(InvalidInputError, match=message):
        st.Landscape.from_sympy(**arguments)


@pytest.mark.parametrize("method", ["value", "gradient", "hessian"])
@pytest.mark.parametrize(
    ("w", "message"),
    [
        (np.zeros(3), r"w must have shape \(\.\.\., 2\), one coordinate of 'ravine'.*got shape \(3,\)"),
        (0.0, r"got shape \(\)"),
        (np.zeros((2, 1)), r"got shape \(2, 1\)"),
        ([0.0, np.nan], "w must be finite; 1 of 2 entries are not"),
        ([np.inf, 0.0], "w must be finite"),
        (["a", "b"], "w must be real numbers"),
        ([1j, 0], "w must be real numbers"),
        (None, "w must be real numbers"),
    ],
)
def test_wrong_points_are_refused(method, w, message, idle):
    with pytest.raises(InvalidInputError, match=message):
        getattr(landscape(), method)(w)


def test_a_flat_array_of_a_one_dimensional_landscape_gets_advice(idle):
    with pytest.raises(InvalidInputError, match=r"pass w\[\.\.\., None\]"):
        double_well().value(np.linspace(-1, 1, 5))


def test_wrong_changes_of_parameters_are_refused():
    with pytest.raises(InvalidInputError, match="parameter must be one of 'a', 'b'; got 'A'"):
        landscape().with_parameters(A=1.0)
    with pytest.raises(InvalidInputError, match="a must be finite"):
        landscape().with_parameters(a=np.nan)
