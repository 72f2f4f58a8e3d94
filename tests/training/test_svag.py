"""SVAG: the covariance of a step, stationary variances on the way from SGD to its equation."""

import numpy as np
import pytest

import sdetheory as st
from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.models.noise.gradient_noise import gradient_covariance
from sdetheory.results import mean_estimate
from sdetheory.stats import agrees, required_samples

ALPHA = 1e-6
N = 5
INPUTS, TARGETS = np.cos(np.arange(10.0)).reshape(N, 2), np.sin(3 * np.arange(5.0))
MODELS = {
    "linear": st.models.LinearRegression(INPUTS, TARGETS, prior_precision=0.4),
    "softmax": st.models.SoftmaxRegression(INPUTS, np.arange(N) % 2, prior_precision=0.4),
}


@pytest.mark.parametrize(
    ("name", "sampling", "size", "factor"),
    [
        ("linear", "without-replacement", 2, 1),
        ("linear", "with-replacement", 3, 3),
        ("softmax", "without-replacement", 2, 3),
    ],
)
def test_mean_and_covariance_of_a_step(name, sampling, size, factor, rng):
    """Mean −δ∇C/l, and covariance δ²/l that of Ĝ: its share l, not 1 as for SGD in shorter steps."""
    model, hp = MODELS[name], st.SGDHyperparameters(
        learning_rate=0.5, train_size=N, batch_size=size, sampling=sampling
    )  # fmt: skip
    w = np.linspace(-1.0, 1.0, model.dimension)
    noise = N * (N / size - 1) if sampling == "without-replacement" else N * (N - 1) / size
    step = hp.step_time / factor
    # The nearest wrong factor is 1/N for 1/(N − 1): one part in five. Products scatter by less than thrice their mean.
    n_runs = required_samples(deviation=3.0, effect=0.2, alpha=ALPHA / 20, power=0.999)
    moves = st.svag(model, hp, w, factor=factor, n_steps=1, n_runs=n_runs, rng=rng).final - w
    assert agrees(mean_estimate(moves), -step * model.gradient(w), alpha=ALPHA)
    along = model.gradient(w) / np.linalg.norm(model.gradient(w))
    squares = mean_estimate(((moves + step * model.gradient(w)) @ along) ** 2)
    expected = step**2 * factor * noise * along @ gradient_covariance(model.per_example_gradients(w)) @ along
    assert agrees(squares, expected, alpha=ALPHA)
    for wrong in ((N - 1) / N, 2.0, *([1 / factor] if factor > 1 else [])):
        assert not agrees(squares, wrong * expected, alpha=ALPHA)


@pytest.mark.parametrize(("factor", "stationary"), [(1, 0.0277778), (2, 0.0263158), (4, 0.0256410)])
def test_stationary_variance(factor, stationary, rng):
    """Curvature 2 and variance 1 of the mean loss' gradients, ε = 0.1: from SGD's 1/36 down to the equation's 1/40."""
    root = np.sqrt(2.0)
    model = st.models.LinearRegression([[root], [root]], [1 / root, -1 / root])
    hp = st.SGDHyperparameters(learning_rate=0.1, train_size=2, batch_size=1)
    # To tell the neighbours among these: 5 %.
    n_runs = required_samples(deviation=np.sqrt(2), effect=0.045, alpha=ALPHA, power=0.999)
    # After 25 steps of SGD a part e^-10 of the variance is missing.
    final = st.svag(model, hp, [0.0], factor=factor, n_steps=25 * factor, n_runs=n_runs, rng=rng).final
    variance = mean_estimate(final[:, 0] ** 2)
    assert agrees(variance, stationary, alpha=ALPHA)
    sde = st.sgd_sde(model, hp)
    limit = float((sde.diffusion([0.3]) @ sde.diffusion([0.3]).T / (-2 * sde.drift([1.0])))[0, 0])
    assert limit == pytest.approx(0.025)
    others = {1: 0.0263158, 2: 0.0277778, 4: 0.0277778}
    assert not agrees(variance, others[factor], alpha=ALPHA)


def test_exact_variances_of_the_recursion_tend_to_the_equations():
    """The numbers above and their limit, from v = (1 − εa/l)² v + ε²σ²/l."""
    eps, a = 0.1, 2.0
    variances = [eps**2 / l / (1 - (1 - eps * a / l) ** 2) for l in (1, 2, 4, 8, 16, 10**6)]  # noqa: E741
    np.testing.assert_allclose(variances, [0.0277778, 0.0263158, 0.0256410, 0.0253165, 0.0251572, 0.025], rtol=2e-6)


def test_full_batches_are_gradient_descent():
    model = MODELS["linear"]
    hp = st.SGDHyperparameters(learning_rate=0.3, train_size=N, batch_size=N)
    w = np.ones(2)
    for _ in range(6):
        w = w - 0.3 / N / 2 * model.gradient(w)
    run = st.svag(model, hp, [1.0, 1.0], factor=2, n_steps=6, n_runs=3, save_every=3, rng=0)
    np.testing.assert_allclose(run.final, np.tile(w, (3, 1)), rtol=1e-12)
    np.testing.assert_allclose(run.times, hp.step_time * np.array([0.0, 1.5, 3.0]))
    np.testing.assert_array_equal(st.svag(**run.replay).paths, run.paths)


def test_bad_input_and_divergence():
    model, hp = MODELS["linear"], st.SGDHyperparameters(learning_rate=0.3, train_size=N, batch_size=1)
    with pytest.raises(IncompatibleError, match="plain SGD"):
        st.svag(model, hp.with_momentum(0.5), [0.0, 0.0], factor=2, n_steps=2, n_runs=2)
    with pytest.raises(InvalidInputError, match="factor"):
        st.svag(model, hp, [0.0, 0.0], factor=0, n_steps=2, n_runs=2)
    with pytest.raises(InvalidInputError, match="save_every must divide"):
        st.svag(model, hp, [0.0, 0.0], factor=1, n_steps=3, n_runs=2, save_every=2)
    with pytest.raises(InvalidInputError, match="w0"):
        st.svag(model, hp, [0.0], factor=1, n_steps=3, n_runs=2)
    wild = st.SGDHyperparameters(learning_rate=1e6, train_size=N, batch_size=1)
    assert st.svag(model, wild, [1.0, 0.0], factor=1, n_steps=100, n_runs=4, rng=0).diverged == 4
