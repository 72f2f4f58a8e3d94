"""Laplace's evidence of classifiers against definitions, limits and each other."""

import math

import numpy as np
import pytest
from scipy import optimize, special

import sdetheory as st
from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.evidence import laplace
from sdetheory.evidence.laplace import _logistic_normal
from sdetheory.models import LogisticRegression, SoftmaxRegression

PATH = np.geomspace(1e-6, 1e6, 25)


def data(rng, n, p, scale=1.0):
    X = scale * rng.standard_normal((n, p))
    return X, (X[:, 0] + scale * rng.standard_normal(n) > 0).astype(int)


def formula(model, precision, w):
    """Write out −C(w) − ½ Σ ln(λᵢ/λ) with all p eigenvalues."""
    posterior = type(model)(model.X, model.y, prior_precision=precision)
    return -posterior.cost(w) - 0.5 * np.sum(np.log(np.linalg.eigvalsh(posterior.hessian(w)) / precision))


@pytest.mark.parametrize("kind", [LogisticRegression, SoftmaxRegression])
@pytest.mark.parametrize(("n", "p"), [(40, 3), (12, 30)])
def test_evidence_is_the_formula_at_the_minimum(rng, kind, n, p):
    """A general-purpose solver of ∇C = 0 and the eigenvalues of the whole Hessian."""
    X, y = data(rng, n, p)
    model = kind(X, y if kind is LogisticRegression else rng.integers(0, 4, n))
    for precision in (0.1, 10.0):
        posterior = kind(model.X, model.y, prior_precision=precision)
        start = np.zeros(posterior.dimension)
        found = optimize.root(posterior.gradient, start, jac=posterior.hessian, tol=1e-13)
        fit = laplace(model, precision)
        np.testing.assert_allclose(fit.mode, found.x, atol=1e-9)
        assert fit.log_evidence == pytest.approx(formula(model, precision, found.x), rel=1e-11)
        assert fit.log_evidence == pytest.approx(fit.occam.log_likelihood_at_mode + fit.log_occam_factor, rel=1e-14)
        null = -n * math.log(model.n_classes)
        assert fit.log_evidence_ratio == pytest.approx(null - fit.log_evidence, rel=1e-12)
        # The negative control: the Hessian of a prior that is a tenth off.
        wrong = formula(model, precision, found.x) + 0.5 * posterior.dimension * math.log(1.1)
        assert fit.log_evidence != pytest.approx(wrong, rel=1e-3)


def test_path_and_single_values_agree_and_keep_their_order(rng):
    X, y = data(rng, 50, 20)
    model = LogisticRegression(X, y)
    precisions = rng.permutation(PATH).reshape(5, 5)
    path = laplace(model, precisions)
    assert path.log_evidence.shape == (5, 5) and path.mode.shape == (5, 5, 20)
    for i in np.ndindex(5, 5):
        alone = laplace(model, precisions[i])
        assert path.log_evidence[i] == pytest.approx(alone.log_evidence, rel=1e-11)
        np.testing.assert_allclose(path[i].mode, alone.mode, atol=1e-8 * np.abs(alone.mode).max())


def test_old_mode_at_another_precision_is_refused(rng):
    """A curve that keeps the mode while λ changes means nothing; a mode that was found elsewhere is welcome."""
    X, y = data(rng, 50, 5)
    model = LogisticRegression(X, y)
    fit = laplace(model, 1.0)
    assert laplace(model, 1.0, mode=fit.mode).log_evidence == pytest.approx(fit.log_evidence, rel=1e-13)
    with pytest.raises(InvalidInputError, match="mode must be the minimum"):
        laplace(model, 0.5, mode=fit.mode)
    with pytest.raises(InvalidInputError, match="mode must be the minimum"):
        laplace(model, 1.0, mode=fit.mode + 1e-5)
    wide = LogisticRegression(np.hstack([X, X]), y)  # a direction that the data do not see
    mode = laplace(wide, 1.0).mode
    with pytest.raises(InvalidInputError, match="mode must be the minimum"):
        laplace(wide, 1.0, mode=mode + np.repeat([0.1, -0.1], 5))


def test_units_of_the_inputs_do_not_matter(rng):
    """X → aX with λ → a²λ is the same model, and as easy to fit."""
    X, y = data(rng, 60, 10)
    fit = laplace(LogisticRegression(X, y), PATH)
    for a in (1e-8, 1e8):
        scaled = laplace(LogisticRegression(a * X, y), a**2 * PATH)
        np.testing.assert_allclose(scaled.log_evidence, fit.log_evidence, rtol=1e-11)
        assert scaled.distance.max() <= 1e-10


def test_two_classes_of_softmax_are_a_logistic_regression_with_half_the_precision(rng):
    X, y = data(rng, 60, 4)
    softmax, logistic = laplace(SoftmaxRegression(X, y), 2 * PATH), laplace(LogisticRegression(X, y), PATH)
    np.testing.assert_allclose(softmax.log_evidence, logistic.log_evidence, rtol=1e-11)
    difference = softmax.mode[:, 4:] - softmax.mode[:, :4]
    np.testing.assert_allclose(difference, logistic.mode, rtol=1e-8, atol=1e-12)
    probabilities = softmax.predict(X, method="map")
    np.testing.assert_allclose(probabilities[..., 1], logistic.predict(X, method="map"), rtol=1e-8)
    same = laplace(LogisticRegression(X, y), 2 * PATH)
    assert np.abs(same.log_evidence - softmax.log_evidence).max() > 0.1


def test_wide_and_tall_data_agree():
    """800 images of 785 inputs and their transpose: modes exist to 1e-10 for true and random labels."""
    images = st.datasets.mnist(train_size=200)
    X = np.hstack([images.x_train, np.ones((200, 1))])
    for labels in (images.y_train, st.datasets.random_labels(images.y_train, rng=0)):
        path = laplace(LogisticRegression(X, labels), PATH)
        assert path.gradient_norm.max() <= 1e-10
        posterior = LogisticRegression(X, labels, prior_precision=PATH[8])
        assert np.linalg.norm(posterior.gradient(path.mode[8])) <= 1e-9
        assert path.log_evidence[8] == pytest.approx(formula(posterior, PATH[8], path.mode[8]), rel=1e-9)


@pytest.mark.parametrize("precision", [1e-12, 1e-30, 1e-100])
def test_separable_data_have_a_mode_at_any_precision(precision):
    """One weight: the mode solves 2/(1 + e^w) = λw, and Laplace's formula there is elementary."""
    fit = laplace(LogisticRegression([[-1.0], [1.0]], [0, 1]), precision)
    w = optimize.brentq(lambda w: math.log(2) - np.logaddexp(0.0, w) - math.log(precision * w), 1.0, 1e3, xtol=1e-12)
    assert fit.mode[0] == pytest.approx(w, rel=1e-9)
    curvature = 2 * special.expit(w) * special.expit(-w) + precision
    expected = -2 * np.log1p(np.exp(-w)) - precision * w**2 / 2 - 0.5 * math.log(curvature / precision)
    assert fit.log_evidence == pytest.approx(expected, rel=1e-9)


def test_strong_prior_is_the_null_model(rng):
    """E → tr(XX')/8λ − |Σ(yᵢ − ½)xᵢ|²/2λ as λ → ∞, and keeps its digits down to the rounding of n ln 2."""
    X, y = data(rng, 30, 4)
    precision = 1e6
    expected = (np.sum(X**2) / 8 - np.sum(((y - 0.5) @ X) ** 2) / 2) / precision
    assert laplace(LogisticRegression(X, y), precision).log_evidence_ratio == pytest.approx(expected, rel=1e-3)


def test_degenerate_inputs_are_no_errors(rng):
    X, y = data(rng, 30, 4)
    fit = laplace(LogisticRegression(X, y), PATH)
    padded = np.hstack([X, np.zeros((30, 2))])
    np.testing.assert_allclose(laplace(LogisticRegression(padded, y), PATH).log_evidence, fit.log_evidence, rtol=1e-12)
    # Two copies of each column share the prior's variance: like one copy with twice of it.
    doubled = laplace(LogisticRegression(np.hstack([X, X]), y), 2 * PATH)
    np.testing.assert_allclose(doubled.log_evidence, fit.log_evidence, rtol=1e-11)
    nothing = laplace(LogisticRegression(np.zeros((30, 2)), y), 1.0)
    assert nothing.log_evidence == pytest.approx(-30 * math.log(2), rel=1e-14)


def test_predictions(rng):
    X, y = data(rng, 20, 3)
    model = LogisticRegression(np.hstack([X, X[:, :1]]), y)  # with a direction that the data do not see
    path = laplace(model, [0.1, 1.0])
    new = rng.standard_normal((7, 4))
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    for fit, quadrature, probit, mode in zip(
        (path[0], path[1]), path.predict(new), path.predict(new, method="probit"), path.predict(new, method="map"),
        strict=True,
    ):  # fmt: skip
        mean = new @ fit.mode
        variance = np.sum((new @ fit.covariance) * new, axis=1)
        np.testing.assert_allclose(mode, special.expit(mean), rtol=1e-12)
        np.testing.assert_allclose(probit, special.expit(mean / np.sqrt(1 + np.pi * variance / 8)), rtol=1e-10)
        grid = special.expit(mean[:, None] + np.sqrt(variance)[:, None] * nodes)
        np.testing.assert_allclose(quadrature, grid @ weights / weights.sum(), atol=1e-4)
        np.testing.assert_allclose(probit, quadrature, atol=0.02)
        assert np.abs(mode - quadrature).max() > 0.02
        np.testing.assert_allclose(fit.predict(new), quadrature, rtol=1e-13)


@pytest.mark.parametrize(("mean", "deviation"), [(0.3, 0.01), (2.0, 1.0), (2.0, 1.01), (-5.0, 3.0), (-3.0, 1e4)])
def test_integral_of_the_logistic_function(mean, deviation):
    import mpmath

    def integrand(t):
        return mpmath.npdf(t) / (1 + mpmath.exp(-(mean + deviation * t)))

    centre = -mean / deviation
    breaks = sorted({-14.0, 14.0, *(c for c in (centre - 0.01, centre, centre + 0.01) if abs(c) < 14)})
    expected = float(mpmath.quad(integrand, breaks))
    assert _logistic_normal(np.array([mean]), np.array([deviation]))[0] == pytest.approx(expected, rel=1e-12)


def test_refusals(rng):
    X, y = data(rng, 10, 2)
    model = LogisticRegression(X, y)
    with pytest.raises(InvalidInputError, match="at least two classes"):
        laplace(LogisticRegression(X, np.ones(10)), 1.0)
    with pytest.raises(InvalidInputError, match="prior_precision must be > 0"):
        laplace(model, [1.0, 0.0])
    with pytest.raises(InvalidInputError, match="LinearModel"):
        laplace(st.evidence.LinearModel(X, y), 1.0)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InvalidInputError, match="mode must have shape"):
        laplace(model, [1.0, 2.0], mode=[0.0, 0.0])
    with pytest.raises(IncompatibleError, match="one prior_precision"):
        _ = laplace(model, [1.0, 2.0]).covariance
    fit = laplace(model, 1.0)
    with pytest.raises(InvalidInputError, match="X_new must have shape"):
        fit.predict([[1.0]])
    with pytest.raises(InvalidInputError, match="method must be one of"):
        fit.predict(X, method="MAP")
    with pytest.raises(IncompatibleError, match='"map" only'):
        laplace(SoftmaxRegression(X, y), 1.0).predict(X)
    with pytest.raises(InvalidInputError, match="Hessian of the cost must be positive definite"):
        laplace(LogisticRegression(1e200 * X, y), 1.0)


def test_evidence_of_separable_data_falls_below_its_limit():
    """As λ → 0 half of the weights of one input separate two points: P → 1/2. Laplace's value has no such limit."""
    values = laplace(LogisticRegression([[-1.0], [1.0]], [0, 1]), [1e-4, 1e-12, 1e-100]).log_evidence
    assert np.all(np.diff(values) < -0.3) and values[-1] < math.log(0.5) - 1
