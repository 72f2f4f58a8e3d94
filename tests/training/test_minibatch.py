"""Cov Ĝ = N(N/B − 1)F: by formula, by enumerating every batch, and by drawing batches."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

import sdetheory as st
from sdetheory.errors import InvalidInputError
from sdetheory.models import LogisticRegression, gradient_covariance
from sdetheory.results import mean_estimate
from sdetheory.stats import agrees, required_samples
from sdetheory.training.minibatch_noise import _without_replacement, minibatch_covariance

# False-alarm rate of one statistical assertion.
ALPHA = 1e-5
SAMPLINGS = ("without-replacement", "with-replacement")
VALUES = np.array([1.0, 2.0, 4.0, 7.0, 11.0, 16.0])
N = len(VALUES)
F = VALUES.var(ddof=1)
VARIANCES = {
    "without-replacement": dict(zip(range(1, 7), [1001, 400.4, 200.2, 100.1, 40.04, 0], strict=True)),
    "with-replacement": dict(zip(range(1, 7), [1001, 500.5, 1001 / 3, 250.25, 200.2, 1001 / 6], strict=True)),
}
CASES = [(sampling, b) for sampling in SAMPLINGS for b in range(1, 7)]


def squared_errors(b, sampling):
    """(Ĝ − G)² of every possible batch; all are equally likely."""
    batches = (
        itertools.combinations(VALUES, b) if sampling == "without-replacement" else itertools.product(VALUES, repeat=b)
    )
    return (N / b * np.array([sum(batch) for batch in batches]) - VALUES.sum()) ** 2


@pytest.mark.parametrize(("sampling", "b"), CASES)
def test_formula_and_enumeration_give_the_known_variances(sampling, b):
    expected = VARIANCES[sampling][b]
    # The noise scale is defined by Cov Ĝ = N g F/ε.
    formula = N * st.noise_scale(0.1, N, b, sampling=sampling) / 0.1 * gradient_covariance(VALUES[:, None])[0, 0]
    assert formula == pytest.approx(expected, rel=1e-13, abs=1e-13)
    assert squared_errors(b, sampling).mean() == pytest.approx(expected, rel=1e-13, abs=1e-13)


@pytest.mark.parametrize(("sampling", "b"), CASES)
def test_sampling_agrees_with_the_exact_variance_and_rejects_others(sampling, b, rng):
    """The smallest error that matters is N in the denominator of F: one part in six."""
    expected = VARIANCES[sampling][b]
    wrong = {"shortcut N²F/B": N * N / b * F}
    if expected > 0:
        wrong["1/N covariance"] = expected * (N - 1) / N
    if b > 1:
        (other,) = set(SAMPLINGS) - {sampling}
        wrong["the other sampling"] = VARIANCES[other][b]
    # The full batch has no error, so that any deviation would do; 1000 draws make the squares' mean nearly normal.
    deviation = max(squared_errors(b, sampling).std(), 1e-3)
    effect = min(abs(value - expected) for value in wrong.values())
    n = max(1000, required_samples(deviation=deviation, effect=effect, alpha=ALPHA, power=1 - 1e-5))
    measured = minibatch_covariance(VALUES[:, None], b, n_draws=n, sampling=sampling, rng=rng)
    assert agrees(measured.trace, expected, alpha=ALPHA)
    for formula, value in wrong.items():
        assert not agrees(measured.trace, value, alpha=ALPHA), formula
    assert measured.covariance[0, 0] == pytest.approx(measured.trace.value, rel=1e-12)


def test_standard_error_is_that_of_the_squared_errors(rng):
    """Its square, times the draws, is the variance of (Ĝ − G)² over all batches."""
    n = 20_000
    measured = minibatch_covariance(VALUES[:, None], 2, n_draws=n, rng=rng).trace
    exact = squared_errors(2, "without-replacement").std() / np.sqrt(n)
    # The relative error of a standard deviation is about √((κ − 1)/(4n)); κ < 10 here, so 5 % is over six of them.
    assert measured.stderr == pytest.approx(exact, rel=0.05)
    assert measured.n_eff == n


@pytest.fixture(scope="module")
def gradients():
    rng = np.random.default_rng(1710)
    model = LogisticRegression(rng.standard_normal((60, 5)), rng.integers(0, 2, 60), prior_precision=0.5)
    return model.per_example_gradients(rng.standard_normal(5))


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("b", [1, 7, 45, 59])
def test_noise_of_a_model_is_that_of_its_gradient_covariance(gradients, b, sampling, rng):
    """Trace, variance along every axis and along a random direction; N and B of one order, where N/B alone fails."""
    direction = rng.standard_normal(5)
    directions = np.vstack([np.eye(5), direction / np.linalg.norm(direction)])
    measured = minibatch_covariance(gradients, b, n_draws=20_000, directions=directions, sampling=sampling, rng=rng)
    exact = 60 * st.noise_scale(1.0, 60, b, sampling=sampling) * gradient_covariance(gradients)
    assert agrees(measured.trace, np.trace(exact), alpha=ALPHA)
    assert agrees(measured.projected, np.einsum("ki,ij,kj->k", directions, exact, directions), alpha=ALPHA)
    if b > 1 and sampling == "without-replacement":
        assert not agrees(measured.trace, np.trace(exact) * 60 / (60 - b), alpha=ALPHA)
    np.testing.assert_allclose(np.diag(measured.covariance), measured.projected.value[:5], rtol=1e-12)
    # The mean is unbiased: its squared error in units of its covariance is χ² with 5 degrees of freedom.
    error = measured.mean - gradients.sum(axis=0)
    assert error @ np.linalg.solve(exact / 20_000, error) < stats.chi2.isf(ALPHA, 5)


@pytest.mark.parametrize("b", [1, 2, 3, 5])
def test_every_batch_is_equally_likely(b, rng):
    """One of C(6, b) subsets, each with probability 1/C(6, b); a tenth more is rejected."""
    subsets = math.comb(6, b)
    likely = 1 / subsets
    n = required_samples(
        deviation=math.sqrt(likely * (1 - likely)), effect=0.1 * likely, alpha=ALPHA / subsets, power=1 - 1e-5
    )
    # Powers of two make the subset readable from its sum.
    codes = np.abs(_without_replacement(rng, n, 6, b) @ 2.0 ** np.arange(6))
    seen = np.unique(codes)
    assert len(seen) == subsets
    frequencies = mean_estimate(codes[:, None] == seen)
    assert agrees(frequencies, likely, alpha=ALPHA)
    assert not agrees(frequencies, 1.1 * likely, alpha=ALPHA)
    # Counted from the batch or from what it leaves out, with the right sign, the noise is that of a real batch.
    noise = N / b * (_without_replacement(rng, 100, N, b) @ (VALUES - VALUES.mean()))
    real = [N / b * sum(batch) - VALUES.sum() for batch in itertools.combinations(VALUES, b)]
    assert np.abs(noise[:, None] - real).min(axis=1).max() < 1e-12


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_draws_are_replayed_by_the_record(gradients, sampling):
    seeds = np.random.SeedSequence(5).spawn(2)
    for rng in (None, 3, np.random.default_rng(4), seeds[1]):
        first = minibatch_covariance(gradients, 6, n_draws=50, sampling=sampling, rng=rng)
        again = minibatch_covariance(gradients, 6, n_draws=50, sampling=sampling, rng=first.replay)
        np.testing.assert_array_equal(first.covariance, again.covariance)
        np.testing.assert_array_equal(first.mean, again.mean)
    assert first.projected is None


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_chunks_do_not_change_the_draws(gradients, sampling, monkeypatch):
    whole = minibatch_covariance(gradients, 6, n_draws=501, sampling=sampling, rng=1)
    monkeypatch.setattr("sdetheory.training.minibatch_noise._CHUNK_ENTRIES", 60 * 7)
    pieces = minibatch_covariance(gradients, 6, n_draws=501, sampling=sampling, rng=1)
    np.testing.assert_allclose(pieces.covariance, whole.covariance, rtol=1e-12)
    assert pieces.trace.stderr == pytest.approx(whole.trace.stderr, rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"per_example_gradients": [[1.0]]}, "at least 2 rows; got 1"),
        ({"per_example_gradients": [1.0, 2.0]}, "per_example_gradients must have shape"),
        ({"batch_size": 7}, "batch_size must be >= 1 and <= 6"),
        ({"batch_size": 0}, "batch_size must be >= 1 and <= 6"),
        ({"n_draws": 1}, "n_draws must be >= 2"),
        ({"sampling": "without replacement"}, "Did you mean 'without-replacement'"),
        ({"directions": [[2.0]]}, "unit vectors; got one of length 2. Divide"),
        ({"directions": [[1.0, 0.0]]}, r"directions must have shape \(any, 1\)"),
        ({"rng": -1}, "rng must be"),
    ],
)
def test_refusals(arguments, message):
    valid = {"per_example_gradients": VALUES[:, None], "batch_size": 2, "n_draws": 10}
    with pytest.raises(InvalidInputError, match=message):
        minibatch_covariance(**(valid | arguments))
