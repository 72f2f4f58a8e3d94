"""Section 5: the noise of a minibatch gradient, and the noise scale of SGD."""

import itertools
import math

import numpy as np
import pytest

import sdetheory as st

from ..estimates import draws_for, slope, stacked

# Squares of noise are skewed, which makes the true rate a few times this one; the budget of the suite has room.
ALPHA = 1e-6
GRADIENTS = (1, 2, 4, 7, 11, 16)


@pytest.fixture(scope="module")
def real_gradients():
    """Per-example gradients of logistic regression on 800 images of MNIST 0/1, at w = 0: shape (800, 784)."""
    data = st.datasets.mnist(train_size=800)
    return st.models.LogisticRegression(data.x_train, data.y_train).per_example_gradients(np.zeros(784))


@pytest.mark.claim("C01")
def test_covariance_of_the_minibatch_gradient_is_n_times_n_over_b_minus_one_times_f(record):
    """Cov Ĝ = N(N/B − 1)F without replacement, if F has N − 1 in its denominator; with N it is off by N/(N − 1).

    Three witnesses: the proof for all N and B, all batches of six gradients listed, and the numeric formula.
    """
    n, sizes = len(GRADIENTS), np.arange(1, 7)
    f = st.models.gradient_covariance(np.reshape(GRADIENTS, (n, 1))).item()
    listed = [float(st.symbolic.enumerate_minibatches(GRADIENTS, int(b)).covariance) for b in sizes]
    numeric = n * f * st.noise_scale(1.0, n, sizes)
    proved = st.symbolic.minibatch_covariance().result(N=n, B=sizes, F=f)

    wrong = {"F with N in its denominator": proved * (n - 1) / n, "shortcut N²F/B": n**2 / sizes * f}
    known = [1001, 400.4, 200.2, 100.1, 40.04, 0]
    record(label="known values", predicted=known, measured=listed, rtol=1e-12, wrong_predictions=wrong)
    record(label="formula", predicted=numeric, measured=listed, rtol=1e-12, wrong_predictions=wrong)
    record(label="proof", predicted=proved, measured=listed, rtol=1e-12, wrong_predictions=wrong)


@pytest.mark.claim("C02")
def test_minibatch_gradients_on_mnist_have_the_covariance_n_times_n_over_b_minus_one_times_f(
    record, real_gradients, rng
):
    """Cov Ĝ = N(N/B − 1)F along the four leading directions of F, from B = N/100 to B = 9N/10.

    An error of a fifth would matter; near-normal noise has squares of relative deviation √2.
    """
    n, sizes = len(real_gradients), np.array([8, 80, 400, 720])
    values, vectors = np.linalg.eigh(st.models.gradient_covariance(real_gradients))
    draws = draws_for(0.2, alpha=ALPHA)
    sampled = [
        st.minibatch_covariance(real_gradients, b, n_draws=draws, directions=vectors[:, -4:].T, rng=rng).projected
        for b in sizes
    ]
    measured = stacked(sampled)

    predicted = np.outer(n * (n / sizes - 1), values[-4:])
    wrong = {"shortcut N²F/B": np.outer(n * n / sizes, values[-4:])}
    record(predicted=predicted, measured=measured, alpha=ALPHA, wrong_predictions=wrong)


@pytest.mark.claim("C03")
def test_noise_scale_is_the_learning_rate_times_n_over_b_minus_one(record, real_gradients, rng):
    """The covariance of one step Δw = −(ε/N)Ĝ is gF over the time ε/N, with g = ε(N/B − 1).

    Three witnesses: derivation, formula, and real minibatches. Dropping the −1 changes g by a third here; the sample
    is large enough to see a fifth (a trace has at most the relative deviation √2 of one component).
    """
    epsilon, n, b = 0.1, len(real_gradients), 200
    derived = st.symbolic.noise_scale().result(epsilon=epsilon, N=n, B=b)
    wrong = {"ε N/B": epsilon * n / b}
    record(
        label="formula",
        predicted=derived,
        measured=st.noise_scale(epsilon, n, b),
        rtol=1e-14,
        wrong_predictions=wrong | {"sampling with replacement": epsilon * (n - 1) / b},
    )

    draws = draws_for(0.2, alpha=ALPHA)
    noise = st.minibatch_covariance(real_gradients, b, n_draws=draws, rng=rng).trace
    measured = noise / (n / epsilon * np.trace(st.models.gradient_covariance(real_gradients)))
    record(label="real minibatches", predicted=derived, measured=measured, alpha=ALPHA, wrong_predictions=wrong)


@pytest.mark.claim("C75")
def test_a_step_of_sgd_is_gradient_descent_with_the_gradient_of_the_batch_times_n_over_b(record, rng):
    """Δw = −(ε/N)(∇C + (Ĝ − ∇C)), Ĝ = (N/B) Σ ∇Cᵢ over the batch: all 15 batches of two out of six examples occur.

    Every one is missed by 400 steps with a chance of 15 (14/15)^400 = 2e-11. No two batches have the same sum.
    """
    epsilon, n, b = 0.1, 6, 2
    gradients = 2.0 ** np.arange(n)
    model = st.models.LinearRegression(np.ones((n, 1)), -gradients)
    hp = st.SGDHyperparameters(learning_rate=epsilon, train_size=n, batch_size=b)
    steps = np.unique(st.sgd(model, hp, [0.0], n_steps=1, n_runs=400, rng=rng).final.ravel())

    batches = [gradients[list(batch)].sum() for batch in itertools.combinations(range(n), b)]
    noise = n / b * np.array(batches) - model.gradient([0.0])
    predicted = np.sort(-epsilon / n * (model.gradient([0.0]) + noise))
    wrong = {"sum over the batch": predicted * b / n, "total gradient, not the mean": predicted * n}
    record(predicted=predicted, measured=steps, rtol=1e-12, wrong_predictions=wrong)


@pytest.mark.claim("C76")
def test_the_minibatch_gradient_is_right_on_average(record, real_gradients, rng):
    """⟨Ĝ⟩ = ∇C: all batches of six gradients listed, for both ways of sampling, and real batches along ∇C.

    An error of a tenth of the mean would matter.
    """
    listed = [
        float(st.symbolic.enumerate_minibatches(GRADIENTS, b, sampling).mean)
        for sampling in ("without-replacement", "with-replacement")
        for b in (1, 2, 3, 4)
    ]
    wrong = {"mean, not sum": sum(GRADIENTS) / 6}
    record(label="listed", predicted=sum(GRADIENTS), measured=listed, rtol=1e-14, wrong_predictions=wrong)

    n, b, full = len(real_gradients), 8, real_gradients.sum(axis=0)
    along = real_gradients @ full / np.linalg.norm(full) ** 2
    spread = math.sqrt(n * (n / b - 1) * st.models.gradient_covariance(along[:, None]).item())
    draws = draws_for(0.1, alpha=ALPHA, deviation=spread)
    batches = np.argpartition(rng.random((draws, n)), b - 1, axis=1)[:, :b]
    estimates = n / b * along[batches].sum(axis=1)
    lower = n / b * np.sort(along)[batches % (n // 2)].sum(axis=1)
    record(
        label="real minibatches",
        predicted=1.0,
        measured=st.stats.mean_estimate(estimates),
        alpha=ALPHA,
        wrong_predictions={"sum over the batch": b / n},
        wrong_measurements={"batches of the half with the smaller slopes": st.stats.mean_estimate(lower)},
    )


@pytest.mark.claim("C77")
def test_gradients_of_two_examples_of_a_batch_are_uncorrelated_up_to_one_part_in_n(record):
    """Cov(∇Cᵢ, ∇Cⱼ) of two examples of a batch is −F/N without replacement, and 0 with; the paper has 0.

    The pair covariance c follows from Var Ĝ = (N/B)² (B v + B(B − 1) c) at B = 1 and 2, all batches listed.
    """

    def pair(gradients, sampling):
        one, two = (float(st.symbolic.enumerate_minibatches(gradients, b, sampling).covariance) for b in (1, 2))
        f = st.models.gradient_covariance(np.reshape(gradients, (-1, 1))).item()
        return (2 * two - one) / len(gradients) ** 2 / f

    sizes = np.array([8, 16, 32, 64])
    data = [[(7 * k) % 11 + k for k in range(n)] for n in sizes]
    pairs = np.array([pair(gradients, "without-replacement") for gradients in data])
    independent = [pair(gradients, "with-replacement") for gradients in data]
    record(
        label="with replacement",
        predicted=0.0,
        measured=independent,
        rtol=0.0,
        atol=1e-12,
        wrong_measurements={"without replacement": pairs},
    )
    wrong = {"uncorrelated": 0 * pairs, "−F/(N − 1)": -1 / (sizes - 1)}
    record(label="c/F", predicted=-1 / sizes, measured=pairs, rtol=1e-9, wrong_predictions=wrong)
    record(
        label="order in 1/N",
        predicted=1.0,
        measured=slope(1 / sizes, pairs),
        rtol=1e-9,
        wrong_predictions={"order 2": 2.0, "no dependence": 0.0},
    )


@pytest.mark.claim("C78")
def test_the_noise_vanishes_when_the_batch_is_the_whole_training_set(record, real_gradients, rng):
    """At B = N there is no noise without replacement; with it the variance is N(N − 1)F/B, of which nothing vanishes.

    Witnesses: all 6⁶ batches with replacement listed, and real minibatches.
    """
    n, f = len(GRADIENTS), st.models.gradient_covariance(np.reshape(GRADIENTS, (6, 1))).item()
    sizes = [1, 2, 3, 6]
    with_replacement = [
        float(st.symbolic.enumerate_minibatches(GRADIENTS, b, "with-replacement").covariance) for b in sizes
    ]
    record(
        label="with replacement, listed",
        predicted=n * f * st.noise_scale(1.0, n, sizes, sampling="with-replacement"),
        measured=with_replacement,
        rtol=1e-12,
        wrong_predictions={"without": n * f * st.noise_scale(1.0, n, sizes), "N²F/B": n * n * f / np.array(sizes)},
    )
    small = real_gradients[:100]
    draws = draws_for(0.2, alpha=ALPHA)
    traces = {
        sampling: st.minibatch_covariance(small, 100, n_draws=draws, sampling=sampling, rng=rng).trace
        for sampling in ("without-replacement", "with-replacement")
    }
    total = np.trace(st.models.gradient_covariance(small))
    record(
        label="real minibatches with replacement, over F",
        predicted=99.0,
        measured=traces["with-replacement"] / total,
        alpha=ALPHA,
        wrong_predictions={"no noise": 0.0},
    )
    record(
        label="real minibatches without, over F",
        predicted=0.0,
        measured=float(traces["without-replacement"].value) / total,
        rtol=0.0,
        atol=1e-12,
        wrong_measurements={"with replacement": float(traces["with-replacement"].value) / total},
    )


@pytest.mark.claim("C79")
def test_the_shortcut_epsilon_n_over_b_is_too_large_by_the_share_of_the_data_in_a_batch(record):
    """(εN/B − g)/(εN/B) = B/N: of first order, exactly. Two witnesses: the derivation and the formula."""
    epsilon, n = 0.1, 10_000
    sizes = np.array([1, 10, 100, 1000])
    shortcut = epsilon * n / sizes
    derived = st.symbolic.noise_scale().result
    errors = 1 - st.noise_scale(epsilon, n, sizes) / shortcut
    wrong = {"B/2N": sizes / (2 * n), "(B/N)²": (sizes / n) ** 2}
    record(
        label="derived",
        predicted=sizes / n,
        measured=[1 - derived(epsilon=epsilon, N=n, B=int(b)) / s for b, s in zip(sizes, shortcut, strict=True)],
        rtol=1e-9,
        wrong_predictions=wrong,
    )
    record(label="formula", predicted=sizes / n, measured=errors, rtol=1e-9, wrong_predictions=wrong)
    record(
        label="order in B/N",
        predicted=1.0,
        measured=slope(sizes / n, errors),
        rtol=1e-9,
        wrong_predictions={"order 2": 2.0},
    )


@pytest.mark.claim("C80")
def test_f_is_the_fisher_information_where_the_labels_come_from_the_model_at_those_weights(record, rng):
    """Over labels that the model draws, ⟨F⟩ = I exactly; not with other labels, nor at other weights.

    F is compared in the units of I, as I^{−1/2} F I^{−1/2} with the identity. Whitened gradients have squares of a
    deviation below 2; an error of a tenth would matter.
    """
    X, truth = rng.standard_normal((100, 3)), np.array([1.5, -1.0, 0.5])
    chance = 1 / (1 + np.exp(-X @ truth))
    sets = draws_for(0.1, alpha=ALPHA, deviation=2.0) // 20

    def whitened(w, chance):
        labels = (rng.random((sets, 100)) < chance).astype(int)
        models = [st.models.LogisticRegression(X, y) for y in labels]
        values, vectors = np.linalg.eigh(st.models.fisher_information(models[0], w))
        root = vectors / np.sqrt(values) @ vectors.T
        covariances = [st.models.gradient_covariance(m.per_example_gradients(w)) for m in models]
        return st.stats.mean_estimate([(root @ f @ root)[np.triu_indices(3)] for f in covariances])

    record(
        predicted=np.eye(3)[np.triu_indices(3)],
        measured=whitened(truth, chance),
        alpha=ALPHA,
        wrong_measurements={
            "random labels": whitened(truth, np.full(100, 0.5)),
            "other weights": whitened(0 * truth, chance),
        },
    )
