"""Linear stability of SGD where all examples are fitted, from the exact map of second moments."""

import itertools

import numpy as np
import pytest
import scipy.optimize

import sdetheory as st
from sdetheory.claims import Above, Below

SHARES = np.array([0.2, 1.0, 1.0, 3.0, 4.8])  # curvatures of the examples: mean 2, variance 3.056


def batches(n, size):
    """Return all batches without replacement."""
    return [list(batch) for batch in itertools.combinations(range(n), size)]


def noise_factor(n, size):
    """Return (n − B)/(B(n − 1))."""
    return (n - size) / (size * (n - 1))


def limit(inputs, size):
    """Return the package's rate at which the second moments lose stability."""
    hp = st.SGDHyperparameters(learning_rate=0.1, train_size=len(inputs), batch_size=size)
    return st.theory.least_squares_stability_limit(inputs, hp).mean_square


@pytest.mark.claim("WME01")
def test_one_weight_is_stable_by_sharpness_and_non_uniformity(record):
    """The growth of E w² in a step, over all batches of five examples; and the rate at which it is one."""
    n, sharpness, spread = len(SHARES), SHARES.mean(), SHARES.var()
    cases = list(itertools.product((0.1, 0.5, 1.2), (1, 2, 4)))
    listed = [np.mean([(1 - rate * SHARES[b].mean()) ** 2 for b in batches(n, size)]) for rate, size in cases]
    rates, sizes = np.transpose(cases)

    def formula(noise):
        return (1 - rates * sharpness) ** 2 + rates**2 * noise

    record(
        label="E w'²/w²", predicted=formula(spread * noise_factor(n, sizes)), measured=listed, rtol=1e-12,
        wrong_predictions={"with replacement": formula(spread / sizes), "sharpness alone": formula(0.0)},
    )  # fmt: skip
    sizes = np.arange(1, n + 1)
    record(
        label="last stable rate, package", predicted=2 * sharpness / (sharpness**2 + spread * noise_factor(n, sizes)),
        measured=[limit(np.sqrt(SHARES)[:, None], int(size)) for size in sizes], rtol=1e-10,
        wrong_predictions={
            "sharpness alone": np.full(n, 2 / sharpness),
            "with replacement": 2 * sharpness / (sharpness**2 + spread / sizes),
        },
    )  # fmt: skip


@pytest.mark.claim("WME02")
def test_largest_eigenvalue_is_a_sufficient_condition(record):
    """Twenty sets of six inputs in three dimensions: at the rate where the eigenvalue is one, SGD is still stable.

    E|w′|² = wᵀMw bounds every step, and the map of second moments, listed batch by batch, therefore. The condition
    is not necessary: the package's limits are larger. At the limit of gradient descent SGD is unstable.
    """
    rng, n, d, size = np.random.default_rng(2018), 6, 3, 2
    radii, steep, room = [], [], []
    for _ in range(20):
        inputs = rng.standard_normal((n, d))
        hessians = np.einsum("ni,nj->nij", inputs, inputs)
        hessian = hessians.mean(axis=0)
        covariance = np.einsum("nij,njk->ik", hessians, hessians) / n - hessian @ hessian

        def largest(rate, hessian=hessian, covariance=covariance):
            move = np.eye(d) - rate * hessian
            return np.linalg.eigvalsh(move @ move + rate**2 * noise_factor(n, size) * covariance)[-1]

        def radius(rate, hessians=hessians):
            moves = [np.eye(d) - rate * hessians[b].mean(axis=0) for b in batches(n, size)]
            return np.abs(np.linalg.eigvals(np.mean([np.kron(m, m) for m in moves], axis=0))).max()

        last = 2 / np.linalg.eigvalsh(hessian)[-1]
        # The eigenvalue begins at one, falls and rises.
        rate = scipy.optimize.brentq(lambda r, f=largest: f(r) - 1, 1e-3 * last, 2 * last, xtol=1e-13)
        radii.append(radius(rate))
        steep.append(radius(last))
        room.append(limit(inputs, size) / rate)
    record(label="spectral radius where the condition is just met", predicted=Below(1 + 1e-9), measured=radii,
           wrong_measurements={"at the limit of gradient descent": steep})  # fmt: skip
    record(label="last stable rate over that of the condition", predicted=Above(1.0), measured=room,
           wrong_measurements={"were it necessary": np.ones(20)})  # fmt: skip


@pytest.mark.claim("WME03")
def test_sgd_leaves_the_less_uniform_of_two_equally_sharp_minima(record):
    """Curvatures 2 and 2 at x = 0, 0.2 and 3.8 at x = 1; twenty runs from 10⁻⁵ beside each, for 300 steps.

    There ln|1 − η fᵢ″| is positive on average, 0.18, so that a run leaves for sure; at x = 0 it is negative.
    """
    slopes = np.array([0.1, 1.9])

    def curvature(w, indices):
        factors = slopes[indices]
        return np.where(w**2 <= factors * (w - 1) ** 2, 2.0, 2 * factors), w**2 <= factors * (w - 1) ** 2

    def gradients(w, indices):
        bent, left = curvature(w, indices)
        return (bent * np.where(left, w, w - 1))[:, None]

    model = st.models.FunctionModel(
        lambda w: float(np.minimum(w**2, slopes * (w - 1) ** 2).sum()), gradients,
        lambda w, v: curvature(w, np.arange(2))[0].sum() * v, train_size=2, dimension=1,
    )  # fmt: skip

    def at_the_end(start, size, runs):
        hp = st.SGDHyperparameters(learning_rate=0.7, train_size=2, batch_size=size)
        return st.sgd(model, hp, [start], n_steps=300, n_runs=runs, rng=2018).final[:, 0]

    descent = [at_the_end(start, 2, 1)[0] for start in (1e-5, 1 + 1e-5)]
    sgd = [at_the_end(start, 1, 20) for start in (1e-5, 1 + 1e-5)]
    record(label="gradient descent, from both", predicted=[0.0, 1.0], measured=descent, rtol=0.0, atol=1e-9,
           wrong_measurements={"SGD": [runs.mean() for runs in sgd]})  # fmt: skip
    record(label="SGD, from both: largest |x|", predicted=[0.0, 0.0], measured=[np.abs(runs).max() for runs in sgd],
           rtol=0.0, atol=1e-9, wrong_measurements={"gradient descent": descent})  # fmt: skip
