"""SGD on the means of groups against the general laws, quadrature by others, and what theory says of its optimum."""

import numpy as np
import pytest
from scipy import integrate

import sdetheory as st
from sdetheory.errors import InvalidInputError
from sdetheory.theory import OneWayLayout, least_squares_moments, least_squares_sgd

INPUTS = np.array([0.5, 1.0, 1.7])
N, GROUP = 15, 5
MODEL_VARIANCE = 0.7


@pytest.fixture
def labelled(rng):
    """Return the examples, in units of the model's noise, with means and sums of squares of the labels by group."""
    y = rng.standard_normal((3, GROUP)) + np.arange(1.0, 4.0)[:, None]
    x = np.kron(np.diag(INPUTS), np.ones((GROUP, 1)))
    scale = np.sqrt(MODEL_VARIANCE)
    means = y.mean(axis=1)
    return x / scale, y.ravel() / scale, means, np.sum((y - means[:, None]) ** 2, axis=1)


@pytest.mark.parametrize(("momentum", "batch_size", "steps"), [(0.0, 2, 7), (0.8, 4, 30), (0.5, 14, 3), (0.5, 4, None)])
def test_variance_is_that_of_the_general_laws(labelled, momentum, batch_size, steps):
    x, y, means, sums = labelled
    hp = st.SGDHyperparameters(learning_rate=0.3, train_size=N, batch_size=batch_size, momentum=momentum)
    start = np.array([1.0, -1.0, 0.0])
    if steps is None:
        covariance = least_squares_sgd(x, y, hp).covariance
    else:
        covariance = least_squares_moments(x, y, hp, start=start, steps=steps).covariance[0]
    layout = OneWayLayout(
        train_size=N, learning_rate=0.3, momentum=momentum, inputs=INPUTS, noise_variance=MODEL_VARIANCE, n_steps=steps
    )
    found = layout.variance(batch_size, sums, INPUTS * start - means)
    np.testing.assert_allclose(found, covariance.diagonal() * INPUTS**2, rtol=1e-10)
    assert np.abs(found / layout.variance(batch_size - 1, sums, INPUTS * start - means) - 1).min() > 1e-3


def test_losses_are_means_over_the_labels():
    """Against adaptive quadrature of the densities of a group's mean and sum of squares."""
    layout = OneWayLayout(
        train_size=8, learning_rate=0.4, momentum=0.3, inputs=[1.5], noise_variance=0.8, true_noise_variance=1.1,
        n_steps=4, start=2.0,
    )  # fmt: skip
    x, n, b = 1.5, 8, 3.0
    pull = 0.4 * x**2 / 0.8
    decay = np.linalg.matrix_power([[1 - pull, 0.3], [-pull, 0.3]], 4)[0, 0]

    of_noise, of_start = layout.variance(b, [1.0], [0.0])[0], layout.variance(b, [0.0], [1.0])[0]

    def mean_of(score):
        def integrand(s, e):
            variance = of_noise * s + of_start * (2.0 * x - e) ** 2
            squares = 1.1 + (decay * (2.0 * x - e) + e) ** 2
            law = (s / 1.1) ** ((n - 3) / 2) * np.exp(-s / 2.2 - e**2 * n / 2.2)
            return law * score(variance, squares)

        return integrate.dblquad(integrand, -2.6, 2.6, 0.0, 60.0, epsabs=1e-9)[0]

    whole = mean_of(lambda v, q: 1.0)
    together = mean_of(lambda v, q: 0.5 * np.log(2 * np.pi * (0.8 + v)) + q / (2 * (0.8 + v)))
    alone = mean_of(lambda v, q: 0.5 * np.log(2 * np.pi * 0.8) + (q + v) / (2 * 0.8))
    assert layout.loss(b) == pytest.approx(together / whole, rel=1e-7)
    assert layout.one_run_loss(b) == pytest.approx(alone / whole, rel=1e-7)
    assert together != pytest.approx(alone, rel=1e-3)


@pytest.mark.parametrize("n_steps", [None, 2000])
def test_the_best_batch_is_a_minimum(n_steps):
    layout = OneWayLayout(train_size=3000, learning_rate=0.2, inputs=[0.8, 1.0, 1.3], n_steps=n_steps, start=1.0)
    best = layout.best_batch_size()
    assert best.interior and 0 < best.error < 1e-6 * best.batch_size
    assert best.loss == pytest.approx(layout.loss(best.batch_size), rel=1e-12)
    assert best.noise_scale == pytest.approx(0.2 * (3000 / best.batch_size - 1))
    for factor in (0.9, 0.99, 1.01, 1.1):
        assert layout.loss(factor * best.batch_size) > best.loss


def test_the_best_batch_approaches_the_limit_that_is_stated():
    """Its relative distance halves as N doubles and ε halves."""
    x = np.array([0.8, 1.0, 1.3])
    off = []
    for k in range(4):
        n, rate = 600 * 2**k, 0.8 / 2**k
        best = OneWayLayout(train_size=n, learning_rate=rate, momentum=0.5, inputs=x).best_batch_size().batch_size
        off.append(best / (2 * rate * n * np.sum(x**4) / (2 * 3 * np.sum(x**2))) - 1)
    ratios = np.array(off[:-1]) / off[1:]
    assert np.abs(ratios[-1] - 2) < 0.2 and np.abs(off[-1]) < 0.05, off


def test_the_noise_of_the_best_batch_is_that_of_the_posterior():
    layout = OneWayLayout(train_size=60_000, learning_rate=0.1, inputs=np.ones(10))
    best = layout.best_batch_size()
    n = layout.group_size
    variance = layout.variance(best.batch_size, np.full(10, n - 1.0), np.zeros(10))
    np.testing.assert_allclose(variance, 1 / n, rtol=2 / n)
    assert np.abs(layout.variance(2 * best.batch_size, np.full(10, n - 1.0), np.zeros(10)) * n - 1).min() > 0.4


def test_one_run_is_best_with_the_largest_batch():
    layout = OneWayLayout(train_size=300, learning_rate=0.2, inputs=[0.8, 1.0, 1.3], n_steps=50, start=1.0)
    losses = [layout.one_run_loss(b) for b in np.geomspace(1, 300, 30)]
    assert (np.diff(losses) < 0).all()
    assert not (np.diff([layout.loss(b) for b in np.geomspace(1, 300, 30)]) < 0).all()


def test_a_model_that_assumes_too_much_noise_wants_none_and_one_that_assumes_too_little_much():
    def best(truth, n):
        return OneWayLayout(
            train_size=n, learning_rate=0.5, momentum=0.9, inputs=np.ones(10), true_noise_variance=truth
        )

    assert best(0.9, 6000).best_batch_size().batch_size == 6000 and not best(0.9, 6000).best_batch_size().interior
    small, large = (best(1.2, n).best_batch_size().batch_size for n in (6_000, 600_000))
    assert 1 < small < large < 1.05 * small


def test_batches_too_small_to_be_stable_have_an_infinite_loss():
    layout = OneWayLayout(train_size=300, learning_rate=3.0, inputs=[0.8, 1.0, 1.3])
    assert layout.loss(1.0) == np.inf == layout.one_run_loss(1.0)
    assert 1 < layout.best_batch_size().batch_size < 300


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_size": 16}, "multiple of the number of groups, which is that of inputs, 3"),
        ({"train_size": 3}, "two or more for each"),
        ({"inputs": [1.0, 0.0, 1.0]}, "none of them zero"),
        ({"inputs": []}, "one or more numbers"),
        ({"learning_rate": 6.0}, "below 2, where the mean loses stability; got 4.5"),
        ({"momentum": 1.0}, "momentum must be"),
        ({"noise_variance": 0.0}, "noise_variance must be > 0"),
        ({"n_steps": -1}, "n_steps must be >= 0"),
    ],
)
def test_refusals(change, message):
    valid = {"train_size": 15, "learning_rate": 0.3, "inputs": [0.5, 1.0, 1.5]}
    with pytest.raises(InvalidInputError, match=message):
        OneWayLayout(**(valid | change))


def test_a_batch_is_at_most_the_training_set():
    with pytest.raises(InvalidInputError, match="batch_size must be >= 1 and <= 15"):
        OneWayLayout(train_size=15, learning_rate=0.3, inputs=[1.0]).loss(16.0)
