"""The equation of SGD on a model: its noise exactly, its law against moments, its order in the learning rate."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numba
import numpy as np
import pytest
from one_weight import euler_moments, one_weight
from scipy import linalg

import sdetheory as st
from sdetheory._kernels import noise, weighted
from sdetheory._kernels.signatures import NOISE, compiled
from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.models.noise.gradient_noise import gradient_covariance
from sdetheory.results import mean_estimate
from sdetheory.simulators import _weighted_ensemble
from sdetheory.stats import agrees, required_samples

ALPHA = 1e-6
N, P, B, RATE = 13, 3, 4, 0.3
_generator = np.random.default_rng(5)
X = _generator.standard_normal((N, P))
LABELS, TARGETS = _generator.integers(0, 2, N), _generator.standard_normal(N)
CLASSES = np.arange(N) % 3
HP = st.SGDHyperparameters(learning_rate=RATE, train_size=N, batch_size=B)


def own_model():
    """Return a cost that is no polynomial, by the three functions."""
    return st.models.FunctionModel(
        lambda w: float(np.log(np.cosh(X @ w - TARGETS)).sum()),
        lambda w, i: np.tanh(X[i] @ w - TARGETS[i])[:, None] * X[i],
        lambda w, v: (X @ v / np.cosh(X @ w - TARGETS) ** 2) @ X,
        train_size=N,
        dimension=P,
    )


MODELS = {
    "linear": st.models.LinearRegression(X, TARGETS, prior_precision=0.7),
    "logistic": st.models.LogisticRegression(X, LABELS, prior_precision=0.7),
    "softmax": st.models.SoftmaxRegression(X, CLASSES, prior_precision=0.7),
    "a user's own": own_model(),
}
each_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
both_orders = pytest.mark.parametrize("order", [1, 2])


def weights_of(model):
    return 0.3 * np.cos(np.arange(model.dimension))


def numbers_of(path, seed, n_steps):
    """Return the normals (n_steps, N) that a path sees."""
    rows = -(-N // 4) * 4
    z, key = np.empty((rows * n_steps, 1)), np.random.SeedSequence(seed).generate_state(2, np.uint32).astype(np.uint64)
    generator = compiled(NOISE, noise.gaussian)
    weighted.normals(z, np.empty((2, 1), np.uint64), generator, 0, path, key)
    return z.reshape(n_steps, rows)[:, :N]


@each_model
def test_the_diffusion_is_g_times_the_covariance_of_the_gradients(model):
    """Exactly, and not with the plausible wrong factors."""
    w = weights_of(model)
    b = st.sgd_sde(model, HP).diffusion(w)
    covariance = gradient_covariance(model.per_example_gradients(w))
    scale = np.abs(covariance).max()
    np.testing.assert_allclose(b @ b.T, RATE * (N / B - 1) * covariance, atol=1e-13 * scale)
    for wrong in (RATE * N / B, RATE * (N / B - 1) * (N - 1) / N, 2 * RATE * (N / B - 1)):
        assert np.abs(b @ b.T - wrong * covariance).max() > 0.02 * scale


@both_orders
@each_model
def test_a_step_is_drift_and_diffusion_times_the_numbers_of_the_path(model, order):
    """Linear in the normals with the diffusion as its Jacobian: so the covariance of a step is dt g F."""
    w, dt = weights_of(model), 0.01
    sde = st.sgd_sde(model, HP, order=order)
    run = st.simulate(sde, w, dt=dt, n_steps=1, n_paths=20, rng=3)
    for path in (0, 19):
        expected = w + dt * sde.drift(w) + np.sqrt(dt) * sde.diffusion(w) @ numbers_of(path, 3, 1)[0]
        np.testing.assert_allclose(run.final[path], expected, rtol=1e-12, atol=1e-13)


@each_model
def test_drifts(model):
    w, h = weights_of(model), 1e-6
    np.testing.assert_allclose(st.sgd_sde(model, HP).drift(w), -model.gradient(w), rtol=1e-12)
    gradient, along = model.gradient(w), model.gradient(w + h * model.gradient(w)) - model.gradient(w)
    modified = st.sgd_sde(model, HP, order=2).drift(w)
    np.testing.assert_allclose(modified, -gradient - RATE / N / 2 * along / h, rtol=1e-4)
    assert not np.allclose(modified, -gradient - RATE / N * along / h, rtol=1e-2)


@both_orders
@pytest.mark.parametrize("name", ["linear", "logistic"])
def test_kernel_and_general_loop_make_the_same_steps(name, order, monkeypatch):
    sde = st.sgd_sde(MODELS[name], HP, order=order)
    given = {"dt": 0.01, "n_steps": 12, "n_paths": 70, "rng": 1, "save_every": 4}
    fast = st.simulate(sde, np.full(P, 20.0), **given).paths
    monkeypatch.setattr(_weighted_ensemble, "likelihood_of", lambda model: None)
    np.testing.assert_allclose(fast, st.simulate(sde, np.full(P, 20.0), **given).paths, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("size", [-800.0, 800.0])
def test_certain_labels_neither_overflow_nor_lose_digits(size):
    """Margins of size 800, where exp would overflow: examples that are right cost nothing, wrong ones pull with 1."""
    model = st.models.LogisticRegression(np.ones((2, 1)), [1, 1])
    sde = st.sgd_sde(model, st.SGDHyperparameters(learning_rate=1.0, train_size=2, batch_size=2))
    assert st.simulate(sde, [size], dt=1.0, n_steps=1, n_paths=1, rng=0).final == (size if size > 0 else size + 2)


# Any threads, numbers of paths, chunks, and after a stop.

SAME = {"dt": 0.01, "n_steps": 40, "rng": 7}
each_order_of_logistic = pytest.mark.parametrize(
    "sde", [st.sgd_sde(MODELS["logistic"], HP, order=order) for order in (1, 2)], ids=["order 1", "order 2"]
)


@each_order_of_logistic
def test_any_number_of_paths(sde):
    finals = [st.simulate(sde, np.ones(P), n_paths=n, **SAME).final for n in (1, 5, 17, 64, 500)]
    for final in finals:
        np.testing.assert_array_equal(final, finals[-1][: len(final)])
    assert not np.array_equal(finals[0], st.simulate(sde, np.ones(P), n_paths=1, **SAME | {"rng": 8}).final)


@each_order_of_logistic
@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread only")
def test_one_thread_or_two(sde):
    try:
        numba.set_num_threads(1)
        one = st.simulate(sde, np.ones(P), n_paths=100, **SAME).final
    finally:
        numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    np.testing.assert_array_equal(st.simulate(sde, np.ones(P), n_paths=100, **SAME).final, one)


@each_model
def test_replay_frames_chunks_and_workers(model, monkeypatch):
    sde = st.sgd_sde(model, HP)
    run = st.simulate(sde, weights_of(model), n_paths=20, save_every=10, **SAME)
    np.testing.assert_array_equal(st.simulate(**run.replay).paths, run.paths)
    np.testing.assert_array_equal(st.simulate(sde, weights_of(model), n_paths=20, **SAME).final, run.paths[-1])
    if not isinstance(model, st.models.FunctionModel):
        with ThreadPoolExecutor(2) as executor:
            spread = st.simulate(sde, weights_of(model), n_paths=20, save_every=10, executor=executor, **SAME)
        np.testing.assert_array_equal(spread.paths, run.paths)
    monkeypatch.setattr(_weighted_ensemble, "_WORK", 1)
    np.testing.assert_array_equal(st.simulate(sde, weights_of(model), n_paths=20, **SAME).final, run.final)


def test_a_run_that_was_stopped_goes_on(tmp_path, monkeypatch):
    sde, file = st.sgd_sde(MODELS["logistic"], HP), tmp_path / "run.npz"
    whole = st.simulate(sde, np.ones(P), n_paths=20, **SAME).final
    st.simulate(sde, np.ones(P), n_paths=20, checkpoint=file, **SAME)
    np.testing.assert_array_equal(st.simulate(sde, np.ones(P), n_paths=20, checkpoint=file, **SAME).final, whole)
    other = st.sgd_sde(st.models.LogisticRegression(X, LABELS, prior_precision=0.8), HP)
    with pytest.raises(InvalidInputError, match="another run"):
        st.simulate(other, np.ones(P), n_paths=20, checkpoint=file, **SAME)


# Laws: one weight, where mean and variance are closed equations.


def test_mean_and_variance_of_paths(rng):
    model, dt, n_steps = one_weight(), 0.02, 60
    hp = st.SGDHyperparameters(learning_rate=0.4, train_size=12, batch_size=3)
    mean, variance = euler_moments(model, 0.4 * (12 / 3 - 1), dt, n_steps, 2.0)
    # 1/N in place of 1/(N - 1) changes the variance by 8 %; squares of nearly normal numbers scatter by < 2 times.
    n_paths = required_samples(deviation=2.0, effect=0.08, alpha=ALPHA, power=0.999)
    final = st.simulate(st.sgd_sde(model, hp), [2.0], dt=dt, n_steps=n_steps, n_paths=n_paths, rng=rng).final[:, 0]
    assert agrees(mean_estimate(final), mean, alpha=ALPHA)
    squares = mean_estimate((final - mean) ** 2)
    assert agrees(squares, variance, alpha=ALPHA)
    for g, ddof in ((0.4 * 3, 0), (0.4 * 4, 1), (2 * 0.4 * 3, 1)):
        assert not agrees(squares, euler_moments(model, g, dt, n_steps, 2.0, ddof)[1], alpha=ALPHA)


def moments_of_sgd(model, hp, n_steps, w):
    """Return mean and mean square after n_steps of SGD, exactly: the noise of a step has variance δ g F."""
    d = hp.step_time
    mean, variance = euler_moments(model, hp.noise_scale, d, n_steps, w)
    return np.array([mean, variance + mean**2])


def moments_of_the_equation(sde, time, w):
    """Return the same at a time of the equation, by the differential equations that its own drift and noise give."""
    b0 = sde.drift([0.0])[0]
    slope = sde.drift([1.0])[0] - b0
    c, above, below = (np.sum(sde.diffusion([v]) ** 2) for v in (0.0, 1.0, -1.0))
    a, b = (above + below) / 2 - c, (above - below) / 2
    matrix = np.array([[0, 0, 0], [b0, slope, 0], [c, 2 * b0 + b, 2 * slope + a]])
    return (linalg.expm(time * matrix) @ [1.0, w, w**2])[1:]


@both_orders
def test_weak_order_in_the_learning_rate(order):
    model, time, w = one_weight(), 0.25, 2.0
    errors = []
    for halving in range(6, 11):
        n_steps = 2**halving
        hp = st.SGDHyperparameters(learning_rate=12 * time / n_steps, train_size=12, batch_size=3)
        sde = st.sgd_sde(model, hp, order=order)
        errors.append(moments_of_sgd(model, hp, n_steps, w) - moments_of_the_equation(sde, time, w))
    observed = [np.log2(np.abs(coarse / fine)) for coarse, fine in pairwise(errors)]
    np.testing.assert_allclose(observed[-1], order, atol=0.1)
    np.testing.assert_array_less(np.abs(observed[-1] - order), np.abs(observed[-2] - order))


def test_order_two_leaves_the_stationary_variance_no_better():
    """theory.md: curvature 2, variance 1 of the mean loss' gradients, ε = 0.1: SGD 1/36, order 1 1/40, order 2 1/44."""
    eps, curvature = 0.1, 2.0
    sgd = eps / (curvature * (2 - eps * curvature))
    laws = [eps / (2 * (curvature + (order == 2) * eps * curvature**2 / 2)) for order in (1, 2)]
    np.testing.assert_allclose([sgd, *laws], [1 / 36, 1 / 40, 1 / 44])
    model = st.models.FunctionModel(
        lambda w: 0.0, lambda w, i: curvature * w + np.array([[-1.0], [1.0]])[i], lambda w, v: 2 * curvature * v,
        train_size=2, dimension=1,
    )  # fmt: skip
    hp = st.SGDHyperparameters(learning_rate=eps, train_size=2, batch_size=1)
    for order, law in zip((1, 2), laws, strict=True):
        sde = st.sgd_sde(model, hp, order=order)
        assert sde.diffusion([0.3]) @ sde.diffusion([0.3]).T / (-2 * sde.drift([1.0])) == pytest.approx(law)


# Bad input.


def test_bad_models_and_hyperparameters():
    with pytest.raises(InvalidInputError, match="must have train_size"):
        st.sgd_sde("a model", HP)
    with pytest.raises(InvalidInputError, match="SGDHyperparameters"):
        st.sgd_sde(MODELS["linear"], 0.1)
    with pytest.raises(InvalidInputError, match="same number of examples"):
        st.sgd_sde(MODELS["linear"], st.SGDHyperparameters(learning_rate=0.1, train_size=12, batch_size=4))
    with pytest.raises(InvalidInputError, match="numbers, not arrays"):
        st.sgd_sde(MODELS["linear"], st.SGDHyperparameters(learning_rate=[0.1, 0.2], train_size=N, batch_size=4))
    with pytest.raises(InvalidInputError, match="order must be"):
        st.sgd_sde(MODELS["linear"], HP, order=3)
    with pytest.raises(IncompatibleError, match="plain SGD"):
        st.sgd_sde(MODELS["linear"], HP.with_momentum(0.2), order=2)


def test_what_goes_with_simulate_alone():
    sde = st.sgd_sde(MODELS["linear"], HP)
    with pytest.raises(IncompatibleError, match="only simulate"):
        st.sample_stationary(sde, np.zeros(P), dt=0.01, n_paths=10, burn_in=1, n_steps=10)
    for option in ({"method": "heun"}, {"increments": "two-point"}, {"brownian_dt": 0.005}):
        with pytest.raises(IncompatibleError):
            st.simulate(sde, np.zeros(P), dt=0.01, n_steps=1, n_paths=1, **option)
    with pytest.raises(IncompatibleError, match="formulas"):
        sde.to_stratonovich()


def test_a_step_beyond_the_stability_of_a_quadratic_is_refused():
    limit = 2 / np.linalg.eigvalsh(MODELS["linear"].hessian(np.zeros(P)))[-1]
    sde = st.sgd_sde(MODELS["linear"], HP)
    st.simulate(sde, np.zeros(P), dt=0.999 * limit, n_steps=1, n_paths=1)
    with pytest.raises(InvalidInputError, match="dt must be below"):
        st.simulate(sde, np.zeros(P), dt=1.001 * limit, n_steps=1, n_paths=1)


def test_paths_that_overflow_are_counted():
    model = st.models.FunctionModel(
        lambda w: 0.0, lambda w, i: np.where(np.abs(w) > 2, w**3, 0.0) * np.ones((len(i), 1)), lambda w, v: v,
        train_size=2, dimension=1,
    )  # fmt: skip
    sde = st.sgd_sde(model, st.SGDHyperparameters(learning_rate=0.1, train_size=2, batch_size=1))
    with pytest.warns(RuntimeWarning, match="1 of 2 paths overflowed"), np.errstate(all="ignore"):
        run = st.simulate(sde, [[1.0], [5.0]], dt=1.0, n_steps=20)
    assert run.diverged == 1 and run.divergence.path == 1 and run.final[0] == 1.0
