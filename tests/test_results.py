"""What an estimate promises: checked fields, intervals of the right law, arithmetic with exact numbers, formats."""

import pickle

import numpy as np
import pytest
from scipy import stats as reference

from sdetheory import Estimate, stats
from sdetheory._propagation import FUNCTIONS
from sdetheory.errors import AccuracyWarning, InvalidInputError
from sdetheory.results import mean_of, ratio_estimate


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"value": 1.0, "stderr": -1.0, "n_eff": 10}, "stderr must be >= 0"),
        ({"value": [1.0, 2.0], "stderr": 1.0, "n_eff": 10}, "shape of value"),
        ({"value": 1.0, "stderr": 1.0, "n_eff": -3}, "n_eff"),
        ({"value": 1.0, "stderr": 1.0, "n_eff": np.nan}, "n_eff"),
        ({"value": 1.0, "stderr": 1.0, "n_eff": [1, 2]}, "n_eff"),
        ({"value": np.nan, "stderr": 1.0, "n_eff": 10}, "value must not be nan"),
        ({"value": 1.0, "stderr": np.nan, "n_eff": 10}, "stderr must not be nan"),
        ({"value": "much", "stderr": 1.0, "n_eff": 10}, "value must be real"),
        ({"value": 1.0, "stderr": None, "n_eff": 10}, "stderr must be real"),
        ({"value": np.ma.masked_values([1.0, 2.0], 2.0), "stderr": [1.0, 1.0], "n_eff": 10}, "value must be real"),
        ({"value": 10**5000, "stderr": 1.0, "n_eff": 10}, "value must be real"),
        ({"value": 1.0, "stderr": 1.0, "n_eff": 10, "law": np.nan}, "law must be of type Law"),
    ],
)
def test_fields_are_checked(fields, word):
    with pytest.raises(InvalidInputError, match=word):
        Estimate(**fields)


def test_what_is_not_known_is_said_in_words():
    assert str(Estimate(value=np.nan, stderr=np.nan, n_eff=10)) == "unknown"
    assert str(Estimate(value=1.5, stderr=np.nan, n_eff=1)) == "1.5 ± unknown"
    assert Estimate(value=np.inf, stderr=np.inf, n_eff=10).interval() == (-np.inf, np.inf)
    with pytest.raises(InvalidInputError, match="one number has no error"):
        Estimate(value=1.5, stderr=np.nan, n_eff=1).interval()


@pytest.mark.parametrize("samples", [[1.0], [], 3.0, [1.0, np.nan], [1.0, np.inf], ["a", "b"]])
def test_a_mean_needs_two_finite_samples(samples):
    with pytest.raises(InvalidInputError, match=r"samples|axis"):
        stats.mean_estimate(samples)


@pytest.mark.parametrize("level", [0.0, 1.0, np.nan, "most"])
def test_a_level_is_a_probability(level):
    with pytest.raises(InvalidInputError, match="level"):
        Estimate(value=1.0, stderr=0.1, n_eff=5).interval(level)


def test_the_default_interval_is_students():
    low, high = Estimate(value=1.0, stderr=0.1, n_eff=6).interval(0.9)
    assert [low, high] == pytest.approx(reference.t(5, 1.0, 0.1).interval(0.9), rel=1e-12)


def test_agreement_is_to_lie_in_the_interval():
    estimate = stats.mean_estimate(np.random.default_rng(4).exponential(size=30))
    low, high = estimate.interval(0.99)
    inside, outside = (1e-9, -1e-9), (-1e-9, 1e-9)
    assert all(stats.agrees(estimate, end + d, alpha=0.01) for end, d in zip((low, high), inside, strict=True))
    assert not any(stats.agrees(estimate, end + d, alpha=0.01) for end, d in zip((low, high), outside, strict=True))
    for wrong in ("soon", np.nan, [1.0, 2.0]):
        with pytest.raises(InvalidInputError, match="expected"):
            stats.agrees(Estimate(value=np.zeros(3), stderr=np.ones(3), n_eff=5), wrong, alpha=0.1)


@pytest.mark.filterwarnings("ignore:n_eff = .* samples do not tell:sdetheory.errors.AccuracyWarning")
@pytest.mark.parametrize("positive", [False, True])
def test_intervals_follow_scale_shift_and_sign(positive):
    """The interval of a·e + b is a · (interval of e) + b, ends exchanged for a < 0: by definition of a quantile."""
    samples = np.random.default_rng(1).exponential(size=(12, 3))
    e = mean_of(samples, positive=positive)
    low, high = e.interval(0.9)
    assert np.all(high - e.value > 1.05 * (e.value - low))  # skewed to the right, as means of exponential times are
    for changed, a, b in ((2 * e, 2.0, 0.0), (1 - e, -1.0, 1.0), (e / -4 + 1, -0.25, 1.0), (np.float64(3) * e, 3.0, 0)):
        ends = np.sort([a * low + b, a * high + b], axis=0)
        np.testing.assert_allclose(changed.interval(0.9), ends, rtol=1e-12)
        np.testing.assert_allclose(changed.value, a * e.value + b, rtol=1e-15)
        np.testing.assert_allclose(changed.stderr, abs(a) * e.stderr, rtol=1e-15)
    wide = np.array([[1.0], [-2.0]]) * e
    np.testing.assert_allclose(wide[1, 2].interval(0.9), [-2 * high[2], -2 * low[2]], rtol=1e-12)
    np.testing.assert_allclose(pickle.loads(pickle.dumps(e)).interval(0.9), (low, high))


def test_arithmetic_of_two_estimates_needs_a_word_on_dependence():
    a, b = Estimate(value=3.0, stderr=0.3, n_eff=50), Estimate(value=1.0, stderr=0.4, n_eff=20)
    for wrong in (lambda: a + b, lambda: a - b, lambda: a * b, lambda: a / b):
        with pytest.raises(InvalidInputError, match="plus_independent"):
            wrong()
    difference = a.plus_independent(-b)
    assert (difference.value, difference.stderr) == (2.0, 0.5)
    freedom = 0.5**4 / (0.3**4 / 49 + 0.4**4 / 19)  # Welch and Satterthwaite
    assert difference.interval(0.9) == pytest.approx(reference.t(freedom, 2.0, 0.5).interval(0.9))


def test_functions_of_estimates_are_refused():
    e = Estimate(value=1.25, stderr=0.01, n_eff=100)
    for wrong in (
        lambda: np.sin(e), lambda: np.asarray(e), lambda: 1 / e, lambda: e / 0, lambda: e * "2", lambda: e**2,
        lambda: abs(e), lambda: np.abs(e), lambda: float(e), lambda: np.log(-e), lambda: np.hypot(e, 1.0),
    ):  # fmt: skip
        with pytest.raises(InvalidInputError):
            wrong()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_increasing_function_takes_error_and_interval_along(name):
    """The error is |f′| times the argument's, by a central difference; the interval is f of the ends, by definition."""
    e, f, h = mean_of(0.7 + 0.01 * np.random.default_rng(3).exponential(size=(30, 4))), getattr(np, name), 1e-6
    slope = (f(e.value + h) - f(e.value - h)) / (2 * h)
    changed = f(e)
    np.testing.assert_array_equal(changed.value, f(e.value))
    np.testing.assert_allclose(changed.stderr, slope * e.stderr, rtol=1e-8)
    np.testing.assert_allclose(changed.interval(0.99), f(np.array(e.interval(0.99))), rtol=1e-13)
    np.testing.assert_allclose((-changed)[1].interval(0.9)[0], -f(e[1].interval(0.9)[1]), rtol=1e-13)
    bend = (f(e.value + 1e-3) - 2 * f(e.value) + f(e.value - 1e-3)) / 1e-6
    np.testing.assert_allclose(FUNCTIONS[name].bend(e.value), bend, rtol=1e-4)


def test_a_bent_function_says_that_its_first_order_is_rough():
    rough = Estimate(value=1.0, stderr=0.5, n_eff=9)
    with pytest.warns(AccuracyWarning, match=r"numpy\.log bends"):
        changed = np.log(rough)
    assert changed.interval(0.9)[1] == pytest.approx(np.log(rough.interval(0.9)[1]))
    assert changed.interval(0.99)[0] == -np.inf  # where the argument may be negative
    assert np.isnan(np.exp(Estimate(value=1.5, stderr=np.nan, n_eff=1)).stderr)


def test_comparisons_are_tests_or_refused():
    e, twin, other = (Estimate(value=v, stderr=0.1, n_eff=9) for v in (1.0, 1.0, 2.0))
    assert e == twin and e != other and hash(e) == hash(twin) and e in [other, twin] and e != "1" and e is not None
    for wrong in (
        lambda: e == 1.0, lambda: e != 1, lambda: e == 1.0, lambda: np.float64(1) == e, lambda: np.ones(2) == e,
        lambda: e < 1.0, lambda: e > 1.0, lambda: e >= other, lambda: max(e, other), lambda: e in [1.0],
    ):  # fmt: skip
        with pytest.raises(InvalidInputError, match=r"stats\.agrees"):
            wrong()
    for wrong in (lambda: bool(e), lambda: not e):
        with pytest.raises(InvalidInputError, match="neither true nor false"):
            wrong()


def test_the_same_record_is_equal_to_the_last_bit_and_the_law():
    samples = np.random.default_rng(1).exponential(size=(12, 3))
    e = mean_of(samples, positive=True)
    assert e == pickle.loads(pickle.dumps(e)) and e != e[[0, 1]]
    assert e != Estimate(value=e.value, stderr=e.stderr, n_eff=e.n_eff)  # another law of the error
    assert e != Estimate(value=np.nextafter(e.value, 2), stderr=e.stderr, n_eff=e.n_eff, law=e.law)
    nothing = Estimate(value=np.nan, stderr=np.nan, n_eff=3)
    assert nothing == pickle.loads(pickle.dumps(nothing))


def test_an_array_of_estimates_is_a_sequence_and_one_is_not():
    pair = Estimate(value=np.array([1.0, 2.0]), stderr=np.array([0.1, 0.2]), n_eff=9)
    assert len(pair) == 2 and [e.value for e in pair] == [1.0, 2.0]
    with pytest.raises(InvalidInputError, match="no length"):
        list(pair[0])


def test_no_page_of_estimates():
    many = Estimate(value=np.arange(3000.0).reshape(3, 1000), stderr=np.ones((3, 1000)), n_eff=9)
    assert str(many).startswith("[0.0 ± 1.0, 1.0 ± 1.0, 2.0 ± 1.0, ..., ") and str(many).endswith("3x1000 in all")
    assert repr(many) == "Estimate(value=<3x1000 array>, stderr=<3x1000 array>, n_eff=9)"
    assert f"{many[:2, :2]:.0f}" == "[[0 ± 1, 1 ± 1], [1000 ± 1, 1001 ± 1]]"


@pytest.mark.parametrize(
    ("value", "stderr", "spec", "text"),
    [
        (1.25, 0.01, ".3f", "1.250 ± 0.010"),
        (1.25, 0.01, "", "1.250 ± 0.010"),
        (1.25, 0.01, "S", "1.250(10)"),
        (12.3, 1.5, "S", "12.3(1.5)"),
        (1.23e9, 5e7, "S", "1.230(50)e+09"),
        (5.0, 0.0, "S", "5 ± 0"),
        (np.array([1.0, 2.0]), np.array([0.1, 0.2]), ".1f", "[1.0 ± 0.1, 2.0 ± 0.2]"),
    ],
)
def test_formats(value, stderr, spec, text):
    assert format(Estimate(value=value, stderr=stderr, n_eff=100), spec) == text


def test_a_wrong_format_is_refused():
    with pytest.raises(InvalidInputError, match="format"):
        format(Estimate(value=1.0, stderr=0.1, n_eff=9), "q")


def test_a_ratio_has_the_error_of_its_residuals():
    above, below = np.array([1.0, 2.0, 4.0]), np.array([2.0, 3.0, 5.0])
    ratio = ratio_estimate(above, below)
    residual = (above - 0.7 * below) / (10 / 3)
    assert ratio.value == pytest.approx(0.7)
    assert ratio.stderr == pytest.approx(residual.std(ddof=1) / 3**0.5)


@pytest.mark.parametrize(
    "expected", [None, "1", np.nan, [1.0, 2.0], {}, np.ma.masked, 1j, pytest.param(10**5000, id="long"), []]
)
def test_what_is_no_number_is_no_prediction(expected):
    estimate = Estimate(value=np.ones(3), stderr=np.ones(3), n_eff=10)
    with pytest.raises(InvalidInputError, match="expected must"):
        estimate.z_score(expected)
    with pytest.raises(InvalidInputError, match="expected must"):
        stats.agrees(estimate, expected, alpha=0.01)


def test_the_number_of_samples_for_any_rate():
    """Rates whose complement is 1 as a float: the normal quantile from SciPy's survival function."""
    for alpha in (1e-3, 1e-30, 1e-300, 5e-324):
        # Half of the least float is none: there the quantile of the least float itself, 0.02 further in, is a bound.
        z = reference.norm.isf(alpha / 2) if alpha > 1e-323 else reference.norm.isf(alpha)
        n = stats.required_samples(deviation=1.0, effect=1e-6, alpha=alpha, power=0.5)
        assert n == pytest.approx((z / 1e-6) ** 2, rel=1e-9 if alpha > 1e-323 else 2e-3)
    for scales in ({"deviation": 1e300, "effect": 1.0}, {"deviation": 1.0, "effect": 5e-324}):
        with pytest.raises(InvalidInputError, match="effect must not be so small against deviation"):
            stats.required_samples(alpha=0.01, power=0.9, **scales)
