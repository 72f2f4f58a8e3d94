"""Section 5: how far learning rate and batch size can be scaled together, and where there is no variance at all."""

import numpy as np
import pytest

import sdetheory as st

from ..estimates import draws_for, slope

ALPHA = 1e-6


@pytest.mark.claim("C89")
def test_scaling_learning_rate_and_batch_size_together_changes_the_law_at_first_order_in_epsilon(record, rng):
    """Least squares on MNIST: at (8ε, 8B) the spread of the weights is larger, by a part of order ε.

    With replacement the rule B ∝ ε keeps g exactly, so the difference is that of the step alone. Witnesses: the exact
    law, whose noise depends on the weights, and SGD at ε = 0.1 and 0.8.
    """
    data = st.datasets.mnist(train_size=200)
    images = data.x_train - data.x_train.mean(axis=0)
    X = images @ np.linalg.svd(images, full_matrices=False)[2][:5].T
    model = st.models.LinearRegression(X / X.std(axis=0), 2.0 * data.y_train - 1)

    def setting(rate, size):
        return st.SGDHyperparameters(
            learning_rate=rate, train_size=200, batch_size=size, sampling="with-replacement"
        )  # fmt: skip

    def exact(rate, size):
        law = st.theory.least_squares_sgd(model.X, model.y, setting(rate, size))
        return law.mean, np.trace(law.covariance)

    rates = np.array([0.002, 0.001])
    excess = [exact(8 * rate, 64)[1] / exact(rate, 8)[1] - 1 for rate in rates]
    wrong = {"no loss": 0.0, "order 2": 2.0}
    record(label="order in ε", predicted=1.0, measured=slope(rates, excess), rtol=0.03, wrong_predictions=wrong)

    minimum, small = exact(0.1, 8)
    large = exact(0.8, 64)[1]
    runs = draws_for(0.2, alpha=ALPHA)
    for rate, size, n_steps, predicted, other in ((0.1, 8, 100, small, large), (0.8, 64, 15, large, small)):
        run = st.sgd(model, setting(rate, size), minimum, n_steps=n_steps, n_runs=runs, rng=rng)
        record(
            label=f"spread of SGD at ε = {rate}, B = {size}, over that at ε = 0.1",
            predicted=predicted / small,
            measured=st.stats.mean_estimate(np.sum((run.final - minimum) ** 2, axis=1)) / small,
            alpha=ALPHA,
            wrong_predictions={"the other": other / small},
        )


@pytest.mark.claim("C90")
def test_weights_have_a_variance_below_a_learning_rate_that_stops_growing_with_the_batch_size(record, rng):
    """For normal inputs ε < 2/(1 + 2/B) = 2B/(B + 2), which grows in proportion to B for small batches only.

    Witnesses: the tail exponent, 2 at the limit; the limit in mean square of six examples with the same second and
    fourth moments; and SGD on these, whose second moment falls below the limit and grows above.
    """
    sizes = np.array([1, 2, 4, 16, 64])
    limits = 2 / (1 + 2 / sizes)
    exponents = [st.theory.kesten_exponent(limit, int(b)) for limit, b in zip(limits, sizes, strict=True)]
    wrong = {"limit of the mean": [st.theory.kesten_exponent(1.99, int(b)) for b in sizes]}
    record(label="tail exponent", predicted=2.0, measured=exponents, rtol=1e-6, wrong_measurements=wrong)

    x = np.array([3**0.5, -(3**0.5), 0.0, 0.0, 0.0, 0.0])[:, None]

    def setting(rate, size):
        return st.SGDHyperparameters(
            learning_rate=rate, train_size=6, batch_size=size, sampling="with-replacement"
        )  # fmt: skip

    found = [st.theory.least_squares_stability_limit(x, setting(0.1, int(b))).mean_square for b in sizes[:3]]
    wrong = {"in proportion to B": limits[0] * sizes[:3], "limit of the mean": 2.0}
    record(label="largest ε", predicted=limits[:3], measured=found, rtol=1e-9, wrong_predictions=wrong)

    # A step multiplies E[w²] by 1 − 2ε + ε²(1 + 2/B): 1/2 and 11/8 here.
    model, steps, runs = st.models.LinearRegression(x, np.zeros(6)), 3, draws_for(0.25, alpha=ALPHA, deviation=2.5)
    factors, measured = [], []
    for rate in (0.5, 0.75):
        final = st.sgd(model, setting(rate, 1), [1.0], n_steps=steps, n_runs=runs, rng=rng).final[:, 0]
        factors.append((1 - 2 * rate + 3 * rate**2) ** steps)
        measured.append(st.stats.mean_estimate(final**2))
    for rate, factor, square in zip((0.5, 0.75), factors, measured, strict=True):
        record(
            label=f"E[w²] of SGD with B = 1 after {steps} steps, ε = {rate}",
            predicted=factor,
            measured=square,
            alpha=ALPHA,
            wrong_predictions={"noise that does not depend on w": (1 - rate) ** (2 * steps)},
        )
