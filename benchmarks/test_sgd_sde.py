"""What a step of the equation of SGD on a model costs, against one full gradient."""

import numpy as np
import pytest

import sdetheory as st

N, P, STEPS = 1_000, 100, 200


@pytest.fixture(scope="module")
def model():
    generator = np.random.default_rng(0)
    X = generator.standard_normal((N, P))
    return st.models.LogisticRegression(X, generator.random(N) < 0.5, prior_precision=1.0)


@pytest.mark.parametrize("n_paths", [1, 64])
def test_step_against_a_full_gradient(compare, model, n_paths):
    """One path alone, and a path among many."""
    hp = st.SGDHyperparameters(learning_rate=0.1, train_size=N, batch_size=10)
    sde, w = st.sgd_sde(model, hp), np.zeros(P)
    compare(
        f"sgd_sde, logistic d = {P}, N = {N}, {n_paths} path{'s' if n_paths > 1 else ''}",
        1.5,
        lambda: st.simulate(sde, w, dt=hp.step_time / 4, n_steps=STEPS, n_paths=n_paths, rng=1),
        lambda: [model.gradient(w) for _ in range(STEPS)],
        against="one full gradient of the model",
        units=(STEPS * n_paths, STEPS),
    )


def test_order_two_against_order_one(compare, model):
    """Two more products with the inputs."""
    hp = st.SGDHyperparameters(learning_rate=0.1, train_size=N, batch_size=10)

    def run(order):
        sde = st.sgd_sde(model, hp, order=order)
        st.simulate(sde, np.zeros(P), dt=hp.step_time / 4, n_steps=20, n_paths=64, rng=1)

    compare(
        "sgd_sde of order 2, 64 paths", 2.2, lambda: run(2), lambda: run(1), against="order 1", units=20 * 64
    )  # fmt: skip
