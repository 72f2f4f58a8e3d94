"""Quadrature, importance sampling and Langevin dynamics agree on the evidence that Laplace approximates."""

import functools
import itertools
import math

import mpmath
import numpy as np
import pytest

import sdetheory as st
from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.evidence import annealed, importance_sampling, laplace, quadrature, thermodynamic
from sdetheory.evidence.classifiers._whitened import Whitened
from sdetheory.evidence.classifiers.reference import _pareto_shape
from sdetheory.evidence.classifiers.thermodynamic import _interpolation
from sdetheory.models import LogisticRegression, PoissonRegression, ProbitRegression, SoftmaxRegression
from sdetheory.stats import agrees

ALPHA = 1e-4


@functools.cache
def components(n, p):
    """Return a logistic regression of MNIST 0/1 on p − 1 principal components and a constant."""
    images = st.datasets.mnist()
    centred = images.x_train - images.x_train.mean(axis=0)
    scores = centred @ np.linalg.svd(centred, full_matrices=False)[2][: p - 1].T
    return LogisticRegression(np.column_stack([scores, np.ones(800)])[:n], images.y_train[:n])


def small(rng, n=12, p=2):
    X = rng.standard_normal((n, p))
    return LogisticRegression(X, (X[:, 0] + rng.standard_normal(n) > 0).astype(int))


@pytest.mark.parametrize("precision", [1e-3, 1.0, 1e3])
def test_quadrature_against_mpmath_in_one_dimension(precision):
    x, y = [-2.0, -1.0, 0.5, 1.0, 3.0], [0, 0, 1, 0, 1]
    model = LogisticRegression(np.array(x)[:, None], y, prior_precision=precision)

    def integrand(w):
        likelihood = mpmath.fprod(1 / (1 + mpmath.exp((1 - 2 * b) * a * w)) for a, b in zip(x, y, strict=True))
        return likelihood * mpmath.exp(-precision * w * w / 2)

    fit = laplace(model, precision)
    width = 12 / math.sqrt(precision)
    breaks = [-width, *sorted([0.0, float(fit.mode[0]), 3 * float(fit.mode[0])]), width]
    expected = mpmath.log(mpmath.quad(integrand, breaks) * mpmath.sqrt(precision / (2 * mpmath.pi)))
    assert quadrature(fit) == pytest.approx(float(expected), abs=1e-10)


def test_quadrature_against_a_plain_grid(rng):
    """Two weights and a softmax with three classes on one input, on a grid in the original weights."""
    model = small(rng)
    axis = np.linspace(-9.0, 9.0, 201)
    for tried, precision in ((model, 1.0), (SoftmaxRegression(model.X[:, :1], np.arange(12) % 3), 1.0)):
        posterior = type(tried)(tried.X, tried.y, prior_precision=precision)
        if posterior.dimension == 3:
            axis = np.linspace(-7.5, 7.5, 61)
        points = np.stack(np.meshgrid(*[axis] * posterior.dimension), axis=-1).reshape(-1, posterior.dimension)
        total = np.exp(-posterior.cost(points)).sum() * (axis[1] - axis[0]) ** posterior.dimension
        expected = math.log(total) + 0.5 * posterior.dimension * math.log(precision / (2 * math.pi))
        assert quadrature(laplace(tried, precision)) == pytest.approx(expected, abs=1e-10)


def test_directions_without_data_cost_nothing(rng):
    model = small(rng)
    padded = LogisticRegression(np.hstack([model.X, np.zeros((12, 5))]), model.y)
    assert quadrature(laplace(padded, 0.5)) == pytest.approx(quadrature(laplace(model, 0.5)), abs=1e-12)
    nothing = laplace(LogisticRegression(np.zeros((12, 2)), model.y), 1.0)
    assert quadrature(nothing) == pytest.approx(-12 * math.log(2), abs=1e-12)


def test_evidences_of_all_labelings_add_up_to_one(rng):
    """Σ P(y) = 1 over all 2ⁿ labelings, so that E < −t has a probability of at most e^−t when labels are random.

    Laplace's values do not add up. As xᵢ → −xᵢ with yᵢ → 1 − yᵢ changes nothing, labels of one class are avoided.
    """
    X = 2 * rng.standard_normal((5, 1))
    exact, approximate = 0.0, 0.0
    for labels in itertools.product((0, 1), repeat=5):
        sign, y = np.ones((5, 1)), np.array(labels)
        if len(set(labels)) == 1:
            sign[0], y[0] = -1.0, 1 - y[0]
        fit = laplace(LogisticRegression(sign * X, y), 0.3)
        exact += math.exp(quadrature(fit))
        approximate += math.exp(fit.log_evidence)
    assert exact == pytest.approx(1.0, abs=1e-9)
    assert abs(approximate - 1.0) > 1e-3


def test_laplace_is_exact_in_the_limit_of_a_gaussian_posterior(rng):
    """With λ → ∞ the prior is all there is; the error falls like 1/λ², and is not zero before."""
    model = small(rng)
    errors = np.array([laplace(model, x).log_evidence - quadrature(laplace(model, x)) for x in (10.0, 100.0, 1000.0)])
    order = -np.diff(np.log10(np.abs(errors)))
    assert np.all((order > 1.8) & (order < 2.2))


@pytest.mark.parametrize("precision", [0.1, 1.0])
def test_importance_sampling_against_quadrature(rng, precision):
    fit = laplace(components(200, 2), precision)
    reference = importance_sampling(fit, rng=rng)
    exact = quadrature(fit)
    assert agrees(reference.log_evidence, exact, alpha=ALPHA)
    assert reference.log_evidence.stderr < 0.003
    # Laplace itself is rejected by the same test, so the test has the power that it needs.
    assert not agrees(reference.log_evidence, fit.log_evidence, alpha=ALPHA)
    assert reference.pareto_k < 0.5 and reference.effective_samples > 20_000


def test_laplace_is_off_by_tenths_of_a_nat_with_six_weights(rng):
    """Six-parameter models of MNIST 0/1: two seeds of the reference agree, and Laplace's error is 0.09 to 0.65 nats."""
    for n, precision in ((40, 0.01), (40, 1.0), (200, 0.01), (800, 1.0)):
        fit = laplace(components(n, 6), precision)
        first, second = (importance_sampling(fit, rng=child) for child in rng.spawn(2))
        spread = math.hypot(first.log_evidence.stderr, second.log_evidence.stderr)
        assert spread < 0.02 and first.pareto_k < 0.7
        assert abs(first.log_evidence.value - second.log_evidence.value) < 4 * spread
        assert 0.05 < first.log_evidence.value - fit.log_evidence < 0.8


def test_ten_weights_to_two_thousandths_of_a_nat(rng):
    fit = laplace(components(40, 10), 1.0)
    first, second = (
        importance_sampling(fit, n_samples=n, rng=child).log_evidence
        for n, child in zip((480_000, 50_000), rng.spawn(2), strict=True)
    )
    assert first.stderr <= 0.002
    assert abs(first.value - second.value) < 4 * math.hypot(first.stderr, second.stderr)


def test_degenerate_weights_are_seen():
    """Ten weights, a weak prior: the reference says how few of its samples count, and its error bar grows."""
    fit = laplace(components(800, 10), 0.01)
    reference = importance_sampling(fit, n_samples=2000, rng=0)
    easy = importance_sampling(laplace(components(800, 2), 1.0), n_samples=2000, rng=0)
    assert reference.effective_samples < 0.2 * easy.effective_samples
    assert reference.pareto_k > easy.pareto_k + 0.3
    assert reference.log_evidence.stderr > 3 * easy.log_evidence.stderr


@pytest.mark.parametrize("shape", [-0.5, 0.1, 0.7])
def test_shape_of_the_tail(rng, shape):
    """Exact generalized Pareto weights; the asymptotic error of the shape is (1 + k)/√tail."""
    u = rng.random(40_000)
    weights = (u**-shape - 1) / shape
    assert _pareto_shape(weights) == pytest.approx(shape, abs=4 * (1 + max(shape, 0.0)) / math.sqrt(600))


def test_softmax_by_importance_sampling(rng):
    model = SoftmaxRegression(rng.standard_normal((15, 1)), np.arange(15) % 3)
    fit = laplace(model, 0.3)
    assert agrees(importance_sampling(fit, rng=rng).log_evidence, quadrature(fit), alpha=ALPHA)


@pytest.mark.parametrize("kind", [LogisticRegression, PoissonRegression, ProbitRegression])
def test_langevin_drift_is_minus_the_gradient_of_the_interpolation(kind, rng):
    """At each of the four values that β takes while it rises, at the first step of a level and at its last."""
    given = small(rng, 12, 3)
    target = Whitened.of(laplace(kind(given.X, given.y), 0.2))
    dt, every = 0.1, 3
    sde = _interpolation(target, 0.25, every * dt)
    u, h = rng.standard_normal(3), 1e-5
    for step, beta in enumerate(np.repeat([0.25, 0.5, 0.75, 1.0], every)):

        def cost(points, beta=beta):
            return 0.5 * (1 - beta) * np.sum(points**2, axis=-1) - beta * target.log_density(points)

        slopes = (cost(u + h * np.eye(3)) - cost(u - h * np.eye(3))) / (2 * h)
        drift = sde.drift([*u, 0.25], step * dt)
        np.testing.assert_allclose(drift, [*-slopes, 0.0], atol=1e-8)


def test_langevin_dynamics_gives_the_evidence(rng):
    """Both halves of the package meet: simulators and quadrature. Laplace is off by many standard errors."""
    X = np.random.default_rng(5).standard_normal((20, 2))
    fit = laplace(LogisticRegression(X, (X[:, 0] > 0.5).astype(int)), 0.3)
    exact = quadrature(fit)
    integral = thermodynamic(fit, rng=rng)
    work = annealed(fit, n_paths=2000, rng=rng)
    assert integral.stderr < 0.005 and work.log_evidence.stderr < 0.01
    for estimate in (integral, work.log_evidence):
        assert agrees(estimate, exact, alpha=ALPHA)
        assert not agrees(estimate, fit.log_evidence, alpha=ALPHA)
    assert work.effective_samples > 1000 and work.pareto_k < 0.5


@pytest.mark.parametrize("kind", [PoissonRegression, ProbitRegression])
def test_langevin_dynamics_serves_every_likelihood(kind, rng):
    """Two weights. Laplace's Gaussian is off by many standard errors: the negative control."""
    given = np.random.default_rng(5)
    X = given.standard_normal((20, 2))
    y = given.poisson(np.exp(0.5 * X[:, 0])) if kind is PoissonRegression else (X[:, 0] > 0.5).astype(int)
    fit = laplace(kind(X, y), 0.3)
    exact = quadrature(fit)
    for found in (thermodynamic(fit, rng=rng), annealed(fit, n_paths=2000, rng=rng).log_evidence):
        assert agrees(found, exact, alpha=ALPHA)
        assert not agrees(found, fit.log_evidence, alpha=ALPHA)


def test_bias_of_the_step_is_seen(rng):
    """With a large step Euler–Maruyama is biased in O(h), beyond its error bar; Leimkuhler–Matthews much less."""
    X = np.random.default_rng(5).standard_normal((20, 2))
    fit = laplace(LogisticRegression(X, (X[:, 0] > 0.5).astype(int)), 3.0)
    exact, options = quadrature(fit), {"dt": 0.4, "duration": 100.0, "n_paths": 400}
    assert agrees(thermodynamic(fit, rng=rng, **options), exact, alpha=ALPHA)
    assert not agrees(thermodynamic(fit, rng=rng, method="euler-maruyama", **options), exact, alpha=ALPHA)


def test_same_seed_same_numbers(rng):
    fit = laplace(small(rng), 1.0)
    first, second, third = (importance_sampling(fit, n_samples=2000, rng=seed).log_evidence.value for seed in (1, 1, 2))
    assert first == second != third


def test_refusals(rng):
    model = small(rng)
    path, fit = laplace(model, [1.0, 2.0]), laplace(model, 1.0)
    for reference in (quadrature, importance_sampling, thermodynamic, annealed):
        with pytest.raises(IncompatibleError, match="one prior_precision"):
            reference(path)
        with pytest.raises(InvalidInputError, match=r"what laplace\(\) returns"):
            reference(model)
    with pytest.raises(InvalidInputError, match="up to three weights; got 4"):
        quadrature(laplace(small(rng, 12, 4), 1.0))
    with pytest.raises(InvalidInputError, match="n_samples must be >= 1000"):
        importance_sampling(fit, n_samples=10)
    with pytest.raises(InvalidInputError, match="limit of stability"):
        thermodynamic(fit, dt=10.0)
    for name, call in (("duration", thermodynamic), ("burn_in", thermodynamic), ("duration", annealed)):
        for wrong in ({name: 1e300}, {"dt": 5e-324}):
            with pytest.raises(InvalidInputError, match=r"must be at most 2\*\*40 steps dt"):
                call(fit, **wrong)
    with pytest.raises(IncompatibleError, match="one product x·w an example"):
        annealed(laplace(SoftmaxRegression(model.X, model.y), 1.0))
    with pytest.raises(IncompatibleError, match="no direction"):
        importance_sampling(laplace(LogisticRegression(np.zeros((12, 2)), model.y), 1.0))
