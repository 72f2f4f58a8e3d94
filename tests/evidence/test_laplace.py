"""Laplace's evidence of classifiers against definitions, limits and each other."""

import math

import numpy as np
import pytest
from scipy import optimize, special

import sdetheory as st
from sdetheory.errors import AccuracyWarning, IncompatibleError, InvalidInputError
from sdetheory.evidence import laplace
from sdetheory.models import LogisticRegression, SoftmaxRegression
from sdetheory.models.likelihoods._normal import logistic_normal

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
    with pytest.warns(AccuracyWarning, match="column 5 of X"):
        mode = laplace(wide, 1.0).mode
    with (
        pytest.warns(AccuracyWarning, match="column 5 of X"),
        pytest.raises(InvalidInputError, match="mode must be the minimum"),
    ):
        laplace(wide, 1.0, mode=mode + np.repeat([0.1, -0.1], 5))


def test_units_of_the_inputs_do_not_matter(rng):
    """X → aX with λ → a²λ is the same model, and as easy to fit."""
    X, y = data(rng, 60, 10)
    for a in (1e-150, 1e-8, 1e8, 1e150):
        path = PATH if 1e-100 < a < 1e100 else PATH[8:-8]  # a²λ is a double
        fit, scaled = laplace(LogisticRegression(X, y), path), laplace(LogisticRegression(a * X, y), a**2 * path)
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
    with pytest.warns(AccuracyWarning, match="column 4 of X, column 5 of X, column 6 of X, column 7 of X"):
        doubled = laplace(LogisticRegression(np.hstack([X, X]), y), 2 * PATH)
    np.testing.assert_allclose(doubled.log_evidence, fit.log_evidence, rtol=1e-11)
    nothing = laplace(LogisticRegression(np.zeros((30, 2)), y), 1.0)
    assert nothing.log_evidence == pytest.approx(-30 * math.log(2), rel=1e-14)


def test_predictions(rng):
    X, y = data(rng, 20, 3)
    model = LogisticRegression(np.hstack([X, X[:, :1]]), y)  # with a direction that the data do not see
    with pytest.warns(AccuracyWarning, match="column 3 of X"):
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
    assert logistic_normal(np.array([mean]), np.array([deviation]))[0] == pytest.approx(expected, rel=1e-12)


def test_refusals(rng):
    X, y = data(rng, 10, 2)
    model = LogisticRegression(X, y)
    with pytest.raises(InvalidInputError, match="at least two classes"):
        laplace(LogisticRegression(X, np.ones(10)), 1.0)
    with pytest.raises(InvalidInputError, match="prior_precision must be > 0"):
        laplace(model, [1.0, 0.0])
    with pytest.raises(InvalidInputError, match="LinearModel"):
        laplace(st.evidence.LinearModel(X, y), 1.0)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InvalidInputError, match="LinearModel"):
        laplace(st.models.LinearRegression(X, y), 1.0)
    with pytest.raises(InvalidInputError, match="mode must have shape"):
        laplace(model, [1.0, 2.0], mode=[0.0, 0.0])
    with pytest.raises(IncompatibleError, match="one prior_precision"):
        _ = laplace(model, [1.0, 2.0]).covariance
    fit = laplace(model, 1.0)
    with pytest.raises(InvalidInputError, match="X_new must have shape"):
        fit.predict([[1.0]])
    with pytest.raises(InvalidInputError, match="method must be one of"):
        fit.predict(X, method="MAP")
    with pytest.raises(IncompatibleError, match='"sampling" or "map"'):
        laplace(SoftmaxRegression(X, y), 1.0).predict(X, method="quadrature")
    with pytest.raises(IncompatibleError, match='"quadrature", which is exact'):
        fit.predict(X, method="sampling")
    with pytest.raises(InvalidInputError, match="within the range of doubles beside the square"):
        laplace(LogisticRegression(1e200 * X, y), 1.0)
    with pytest.raises(InvalidInputError, match="cost, gradient, hessian; got ndarray"):
        laplace(X, 1.0)


def test_evidence_of_separable_data_falls_below_its_limit():
    """As λ → 0 half of the weights of one input separate two points: P → 1/2. Laplace's value has no such limit."""
    values = laplace(LogisticRegression([[-1.0], [1.0]], [0, 1]), [1e-4, 1e-12, 1e-100]).log_evidence
    assert np.all(np.diff(values) < -0.3) and values[-1] < math.log(0.5) - 1


@pytest.mark.parametrize("unit", [1e-60, 1e-9, 1e9, 1e60])
@pytest.mark.parametrize("kind", [LogisticRegression, SoftmaxRegression])
def test_units_of_single_columns(rng, kind, unit):
    """One column in other units, under a prior without effect: the same likelihood, another log volume."""
    X, y = data(rng, 40, 3)
    y = y + (X[:, 1] > 1) if kind is SoftmaxRegression else y
    scale = np.array([1.0, unit, 1.0])
    precision = 1e-9 * min(1.0, unit) ** 2
    before, after = laplace(kind(X, y), 1e-9), laplace(kind(X * scale, y), precision)
    outputs = before.mode.size // 3
    np.testing.assert_allclose(after.mode.reshape(outputs, 3) * scale, before.mode.reshape(outputs, 3), rtol=2e-6)
    seen = 1 if kind is LogisticRegression else outputs - 1  # what all classes share is not seen
    shift = seen * (math.log(unit) + 1.5 * math.log(1e-9 / precision))
    assert after.log_evidence == pytest.approx(before.log_evidence - shift, rel=1e-6)
    new = rng.standard_normal((4, 3))
    np.testing.assert_allclose(after.predict(new * scale), before.predict(new), atol=1e-5)


def test_columns_in_units_as_people_have_them(rng):
    """A product in dollars beside a rate: the mode against Newton's method on scaled columns."""
    gdp, rate = rng.uniform(1e12, 2e13, 100), rng.uniform(0.0, 0.06, 100)
    X = np.column_stack([gdp, rate, np.ones(100)])
    y = (rng.random(100) < special.expit(200 * (rate - 0.03))).astype(int)
    fit, unit = laplace(LogisticRegression(X, y), 1e-6), np.array([1e13, 1.0, 1.0])
    w = np.zeros(3)
    for _ in range(60):  # in units of the columns, the prior carried along
        p = special.expit(X / unit @ w)
        gradient = (X / unit).T @ (p - y) + 1e-6 * w / unit**2
        w -= np.linalg.solve((X / unit).T @ (X / unit * (p * (1 - p))[:, None]) + np.diag(1e-6 / unit**2), gradient)
    np.testing.assert_allclose(fit.mode * unit, w, rtol=1e-9)
    assert fit.distance < 1e-9


@pytest.mark.parametrize(("k", "precision"), [(3, 0.05), (4, 1.0), (10, 0.3)])
def test_softmax_predicts_the_average_over_the_posterior(rng, k, precision):
    """Against 10⁶ draws from the Gaussian itself: five standard errors of these and of the rule, 3e-4."""
    X, y = rng.standard_normal((60, 2)), rng.integers(0, k, 60)
    fit = laplace(SoftmaxRegression(X, y, n_classes=k), precision)
    new = np.vstack([X[:3], [[4.0, -3.0]]])
    ours = fit.predict(new)
    assert ours.shape == (4, k)
    np.testing.assert_allclose(ours.sum(axis=1), 1.0, rtol=1e-13)
    np.testing.assert_array_equal(ours, fit.predict(new))
    weights = rng.multivariate_normal(fit.mode, fit.covariance, size=10**6, method="cholesky").reshape(-1, k, 2)
    for x, probabilities in zip(new, ours, strict=True):
        sampled = special.softmax(weights @ x, axis=1)
        error = np.sqrt(sampled.var(axis=0) / 10**6 + 1e-8)
        assert np.all(np.abs(sampled.mean(axis=0) - probabilities) < 5 * error)
    # Negative control: the probabilities at the mode are others.
    assert np.abs(fit.predict(new, method="map") - ours).max() > 20 * 1e-4


def test_softmax_of_two_classes_and_of_unseen_directions_predicts_as_logistic_regression_does(rng):
    X, y = data(rng, 5, 7)
    logistic, softmax = laplace(LogisticRegression(X, y), [0.5, 2.0]), laplace(SoftmaxRegression(X, y), [1.0, 4.0])
    new = rng.standard_normal((6, 7))
    np.testing.assert_allclose(softmax.predict(new)[..., 1], logistic.predict(new), atol=3e-4)


class Probit:
    """A model of a user's own: P(y = 1) = Φ(x·w), with its prior of precision 0.5."""

    prior_precision = 0.5

    def __init__(self, X, y):
        self.X, self.signs, self.dimension, self.train_size = X, 2.0 * y - 1, X.shape[1], len(y)

    def cost(self, w):
        return -special.log_ndtr(self.signs * (self.X @ w)).sum() + 0.25 * w @ w

    def gradient(self, w):
        return -(self._ratio(w) * self.signs) @ self.X + 0.5 * w

    def hessian_vector_product(self, w, v):
        z, ratio = self.signs * (self.X @ w), self._ratio(w)
        return (ratio * (ratio + z) * (self.X @ v)) @ self.X + 0.5 * v

    def _ratio(self, w):
        z = self.signs * (self.X @ w)
        return np.exp(-0.5 * z**2 - 0.5 * np.log(2 * np.pi) - special.log_ndtr(z))


def test_a_model_of_ones_own(rng):
    """Its cost is what is minimized, with the prior replaced, and what quadrature integrates."""
    X, y = data(rng, 30, 2)
    fit = laplace(Probit(X, y), [0.1, 2.0])
    for precision, one in zip((0.1, 2.0), (fit[0], fit[1]), strict=True):

        def cost(w, precision=precision):
            return -special.log_ndtr((2 * y - 1) * (X @ w)).sum() + precision / 2 * w @ w

        found = optimize.minimize(cost, np.zeros(2), tol=1e-12)
        np.testing.assert_allclose(one.mode, found.x, atol=1e-5)
        assert one.occam.cost_at_mode == pytest.approx(found.fun, abs=1e-9)
        grid = np.linspace(-15, 15, 301)
        first, second = np.meshgrid(grid, grid)
        products = X[:, :1, None] * first + X[:, 1:, None] * second
        logs = special.log_ndtr((2 * y - 1)[:, None, None] * products).sum(axis=0)
        logs += np.log(precision / (2 * np.pi)) - precision / 2 * (first**2 + second**2)
        exact = special.logsumexp(logs) + 2 * np.log(grid[1] - grid[0])
        assert st.evidence.quadrature(one) == pytest.approx(exact, abs=1e-6)
        assert one.log_evidence == pytest.approx(exact, abs=0.3)
    with pytest.raises(IncompatibleError, match="average yours over"):
        fit.predict(X)
    with pytest.raises(IncompatibleError, match="no n_classes"):
        _ = fit.log_evidence_ratio


def test_a_subclass_that_overrides_the_likelihood_is_what_runs(rng):
    class Bare(LogisticRegression):
        __slots__ = ()

    class Weighted(LogisticRegression):
        """The first example counts three times."""

        __slots__ = ()

        def cost(self, w):
            return super().cost(w) + 2 * np.logaddexp(0.0, (1 - 2 * self.y[0]) * (self.X[0] @ np.asarray(w)))

        def gradient(self, w):
            extra = special.expit(self.X[0] @ w) - self.y[0]
            return super().gradient(w) + 2 * extra * self.X[0]

        def hessian(self, w):
            p = special.expit(self.X[0] @ w)
            return super().hessian(w) + 2 * p * (1 - p) * np.outer(self.X[0], self.X[0])

    X, y = data(rng, 30, 3)
    repeated = LogisticRegression(np.vstack([X, X[:1], X[:1]]), np.append(y, [y[0], y[0]]))
    ours, right = laplace(Weighted(X, y), PATH), laplace(repeated, PATH)
    np.testing.assert_allclose(ours.log_evidence, right.log_evidence, rtol=1e-9)
    np.testing.assert_allclose(ours.mode, right.mode, rtol=1e-6, atol=1e-9)
    assert np.abs(ours.log_evidence - laplace(LogisticRegression(X, y), PATH).log_evidence).max() > 0.1
    np.testing.assert_array_equal(
        laplace(Bare(X, y), PATH).log_evidence, laplace(LogisticRegression(X, y), PATH).log_evidence
    )

    class Half(LogisticRegression):
        """Another cost with the gradient of the old one."""

        __slots__ = ()

        def cost(self, w):
            return 0.5 * super().cost(w)

    with pytest.raises(InvalidInputError, match="cost"):
        laplace(Half(X, y), 1.0)
