"""Minima, saddles and passes of landscapes with known ones."""

import numpy as np
import pytest

import sdetheory as st
from sdetheory.errors import InvalidInputError
from sdetheory.theory import critical_points, lowest_pass

BOX = [(-1.6, 1.2), (-0.4, 2.0)]


class MuellerBrown:
    """Müller and Brown (1979), Theor. Chim. Acta 53, 75: three minima and two saddles that matter."""

    dimension = 2
    height = np.array([-200.0, -100.0, -170.0, 15.0])
    center = np.array([[1.0, 0.0], [0.0, 0.5], [-0.5, 1.5], [-1.0, 1.0]])
    a, b, c = np.array([-1.0, -1.0, -6.5, 0.7]), np.array([0.0, 0.0, 11.0, 0.6]), np.array([-10.0, -10.0, -6.5, 0.7])
    form = np.moveaxis(np.array([[2 * a, b], [b, 2 * c]]), -1, 0)

    def _terms(self, x):
        away = x[..., None, :] - self.center
        slopes = np.einsum("kij,...kj->...ki", self.form, away)
        with np.errstate(over="ignore"):
            return self.height * np.exp(np.minimum(np.sum(away * slopes, axis=-1) / 2, 100.0)), slopes

    def value(self, x):
        return self._terms(x)[0].sum(axis=-1)

    def gradient(self, x):
        values, slopes = self._terms(x)
        return np.sum(values[..., None] * slopes, axis=-2)

    def hessian(self, x):
        values, slopes = self._terms(x)
        return np.sum(values[..., None, None] * (slopes[..., :, None] * slopes[..., None, :] + self.form), axis=-3)


class Wall:
    """C = x − ln x, which is no number below 0: Newton's method leads there from beyond 2."""

    dimension = 1

    def value(self, x):
        return x[..., 0] - np.log(x[..., 0])

    def gradient(self, x):
        return np.where(x > 0, 1 - 1 / x, np.nan)

    def hessian(self, x):
        return np.where(x > 0, x**-2.0, np.nan)[..., None]


def test_points_that_leave_the_domain_are_given_up():
    (point,) = critical_points(Wall(), (0.001, 5.0))
    assert point.position[0] == pytest.approx(1.0, abs=1e-12) and point.index == 0


@pytest.mark.parametrize("bounds", [(-1.0, 5.0), (0.1, 1e200)])
def test_bounds_that_hold_no_numbers_are_refused(bounds):
    with pytest.raises(InvalidInputError, match="bounds must hold points whose gradient"):
        critical_points(Wall() if bounds[0] < 0 else st.landscapes.double_well(), bounds)


@pytest.fixture
def mueller_brown():
    return MuellerBrown()


def test_mueller_brown(mueller_brown):
    points = critical_points(mueller_brown, BOX)
    minima = [point for point in points if point.index == 0]
    saddles = [point for point in points if point.index == 1]
    # Published to three digits.
    expected = [((-0.558, 1.442), -146.700), ((0.623, 0.028), -108.167), ((-0.050, 0.467), -80.768)]
    for point, (position, value) in zip(minima, expected, strict=True):
        np.testing.assert_allclose(point.position, position, atol=6e-4)
        assert point.value == pytest.approx(value, abs=6e-4)
    expected = [((0.212, 0.293), -72.249), ((-0.822, 0.624), -40.665)]
    for point, (position, value) in zip(saddles[:2], expected, strict=False):
        np.testing.assert_allclose(point.position, position, atol=6e-4)
        assert point.value == pytest.approx(value, abs=6e-4)
    for point in points:
        assert np.abs(mueller_brown.gradient(point.position)).max() < 1e-6
        assert point.index == np.sum(np.linalg.eigvalsh(mueller_brown.hessian(point.position)) < 0)


def test_the_pass_may_lead_over_another_minimum(mueller_brown):
    first, second, third = [p.position for p in critical_points(mueller_brown, BOX) if p.index == 0]
    assert lowest_pass(mueller_brown, first, second, BOX).value == pytest.approx(-40.665, abs=1e-3)
    assert lowest_pass(mueller_brown, third, second, BOX).value == pytest.approx(-72.249, abs=1e-3)


def test_refusals():
    well = st.landscapes.double_well()
    with pytest.raises(InvalidInputError, match="start must be a minimum"):
        lowest_pass(well, [0.5], [1.0], (-2, 2))
    with pytest.raises(InvalidInputError, match="different minima"):
        lowest_pass(well, [1.0], [1.0], (-2, 2))
    with pytest.raises(InvalidInputError, match="lower < upper"):
        critical_points(well, (2, -2))


def test_no_saddle_between_minima_is_an_error():
    """The way between the two wells leaves the box."""

    class Ring:
        """Minima at angles ±3 on a circle, whose pass at angle 0 is outside of a box around them; a peak at π."""

        dimension = 1

        def value(self, x):
            return np.cos(x[..., 0]) / 4

        def gradient(self, x):
            return -np.sin(x) / 4

        def hessian(self, x):
            return -np.cos(x)[..., None] / 4

    with pytest.raises(InvalidInputError, match="end must be a minimum"):
        lowest_pass(Ring(), [np.pi], [3 * np.pi], (0.1, 7))
    assert lowest_pass(Ring(), [np.pi], [3 * np.pi], (0.1, 10)).position == pytest.approx(2 * np.pi)

    class Cliff:
        """Two wells with a jump between them instead of a saddle."""

        dimension = 1

        def value(self, x):
            return (np.abs(x[..., 0]) - 1) ** 2

        def gradient(self, x):
            return 2 * (np.abs(x) - 1) * np.where(x < 0, -1, 1)

        def hessian(self, x):
            return np.full((*x.shape, 1), 2.0)

    with pytest.raises(InvalidInputError, match="there must be a saddle"):
        lowest_pass(Cliff(), [-1.0], [1.0], (-3, 3))
