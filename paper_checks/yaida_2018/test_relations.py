"""Fluctuation–dissipation relations of stationary SGD, by lattice, exact moments and minibatches."""

import numpy as np
import pytest
import sympy

import sdetheory as st
from sdetheory.claims import Above

ALPHA = 1e-6
RATE, SIZE = 1.5, 2


@pytest.fixture(scope="module")
def logistic():
    """Logistic regression on eight examples that no line separates: shape (8, 2)."""
    inputs = [[1.0, 0.4], [1.0, -1.2], [1.0, 2.2], [1.0, 0.9], [1.0, -0.3], [1.0, -2.0], [1.0, 1.4], [1.0, 0.1]]
    return st.models.LogisticRegression(inputs, [1, 0, 1, 0, 1, 0, 1, 0], prior_precision=0.5)


def sides(model, weights):
    """Return θ·∇L and (η/2)E_B|∇L_B|² for weights (n, p), the second as a mean over all batches without replacement."""
    n, pull, size = model.train_size, np.empty(len(weights)), np.empty(len(weights))
    for k, w in enumerate(weights):
        gradients = model.per_example_gradients(w)
        mean = gradients.mean(axis=0)
        pull[k] = w @ mean
        size[k] = RATE / 2 * (mean @ mean + (1 / SIZE - 1 / n) * np.trace(st.models.gradient_covariance(gradients)))
    return pull, size


def trained(model, start, n_steps, n_runs, rng):
    """Return the weights of independent runs."""
    hp = st.SGDHyperparameters(learning_rate=RATE, train_size=model.train_size, batch_size=SIZE)
    return st.sgd(model, hp, start, n_steps=n_steps, n_runs=n_runs, rng=rng).final


def lattice_sides(rate):
    """Return both sides for SGD on the mean of |θ − b|, five b, B = 1: its weights stay on a lattice of spacing η."""
    centers = np.array([-1.3, -0.2, 0.1, 0.4, 2.1])
    places = rate * np.arange(-int(6 / rate), int(6 / rate) + 1) + 0.013
    slopes = np.sign(places[:, None] - centers)
    chain = np.zeros((len(places), len(places)))
    for slope in slopes.T:
        onto = np.clip(np.arange(len(places)) - slope.astype(int), 0, len(places) - 1)
        chain[np.arange(len(places)), onto] += 1 / len(centers)
    conditions = np.vstack([chain.T - np.eye(len(places)), np.ones(len(places))])
    law = np.linalg.lstsq(conditions, np.append(np.zeros(len(places)), 1.0))[0]
    return law @ (places * slopes.mean(axis=1)), rate / 2 * law @ (slopes**2).mean(axis=1)


@pytest.mark.claim("Y01")
def test_pull_on_the_weights_balances_the_squared_minibatch_gradient(record, logistic, rng, full):
    """Both sides at a learning rate that no expansion in η would bear, for two losses that are not quadratic.

    Witnesses: the mean of |θ − η∇L_B|² in symbols, the stationary law of a chain on a lattice (absolute deviations),
    and minibatches on logistic regression. A tenth of the pull would matter.
    """
    eta, square, pull, size = sympy.symbols("eta q r S", positive=True)
    (solved,) = sympy.solve(square - 2 * eta * pull + eta**2 * size - square, pull)
    record(
        label="proof: the pull in units of η⟨|∇L_B|²⟩", predicted=0.5, measured=float(solved / (eta * size)), rtol=0,
        wrong_predictions={"1 for ½": 1.0},
    )  # fmt: skip
    pulls, sizes = np.transpose([lattice_sides(rate) for rate in (0.1, 0.5, 1.0)])
    record(
        label="lattice, η = 0.1, 0.5, 1", predicted=sizes, measured=pulls, rtol=1e-9,
        wrong_predictions={"1 for ½": 2 * sizes, "η = 0.1 for all": np.repeat(sizes[:1], 3)},
    )  # fmt: skip

    first_pull, first_size = sides(logistic, trained(logistic, [0.0, 0.0], 200, 500, rng))
    deviation, effect = (first_pull - first_size).std(), first_pull.mean() / (10 if full is None else 100)
    n = st.stats.required_samples(deviation=deviation, effect=effect, alpha=ALPHA, power=1 - 1e-6)
    pull, size = sides(logistic, trained(logistic, [0.0, 0.0], 200, n, rng))
    record(
        label="logistic regression, η = 1.5: pull less the other side", predicted=0.0,
        measured=st.stats.mean_estimate(pull - size), alpha=ALPHA,
        wrong_measurements={"1 for ½": st.stats.mean_estimate(pull - 2 * size)},
    )  # fmt: skip


def least_squares(rate, momentum=0.0):
    """Return the mean Hessian, the exact law of SGD and the moments C̃ of minibatch gradients, B = 2."""
    inputs = np.array([[1.0, 0.2], [0.6, -1.0], [-0.4, 0.9], [1.2, 0.7], [0.3, 1.1], [-0.8, 0.5]])
    targets = np.array([1.0, -0.5, 0.8, 0.1, 1.5, -1.0])
    hp = st.SGDHyperparameters(
        learning_rate=rate, train_size=6, batch_size=2, momentum=momentum, sampling="with-replacement"
    )
    law, hessian = st.theory.least_squares_sgd(inputs, targets, hp), inputs.T @ inputs / 6
    # Gradient of example i: xᵢ(xᵢ·w − yᵢ), whose square has the mean (xᵢ·w* − yᵢ)² + xᵢΣxᵢ.
    squares = (inputs @ law.mean - targets) ** 2 + np.einsum("ip,pq,iq->i", inputs, law.covariance, inputs)
    signal = hessian @ law.covariance @ hessian
    noise = (inputs.T * squares) @ inputs / 6 - signal
    return hessian, law, signal + noise / 2


@pytest.mark.claim("Y02")
def test_squared_gradient_is_half_of_eta_times_the_trace_of_hessian_and_gradient_moments(record):
    """Both sides from the exact moments of least squares, with noise that depends on the weights, at four rates.

    The first relation holds there too. C, the noise alone, in the place of C̃ is what the equation of SGD would give.
    """
    rates = np.array([0.05, 0.2, 0.5, 0.8])
    laws = [least_squares(rate) for rate in rates]
    pulls = [np.sum(hessian * law.covariance) for hessian, law, _ in laws]
    sizes = rates / 2 * [np.trace(moments) for *_, moments in laws]
    wrong = {"1 for ½": 2 * sizes}
    record(label="first relation", predicted=sizes, measured=pulls, rtol=1e-10, wrong_predictions=wrong)
    left = [np.trace(hessian @ law.covariance @ hessian) for hessian, law, _ in laws]
    right = rates / 2 * [np.sum(hessian * moments) for hessian, _, moments in laws]
    noise = (
        rates / 2 * [np.sum(hessian * (moments - hessian @ law.covariance @ hessian)) for hessian, law, moments in laws]
    )
    record(
        label="second relation", predicted=right, measured=left, rtol=1e-10,
        wrong_predictions={"C for C̃": noise, "1 for ½": 2 * right},
    )  # fmt: skip


@pytest.mark.claim("Y03")
def test_relation_with_momentum_holds_for_the_velocity(record):
    """Both sides from the exact joint moments of weights and velocities on least squares, μ = 0.5 and 0.9."""
    rate, momenta = 0.2, np.array([0.0, 0.5, 0.9])
    laws = [least_squares(rate, momentum) for momentum in momenta]
    pulls = [np.sum(hessian * law.covariance) for hessian, law, _ in laws]
    speeds = np.array([np.trace(law.joint_covariance[2:, 2:]) for _, law, _ in laws])
    record(
        predicted=(1 + momenta) / (2 * rate) * speeds, measured=pulls, rtol=1e-10,
        wrong_predictions={"1 − μ": (1 - momenta) / (2 * rate) * speeds, "without μ": speeds / (2 * rate)},
    )  # fmt: skip


@pytest.mark.claim("Y04")
def test_two_sides_differ_until_sgd_is_stationary(record, logistic, rng):
    """Three steps from a distant start the pull is the larger side, by more than half of itself."""
    start = [6.0, 6.0]
    early, late = (sides(logistic, trained(logistic, start, n, 1000, rng)) for n in (3, 200))
    record(
        label="pull less twice the other side", predicted=Above(0.0),
        measured=st.stats.mean_estimate(early[0] - 2 * early[1]), alpha=ALPHA,
        wrong_measurements={"in the stationary state": st.stats.mean_estimate(late[0] - 2 * late[1])},
    )  # fmt: skip
