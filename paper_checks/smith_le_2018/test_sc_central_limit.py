"""Appendix C: where the noise of SGD is normal, and where it is not."""

import numpy as np
import pytest
import scipy.stats

import sdetheory as st
from sdetheory.claims import Above, Below

from ..estimates import draws_for, slope
from ..unseen import PAIRS

ALPHA = 1e-6
SIZES = 4 ** np.arange(2, 9)
TARGETS = np.array([0.0, 1.0, 3.0, 4.0, 8.0, 20.0])


@pytest.fixture(scope="module")
def along():
    """Gradients of 800 images along the leading direction of F, by place and pair of digits; mean 0, variance 1.

    Places are w = 0 and the minimum.
    """
    projected = {"start": [], "minimum": []}
    for pair in PAIRS:
        data = st.datasets.mnist(pair, train_size=800)
        model = st.models.LogisticRegression(data.x_train, data.y_train, prior_precision=1.0)
        for name, w in (("start", np.zeros(784)), ("minimum", st.evidence.laplace(model, 1.0).mode)):
            gradients = model.per_example_gradients(w)
            direction = np.linalg.eigh(st.models.gradient_covariance(gradients))[1][:, -1]
            values = gradients @ direction
            values = (values - values.mean()) / values.std()
            # The sign of an eigenvector is arbitrary.
            projected[name].append(values * np.sign(scipy.stats.skew(values)))
    return projected


@pytest.fixture(scope="module")
def sums(along):
    """Distance from the normal law, and mean size, of the sum of B independent draws: shape (pairs, 2, sizes)."""
    return {
        name: np.array([np.array([sum_of_draws(values, int(b)) for b in SIZES]).T for values in pairs])
        for name, pairs in along.items()
    }


def sum_of_draws(values, b, cells=2**18):
    """Return sup |F − Φ| and E|S| of the sum S of b draws, whose law is a power in Fourier space, on a fine grid."""
    width = 0.005 * max(1.0, np.sqrt(b / 4096))
    place = values / width
    low = np.floor(place).astype(int)
    law = np.bincount(low % cells, 1 - (place - low), cells) + np.bincount((low + 1) % cells, place - low, cells)
    law = np.fft.irfft(np.fft.rfft(law / len(values)) ** b, cells)
    grid = (np.arange(cells) - cells // 2) * width
    law = np.roll(law, cells // 2)
    middle = np.cumsum(law) - law / 2
    return np.abs(middle - scipy.stats.norm.cdf(grid / np.sqrt(b))).max(), law @ np.abs(grid)


def tail_index(sums, first, last):
    """Return the α for which E|S| of a stable law grows as B^{1/α}, between two of `SIZES`."""
    return np.log(SIZES[last] / SIZES[first]) / np.log(sums[1][last] / sums[1][first])


@pytest.mark.claim("C88")
def test_gradient_noise_looks_heavy_tailed_in_small_batches_and_has_a_variance_all_the_same(record, along, sums):
    """The sum of B gradients of two digits, at the minimum, grows as B^{1/α} with α = 2; five pairs of digits.

    By Edgeworth's expansion E|S| is √(2B/π)(1 − δ), δ = (κ − γ²)/24B, so that from B to 4B α is 2(1 − 1.08 δ): within
    5 % of 2 where B is at least the kurtosis κ, and δ less than 1/24. That is where α is read. A stable law would have
    one α for all B; from B = 16 to 256 the same estimate gives less, as if the variance were infinite: a handful of
    the images carries most of the noise.
    """
    first = [int(np.argmax(scipy.stats.kurtosis(values) <= SIZES)) for values in along["minimum"]]
    found = np.array([tail_index(one, i, i + 1) for one, i in zip(sums["minimum"], first, strict=True)])
    low = np.array([tail_index(one, 0, 2) for one in sums["minimum"]])
    record(
        label="α from B = κ on",
        predicted=Below(1.9),
        measured=found,
        rtol=0.05,
        found=2.0,
        wrong_predictions={"the α of B = 16 to 256": low},
    )


@pytest.mark.claim("C96")
def test_minibatch_gradients_become_normal_as_one_over_root_b(record, along, sums, rng):
    """Skewness falls as γ/√B, and the distance sup |F − Φ| with it; at the minimum, where γ = 22, from B = 1000 on.

    Witnesses: cumulants, the law of the sum by Fourier transform, and batches of 1024 images drawn with replacement.
    """
    values, distances = along["minimum"][0], sums["minimum"][0, 0]
    shapes = [st.models.minibatch_noise_shape(values[:, None], [1.0], int(b)).skewness for b in SIZES]
    batches = 100 * (draws_for(0.35, alpha=ALPHA, deviation=5.0) // 100 + 1)
    drawn = np.concatenate([values[rng.integers(0, 800, (1000, 1024))].sum(axis=1) for _ in range(batches // 1000 + 1)])
    cubes = (drawn / 32) ** 3
    record(
        label="skewness of batches of 1024",
        predicted=shapes[3],
        measured=st.stats.mean_estimate(cubes.reshape(-1, 100).mean(axis=1)),
        alpha=ALPHA,
        wrong_predictions={"normal": 0.0, "as 1/B": shapes[3] / 32, "that of 256": shapes[2]},
    )
    # Edgeworth: γ/(6√(2πB)), then κ/24B max|He₃φ| and γ²/72B max|He₅φ| at most, by which the logarithms may be off.
    skewness, kurtosis, b = scipy.stats.skew(values), scipy.stats.kurtosis(values), SIZES[-2:]
    second = (kurtosis * 0.5506 / 24 + skewness**2 * 2.3071 / 72) / b
    relative = second / (skewness / (6 * np.sqrt(2 * np.pi * b)))
    record(
        label="order of sup |F − Φ| in 1/B",
        predicted=0.5,
        measured=slope(1 / SIZES, distances),
        rtol=0.0,
        atol=relative.sum() / np.log(b[1] / b[0]),
        wrong_predictions={"order 1": 1.0, "order ¼": 0.25},
    )


@pytest.mark.claim("C97")
def test_at_a_minimum_the_noise_of_a_batch_of_usual_size_is_far_from_normal(record, picture, sums):
    """Sup |F − Φ| at B = 16: a thousand batches would show more than 0.0515; five pairs of digits.

    That is what the Kolmogorov–Smirnov test of a thousand draws rejects at 1 %: 1.63/√1000. It was to be so at B = 64
    and 256 too, which is true of zeros and ones alone. At w = 0, where all images count, there is less at B = 16.
    """
    record(
        label="sup |F − Φ| at the minimum",
        predicted=Below(0.0515),
        measured=sums["minimum"][:, 0, 0],
        found=Above(0.0515),
        wrong_predictions={"as at w = 0": Below(float(sums["start"][:, 0, 0].max()))},
    )

    def draw(figure):
        axes = figure.subplots()
        start, minimum = st.plotting.shades(st.plotting.SAMPLE, 3)[1:]
        for name, label, color, form in (("start", "w = 0", start, "o-"), ("minimum", "at the minimum", minimum, "s-")):
            axes.loglog(SIZES, sums[name][0, 0], form, color=color, label=label)
        axes.loglog(SIZES, 3.4 / np.sqrt(SIZES), "--", color=st.plotting.THEORY, label="slope −½")
        axes.set(xlabel="batch size B (examples)", ylabel="distance from the normal law, sup |F − Φ|")
        axes.legend()

    picture(draw)


@pytest.mark.claim("C98")
def test_many_small_steps_make_normal_noise_of_noise_that_is_not_up_to_the_root_of_epsilon(record, rng):
    """The skewness of SGD at rest is γ √(2ε − ε²)³/(3ε − 3ε² + ε³) → γ √(8ε)/3, γ that of one step.

    Witnesses: the cumulants of the recursion, exact for C = Σ (w − yᵢ)²/2, and SGD. Cubes of near-normal numbers have
    the deviation √15; half of γ would matter.
    """
    gamma, rates = scipy.stats.skew(TARGETS), np.array([0.5, 0.05, 1e-3, 5e-4])
    contracted = [1 - (1 - rates) ** power for power in (2, 3)]
    exact = gamma * contracted[0] ** 1.5 / contracted[1]
    model, groups = (
        st.models.LinearRegression(np.ones((6, 1)), TARGETS),
        draws_for(gamma / 4, alpha=ALPHA, deviation=4) // 50 + 1,
    )
    for rate, skewness, n_steps in zip(rates[:2], exact, (40, 200), strict=False):
        hp = st.SGDHyperparameters(learning_rate=rate, train_size=6, batch_size=1)
        variance = st.theory.sgd_covariance([[6.0]], [[TARGETS.var(ddof=1)]], hp).covariance.item()
        run = st.sgd(model, hp, [TARGETS.mean()], n_steps=n_steps, n_runs=50 * groups, rng=rng)
        cubes = ((run.final[:, 0] - TARGETS.mean()) / np.sqrt(variance)) ** 3
        record(
            label=f"skewness of SGD, ε = {rate}",
            predicted=skewness,
            measured=st.stats.mean_estimate(cubes.reshape(groups, 50).mean(axis=1)),
            alpha=ALPHA,
            wrong_predictions={"one step": gamma} | ({"normal": 0.0} if rate == 0.5 else {}),
        )
    record(
        label="order in ε",
        predicted=0.5,
        measured=slope(rates, exact),
        rtol=0.01,
        wrong_predictions={"order 1": 1.0, "as one step": 0.0},
    )


@pytest.mark.claim("C99")
def test_many_steps_do_not_make_normal_noise_where_the_noise_multiplies_the_weights(record, rng):
    """Least squares with normal inputs, B = 1, ε = 0.8: P(|w| > r) falls as r^{−α}, α = 1.55, not even with a variance.

    Inputs and errors have all moments: the tail is made by the products of many steps (Kesten). Measured by Hill's
    estimator on one run in a hundred, which has α = 8 for a normal law. 20,000 examples stand for the endless stream.
    """
    n, rate, runs = 20_000, 0.8, 100_000
    x = scipy.stats.norm.ppf((np.arange(n) + 0.5) / n)
    model = st.models.LinearRegression(x[:, None], rng.standard_normal(n))
    hp = st.SGDHyperparameters(learning_rate=rate, train_size=n, batch_size=1)
    final = st.sgd(model, hp, [0.0], n_steps=100, n_runs=runs, rng=rng).final[:, 0]
    largest = scipy.stats.norm.isf(np.arange(1, 1002) / runs / 2)
    record(
        predicted=1 / np.mean(np.log(largest[:-1] / largest[-1])),
        measured=st.models.tail_index(np.abs(final), n_largest=1000),
        alpha=ALPHA,
        found=st.theory.kesten_exponent(rate, 1),
        wrong_predictions={"variance just finite": 2.0, "Cauchy": 1.0},
    )
