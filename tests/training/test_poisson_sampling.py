"""Poisson sampling: which batches are drawn, the exact moments of the estimate, both engines, the laws that follow."""

import itertools

import numpy as np
import pytest
from scipy import stats as distributions

import sdetheory as st
from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.models import FunctionModel, LinearRegression, LogisticRegression, SoftmaxRegression
from sdetheory.stats import agrees

ALPHA = 1e-5
N, B = 6, 2
X = np.array([[1.0, 0.2], [0.4, -1.1], [-0.7, 0.8], [1.3, 0.5], [0.1, 0.9], [-0.6, -0.4]])
Y = np.array([0.8, -0.3, 0.1, 1.4, -0.9, 0.2])
PRIOR = 0.6


def settings(rate, batch_size=B, train_size=N, sampling="poisson", **changes):
    return st.SGDHyperparameters(
        learning_rate=rate, train_size=train_size, batch_size=batch_size, sampling=sampling, **changes
    )


def subsets(n, batch_size):
    """Yield every batch with its probability."""
    for size in range(n + 1):
        for batch in itertools.combinations(range(n), size):
            yield list(batch), (batch_size / n) ** size * (1 - batch_size / n) ** (n - size)


def estimates(gradients, batch_size):
    """Return Ĝ of every batch, shape (2^N, p), and the probabilities."""
    n = len(gradients)
    pairs = [(n / batch_size * gradients[batch].sum(axis=0), chance) for batch, chance in subsets(n, batch_size)]
    values, chances = zip(*pairs, strict=True)
    return np.array(values), np.array(chances)


def logistic():
    return LogisticRegression(X, np.arange(N) % 2, prior_precision=PRIOR)


def in_python(model):
    return FunctionModel(
        model.cost, lambda w, i: model.per_example_gradients(w)[i], model.hessian_vector_product,
        train_size=model.train_size, dimension=model.dimension,
    )  # fmt: skip


class Recorder:
    """A model that keeps the batches that are not empty, and never moves."""

    def __init__(self, n: int) -> None:
        self.train_size, self.dimension, self.batches = n, 1, []

    def minibatch_gradient(self, w, indices):
        self.batches.append(tuple(indices))
        return np.zeros(1)


def test_each_subset_has_its_probability(rng):
    """16 subsets of 4 examples, 20,000 draws; an excess of 10 % in one of the likeliest would not pass."""
    recorder, n_steps = Recorder(4), 20_000
    st.sgd(recorder, settings(0.1, 1, 4), [0.0], n_steps=n_steps, rng=rng)
    expected = {tuple(batch): n_steps * chance for batch, chance in subsets(4, 1)}
    seen = dict.fromkeys(expected, 0) | {(): n_steps - len(recorder.batches)}
    for batch in recorder.batches:
        seen[batch] += 1

    def fits(counts):
        return distributions.chisquare([*counts.values()], [*expected.values()]).pvalue > ALPHA

    assert fits(seen)
    moved = round(0.1 * seen[(0,)])
    assert not fits({**seen, (0,): seen[(0,)] + moved, (1,): seen[(1,)] - moved})
    full = Recorder(4)
    st.sgd(full, settings(0.1, 4, 4), [0.0], n_steps=50, rng=rng)
    assert full.batches == [(0, 1, 2, 3)] * 50


@pytest.mark.parametrize("batch_size", [1, 2, 5, 6])
def test_the_equation_has_the_exact_moments_of_a_step_at_any_weights(batch_size):
    """At w = (0.7, −0.4), far from the minimum, by all 64 batches; the centred noise of other samplings has not."""
    w, hp = np.array([0.7, -0.4]), settings(0.3, batch_size)
    gradients = logistic().per_example_gradients(w)
    values, chances = estimates(gradients, batch_size)
    mean = chances @ values
    covariance = (chances[:, None] * (values - mean)).T @ (values - mean)
    np.testing.assert_allclose(mean, gradients.sum(axis=0), rtol=1e-13)
    factor = st.sgd_sde(logistic(), hp).diffusion(w)
    np.testing.assert_allclose(hp.step_time * covariance, factor @ factor.T, rtol=1e-12, atol=1e-14)
    if batch_size < N:
        F, G = st.models.gradient_covariance(gradients), gradients.sum(axis=0)
        stated = hp.noise_scale * (F + np.outer(G, G) / (N * (N - 1)))
        np.testing.assert_allclose(stated, factor @ factor.T, rtol=1e-12)
        assert np.abs(hp.noise_scale * F / stated - 1).max() > 0.05
        without = settings(0.3, batch_size, sampling="without-replacement").noise_scale
        assert np.isclose(hp.noise_scale, without * (N - 1) / N, rtol=1e-14)
        assert np.isclose(hp.noise_scale, st.noise_scale(0.3, N, batch_size, sampling="poisson"), rtol=1e-15)


def test_the_size_that_was_drawn_would_be_another_divisor():
    """The mean over batches of N/|batch| times their sum, with nothing for an empty one, is not the gradient."""
    gradients = logistic().per_example_gradients(np.array([0.7, -0.4]))
    mean = sum(chance * N / len(batch) * gradients[batch].sum(axis=0) for batch, chance in subsets(N, B) if batch)
    empty = (1 - B / N) ** N
    np.testing.assert_allclose(mean, (1 - empty) * gradients.sum(axis=0), rtol=1e-12)


def test_minibatch_covariance_draws_them(rng):
    gradients = logistic().per_example_gradients(np.array([0.7, -0.4]))
    values, chances = estimates(gradients, B)
    centered = values - gradients.sum(axis=0)
    sampled = st.minibatch_covariance(gradients, B, n_draws=100_000, sampling="poisson", rng=rng)
    trace = chances @ np.sum(centered**2, axis=1)
    assert agrees(sampled.trace, trace, alpha=ALPHA)
    F = st.models.gradient_covariance(gradients)
    for wrong in (N * (N / B - 1) * np.trace(F), (N - 1) * (N / B - 1) * np.trace(F)):
        assert not agrees(sampled.trace, wrong, alpha=ALPHA)
    np.testing.assert_allclose(sampled.covariance.trace(), sampled.trace.value, rtol=1e-12)
    whole = st.minibatch_covariance(gradients, N, n_draws=10, sampling="poisson", rng=rng)
    np.testing.assert_allclose(whole.trace.value, 0.0, atol=1e-25)


def law(rate):
    """Return the exact stationary covariance of SGD on the least squares, by all 64 batches."""
    best = np.linalg.solve(X.T @ X + PRIOR * np.eye(2), X.T @ Y)
    move, noise = np.zeros((4, 4)), np.zeros((2, 2))
    for batch, chance in subsets(N, B):
        x, share = X[batch], len(batch) / B * PRIOR
        a = N / B * x.T @ x + share * np.eye(2)
        b = N / B * x.T @ (x @ best - Y[batch]) + share * best
        m = np.eye(2) - rate / N * a
        move += chance * np.kron(m, m)
        noise += chance * (rate / N) ** 2 * np.outer(b, b)
    return np.linalg.solve(np.eye(4) - move, noise.ravel()).reshape(2, 2)


def test_sgd_on_least_squares_has_its_exact_law(rng):
    rate = 0.5
    model = LinearRegression(X, Y, prior_precision=PRIOR)
    run = st.sgd(model, settings(rate), np.zeros(2), n_steps=6000, n_runs=400, rng=rng, average_from=500)
    assert agrees(run.covariance, law(rate), alpha=ALPHA)
    assert agrees(run.mean, np.linalg.solve(model.hessian(np.zeros(2)), X.T @ Y), alpha=ALPHA)
    other = st.theory.least_squares_sgd(
        X, Y, settings(rate, sampling="without-replacement"), prior_precision=PRIOR
    ).covariance
    for wrong in (other, other * (N - 1) / N):
        assert not agrees(run.covariance, wrong, alpha=ALPHA)


HESSIAN = np.array([[6.0, 1.5], [1.5, 3.0]])


@pytest.mark.parametrize(("optimizer", "momentum"), [("sgd", 0.0), ("sgd", 0.8), ("nesterov", 0.8)])
def test_theory_has_the_law_of_a_quadratic_cost(rng, optimizer, momentum):
    """C_i = |w|²_H/2n + g_i·w: the noise grows with the gradient, which without that part would be off by 15 %."""
    n, g = 12, np.sin(np.arange(24.0)).reshape(12, 2) @ [[1.0, 0.4], [0.0, 1.5]]
    g -= g.mean(axis=0)
    model = FunctionModel(
        lambda w: float(w @ HESSIAN @ w / 2), lambda w, i: HESSIAN @ w / n + g[i], lambda w, v: HESSIAN @ v,
        train_size=n, dimension=2,
    )  # fmt: skip
    hp, F = settings(1.2 * (1 - momentum), 1, n, momentum=momentum), st.models.gradient_covariance(g)
    exact = st.theory.sgd_covariance(HESSIAN, F, hp, optimizer=optimizer).covariance
    run = st.sgd(model, hp, np.zeros(2), n_steps=6200, n_runs=20, rng=rng, average_from=200, optimizer=optimizer)
    assert agrees(run.covariance, exact, alpha=ALPHA)
    # Against the recursion of second moments itself.
    kappa, b = hp.learning_rate / n, (n - 1) / n
    own = np.zeros((4, 4))
    move = np.block([[np.eye(2) - kappa * HESSIAN, momentum * np.eye(2)], [-kappa * HESSIAN, momentum * np.eye(2)]])
    if optimizer == "nesterov":
        move = np.block([[np.eye(2) - kappa * (1 + momentum) * HESSIAN, momentum**2 * np.eye(2)], [move[2:]]])
    kick = kappa * np.vstack([(1 + momentum if optimizer == "nesterov" else 1) * np.eye(2), np.eye(2)])
    additive = (n - 1) * (n - 1) * F
    for _ in range(3000):
        noise = additive + b * HESSIAN @ own[:2, :2] @ HESSIAN
        own = move @ own @ move.T + kick @ noise @ kick.T
    np.testing.assert_allclose(exact, own[:2, :2], rtol=1e-9)
    frozen = st.theory.sgd_covariance(
        HESSIAN, F * (n - 1) / n, settings(1.2 * (1 - momentum), 1, n, "without-replacement", momentum=momentum),
        optimizer=optimizer,
    ).covariance  # fmt: skip
    if momentum == 0:
        assert not agrees(run.covariance, frozen, alpha=ALPHA)


def test_theory_refuses_a_variance_that_grows_without_bound():
    hp = settings(1.7, 1, 12)
    with pytest.raises(InvalidInputError, match="variance of Poisson sampling grows without bound"):
        st.theory.sgd_covariance([[12.0]], [[1.0]], hp)
    # 1 − a shrinks; its square, with (N/B − 1)/N a² for the noise, must too: a < 2/(1 + 11/12).
    assert st.theory.sgd_covariance([[12.0]], [[1.0]], settings(1.04, 1, 12)).covariance[0, 0] > 0
    with pytest.raises(InvalidInputError, match="Poisson"):
        st.theory.sgd_covariance([[12.0]], [[1.0]], settings(1.05, 1, 12))


@pytest.mark.parametrize("optimizer", ["sgd", st.Adam()], ids=["sgd", "adam"])
@pytest.mark.parametrize("kind", ["logistic", "softmax"])
def test_both_engines_make_the_same_steps(kind, optimizer):
    """Also with batches that are empty, one of which in four steps of B = 1 there is."""
    model = logistic() if kind == "logistic" else SoftmaxRegression(X, np.arange(N) % 3, prior_precision=PRIOR)
    sizes = np.where(np.arange(60) < 30, 1, 3)
    given = {"n_steps": 60, "n_runs": 70, "rng": 5, "batch_sizes": sizes, "optimizer": optimizer, "average_from": 10}
    w0 = np.linspace(-0.4, 0.5, model.dimension)
    compiled, looped = (st.sgd(m, settings(0.2), w0, **given) for m in (model, in_python(model)))
    np.testing.assert_allclose(compiled.final, looped.final, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(compiled.average, looped.average, rtol=1e-9, atol=1e-9)
    other = st.sgd(model, settings(0.2, sampling="with-replacement"), w0, **given)
    assert np.abs(compiled.final - other.final).max() > 0.01


def test_svag_and_the_equation_go_through_both_engines():
    model = logistic()
    given = {"factor": 3, "n_steps": 30, "n_runs": 40, "rng": 3}
    compiled, looped = (st.svag(m, settings(0.2), [0.3, -0.2], **given) for m in (model, in_python(model)))
    np.testing.assert_allclose(compiled.final, looped.final, rtol=1e-10)
    for options in ({}, {"order": 2}, {"temperature": 0.4}):
        paths = [
            st.simulate(st.sgd_sde(m, settings(0.2), **options), [0.3, -0.2], dt=0.01, n_steps=30, n_paths=40, rng=3)
            for m in (model, in_python(model))
        ]
        np.testing.assert_allclose(paths[0].final, paths[1].final, rtol=1e-10)
        centred = st.sgd_sde(model, settings(0.2, sampling="with-replacement"), **options)
        other = st.simulate(centred, [0.3, -0.2], dt=0.01, n_steps=30, n_paths=40, rng=3)
        assert np.abs(other.final - paths[0].final).max() > 1e-3


def test_same_bits_for_any_number_of_runs_and_steps_at_a_time():
    given = {"w0": [0.3, -0.2], "rng": 5}
    whole = st.sgd(logistic(), settings(0.2), n_steps=100, n_runs=90, **given)
    few = st.sgd(logistic(), settings(0.2), n_steps=100, n_runs=30, save_every=4, **given)
    assert np.array_equal(few.final, whole.final[:30])


def test_an_empty_batch_moves_by_the_velocity_alone():
    """40 runs of one step from a velocity of zero: with B = 1 of 6 a third of them stay where they are."""
    run = st.sgd(logistic(), settings(0.2, 1), [0.3, -0.2], n_steps=1, n_runs=4000, rng=1)
    still = np.mean(np.all(run.final == [0.3, -0.2], axis=1))
    assert abs(still - (5 / 6) ** 6) < 5 * np.sqrt(0.25 / 4000)
    assert run.diverged == 0


def test_what_keeps_the_noise_scale():
    start = settings(0.1, 32, 1000)
    there = start.with_learning_rate(0.2)
    assert np.isclose(there.target_noise_scale, start.noise_scale, rtol=1e-13)
    assert there.with_learning_rate(0.1).batch_size == 32 and there.sampling == "poisson"
    for setting in st.scaling_advice(start, batch_size=64):
        assert np.isclose(setting.hyperparameters.noise_scale, start.noise_scale, rtol=1e-12)
    optimum = st.theory.OptimumNoise.batch_size
    found = optimum(type("Noise", (), {"noise_scale": start.noise_scale})(), 0.1, 1000, sampling="poisson")
    assert np.isclose(found, 32, rtol=1e-12)


def test_refusals():
    model = logistic()
    with pytest.raises(IncompatibleError, match="reshuffle draws without replacement"):
        st.sgd(model, settings(0.1), [0.0, 0.0], n_steps=1, reshuffle=True)
    for refused in (
        lambda: st.theory.least_squares_sgd(X, Y, settings(0.1)),
        lambda: st.theory.least_squares_stability_limit(X, settings(0.1)),
        lambda: st.theory.sgd_moments(HESSIAN, np.eye(2), settings(0.1), start=[0.0, 0.0], steps=[1]),
    ):
        with pytest.raises(IncompatibleError, match='got "poisson"'):
            refused()
    with pytest.raises(InvalidInputError, match="poisson"):
        settings(0.1, sampling="bernoulli")
