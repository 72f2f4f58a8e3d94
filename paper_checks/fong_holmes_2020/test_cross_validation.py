"""Sections 2 and 3: what the evidence has to do with cross-validation."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats

import sdetheory as st

ALPHA = 1e-6
PRECISION, VARIANCE = 0.5, 0.3


@pytest.fixture(scope="module")
def model():
    """Linear model of nine labels ±1 of MNIST 0/1 from three principal components."""
    data = st.datasets.mnist(train_size=200)
    centred = data.x_train - data.x_train.mean(axis=0)
    inputs = centred @ np.linalg.svd(centred, full_matrices=False)[2][:3].T
    return st.evidence.LinearModel(inputs[:9], 2 * data.y_train[:9] - 1)


def joint(model, chosen):
    """Return ln P of some observations, from the normal density of all of them at once."""
    rows = model.X[list(chosen)]
    if not len(rows):
        return 0.0
    covariance = VARIANCE * np.eye(len(rows)) + rows @ rows.T / PRECISION
    return float(scipy.stats.multivariate_normal(cov=covariance).logpdf(model.y[list(chosen)]))


@pytest.mark.claim("FH01")
def test_log_evidence_is_the_sum_of_the_leave_p_out_log_scores_for_all_p(record, model):
    """Σ S_p over all 2⁹ subsets is ln P(y); n S₁, the usual cross-validation, is not.

    Witnesses: the normal density of all labels, the package's evidence, its scores, and scores from joint densities of
    subsets of the first six labels, P(y_j | y_S) = P(y_j, y_S)/P(y_S).
    """
    scores = st.evidence.cross_validation(model, PRECISION, VARIANCE)
    alone = st.evidence.leave_one_out(model, PRECISION, VARIANCE)
    wrong = {"n times leave-one-out": float(alone.sum()), "without the prior's score": float(scores[:-1].sum())}
    exact = joint(model, range(9))
    record(label="LinearModel", predicted=exact, measured=model.log_evidence(PRECISION, VARIANCE), rtol=1e-11,
           wrong_predictions=wrong)  # fmt: skip
    record(label="leave-one-out in closed form", predicted=scores[0], measured=alone.mean(), rtol=1e-11,
           wrong_predictions={"leave-two-out": scores[1]})  # fmt: skip

    known, total = {}, 0.0
    for size in range(7):
        known |= {frozenset(chosen): joint(model, chosen) for chosen in itertools.combinations(range(6), size)}
    for left_out in range(1, 7):
        gains = [
            known[frozenset({*kept, j})] - known[frozenset(kept)]
            for kept in itertools.combinations(range(6), 6 - left_out)
            for j in set(range(6)) - set(kept)
        ]
        total += float(np.mean(gains))
    six = st.evidence.LinearModel(model.X[:6], model.y[:6])
    alone = st.evidence.leave_one_out(six, PRECISION, VARIANCE)
    record(label="subsets of six", predicted=joint(model, range(6)), measured=total, rtol=1e-11,
           wrong_predictions={"n times leave-one-out": alone.sum()})  # fmt: skip
    record(label="sum of the scores", predicted=exact, measured=scores.sum(), rtol=1e-11, wrong_predictions=wrong)


@pytest.mark.claim("FH02")
def test_sum_of_scores_of_predictions_is_free_of_the_order_for_the_log_score_alone(record, model, rng):
    """Fifty orders: the sums of log scores agree to rounding, those of errors spread by some per cent."""
    orders = [rng.permutation(9) for _ in range(50)]

    def errors(order, power):
        total = 0.0
        for i in range(9):
            seen = order[:i]
            guess = 0.0
            if i:
                part = st.evidence.LinearModel(model.X[seen], model.y[seen]).posterior(PRECISION, VARIANCE)
                guess = float(part.mean @ model.X[order[i]])
            total += abs(model.y[order[i]] - guess) ** power
        return total

    logs = [float(st.evidence.sequential(model, PRECISION, VARIANCE, order=order).sum()) for order in orders]
    absolute, squared = ([errors(order, power) for order in orders[:8]] for power in (1, 2))

    def spread(values):
        return float(np.ptp(values)) / abs(float(np.mean(values)))

    record(
        label="the sum is the log evidence",
        predicted=model.log_evidence(PRECISION, VARIANCE),
        measured=logs,
        rtol=1e-11,
        wrong_predictions={"n times leave-one-out": st.evidence.leave_one_out(model, PRECISION, VARIANCE).sum()},
    )
    record(
        label="spread over orders",
        predicted=0.0,
        measured=spread(logs),
        rtol=0.0,
        atol=1e-11,
        wrong_measurements={"squared error": spread(squared), "absolute error": spread(absolute)},
    )


@pytest.mark.claim("FH03")
def test_a_vague_prior_sinks_only_the_scores_of_training_sets_smaller_than_the_number_of_weights(record, model):
    """With three weights S₇, S₈ and S₉ have the slope ½ in ln λ for λ → 0, all others none; so the evidence has 3/2."""
    precisions = np.array([1e-8, 1e-12])
    scores = np.array([st.evidence.cross_validation(model, precision, VARIANCE) for precision in precisions])
    slopes = np.diff(scores, axis=0)[0] / np.diff(np.log(precisions))
    record(
        label="slope of each score",
        predicted=np.repeat([0.0, 0.5], [6, 3]),
        measured=slopes,
        rtol=0.0,
        atol=1e-6,
        wrong_predictions={"spread over all": np.full(9, 1 / 6), "prior alone": np.eye(9)[8] * 1.5},
    )
    first = st.evidence.conditional_evidence(model, precisions, VARIANCE, train_size=3)
    record(
        label="slope of the log evidence",
        predicted=1.5,
        measured=float(np.diff(model.log_evidence(precisions, VARIANCE))[0] / np.diff(np.log(precisions))[0]),
        rtol=1e-6,
        wrong_predictions={"no slope": 0.0, "n/2": 4.5},
        wrong_measurements={"given three examples": float(np.diff(first)[0] / np.diff(np.log(precisions))[0])},
    )


@pytest.mark.claim("FH04")
def test_scores_from_random_orders_have_the_mean_of_all_subsets(record, model, rng, full):
    """Each order gives one subset of each size. A deviation of a tenth of the largest score would matter."""
    scores = st.evidence.cross_validation(model, PRECISION, VARIANCE)
    pilot = st.evidence.cross_validation(model, PRECISION, VARIANCE, permutations=200, rng=rng)
    deviation = float(np.max(pilot.stderr)) * math.sqrt(200)
    orders = st.stats.required_samples(deviation=deviation, effect=0.1, alpha=ALPHA / 9, power=1 - 1e-6)
    orders = max(orders, 2000) * (1 if full is None else 30)
    sampled = st.evidence.cross_validation(model, PRECISION, VARIANCE, permutations=orders, rng=rng)
    record(
        predicted=scores[1:8],
        measured=sampled[1:8],
        alpha=ALPHA,
        wrong_predictions={"one more left out": scores[2:], "one less left out": scores[:7]},
    )
