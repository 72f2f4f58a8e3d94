"""Section 2 and the appendices: how large a batch is worth its price, and how that is measured."""

import itertools
import math

import numpy as np
import pytest

import sdetheory as st
from derivations import gradient_noise_scale as derivations
from sdetheory.claims import Above

from ..unseen import PAIRS

ALPHA = 1e-6
GRADIENT, HESSIAN = np.array([1.0, 1.0]), np.diag([1.0, 4.0])
EXAMPLES = GRADIENT + np.array([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
COVARIANCE = (EXAMPLES - GRADIENT).T @ (EXAMPLES - GRADIENT) / len(EXAMPLES)


@pytest.fixture(scope="module")
def images():
    """Logistic regression on 200 images of each pair of digits, coarsened to 7 × 7 pixels."""
    models = []
    for pair in PAIRS:
        data = st.datasets.mnist(pair, train_size=200)
        coarse = data.x_train.reshape(-1, 7, 4, 7, 4).mean(axis=(2, 4)).reshape(-1, 49)
        models.append(st.models.LogisticRegression(coarse, data.y_train))
    return models


@pytest.fixture(scope="module")
def mnist(images):
    """Return that of MNIST 0/1."""
    return images[0]


def means(gradients, size, draw):
    """Return the mean gradients of all batches that `draw` lists."""
    return np.array([gradients[list(batch)].mean(axis=0) for batch in draw(range(len(gradients)), size)])


def every(indices, size):
    """List all batches that are drawn with replacement."""
    return itertools.product(indices, repeat=size)


@pytest.mark.claim("MK01")
def test_best_learning_rate_and_gain_of_a_step_are_those_of_the_full_gradient_over_one_plus_b_noise_over_b(record):
    """Four examples, all batches listed: ε is 0.4/(1 + 0.8/B) and the gain ½|G|⁴/GᵀHG over the same.

    Witnesses: the proof, the package's B_noise = 0.8, and the mean loss after a step, a parabola in ε.
    """
    sizes = np.array([1, 2, 4])
    noise = st.models.hessian_noise_scale(GRADIENT, COVARIANCE, HESSIAN)
    square, bent = float(GRADIENT @ GRADIENT), float(GRADIENT @ HESSIAN @ GRADIENT)

    def best(draw):
        found = []
        for size in sizes:
            batches = means(EXAMPLES, size, draw)
            slope = float(np.mean(batches @ GRADIENT))
            curve = float(np.einsum("bi,ij,bj->b", batches, HESSIAN, batches).mean())
            found.append((slope / curve, slope**2 / (2 * curve)))
        return np.array(found).T

    (rates, gains), (rates_without, gains_without) = best(every), best(itertools.combinations)
    shrink = 1 + noise / sizes
    simple = 1 + np.trace(COVARIANCE) / square / sizes
    proved = derivations.best_step().result(G_2=square, G_H=bent, S_H=float(np.trace(HESSIAN @ COVARIANCE)), B=sizes)
    record(label="proof", predicted=proved, measured=rates, rtol=1e-12,
           wrong_predictions={"linear in B": square / bent * sizes / (noise + 1)})  # fmt: skip
    for label, measured, without, largest in (
        ("gain", gains, gains_without, square**2 / (2 * bent)), ("learning rate", rates, rates_without, square / bent),
    ):  # fmt: skip
        record(
            label=label,
            predicted=largest / shrink,
            measured=measured,
            rtol=1e-12,
            wrong_predictions={"without the Hessian": largest / simple, "no noise": np.full(3, largest)},
            wrong_measurements={"without replacement": without},
        )


@pytest.mark.claim("MK02")
def test_steps_and_examples_trade_on_a_hyperbola(record, rng, full):
    """(S/S_min − 1)(E/E_min − 1) − 1 vanishes as ε: its order is measured from the exact decay of the loss.

    Inputs 3eᵢ in nine dimensions, without noise in the labels: H = 1, and the noise scale is 8 at every w. The decay
    by SGD at B = 4 is also simulated.
    """
    d, sizes, shares = 9, np.array([2, 4, 8]), np.array([0.02, 0.01, 0.005])
    inputs, noise = math.sqrt(d) * np.eye(d), d - 1

    def setting(share, size):
        return st.SGDHyperparameters(learning_rate=share / (1 + noise / size), train_size=d, batch_size=size,
                                     sampling="with-replacement")  # fmt: skip

    def decay(share, size, steps=1):
        moments = st.theory.least_squares_moments(inputs, np.zeros(d), setting(share, size), start=np.ones(d),
                                                  steps=steps)  # fmt: skip
        return (float(np.sum(moments.mean**2)) + float(np.trace(moments.covariance[0]))) / d

    def product(share):
        steps = np.array([-1 / math.log(decay(share, int(size))) for size in sizes])
        fewest = -1 / (2 * math.log(1 - share))
        return (steps / fewest - 1) * (sizes * steps / (noise * fewest) - 1)

    record(label="hyperbola at ε = 0.0001 of the best", predicted=1.0, measured=product(1e-4), rtol=1e-2,
           wrong_measurements={"examples alone": sizes / noise * product(1e-4)})  # fmt: skip

    model = st.models.LinearRegression(inputs, np.zeros(d))
    runs, steps = (2000 if full is None else 100_000), 20
    final = st.sgd(model, setting(0.5, 4), np.ones(d), n_steps=steps, n_runs=runs, rng=rng).final
    squares = np.mean(final**2, axis=1)
    measured = st.stats.mean_estimate(squares)
    record(
        label="loss after 20 steps of SGD",
        predicted=decay(0.5, 4, steps),
        measured=measured,
        alpha=ALPHA,
        wrong_predictions={"full gradient": (1 - 0.5 / 3) ** (2 * steps), "twice the batch": decay(0.5, 8, steps)},
    )

    errors = np.array([np.abs(product(share) - 1).max() for share in shares])
    record(
        label="order of the remainder in ε",
        predicted=1.0,
        measured=np.diff(np.log(errors)) / np.diff(np.log(shares)),
        rtol=0.05,
        wrong_predictions={"second order": 2.0, "no remainder that falls": 0.0},
    )


@pytest.mark.claim("MK03")
def test_estimators_from_two_batch_sizes_are_unbiased(record):
    """All pairs of batches of 1 and 3, and of 1 and 2, of four examples, with and without replacement.

    Without replacement the trace is unbiased too (N − 1 in its denominator) but |G|² comes out too small by Tr S/N: it
    is that of the population behind the training set. So it is at B₂ = N, exactly.
    """
    population = [float(np.trace(COVARIANCE)), float(GRADIENT @ GRADIENT)]

    def estimates(small, large, draw):
        norms = [np.sum(means(EXAMPLES, size, draw) ** 2, axis=1) for size in (small, large)]
        # A single batch has no scatter; its norm twice over has the same mean.
        found = st.models.noise_scale_from_batches(*(np.tile(n, 2) for n in norms), small, large)
        return [found.trace.value, found.squared_gradient.value]

    n, trace = len(EXAMPLES), float(np.trace(st.models.gradient_covariance(EXAMPLES)))
    finite = [trace, population[1] - trace / n]
    record(label="without replacement", predicted=[finite] * 2,
           measured=[estimates(1, size, itertools.combinations) for size in (3, n)], rtol=1e-12,
           wrong_predictions={"|G|² of the training set": [[trace, population[1]]] * 2})  # fmt: skip
    norms = [float(np.mean(np.sum(means(EXAMPLES, size, itertools.combinations) ** 2, axis=1))) for size in (1, n)]
    proved = derivations.estimators().result(B1=1, B2=n, p=norms[0], q=norms[1])
    record(label="proof of their ratio", predicted=proved, measured=finite[0] / finite[1], rtol=1e-12,
           wrong_measurements={"|G|² of the training set": trace / population[1]})  # fmt: skip
    record(
        label="independent examples",
        predicted=[population] * 2,
        measured=[estimates(1, size, every) for size in (2, 3)],
        rtol=1e-12,
        wrong_measurements={
            "one batch of one": [[population[0], population[1] + population[0]]] * 2,
            "without replacement": [estimates(1, size, itertools.combinations) for size in (2, 3)],
        },
    )


@pytest.mark.claim("MK04")
def test_noise_scale_is_the_ratio_of_the_averaged_parts(record, mnist, rng, full):
    """Four examples, all pairs listed: the mean of ratios is another number. Then 200 images, batches of 4 and 64.

    The ratio of averages has a bias of the order of its variance, far below its error here.
    """
    generic = np.array([[1.0], [2.5], [4.2], [8.9]])
    small, large = (np.sum(means(generic, size, every) ** 2, axis=1) for size in (1, 3))
    traces = np.subtract.outer(small, large) / (1 - 1 / 3)
    squares = np.add.outer(-small, 3 * large) / 2
    exact = generic.var() / generic.mean() ** 2
    record(label="all pairs", predicted=exact, measured=traces.mean() / squares.mean(), rtol=1e-12,
           wrong_measurements={"mean of ratios": np.mean(traces / squares)})  # fmt: skip

    gradients = mnist.per_example_gradients(np.zeros(mnist.dimension))
    n, draws = len(gradients), 3000 if full is None else 100_000
    shares = [rng.multinomial(b, np.full(n, 1 / n), size=draws) / b for b in (4, 64)]
    norms = [np.sum((share @ gradients) ** 2, axis=1) for share in shares]
    found = st.models.noise_scale_from_batches(*norms, 4, 64).noise_scale
    scale = st.models.simple_noise_scale(gradients) * (n - 1) / n
    record(
        label="200 images",
        predicted=scale,
        measured=found,
        alpha=ALPHA,
        wrong_predictions={"|G|² from the small batch": scale / (1 + scale / 4), "twice": 2 * scale},
    )


@pytest.mark.claim("MK05")
def test_noise_scale_at_rest_is_inversely_proportional_to_the_temperature(record, rng):
    """B_simple is 2B/(εa) − B at rest; so g, which is εN/B, is not this noise scale: their product is 2N/a.

    Witnesses: the proof, the exact stationary law, and SGD on 64 examples. An error of a tenth would matter.
    """
    n, sizes, rates = 64, np.array([2, 8, 32]), np.array([0.1, 0.05, 0.025])
    labels = np.linspace(-1.0, 1.0, n)
    variance = labels.var()

    def at_rest(rate, size):
        hp = st.SGDHyperparameters(learning_rate=rate, train_size=n, batch_size=size, sampling="with-replacement")
        law = st.theory.sgd_covariance([[float(n)]], [[labels.var(ddof=1)]], hp)
        return variance / float(law.covariance[0, 0])

    proof = derivations.two_noise_scales().result
    record(label="proof", predicted=proof(B=sizes, epsilon=0.1, a=1.0), rtol=1e-11,
           measured=[at_rest(0.1, int(b)) for b in sizes],
           wrong_predictions={"as g": 0.1 * n / sizes, "first order alone": 20.0 * sizes})  # fmt: skip

    model = st.models.LinearRegression(np.ones((n, 1)), labels)
    hp = st.SGDHyperparameters(learning_rate=0.1, train_size=n, batch_size=8, sampling="with-replacement")
    runs = st.stats.required_samples(deviation=0.3, effect=0.03, alpha=ALPHA, power=1 - 1e-6)
    run = st.sgd(model, hp, [0.0], n_steps=600, n_runs=runs, rng=rng, average_from=100)
    measured = run.covariance[0, 0]
    wrong = {"first order alone": variance / 160, "independent of B": variance / proof(B=2, epsilon=0.1, a=1.0)}
    record(label="mean |G|² of SGD", predicted=variance / proof(B=8, epsilon=0.1, a=1.0), measured=measured,
           alpha=ALPHA, wrong_predictions=wrong)  # fmt: skip

    products = np.array([at_rest(rate, 8) * st.noise_scale(rate, n, 8) / (2 * (n - 8)) for rate in rates])
    record(
        label="order of the remainder in ε",
        predicted=1.0,
        measured=np.diff(np.log(1 - products)) / np.diff(np.log(rates)),
        rtol=0.05,
        wrong_predictions={"second order": 2.0, "none": 0.0},
    )


@pytest.mark.claim("MK06")
def test_simple_noise_scale_stands_for_the_one_with_the_hessian(record, images):
    """Equal if H is a multiple of the identity; after 100 steps on real images more than a factor of two apart.

    Two is what "stands for" may mean: a batch size is tried in powers of two. Five pairs of digits.
    """
    start, later = (np.array([_bent_over_simple(model, w) for model, w in zip(images, ws, strict=True)])
                    for ws in zip(*(descent(model, [0, 100]) for model in images), strict=True))  # fmt: skip
    model, w = images[0], descent(images[0], [100])[0]
    level = _bent_over_simple(model, w, 3 * np.eye(len(w)))
    record(label="B_noise over B_simple after 100 steps", predicted=Above(2.0), measured=later,
           wrong_measurements={"H three times the identity": level})  # fmt: skip
    record(
        label="H three times the identity",
        predicted=1.0,
        measured=level,
        rtol=1e-10,
        wrong_measurements={"H of images after 100 steps": later, "at the start": start},
    )


def _bent_over_simple(model, w, hessian=None):
    gradients = model.per_example_gradients(w)
    covariance = st.models.gradient_covariance(gradients)
    hessian = model.hessian(w) / model.train_size if hessian is None else hessian
    return st.models.hessian_noise_scale(gradients.mean(axis=0), covariance, hessian) / st.models.simple_noise_scale(
        gradients
    )


@pytest.mark.claim("MK07")
def test_noise_scale_grows_as_training_goes_on(record, images):
    """B_simple after 400 steps of gradient descent is more than ten times that at the start; five pairs of digits.

    Ten is "many times over": an order of magnitude. |G|² falls faster than Tr Σ, which alone does not grow.
    """
    growth = []
    for model in images:
        first, last = (model.per_example_gradients(w) for w in descent(model, [0, 400]))
        growth.append(
            [
                st.models.simple_noise_scale(last) / st.models.simple_noise_scale(first),
                np.trace(st.models.gradient_covariance(last)) / np.trace(st.models.gradient_covariance(first)),
            ]
        )
    scales, traces = np.array(growth).T
    record(label="growth in 400 steps", predicted=Above(10.0), measured=scales,
           wrong_measurements={"the trace alone": traces})  # fmt: skip


def descent(model, steps):
    """Return the weights after some numbers of steps of gradient descent from zero, ε = 1 on the mean loss."""
    w, found = np.zeros(model.dimension), []
    for step in range(max(steps) + 1):
        if step in steps:
            found.append(w.copy())
        w -= model.gradient(w) / model.train_size
    return found
