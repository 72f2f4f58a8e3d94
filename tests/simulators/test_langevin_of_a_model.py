"""Langevin's equation of a model, and the equation of SGD at a temperature: laws, both ways of making steps, bits."""

import numpy as np
import pytest

import sdetheory as st
from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.models import FunctionModel, LinearRegression, LogisticRegression, ReLUNetwork
from sdetheory.stats import agrees, mean_estimate

ALPHA = 1e-5
N, T, PRIOR = 6, 0.7, 0.6
X = np.array([[1.0, 0.2], [0.4, -1.1], [-0.7, 0.8], [1.3, 0.5], [0.1, 0.9], [-0.6, -0.4]])
Y = np.array([0.8, -0.3, 0.1, 1.4, -0.9, 0.2])
HP = st.SGDHyperparameters(learning_rate=0.3, train_size=N, batch_size=2)


def in_python(model):
    return FunctionModel(
        model.cost, lambda w, i: model.per_example_gradients(w)[i], model.hessian_vector_product, train_size=N,
        dimension=2,
    )  # fmt: skip


def covariance_of(final, mean):
    return mean_estimate((final - mean)[:, :, None] * (final - mean)[:, None, :])


def test_the_law_is_the_posterior_but_for_the_length_of_steps(rng):
    """8,000 paths from the minimum, 100 steps of rate 0.25 and more: a few e-10 of the start remain."""
    model, h = LinearRegression(X, Y, prior_precision=PRIOR), 0.12
    H = model.hessian(np.zeros(2))
    best = np.linalg.solve(H, X.T @ Y)
    run = st.simulate(st.langevin(model, T), best, dt=h, n_steps=100, n_paths=8000, rng=rng)
    found = covariance_of(run.final, best)
    assert agrees(found, T * np.linalg.inv(H - h / 2 * H @ H), alpha=ALPHA)
    assert agrees(mean_estimate(run.final), best, alpha=ALPHA)
    for wrong in (T, T / 2 / (1 - h / 2), 2 * T, T * N, T / N):
        assert not agrees(found, wrong * np.linalg.inv(H), alpha=ALPHA)


@pytest.mark.parametrize("kind", ["langevin", "temperature", "full batch"])
def test_both_ways_of_making_steps_agree(kind):
    model = LogisticRegression(X, np.arange(N) % 2, prior_precision=PRIOR)

    def equation(model, temperature):
        if kind == "langevin":
            return st.langevin(model, temperature)
        hp = HP if kind == "temperature" else st.SGDHyperparameters(learning_rate=0.3, train_size=N, batch_size=N)
        return st.sgd_sde(model, hp, temperature=temperature)

    given = {"dt": 0.01, "n_steps": 40, "n_paths": 70, "rng": 3}
    compiled, looped = (st.simulate(equation(m, T), [0.3, -0.2], **given).final for m in (model, in_python(model)))
    np.testing.assert_allclose(compiled, looped, rtol=1e-11, atol=1e-12)
    few = st.simulate(equation(model, T), [0.3, -0.2], **given | {"n_paths": 9}).final
    assert np.array_equal(few, compiled[:9])
    warmer = st.simulate(equation(model, 1.1 * T), [0.3, -0.2], **given).final
    assert np.abs(warmer - compiled).max() > 1e-3


def test_coefficients_are_those_stated():
    model, w = LogisticRegression(X, np.arange(N) % 2, prior_precision=PRIOR), np.array([0.3, -0.2])
    sde = st.sgd_sde(model, HP, temperature=T)
    F = st.models.gradient_covariance(model.per_example_gradients(w))
    factor = sde.diffusion(w)
    np.testing.assert_allclose(factor @ factor.T, HP.noise_scale * F + 2 * T * np.eye(2), rtol=1e-13)
    assert factor.shape == (2, N + 2) == (sde.dimension, sde.n_noises)
    np.testing.assert_allclose(sde.drift(w), -model.gradient(w), rtol=1e-13)
    cold = st.langevin(model, T)
    np.testing.assert_allclose(cold.diffusion(np.array([w, w]))[1], np.sqrt(2 * T) * np.eye(2), rtol=1e-15)
    np.testing.assert_allclose(cold.drift([w, 2 * w])[1], -model.gradient(2 * w), rtol=1e-13)
    assert (cold.noise_scale, cold.temperature, cold.n_noises) == (0.0, T, 2)


def test_without_a_temperature_it_is_gradient_flow_by_eulers_steps():
    model = LinearRegression(X, Y, prior_precision=PRIOR)
    run = st.simulate(st.langevin(model, 0.0), [1.0, -1.0], dt=0.05, n_steps=30, n_paths=2, rng=0)
    w = np.array([1.0, -1.0])
    for _ in range(30):
        w = w - 0.05 * model.gradient(w)
    np.testing.assert_allclose(run.final, np.array([w, w]), rtol=1e-12)


def test_networks_and_models_with_a_gradient_alone():
    network = ReLUNetwork(X, np.arange(N) % 2, hidden=3, prior_precision=PRIOR)
    start = network.initial(0)
    run = st.simulate(st.langevin(network, T), start, dt=0.01, n_steps=5, n_paths=4, rng=0, save_every=5)
    assert run.final.shape == (4, network.dimension) and np.isfinite(run.final).all()

    class Mine:
        train_size, dimension = N, 2

        def gradient(self, w):
            return 3 * w

    assert st.simulate(st.langevin(Mine(), T), [0.1, 0.2], dt=0.1, n_steps=5, n_paths=4, rng=0).diverged == 0


def test_refusals():
    model = LinearRegression(X, Y)
    for wrong in (-1.0, np.nan, "hot"):
        for build in (lambda t: st.langevin(model, t), lambda t: st.sgd_sde(model, HP, temperature=t)):
            with pytest.raises(InvalidInputError, match="temperature"):
                build(wrong)
    with pytest.raises(InvalidInputError, match="langevin takes models with data too"):
        st.langevin(object(), 1.0)
    with pytest.raises(IncompatibleError, match="order 2 is known for the noise of minibatches"):
        st.sgd_sde(model, HP, order=2, temperature=T)
    with pytest.raises(IncompatibleError, match="only simulate takes it"):
        st.sample_stationary(st.langevin(model, T), [0.0, 0.0], dt=0.1, n_paths=2, burn_in=1, n_steps=10)
    with pytest.raises(InvalidInputError, match="dt must be below 2/k"):
        st.simulate(st.langevin(model, T), [0.0, 0.0], dt=5.0, n_steps=1, n_paths=2)

    class MeanLoss:
        train_size, dimension = N, 2
        cost = staticmethod(model.cost)

        def gradient(self, w):
            return model.gradient(w) / N

    with pytest.raises(InvalidInputError, match="mean loss"):
        st.langevin(MeanLoss(), T)
