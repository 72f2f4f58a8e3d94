"""Section 5: the noise of a minibatch gradient, and the noise scale of SGD."""

import math

import numpy as np
import pytest

import sdetheory as st

# Squares of noise are skewed, which makes the true rate a few times this one; the budget of the suite has room.
ALPHA = 1e-5
GRADIENTS = (1, 2, 4, 7, 11, 16)


@pytest.fixture(scope="module")
def real_gradients():
    """Per-example gradients of logistic regression on 800 images of MNIST 0/1, at w = 0: shape (800, 784)."""
    data = st.datasets.mnist(train_size=800)
    return st.models.LogisticRegression(data.x_train, data.y_train).per_example_gradients(np.zeros(784))


@pytest.mark.claim("C01")
def test_covariance_of_the_minibatch_gradient_is_n_times_n_over_b_minus_one_times_f(record):
    """Cov Ĝ = N(N/B − 1)F without replacement, if F has N − 1 in its denominator; with N it is off by N/(N − 1).

    Three witnesses: the proof for all N and B, all batches of six gradients listed, and the numeric formula.
    """
    n, sizes = len(GRADIENTS), np.arange(1, 7)
    f = st.models.gradient_covariance(np.reshape(GRADIENTS, (n, 1))).item()
    listed = [float(st.symbolic.enumerate_minibatches(GRADIENTS, int(b)).covariance) for b in sizes]
    numeric = n * f * st.noise_scale(1.0, n, sizes)
    proved = st.symbolic.minibatch_covariance().result(N=n, B=sizes, F=f)

    wrong = {"F with N in its denominator": proved * (n - 1) / n, "shortcut N²F/B": n**2 / sizes * f}
    known = [1001, 400.4, 200.2, 100.1, 40.04, 0]
    record(label="known values", predicted=known, measured=listed, rtol=1e-12, wrong_predictions=wrong)
    record(label="formula", predicted=numeric, measured=listed, rtol=1e-12, wrong_predictions=wrong)
    record(label="proof", predicted=proved, measured=listed, rtol=1e-12, wrong_predictions=wrong)


@pytest.mark.claim("C02")
def test_minibatch_gradients_on_mnist_have_the_covariance_n_times_n_over_b_minus_one_times_f(
    record, real_gradients, rng
):
    """Cov Ĝ = N(N/B − 1)F along the four leading directions of F, from B = N/100 to B = 9N/10.

    An error of a fifth would matter; near-normal noise has squares of relative deviation √2.
    """
    n, sizes = len(real_gradients), np.array([8, 80, 400, 720])
    values, vectors = np.linalg.eigh(st.models.gradient_covariance(real_gradients))
    draws = st.stats.required_samples(deviation=math.sqrt(2), effect=0.2, alpha=ALPHA, power=1 - 1e-5)
    sampled = [
        st.minibatch_covariance(real_gradients, b, n_draws=draws, directions=vectors[:, -4:].T, rng=rng).projected
        for b in sizes
    ]
    measured = st.Estimate(value=[s.value for s in sampled], stderr=[s.stderr for s in sampled], n_eff=draws)

    predicted = np.outer(n * (n / sizes - 1), values[-4:])
    wrong = {"shortcut N²F/B": np.outer(n * n / sizes, values[-4:])}
    record(predicted=predicted, measured=measured, alpha=ALPHA, wrong_predictions=wrong)


@pytest.mark.claim("C03")
def test_noise_scale_is_the_learning_rate_times_n_over_b_minus_one(record, real_gradients, rng):
    """The covariance of one step Δw = −(ε/N)Ĝ is gF over the time ε/N, with g = ε(N/B − 1).

    Three witnesses: derivation, formula, and real minibatches. Dropping the −1 changes g by a third here; the sample
    is large enough to see a fifth (a trace has at most the relative deviation √2 of one component).
    """
    epsilon, n, b = 0.1, len(real_gradients), 200
    derived = st.symbolic.noise_scale().result(epsilon=epsilon, N=n, B=b)
    wrong = {"ε N/B": epsilon * n / b}
    record(
        label="formula",
        predicted=derived,
        measured=st.noise_scale(epsilon, n, b),
        rtol=1e-14,
        wrong_predictions=wrong | {"sampling with replacement": epsilon * (n - 1) / b},
    )

    draws = st.stats.required_samples(deviation=math.sqrt(2), effect=0.2, alpha=ALPHA, power=1 - 1e-5)
    noise = st.minibatch_covariance(real_gradients, b, n_draws=draws, rng=rng).trace
    to_g = (epsilon / n) ** 2 / (epsilon / n) / np.trace(st.models.gradient_covariance(real_gradients))
    measured = st.Estimate(value=noise.value * to_g, stderr=noise.stderr * to_g, n_eff=noise.n_eff)
    record(label="real minibatches", predicted=derived, measured=measured, alpha=ALPHA, wrong_predictions=wrong)
