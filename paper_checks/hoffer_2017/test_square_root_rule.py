"""Section 4: the square-root rule."""

import math

import numpy as np
import pytest

import sdetheory as st

from ..estimates import stacked

ALPHA = 1e-6


@pytest.mark.claim("HHS01")
def test_learning_rate_by_the_root_of_batch_size_keeps_the_covariance_of_a_step(record, rng, full):
    """Mean square of a step less its mean, at B = 8, 32 and 128 with ε = √(B/8), of 200 images.

    Without replacement B near N has less noise, so that the root is too small. An error of a tenth would matter.
    """
    data = st.datasets.mnist(train_size=200)
    coarse = data.x_train.reshape(-1, 7, 4, 7, 4).mean(axis=(2, 4)).reshape(-1, 49)
    gradients = st.models.LogisticRegression(coarse, data.y_train).per_example_gradients(np.zeros(49))
    n, sizes = len(gradients), np.array([8, 32, 128])
    draws = st.stats.required_samples(deviation=math.sqrt(2), effect=0.1, alpha=ALPHA / 3, power=1 - 1e-6)

    def squares(sampling, rates):
        found = [
            st.minibatch_covariance(
                gradients, int(b), n_draws=draws if full is None else 10 * draws, sampling=sampling, rng=rng
            ).trace
            for b in sizes
        ]  # fmt: skip
        return stacked(found) / (n / rates) ** 2

    trace = float(np.trace(st.models.gradient_covariance(gradients))) * (n - 1) / n
    record(
        predicted=np.full(3, trace / 8),
        measured=squares("with-replacement", np.sqrt(sizes / 8)),
        alpha=ALPHA,
        wrong_predictions={"linear rule": trace * sizes / 64},
        wrong_measurements={"without replacement": squares("without-replacement", np.sqrt(sizes / 8))},
    )


@pytest.mark.claim("HHS02")
def test_learning_rate_by_the_root_of_batch_size_keeps_the_law_of_sgd(record, rng, full):
    """Twice the learning rate at four times the batch size halves the stationary variance.

    Witnesses: the exact law and SGD, which the linear rule's variance is compared with too.
    """
    n, rate = 64, 0.04
    labels = np.linspace(-1.0, 1.0, n)

    def setting(learning_rate, batch_size):
        return st.SGDHyperparameters(
            learning_rate=learning_rate, train_size=n, batch_size=batch_size, sampling="with-replacement"
        )  # fmt: skip

    def variance(*values):
        return st.theory.sgd_covariance([[float(n)]], [[labels.var(ddof=1)]], setting(*values)).covariance.item()

    small, root, linear = variance(rate, 2), variance(2 * rate, 8), variance(4 * rate, 8)
    record(label="exact law", predicted=small, found=small / 2, measured=root, rtol=0.05,
           wrong_predictions={"linear rule": linear})  # fmt: skip
    model = st.models.LinearRegression(np.ones((n, 1)), labels)
    runs = 200 if full is None else 10_000
    run = st.sgd(model, setting(2 * rate, 8), [0.0], n_steps=4000, n_runs=runs, rng=rng, average_from=200)
    measured = run.covariance[0, 0]
    record(
        label="SGD at 2η and 4B",
        predicted=small,
        found=root,
        measured=measured,
        alpha=ALPHA,
        wrong_predictions={"linear rule": linear},
    )
