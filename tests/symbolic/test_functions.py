"""The elementary functions of generated kernels against mpmath, and the SymPy heads that stand for them."""

import math

import mpmath
import numpy as np
import pytest
import sympy

import sdetheory as st
from sdetheory._kernels.block import BlockFunction
from sdetheory.symbolic.formulas.codegen import block_source
from sdetheory.symbolic.formulas.functions import logaddexp, logistic

TOLERANCE = 1e-15  # between four and five units in the last place
INF, NAN = np.inf, np.nan
SMALLEST, NORMAL, LARGEST = 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308


@pytest.fixture(scope="module")
def functions():
    """Return a function that computes one of the helpers, by its name."""
    x, y = sympy.symbols("x y", real=True)
    heads = [sympy.exp(x), sympy.log(x), logistic(x), logaddexp(x, y), sympy.sin(x), sympy.cos(x), sympy.tanh(x), x**y]
    names = ["exp", "log", "logistic", "logaddexp", "sin", "cos", "tanh", "power"]
    block = BlockFunction(block_source("helpers", heads, [x, y]), np.empty(0), len(heads))

    def compute(name, *arguments):
        x, y = np.broadcast_arrays(np.asarray(arguments[0], dtype=float), np.asarray(arguments[-1], dtype=float))
        return block(np.stack([x, y], axis=-1))[..., names.index(name)]

    return compute


def relative_errors(values, exact):
    return np.array([float(abs(mpmath.mpf(v) - e) / abs(e)) for v, e in zip(values.tolist(), exact, strict=True)])


def neighbours(*points):
    return [p for point in points for p in (math.nextafter(point, -INF), point, math.nextafter(point, INF))]


def test_exp_is_accurate_to_four_ulp(functions, rng):
    halves = [(n + 0.5) * math.log(2) for n in (-1021, -3, -1, 0, 1, 2, 1022)]  # where the reduction changes
    v = [*neighbours(0.0, 1e-300, -1e-20, 1.0, *halves), 709.0, -707.99, *rng.uniform(-708, 709, 1000)]
    v = np.array([*v, *rng.uniform(-1, 1, 1000), SMALLEST, -SMALLEST])
    with mpmath.workdps(40):
        errors = relative_errors(functions("exp", v), [mpmath.exp(x) for x in v.tolist()])
    assert errors.max() <= TOLERANCE


def test_exp_at_the_edges(functions):
    """Below e^-708 it is flushed to zero, which is within the smallest normal number; above e^709.4 it is infinite."""
    v = np.array([-INF, -1e308, -800.0, -745.0, -709.0, -708.5, 709.0, 709.9, 710.0, 800.0, 1e308, INF])
    exact = np.array([0, 0, 0, 0, 0, 0, math.exp(709.0), INF, INF, INF, INF, INF])
    np.testing.assert_allclose(functions("exp", v), exact, rtol=TOLERANCE, atol=NORMAL)
    assert functions("exp", [0.0, -0.0]).tolist() == [1.0, 1.0]
    assert np.isnan(functions("exp", [NAN]))


def test_log_is_accurate_to_four_ulp(functions, rng):
    roots = [math.sqrt(0.5) * 2.0**e for e in (-1022, -1, 0, 1, 2, 1023)]  # where the octave changes
    v = [*neighbours(0.5, 2.0, 10.0, NORMAL, *roots), math.nextafter(1, 0), math.nextafter(1, 2), LARGEST]
    v = [*v, SMALLEST, 3 * SMALLEST, 1e-310, 1e-320, *(2.0 ** rng.uniform(-1074, 1023.9, 1000))]
    v = np.array([*v, *rng.uniform(0.5, 2, 1000), *(1 + rng.uniform(-1e-6, 1e-6, 200))])
    with mpmath.workdps(40):
        errors = relative_errors(functions("log", v), [mpmath.log(x) for x in v.tolist()])
    assert errors.max() <= TOLERANCE


def test_log_at_the_edges(functions):
    assert functions("log", [0.0, -0.0, 1.0, INF]).tolist() == [-INF, -INF, 0.0, INF]
    assert np.isnan(functions("log", [-SMALLEST, -1.0, -INF, NAN])).all()


def test_logistic_is_accurate_to_four_ulp(functions, rng):
    v = [*neighbours(0.0, 37.0, -37.0), -707.9, 707.9]
    v = np.array([*v, *rng.uniform(-700, 700, 500), *rng.uniform(-5, 5, 1000)])
    with mpmath.workdps(400):  # 1 + e^-700 in full
        errors = relative_errors(functions("logistic", v), [1 / (1 + mpmath.exp(-x)) for x in v.tolist()])
    assert errors.max() <= TOLERANCE


def test_logistic_at_the_edges(functions):
    v = [-INF, -1e308, -800.0, -709.7, 709.7, 800.0, 1e308, INF]
    np.testing.assert_allclose(functions("logistic", v), [0, 0, 0, 0, 1, 1, 1, 1], rtol=0, atol=NORMAL)
    assert functions("logistic", [0.0]) == [0.5]
    assert np.isnan(functions("logistic", [NAN]))


def test_logaddexp_is_accurate_to_four_ulp_of_its_larger_part(functions, rng):
    """Where the two parts of the result, max(a, b) and ln(1 + e^-|a - b|), cancel, no more can be had."""
    a = np.array([0.0, -math.log(2), 1e-300, -800.0, -1e4, -1e15, 709.0, 1e308, -1e308, *rng.normal(0, 300, 1000)])
    b = a + np.array([0.0, 0.0, 0.0, 0.5, -30.0, 0.125, 1.0, 0.0, 0.0, *rng.normal(0, 10, 1000)])
    a, b = np.concatenate([a, b]), np.concatenate([b, a])
    values = functions("logaddexp", a, b).tolist()
    with mpmath.workdps(60):
        for x, y, value in zip(a.tolist(), b.tolist(), values, strict=True):
            larger, rest = mpmath.mpf(max(x, y)), mpmath.log1p(mpmath.exp(-abs(mpmath.mpf(x) - mpmath.mpf(y))))
            # The difference of the arguments is rounded once before it is exponentiated.
            slack = abs(x - y) * 2.0**-53 * float(mpmath.exp(-abs(mpmath.mpf(x) - mpmath.mpf(y))))
            scale = max(abs(larger), rest, abs(larger + rest))
            assert abs(mpmath.mpf(value) - (larger + rest)) <= TOLERANCE * scale + slack, (x, y)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        *[(INF, 5.0, INF), (-INF, 3.0, 3.0), (3.0, -INF, 3.0), (INF, -INF, INF), (-1e300, 2.0, 2.0)],
        *[(INF, INF, INF), (-INF, -INF, -INF), (-1e200, -1e200, -1e200), (-2000.0, -3000.0, -2000.0)],
    ],
)
def test_logaddexp_at_the_edges(functions, a, b, expected):
    """As numpy.logaddexp; e^-∞ + e^-∞ = 0, whose logarithm is −∞ and not NaN."""
    assert np.logaddexp(a, b) == expected
    assert functions("logaddexp", a, b) == expected
    assert functions("logaddexp", b, a) == expected


def test_logaddexp_hands_nan_on(functions):
    assert np.isnan(functions("logaddexp", [NAN, 1.0, NAN, INF, -INF], [1.0, NAN, NAN, NAN, NAN])).all()


def test_derivatives_follow_from_the_definitions():
    a, b = sympy.symbols("a b", real=True)
    for head, arguments in ((logistic, (a,)), (logaddexp, (a, b))):
        own = head(*arguments)
        for argument in arguments:
            difference = own.diff(argument).rewrite(sympy.exp) - own.rewrite(sympy.exp).diff(argument)
            assert sympy.simplify(difference) == 0


def test_values_of_the_symbolic_functions():
    assert float(logistic(sympy.Integer(2)).evalf(30)) == pytest.approx(1 / (1 + math.exp(-2)), rel=1e-15)
    one, three = sympy.Integer(1), sympy.Integer(3)
    assert float(logaddexp(one, three).evalf(30)) == pytest.approx(np.logaddexp(1, 3), rel=1e-15)


def test_a_mixture_stays_finite_far_from_its_minima():
    """SymPy's own ln(e^a + e^b) would be −∞ from |x| of 4 on, and its Hessian NaN."""
    landscape = st.landscapes.sharp_and_broad()
    x = np.array([1e1, 30.0, 1e2, 1e3, 1e6, 1e50, 1e100])
    w = np.concatenate([-x, x])[:, None]
    assert np.isfinite(landscape.value(w)).all()
    assert np.isfinite(landscape.gradient(w)).all()
    # Far out the broad basin alone is left.
    np.testing.assert_allclose(landscape.hessian(w).ravel(), 4.0, rtol=1e-12)
    np.testing.assert_allclose(landscape.gradient(w), 4 * (w - 2), rtol=1e-12)
    np.testing.assert_allclose(landscape.value(w), 1 + 2 * (w[:, 0] - 2) ** 2, rtol=1e-12)


def units_in_the_last_place(values, exact):
    """Errors in units of the spacing of floats at the exact values."""
    pairs = zip(values.tolist(), exact, strict=True)
    return np.array([float(abs(mpmath.mpf(v) - e) / math.ulp(float(e))) for v, e in pairs])


def multiples_of_a_quarter_turn(rng, size, largest):
    """Floats next to zeros and extrema of sine and cosine, where a poor reduction shows."""
    near = rng.integers(-largest, largest, size) * (math.pi / 2)
    return [f(v) for v in near.tolist() for f in (float, lambda v: math.nextafter(v, INF))]


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_sine_and_cosine_are_accurate_to_two_ulp_in_their_range(functions, rng, name):
    v = [*rng.uniform(-1, 1, 500), *rng.uniform(-1e5, 1e5, 1000), *rng.uniform(-(2.0**45), 2.0**45, 500)]
    v += [*multiples_of_a_quarter_turn(rng, 300, 10**6), *multiples_of_a_quarter_turn(rng, 300, 10**12)]
    v += [(k + 0.5) * math.pi / 2 for k in range(-50, 50)]  # where the quadrant changes
    v = np.array([*v, *(10.0 ** rng.uniform(-300, 0, 200)), SMALLEST, NORMAL, 2.0**45, -(2.0**45)])
    with mpmath.workdps(60):
        exact = [getattr(mpmath, name)(x) for x in v.tolist()]
        assert units_in_the_last_place(functions(name, v), exact).max() <= 2
        # Negative control: a reduction with pi/2 in one double.
        poor = [getattr(mpmath, name)(math.remainder(x, 2 * math.pi)) for x in v.tolist()]
        assert units_in_the_last_place(np.array([float(p) for p in poor]), exact).max() > 1e3


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_beyond_the_range_of_sine_and_cosine_there_is_no_number(functions, name):
    assert np.isnan(functions(name, [2.0**45 + 1, -(2.0**46), 1e300, INF, -INF, NAN])).all()
    assert functions("sin", [0.0, -0.0]).tolist() == [0, 0]
    assert functions("cos", [0.0, -0.0]).tolist() == [1, 1]


def test_tanh_is_accurate_to_two_ulp(functions, rng):
    v = [*neighbours(0.0, 0.55, -0.55, 1.0, 19.0, 20.0, 22.0), *rng.uniform(-25, 25, 1000), *rng.uniform(-1, 1, 1000)]
    v = np.array([x for x in [*v, *(10.0 ** rng.uniform(-300, 0, 300)), NORMAL, SMALLEST, 700.0] if x != 0])
    with mpmath.workdps(60):
        assert units_in_the_last_place(functions("tanh", v), [mpmath.tanh(x) for x in v.tolist()]).max() <= 2
    assert functions("tanh", [0.0, 1e308, INF, -INF]).tolist() == [0, 1, 1, -1]
    assert np.isnan(functions("tanh", [NAN]))


def test_powers_are_accurate_to_two_ulp(functions, rng):
    """Over all exponents whose power can be represented: e^(y ln x) alone would lose nine bits at the ends."""
    wide = np.exp(rng.uniform(-700, 700, 1000))
    near = 1 + rng.uniform(-1e-3, 1e-3, 1000)
    x = np.concatenate([wide, near, rng.uniform(0.01, 10, 1000), [SMALLEST, 1e-310, LARGEST, 0.5, 2.0]])
    y = rng.uniform(-700, 700, len(x)) / np.log(x)
    with mpmath.workdps(60):
        exact = [mpmath.power(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
        assert units_in_the_last_place(functions("power", x, y), exact).max() <= 2
        assert units_in_the_last_place(np.exp(y * np.log(x)), exact).max() > 100


def test_powers_at_the_edges(functions):
    """As math.pow, for whole exponents of negative numbers too."""
    numbers = [0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, -3.0, 2.5, -2.5, 5e-324, 1e308, 2.0**53 + 2, INF, NAN]
    x, y = (grid.ravel() for grid in np.meshgrid(numbers, numbers))
    with np.errstate(all="ignore"):
        exact = np.float_power(x, y)
    kept = ~((x == -1) & np.isinf(y))
    np.testing.assert_allclose(functions("power", x, y)[kept], exact[kept], rtol=TOLERANCE, atol=NORMAL)
