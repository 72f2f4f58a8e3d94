"""The recipe of CONTRIBUTING, followed: a likelihood is added by one file, and works wherever models do."""

import importlib.util
import sys

import numpy as np
import pytest
import recipes
from scipy import integrate, stats

import sdetheory as st
from sdetheory.evidence import annealed, laplace, quadrature, thermodynamic
from sdetheory.models import fisher_information
from sdetheory.stats import agrees
from sdetheory.training import _engine as _sgd_engine

HEADER = '''
"""Regression of waiting times, which are exponential with mean e^z."""

import numpy as np

from sdetheory import _validate
from sdetheory.models._formula import declared
from sdetheory.models._regression import Regression
from sdetheory.models.likelihoods._likelihood import Arrays, Likelihood
'''


@pytest.fixture
def kind(tmp_path, monkeypatch):
    path = tmp_path / "exponential.py"
    path.write_text(HEADER + "".join(recipes.blocks("A likelihood")), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("exponential", path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "exponential", module)
    spec.loader.exec_module(module)
    return module.ExponentialRegression


def test_a_likelihood_is_one_file(kind, rng):
    X = rng.standard_normal((20, 1))
    y = rng.exponential(np.exp(0.5 * X[:, 0]))
    model = kind(X, y, prior_precision=0.3)
    # Its runs are made by a kernel, and those of a model with other methods, in the loop, are the same.
    own = type("Own", (kind,), {"minibatch_gradient": lambda self, w, i: kind.minibatch_gradient(self, w, i)})
    hp = st.SGDHyperparameters(learning_rate=0.05, train_size=20, batch_size=4)
    assert _sgd_engine.has_kernel(model) and not _sgd_engine.has_kernel(own(X, y))
    runs = [st.sgd(m, hp, [0.2], n_steps=40, rng=1).final for m in (model, own(X, y, prior_precision=0.3))]
    np.testing.assert_allclose(*runs, rtol=1e-11)
    sde = st.sgd_sde(model, hp, order=2)
    assert np.isfinite(st.simulate(sde, [0.2], dt=hp.step_time, n_steps=5, n_paths=4, rng=0).final).all()
    # Its evidence is near the integral, which is the one of scipy's densities.
    fit = laplace(model, 0.3)
    right, _ = integrate.quad(
        lambda w: np.exp(stats.expon.logpdf(y, scale=np.exp(w * X[:, 0])).sum()) * stats.norm.pdf(w, scale=0.3**-0.5),
        -5, 5, points=[float(fit.mode[0])], epsabs=0, epsrel=1e-11,
    )  # fmt: skip
    assert quadrature(fit) == pytest.approx(np.log(right), abs=1e-9)
    assert fit.log_evidence == pytest.approx(np.log(right), abs=0.1)
    for reference in (thermodynamic(fit, rng=rng), annealed(fit, n_paths=2000, rng=rng).log_evidence):
        assert agrees(reference, np.log(right), alpha=1e-4)
        assert not agrees(reference, quadrature(laplace(model, 0.4)), alpha=1e-4)
    # E exp(x·w) of a normal x·w, by the quadrature that all likelihoods have.
    z, variance = X[:, 0] * fit.mode[0], X[:, 0] ** 2 * fit.covariance[0, 0]
    np.testing.assert_allclose(fit.predict(X), np.exp(z + variance / 2), rtol=1e-10)
    np.testing.assert_allclose(fisher_information(model, [0.2]), X.T @ X / 20, rtol=1e-12)
    with pytest.raises(st.errors.InvalidInputError, match="y must be >= 0"):
        kind(X, -y)
