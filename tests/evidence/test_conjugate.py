"""Unknown noise variance: Student densities, and the limit in which it is known."""

import numpy as np
import pytest
from scipy import integrate, special, stats

from sdetheory.errors import InvalidInputError
from sdetheory.evidence import LinearModel, NormalInverseGamma

SHAPE, SCALE, RATIO = 1.5, 0.8, 0.4
SHAPES = [(20, 3), (4, 9), (5, 5), (3, 0), (1, 2)]


def problem(rng, n, p):
    X = rng.standard_normal((n, p))
    return X, X @ rng.standard_normal(p) + 0.5 * rng.standard_normal(n)


@pytest.mark.parametrize(("n", "p"), SHAPES)
def test_evidence_is_a_student_density(rng, n, p):
    X, y = problem(rng, n, p)
    ours = NormalInverseGamma(LinearModel(X, y), shape=SHAPE, scale=SCALE).log_evidence(RATIO)
    scatter = SCALE / SHAPE * (np.eye(n) + X @ X.T / RATIO)
    assert ours == pytest.approx(stats.multivariate_t(np.zeros(n), scatter, df=2 * SHAPE).logpdf(y), rel=1e-11)


@pytest.mark.parametrize("intercept", [None, "flat", "gaussian"])
def test_evidence_is_the_integral_over_the_noise_variance(rng, intercept):
    model = LinearModel(*problem(rng, 8, 3), intercept=intercept)
    prior = stats.invgamma(SHAPE, scale=SCALE)

    def integrand(log_variance):
        variance = np.exp(log_variance)
        return np.exp(model.log_evidence(RATIO / variance, variance) + prior.logpdf(variance) + log_variance)

    integral = integrate.quad(integrand, -12, 12, epsabs=0, epsrel=1e-11, limit=500)[0]
    ours = NormalInverseGamma(model, shape=SHAPE, scale=SCALE).log_evidence(RATIO)
    assert ours == pytest.approx(np.log(integral), rel=1e-9)


def test_certain_noise_is_the_model_of_known_noise(rng):
    """a, b → ∞ with b/a = σ²: the remainder falls as 1/a, times less than n²."""
    model = LinearModel(*problem(rng, 12, 4))
    known = model.log_evidence(RATIO / 0.3, 0.3)
    for shape in (1e4, 1e6, 1e8):
        ours = NormalInverseGamma(model, shape=shape, scale=0.3 * shape).log_evidence(RATIO)
        assert abs(ours - known) < 12**2 / shape
    # Negative control: b/a = 0.33 is seen.
    assert abs(NormalInverseGamma(model, shape=1e8, scale=0.33e8).log_evidence(RATIO) - known) > 1e-3


@pytest.mark.parametrize("intercept", [None, "flat"])
def test_predictions_multiply_to_the_evidence(rng, intercept):
    X, y = problem(rng, 8, 3)
    start = 2 if intercept else 1
    total = NormalInverseGamma(
        LinearModel(X[:start], y[:start], intercept=intercept), shape=SHAPE, scale=SCALE
    ).log_evidence(RATIO)
    for i in range(start, 8):
        so_far = NormalInverseGamma(LinearModel(X[:i], y[:i], intercept=intercept), shape=SHAPE, scale=SCALE)
        ahead = so_far.posterior(RATIO).predict(X[i : i + 1])
        expected = stats.t(ahead.degrees_of_freedom, ahead.mean, ahead.scale).logpdf(y[i : i + 1])
        np.testing.assert_allclose(ahead.log_density(y[i : i + 1]), expected, rtol=1e-12)
        total += expected[0]
    joint = NormalInverseGamma(LinearModel(X, y, intercept=intercept), shape=SHAPE, scale=SCALE).log_evidence(RATIO)
    assert joint == pytest.approx(total, rel=1e-11)


def test_posterior_of_the_noise_is_where_it_concentrates(rng):
    X = rng.standard_normal((4000, 3))
    model = LinearModel(X, X @ np.ones(3) + 0.5 * rng.standard_normal(4000))
    posterior = NormalInverseGamma(model, shape=1.0, scale=1.0).posterior(RATIO)
    law = stats.invgamma(posterior.shape, scale=posterior.scale)
    # A sample variance of 4,000 has a standard deviation of 2.2 %: 20 % is nine of them.
    assert law.cdf(0.25 * 0.8) < 1e-3 and law.sf(0.25 * 1.2) < 1e-3


def test_null_model_and_its_ratio(rng):
    ours = NormalInverseGamma(LinearModel(*problem(rng, 12, 4)), shape=SHAPE, scale=SCALE)
    ratio = np.geomspace(1e-6, 1e6, 13)
    null = ours.log_evidence(1e200)
    np.testing.assert_allclose(ours.log_evidence_ratio(ratio), null - ours.log_evidence(ratio), rtol=1e-9, atol=1e-12)
    tiny = ours.log_evidence_ratio(np.array([1e20, 1e22]))
    assert tiny[0] / tiny[1] == pytest.approx(100, rel=1e-9)  # keeps its digits where both evidences agree


def test_maximum_is_that_of_a_dense_search(rng):
    ratio = np.geomspace(1e-8, 1e8, 20_001)
    for _ in range(20):
        X = rng.standard_normal((10, 6)) * 10 ** rng.uniform(-3, 1, 6)
        ours = NormalInverseGamma(LinearModel(X, rng.standard_normal(10) + X[:, 0]), shape=1.0, scale=0.1)
        best, dense = ours.maximize(), ours.log_evidence(ratio).max()
        value = ours.log_evidence(best) if np.isfinite(best) else ours.log_evidence(1e200)
        assert value >= dense - 1e-8


@pytest.mark.parametrize("intercept", [None, "flat"])
def test_the_reference_prior_is_the_limit_of_proper_ones(rng, intercept):
    """Bayes factors converge like a ln(1/a), and all that is lost on the way is ln Γ(a) - a ln b, common to all."""
    X, y = problem(rng, 9, 3)
    models = [LinearModel(inputs, y, intercept=intercept) for inputs in (X, X[:, :1], X[:, :0])]
    limit = [NormalInverseGamma(model, shape=0.0, scale=0.0).log_evidence(RATIO) for model in models]
    for a in (1e-4, 1e-8):
        near = np.array([NormalInverseGamma(m, shape=a, scale=a).log_evidence(RATIO) for m in models])
        near += special.gammaln(a) - a * np.log(a)
        np.testing.assert_allclose(near, limit, atol=100 * a)
    ratio = NormalInverseGamma(models[0], shape=0.0, scale=0.0).log_evidence_ratio(RATIO)
    assert ratio == pytest.approx(limit[2] - limit[0], rel=1e-12)


def test_the_reference_prior_is_the_integral_over_the_noise_variance(rng):
    model = LinearModel(*problem(rng, 8, 3))
    integral = integrate.quad(lambda u: np.exp(model.log_evidence(RATIO / np.exp(u), np.exp(u))), -12, 12,
                              epsabs=0, epsrel=1e-11, limit=500)[0]  # fmt: skip
    ours = NormalInverseGamma(model, shape=0.0, scale=0.0).log_evidence(RATIO)
    assert ours == pytest.approx(np.log(integral), rel=1e-9)


def test_zellners_prior_gives_the_bayes_factor_of_the_literature(rng):
    """(1 + g)^((n - 1 - p)/2) (1 + g(1 - R²))^(-(n - 1)/2), Liang et al. (2008), eq. 6: t = 1/g in units of XᵀX."""
    X, y = problem(rng, 30, 4)
    centred, g = X - X.mean(axis=0), 30.0
    model = LinearModel(X, y, intercept="flat", prior_shape=centred.T @ centred)
    fit = np.linalg.lstsq(centred, y - y.mean(), rcond=None)[0]
    share = 1 - np.sum((y - y.mean() - centred @ fit) ** 2) / np.sum((y - y.mean()) ** 2)
    expected = 0.5 * (30 - 1 - 4) * np.log1p(g) - 0.5 * (30 - 1) * np.log1p(g * (1 - share))
    assert -NormalInverseGamma(model, shape=0.0, scale=0.0).log_evidence_ratio(1 / g) == pytest.approx(
        expected, rel=1e-12
    )


@pytest.mark.parametrize("unit", [1e-160, 1e-100, 1e100, 1e160])
def test_responses_in_any_unit(rng, unit):
    X, y = problem(rng, 12, 3)
    for prior in ((0.0, 0.0), (SHAPE, SCALE)):
        before = NormalInverseGamma(LinearModel(X, y), shape=prior[0], scale=prior[1])
        scale = prior[1] * unit**2 if unit < 1e150 else 0.0
        if prior[1] and not 1e-300 < scale < 1e300:
            continue  # b is beyond the range of doubles
        after = NormalInverseGamma(LinearModel(X, unit * y), shape=prior[0], scale=scale)
        assert after.log_evidence(RATIO) == pytest.approx(before.log_evidence(RATIO) - 12 * np.log(unit), rel=1e-12)
        assert after.log_evidence_ratio(RATIO) == pytest.approx(before.log_evidence_ratio(RATIO), rel=1e-11)
        assert after.maximize() == pytest.approx(before.maximize(), rel=1e-9)
    # A prior far from the data, on either side: finite, and the tail of the Student law.
    far = NormalInverseGamma(LinearModel(X, unit * y), shape=SHAPE, scale=SCALE)
    assert np.isfinite(far.log_evidence(RATIO)) and np.isfinite(far.log_evidence_ratio(RATIO))


def test_bad_priors_are_refused(rng):
    model = LinearModel(*problem(rng, 3, 1))
    with pytest.raises(InvalidInputError, match="scale must be >= 0"):
        NormalInverseGamma(model, shape=1.0, scale=-1.0)
    for shape, scale in ((1.0, 0.0), (0.0, 1.0)):
        with pytest.raises(InvalidInputError, match="both zero for the reference prior"):
            NormalInverseGamma(model, shape=shape, scale=scale)
    with pytest.raises(InvalidInputError, match="y that is not zero"):
        NormalInverseGamma(LinearModel([[1.0]], [0.0]), shape=0.0, scale=0.0)
    with pytest.raises(InvalidInputError, match="more observations than intercepts"):
        NormalInverseGamma(LinearModel([[1.0]], [2.0], intercept="flat"), shape=0.0, scale=0.0)
    with pytest.raises(InvalidInputError, match="explain y entirely"):
        NormalInverseGamma(LinearModel(np.eye(3), [1.0, 2.0, 3.0]), shape=0.0, scale=0.0).maximize()
    with pytest.raises(InvalidInputError, match="must be of type LinearModel"):
        NormalInverseGamma(3.0, shape=1.0, scale=1.0)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InvalidInputError, match="precision_ratio must be > 0"):
        NormalInverseGamma(model, shape=1.0, scale=1.0).log_evidence(0.0)
    with pytest.raises(InvalidInputError, match="inputs that vary"):
        NormalInverseGamma(LinearModel([[0.0]], [1.0]), shape=1.0, scale=1.0).maximize()
