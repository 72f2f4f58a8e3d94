"""The built-in landscapes against what their docstrings promise."""

import numpy as np
import pytest
import sympy

from sdetheory.errors import InvalidInputError
from sdetheory.landscapes import double_well, quadratic, sharp_and_broad


@pytest.mark.parametrize("d", [1, 2, 4])
def test_quadratic_is_half_w_h_w(d, rng):
    factor = rng.standard_normal((d, d))
    matrix = factor + factor.T  # indefinite
    cost, w = quadratic(matrix), rng.standard_normal((9, d))
    np.testing.assert_allclose(cost.value(w), 0.5 * np.einsum("ni,ij,nj->n", w, matrix, w), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(cost.gradient(w), w @ matrix, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(cost.hessian(w), np.broadcast_to(matrix, (9, d, d)))


def test_entries_of_a_large_quadratic_keep_their_names_apart():
    """h1_11 is not h11_1."""
    cost = quadratic(np.full((12, 12), 2.0) + np.eye(12))
    assert len(cost.parameters) == 12 * 13 // 2
    assert cost.parameters["h1_11"] == 2.0
    assert cost.parameters["h11_11"] == 3.0


def test_quadratic_takes_a_number_or_a_diagonal():
    assert quadratic(3.0).hessian([1.0]).tolist() == [[3.0]]
    assert quadratic([1.0, 0.0, -2.0]).hessian(np.zeros(3)).tolist() == np.diag([1.0, 0.0, -2.0]).tolist()
    assert quadratic([[4.0]]).value([2.0]) == 8.0


def test_quadratics_of_one_pattern_share_their_machine_code():
    assert quadratic([1.0, 2.0]).drift.source == quadratic([5.0, 7.0]).drift.source
    assert quadratic([1.0, 2.0]).drift.compiled is quadratic([5.0, 7.0]).drift.compiled


@pytest.mark.parametrize(
    ("curvature", "message"),
    [
        ([[1.0, 2.0], [0.0, 1.0]], "curvature must be symmetric; entries differ from their mirror by up to 2"),
        (np.zeros((2, 3)), r"curvature must have shape \(2, 2\)"),
        (np.zeros((2, 2, 2)), "curvature must have shape"),
        ([1.0, np.nan], "curvature must be finite"),
        (np.inf, "curvature must be finite"),
        ([], "at least one entry"),
        (np.zeros((0, 0)), "at least one entry"),
        ("steep", "curvature must be real numbers"),
    ],
)
def test_wrong_curvatures_are_refused(curvature, message):
    with pytest.raises(InvalidInputError, match=message):
        quadratic(curvature)


@pytest.mark.parametrize("barrier", [0.25, 3.0])
def test_double_well(barrier):
    well = double_well(barrier)
    minima, top = [[-1.0], [1.0]], [0.0]
    np.testing.assert_array_equal(well.value(minima), 0.0)
    np.testing.assert_array_equal(well.gradient(minima), 0.0)
    np.testing.assert_allclose(well.hessian(minima).ravel(), 8 * barrier, rtol=1e-15)
    assert well.value(top) == barrier
    np.testing.assert_allclose(well.hessian(top).ravel(), -4 * barrier, rtol=1e-15)


@pytest.mark.parametrize("barrier", [0.0, -0.25, np.nan, np.inf, "high", [1.0, 2.0], None])
def test_wrong_barriers_are_refused(barrier):
    with pytest.raises(InvalidInputError, match="barrier must"):
        double_well(barrier)


def test_double_well_at_a_quarter_is_the_textbook_quartic():
    x, barrier = sympy.symbols("x barrier", real=True)
    quartic = double_well().expression.subs(barrier, sympy.Rational(1, 4)).expand()
    assert quartic == x**4 / 4 - x**2 / 2 + sympy.Rational(1, 4)


def test_sharp_and_broad_is_minus_the_log_of_a_mixture(rng):
    k1, k2, c1, c2, s = 50.0, 3.0, -0.5, 0.75, 1.5
    cost = sharp_and_broad(sharp_curvature=k1, broad_curvature=k2, sharp_cost=c1, broad_cost=c2, separation=s)
    x = rng.uniform(-2, 4, size=200)
    expected = -np.logaddexp(-c1 - k1 * x**2 / 2, -c2 - k2 * (x - s) ** 2 / 2)
    np.testing.assert_allclose(cost.value(x[:, None]), expected, rtol=1e-13, atol=1e-14)
    # Negative control: the lower of the two parabolas is something else near the crossing.
    parabolas = np.minimum(c1 + k1 * x**2 / 2, c2 + k2 * (x - s) ** 2 / 2)
    assert np.abs(cost.value(x[:, None]) - parabolas).max() > 1e-2


def test_sharp_and_broad_has_the_given_costs_and_curvatures_at_its_minima():
    """Up to what one basin leaks into the other, e^-8 times squares of slopes."""
    cost = sharp_and_broad()
    minima = [[0.0], [2.0]]
    np.testing.assert_allclose(cost.value(minima), [0.0, 1.0], atol=2e-4)
    np.testing.assert_allclose(cost.hessian(minima).ravel(), [100.0, 4.0], rtol=1e-3)
    np.testing.assert_allclose(cost.gradient(minima).ravel(), 0.0, atol=2e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sharp_curvature": 0.0}, "sharp_curvature must be > 0"),
        ({"broad_curvature": -1.0}, "broad_curvature must be > 0"),
        ({"separation": 0.0}, "separation must be > 0"),
        ({"sharp_curvature": 1.0}, "Swap the two basins"),
        ({"broad_cost": np.nan}, "broad_cost must be finite"),
        ({"sharp_cost": np.inf}, "sharp_cost must be finite"),
    ],
)
def test_wrong_basins_are_refused(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        sharp_and_broad(**arguments)
