"""Poisson and probit regression wherever a model is used, against independent solvers, sums and integrals."""

import mpmath
import numpy as np
import pytest
from scipy import optimize, special, stats

import sdetheory as st
from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.evidence import (
    WeightModel,
    evidence_curve,
    importance_sampling,
    laplace,
    quadrature,
)  # fmt: skip
from sdetheory.models import LogisticRegression, PoissonRegression, ProbitRegression, fisher_information
from sdetheory.models._formula import likelihood_of
from sdetheory.stats import agrees
from sdetheory.training import _engine as _sgd_engine

ALPHA = 1e-5
KINDS = [PoissonRegression, ProbitRegression]
each = pytest.mark.parametrize("kind", KINDS)


def data(kind, rng, n=40, p=2):
    X = np.clip(rng.standard_normal((n, p)), -2, 2)  # no mean is so large that a step runs away
    z = X @ np.linspace(0.8, -0.4, p)
    return X, rng.poisson(np.exp(z)) if kind is PoissonRegression else (z + rng.standard_normal(n) > 0).astype(int)


def log_likelihood(kind, z, y):
    return stats.poisson.logpmf(y, np.exp(z)) if kind is PoissonRegression else stats.norm.logcdf((2 * y - 1) * z)


@each
def test_cost_and_mode_are_those_of_scipy(kind, rng):
    X, y = data(kind, rng, p=3)
    model = kind(X, y, prior_precision=0.3)

    def cost(w):
        return -log_likelihood(kind, X @ w, y).sum() + 0.15 * w @ w

    w = rng.standard_normal(3)
    assert model.cost(w) == pytest.approx(cost(w), rel=1e-12)
    assert model.loss(w) == pytest.approx((cost(w) - 0.15 * w @ w) / 40, rel=1e-12)
    found = optimize.minimize(cost, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
    fit = laplace(kind(X, y), 0.3)
    np.testing.assert_allclose(fit.mode, found.x, atol=1e-6)
    assert fit.distance < 1e-9
    # Another prior has another mode.
    assert np.abs(laplace(kind(X, y), 0.6).mode - found.x).max() > 1e-3


@each
@pytest.mark.parametrize("p", [1, 2])
def test_evidence_is_the_integral(kind, p, rng):
    """On a grid in the original weights, with scipy's own likelihood; quadrature and WeightModel in others."""
    X, y = data(kind, rng, n=15, p=p)
    axis = np.linspace(-8, 8, 4001 if p == 1 else 641)
    grid = np.stack(np.meshgrid(*[axis] * p, indexing="ij"), axis=-1).reshape(-1, p)
    logs = sum(log_likelihood(kind, grid @ x, label) for x, label in zip(X, y, strict=True))
    logs = logs + stats.norm.logpdf(grid, scale=0.7**-0.5).sum(axis=1)
    right = special.logsumexp(logs) + p * np.log(axis[1] - axis[0])
    fit = laplace(kind(X, y), 0.7)
    assert quadrature(fit) == pytest.approx(right, abs=1e-8)
    assert WeightModel.of(kind(X, y, prior_precision=0.7)).log_evidence() == pytest.approx(right, abs=1e-7)
    sampled = importance_sampling(fit, rng=rng).log_evidence
    assert agrees(sampled, right, alpha=ALPHA) and sampled.stderr < 0.01
    assert 1e-4 < abs(fit.log_evidence - right) < 0.5


@each
def test_the_error_of_laplace_falls_with_the_number_of_examples(kind):
    """Of n examples it is c/n + O(1/n²): from 64 to 1024 it falls sixteenfold, but for some hundredths."""
    X = np.sin(np.arange(16.0))[:, None] + 0.5
    y = np.arange(16) % 4 if kind is PoissonRegression else (np.arange(16) % 3 > 0).astype(int)
    errors = []
    for copies in (4, 64):
        fit = laplace(kind(np.tile(X, (copies, 1)), np.tile(y, copies)), 0.5)
        errors.append(fit.log_evidence - quadrature(fit))
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.1)


def test_evidence_against_mpmath(rng):
    X, y = data(PoissonRegression, rng, n=6, p=1)

    def integrand(w):
        terms = (mpmath.exp(x * w * int(k) - mpmath.exp(x * w)) / mpmath.factorial(int(k)) for x, k in
                 zip(X[:, 0].tolist(), y, strict=True))  # fmt: skip
        return mpmath.fprod(terms) * mpmath.npdf(w)

    right = mpmath.log(mpmath.quad(integrand, [-12, -3, 0, 3, 12]))
    assert quadrature(laplace(PoissonRegression(X, y), 1.0)) == pytest.approx(float(right), abs=1e-10)


@each
def test_the_null_model_has_all_weights_zero(kind, rng):
    X, y = data(kind, rng)
    fit = laplace(kind(X, y), 1.0)
    null = log_likelihood(kind, np.zeros(40), y).sum()
    assert fit.log_evidence_ratio == pytest.approx(null - fit.log_evidence, rel=1e-12)
    # With λ → ∞ nothing is left but the null model.
    assert laplace(kind(X, y), 1e12).log_evidence_ratio == pytest.approx(0, abs=1e-8)


@each
def test_predictions_are_averages_of_the_own_mean(kind, rng):
    """By Gauss and Hermite's rule; the logistic mean is another number."""
    X, y = data(kind, rng, n=15)
    path, new = laplace(kind(X, y), [0.3, 2.0]), rng.standard_normal((5, 2))
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    mean = np.exp if kind is PoissonRegression else special.ndtr
    for fit, found, at_mode in zip((path[0], path[1]), path.predict(new), path.predict(new, method="map"), strict=True):
        z, deviation = new @ fit.mode, np.sqrt(np.sum((new @ fit.covariance) * new, axis=1))
        right = mean(z[:, None] + deviation[:, None] * nodes) @ weights / weights.sum()
        np.testing.assert_allclose(found, right, rtol=1e-6)
        np.testing.assert_allclose(at_mode, mean(z), rtol=1e-12)
        assert np.abs(found - at_mode).max() > 1e-4
        assert np.abs(found - special.expit(z)).max() > 1e-2
    for method in ("sampling", "probit"):
        with pytest.raises(IncompatibleError, match=f'regression predicts with "quadrature".*got {method!r}'):
            path.predict(new, method=method)


@each
def test_training_is_that_of_the_loop_and_of_the_formula(kind, rng):
    """The kernel, the loop over the model's methods, and steps that are written out."""
    X, y = data(kind, rng, n=12, p=3)
    model = kind(X, y, prior_precision=0.2)
    assert _sgd_engine.has_kernel(model)

    batches = []

    class Own(kind):
        def minibatch_gradient(self, w, indices):
            batches.append(np.array(indices))
            return super().minibatch_gradient(w, indices)

    hp = st.SGDHyperparameters(learning_rate=0.05, train_size=12, batch_size=4, momentum=0.5)
    fast = st.sgd(model, hp, np.full(3, 0.1), n_steps=50, rng=3).final[0]
    own = Own(X, y, prior_precision=0.2)
    assert likelihood_of(own) is None
    loop = st.sgd(own, hp, np.full(3, 0.1), n_steps=50, rng=3).final[0]
    w, v = np.full(3, 0.1), np.zeros(3)
    for batch in batches[-50:]:
        z, target = X[batch] @ w, y[batch]
        sign = 2 * target - 1
        slopes = (
            np.exp(z) - target if kind is PoissonRegression else -sign * stats.norm.pdf(z) / stats.norm.cdf(sign * z)
        )
        v = 0.5 * v - 0.05 * (slopes @ X[batch] / 4 + 0.2 * w / 12)
        w = w + v
    np.testing.assert_allclose(fast, w, rtol=1e-11)
    np.testing.assert_allclose(loop, w, rtol=1e-11)
    wrong = LogisticRegression(X, np.minimum(y, 1), prior_precision=0.2)
    assert np.abs(st.sgd(wrong, hp, np.full(3, 0.1), n_steps=50, rng=3).final[0] - w).max() > 1e-3


@each
def test_variance_amplified_training_is_that_of_the_loop(kind, rng):
    X, y = data(kind, rng, n=12)
    hp = st.SGDHyperparameters(learning_rate=0.05, train_size=12, batch_size=4)

    class Own(kind):
        def minibatch_gradient(self, w, indices):
            return super().minibatch_gradient(w, indices)

    fast, loop, plain = (
        run(model(X, y), hp, np.zeros(2), n_steps=40, n_runs=9, rng=1, **options).final
        for run, model, options in ((st.svag, kind, {"factor": 2}), (st.svag, Own, {"factor": 2}), (st.sgd, kind, {}))
    )
    np.testing.assert_allclose(fast, loop, rtol=1e-10, atol=1e-13)
    assert np.abs(fast - plain).max() > 1e-3


@each
@pytest.mark.parametrize("order", [1, 2])
def test_the_kernel_of_the_equation_makes_the_steps_of_its_definition(kind, order, rng, monkeypatch):
    from sdetheory.simulators import _weighted_ensemble

    model = kind(*data(kind, rng, n=13, p=3), prior_precision=0.2)
    sde = st.sgd_sde(model, st.SGDHyperparameters(learning_rate=0.02, train_size=13, batch_size=2), order=order)
    given = {"dt": 0.002, "n_steps": 12, "n_paths": 70, "rng": 1, "save_every": 4}
    fast = st.simulate(sde, np.full(3, 0.2), **given).paths
    monkeypatch.setattr(_weighted_ensemble, "likelihood_of", lambda model: None)
    np.testing.assert_allclose(fast, st.simulate(sde, np.full(3, 0.2), **given).paths, rtol=1e-11, atol=1e-12)


def test_counts_that_run_away_are_reported(rng):
    model = PoissonRegression(np.ones((4, 1)), [1, 2, 3, 900])
    hp = st.SGDHyperparameters(learning_rate=5.0, train_size=4, batch_size=1)
    assert st.sgd(model, hp, [0.0], n_steps=50, n_runs=8, rng=0).diverged > 0
    small = st.SGDHyperparameters(learning_rate=1e-3, train_size=4, batch_size=1)
    assert st.sgd(model, small, [0.0], n_steps=50, n_runs=8, rng=0).diverged == 0


@each
def test_fisher_information_and_gradient_noise(kind, rng):
    """The information is the covariance of gradients over labels that the model draws, within 5 standard errors.

    Four entries exceed these with a chance of 2e-6; the Hessian over another number of examples does.
    """
    X, y = data(kind, rng, n=8)
    w, draws = np.array([0.4, -0.2]), 4000
    found = fisher_information(kind(X, y, prior_precision=2.0), w)
    labels = (rng.poisson(np.exp(X @ w), (draws, 8)) if kind is PoissonRegression else
              (X @ w + rng.standard_normal((draws, 8)) > 0).astype(int))  # fmt: skip
    gradients = np.array([kind(X, row).per_example_gradients(w) for row in labels])
    squares = np.einsum("dni,dnj->dij", gradients, gradients) / 8
    error = squares.std(axis=0) / draws**0.5
    assert np.all(np.abs(squares.mean(axis=0) - found) < 5 * error)
    assert np.any(np.abs(squares.mean(axis=0) - kind(X, y).hessian(w) / 7) > 5 * error)
    model = kind(X, y)
    F = np.cov(model.per_example_gradients(w).T)
    scale = st.models.simple_noise_scale(model, w)
    assert scale == pytest.approx(np.trace(F) / np.sum(model.gradient(w) ** 2 / 64), rel=1e-9)


@each
def test_comparison_and_curve(kind, rng):
    X, y = data(kind, rng, n=20)
    hp = st.SGDHyperparameters(learning_rate=0.02, train_size=20, batch_size=5)
    given = {"n_steps": 8, "n_runs": 64, "halvings": 0, "multiples": (), "svag": (), "orders": (1,), "rng": 1}
    seen = st.compare(kind(X, y, prior_precision=0.1), hp, np.zeros(2), **given)
    assert np.all(np.isfinite(seen.processes["SGD"].observables.value))
    new, labels = data(kind, rng, n=9)
    curve = evidence_curve([(kind(X, y), new, labels)], [0.1, 1.0, 10.0])
    for k, precision in enumerate((0.1, 1.0, 10.0)):
        fit = laplace(kind(X, y), precision)
        assert curve.log_evidence[0, k] == pytest.approx(fit.log_evidence, rel=1e-12)
        assert curve.log_evidence_ratio[0, k] == pytest.approx(fit.log_evidence_ratio, rel=1e-9)
        assert curve.test_loss[0, k] == pytest.approx(-log_likelihood(kind, new @ fit.mode, labels).mean(), rel=1e-9)
        if kind is ProbitRegression:
            assert curve.test_accuracy[0, k] == np.mean((new @ fit.mode > 0) == labels)
    assert (curve.test_accuracy is None) == (kind is PoissonRegression)


@each
def test_what_is_refused(kind, rng):
    X, y = data(kind, rng)
    with pytest.raises(InvalidInputError, match="y must be >= 0"):
        kind(X, -1 - y)
    with pytest.raises(InvalidInputError, match="y must be a whole number"):
        kind(X, np.full(40, 0.5))
    with pytest.raises(InvalidInputError, match="prior_precision must be >= 0"):
        kind(X, y, prior_precision=-1)
    if kind is ProbitRegression:
        with pytest.raises(InvalidInputError, match="at least two classes"):
            laplace(kind(X, np.ones(40)), 1.0)
    else:
        assert np.isfinite(laplace(kind(X, np.ones(40)), 1.0).log_evidence)


def test_a_subclass_with_another_likelihood_is_served_by_it(rng):
    """It loses the fast paths, which were written for the other, and not its own formulas."""
    X, y = data(ProbitRegression, rng)

    class Other(LogisticRegression):
        likelihood = ProbitRegression.likelihood

    other, probit = Other(X, y), ProbitRegression(X, y)
    assert likelihood_of(other) is None and not _sgd_engine.has_kernel(other)
    hp = st.SGDHyperparameters(learning_rate=0.1, train_size=40, batch_size=4)
    one, two, wrong = (
        st.sgd(m, hp, np.zeros(2), n_steps=30, rng=0).final for m in (other, probit, LogisticRegression(X, y))
    )
    np.testing.assert_allclose(one, two, rtol=1e-11)
    assert np.abs(one - wrong).max() > 0.01
    assert laplace(other, 1.0).log_evidence == pytest.approx(laplace(probit, 1.0).log_evidence, rel=1e-9)
    with pytest.raises(IncompatibleError, match="not those of Other"):
        laplace(other, 1.0).predict(X)
