"""The evidence as predictions: in any order, over all subsets, given a part, and one left out."""

import itertools

import numpy as np
import pytest
from scipy import stats

from sdetheory.errors import AccuracyWarning, InvalidInputError
from sdetheory.evidence import LinearModel, conditional_evidence, cross_validation, leave_one_out, sequential
from sdetheory.results import Estimate
from sdetheory.stats import agrees, required_samples

PRECISION, VARIANCE = 0.7, 0.3
INTERCEPTS = [None, "flat", "gaussian"]


def problem(rng, n, p):
    X = rng.standard_normal((n, p)) + 1.0
    return X, X @ rng.standard_normal(p) - 2.0 + 0.5 * rng.standard_normal(n)


def refit(X, y, i, intercept, precision=PRECISION, variance=VARIANCE):
    """Return ln p(yᵢ | y₋ᵢ) from a model of the others."""
    others = np.arange(len(y)) != i
    model = LinearModel(X[others], y[others], intercept=intercept)
    return model.posterior(precision, variance).predict(X[i : i + 1]).log_density(y[i : i + 1])[0]


@pytest.mark.parametrize("intercept", INTERCEPTS)
@pytest.mark.parametrize(("n", "p"), [(5, 2), (4, 7), (4, 4), (3, 0), (1, 2)])
def test_every_order_gives_the_joint_evidence(rng, n, p, intercept):
    model = LinearModel(*problem(rng, n, p), intercept=intercept)
    joint = model.log_evidence(PRECISION, VARIANCE)
    for order in itertools.permutations(range(n)):
        terms = sequential(model, PRECISION, VARIANCE, order=order)
        assert terms.sum() == pytest.approx(joint, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("intercept", INTERCEPTS)
@pytest.mark.parametrize("scale", [1.0, 1e-4])
def test_the_joint_of_larger_and_worse_problems(rng, intercept, scale):
    X = rng.standard_normal((60, 8)) * np.geomspace(1, scale, 8)
    model = LinearModel(X, X @ rng.standard_normal(8) + rng.standard_normal(60), intercept=intercept)
    for precision, variance in [(1e-6, 1.0), (1.0, 1e-6), (1e3, 10.0)]:
        order = rng.permutation(60)
        total = sequential(model, precision, variance, order=order).sum()
        assert total == pytest.approx(model.log_evidence(precision, variance), rel=1e-10)


def test_a_prior_far_wider_than_the_posterior_costs_no_digits(rng):
    """λσ² sixteen decades below s²: an update of the covariance would leave 1e-8."""
    X = 1e3 * rng.standard_normal((12, 4))
    model = LinearModel(X, X @ rng.standard_normal(4) + 1e6 * rng.standard_normal(12))
    total = sequential(model, 1e-7, 1e-4, order=rng.permutation(12)).sum()
    assert total == pytest.approx(model.log_evidence(1e-7, 1e-4), rel=1e-12)


@pytest.mark.parametrize("intercept", INTERCEPTS)
def test_each_term_is_the_prediction_of_the_model_so_far(rng, intercept):
    X, y = problem(rng, 8, 3)
    model, order = LinearModel(X, y, intercept=intercept), rng.permutation(8)
    terms = sequential(model, PRECISION, VARIANCE, order=order)
    for i in range(1, 8):
        assert terms[i] == pytest.approx(refit(X[order[: i + 1]], y[order[: i + 1]], i, intercept), rel=1e-10)


@pytest.mark.parametrize("intercept", INTERCEPTS)
@pytest.mark.parametrize(("n", "p"), [(8, 2), (6, 9), (5, 0), (1, 1)])
def test_scores_over_all_subsets_sum_to_the_evidence(rng, n, p, intercept):
    model = LinearModel(*problem(rng, n, p), intercept=intercept)
    scores = cross_validation(model, PRECISION, VARIANCE)
    assert scores.sum() == pytest.approx(model.log_evidence(PRECISION, VARIANCE), rel=1e-10, abs=1e-12)
    assert scores[0] == pytest.approx(leave_one_out(model, PRECISION, VARIANCE).mean(), rel=1e-10, abs=1e-12)


def test_the_known_model_of_six_observations_by_brute_force(rng):
    """Straight from the definition: every subset, every left-out point, a model fitted to the rest."""
    X, y = problem(rng, 5, 2)
    scores = cross_validation(LinearModel(X, y), PRECISION, VARIANCE)
    for k in range(1, 5):
        by_subset = []
        for out in itertools.combinations(range(5), k):
            rest = [i for i in range(5) if i not in out]
            posterior = LinearModel(X[rest], y[rest]).posterior(PRECISION, VARIANCE)
            by_subset.append(posterior.predict(X[list(out)]).log_density(y[list(out)]).mean())
        assert scores[k - 1] == pytest.approx(np.mean(by_subset), rel=1e-11)


ALPHA, POWER = 1e-4, 0.999


@pytest.mark.parametrize("intercept", [None, "flat"])
def test_sampled_scores_agree_with_all_subsets(rng, intercept):
    """Counting the learned in place of the left out reverses the scores: the error that must be seen."""
    model, precision = LinearModel(*problem(rng, 7, 3), intercept=intercept), 0.01
    exact = cross_validation(model, precision, VARIANCE)
    pilot = cross_validation(model, precision, VARIANCE, permutations=50, rng=rng)
    effect, deviation = np.abs(exact[:-1] - exact[-2::-1]), pilot.stderr[:-1] * 50**0.5
    clearest = int(np.argmax(effect / deviation))
    needed = required_samples(
        deviation=float(deviation[clearest]), effect=float(effect[clearest]), alpha=ALPHA / 6, power=POWER
    )
    n = max(400, needed)
    estimate = cross_validation(model, precision, VARIANCE, permutations=n, rng=rng)
    # The prior's score is the same in every order.
    assert estimate.value[-1] == pytest.approx(exact[-1], rel=1e-12)
    sampled = Estimate(value=estimate.value[:-1], stderr=estimate.stderr[:-1], n_eff=n)
    assert agrees(sampled, exact[:-1], alpha=ALPHA)
    assert not agrees(sampled, exact[-2::-1], alpha=ALPHA)


def test_sampling_is_reproducible(rng):
    model = LinearModel(*problem(rng, 20, 3))
    first, again = (cross_validation(model, PRECISION, VARIANCE, permutations=5, rng=7).value for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("intercept", INTERCEPTS)
@pytest.mark.parametrize(("n", "p"), [(30, 4), (6, 20), (5, 5), (4, 0), (2, 1)])
def test_leave_one_out_is_fitting_again(rng, n, p, intercept):
    X, y = problem(rng, n, p)
    model = LinearModel(X, y, intercept=intercept)
    expected = [refit(X, y, i, intercept) for i in range(n)]
    np.testing.assert_allclose(leave_one_out(model, PRECISION, VARIANCE), expected, rtol=1e-10)
    # Negative control: the residuals of the fit itself are too good.
    posterior = model.posterior(PRECISION, VARIANCE)
    fitted = stats.norm.logpdf(y, X @ posterior.mean + posterior.intercept, VARIANCE**0.5)
    if p:
        assert fitted.mean() > np.mean(expected) + 0.01


def test_leave_one_out_survives_an_observation_that_alone_knows_a_weight(rng):
    """Leverage 1 - 1e-10: 1 - h as a difference of squares would have six digits."""
    X, y = problem(rng, 12, 3)
    X[:, 2] = 0.0
    X[4, 2] = 1.0
    X = X @ np.linalg.qr(rng.standard_normal((3, 3)))[0]
    model, precision = LinearModel(X, y), 1e-10
    with pytest.warns(AccuracyWarning, match="rank of the inputs is 2"):  # without observation 4
        expected = np.array([refit(X, y, i, None, precision) for i in range(12)])
    np.testing.assert_allclose(leave_one_out(model, precision, VARIANCE), expected, rtol=1e-10)
    # Negative control.
    leverage = np.sum(X * np.linalg.solve(X.T @ X + precision * VARIANCE * np.eye(3), X.T).T, axis=1)
    naive = -0.5 * np.log(2 * np.pi * VARIANCE / (1 - leverage[4]))
    true = -0.5 * np.log(2 * np.pi * (VARIANCE + 1 / precision))
    assert abs(naive - true) > 1e-8


def test_leave_one_out_makes_curves(rng):
    model = LinearModel(*problem(rng, 9, 3))
    precisions, variances = np.geomspace(0.1, 10, 4), np.array([0.1, 1.0])
    curve = leave_one_out(model, precisions[:, None], variances)
    assert curve.shape == (4, 2, 9)
    np.testing.assert_allclose(curve[2, 1], leave_one_out(model, precisions[2], 1.0), rtol=1e-13)


@pytest.mark.parametrize("intercept", INTERCEPTS)
def test_conditional_evidence_is_the_tail_of_the_sequence(rng, intercept):
    model, order = LinearModel(*problem(rng, 9, 3), intercept=intercept), rng.permutation(9)
    tail = sequential(model, PRECISION, VARIANCE, order=order)[4:].sum()
    ours = conditional_evidence(model, [PRECISION, 1.0], VARIANCE, train_size=4, order=order)
    assert ours[0] == pytest.approx(tail, rel=1e-10)


def test_a_weak_prior_ruins_the_evidence_and_not_the_predictions(rng):
    """Lotfi et al.: the evidence falls by d/2 for each unit of -ln λ, the conditional evidence stays."""
    model, precisions = LinearModel(*problem(rng, 30, 3)), np.array([1e-6, 1e-8, 1e-10])
    slopes = np.diff(model.log_evidence(precisions, VARIANCE)) / np.diff(np.log(precisions))
    np.testing.assert_allclose(slopes, 1.5, rtol=1e-4)
    conditional = conditional_evidence(model, precisions, VARIANCE, train_size=20)
    assert np.ptp(conditional) < 1e-4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: sequential(m, 1.0, 1.0, order=[0, 0, 1]), "order must name each"),
        (lambda m: sequential(m, -1.0, 1.0), "prior_precision must be > 0"),
        (lambda m: conditional_evidence(m, 1.0, 1.0, train_size=3), "train_size must be >= 1 and <= 2"),
        (lambda m: cross_validation(m, 1.0, 1.0, permutations=1), "permutations must be >= 2"),
        (lambda m: leave_one_out(m, 1.0, 0.0), "noise_variance must be > 0"),
        (lambda m: cross_validation(m, 1.0, 5e-324), "noise_variance = .* beyond the range of doubles"),
        (lambda m: cross_validation(m, 1.0, 5e-324, permutations=2, rng=0), "beyond the range of doubles"),
    ],
)
def test_bad_requests_are_refused(rng, call, message):
    with pytest.raises(InvalidInputError, match=message):
        call(LinearModel(*problem(rng, 3, 2)))


def test_too_many_subsets_are_refused(rng):
    with pytest.raises(InvalidInputError, match="Give permutations"):
        cross_validation(LinearModel(*problem(rng, 15, 2)), 1.0, 1.0)
