"""Evidence of a likelihood and a prior, against closed forms and 30-digit quadrature."""

import re
from dataclasses import replace

import mpmath
import numpy as np
import pytest
from weight_models import gaussian, log_normal, logistic

from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.evidence import LinearModel, WeightModel
from sdetheory.models import LogisticRegression


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
        ({"start": [np.nan]}, "start must be finite"),
        ({"log_likelihood": lambda w: 0.0}, "log_likelihood must take weights (2, 1) to two finite numbers"),
        ({"log_prior": positive, "start": [-1.0]}, "log_prior must take weights (2, 1) to two finite numbers"),
    ],
)
def test_bad_parts_are_refused(parts, message):
    with pytest.raises(InvalidInputError, match=re.escape(message)):
        WeightModel(**({"log_likelihood": flat, "log_prior": lambda w: log_normal(w, 1.0), "start": [0.0]} | parts))


@pytest.mark.parametrize(
    "model", ["model", LogisticRegression([[1.0]], [1])], ids=["another type", "an improper prior"]
)
def test_models_without_a_proper_prior_are_refused(model):
    with pytest.raises(IncompatibleError, match="must be a LogisticRegression with prior_precision > 0"):
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
