"""Evidence of a likelihood and a prior, against closed forms and 30-digit quadrature."""

import re
from dataclasses import replace

import mpmath
import numpy as np
import pytest
from scipy import special
from weight_models import gaussian, log_normal, logistic

from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.evidence import LinearModel, WeightModel
from sdetheory.models import LogisticRegression, SoftmaxRegression


@pytest.mark.parametrize("d", [1, 2, 3])
def test_gaussian_posteriors_are_exact_by_quadrature_and_by_laplace(rng, d):
    """Against the closed form; a prior of another variance is rejected."""
    X, y = rng.standard_normal((10, d)), rng.standard_normal(10)
    exact = LinearModel(X, y).log_evidence(0.7, 0.4)
    model = gaussian(X, y, 0.7, 0.4)
    assert model.log_evidence() == pytest.approx(exact, abs=1e-10)
    assert model.log_laplace() == pytest.approx(exact, abs=1e-9)
    np.testing.assert_allclose(model.mode(), LinearModel(X, y).posterior(0.7, 0.4).mean, rtol=1e-8)
    assert gaussian(X, y, 0.8, 0.4).log_evidence() != pytest.approx(exact, abs=1e-3)


def test_logistic_evidence_and_laplace_in_one_dimension(rng):
    data = logistic(rng, d=1)
    model = WeightModel.of(data)

    def cost(w):
        margins = [(1 - 2 * int(y)) * x * w for x, y in zip(data.X[:, 0], data.y, strict=True)]
        prior = mpmath.mpf(data.prior_precision)
        return (
            sum(mpmath.log1p(mpmath.exp(m)) for m in margins) + prior * w**2 / 2 - mpmath.log(prior / 2 / mpmath.pi) / 2
        )

    with mpmath.workdps(30):
        evidence = mpmath.log(mpmath.quad(lambda w: mpmath.exp(-cost(w)), mpmath.linspace(-15, 15, 13)))
        mode = mpmath.findroot(lambda w: mpmath.diff(cost, w), 1.0)
        laplace = -cost(mode) + mpmath.log(2 * mpmath.pi / mpmath.diff(cost, mode, 2)) / 2
    assert model.log_evidence() == pytest.approx(float(evidence), abs=1e-10)
    assert model.log_laplace() == pytest.approx(float(laplace), abs=1e-11)
    assert abs(evidence - laplace) > 1e-3


def test_derivatives_by_differences_are_those_in_closed_form(rng):
    model = WeightModel.of(logistic(rng))
    without = replace(model, derivatives=None)
    for exact, numeric in zip(
        model.gradient_and_hessian([0.3, 0.4]), without.gradient_and_hessian([0.3, 0.4]), strict=True
    ):
        np.testing.assert_allclose(numeric, exact, rtol=1e-8)
    assert without.log_laplace() == pytest.approx(model.log_laplace(), abs=1e-9)


def test_cost_takes_any_batch(rng):
    data = logistic(rng)
    model, w = WeightModel.of(data), rng.standard_normal((4, 3, 2))
    constant = np.log(data.prior_precision / (2 * np.pi))
    expected = [[data.cost(point) - constant for point in row] for row in w]
    np.testing.assert_allclose(model.cost(w), expected, rtol=1e-12)
    assert model.cost(w[0, 0]) == pytest.approx(expected[0][0], rel=1e-12)


def flat(w):
    return np.zeros(len(w))


def positive(w):
    """Return the log density e^-w on w > 0."""
    return np.where(w[:, 0] > 0, -w[:, 0], -np.inf)


def test_weights_that_the_prior_forbids_have_infinite_cost():
    model = WeightModel(
        log_likelihood=lambda w: np.log(w[:, 0]),
        log_prior=positive,
        start=[2.0],
        derivatives=lambda w: (1 - 1 / w, np.diag(w**-2)),
    )
    assert model.cost(np.array([[-1.0], [1.0]])).tolist() == [np.inf, 1.0]
    np.testing.assert_allclose(model.mode(), [1.0], rtol=1e-7)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"start": []}, "start must hold at least one weight"),
        ({"start": 1.0}, "start must have shape (any,)"),
        ({"derivatives": np.nan}, "derivatives must be a function"),
        ({"start": [np.nan]}, "start must be finite"),
        ({"log_likelihood": lambda w: 0.0}, "log_likelihood must take weights (2, 1) to two finite numbers"),
        ({"log_prior": positive, "start": [-1.0]}, "log_prior must take weights (2, 1) to two finite numbers"),
    ],
)
def test_bad_parts_are_refused(parts, message):
    with pytest.raises(InvalidInputError, match=re.escape(message)):
        WeightModel(**({"log_likelihood": flat, "log_prior": lambda w: log_normal(w, 1.0), "start": [0.0]} | parts))


@pytest.mark.parametrize("given", [lambda w: w, lambda w: (w, w), lambda w: (w, np.eye(1), 0.0), lambda w: 1 / 0])
def test_derivatives_that_are_none_are_refused(given):
    model = WeightModel(log_likelihood=flat, log_prior=lambda w: log_normal(w, 1.0), start=[0.0], derivatives=given)
    with pytest.raises(InvalidInputError, match="derivatives must"):
        model.gradient_and_hessian([0.0])


@pytest.mark.parametrize(
    "model", ["model", LogisticRegression([[1.0]], [1])], ids=["another type", "an improper prior"]
)
def test_models_without_a_proper_prior_are_refused(model):
    with pytest.raises(IncompatibleError, match="must have prior_precision > 0"):
        WeightModel.of(model)


def test_integrals_that_are_out_of_reach_are_refused(rng):
    with pytest.raises(InvalidInputError, match="up to three weights; got 4"):
        WeightModel.of(logistic(rng, d=4)).log_evidence()
    heavy = WeightModel(log_likelihood=flat, log_prior=lambda w: -np.log1p(w**2).sum(axis=-1), start=[0.1, 0.1])
    with pytest.raises(InvalidInputError, match="must fall off on every side"):
        heavy.log_evidence()
    step = WeightModel(
        log_likelihood=flat,
        log_prior=lambda w: -0.5 * w[:, 0] ** 2 - (w[:, 0] > 0.3),
        start=[0.1],
        derivatives=lambda w: (w, np.eye(1)),
    )
    with pytest.raises(InvalidInputError, match="did not converge"):
        step.log_evidence()


@pytest.mark.parametrize("curvature", [-1.0, 0.0])
def test_costs_without_a_minimum_are_refused(curvature):
    model = WeightModel(
        log_likelihood=flat,
        log_prior=lambda w: w[:, 0] - 0.5 * curvature * w[:, 0] ** 2,
        start=[0.0],
        derivatives=lambda w: (curvature * w - 1, curvature * np.eye(1)),
    )
    with pytest.raises(InvalidInputError, match="no minimum of the cost was found"):
        model.mode()


def test_differences_across_a_kink_are_refused():
    kink = WeightModel(log_likelihood=flat, log_prior=lambda w: -np.abs(w[:, 0] - 0.1), start=[0.1])
    with pytest.raises(InvalidInputError, match="smooth enough to be differentiated"):
        kink.mode()


def test_densities_that_are_no_numbers_are_refused():
    model = WeightModel(
        log_likelihood=lambda w: np.where(w[:, 0] > 1, np.nan, 0.0), log_prior=lambda w: log_normal(w, 1.0), start=[0.0]
    )
    with pytest.raises(InvalidInputError, match=re.escape("must be numbers; got nan at [2.0]")):
        model.cost([2.0])
    with pytest.raises(InvalidInputError, match=re.escape("w must have shape (..., 1); got shape (2,)")):
        model.cost([1.0, 2.0])


def support(low, high, log_density):
    """Return a log prior on low < w < high that is no number outside."""
    return lambda w: np.where((w[:, 0] > low) & (w[:, 0] < high), log_density(w[:, 0]), -np.inf)


@pytest.mark.parametrize("start", [0.5, 0.01, 0.999])
def test_a_share_has_two_bounds(start):
    """Seven of ten with a uniform prior: B(8, 4), without derivatives, in logarithms that exist in between only."""
    model = WeightModel(
        log_likelihood=lambda w: 7 * np.log(w[:, 0]) + 3 * np.log1p(-w[:, 0]),
        log_prior=support(0, 1, np.zeros_like),
        start=[start],
    )
    np.testing.assert_allclose(model.mode(), [0.7], rtol=1e-9)
    assert model.log_evidence() == pytest.approx(special.betaln(8, 4), abs=1e-8)
    laplace = 7 * np.log(0.7) + 3 * np.log(0.3) + 0.5 * np.log(2 * np.pi * 0.021)
    assert model.log_laplace() == pytest.approx(laplace, abs=1e-8)


@pytest.mark.parametrize(
    ("log_likelihood", "log_prior", "start", "expected"),
    [
        (lambda w: 5 * np.log(w[:, 0]), support(0, 1, np.zeros_like), 0.5, -np.log(6)),  # the mode at the edge
        (flat, support(0, np.inf, np.negative), 1.0, 0.0),  # another
        (flat, support(-np.inf, 3, lambda w: w - 3), -20.0, 0.0),
        (lambda w: -0.5 * w[:, 0] ** 2, support(-1, 1, lambda w: 0 * w - np.log(2)), 0.3, np.log(0.8556243918921488)),
        (flat, support(0, np.inf, lambda w: -w - 0.5 * np.log(np.pi * w)), 1.0, 0.0),  # the density infinite there
    ],
)
def test_densities_that_do_not_vanish_at_their_bounds(log_likelihood, log_prior, start, expected):
    """The last but one is √(2π)(Φ(1) − Φ(−1))/2; a trapezoidal rule across a jump would have errors of its step."""
    model = WeightModel(log_likelihood=log_likelihood, log_prior=log_prior, start=[start])
    assert model.log_evidence() == pytest.approx(expected, abs=1e-9)


def test_a_mode_at_the_edge_has_no_laplace_approximation():
    model = WeightModel(log_likelihood=flat, log_prior=support(0, np.inf, np.negative), start=[1.0])
    with pytest.raises(InvalidInputError, match="such as ln w"):
        model.log_laplace()


@pytest.mark.parametrize("scale", [1e-100, 1e-8, 1e-3, 1e3, 1e8, 1e100])
@pytest.mark.parametrize("start", [1e-3, 1.0, 100.0])
def test_rates_of_any_size_from_any_start(scale, start):
    """Counts with a gamma prior of the rate, in closed form."""
    y, shape = np.array([3, 4, 2]), 2.0
    model = WeightModel(
        log_likelihood=lambda w: (y * np.log(w / scale) - w / scale - special.gammaln(y + 1)).sum(axis=1),
        log_prior=support(0, np.inf, lambda w: (shape - 1) * np.log(w / scale) - w / scale - np.log(scale)),
        start=[start * scale],
    )
    expected = special.gammaln(shape + 9) - (shape + 9) * np.log(4) - special.gammaln(y + 1).sum()
    assert model.log_evidence() == pytest.approx(expected, abs=1e-9)
    np.testing.assert_allclose(model.mode(), [2.5 * scale], rtol=1e-7)
    assert model.log_laplace() == pytest.approx(expected - 0.00833056343, abs=1e-8)  # Stirling's remainder of Γ(11)


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("start", [0.0, 1e3, -50.0])
@pytest.mark.parametrize("exact", [False, True])
def test_weights_of_different_sizes_from_a_poor_start(scale, start, exact):
    """A correlated Gaussian, normalized: ln 1. The start is a thousand standard deviations away."""
    centre, unit, precision = np.array([3.0, -1.0]), np.array([scale, 1.0]), np.linalg.inv([[1.0, 0.6], [0.6, 2.0]])

    def log_prior(w):
        z = w / unit - centre
        return -0.5 * np.sum(z @ precision * z, axis=1) - np.log(2 * np.pi * scale * np.sqrt(1.64))

    def derivatives(w):
        return precision @ (w / unit - centre) / unit, precision / unit / unit[:, None]

    model = WeightModel(log_likelihood=flat, log_prior=log_prior, start=start * unit,
                        derivatives=derivatives if exact else None)  # fmt: skip
    np.testing.assert_allclose(model.mode(), centre * unit, rtol=1e-6)
    assert model.log_evidence() == pytest.approx(0.0, abs=1e-9)
    assert model.log_laplace() == pytest.approx(0.0, abs=1e-8)


def test_any_model_with_a_proper_prior_has_a_weight_model(rng):
    """And its own cost is what is integrated."""
    X, y = rng.standard_normal((8, 1)), rng.integers(0, 2, 8)
    softmax = SoftmaxRegression(X, y, prior_precision=0.5)
    grid = np.linspace(-14, 14, 281)
    points = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1).reshape(-1, 2)
    exact = special.logsumexp(-softmax.cost(points)) + 2 * np.log(0.1) + np.log(0.5 / (2 * np.pi))
    assert WeightModel.of(softmax).log_evidence() == pytest.approx(exact, abs=1e-6)

    class Tempered(LogisticRegression):
        __slots__ = ()

        def cost(self, w):
            return 0.5 * super().cost(w) + 0.25 * self.prior_precision * np.sum(np.square(w), axis=-1)

        def gradient(self, w):
            return 0.5 * super().gradient(w) + 0.5 * self.prior_precision * np.asarray(w)

        def hessian(self, w):
            return 0.5 * super().hessian(w) + 0.5 * self.prior_precision * np.eye(self.dimension)

    labels = y > 0
    model = WeightModel.of(Tempered(X, labels, prior_precision=0.5))
    w = np.linspace(-20, 20, 2001)[:, None]
    tempered = -0.5 * np.logaddexp(0.0, (1 - 2 * labels) * (w @ X.T)).sum(axis=1) - 0.25 * w[:, 0] ** 2
    exact = special.logsumexp(tempered) + np.log(0.02) + 0.5 * np.log(0.5 / (2 * np.pi))
    assert model.log_evidence() == pytest.approx(exact, abs=1e-9)
