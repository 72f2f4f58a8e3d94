"""Samplers with noise of their own at a constant rate, and hyperparameters fitted to the law of SGD."""

import numpy as np
import pytest
import scipy.optimize

import sdetheory as st

from ..estimates import order
from .test_constant_sgd import NOISE, A, settings

S = 10


def recursion(move, kick):
    """Return the covariance of w ← Mw + noise of covariance K after 2⁴⁰ steps, by doubling."""
    for _ in range(40):
        kick, move = kick + move @ kick @ move.T, move @ move
    return kick


@pytest.mark.claim("MHB06")
def test_langevin_dynamics_at_a_constant_rate_adds_the_noise_of_gradients(record):
    """Steps w ← w − (ε/2)NĜ + √ε ξ: ½N(ΣA + AΣ) = I + εN²BBᵀ/4S, up to O(εNA), by the exact recursion.

    With ε in proportion to 1/N² the noise of gradients keeps its share, and what the equation leaves out falls as 1/N.
    """

    def laws(n, rate, noise):
        exact = recursion(np.eye(2) - rate * n / 2 * A, rate * np.eye(2) + (rate * n) ** 2 / (4 * S) * NOISE)
        return exact, st.theory.ornstein_uhlenbeck(n / 2 * A, (np.eye(2) + rate * n**2 * noise) / 2).covariance

    def miss(n, noise):
        exact, law = laws(n, 40 / n**2, noise)
        return np.linalg.norm(law - exact) / np.linalg.norm(exact)

    own, sizes = NOISE / (4 * S), (16_000, 32_000)
    wrong = {"the posterior": 0 * NOISE, "S² for S": own / S, "without the ¼": 4 * own}
    record(
        label="order of the remainder in 1/N", predicted=1.0, measured=order([miss(n, own) for n in sizes]), rtol=0.02,
        wrong_measurements={name: order([miss(n, noise) for n in sizes]) for name, noise in wrong.items()},
    )  # fmt: skip
    # εNA/4 is the relative error of a step of Euler's; the rest is of higher order.
    exact, law = laws(10_000, 4e-7, own)
    record(
        label="Σ at N = 10,000, ε = 40/N²", predicted=law, measured=exact, rtol=0.01,
        wrong_predictions={name: laws(10_000, 4e-7, noise)[1] for name, noise in wrong.items()},
    )  # fmt: skip


@pytest.mark.claim("MHB07")
def test_fisher_scoring_samples_the_posterior_with_the_preconditioner_of_both_noises(record):
    """P = (2/N)(εBBᵀ/S + EEᵀ)⁻¹ in w ← w − εPĜ + √ε PEξ: the process has (NA)⁻¹, the recursion O(εPA) more.

    E has the order of the noise of gradients, and does not commute with it.
    """
    added = np.array([[0.3, 0.1], [0.0, 0.2]])

    def preconditioner(n, rate, weight=1.0, own=1.0):
        return 2 / n * np.linalg.inv(weight * rate * NOISE / S + own * added @ added.T)

    def kick(p, rate):
        return p @ (rate**2 * NOISE / S + rate * added @ added.T) @ p.T

    def process(n, rate, p):
        return st.theory.ornstein_uhlenbeck(rate * p @ A, kick(p, rate) / 2).covariance

    n, rate = 1000, 0.2
    wrong = {
        "without the noise of gradients": preconditioner(n, rate, weight=0.0),
        "without the noise that is added": preconditioner(n, rate, own=0.0),
        "ε² for ε": preconditioner(n, rate, weight=rate),
    }  # fmt: skip
    record(
        label="Σ of the process", predicted=np.linalg.inv(n * A), rtol=1e-10,
        measured=process(n, rate, preconditioner(n, rate)),
        wrong_measurements={name: process(n, rate, p) for name, p in wrong.items()},
    )  # fmt: skip

    def miss(n, **changed):
        p = preconditioner(n, rate, **changed)
        return np.linalg.norm(n * A @ recursion(np.eye(2) - rate * p @ A, kick(p, rate)) - np.eye(2))

    sizes = (4000, 8000)
    record(
        label="order of the error of the recursion in 1/N", predicted=1.0, measured=order([miss(n) for n in sizes]),
        rtol=0.02, wrong_measurements={"half the weight": order([miss(n, weight=0.5) for n in sizes])},
    )  # fmt: skip


@pytest.mark.claim("MHB08")
def test_hyperparameter_fitted_to_the_law_of_sgd_maximizes_the_evidence(record):
    """λ ← D/E|w|², with the mean and the covariance of SGD's law, comes to rest where the evidence is largest.

    Least squares with 40 examples and σ² = 1. With the best preconditioner the law of SGD is the posterior; without,
    at the best learning rate, it is not, and neither is λ. A fit to the minimum alone, D/|w|², is another number too.
    """
    rng, n, d = np.random.default_rng(2017), 40, 3
    inputs = rng.standard_normal((n, d)) * [2.0, 0.5, 0.1]
    labels = inputs @ [0.5, -1.0, 1.5] + rng.standard_normal(n)
    noise = inputs.T @ inputs / n  # of labels with variance one, at the minimum
    model = st.evidence.LinearModel(inputs, labels)
    best = np.exp(scipy.optimize.minimize_scalar(
        lambda x: -float(model.log_evidence(np.exp(x), 1.0)), bounds=(-7, 5), method="bounded", options={"xatol": 1e-9},
    ).x)  # fmt: skip

    def fitted(covariance):
        value = 1.0
        for _ in range(300):
            hessian = inputs.T @ inputs + value * np.eye(d)
            minimum = np.linalg.solve(hessian, inputs.T @ labels)
            value = d / (minimum @ minimum + np.trace(covariance(hessian)))
        return value

    def preconditioned(hessian):
        p = st.theory.optimal_preconditioner(noise * n / (n - 1), settings(n))
        return st.theory.ornstein_uhlenbeck(p @ hessian / n, 0.1 / S * p @ noise @ p / 2).covariance

    def plain(hessian):
        rate = st.theory.optimal_learning_rate(noise * n / (n - 1), settings(n))
        return st.theory.ornstein_uhlenbeck(hessian / n, rate / S * noise / 2).covariance

    record(
        label="fixed point of λ", predicted=best, measured=fitted(preconditioned), rtol=1e-5,
        wrong_measurements={
            "the minimum alone": fitted(lambda _: np.zeros((d, d))), "without preconditioner": fitted(plain),
        },
    )  # fmt: skip
