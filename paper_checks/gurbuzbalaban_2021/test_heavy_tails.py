"""Section 3: the tail of SGD on least squares, and what it depends on."""

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

import sdetheory as st
from sdetheory.claims import Above, Below

ALPHA = 1e-6


@pytest.mark.claim("GSZ01")
def test_tail_exponent_of_sgd_solves_the_moment_equation_of_its_factor(record, rng, full):
    """Gaussian gradient noise of the same variance would leave normal weights, whose Hill estimate is far higher.

    Witnesses: the equation with the package's exponent, and Hill's estimate of 40,000 runs on 4096
    normal quantiles, whose tail exponent is that of normal inputs up to half a per cent.
    """
    rate, n = 0.75 * 2 / 3, 4096
    exponent = st.theory.kesten_exponent(rate, 1)

    def moment(power):
        def integrand(x):
            return 2 * scipy.stats.norm.pdf(x) * abs(1 - rate * x**2) ** power

        kink = rate**-0.5
        return sum(scipy.integrate.quad(integrand, *ends, epsrel=1e-11)[0] for ends in ((0, kink), (kink, 30)))

    record(label="moment of the factor", predicted=1.0, measured=moment(exponent), rtol=1e-8,
           wrong_measurements={"of the order 2α/3": moment(exponent / 1.5)})  # fmt: skip

    inputs = scipy.stats.norm.ppf((np.arange(n) + 0.5) / n)
    model = st.models.LinearRegression((inputs / inputs.std())[:, None], rng.standard_normal(n))
    hp = st.SGDHyperparameters(learning_rate=rate, train_size=n, batch_size=1, sampling="with-replacement")
    runs = 40_000 if full is None else 200_000
    final = st.sgd(model, hp, [0.0], n_steps=80, n_runs=runs, rng=rng).final[:, 0]
    normal = final.std() * rng.standard_normal(runs)
    record(
        label="Hill's estimate",
        predicted=exponent,
        measured=st.models.tail_index(np.abs(final), n_largest=runs // 200),
        alpha=ALPHA,
        wrong_measurements={"normal weights": st.models.tail_index(np.abs(normal), n_largest=runs // 200)},
    )


@pytest.mark.claim("GSZ02")
def test_variance_is_infinite_from_two_over_one_plus_two_over_b_on(record):
    """For b = 1, 4 and 16; on 4096 normal quantiles the limit of the exact second moment is that too."""
    sizes = np.array([1, 4, 16])
    limits = 2 / (1 + 2 / sizes)
    exponents, other = (
        [st.theory.kesten_exponent(rate, b) for rate, b in zip(rates, sizes, strict=True)]
        for rates in (limits, 2 * sizes / (sizes + 1))
    )
    record(label="α at the limit", predicted=2.0, measured=exponents, rtol=1e-6,
           wrong_measurements={"at η = 2b/(b + 1)": other})  # fmt: skip
    inputs = scipy.stats.norm.ppf((np.arange(4096) + 0.5) / 4096)
    found = [
        st.theory.least_squares_stability_limit(
            (inputs / inputs.std())[:, None],
            st.SGDHyperparameters(learning_rate=0.1, train_size=4096, batch_size=int(b), sampling="with-replacement"),
        ).mean_square
        for b in sizes
    ]
    record(
        label="limit of the second moment",
        predicted=limits,
        measured=found,
        rtol=0.01,
        wrong_predictions={"2, that of the mean": np.full(3, 2.0), "2b/(b + 1)": 2 * sizes / (sizes + 1)},
    )


@pytest.mark.claim("GSZ03")
def test_tail_exponent_falls_with_the_learning_rate_and_rises_with_batch_size(record):
    """Exponents on a grid of η and b, and their differences along both."""
    rates, sizes = np.array([0.4, 0.5, 0.6, 0.8, 1.0]), np.array([1, 2, 4])
    exponents = np.array([[st.theory.kesten_exponent(rate, b) for b in sizes] for rate in rates])
    record(label="change with η", predicted=Below(0.0), measured=np.diff(exponents, axis=0),
           wrong_measurements={"change with b": np.diff(exponents, axis=1)})  # fmt: skip
    record(
        label="change with b",
        predicted=Above(0.0),
        measured=np.diff(exponents, axis=1),
        wrong_measurements={"change with η": np.diff(exponents, axis=0)},
    )
