"""Langevin references say when they have not converged: of problems whose evidence quadrature gives."""

import warnings

import numpy as np
import pytest

from sdetheory.errors import AccuracyWarning
from sdetheory.evidence import annealed, laplace, quadrature, thermodynamic
from sdetheory.evidence.classifiers.thermodynamic import _AT_ONE_LIFE
from sdetheory.models import LogisticRegression
from sdetheory.stats import agrees

ALPHA = 1e-4  # false-alarm rate of one statistical assertion


def problem(n, p, precision):
    """Return labels that one of p inputs decides, up to noise; with a weak prior the posterior is far from Gaussian."""
    rng = np.random.default_rng(n)
    X = rng.standard_normal((n, p))
    return laplace(LogisticRegression(X, (X[:, 0] + rng.standard_normal(n) > 0).astype(int)), precision)


PROBLEMS = [(20, 3, 1.0), (12, 2, 0.1), (10, 2, 1.0)]


@pytest.mark.parametrize("given", PROBLEMS)
def test_runs_of_the_default_length_are_right_and_silent(given):
    fit = problem(*given)
    exact = quadrature(fit)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        integral, work = thermodynamic(fit, n_paths=64, rng=0), annealed(fit, n_paths=1000, rng=0).log_evidence
    assert agrees(integral, exact, alpha=ALPHA) and agrees(work, exact, alpha=ALPHA)


@pytest.mark.parametrize("given", PROBLEMS)
def test_a_hundredth_of_the_default_length_warns(given):
    """Laplace's Gaussian, the start, is still in the averages: by six standard errors and more."""
    fit = problem(*given)
    with pytest.warns(AccuracyWarning, match=r"has not converged.*longer burn_in and duration"):
        found = thermodynamic(fit, burn_in=0.1, duration=0.5, rng=0)
    assert not agrees(found, quadrature(fit), alpha=ALPHA)
    with pytest.warns(AccuracyWarning, match=r"annealing is too fast.*longer duration"):
        annealed(fit, n_paths=1000, duration=0.1, rng=0)


def test_a_start_that_is_not_forgotten_warns():
    """Without a burn-in the averages hold the way from the start."""
    with pytest.warns(AccuracyWarning, match="has not converged"):
        thermodynamic(problem(12, 2, 0.1), burn_in=0.0, duration=5.0, rng=0)


def test_a_number_that_forgets_has_the_correlation_of_one_life(rng):
    """Of an Ornstein-Uhlenbeck process: with its own average over one relaxation time, in 100 exact steps."""
    n, steps = 20_000, 100
    x = start = rng.standard_normal(n)
    total = np.zeros(n)
    for _ in range(steps):
        total += x / 2
        x = np.exp(-1 / steps) * x + np.sqrt(-np.expm1(-2 / steps)) * rng.standard_normal(n)
        total += x / 2
    # By Fisher's z, five deviations.
    assert abs(np.arctanh(np.corrcoef(start, total)[0, 1]) - np.arctanh(_AT_ONE_LIFE)) < 5 / np.sqrt(n)
