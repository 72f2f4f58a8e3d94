"""The optimum batch size where it can be solved: least squares in discrete time, N from 500 to 60,000."""

import itertools

import numpy as np
import pytest

import sdetheory as st
from sdetheory.claims import Above, Below
from sdetheory.theory import OneWayLayout

from ..estimates import order

GROUPS = 10
SIZES = (500, 1000, 2000, 4000, 8000, 16_000, 30_000, 60_000)


def layout(n, rate, momentum=0.0, **options):
    """Return a problem of ten equal groups."""
    return OneWayLayout(train_size=n, learning_rate=rate, momentum=momentum, inputs=np.ones(GROUPS), **options)


def exponent(name, low, high, **options):
    """Return the exponent of a quantity in B* between two values of it, and its error."""
    first, second = (layout(**(options | {name: value})).best_batch_size() for value in (low, high))
    factor = np.log((1 - low) / (1 - high) if name == "momentum" else high / low)
    error = first.error / first.batch_size + second.error / second.batch_size
    return np.log(second.batch_size / first.batch_size) / factor, error / factor


@pytest.mark.claim("C100")
def test_noise_only_adds_to_the_loss_of_one_run_on_least_squares(record):
    """Change of the loss from each of 25 batches to the next, at the most.

    Over N, ε, m, numbers of steps, and labels as noisy as the model says, less and more. Control: an ensemble's loss.
    """
    alone, together = [], []
    for n, (rate, momentum), steps, truth in itertools.product(
        (500, 60_000), ((0.1, 0.0), (0.5, 0.0), (0.1, 0.9)), (20, 2000, None), (0.9, 1.0, 1.2)
    ):
        problem = layout(n, rate, momentum, true_noise_variance=truth, n_steps=steps, start=1.0)
        batches = np.geomspace(1, n, 25)
        alone.append(np.diff([problem.one_run_loss(b) for b in batches]).max())
        together.append(np.diff([problem.loss(b) for b in batches]).max())
    record(
        label="largest change of the loss from one batch to the next",
        predicted=Below(0.0),
        measured=max(alone),
        wrong_measurements={"ensemble": max(together)},
    )


@pytest.mark.claim("C101")
def test_an_ensemble_on_least_squares_has_an_optimum_in_proportion_to_rate_and_size(record, picture):
    """B* over εN/(2d(1 − m)), at which the noise is the posterior's: what it lacks of one halves with ε and 1/N.

    Exponents from N = 30,000 to 60,000, ε = 0.05 to 0.1, and m = 0 to 0.5. They carry errors of 1e-8. Controls: twice
    the posterior's temperature; no dependence, the root and the square.
    """
    steps = [(1000 * 2**k, 0.4 / 2**k) for k in range(5)]
    best = [layout(n, rate, 0.5).best_batch_size() for n, rate in steps]
    assert all(found.interior for found in best)
    ratios = np.array([found.batch_size / (rate * n / GROUPS) for found, (n, rate) in zip(best, steps, strict=True)])
    record(
        label="order of what B* lacks of the limit",
        predicted=1.0,
        measured=order(ratios - 1),
        rtol=0.05,
        wrong_measurements={"twice the temperature": order(2 * ratios - 1)},
    )
    picture(draw)
    found = [
        exponent("n", 30_000, 60_000, rate=0.1, momentum=0.5),
        exponent("rate", 0.05, 0.1, n=60_000, momentum=0.5),
        exponent("momentum", 0.0, 0.5, n=60_000, rate=0.05),
    ]
    assert max(error for _, error in found) < 1e-8
    record(
        label="exponents of N, ε and 1/(1 − m)",
        predicted=1.0,
        measured=np.array([value for value, _ in found]),
        rtol=0.0,
        atol=0.01,
        wrong_predictions={"none": 0.0, "root": 0.5, "square": 2.0},
    )


@pytest.mark.claim("C102")
def test_an_ensemble_that_is_too_sure_of_its_labels_has_an_optimum_that_stops_growing(record):
    """Exponents of N from each N to the next, for labels with 1.2 times the noise that the model says."""
    found = [
        exponent("n", low, high, rate=0.5, momentum=0.9, true_noise_variance=1.2)
        for low, high in itertools.pairwise(SIZES)
    ]
    assert max(error for _, error in found) < 1e-8
    record(
        label="exponent of N",
        predicted=Above(0.5),
        measured=np.array([value for value, _ in found]),
        found=Below(0.1),
        wrong_measurements={"no growth": 0.0},
    )


def draw(figure):
    """Draw the optimum over N for three ratios of the labels' noise to the model's."""
    axes = figure.subplots()
    for truth, style in ((1.0, "-"), (1.02, "--"), (1.2, "-.")):
        best = [layout(n, 0.5, 0.9, true_noise_variance=truth).best_batch_size().batch_size for n in SIZES]
        axes.loglog(
            SIZES, best, "o", ls=style, color=st.plotting.THEORY, label=f"noise of labels {truth:g} × the model's"
        )
    axes.loglog(SIZES, 5 * np.array(SIZES) / (2 * GROUPS), ":", color=st.plotting.GUIDE, label="εN/(2d(1 − m))")
    axes.set_xlabel("training set size N (examples)")
    axes.set_ylabel("best batch size of an ensemble (examples)")
    axes.legend()
