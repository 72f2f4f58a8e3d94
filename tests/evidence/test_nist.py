"""NIST's reference regressions: evidences against 120 digits, certified values as far as the inputs carry them."""

from fractions import Fraction

import mpmath
import nist
import numpy as np
import pytest

from sdetheory.evidence import LinearModel, NormalInverseGamma, leave_one_out, sequential

SETS = {each.name: each for each in nist.sets()}


@pytest.mark.parametrize("name", SETS)
def test_certified_values_are_those_of_the_data(name):
    """In rational arithmetic: what is certified has fifteen digits, and all of them are right."""
    each = SETS[name]
    columns = [*([[Fraction(1)] * len(each.y)] if each.intercept else []), *each.columns]
    weights, squares, _ = nist.exact_fit(each.y, columns)
    with mpmath.workdps(40):
        for certified, exact in zip(each.coefficients, weights, strict=True):
            assert abs(Fraction(certified) - exact) <= Fraction(5, 10**15) * abs(exact)
        for certified, square in zip(each.errors, squares, strict=True):
            exact = mpmath.sqrt(mpmath.mpf(square.numerator) / square.denominator)
            given = mpmath.mpf(Fraction(certified).numerator) / Fraction(certified).denominator
            assert abs(given - exact) <= 5e-15 * exact


@pytest.mark.parametrize("form", ["flat", "ones", "neither"])
@pytest.mark.parametrize("name", SETS)
def test_evidence_has_all_digits(name, form):
    each = SETS[name]
    (X, intercept), y = nist.forms(each)[form], np.array([float(value) for value in each.y])
    model = LinearModel(X, y, intercept=intercept)
    assert model.rank == X.shape[1]
    for precision, variance in nist.grid(each)[:: 1 if len(y) < 50 else 4]:
        right = nist.log_evidence(X, y, precision, variance, flat=intercept == "flat")
        assert abs(mpmath.mpf(float(model.log_evidence(precision, variance))) - right) <= 1e-11 * max(1, abs(right))
        terms = sequential(model, precision, variance).sum()
        assert terms == pytest.approx(float(right), rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("name", SETS)
def test_coefficients_and_standard_errors(name):
    """To the digits that are left once the decimals are rounded to doubles, which costs Filip eight of sixteen."""
    found = nist.measure_fit(SETS[name])
    # The intercept of Wampler's sets is 1 where y is 10⁶ on average: ten digits of a double are left of it.
    assert found["beyond"] < (1e-9 if name.startswith("Wampler") else 1e-12)
    assert found["coefficients"] < 2 * found["rounding"] + (1e-9 if name.startswith("Wampler") else 1e-12)
    assert found["errors"] < found["rounding"] + 1e-13


@pytest.mark.parametrize("name", ["Longley", "Filip", "Pontius"])
@pytest.mark.parametrize("k", [-150, -9, 9, 150])
def test_nothing_changes_with_the_units_of_columns(name, k, rng):
    """Every column times its own power of ten, up to 10^±150, with the prior that says the same in these units."""
    each = SETS[name]
    y = np.array([float(value) for value in each.y])
    powers = np.where(np.arange(each.X.shape[1]) % 2, k, 0)
    scale = 10.0**powers
    before = LinearModel(each.X, y, intercept="flat")
    after = LinearModel(each.X * scale, y, intercept="flat", prior_shape=scale**2)
    for precision, variance in ((1e-20, 1e-2), (1e-6, 1e-3), (1.0, 1e4)):
        right = before.log_evidence(precision, variance)
        # The product of a column with its unit is rounded, which costs Filip digits.
        assert after.log_evidence(precision, variance) == pytest.approx(right, rel=1e-6 if name == "Filip" else 1e-9)
        np.testing.assert_allclose(
            leave_one_out(after, precision, variance), leave_one_out(before, precision, variance), rtol=1e-5
        )
        student = [
            NormalInverseGamma(m, shape=1.0, scale=1.0).log_evidence(precision * variance) for m in (before, after)
        ]
        assert student[1] == pytest.approx(student[0], rel=1e-6 if name == "Filip" else 1e-9)
        means = before.posterior(precision, variance).mean, after.posterior(precision, variance).mean * scale
        np.testing.assert_allclose(means[1], means[0], rtol=1e-5 if name == "Filip" else 1e-9)


@pytest.mark.parametrize("k", [-150, -40, 40, 150])
def test_nothing_changes_with_the_unit_of_all_inputs_or_of_y(k):
    each, unit = SETS["Longley"], 10.0**k
    y = np.array([float(value) for value in each.y])
    before = LinearModel(each.X, y, intercept="flat")
    inputs = LinearModel(each.X * unit, y, intercept="flat")
    responses = LinearModel(each.X, y * unit, intercept="flat")
    for precision, variance in ((1e-6, 1e4), (1e-3, 1.0)):
        right = before.log_evidence(precision, variance)
        assert inputs.log_evidence(precision * unit**2, variance) == pytest.approx(right, rel=1e-11)
        at = responses.log_evidence(precision / unit**2, variance * unit**2)
        assert at + 15 * np.log(unit) == pytest.approx(right, rel=1e-11)


def test_units_far_apart_without_a_prior_that_follows_them():
    """Columns 10^±150 under one isotropic prior: evidence against 120 digits, where one column is 10^300 of another."""
    each = SETS["Norris"]
    y = np.array([float(value) for value in each.y])
    x = each.X[:, 0]
    X = np.column_stack([x * 1e150, np.sqrt(x), np.cos(x) * 1e-150])
    model = LinearModel(X, y, intercept="flat")
    assert model.rank == 3
    for precision, variance in ((1e-299, 0.7), (1e-6, 0.7), (1e290, 0.7)):
        right = float(nist.log_evidence(X, y, precision, variance, flat=True, digits=1000))
        assert model.log_evidence(precision, variance) == pytest.approx(right, rel=1e-12)
