"""Langevin references say when they have not converged: of problems whose evidence quadrature gives."""

import warnings

import numpy as np
import pytest

from sdetheory.errors import AccuracyWarning
from sdetheory.evidence import annealed, laplace, quadrature, thermodynamic
from sdetheory.models import LogisticRegression


def problem(n, p, precision):
    """Return labels that one of p inputs decides, up to noise; with a weak prior the posterior is far from Gaussian."""
    rng = np.random.default_rng(n)
    X = rng.standard_normal((n, p))
    return laplace(LogisticRegression(X, (X[:, 0] + rng.standard_normal(n) > 0).astype(int)), precision)


PROBLEMS = [(20, 3, 1.0), (12, 2, 0.1), (8, 1, 0.03)]
HUNDREDTH = {thermodynamic: {"burn_in": 0.1, "duration": 0.5}, annealed: {"duration": 0.1}}


def z_score(found, exact):
    return float(getattr(found, "log_evidence", found).z_score(exact))


@pytest.mark.parametrize("reference", [thermodynamic, annealed])
@pytest.mark.parametrize("given", PROBLEMS)
def test_a_run_of_the_default_length_is_right_and_silent(reference, given):
    fit = problem(*given)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = reference(fit, rng=0)
    # At a false-alarm rate of 1e-4 each; thousands of samples are normal.
    assert abs(z_score(found, quadrature(fit))) < 3.9


@pytest.mark.parametrize("given", PROBLEMS)
def test_a_hundredth_of_the_default_length_is_wrong_and_warns(given):
    fit = problem(*given)
    with pytest.warns(AccuracyWarning, match=r"has not converged.*longer burn_in and duration"):
        found = thermodynamic(fit, rng=0, **HUNDREDTH[thermodynamic])
    # The start, Laplace's Gaussian, is still in the averages.
    assert abs(z_score(found, quadrature(fit))) > 3.9


def test_a_burn_in_alone_that_is_too_short_warns():
    """The whole run shows it, although its last half has long forgotten the start."""
    with pytest.warns(AccuracyWarning, match="has not converged"):
        thermodynamic(problem(8, 1, 0.03), burn_in=0.0, duration=10.0, rng=0)
