"""The Gibbs law against exact integrals and against SciPy's adaptive quadrature."""

import numpy as np
import pytest
from scipy import integrate, special, stats

from sdetheory.errors import InvalidInputError
from sdetheory.theory import gibbs


class Cost:
    """A cost given as a function of its coordinates."""

    def __init__(self, function, dimension=1):
        self.function, self.dimension = function, dimension

    def value(self, x):
        return self.function(*np.moveaxis(x, -1, 0))


def quadratic(hessian, center):
    hessian, center = np.asarray(hessian, dtype=float), np.asarray(center, dtype=float)

    def function(*x):
        w = np.stack(x, axis=-1) - center
        return np.einsum("...i,ij,...j->...", w, hessian, w) / 2

    return Cost(function, len(center))


def quartic(x):
    return x**4 / 4 - x**2 / 2


SHARP_AND_BROAD = Cost(lambda x: -np.log(np.exp(-50 * (x + 2) ** 2) + np.exp(-1 - 2 * (x - 2) ** 2)))
BARRIER = (-208 + np.sqrt(208**2 - 4 * 48 * 191)) / 96  # 50(x + 2)² = 1 + 2(x - 2)²


@pytest.mark.parametrize(("temperature", "expected"), [(0.25, 0.0838952), (1.0, 0.6478126)])
def test_noise_decides_between_a_sharp_and_a_broad_minimum(temperature, expected):
    broad = gibbs(SHARP_AND_BROAD, temperature).probability(BARRIER, np.inf)
    assert broad == pytest.approx(expected, abs=5e-8)
    # At so low a barrier crossing, Laplace weights e^{-C/T} / √C'' are nearly exact.
    laplace = 1 / (1 + np.exp(1 / temperature) * np.sqrt(4 / 100))
    assert broad == pytest.approx(laplace, rel=1e-6)


def test_crossover_temperature():
    assert gibbs(SHARP_AND_BROAD, 2 / np.log(25)).probability(BARRIER, np.inf) == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("temperature", [1e-8, 0.5, 1e4])
@pytest.mark.parametrize("center", [0.0, -3.2, 1000.3])
def test_harmonic_oscillator(temperature, center):
    law = gibbs(quadratic([[4.0]], [center]), temperature)
    width = np.sqrt(temperature / 4)
    assert law.log_partition == pytest.approx(np.log(width * np.sqrt(2 * np.pi)), rel=1e-11)
    assert law.mean == pytest.approx(center, abs=1e-11 * (width + abs(center)))
    assert law.covariance[0, 0] == pytest.approx(width**2, rel=1e-10)
    assert law.probability(-np.inf, center + width) == pytest.approx(special.ndtr(1.0), abs=1e-10)
    assert law.expectation(lambda x: ((x[:, 0] - center) / width) ** 4) == pytest.approx(3.0, rel=1e-10)
    assert law.relative_error < 1e-10


@pytest.mark.parametrize("hessian", [np.eye(2), [[2.0, 0.5], [0.5, 1.0]], [[500.5, 499.5], [499.5, 500.5]]])
@pytest.mark.parametrize("temperature", [1e-6, 0.3])
def test_harmonic_oscillator_in_two_dimensions(hessian, temperature):
    center = np.array([1.2345, -2.3456])
    law = gibbs(quadratic(hessian, center), temperature)
    exact = stats.multivariate_normal(center, temperature * np.linalg.inv(hessian))
    assert law.log_partition == pytest.approx(-exact.logpdf(center), rel=1e-9)
    np.testing.assert_allclose(law.mean, center, rtol=1e-9)
    np.testing.assert_allclose(law.covariance, exact.cov, rtol=1e-8, atol=1e-9 * np.trace(exact.cov))
    x = center + np.sqrt(temperature) * np.array([[[0.1, -0.1], [0.3, 0.2]]])
    np.testing.assert_allclose(law.pdf(x), [exact.pdf(x[0])], rtol=1e-8)
    assert law.probability([-np.inf, -np.inf], [np.inf, center[1]]) == pytest.approx(0.5, abs=1e-8)
    assert law.relative_error < 1e-8


@pytest.mark.parametrize("temperature", [0.02, 0.1, 1.0])
def test_double_well_against_another_quadrature(temperature):
    def weight(x):
        return np.exp(-(quartic(x) + 0.25) / temperature)

    def quad(f, lower, upper):
        return integrate.quad(f, lower, upper, points=[-1.0, 0.0, 1.0], epsabs=0, epsrel=1e-12, limit=400)[0]

    total = quad(weight, -8, 8)
    law = gibbs(Cost(quartic), temperature)
    assert law.log_partition == pytest.approx(np.log(total) + 0.25 / temperature, rel=1e-11)
    assert law.expectation(lambda x: x[:, 0] ** 2) == pytest.approx(quad(lambda x: x**2 * weight(x), -8, 8) / total)
    part = integrate.quad(weight, 0.5, 1.25, epsabs=0, epsrel=1e-12)[0] / total
    assert law.probability(0.5, 1.25) == pytest.approx(part, abs=1e-10)
    assert integrate.quad(lambda x: law.pdf([x]), -8, 8, points=[-1.0, 1.0], limit=400)[0] == pytest.approx(1, rel=1e-9)


def test_wells_far_apart_and_of_very_different_widths_are_all_found():
    def wells(x):
        return np.minimum(np.minimum(500 * (x + 10.3) ** 2, x**2 / 2 + 0.5), 3 * (x - 20.1) ** 2 + 0.1)

    law = gibbs(Cost(wells), 0.2)
    weights = np.exp(-np.array([0.0, 0.5, 0.1]) / 0.2) / np.sqrt([1000.0, 1.0, 6.0])
    found = law.probability(-np.inf, -9.0), law.probability(-9.0, 10.0), law.probability(10.0, np.inf)
    np.testing.assert_allclose(found, weights / weights.sum(), rtol=1e-9)


def test_expectations_of_arrays_and_of_functions_with_a_jump():
    law = gibbs(SHARP_AND_BROAD, 1.0)
    np.testing.assert_allclose(
        law.expectation(lambda x: np.stack([x[:, 0], x[:, 0] ** 2], axis=1)),
        [law.mean[0], law.covariance[0, 0] + law.mean[0] ** 2],
        rtol=1e-12,
    )
    assert law.expectation(lambda x: (x[:, 0] > 0).astype(float)) == pytest.approx(
        law.probability(0.0, np.inf), abs=1e-11
    )


def test_infinite_costs_are_walls():
    law = gibbs(Cost(lambda x: np.where(x > 0, x, np.inf)), 2.0)
    assert law.log_partition == pytest.approx(np.log(2.0), rel=1e-10)
    assert law.pdf([[-1.0]]) == 0


def test_bounds_confine_the_law():
    law = gibbs(Cost(lambda x: 0 * x), 1.0, bounds=(0.0, 4.0))
    np.testing.assert_allclose(law.pdf([[-1.0], [1.0], [5.0]]), [0.0, 0.25, 0.0], rtol=1e-14)
    assert law.probability(-3.0, 1.0) == pytest.approx(0.25, rel=1e-13)
    assert law.covariance[0, 0] == pytest.approx(16 / 12, rel=1e-13)
    box = gibbs(Cost(lambda x, y: x**2 / 2, 2), 1.0, bounds=[(-np.pi, np.pi), (0.0, 2.0)])
    area = 2 * np.sqrt(2 * np.pi) * special.erf(np.pi / np.sqrt(2))
    assert box.log_partition == pytest.approx(np.log(area), rel=1e-9)
    assert box.probability([0.0, 5.0], [1.0, 6.0]) == 0.0


def test_slowly_decaying_laws_are_told_from_those_that_cannot_be_normalized():
    cost = Cost(lambda x: np.log1p(x**2))  # Student's t: normalizable for T < 2
    assert gibbs(cost, 0.25).log_partition == pytest.approx(np.log(special.beta(0.5, 3.5)), rel=1e-10)
    with pytest.raises(InvalidInputError, match="gains only"):
        gibbs(cost, 2.5)


@pytest.mark.parametrize(
    "cost",
    [
        Cost(lambda x: 0 * x),
        Cost(np.cos),
        Cost(lambda x: -np.exp(-(x**2))),
        Cost(lambda x: -(x**2)),
        Cost(lambda x, y: x**2, 2),
        Cost(lambda x, y: x**2 - y**2, 2),
        Cost(lambda x, y: (x - 0.3 * y) ** 2, 2),
        Cost(lambda x, y: (x - np.sqrt(2) * y) ** 2, 2),
    ],
)
@pytest.mark.parametrize("temperature", [1e-3, 1.0])
def test_costs_without_a_stationary_law_are_refused(cost, temperature):
    with pytest.raises(InvalidInputError, match=r"no stationary law was found\. Pass bounds"):
        gibbs(cost, temperature)


BOWL = Cost(lambda x: x**2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gibbs(BOWL, 0.0), "temperature must be > 0"),
        (lambda: gibbs(Cost(lambda x, y, z, u: x, 4), 1.0), "dimension 1, 2 or 3"),
        (lambda: gibbs(BOWL, 1.0, bounds=(1.0, 0.0)), "lower < upper"),
        (lambda: gibbs(BOWL, 1.0, bounds=[0.0, 1.0, 2.0]), "bounds must have shape"),
        (lambda: gibbs(Cost(np.sqrt), 1.0), "got nan at"),
        (lambda: gibbs(Cost(lambda x: np.log(np.abs(x))), 1.0), "got -inf at"),
        (lambda: gibbs(Cost(lambda x: np.full_like(x, np.inf)), 1.0), r"got \+inf throughout"),
        (lambda: gibbs(Cost(lambda x: x + np.inf), 1.0, bounds=(0.0, 1.0)), r"got \+inf throughout"),
        (lambda: gibbs(Cost(lambda x: 1.0), 1.0), "landscape.value must map shape"),
        (lambda: gibbs(BOWL, 1.0).pdf([1.0, 2.0]), r"x must have shape \(..., 1\)"),
        (lambda: gibbs(BOWL, 1.0).probability(1.0, 0.0), "lower must not exceed upper"),
        (lambda: gibbs(BOWL, 1.0).probability(np.nan, 0.0), "lower must be finite"),
        (lambda: gibbs(BOWL, 1.0).probability([0.0, 0.0], 1.0), "lower must have shape"),
        (lambda: gibbs(BOWL, 1.0).expectation(lambda x: 1.0), "f must map points"),
        (lambda: gibbs(BOWL, 1.0).expectation(lambda x: x / 0 * 0), "values of f must be finite"),
        (
            lambda: gibbs(Cost(lambda x, y: x**2 + y**2, 2), 1.0).expectation(lambda x: np.hypot(*x.T) > 1),
            "must be smooth",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_bad_input_is_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()


def test_harmonic_oscillator_in_three_dimensions():
    hessian = np.array([[2.0, 0.5, 0.2], [0.5, 1.0, 0.0], [0.2, 0.0, 4.0]])
    center = np.array([1.2, -0.7, 0.4])
    law = gibbs(quadratic(hessian, center), 0.3)
    exact = stats.multivariate_normal(center, 0.3 * np.linalg.inv(hessian))
    assert law.log_partition == pytest.approx(-exact.logpdf(center), rel=1e-7)
    np.testing.assert_allclose(law.mean, center, atol=1e-7)
    np.testing.assert_allclose(law.covariance, exact.cov, atol=1e-7)
    assert law.probability([-np.inf, center[1], -np.inf], [np.inf] * 3) == pytest.approx(0.5, abs=1e-6)
    with pytest.raises(InvalidInputError, match="no stationary law"):
        gibbs(Cost(lambda x, y, z: x**2 + (y - z) ** 2, 3), 0.3)


@pytest.mark.parametrize(("curvatures", "bounds"), [([1.0, 17.0, 300.0], None), ([1.0, 100.0, 1e4], [(-9, 9)] * 3)])
def test_oblique_wells_in_three_dimensions(curvatures, bounds):
    """Right to 1e-6 and to the estimate; the sharper one is found only where bounds say where to look."""
    axes = stats.ortho_group.rvs(3, random_state=1)
    well = quadratic(axes * curvatures @ axes.T, np.zeros(3))
    law = gibbs(well, 1.0, bounds=bounds)
    error = abs(law.log_partition - 0.5 * np.sum(np.log(2 * np.pi / np.array(curvatures))))
    assert error < min(1e-6, law.relative_error)
    if bounds:
        with pytest.raises(InvalidInputError, match="Pass bounds"):
            gibbs(well, 1.0)


# Two coordinates in a double well, and a third across it: C = U(x) + (y - x)² + 2z².
CHAIN = {
    2: Cost(lambda x, y: quartic(x) + (y - x) ** 2, 2),
    3: Cost(lambda x, y, z: quartic(x) + (y - x) ** 2 + 2 * z**2, 3),
}


@pytest.mark.parametrize("dimension", [2, 3])
def test_free_energy_along_a_coordinate(dimension):
    """Without y and z the double well is left along x, far into its tails; along y it is blurred by N(0, T/2)."""
    temperature, x = 0.2, np.array([[-2.5, -1.0], [0.0, 0.3]])
    line, law = gibbs(Cost(quartic), temperature), gibbs(CHAIN[dimension], temperature)
    np.testing.assert_allclose(law.free_energy(0, x), line.free_energy(0, x), atol=1e-8)
    np.testing.assert_allclose(np.exp(-line.free_energy(0, x) / temperature), line.pdf(x[..., None]), rtol=1e-12)
    blur = np.sqrt(temperature / 2)
    expected = line.expectation(lambda w: stats.norm.pdf(x.ravel(), w, blur))
    np.testing.assert_allclose(np.exp(-law.free_energy(1, x.ravel()) / temperature), expected, rtol=1e-6)
    assert np.abs(line.free_energy(0, x) - law.free_energy(1, x)).max() > 0.05


@pytest.mark.parametrize("dimension", [2, 3])
def test_law_of_a_coordinate(dimension):
    line, law = gibbs(Cost(quartic), 0.2), gibbs(CHAIN[dimension], 0.2).marginal(0)
    x = np.linspace(-2, 2, 9)[:, None]
    bound = {2: 1e-7, 3: 2e-5}[dimension] * line.pdf(x).max()
    np.testing.assert_allclose(law.cdf(x), line.cdf(x), atol=bound)
    np.testing.assert_allclose(law.pdf(x), line.pdf(x), atol=bound)
    assert law.mean == pytest.approx(0.0, abs=1e-8)
    assert law.variance == pytest.approx(line.covariance[0, 0], rel=1e-5)
    assert law.pdf([[99.0]]) == 0.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gibbs(BOWL, 1.0).marginal(0), "two or three dimensions"),
        (lambda: gibbs(CHAIN[2], 0.2).marginal(2), "axis must be"),
        (lambda: gibbs(CHAIN[2], 0.2).cdf([[0.0, 0.0]]), "one dimension"),
        (lambda: gibbs(CHAIN[2], 0.2).free_energy(0, 1e9), "x must be"),
    ],
)
def test_bad_input_of_coordinates_is_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()
