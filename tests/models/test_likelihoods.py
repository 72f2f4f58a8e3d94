"""Each likelihood against its definition in high precision, and its compiled kernels against its formulas."""

import mpmath
import numpy as np
import pytest
from scipy import integrate, stats

from sdetheory._kernels.block import BlockFunction
from sdetheory.errors import InvalidInputError
from sdetheory.models import SoftmaxRegression
from sdetheory.models.likelihoods._normal import normal_average
from sdetheory.models.likelihoods.bernoulli import Bernoulli
from sdetheory.models.likelihoods.gaussian import Gaussian
from sdetheory.models.likelihoods.poisson import Poisson
from sdetheory.models.likelihoods.probit import Probit
from sdetheory.simulators._slopes import derivatives_source, slopes_source

LIKELIHOODS = [Gaussian(), Bernoulli(), Poisson(), Probit()]
TWO = [Bernoulli(), Probit()]
each = pytest.mark.parametrize("likelihood", LIKELIHOODS, ids=lambda likelihood: likelihood.name)
Z = np.concatenate([-np.geomspace(40, 1e-3, 12), [0.0], np.geomspace(1e-3, 40, 12)])


def exact(likelihood, z, y):
    """Return ℓ by its definition, in the precision that mpmath is set to."""
    z, y = mpmath.mpf(z), mpmath.mpf(y)
    sign = 2 * y - 1
    return {
        "linear": lambda: (z - y) ** 2 / 2,
        "logistic": lambda: mpmath.log(1 + mpmath.exp(-sign * z)),
        "Poisson": lambda: mpmath.exp(z) - y * z + mpmath.log(mpmath.factorial(y)),
        "probit": lambda: -mpmath.log(mpmath.erfc(-sign * z / mpmath.sqrt(2)) / 2),
    }[likelihood.name]()


def labels_of(likelihood):
    return {"linear": [-1.3, 2.0], "Poisson": [0, 1, 7]}.get(likelihood.name, [0, 1])


@each
def test_cost_slope_and_curvature_are_those_of_the_definition(likelihood):
    """By differences in so many digits that the tails of Φ have some; margins of 40 are among the points."""
    for y in labels_of(likelihood):
        targets = np.full(Z.size, y)
        found = [f(Z, targets) for f in (likelihood.cost, likelihood.slope, likelihood.curvature)]
        # Φ(40) is 1 up to 1e-349.
        with mpmath.workdps(440):
            h = mpmath.mpf(10) ** -20
            for k, z in enumerate(Z):
                low, here, high = (exact(likelihood, mpmath.mpf(float(z)) + s * h, y) for s in (-1, 0, 1))
                right = [here, (high - low) / (2 * h), (high - 2 * here + low) / h**2]
                # Differences err by h² times higher derivatives; e^{−z²/2} has z² times the rounding error of z.
                for values, value in zip(found, right, strict=True):
                    assert values[k] == pytest.approx(float(value), rel=2e-12, abs=1e-39), (z, y)


@each
def test_kernels_compute_the_formulas(likelihood):
    inside = Z[np.abs(Z) < 30]
    for y in labels_of(likelihood):
        points = np.column_stack([inside, np.full(inside.size, y)])
        right = np.column_stack([likelihood.slope(*points.T), likelihood.curvature(*points.T)])
        for source, rows in ((slopes_source(likelihood), 1), (derivatives_source(likelihood, 2), 2)):
            found = BlockFunction(source, np.empty(0), rows)(points)
            np.testing.assert_allclose(found, right[:, :rows], rtol=1e-13, atol=1e-300)
        # The negative control: those of another label.
        other = likelihood.slope(inside, np.full(inside.size, y + 1 if y != 1 else 0))
        assert np.abs(found[:, 0] - other).max() > 0.1


def test_the_kernel_of_classes_computes_the_gradient_of_the_model(rng):
    model = SoftmaxRegression(np.eye(3), [0, 1, 2], coding=rng.standard_normal((3, 2)))
    w = rng.standard_normal(6)
    found = BlockFunction(slopes_source(model.likelihood), np.empty(0), 2)(
        np.column_stack([w.reshape(2, 3).T, model.y])
    )
    np.testing.assert_allclose(found.T.ravel(), model.gradient(w), rtol=1e-13)
    assert (
        model.likelihood == model.likelihood and not SoftmaxRegression(np.ones((17, 1)), range(17)).likelihood.compiled
    )


@each
def test_information_is_the_mean_square_of_the_slope_over_labels(likelihood):
    for z in (-6.0, -0.5, 0.0, 2.0):
        if likelihood.n_classes:
            cases = [(y, float(np.exp(-likelihood.cost(np.array(z), y)))) for y in (0, 1)]
        elif likelihood.quadratic:
            nodes, weights = np.polynomial.hermite_e.hermegauss(20)
            cases = zip(z + nodes, weights / weights.sum(), strict=True)
        else:
            cases = [(y, stats.poisson.pmf(y, np.exp(z))) for y in range(200)]
        cases = [(y, p, float(likelihood.slope(np.array(z), y)), float(likelihood.mean(np.array(z)))) for y, p in cases]
        assert sum(p for _, p, _, _ in cases) == pytest.approx(1, rel=1e-12)
        assert sum(p * s for _, p, s, _ in cases) == pytest.approx(0, abs=1e-12 * (1 + np.exp(z)))
        assert likelihood.information(np.array([z]))[0] == pytest.approx(
            sum(p * s**2 for _, p, s, _ in cases), rel=1e-10
        )
        assert sum(p * y for y, p, _, _ in cases) == pytest.approx(cases[0][3], rel=1e-12)


@each
def test_costs_are_those_of_scipy(likelihood, rng):
    z = rng.standard_normal(50) * 3
    y = {"linear": z + rng.standard_normal(50), "Poisson": rng.poisson(np.exp(z))}.get(
        likelihood.name, rng.integers(0, 2, 50)
    )
    right = {
        "linear": lambda: stats.norm.logpdf(y - z) + np.log(2 * np.pi) / 2,
        "logistic": lambda: stats.logistic.logcdf((2 * y - 1) * z),
        "Poisson": lambda: stats.poisson.logpmf(y, np.exp(z)),
        "probit": lambda: stats.norm.logcdf((2 * y - 1) * z),
    }[likelihood.name]()
    np.testing.assert_allclose(likelihood.cost(z, y), -right, rtol=1e-12, atol=1e-12)
    assert likelihood.total(z, y) == pytest.approx(-right.sum(), rel=1e-12)
    null = likelihood.cost(np.zeros(50), y).sum()
    assert likelihood.null(y) == pytest.approx(null, rel=1e-14) != pytest.approx(likelihood.total(z, y), rel=1e-3)


@each
@pytest.mark.parametrize(("mean", "deviation"), [(0.3, 0.1), (-1.0, 1.0), (2.0, 4.0)])
def test_predictions_are_averages_over_the_predictor(likelihood, mean, deviation):
    right, _ = integrate.quad(
        lambda t: float(likelihood.mean(np.array(mean + deviation * t))) * stats.norm.pdf(t), -12, 16,
        points=[-mean / deviation, deviation], epsabs=1e-13, epsrel=1e-12, limit=500,
    )  # fmt: skip
    found = likelihood.average(np.array([mean]), np.array([deviation]), "quadrature")
    assert found[0] == pytest.approx(right, rel=1e-10)
    assert likelihood.quadratic or abs(float(likelihood.mean(np.array(mean))) - right) > 1e-4
    if likelihood.name != "Poisson":  # its average at deviation 4 is that of nine deviations and more
        assert normal_average(likelihood.mean, np.array([mean]), np.array([deviation]))[0] == pytest.approx(
            right, rel=1e-9
        )


@each
def test_steepness_bounds_the_change_of_the_curvature(likelihood):
    z, h = np.linspace(-30, 30, 601), 1e-5
    bound = 1.0 if likelihood.steepness is None else likelihood.steepness(z)
    for y in labels_of(likelihood):
        logs = np.log([likelihood.curvature(z + s, np.full(z.size, y)) for s in (-h, h)])
        assert np.all(np.abs(logs[1] - logs[0]) / (2 * h) <= bound * (1 + 1e-5))


@pytest.mark.parametrize(
    ("likelihood", "y", "message"),
    [
        (Poisson(), [0, -1], "y must be >= 0; got -1"),
        (Poisson(), [0, 0.5], "y must be a whole number"),
        (Probit(), [0, 2], "y must be >= 0 and <= 1; got 2"),
        (Bernoulli(), [-1, 1], "y must be >= 0 and <= 1; got -1"),
        (Gaussian(), [0, np.inf], "y must be finite"),
        (SoftmaxRegression([[1.0]], [1], n_classes=2).likelihood, [2], "y must be >= 0 and <= 1; got 2"),
    ],
)
def test_labels_that_are_refused(likelihood, y, message):
    with pytest.raises(InvalidInputError, match=message):
        likelihood.labels(y)


def test_tails_of_the_probit_neither_overflow_nor_lose_digits():
    """The cost at −40 is 804.608442…; slopes are φ/Φ ~ t + 1/t − 2/t³, as far as squares are numbers."""
    likelihood = Probit()
    assert likelihood.cost(np.array(-40.0), 1) == pytest.approx(804.6084420137538, rel=1e-14)
    for t in (1e3, 1e8, 1e20):
        assert likelihood.slope(np.array(-t), 1) == pytest.approx(-t - 1 / t + 2 / t**3, rel=1e-15)
        assert likelihood.curvature(np.array(-t), 1) == pytest.approx(1 - 1 / t**2, rel=1e-11)
    assert likelihood.slope(np.array(50.0), 1) == 0 == likelihood.curvature(np.array(50.0), 1)


def test_counts_of_overflowing_means_cost_infinitely_much():
    with np.errstate(all="raise"):
        assert Poisson().cost(np.array([800.0]), np.array([3]))[0] == np.inf == Poisson().slope(np.array([800.0]), 3)[0]
    assert Poisson().cost(np.array([-800.0]), np.array([0]))[0] == 0
