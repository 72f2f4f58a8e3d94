"""Stochastic Lanczos quadrature against the whole spectrum: within its error, and bounded from both sides."""

import numpy as np
import pytest

from sdetheory import stats
from sdetheory.errors import AccuracyWarning, InvalidInputError
from sdetheory.evidence import lanczos_evidence, laplace
from sdetheory.models import ReLUNetwork

ALPHA = 1e-6
CURVE = np.array([0.1, 1.0, 10.0])

# The formulas hold at any weights, also where they say nothing of a network.
pytestmark = pytest.mark.filterwarnings("ignore:the local log evidence")


@pytest.fixture
def model(rng):
    X = rng.standard_normal((40, 5))
    return ReLUNetwork(X, (X @ rng.standard_normal((5, 4))).argmax(axis=1), hidden=8, n_classes=4, dtype="float64")


@pytest.fixture
def w(model, rng):
    return model.initial(rng) + 0.1 * rng.standard_normal(model.dimension)


def test_evidence_is_within_its_error_at_all_prior_precisions(model, w, rng):
    """400 probes have standard errors of about 1 % of ln det, so that one of 15 % is seen almost surely."""
    exact = laplace(model, CURVE, about=w)
    found = lanczos_evidence(model, CURVE, about=w, n_probes=400, n_steps=60, rng=rng)
    assert found.truncation.max() < 0.05 * found.log_evidence.stderr.min()
    for i in range(3):
        assert stats.agrees(found.log_evidence[i], exact.log_evidence[i], alpha=ALPHA / 3)
        assert stats.agrees(found.half_log_curvature_ratio[i], exact.occam.half_log_curvature_ratio[i], alpha=ALPHA / 3)
        wrong = exact.log_evidence[i] + 0.15 * exact.occam.half_log_curvature_ratio[i]
        assert not stats.agrees(found.log_evidence[i], wrong, alpha=ALPHA / 3)
    np.testing.assert_allclose(found.gradient_term, exact.gradient_term, atol=1e-6)
    np.testing.assert_allclose(found.weight_penalty, exact.occam.weight_penalty, rtol=1e-13)


@pytest.mark.parametrize("n_steps", [4, 8, 16])
def test_truncation_is_bounded(model, w, n_steps):
    """The same probes with all steps that there are: the difference is truncation alone."""
    whole = lanczos_evidence(model, CURVE, about=w, n_probes=10, n_steps=10_000, rng=1)
    with pytest.warns(AccuracyWarning, match="Lanczos steps") if n_steps < 16 else _nothing():
        short = lanczos_evidence(model, CURVE, about=w, n_probes=10, n_steps=n_steps, rng=1)
    error = np.abs(short.log_evidence.value - whole.log_evidence.value)
    assert np.all(error <= short.truncation + whole.truncation + 1e-9)
    assert np.all(whole.truncation < 1e-3)
    # Neither bound is empty: they are within a factor of a thousand of the error where it can be seen.
    seen = error > 1e-6
    assert np.all(short.truncation[seen] < 1e3 * error[seen])


def _nothing():
    from contextlib import nullcontext

    return nullcontext()


def test_seed_decides(model, w):
    one, two, other = (lanczos_evidence(model, 1.0, about=w, n_probes=4, n_steps=40, rng=s) for s in (5, 5, 6))
    assert one.log_evidence.value == two.log_evidence.value != other.log_evidence.value


def test_arguments_are_refused(model, w):
    for name, options in (("n_probes", {"n_probes": 1}), ("n_steps", {"n_steps": 1})):
        with pytest.raises(InvalidInputError, match=name):
            lanczos_evidence(model, 1.0, about=w, **options)
    with pytest.raises(InvalidInputError, match="prior_precision"):
        lanczos_evidence(model, 0.0, about=w)
    with pytest.raises(InvalidInputError, match="about"):
        lanczos_evidence(model, 1.0, about=w[1:])
