"""SGD: which batches it draws, what its steps are, and the laws that it must have."""

import itertools

import numpy as np
import pytest
from scipy import stats as distributions

import sdetheory as st
from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.models import FunctionModel, LinearRegression, LogisticRegression, SoftmaxRegression
from sdetheory.stats import agrees, mean_estimate
from sdetheory.training import _engine as _sgd_engine

ALPHA = 1e-5


class Recorder:
    """A model that keeps the batches it is asked for, and by which weight, and never moves."""

    def __init__(self, n: int) -> None:
        self.train_size, self.dimension, self.batches, self.weights = n, 1, [], []

    def minibatch_gradient(self, w, indices):
        self.batches.append(np.array(indices))
        self.weights.append(w[0])
        return np.zeros(1)


def drawn(n, batch_size, *, n_steps, rng, sampling="without-replacement", **options):
    recorder = Recorder(n)
    hp = st.SGDHyperparameters(learning_rate=0.1, train_size=n, batch_size=batch_size, sampling=sampling)
    st.sgd(recorder, hp, [0.0], n_steps=n_steps, rng=rng, **options)
    return np.array(recorder.batches)


def uniform(outcomes, expected) -> bool:
    """Chi-square at ALPHA of observed outcomes against equally likely ones."""
    counts = [sum(outcome == e for outcome in outcomes) for e in expected]
    assert sum(counts) == len(outcomes), "an outcome that should not be"
    return distributions.chisquare(counts).pvalue > ALPHA


def test_every_subset_is_equally_likely(rng):
    # 15 subsets, 15,000 draws: an excess of 10 % in one is a noncentrality of about 10 times what ALPHA needs.
    subsets = [tuple(sorted(batch)) for batch in drawn(6, 4, n_steps=15_000, rng=rng)]
    every = [*itertools.combinations(range(6), 4)]
    assert uniform(subsets, every)
    assert not uniform([*subsets, *[every[0]] * 300], every)


def test_every_pair_with_replacement_is_equally_likely(rng):
    pairs = [tuple(batch) for batch in drawn(4, 2, n_steps=16_000, rng=rng, sampling="with-replacement")]
    every = [*itertools.product(range(4), repeat=2)]
    assert uniform(pairs, every)
    assert not uniform([*pairs, *[every[3]] * 300], every)


def test_reshuffled_epochs_are_permutations_and_all_are_equally_likely(rng):
    batches = drawn(4, 2, n_steps=2 * 12_000, rng=rng, reshuffle=True)
    orders = [tuple(epoch.ravel()) for epoch in batches.reshape(-1, 2, 2)]
    every = [*itertools.permutations(range(4))]
    assert uniform(orders, every)
    assert not uniform([*orders, *[every[5]] * 250], every)
    # Examples that are over at the end of an epoch wait for none of its batches.
    epochs = drawn(7, 3, n_steps=20, rng=rng, reshuffle=True).reshape(10, 6)
    assert all(len(set(epoch)) == 6 for epoch in epochs)


def test_a_batch_has_no_example_twice_and_a_full_one_has_all(rng):
    for batch_size in (1, 5, 31, 32):
        for batch in drawn(32, batch_size, n_steps=50, rng=rng):
            assert len(set(batch)) == batch_size and set(batch) <= set(range(32))


@pytest.fixture(params=["linear", "logistic"])
def model(rng, request):
    X = rng.standard_normal((20, 3))
    if request.param == "linear":
        return LinearRegression(X, rng.standard_normal(20), prior_precision=0.3)
    return LogisticRegression(X, rng.integers(0, 2, 20), prior_precision=0.3)


def in_python(model):
    """Return the same model as one of the user's own, which runs in the other engine."""
    return FunctionModel(
        model.cost, lambda w, i: model.per_example_gradients(w)[i], model.hessian_vector_product, train_size=20,
        dimension=model.dimension,
    )  # fmt: skip


OPTIMIZERS = [
    ("sgd", 0.0, 0.0), ("sgd", 0.9, 0.0), ("sgd", 0.9, 0.9), ("nesterov", 0.8, 0.1), (st.Adam(), 0.0, 0.0),
    (st.RMSprop(), 0.0, 0.0),
]  # fmt: skip


@pytest.mark.parametrize("optimizer, momentum, dampening", OPTIMIZERS, ids=lambda value: str(value)[:8])
@pytest.mark.parametrize("draw", ["without-replacement", "with-replacement", "reshuffle"])
def test_both_engines_make_the_steps_of_a_plain_loop(model, rng, optimizer, momentum, dampening, draw):
    """100 steps of three runs with schedules, against formulas written out once more."""
    sampling = "without-replacement" if draw == "reshuffle" else draw
    hp = st.SGDHyperparameters(
        learning_rate=0.2, train_size=20, batch_size=4, momentum=momentum, dampening=dampening, sampling=sampling
    )
    rates = 0.2 / (1 + np.arange(100) / 50)
    sizes = np.full(100, 4) if draw == "reshuffle" else np.where(np.arange(100) < 50, 3, 20)
    options = {
        "n_steps": 100, "rng": int(rng.integers(2**31)), "optimizer": optimizer, "reshuffle": draw == "reshuffle",
        "learning_rates": lambda step: 0.2 / (1 + step / 50), "batch_sizes": sizes, "average_from": 40,
    }  # fmt: skip
    w0 = rng.standard_normal((3, 3))
    compiled = st.sgd(model, hp, w0, **options)
    looped = st.sgd(in_python(model), hp, w0, **options)

    recorder = Recorder(20)
    # The recorder sees the runs one after another within each chunk of steps, and tells them by where they start.
    st.sgd(recorder, hp, np.arange(3.0)[:, None], **options)
    seen = [*zip(recorder.weights, recorder.batches, strict=True)]
    batches = [[batch for weight, batch in seen if weight == run] for run in range(3)]
    for run in range(3):
        w, v, s, visited = w0[run].copy(), np.zeros(3), np.zeros(3), []
        for t, batch in enumerate(batches[run]):
            mean = model.per_example_gradients(w)[batch].mean(axis=0)
            if optimizer == "sgd":
                v = momentum * v - (1 - dampening) * rates[t] * mean
                w = w + v
            elif optimizer == "nesterov":
                v = momentum * v - (1 - dampening) * rates[t] * mean
                w = w + momentum * v - (1 - dampening) * rates[t] * mean
            elif isinstance(optimizer, st.Adam):
                v, s = 0.9 * v + 0.1 * mean, 0.999 * s + 0.001 * mean**2
                w = w - rates[t] * v / (1 - 0.9 ** (t + 1)) / (np.sqrt(s / (1 - 0.999 ** (t + 1))) + 1e-8)
            else:
                s = 0.99 * s + 0.01 * mean**2
                w = w - rates[t] * mean / (np.sqrt(s) + 1e-8)
            visited.append(w)
        # Rounding of 100 contracting steps; Adam divides by a small root at first, hence the absolute part.
        for result in (compiled, looped):
            np.testing.assert_allclose(result.final[run], w, rtol=1e-11, atol=1e-11)
            np.testing.assert_allclose(result.average[run], np.mean(visited[40:], axis=0), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("coding", [np.eye(3), np.eye(3)[:, :2], np.array([[1.0, 0.25], [-0.5, 2.0], [0.1, -1.0]])])
def test_both_engines_train_softmax_regression_alike(rng, coding):
    X, y = rng.standard_normal((20, 3)), rng.permutation(np.arange(20) % 3)
    model = SoftmaxRegression(X, y, n_classes=3, coding=coding, prior_precision=0.3)
    assert _sgd_engine.has_kernel(model)
    hp = st.SGDHyperparameters(learning_rate=0.3, train_size=20, batch_size=4, momentum=0.8)
    w0 = rng.standard_normal((70, model.dimension))
    compiled, looped = (st.sgd(m, hp, w0, n_steps=60, rng=2, average_from=20) for m in (model, in_python(model)))
    # Rounding, as above. Labels moved by one give weights that are no rounding away.
    np.testing.assert_allclose(compiled.final, looped.final, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(compiled.average, looped.average, rtol=1e-11, atol=1e-11)
    moved = SoftmaxRegression(X, (y + 1) % 3, n_classes=3, coding=coding, prior_precision=0.3)
    assert np.abs(st.sgd(moved, hp, w0, n_steps=60, rng=2).final - looped.final).max() > 0.1


def test_softmax_regression_stays_finite_where_exponentials_do_not(rng):
    model = SoftmaxRegression(rng.standard_normal((20, 3)), np.arange(20) % 3)
    hp = st.SGDHyperparameters(learning_rate=0.3, train_size=20, batch_size=4)
    far = 1e4 * rng.standard_normal(9)
    np.testing.assert_allclose(
        st.sgd(model, hp, far, n_steps=20, rng=0).final,
        st.sgd(in_python(model), hp, far, n_steps=20, rng=0).final, rtol=1e-11,
    )  # fmt: skip


@pytest.mark.parametrize("sampling", ["without-replacement", "with-replacement"])
@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_stationary_covariance_is_the_exact_discrete_one(rng, momentum, sampling):
    """Quadratic costs with noise that does not depend on w: C_i = |w|²_H/2n + g_i·w."""
    n, H = 12, np.array([[6.0, 1.5], [1.5, 3.0]])
    g = rng.standard_normal((n, 2)) @ np.array([[1.0, 0.4], [0.0, 1.5]])
    g -= g.mean(axis=0)
    model = FunctionModel(
        lambda w: float(w @ H @ w / 2), lambda w, i: H @ w / n + g[i], lambda w, v: H @ v, train_size=n, dimension=2
    )
    hp = st.SGDHyperparameters(learning_rate=0.4, train_size=n, batch_size=3, momentum=momentum, sampling=sampling)
    F = st.models.gradient_covariance(g)
    law = st.theory.sgd_covariance(H, F, hp)
    # 20 runs of 3,000 steps: some 2 % of error, against differences of 9 % and more of the wrong formulas.
    run = st.sgd(model, hp, np.zeros(2), n_steps=3200, n_runs=20, rng=rng, average_from=200)
    assert agrees(run.covariance, law.covariance, alpha=ALPHA)
    assert agrees(run.mean, 0.0, alpha=ALPHA)


def test_linear_regression_has_its_exact_multiplicative_law_and_no_other(rng):
    """Compiled ensemble: weighty statistics, so that each wrong formula is far outside the error."""
    X = rng.standard_normal((16, 2))
    y = X @ [1.0, -0.5] + rng.standard_normal(16)
    model = LinearRegression(X, y)
    best = np.linalg.lstsq(X, y, rcond=None)[0]
    hp = st.SGDHyperparameters(learning_rate=0.25, train_size=16, batch_size=4)
    run = st.sgd(model, hp, best, n_steps=6000, n_runs=400, rng=rng, average_from=500)
    exact = st.theory.least_squares_sgd(X, y, hp).covariance
    assert agrees(run.covariance, exact, alpha=ALPHA)
    frozen = st.theory.sgd_covariance(
        model.hessian(best), st.models.gradient_covariance(model.per_example_gradients(best)), hp
    )
    for wrong in (exact * 15 / 16, exact * 4 / 3, frozen.sde_covariance, frozen.covariance):
        assert not agrees(run.covariance, wrong, alpha=ALPHA)


def test_yaidas_relation_at_a_large_learning_rate(rng):
    """⟨w·∇L⟩ = (ε/2)⟨|∇L_B|²⟩ with plain SGD, whatever the loss: here anharmonic, and ε far from small."""
    places = np.array([-2.0, -0.5, 0.4, 2.5])

    def slope(w):
        return np.tanh(w - places) + 0.1 * (w - places)

    model = FunctionModel(
        lambda w: float((np.log(np.cosh(w - places)) + 0.05 * (w - places) ** 2).sum()),
        lambda w, i: slope(w)[i][:, None],
        lambda w, v: v * np.sum(1 / np.cosh(w - places) ** 2 + 0.1),
        train_size=4,
        dimension=1,
    )
    rate = 0.8
    hp = st.SGDHyperparameters(learning_rate=rate, train_size=4, batch_size=2)
    pairs = np.array([*itertools.combinations(range(4), 2)])

    def difference(factor):
        def measure(w):
            batches = slope(w[0])[pairs].mean(axis=1)
            return w[0] * batches.mean() - factor * rate * np.mean(batches**2)

        return measure

    metrics = {"true": difference(0.5), "wrong": difference(0.55)}
    run = st.sgd(model, hp, [0.0], n_steps=4000, n_runs=20, rng=rng, metrics=metrics, record_every=2)
    means = {name: values[100:].mean(axis=0) for name, values in run.metrics.items()}
    assert agrees(mean_estimate(means["true"]), 0.0, alpha=ALPHA)
    assert not agrees(mean_estimate(means["wrong"]), 0.0, alpha=ALPHA)


def test_adaptive_methods_keep_their_law_by_the_square_root_rule(rng):
    """RMSprop where noise dominates: B → 4B wants ε → 2ε, and not 4ε."""
    n, noise = 1024, rng.standard_normal(1024)
    noise = 5 * (noise - noise.mean()) / noise.std()
    model = LinearRegression(np.ones((n, 1)), noise)

    def variance(rate, batch_size, beta):
        hp = st.SGDHyperparameters(learning_rate=rate, train_size=n, batch_size=batch_size, sampling="with-replacement")
        steps = int(60 / rate)
        optimizer = st.RMSprop(beta=beta, floor=0.0)
        run = st.sgd(model, hp, [0.0], n_steps=steps, n_runs=64, rng=rng, optimizer=optimizer, average_from=steps // 4)
        return float(run.covariance.value[0, 0]), float(run.covariance.stderr[0, 0])

    one, e1 = variance(0.02, 1, 0.999)
    root, e2 = variance(0.04, 4, 0.996)
    linear, e3 = variance(0.08, 4, 0.996)
    # The rule holds to the order of ε, 2 to 4 % here (theory: var = εσ/2k(1 + O(ε))), beside five standard errors.
    assert abs(root / one - 1) < 0.05 + 5 * np.hypot(e1, e2) / one
    assert linear / one - 1 > 0.5 + 5 * np.hypot(e1, e3) / one


def test_same_bits_for_any_number_of_runs_and_threads(model, rng):
    import numba

    hp = st.SGDHyperparameters(learning_rate=0.2, train_size=20, batch_size=3)
    w0 = rng.standard_normal(3)
    many = st.sgd(model, hp, w0, n_steps=300, n_runs=150, rng=5)
    threads = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        few = st.sgd(model, hp, w0, n_steps=300, n_runs=70, rng=5, metrics={"one": lambda w: w[0]}, record_every=7)
    finally:
        numba.set_num_threads(threads)
    assert np.array_equal(few.final, many.final[:70])
    assert np.array_equal(few.metrics["one"][-1], few.final[:, 0])
    assert np.array_equal(st.sgd(**many.replay).final, many.final)
    assert len(np.unique(many.final[:, 0])) == 150


def test_saved_weights_are_those_of_shorter_runs(model, rng):
    hp = st.SGDHyperparameters(learning_rate=0.2, train_size=20, batch_size=3, momentum=0.5)
    given = {"w0": rng.standard_normal(3), "n_runs": 3, "rng": 5}
    run = st.sgd(model, hp, n_steps=60, save_every=20, metrics={"one": lambda w: w[0]}, record_every=25, **given)
    assert run.paths.shape == (4, 3, 3) and np.array_equal(run.saved_steps, [0, 20, 40, 60])
    for steps, weights in zip(run.saved_steps, run.paths, strict=True):
        assert np.array_equal(st.sgd(model, hp, n_steps=steps, **given).paths[0], weights)
    assert np.array_equal(run.steps, [0, 25, 50, 60]) and np.array_equal(st.sgd(**run.replay).paths, run.paths)
    with pytest.raises(InvalidInputError, match="save_every must divide n_steps; got 7 and 60"):
        st.sgd(model, hp, n_steps=60, save_every=7, **given)


def test_divergence_is_an_outcome(rng):
    model = LinearRegression(np.array([[1.0], [3.0]]), np.array([0.0, 0.0]))
    hp = st.SGDHyperparameters(learning_rate=0.6, train_size=2, batch_size=1)
    for subject in (model, FunctionModel(model.cost, lambda w, i: model.per_example_gradients(w)[i],
                                         model.hessian_vector_product, train_size=2, dimension=1)):  # fmt: skip
        # Each batch multiplies w by 0.4 or −4.4: it grows on average, but starts at zero stay there.
        run = st.sgd(subject, hp, [[1.0], [0.0], [0.0], [1.0]], n_steps=3000, rng=1, average_from=10)
        assert run.diverged == 2
        assert np.array_equal(run.diverged_at < 0, [False, True, True, False])
        assert np.array_equal(run.final[1:3], np.zeros((2, 1)))
        assert run.covariance.n_eff == 2 and run.covariance.value[0, 0] == 0.0
        assert np.isnan(run.average[[0, 3]]).all() and np.array_equal(run.average[1:3], np.zeros((2, 1)))
        first = int(run.diverged_at[0])
        # It rests where it diverged, whatever comes after.
        assert np.array_equal(st.sgd(subject, hp, [[1.0]], n_steps=first, rng=1).final[0], run.final[0])
        assert np.isfinite(st.sgd(subject, hp, [[1.0]], n_steps=first - 1, rng=1).final).all()
        assert not np.isfinite(st.sgd(subject, hp, [[1.0]], n_steps=first, rng=1).final).all()


def test_refusals(model):
    hp = st.SGDHyperparameters(learning_rate=0.2, train_size=20, batch_size=3)
    w0 = np.zeros(3)
    other = st.SGDHyperparameters(learning_rate=0.2, train_size=21, batch_size=3)
    with pytest.raises(IncompatibleError, match=r"hp\.train_size must be the model's number of examples, 20; got 21"):
        st.sgd(model, other, w0, n_steps=1)
    several = st.SGDHyperparameters(learning_rate=[0.1, 0.2], train_size=20, batch_size=3)
    with pytest.raises(InvalidInputError, match="numbers, not arrays"):
        st.sgd(model, several, w0, n_steps=1)
    with pytest.raises(InvalidInputError, match="model must have train_size, dimension, minibatch_gradient"):
        st.sgd(object(), hp, w0, n_steps=1)
    short = FunctionModel(np.sum, lambda w, i: np.ones((3, 1)), np.dot, train_size=20, dimension=3)
    with pytest.raises(InvalidInputError, match=r"minibatch_gradient must return shape \(3,\); got \(1,\)"):
        st.sgd(short, hp, w0, n_steps=1)
    with pytest.raises(InvalidInputError, match="at least one weight"):
        st.sgd(LinearRegression(np.zeros((20, 0)), np.zeros(20)), hp, [], n_steps=1)
    with pytest.raises(InvalidInputError, match=r"w0 must have shape \(\.\.\., 3\)"):
        st.sgd(model, hp, [0.0], n_steps=1)
    with pytest.raises(InvalidInputError, match="with one row a run"):
        st.sgd(model, hp, np.zeros((2, 3)), n_steps=1, n_runs=3)
    with pytest.raises(InvalidInputError, match="Did you mean 'nesterov'"):
        st.sgd(model, hp, w0, n_steps=1, optimizer="nestrov")
    with pytest.raises(InvalidInputError, match="batch_sizes must be >= 1 and <= 20; got 21"):
        st.sgd(model, hp, w0, n_steps=2, batch_sizes=[1, 21])
    with pytest.raises(InvalidInputError, match=r"learning_rates must have shape \(2,\)"):
        st.sgd(model, hp, w0, n_steps=2, learning_rates=[0.1])
    with pytest.raises(IncompatibleError, match="reshuffle needs one batch size"):
        st.sgd(model, hp, w0, n_steps=2, batch_sizes=[1, 2], reshuffle=True)
    replaced = st.SGDHyperparameters(learning_rate=0.2, train_size=20, batch_size=3, sampling="with-replacement")
    with pytest.raises(IncompatibleError, match="reshuffle draws without replacement"):
        st.sgd(model, replaced, w0, n_steps=2, reshuffle=True)
    heavy = st.SGDHyperparameters(learning_rate=0.2, train_size=20, batch_size=3, momentum=0.5)
    with pytest.raises(IncompatibleError, match="Adam has averages of its own"):
        st.sgd(model, heavy, w0, n_steps=2, optimizer=st.Adam())
    with pytest.raises(InvalidInputError, match="metrics must map names to functions; 'loss' is a float"):
        st.sgd(model, hp, w0, n_steps=2, metrics={"loss": 1.0})
    with pytest.raises(InvalidInputError, match="average_from must be"):
        st.sgd(model, hp, w0, n_steps=2, average_from=2)
    with pytest.raises(InvalidInputError, match="beta2 must be"):
        st.Adam(beta2=1.0)
