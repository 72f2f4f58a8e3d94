"""How often intervals hold the truth, for few samples: binomial tests of 2,000 repetitions on known laws.

docs/paper/coverage.md has all estimates at all sizes; here are the kinds of law, at sizes where the normal one fails.
Shares may differ from the level by what the approximations are known to leave (see each case) and by five binomial
deviations: a false alarm in 2 million. The same bounds reject plus or minus 1.96 standard errors of ten samples.
"""

import math
import warnings

import numpy as np
import pytest
from scipy import special, stats

import sdetheory as st
from sdetheory._intervals import law_of_fraction, law_of_rate
from sdetheory.errors import AccuracyWarning
from sdetheory.results import Estimate, mean_of, ratio_estimate
from sdetheory.simulators._moments import covariance
from sdetheory.simulators.histogram import Histogram

# What is tested is what a handful of samples gives all the same; that it warns is tested below.
pytestmark = pytest.mark.filterwarnings("ignore:n_eff = .* samples do not tell:sdetheory.errors.AccuracyWarning")

REPETITIONS = 2000
LEVELS = (0.68, 0.95)


def share(estimate, truth, level):
    low, high = estimate.interval(level)
    return np.mean((low <= truth) & (truth <= high))


def tolerance(level, left=0.0):
    return left + 5 * math.sqrt(level * (1 - level) / REPETITIONS)


def exponential(rng, n):
    return mean_of(rng.exponential(2.0, (n, REPETITIONS)), positive=True), 2.0


def drifting(rng, n):
    """First-passage times of Brownian motion with drift: inverse Gaussian, of relative deviation 1."""
    return mean_of(rng.wald(2.0, 2.0, (n, REPETITIONS)), positive=True), 2.0


def squares(rng, n):
    return mean_of(rng.standard_normal((n, REPETITIONS)) ** 2, positive=True), 1.0


def normal(rng, n):
    return mean_of(3 + rng.standard_normal((n, REPETITIONS))), 3.0


def skewed(rng, n):
    """Of both signs, so that no law of positive numbers helps."""
    return mean_of(rng.exponential(1.0, (n, REPETITIONS)) - 1.0), 0.0


def counted(rng, n):
    """Return a rate from n paths of which a fifth arrive: four arrivals for n = 20."""
    window = -math.log(0.8)
    times = rng.exponential(1.0, (n, REPETITIONS))
    arrived, at_risk = times < window, np.minimum(times, window)
    rate = ratio_estimate(arrived, at_risk)
    none = rate.value == 0
    stderr = np.where(none, 1 / at_risk.sum(axis=0), rate.stderr)
    relative = np.where(none, 0.0, stderr / np.where(none, 1.0, rate.value))
    return Estimate(value=rate.value, stderr=stderr, n_eff=n, law=law_of_rate(arrived.sum(axis=0), relative)), 1.0


def fractions(rng, n):
    samples = rng.beta(0.5, 0.5, (n, REPETITIONS))
    mean = mean_of(samples)
    return Estimate(
        value=mean.value, stderr=mean.stderr, n_eff=n, law=law_of_fraction(samples, mean.value, mean.stderr)
    ), 0.5


# What the law leaves, at most, beyond chance: shape and family are guessed from few samples, counts are whole numbers.
@pytest.mark.parametrize(
    ("kind", "n", "left"),
    [
        (exponential, 5, 0.05), (exponential, 10, 0.03), (exponential, 50, 0.01), (squares, 10, 0.03),
        (drifting, 10, 0.05), (drifting, 50, 0.02), (normal, 10, 0.02), (skewed, 10, 0.03), (skewed, 50, 0.02),
        (counted, 20, 0.06), (counted, 200, 0.02), (fractions, 20, 0.03),
    ],
)  # fmt: skip
@pytest.mark.parametrize("level", LEVELS)
def test_intervals_hold_the_truth_as_often_as_they_say(kind, n, left, level):
    # At 95 % the approximations leave half as much: there is less room.
    left = left if level < 0.9 else left / 2
    estimate, truth = kind(np.random.default_rng(n), n)
    assert abs(share(estimate, truth, level) - level) < tolerance(level, left)


@pytest.mark.parametrize("kind", [exponential, drifting, squares])
def test_standard_errors_alone_would_be_noticed(kind):
    estimate, truth = kind(np.random.default_rng(10), 10)
    z = np.abs(estimate.z_score(truth))
    assert 0.95 - np.mean(z < special.ndtri(0.975)) > tolerance(0.95, 0.025)


def test_a_handful_of_samples_warns(rng):
    exponentials, normals = rng.exponential(size=(2, 19))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        st.models.tail_index(exponentials, n_largest=8).interval()  # whose law is known
        mean_of(rng.exponential(size=20), positive=True).interval()
        few = [mean_of(normals), -mean_of(exponentials, positive=True), fractions(rng, 19)[0], counted(rng, 19)[0]]
        for estimate in few:
            with pytest.raises(AccuracyWarning, match="n_eff = 19 samples do not tell"):
                estimate.interval()


def test_the_tail_index_has_the_law_of_its_exponential_spacings():
    """The logarithms of k Pareto ratios are exponential, so that α times their sum has a gamma law of shape k."""
    estimate = st.models.tail_index(np.random.default_rng(0).random(1000) ** -0.5, n_largest=8)
    low, high = estimate.interval(0.9)
    assert [low, high] == pytest.approx(estimate.value / 8 * stats.gamma(8).ppf([0.05, 0.95]))


def test_no_event_has_an_upper_end():
    none = Estimate(value=0.0, stderr=0.1, n_eff=50, law=law_of_rate(0, 0.0))
    low, high = none.interval(0.95)
    assert low == 0.0
    assert 0.1 < high < 0.37  # at 97.5 % Poisson's exact end is ln 40 = 3.69 events


def test_rare_cells_of_a_histogram_are_counts():
    """A cell of 2 % seen by ten groups of 20 samples: four visits on average, which Student's t takes for normal."""
    n, truth = 10, 0.02
    counts = np.random.default_rng(3).binomial(20, truth, (n, REPETITIONS))
    found = Histogram(edges=(np.linspace(0, 1, REPETITIONS + 1),), counts=counts, totals=np.full(n, 20))._fraction(
        counts
    )
    errors = counts.std(axis=0, ddof=1) / math.sqrt(n) / 20
    np.testing.assert_allclose(found.stderr[errors > 0], errors[errors > 0], rtol=1e-12)
    # No interval of a few whole numbers has its level; it must not have less.
    assert share(found, truth, 0.95) > 0.95 - tolerance(0.95)
    assert share(Estimate(value=found.value, stderr=errors, n_eff=n), truth, 0.95) < 0.95 - tolerance(0.95)
    # Where no sample was, at 97.5 % Poisson's exact end is 3.69 samples of 200.
    _, high = found.interval(0.95)
    assert (high[found.value == 0] > 0.01).all() and (high[found.value == 0] < 0.05).all()


def test_covariances_off_the_diagonal_have_no_sign():
    """Five products that happen to be positive do not say that their mean is; five squares do."""
    products = np.array([0.2, 1.0, 1.2, 1.3, 3.0])
    found = covariance(np.zeros((5, 2)), np.column_stack([products] * 3))
    low, _ = found.interval(0.99)
    assert low[0, 0] == low[1, 1] > 0 > low[0, 1] == low[1, 0]
