"""The bound on the expected log loss: its parts against quadrature, itself against data."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.evidence import LinearModel, pac_bayes_bound
from sdetheory.evidence.pac_bayes import _log_moment

KNOWN = {"input_variance": 1.0, "true_weight_norm": 0.5, "true_noise_variance": 0.8}


def sample(rng, n, p):
    weights = np.zeros(p)
    weights[0] = KNOWN["true_weight_norm"]
    X = rng.standard_normal((n, p)) * KNOWN["input_variance"] ** 0.5
    return X, X @ weights + rng.standard_normal(n) * KNOWN["true_noise_variance"] ** 0.5, weights


@pytest.mark.parametrize(("n", "power", "precision"), [(5, 1.0, 8.0), (100, 0.05, 8.0), (1000, 1.0, 2000.0)])
def test_the_moment_is_the_integral_over_the_prior(n, power, precision):
    """One weight: Ψ by quadrature over it."""
    variance, noise, mean = 0.9, 0.8, 0.5

    def log_integrand(w):
        z = (noise + (w - mean) ** 2) / variance
        return n * (0.5 * power * z - 0.5 * np.log1p(power * z)) + stats.norm.logpdf(w, scale=precision**-0.5)

    grid = np.linspace(-20, 20, 400_001)
    peak = float(np.max(log_integrand(grid)))
    integral = integrate.quad(
        lambda w: np.exp(log_integrand(w) - peak),
        -20,
        20,
        points=[float(grid[np.argmax(log_integrand(grid))])],
        limit=2000,
        epsrel=1e-11,
    )[0]
    ours = _log_moment(n, 1, power, noise / variance, 1 / (precision * variance), mean**2 * precision)
    assert ours == pytest.approx(math.log(integral) + peak, rel=1e-8)


def test_the_moment_of_a_prior_that_is_a_point_needs_no_integral():
    """λ → ∞: every w is 0, and z is (σ*² + σ_x² |w*|²)/σ²."""
    z = (0.8 + 0.25) / 0.9
    ours = _log_moment(50, 3, 0.4, 0.8 / 0.9, 1 / (1e12 * 0.9), 0.25 * 1e12)
    assert ours == pytest.approx(50 * (0.2 * z - 0.5 * math.log1p(0.4 * z)), rel=1e-8)


@pytest.mark.parametrize(("n", "power"), [(4, 1.0), (60, 0.2)])
def test_the_bound_holds(rng, n, power):
    """It may fail on δ of the data sets; Markov's step makes that rare. Without Ψ it fails much more often."""
    precision, variance, p, delta, runs = 15.0, 0.9, 2, 0.5, 300
    failures = without_moment = 0
    for _ in range(runs):
        X, y, weights = sample(rng, n, p)
        model = LinearModel(X, y)
        bound = pac_bayes_bound(model, precision, variance, delta=delta, power=power, **KNOWN)
        posterior = model.posterior(precision, variance / power)
        error = KNOWN["true_noise_variance"] + KNOWN["input_variance"] * (
            np.sum((posterior.mean - weights) ** 2) + np.trace(posterior.covariance)
        )
        loss = 0.5 * (math.log(2 * math.pi * variance) + error / variance)
        spread = KNOWN["input_variance"] / (precision * variance)
        moment = _log_moment(n, p, power, KNOWN["true_noise_variance"] / variance, spread, 0.25 * precision)
        failures += loss > bound
        without_moment += loss > bound - moment / (n * power)
    # α = 1e-4 for a rate of exactly δ, which is the worst that is allowed.
    allowed = stats.binom(runs, delta).isf(1e-4)
    assert failures <= allowed
    assert without_moment > failures


def test_markov_is_what_the_bound_rests_on(rng):
    """E over data and prior of exp(nτ(L - L̂)) is e^Ψ: a bounded check of the exact moment, at a small power."""
    n, p, power, precision, variance = 5, 2, 0.1, 15.0, 0.9
    _, _, weights = sample(rng, n, p)
    draws = 40_000
    w = rng.standard_normal((draws, p)) * precision**-0.5
    X = rng.standard_normal((draws, n, p))
    y = X @ weights + rng.standard_normal((draws, n)) * KNOWN["true_noise_variance"] ** 0.5
    residual = np.sum((y - np.einsum("dnp,dp->dn", X, w)) ** 2, axis=1)
    error = KNOWN["true_noise_variance"] + np.sum((w - weights) ** 2, axis=1)
    values = np.exp(power * (n * error - residual) / (2 * variance))
    moment = math.exp(_log_moment(n, p, power, KNOWN["true_noise_variance"] / variance, 1 / (15.0 * 0.9), 0.25 * 15.0))
    # α = 1e-4 (z = 3.9); the plausible error, √(1 + z) for its inverse, moves it by far more.
    stderr = values.std() / draws**0.5
    assert abs(values.mean() - moment) < 3.9 * stderr
    assert abs(moment - 1) > 10 * stderr


def test_better_evidence_is_a_better_bound(rng):
    X, y, _ = sample(rng, 30, 2)
    good, bad = LinearModel(X, y), LinearModel(X, y[::-1])
    values = [pac_bayes_bound(model, 40.0, 0.9, **KNOWN) for model in (good, bad)]
    gap = good.log_evidence(40.0, 0.9) - bad.log_evidence(40.0, 0.9)
    assert values[1] - values[0] == pytest.approx(gap / 30, rel=1e-10)


def test_a_wide_prior_has_no_bound(rng):
    X, y, _ = sample(rng, 30, 2)
    assert pac_bayes_bound(LinearModel(X, y), 33.0, 0.9, **KNOWN) == math.inf  # 30/(33·0.9) > 1
    assert pac_bayes_bound(LinearModel(X, y), 34.0, 0.9, **KNOWN) < math.inf


def test_bad_requests_are_refused(rng):
    X, y, _ = sample(rng, 5, 2)
    with pytest.raises(InvalidInputError, match="delta must be > 0 and < 1"):
        pac_bayes_bound(LinearModel(X, y), 1.0, 1.0, delta=1.0, **KNOWN)
    with pytest.raises(IncompatibleError, match="without intercept"):
        pac_bayes_bound(LinearModel(X, y, intercept="flat"), 1.0, 1.0, **KNOWN)
    for changes, words in (
        ({"power": 5e-324}, "power must be so large"),
        ({"power": 0.01, "true_weight_norm": 1e300}, "true_weight_norm = 1e[+]300"),
        ({"power": 0.01, "true_noise_variance": 1e300}, "true_noise_variance = 1e[+]300"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            pac_bayes_bound(LinearModel(X, y), 1.0, 1.0, **(KNOWN | changes))
    assert pac_bayes_bound(LinearModel(X, y), 5e-324, 0.1, **KNOWN) == math.inf
