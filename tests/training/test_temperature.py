"""SGD with a temperature: its exact law, what the usual mistakes would have instead, its bits and its refusals."""

import itertools
import signal
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest

import sdetheory as st
from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.models import FunctionModel, LinearRegression, LogisticRegression
from sdetheory.stats import agrees

ALPHA = 1e-5
N, B, T = 6, 2, 0.7
X = np.array([[1.0, 0.2], [0.4, -1.1], [-0.7, 0.8], [1.3, 0.5], [0.1, 0.9], [-0.6, -0.4]])
Y = np.array([0.8, -0.3, 0.1, 1.4, -0.9, 0.2])
PRIOR = 0.6


def settings(rate, batch_size=B, train_size=N, **changes):
    return st.SGDHyperparameters(learning_rate=rate, train_size=train_size, batch_size=batch_size, **changes)


def law(step, kick, gradient_factor=1.0):
    """Return the stationary covariance of w ← w − step Ĝ + kick ξ on the least squares, by all 15 batches.

    With w* the minimum, Ĝ = A (w − w*) + b for each batch: the second moments obey a linear equation.
    """
    best = np.linalg.solve(X.T @ X + PRIOR * np.eye(2), X.T @ Y)
    move, noise = np.zeros((4, 4)), kick**2 * np.eye(2)
    batches = [*itertools.combinations(range(N), B)]
    for batch in batches:
        x, y = X[list(batch)], Y[list(batch)]
        a = gradient_factor * (N / B * x.T @ x + PRIOR * np.eye(2))
        b = gradient_factor * (N / B * x.T @ (x @ best - y) + PRIOR * best)
        m = np.eye(2) - step * a
        move += np.kron(m, m) / len(batches)
        noise += step**2 * np.outer(b, b) / len(batches)
    return np.linalg.solve(np.eye(4) - move, noise.ravel()).reshape(2, 2)


def test_langevin_dynamics_on_least_squares_has_its_exact_law_and_not_that_of_the_usual_mistakes(rng):
    rate = 0.3
    h = rate / N
    model = LinearRegression(X, Y, prior_precision=PRIOR)
    run = st.sgd(model, settings(rate), np.zeros(2), n_steps=4000, n_runs=300, temperature=T, rng=rng, average_from=500)
    assert agrees(run.covariance, law(h, np.sqrt(2 * T * h)), alpha=ALPHA)
    hessian = model.hessian(np.zeros(2))
    wrong = {
        "noise of variance ε": law(h, np.sqrt(T * h)),
        "noise ∝ ε instead of its root": law(h, 2 * T * h),
        "N/B forgotten": law(h, np.sqrt(2 * T * h), gradient_factor=B / N),
        "noise of the total cost on the step of the mean": law(h, np.sqrt(2 * T * rate)),
        "no noise": law(h, 0.0),
        "the posterior": T * np.linalg.inv(hessian),
        "the equation": st.theory.ornstein_uhlenbeck(
            hessian,
            settings(rate).noise_scale * st.models.gradient_covariance(model.per_example_gradients(run.mean.value))
            + 2 * T * np.eye(2),
        ).covariance,
    }
    for name, covariance in wrong.items():
        assert not agrees(run.covariance, covariance, alpha=ALPHA), name


def test_what_is_off_from_the_posterior_falls_as_the_learning_rate():
    """The slope of the error in ε, from pairs of exact laws, tends to 1; half the noise would leave an error."""
    posterior = T * np.linalg.inv(X.T @ X + PRIOR * np.eye(2))

    def error(rate, share):
        return np.linalg.norm(law(rate / N, np.sqrt(share * T * rate / N)) - posterior)

    orders = [np.log2(error(rate, 2.0) / error(rate / 2, 2.0)) for rate in (0.02, 0.01)]
    # The next order of a sum of powers: the distance from 1 halves as well.
    assert abs(orders[1] - 1) < 0.6 * abs(orders[0] - 1) < 0.1
    assert np.log2(error(0.02, 1.0) / error(0.01, 1.0)) < 0.5


HESSIAN = np.array([[6.0, 1.5], [1.5, 3.0]])


def quadratic():
    """Return C_i = |w|²_H/2n + g_i·w, whose noise does not depend on w, with its F."""
    g = np.sin(np.arange(24.0)).reshape(12, 2) @ [[1.0, 0.4], [0.0, 1.5]]
    g -= g.mean(axis=0)
    model = FunctionModel(
        lambda w: float(w @ HESSIAN @ w / 2), lambda w, i: HESSIAN @ w / 12 + g[i], lambda w, v: HESSIAN @ v,
        train_size=12, dimension=2,
    )  # fmt: skip
    return model, st.models.gradient_covariance(g)


@pytest.mark.parametrize(("momentum", "dampening"), [(0.0, 0.0), (0.8, 0.0), (0.8, 0.5)])
def test_with_momentum_the_law_is_that_of_more_noise(rng, momentum, dampening):
    """20 runs of 3,000 steps: some 2 to 6 % of error; the wrong temperatures are off by half and more."""
    model, F = quadratic()
    hp = settings(0.4 * (1 - momentum), 6, 12, momentum=momentum, dampening=dampening)

    def exact(temperature):
        return st.theory.sgd_covariance(HESSIAN, F + 2 * temperature / hp.noise_scale * np.eye(2), hp).covariance

    run = st.sgd(model, hp, np.zeros(2), n_steps=3200, n_runs=20, temperature=0.5, rng=rng, average_from=200)
    assert agrees(run.covariance, exact(0.5), alpha=ALPHA)
    wrong = {
        "momentum forgotten": 0.5 / (1 - momentum),
        "momentum twice": 0.5 * (1 - momentum),
        "dampening forgotten": 0.5 / (1 - dampening),
        "noise of the gradient": 0.5 * (1 - dampening),
        "half": 0.25,
    }
    for name, temperature in wrong.items():
        assert temperature == 0.5 or not agrees(run.covariance, exact(temperature), alpha=ALPHA), name


@pytest.mark.parametrize("momentum", [0.0, 0.6])
def test_full_batches_have_the_posterior_but_for_the_length_of_steps(rng, momentum):
    hp = settings(0.5, N, momentum=momentum)
    model = LinearRegression(X, Y, prior_precision=PRIOR)
    H, kappa = model.hessian(np.zeros(2)), 0.5 / N
    run = st.sgd(model, hp, np.zeros(2), n_steps=4000, n_runs=300, temperature=T, rng=rng, average_from=500)
    assert agrees(run.covariance, T * np.linalg.inv(H - kappa / (2 * (1 + momentum)) * H @ H), alpha=ALPHA)
    assert not agrees(run.covariance, T * np.linalg.inv(H), alpha=ALPHA)
    assert agrees(run.mean, np.linalg.solve(H, X.T @ Y), alpha=ALPHA)


def in_python(model):
    return FunctionModel(
        model.cost, lambda w, i: model.per_example_gradients(w)[i], model.hessian_vector_product, train_size=N,
        dimension=2,
    )  # fmt: skip


def test_both_engines_add_the_same_noise():
    model = LogisticRegression(X, np.arange(N) % 2, prior_precision=PRIOR)
    rates = np.where(np.arange(60) < 3, 0.0, 0.2)  # a warm-up from nothing, which has no noise either
    given = {"w0": [0.3, -0.2], "n_steps": 60, "n_runs": 70, "temperature": T, "rng": 5, "learning_rates": rates}
    hp = settings(0.2, momentum=0.7, dampening=0.2)
    compiled, looped, cold = (
        st.sgd(m, hp, **given | changes)
        for m, changes in ((model, {}), (in_python(model), {}), (model, {"temperature": 0.0}))
    )
    np.testing.assert_allclose(compiled.final, looped.final, rtol=1e-11, atol=1e-11)
    assert np.abs(compiled.final - cold.final).min() > 1e-6
    still = st.sgd(model, hp, **given | {"n_steps": 3, "learning_rates": rates[:3]})
    assert np.array_equal(still.final, np.broadcast_to([0.3, -0.2], (70, 2)))


def test_same_bits_for_any_number_of_threads_runs_chunks_and_workers(tmp_path):
    model = LogisticRegression(X, np.arange(N) % 2, prior_precision=PRIOR)
    given = {"hp": settings(0.2, momentum=0.5), "w0": [0.3, -0.2], "temperature": T, "rng": 5}
    whole = st.sgd(model, n_steps=300, n_runs=150, **given)
    threads = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        few = st.sgd(model, n_steps=300, n_runs=70, metrics={"one": lambda w: w[0]}, record_every=7, **given)
    finally:
        numba.set_num_threads(threads)
    assert np.array_equal(few.final, whole.final[:70])
    assert np.array_equal(st.sgd(**whole.replay).final, whole.final)
    with ThreadPoolExecutor(3) as executor:
        assert np.array_equal(st.sgd(model, n_steps=300, n_runs=150, executor=executor, **given).final, whole.final)
    looped = st.sgd(in_python(model), n_steps=40, n_runs=5, save_every=8, **given)
    assert np.array_equal(looped.paths[1:], [
        st.sgd(in_python(model), n_steps=steps, n_runs=5, **given).final for steps in (8, 16, 24, 32, 40)
    ])  # fmt: skip


def test_a_stopped_run_goes_on_to_the_same_bits_and_not_at_another_temperature(tmp_path):
    model, calls = LogisticRegression(X, np.arange(N) % 2, prior_precision=PRIOR), []

    def measure(w):
        calls.append(w)
        if len(calls) == 9:
            signal.raise_signal(signal.SIGINT)
        return w[0]

    given = {"hp": settings(0.2), "w0": [0.3, -0.2], "n_steps": 40, "n_runs": 3, "temperature": T, "rng": 5,
             "record_every": 10}  # fmt: skip
    whole = st.sgd(model, metrics={"one": lambda w: w[0]}, **given)
    with pytest.warns(RuntimeWarning, match="Ctrl-C|interrupt"):
        part = st.sgd(model, metrics={"one": measure}, checkpoint=tmp_path / "run", **given)
    assert part.interrupted and part.n_steps < 40
    with pytest.raises(InvalidInputError, match="temperature"):
        st.sgd(model, metrics={"one": measure}, checkpoint=tmp_path / "run", **given | {"temperature": 0.6})
    rest = st.sgd(model, metrics={"one": measure}, checkpoint=tmp_path / "run", **given)
    assert np.array_equal(rest.final, whole.final)


def test_refusals():
    model = LinearRegression(X, Y)
    for wrong in (-1.0, np.nan, np.inf, "hot"):
        with pytest.raises(InvalidInputError, match="temperature"):
            st.sgd(model, settings(0.1), [0.0, 0.0], n_steps=1, temperature=wrong)
    for options in ({"optimizer": "nesterov"}, {"optimizer": st.Adam()}, {"optimizer": st.RMSprop()},
                    {"momentum_of": "gradients"}):  # fmt: skip
        with pytest.raises(IncompatibleError, match='temperature goes with optimizer="sgd"'):
            st.sgd(model, settings(0.1), [0.0, 0.0], n_steps=1, temperature=1.0, **options)
        st.sgd(model, settings(0.1), [0.0, 0.0], n_steps=1, **options)
