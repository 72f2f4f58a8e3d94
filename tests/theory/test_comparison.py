"""Distances of samples from laws: what sampling makes of them, how often it alarms falsely, and what it catches."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

import sdetheory as st
from sdetheory.errors import InvalidInputError
from sdetheory.theory import Grid, compare_laws, fokker_planck, gibbs, power_law, stationary_law

ALPHA = 1e-3
NORMAL = stats.norm()


@dataclass
class Histogram:
    edges: tuple
    counts: np.ndarray
    totals: np.ndarray


class Cost:
    def __init__(self, function, dimension=1):
        self.function, self.dimension = function, dimension

    def value(self, x):
        return self.function(*np.moveaxis(x, -1, 0))


WELL = Cost(lambda x: (x**2 - 1) ** 2 / 4)


def histogram(groups, edges):
    """Return a histogram of groups of values (n_groups, n)."""
    counts = np.array([np.histogram(group, edges)[0] for group in groups])
    return Histogram((edges,), counts, np.full(len(groups), groups.shape[1]))


def accepted(alarms, runs, rate):
    """Whether so many alarms can be binomial with the given rate, two-sided at ALPHA."""
    return stats.binomtest(alarms, runs, rate).pvalue >= ALPHA


def test_draws_of_the_law_alarm_as_often_as_they_should(rng):
    """p-values below 5 % in one of twenty samples, all together in no more; distances as they should be."""
    runs, rate = 500, 0.05
    results = [compare_laws(rng.standard_normal(400), NORMAL) for _ in range(runs)]
    for name in ("kolmogorov_smirnov", "total_variation"):
        assert accepted(sum(getattr(r, name).p_value < rate for r in results), runs, rate), name
    # Four tests of 1.25 % each together alarm in 1.25 to 5 % of cases.
    alarms = sum(not r.agrees(alpha=rate) for r in results)
    assert stats.binom.sf(alarms - 1, runs, rate) > ALPHA
    assert stats.binom.cdf(alarms, runs, rate / 4) > ALPHA
    for name in ("total_variation", "kolmogorov_smirnov", "wasserstein"):
        z = np.array([getattr(r, name).z_score for r in results])
        # The limits leave a bias of order n^-1/2 in sup |F_n - F|: here 0.06 standard deviations.
        assert abs(z.mean()) < 0.2, name
        assert 0.85 < z.std() < 1.15, name
    for pairs in ([r.mean.z_score(0.0) for r in results], [r.variance.z_score(1.0) for r in results]):
        assert abs(np.mean(pairs)) < -stats.norm.ppf(ALPHA / 2) / np.sqrt(runs)


@pytest.mark.parametrize("law", [stats.norm(0.08), stats.norm(scale=1.05), stats.logistic(scale=np.sqrt(3) / np.pi)])
def test_a_perturbed_law_is_rejected(rng, law):
    """The negative control, at the same alpha: 10 000 draws tell a shift of 8 standard errors, a width of 7."""
    x = rng.standard_normal(10_000)
    assert compare_laws(x, NORMAL).agrees(alpha=ALPHA)
    assert not compare_laws(x, law).agrees(alpha=ALPHA)


def test_distances_of_laws_that_differ_are_those_of_the_laws(rng):
    """Quantiles of one law against another: W1 of a shift is the shift, KS and total variation are known."""
    shift, n = 0.5, 20_001
    x = stats.norm.ppf((np.arange(n) + 0.5) / n)
    result = compare_laws(x, stats.norm(shift), bins=np.linspace(-6, 6.5, 2501))
    exact = 2 * stats.norm.cdf(shift / 2) - 1
    assert result.wasserstein.value == pytest.approx(shift, rel=2e-4)
    assert result.kolmogorov_smirnov.value == pytest.approx(exact, rel=2e-4)
    assert compare_laws(x, stats.norm(shift), n_eff=1e6).total_variation.value == pytest.approx(exact, rel=0.02)
    assert result.mean.value == pytest.approx(0.0, abs=1e-12)
    assert result.law_mean == shift


def test_the_exact_p_value_is_that_of_scipy(rng):
    x = rng.standard_normal(57)
    ours, theirs = compare_laws(x, NORMAL).kolmogorov_smirnov, stats.kstest(x, NORMAL.cdf, method="exact")
    assert (ours.value, ours.p_value) == pytest.approx((theirs.statistic, theirs.pvalue), rel=1e-12)


def test_the_area_between_step_and_curve_is_that_of_quadrature(rng):
    x = rng.standard_normal(40)
    fine = np.linspace(-9, 9, 2_000_001)
    gap = np.abs(np.searchsorted(np.sort(x), fine, side="right") / 40 - stats.norm.cdf(fine))
    assert compare_laws(x, NORMAL).wasserstein.value == pytest.approx(np.trapezoid(gap, fine), rel=1e-4)


def test_correlated_draws_are_worth_fewer(rng):
    """An autoregression with ρ = 0.9 is worth n(1 - ρ)/(1 + ρ) draws for its mean: with n it alarms, with n_eff not."""
    n, rho = 5000, 0.9
    starts = rng.standard_normal(1)
    z = [
        [compare_laws(x, NORMAL, n_eff=worth).mean.z_score(0.0) for worth in (n * (1 - rho) / (1 + rho), None)]
        for x in (
            lfilter([np.sqrt(1 - rho**2)], [1, -rho], rng.standard_normal(n), zi=rho * starts)[0] for _ in range(100)
        )
    ]
    honest, naive = np.std(z, axis=0)
    low, high = np.sqrt(stats.chi2.ppf([ALPHA / 2, 1 - ALPHA / 2], 99) / 99)
    assert low < honest < high
    assert not low < naive < high


def two_basins(rng, n_groups, per_group, each):
    """Values of paths that never leave the basin where they began: means ∓2 with unit width, half and half."""
    side = rng.choice([-2.0, 2.0], (n_groups, per_group, 1))
    return (side + rng.standard_normal((n_groups, per_group, each))).reshape(n_groups, -1)


class Mixture:
    dimension = 1

    def __init__(self, weight=0.5):
        self.weight = weight

    def pdf(self, x):
        return self.weight * stats.norm.pdf(x[..., 0], -2) + (1 - self.weight) * stats.norm.pdf(x[..., 0], 2)

    def cdf(self, x):
        return self.weight * stats.norm.cdf(x[..., 0], -2) + (1 - self.weight) * stats.norm.cdf(x[..., 0], 2)


def test_groups_show_the_errors_of_slow_modes(rng):
    """Whole basins rise and fall together: groups know, one count of draws does not."""
    runs, rate, edges = 400, 0.05, np.linspace(-6, 6, 41)
    alarms = naive = 0
    for _ in range(runs):
        sample = histogram(two_basins(rng, 32, 20, 10), edges)
        alarms += not compare_laws(sample, Mixture()).agrees(alpha=rate)
        naive += not compare_laws(sample, Mixture(), n_eff=32 * 200).agrees(alpha=rate)
    # Approximate test: the rate must lie between a quarter and twice the nominal one.
    assert stats.binom.sf(alarms - 1, runs, 2 * rate) > ALPHA
    assert stats.binom.cdf(alarms, runs, rate / 4) > ALPHA
    assert stats.binom.sf(naive - 1, runs, 2 * rate) < ALPHA, "the control must fail the same test"


def test_groups_catch_a_wrong_weight_of_basins(rng):
    sample = histogram(two_basins(rng, 64, 200, 3), np.linspace(-6, 6, 41))
    assert compare_laws(sample, Mixture()).agrees(alpha=ALPHA)
    wrong = compare_laws(sample, Mixture(0.54))  # nine standard errors of 12 800 paths
    assert not wrong.agrees(alpha=ALPHA)
    assert abs(wrong.mean.z_score(wrong.law_mean)) > 5


def test_a_sampled_double_well_follows_gibbs_and_the_grid():
    landscape = st.landscapes.double_well()
    sample = st.sample_stationary(
        st.langevin(landscape, 0.2), dt=0.02, n_paths=4096, burn_in=1500, n_steps=500, every=20, rng=11,
        bins=np.linspace(-2.2, 2.2, 45), method="leimkuhler-matthews",
    )  # fmt: skip
    laws = [
        gibbs(landscape, 0.2),
        fokker_planck(lambda x: x - x**3, 0.2, Grid((-3.2, 3.2), 400)),
        stationary_law(lambda x: x - x**3, 0.2),
    ]
    results = [compare_laws(sample.histogram, law) for law in laws]
    for result in results:
        assert result.agrees(alpha=ALPHA)
        assert result.total_variation.z_score < 5
        assert result.law_variance == pytest.approx(results[0].law_variance, rel=1e-4)
    assert not compare_laws(sample.histogram, gibbs(landscape, 0.22)).agrees(alpha=ALPHA)


def test_histograms_in_two_dimensions(rng):
    law = gibbs(Cost(lambda x, y: x**2 / 2 + y**2 - 0.5 * x * y, 2), 0.5)
    chol = np.linalg.cholesky(law.covariance)
    edges = (np.linspace(-3, 3, 31), np.linspace(-2, 2, 21))
    x = rng.standard_normal((16, 2000, 2)) @ chol.T
    counts = np.array([np.histogram2d(*group.T, edges)[0] for group in x])
    result = compare_laws(Histogram(edges, counts, np.full(16, 2000)), law)
    assert result.agrees(alpha=ALPHA)
    assert result.residuals.shape == (30, 20)
    assert result.kolmogorov_smirnov is None
    assert result.law_density.sum() * 0.04 == pytest.approx(law.probability([-3, -2], [3, 2]), abs=1e-5)
    wrong = gibbs(Cost(lambda x, y: x**2 / 2 + y**2 - 0.3 * x * y, 2), 0.5)
    assert not compare_laws(Histogram(edges, counts, np.full(16, 2000)), wrong).agrees(alpha=ALPHA)
    for axis in (0, 1):
        assert compare_laws(x[..., axis].ravel(), law.marginal(axis)).agrees(alpha=ALPHA)
        assert not compare_laws(x[..., axis].ravel(), wrong.marginal(axis)).agrees(alpha=ALPHA)


def test_heavy_tails_have_moments_without_errors(rng):
    law = power_law(1.0, 1.0, slope=1.6, floor=0.1)  # 3.5 degrees of freedom
    x = law.rvs(5000, random_state=rng)
    result = compare_laws(x, law)
    assert result.agrees(alpha=ALPHA)
    assert result.variance.stderr == np.inf
    exact = compare_laws(x, stationary_law(lambda x: -x, lambda x: 0.8 * (x**2 / 2 + 0.1)))
    assert exact.kolmogorov_smirnov.value == pytest.approx(result.kolmogorov_smirnov.value, abs=1e-9)
    assert exact.wasserstein.value == pytest.approx(result.wasserstein.value, rel=1e-6)


@pytest.mark.parametrize(
    ("law", "exact"),
    [
        (gibbs(Cost(lambda x: x**2 / 2), 1.0), NORMAL),
        (stationary_law(lambda x: -x, 1.0), NORMAL),
        (stationary_law(lambda x: -x, lambda x: 0.4 * (x**2 / 2 + 0.1)), power_law(1.0, 1.0, slope=0.8, floor=0.1)),
        (stationary_law(lambda x: 0.1 - 2 * x, lambda x: 0.3 * x, bounds=(0, np.inf)), stats.gamma(1 / 3, scale=0.15)),
    ],
)
def test_distribution_functions(law, exact):
    x = exact.ppf([1e-9, 0.01, 0.5, 0.9, 1 - 1e-9])
    np.testing.assert_allclose(law.cdf(x[:, None]), exact.cdf(x), rtol=1e-8)
    assert law.cdf([[1e9]]) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: compare_laws(np.zeros(10), NORMAL), "30 independent draws"),
        (lambda: compare_laws(np.zeros((40, 2)), NORMAL), r"law\.marginal"),
        (lambda: compare_laws(np.arange(40.0), 3), "method pdf"),
        (lambda: compare_laws(np.arange(40.0), gibbs(Cost(lambda x, y: x**2 + y**2, 2), 1.0)), "one-dimensional"),
        (lambda: compare_laws(np.full(40, np.nan), NORMAL), "finite"),
        (lambda: compare_laws(np.arange(40.0), NORMAL, n_eff=-1), "n_eff must be >= 30"),
        (lambda: compare_laws(np.arange(40.0), NORMAL, bins=[1.0, 0.0]), "increasing edges"),
        (
            lambda: compare_laws(Histogram((np.arange(3.0),), np.ones((4, 2)), np.full(4, 2)), NORMAL),
            "8 independent groups",
        ),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()
