"""Stationary laws in one dimension against closed forms, and the cases where there is none."""

import numpy as np
import pytest
from scipy import stats

from sdetheory.errors import InvalidInputError
from sdetheory.theory import gibbs, power_law, stationary_law

X = np.linspace(-4, 4, 161)


def shrink(x):
    return -x


def growing(x):
    """D of noise proportional to the loss: g = 1, s = 0.8, c₀ = 0.1, k = 1."""
    return 0.4 * (x**2 / 2 + 0.1)


@pytest.mark.parametrize("calculus", ["ito", "stratonovich"])
def test_noise_that_grows_with_the_loss_makes_a_power_law(calculus):
    law = stationary_law(shrink, growing, calculus=calculus)
    exact = power_law(1.0, 1.0, slope=0.8, floor=0.1, calculus=calculus)
    np.testing.assert_allclose(law.pdf(X[:, None]), exact.pdf(X), rtol=1e-10)
    np.testing.assert_allclose([law.probability(x, np.inf) for x in (0.5, 3.0)], exact.sf([0.5, 3.0]), rtol=1e-10)
    other = power_law(1.0, 1.0, slope=0.8, floor=0.1, calculus={"ito": "stratonovich"}.get(calculus, "ito"))
    assert np.abs(law.pdf(X[:, None]) / other.pdf(X) - 1).max() > 0.1


def test_known_numbers_of_the_power_law():
    """The density is ∝ (C + c₀)^-φ with φ = 3.5, so that p ~ |x|^-7; variance g s c₀/(2k - g s k/2) = 0.05."""
    law = stationary_law(shrink, growing)
    assert law.tail_exponents == pytest.approx((7.0, 7.0), abs=1e-9)
    assert law.variance == pytest.approx(0.05, rel=1e-10)
    assert law.mean == pytest.approx(0.0, abs=1e-12)
    loss = X**2 / 2 + 0.1
    slope = np.polyfit(np.log(loss), np.log(law.pdf(X[:, None])), 1)[0]
    assert slope == pytest.approx(-3.5, abs=1e-9)


def test_it_is_the_gibbs_law_where_noise_is_constant():
    class Well:
        dimension = 1

        def value(self, x):
            return x[..., 0] ** 4 / 4 - x[..., 0] ** 2 / 2 + 0.1 * x[..., 0]

    law = stationary_law(lambda x: x - x**3 - 0.1, 0.05)
    exact = gibbs(Well(), 0.05)
    np.testing.assert_allclose(law.pdf(X[:, None]), exact.pdf(X[:, None]), rtol=1e-9, atol=1e-300)
    assert law.probability(-np.inf, 0.0) == pytest.approx(exact.probability(-np.inf, 0.0), rel=1e-9)
    wrong = stationary_law(lambda x: -(x - x**3 - 0.1), 0.05)
    assert not wrong.exists


@pytest.mark.parametrize(
    ("drift", "diffusion", "bounds", "exact"),
    [
        (lambda x: 2 * (0.5 - x), lambda x: 0.3 * x, (0, np.inf), stats.gamma(10 / 3, scale=0.15)),
        (lambda x: 2 * (0.05 - x), lambda x: 0.3 * x, (0, np.inf), stats.gamma(1 / 3, scale=0.15)),
        (lambda x: x * (1 - x), lambda x: 0.1 * x**2, (0, np.inf), stats.gamma(9, scale=0.1)),
        (lambda x: -x, lambda x: 1 - x**2, (-1, 1), stats.beta(0.5, 0.5, loc=-1, scale=2)),
        (lambda x: 0 * x, 1.0, (0, 2), stats.uniform(0, 2)),
        (lambda x: 1e6 - x, 0.5, (-np.inf, np.inf), stats.norm(1e6, np.sqrt(0.5))),
        (lambda x: -1.6 * x / (1 + x**2), 1.0, (-np.inf, np.inf), stats.t(0.6, scale=0.6**-0.5)),
    ],
    ids=["gamma", "gamma with a pole", "logistic", "arcsine", "uniform", "far away", "tail without a mean"],
)
def test_closed_forms(drift, diffusion, bounds, exact):
    law = stationary_law(drift, diffusion, bounds=bounds)
    x = exact.ppf([0.01, 0.3, 0.5, 0.9, 0.999])
    # One rounding error of x at 10⁶ is 1e-10.
    np.testing.assert_allclose(law.pdf(x[:, None]), exact.pdf(x), rtol=1e-8)
    assert law.probability(-np.inf, x[3]) == pytest.approx(0.9, abs=1e-9)
    assert law.expectation(lambda x: np.ones(len(x))) == pytest.approx(1.0, abs=1e-12)
    if np.isfinite(exact.var()):
        assert (law.mean, law.variance) == pytest.approx((exact.mean(), exact.var()), rel=1e-8)
    else:
        assert np.isnan(law.mean)
        assert np.isnan(law.variance)


@pytest.mark.parametrize(
    ("drift", "diffusion", "bounds", "end", "exponent"),
    [
        (lambda x: 0 * x, 1.0, (-np.inf, np.inf), -np.inf, 0.0),
        (lambda x: x, 1.0, (-np.inf, np.inf), -np.inf, -np.inf),
        (lambda x: -x / (1 + x**2), 1.0, (-np.inf, np.inf), -np.inf, 1.0),
        (lambda x: -0.9 * x / (1 + x**2), 1.0, (0, np.inf), np.inf, 0.9),
        (lambda x: -x, lambda x: 0.4 * x**2, (0, np.inf), 0.0, 4.5),
        (lambda x: 0 * x, lambda x: np.exp(-(x**2)), (-np.inf, np.inf), -np.inf, -np.inf),
    ],
    ids=["flat", "repelling", "just too heavy", "too heavy", "collapse", "noise dies out"],
)
def test_no_stationary_law_is_an_answer(drift, diffusion, bounds, end, exponent):
    law = stationary_law(drift, diffusion, bounds=bounds)
    assert not law.exists
    assert law.end == end
    assert law.exponent == pytest.approx(exponent, abs=1e-6)
    assert "not integrable" in law.reason


def test_a_variance_may_be_infinite():
    law = stationary_law(lambda x: -2.5 * x / (1 + x**2), 1.0)
    assert law.mean == pytest.approx(0.0, abs=1e-10)
    assert law.variance == np.inf
    assert law.expectation(lambda x: x**2)[0] == np.inf


@pytest.mark.parametrize(
    ("drift", "diffusion", "arguments", "message"),
    [
        (shrink, -1.0, {}, "positive semidefinite"),
        (shrink, lambda x: x, {}, "positive semidefinite|zero"),
        (shrink, lambda x: np.abs(x), {}, "falls into parts"),
        (shrink, 1.0, {"bounds": (1, 0)}, "lower < upper"),
        (shrink, 1.0, {"bounds": 3}, "two numbers"),
        (shrink, 1.0, {"calculus": "itô"}, "Did you mean 'ito'"),
        (lambda x: x[..., 0], 1.0, {}, "drift must map points"),
        (lambda x: np.sign(x), 1.0, {}, None),
        (2.0, 1.0, {}, "drift must be a function"),
        (lambda x: x / 0.0 * 1e300, 1.0, {}, "finite"),
    ],
)
def test_refusals(drift, diffusion, arguments, message):
    if message is None:
        assert not stationary_law(drift, diffusion, **arguments).exists
        return
    with np.errstate(all="ignore"), pytest.raises(InvalidInputError, match=message):
        stationary_law(drift, diffusion, **arguments)


def test_points_of_a_wrong_shape():
    with pytest.raises(InvalidInputError, match=r"x\[..., None\]"):
        stationary_law(shrink, 1.0).pdf(X)
    with pytest.raises(InvalidInputError, match="lower must not exceed"):
        stationary_law(shrink, 1.0).probability(1, 0)


def test_a_heavy_tail_has_a_mean_and_no_variance_and_its_far_quantiles_are_right():
    """D = (x² + ν)/(ν − 1) and drift −x give Student's law with 1.1 degrees of freedom: no moment beyond the first."""
    nu = 1.1
    law = stationary_law(shrink, lambda x: (x**2 + nu) / (nu - 1))
    assert law.tail_exponents == pytest.approx((nu + 1, nu + 1), abs=1e-9)
    assert law.mean == pytest.approx(0.0, abs=1e-9)
    assert law.variance == np.inf
    far = np.array([-1e9, -1e5, 1e5, 1e9])
    np.testing.assert_allclose(law.cdf(far[:, None]), stats.t(nu).cdf(far), rtol=1e-6)
    assert 1 - law.cdf([[1e5]])[0] == pytest.approx(stats.t(nu).sf(1e5), rel=1e-6)
