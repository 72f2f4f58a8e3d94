"""Section 5: whether the noise of one step knows of that of another."""

import numpy as np
import pytest

import sdetheory as st

from ..estimates import draws_for, slope

ALPHA = 1e-6


@pytest.fixture(scope="module")
def frozen():
    """Return 40 skewed gradients that do not depend on the weight, as a model."""
    gradients = np.exp(np.linspace(0, 3, 40))[:, None]
    return st.models.FunctionModel(
        lambda w: float(gradients.sum() * w[0]),
        lambda w, indices: gradients[indices],
        lambda w, v: np.zeros(1),
        train_size=40,
        dimension=1,
    )


def noise(model, batch_size, steps, n_runs, rng, reshuffle):
    """Return −N/ε times what the weight has moved after `steps`, less the mean, as an array (len(steps), n_runs)."""
    hp = st.SGDHyperparameters(learning_rate=1.0, train_size=model.train_size, batch_size=batch_size)
    run = st.sgd(
        model, hp, [0.0], n_steps=max(steps), n_runs=n_runs, rng=rng, reshuffle=reshuffle,
        metrics={"w": lambda w: w[0]}, record_every=1,
    )  # fmt: skip
    moved = np.array([run.metrics["w"][run.steps == step][0] for step in steps])
    return -model.train_size * moved - np.outer(steps, model.gradient([0.0]))


@pytest.mark.claim("C81")
def test_noise_of_a_reshuffled_epoch_does_not_add_up_as_if_its_batches_were_independent(record, frozen, rng):
    """After j of the m batches of an epoch the variance is N F j (m − j) instead of j N (m − 1) F: at the end nothing.

    With curvature what is left at the end of an epoch is of the order ε⁴, not ε², all else the same.
    """
    n, b, seen, epoch = 40, 10, 2, 4
    f = st.models.gradient_covariance(frozen.per_example_gradients([0.0])).item()
    runs = draws_for(0.25, alpha=ALPHA)
    reshuffled = noise(frozen, b, [seen, epoch], runs, rng, True)
    independent = seen * n * (n / b - 1) * f
    record(
        label="half an epoch",
        predicted=independent,
        measured=st.stats.mean_estimate(reshuffled[0] ** 2),
        alpha=ALPHA,
        found=n * f * seen * (epoch - seen),
        wrong_predictions={"with replacement": seen * n * (n - 1) / b * f},
    )
    rates, variances = np.array([4e-3, 2e-3]), []
    X, y = np.linspace(-2, 2, 12)[:, None] + [[0.0, 1.0]], np.arange(12) % 2
    model, seed = st.models.LogisticRegression(X, y), int(rng.integers(2**31))
    for rate in rates:
        hp = st.SGDHyperparameters(learning_rate=rate, train_size=12, batch_size=2)
        ends = st.sgd(model, hp, [1.0, 0.0], n_steps=6, n_runs=2000, rng=seed, reshuffle=True).final
        variances.append(ends.var(axis=0).sum())
    record(
        label="order of the variance in ε",
        predicted=2.0,
        measured=slope(rates, variances),
        rtol=0.02,
        found=4.0,
        wrong_predictions={"order 3": 3.0},
    )
    record(
        label="whole epoch, over that of independent batches",
        predicted=1.0,
        measured=float(np.mean(reshuffled[1] ** 2)) / (2 * independent),
        rtol=1e-9,
        atol=1e-9,
        found=0.0,
        wrong_predictions={"half of it": 0.5},
    )


@pytest.mark.claim("C82")
def test_the_noise_of_many_steps_is_white_with_the_covariance_g_f_t(record, frozen, rng):
    """Sums of the noise over 2 steps each: variance gFt, t = 2ε/N, and no covariance between one and the next.

    In units of gFt. Errors of a quarter would matter; reshuffled batches have −2/3 for the covariance.
    """
    hp = st.SGDHyperparameters(learning_rate=1.0, train_size=40, batch_size=10)
    f = st.models.gradient_covariance(frozen.per_example_gradients([0.0])).item()
    unit = hp.noise_scale * f * 2 * hp.step_time * hp.train_size**2
    runs = draws_for(0.25, alpha=ALPHA)

    def moments(reshuffle):
        first, both = noise(frozen, 10, [2, 4], runs, rng, reshuffle)
        second = both - first
        return st.stats.mean_estimate(np.stack([first**2, second**2, first * second], axis=1) / unit)

    record(
        predicted=[1.0, 1.0, 0.0],
        measured=moments(False),
        alpha=ALPHA,
        wrong_predictions={"εN/B in place of g": [4 / 3, 4 / 3, 0.0], "coloured": [1.0, 1.0, -1 / 4]},
        wrong_measurements={"reshuffled": moments(True)},
    )
