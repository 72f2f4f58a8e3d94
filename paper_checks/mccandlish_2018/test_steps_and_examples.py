"""Section 2.3 on a network: steps against examples, and whether a noise scale foretells where they balance.

The runs are stored; some are made again, see `tied`.
"""

import functools

import numpy as np
import pytest
import scipy.optimize

import sdetheory as st
from sdetheory.claims import Below

from . import steps_study as study

ALPHA = 1e-3


@functools.cache
def tied():
    """Return the stored runs, some of which make their first steps again, and the noise scales on the way."""
    runs, scales = (np.genfromtxt(file, delimiter=",", names=True) for file in (study.FILE, study.SCALES))
    rng = np.random.default_rng(study.SEEDS.stop)
    for row in rng.choice(runs[runs["batch_size"] <= 256], 3, replace=False):
        found = study.walk(int(row["batch_size"]), row["learning_rate"], int(row["seed"]), 1, study.EARLY)[0][-1]
        assert abs(found / row["early_loss"] - 1) < 1e-3, f"{row}: the loss is {found} after {study.EARLY} steps"
    seed = int(rng.choice(study.WATCHED_SEEDS))
    rate = runs["learning_rate"][runs["batch_size"] == 64][0]
    _, weights = study.walk(64, rate, seed, 1, study.WATCHED[64])
    for row, w in zip(scales[(scales["batch_size"] == 64) & (scales["seed"] == seed)], weights, strict=False):
        found, _ = study.scales_at(seed, w, False)
        assert abs(found / row["simple"] - 1) < 1e-2, f"{row}: the noise scale is {found}"
    return runs, scales


def steps(runs, seeds):
    """Return the steps to the target (batch sizes, seeds)."""
    return np.array([[runs["steps"][(runs["batch_size"] == b) & (runs["seed"] == s)][0] for s in seeds]
                     for b in study.SIZES])  # fmt: skip


def fitted(mean):
    """Return S_min and E_min of S = S_min + E_min/B, by least squares of logarithms."""
    sizes = np.array(study.SIZES)

    def off(logs):
        return np.log(np.exp(logs[0]) + np.exp(logs[1]) / sizes) - np.log(mean)

    return np.exp(scipy.optimize.least_squares(off, np.log([mean[-1], mean[0] * sizes[0]])).x)


def critical(runs, seeds):
    """Return log₁₀ of E_min/S_min with its error, by the jackknife over seeds."""
    table = steps(runs, seeds)

    def log(columns):
        fewest, least = fitted(columns.mean(axis=1))
        return np.log10(least / fewest)

    n = len(seeds)
    left = np.array([log(np.delete(table, k, axis=1)) for k in range(n)])
    return st.Estimate(value=log(table), stderr=np.sqrt((n - 1) * left.var()), n_eff=n)


def foretold(scales, column, size):
    """Return log₁₀ of a noise scale, averaged over the steps of each run, with its error from the seeds."""
    runs = (scales[(scales["batch_size"] == size) & (scales["seed"] == s)] for s in study.WATCHED_SEEDS)
    return st.stats.mean_estimate(np.log10([np.nanmean(run[column]) for run in runs]))


def distance(column="simple", size=study.NOISELESS):
    """Return log₁₀ of the noise scale over the critical batch size, which comes from the seeds that are not watched."""
    runs, scales = tied()
    others = [s for s in study.SEEDS if s not in study.WATCHED_SEEDS]
    return foretold(scales, column, size).plus_independent(-critical(runs, others))


@pytest.mark.claim("MK09")
def test_steps_and_examples_of_a_network_trade_on_a_hyperbola(record, picture):
    """Mean steps at six batch sizes, from 4 to 4,000, lie within a quarter of S_min + E_min/B; a power law does not."""
    runs, _ = tied()
    mean, sizes = steps(runs, study.SEEDS).mean(axis=1), np.array(study.SIZES)
    fewest, least = fitted(mean)
    power = np.polynomial.Polynomial.fit(np.log(sizes), np.log(mean), 1)(np.log(sizes))
    record(
        label="steps over those of the hyperbola, less 1",
        predicted=Below(study.HYPERBOLA),
        measured=np.abs(mean / (fewest + least / sizes) - 1),
        wrong_measurements={
            "a power of B": np.abs(mean / np.exp(power) - 1),
            "as many examples at any B": np.abs(mean / (least / sizes) - 1),
        },
    )

    def draw(figure):
        axes = figure.subplots()
        grid = np.geomspace(2, 8000)
        axes.loglog(fewest + least / grid, grid * (fewest + least / grid), color=st.plotting.THEORY, label="hyperbola")
        axes.loglog(mean, sizes * mean, "o", color=st.plotting.SAMPLE, label=f"SGD to a loss of {study.TARGET}")
        axes.set(xlabel="steps", ylabel="examples")
        axes.legend()

    picture(draw)


@pytest.mark.claim("MK10")
def test_noise_scale_foretells_the_critical_batch_size_of_a_network_to_an_order_of_magnitude(record):
    """E_min/S_min from six seeds, and the simple noise scale averaged over the almost noiseless runs of the others.

    |log₁₀| of their ratio is less than one. As a control the noise of single examples is counted as gradient, so that
    the noise scale is below one.
    """
    runs, scales = tied()
    found = distance()
    slip = scales.copy()
    slip["simple"] = scales["simple"] / (1 + scales["simple"])
    others = [s for s in study.SEEDS if s not in study.WATCHED_SEEDS]
    wrong = foretold(slip, "simple", study.NOISELESS).plus_independent(-critical(runs, others))
    either = np.array([1.0, -1.0])
    record(
        label="|log₁₀| of the noise scale over the critical size",
        predicted=Below(np.log10(study.FACTOR)),
        measured=found * either,
        alpha=ALPHA,
        stored=True,
        wrong_measurements={"|G|² from single examples": wrong * either},
    )


@pytest.mark.claim("MK11")
def test_noise_scale_is_not_within_three_of_the_critical_batch_size_of_a_network(record):
    """It is five times as large, 3.8 to 6.5 at 95 %; the nearest ratio that the reading allows, three, is rejected.

    The mean over steps is led by those at which |G|² is small, late in the run. At B = 64 the noise keeps the gradient
    long, and the mean is 2.3 times the critical size.
    """
    record(
        label="log₁₀ of the noise scale over the critical size",
        predicted=np.log10(study.CLOSE),
        measured=distance(),
        found=np.log10(5.0),
        alpha=0.01,
        stored=True,
        wrong_predictions={"the paper's order of magnitude": np.log10(study.FACTOR)},
    )
