"""Noise scale of gradients, their shape, their tail, and the Fisher information."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats as distributions

from sdetheory.errors import InvalidInputError
from sdetheory.models import (
    LinearRegression,
    LogisticRegression,
    SoftmaxRegression,
    fisher_discrepancy,
    fisher_information,
    gradient_covariance,
    hessian_noise_scale,
    minibatch_noise_shape,
    noise_scale_from_batches,
    simple_noise_scale,
    tail_index,
)
from sdetheory.stats import agrees

ALPHA = 1e-5


def test_known_numbers_of_a_quadratic():
    """H = diag(1, 4), G = (1, 1), F = diag(2, ½): B_noise 0.8, B_simple 1.25, ε at B = 1 and 4."""
    H, G, F = np.diag([1.0, 4.0]), np.ones(2), np.diag([2.0, 0.5])
    noise = hessian_noise_scale(G, F, H)
    assert noise == pytest.approx(0.8, rel=1e-15)
    largest = G @ G / (G @ H @ G)
    assert round(largest / (1 + noise), 7) == 0.2222222 and round(largest / (1 + noise / 4), 7) == 0.3333333
    # Four examples with this mean and this covariance.
    spread = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]) * np.sqrt([1.5, 0.375])
    assert simple_noise_scale(1 + spread) == pytest.approx(1.25, rel=1e-14)


@pytest.mark.parametrize("small, large", [(1, 2), (2, 5), (1, 6), (3, 6)])
def test_estimators_over_all_batches_have_their_exact_means(rng, small, large):
    gradients = rng.standard_normal((6, 3)) + 0.5
    batches = [
        np.array([gradients[list(b)].mean(axis=0) for b in itertools.combinations(range(6), size)])
        for size in (small, large)
    ]
    # A batch that holds everything comes once; a mean of two equal ones is the same.
    one, two = (np.repeat(b, 2, axis=0) for b in batches)
    found = noise_scale_from_batches(one, two, small, large)
    trace, mean = np.trace(gradient_covariance(gradients)), gradients.mean(axis=0)
    assert found.trace.value == pytest.approx(trace, rel=1e-12)
    assert found.squared_gradient.value == pytest.approx(mean @ mean - trace / 6, rel=1e-11)
    assert found.trace.value != pytest.approx(trace * 5 / 6, rel=1e-3)


def test_estimators_on_fresh_examples_and_the_wrong_ones(rng):
    G, scatter, n, p = np.array([0.6, -0.8]), np.array([1.0, 2.0]), 40_000, 2
    small, large = (G + scatter * rng.standard_normal((n, p)) / np.sqrt(b) for b in (4, 16))
    found = noise_scale_from_batches(small, large, 4, 16, alpha=ALPHA)
    assert agrees(found.trace, 5.0, alpha=ALPHA) and agrees(found.squared_gradient, 1.0, alpha=ALPHA)
    assert agrees(found.noise_scale, 5.0, alpha=ALPHA) and found.interval[0] < 5 < found.interval[1]
    # A publicly used formula has the batch sizes the wrong way round; another forgets what noise adds to |G|².
    with pytest.raises(InvalidInputError, match="trace of the noise must not be negative; it comes out as -5"):
        noise_scale_from_batches(large, small, 4, 16)
    biased = np.mean(np.sum(small**2, axis=1))
    assert abs(found.trace.value / biased - 5.0) > 5 * found.noise_scale.stderr
    # And a mean of ratios is not a ratio of means.
    ratios = (np.sum(small**2, axis=1) - np.sum(large**2, axis=1)) / (1 / 4 - 1 / 16) / np.sum(large**2, axis=1)
    assert abs(ratios.mean() - 5.0) > 5 * ratios.std() / np.sqrt(n)


def test_the_interval_covers_as_often_as_it_says(rng):
    """400 experiments at 90 %; a binomial count at ALPHA. A plain ±1.645 s.e. about half as wide is told apart."""
    G, n = np.array([1.0, 0.0]), 60
    hits = narrow = 0
    for _ in range(400):
        small, large = (G + 2 * rng.standard_normal((n, 2)) / np.sqrt(b) for b in (8, 64))
        found = noise_scale_from_batches(small, large, 8, 64, alpha=0.1)
        hits += found.interval[0] <= 8.0 <= found.interval[1]
        narrow += abs(found.noise_scale.value - 8.0) < 1.645 * found.noise_scale.stderr / 2
    assert distributions.binomtest(hits, 400, 0.9).pvalue > ALPHA
    assert distributions.binomtest(narrow, 400, 0.9).pvalue < ALPHA


def test_where_the_gradient_is_lost_in_the_noise_the_interval_has_no_end(rng):
    small, large = (rng.standard_normal((50, 3)) / np.sqrt(b) for b in (1, 2))
    found = noise_scale_from_batches(small, large, 1, 2)
    assert found.interval[1] == math.inf


def test_gradients_from_anywhere(rng):
    class Tensor:
        def __init__(self, data):
            self.data = data

        def __array__(self, dtype=None, copy=None):
            return np.asarray(self.data, dtype=dtype)

    small, large = rng.standard_normal((20, 3)) + 1, rng.standard_normal((20, 3)) / 2 + 1
    expected = noise_scale_from_batches(small, large, 1, 4)
    norms = noise_scale_from_batches(np.sum(small**2, axis=1), np.sum(large**2, axis=1), 1, 4)
    assert norms.noise_scale.value == pytest.approx(expected.noise_scale.value, rel=1e-12)
    wrapped = noise_scale_from_batches(Tensor(small), Tensor(large), 1, 4)
    assert wrapped.noise_scale == expected.noise_scale and wrapped.interval == expected.interval
    assert simple_noise_scale(Tensor(small)) == simple_noise_scale(small)


def test_tensors_of_pytorch(rng):
    torch = pytest.importorskip("torch")
    small, large = rng.standard_normal((20, 3)) + 1, rng.standard_normal((20, 3)) / 2 + 1
    theirs = noise_scale_from_batches(torch.from_numpy(small), torch.from_numpy(large), 1, 4)
    assert theirs.noise_scale == noise_scale_from_batches(small, large, 1, 4).noise_scale


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_shape_of_noise_over_all_batches(rng, batch_size):
    gradients, u = rng.exponential(size=(5, 2)), np.array([1.0, -2.0])
    batches = [gradients[list(b)].sum(axis=0) @ u for b in itertools.product(range(5), repeat=batch_size)]
    shape = minibatch_noise_shape(gradients, u, batch_size)
    assert shape.skewness == pytest.approx(distributions.skew(batches), rel=1e-10)
    assert shape.excess_kurtosis == pytest.approx(distributions.kurtosis(batches), rel=1e-10)


@pytest.mark.parametrize("unit", [1e-200, 1e200])
def test_the_shape_of_the_noise_has_no_unit(rng, unit):
    gradients = rng.exponential(size=(50, 3))
    shape, other = (minibatch_noise_shape(scale * gradients, [1.0, 2.0, 0.0], 4) for scale in (1.0, unit))
    assert other.skewness == pytest.approx(shape.skewness, rel=1e-12)
    assert other.excess_kurtosis == pytest.approx(shape.excess_kurtosis, rel=1e-12)


def test_tail_index_of_known_laws(rng):
    pareto = rng.random(200_000) ** (-1 / 1.5)
    assert agrees(tail_index(pareto, n_largest=10_000), 1.5, alpha=ALPHA)
    assert not agrees(tail_index(pareto, n_largest=10_000), 1.7, alpha=ALPHA)
    # A normal law has no index: what comes out depends on where one looks.
    normal = np.abs(rng.standard_normal(200_000))
    assert tail_index(normal, n_largest=200).value > 1.5 * tail_index(normal, n_largest=20_000).value


@pytest.mark.parametrize("kind", ["linear", "logistic", "softmax"])
def test_fisher_information_is_its_definition(rng, kind):
    X, w = rng.standard_normal((6, 2)), rng.standard_normal(6 if kind == "softmax" else 2)
    total = 0.0
    for x in X:
        if kind == "linear":
            # E over y ~ N(x·w, 1) of (x·w − y)² xxᵀ, by the two points of Gauss–Hermite quadrature, exact here.
            labels, chances = [x @ w - 1, x @ w + 1], [0.5, 0.5]
            make = LinearRegression
        elif kind == "logistic":
            p = 1 / (1 + math.exp(-x @ w))
            labels, chances, make = [0, 1], [1 - p, p], LogisticRegression
        else:
            logits = w.reshape(3, 2) @ x
            labels, chances = [0, 1, 2], np.exp(logits) / np.exp(logits).sum()
            make = lambda X, y: SoftmaxRegression(X, y, n_classes=3)  # noqa: E731
        for label, chance in zip(labels, chances, strict=True):
            g = make(x[None], [label]).gradient(w)
            total = total + chance * np.outer(g, g) / 6
    y = [0, 1, 2, 0, 1, 2] if kind == "softmax" else [0, 1, 1, 0, 1, 0]
    model = {"linear": LinearRegression, "logistic": LogisticRegression, "softmax": SoftmaxRegression}[kind]
    np.testing.assert_allclose(fisher_information(model(X, y, prior_precision=2.0), w), total, rtol=1e-12, atol=1e-15)


def test_gradients_have_the_fisher_covariance_for_the_models_own_labels_only(rng):
    X, w = rng.standard_normal((20_000, 2)), np.array([1.5, -1.0])
    drawn = (rng.random(20_000) < 1 / (1 + np.exp(-X @ w))).astype(int)
    random = rng.integers(0, 2, 20_000)
    # Sampling error √(p/N) is 1 %; random labels are off by a factor of order one.
    assert fisher_discrepancy(LogisticRegression(X, drawn), w) < 0.05
    assert fisher_discrepancy(LogisticRegression(X, random), w) > 0.5


def test_refusals(rng):
    with pytest.raises(InvalidInputError, match="at least 2 rows; got 1"):
        simple_noise_scale([[1.0]])
    with pytest.raises(InvalidInputError, match="small must be less than large; got 4 and 4"):
        noise_scale_from_batches(np.ones((3, 1)), np.ones((3, 1)), 4, 4)
    with pytest.raises(InvalidInputError, match="large_gradients must be at least two gradients"):
        noise_scale_from_batches(np.ones((3, 1)), np.ones((1, 1)), 1, 4)
    with pytest.raises(InvalidInputError, match="must curve upwards along gradient"):
        hessian_noise_scale([1.0], [[1.0]], [[-1.0]])
    with pytest.raises(InvalidInputError, match="must differ along the direction"):
        minibatch_noise_shape(np.ones((3, 2)), [1.0, 0.0], 2)
    with pytest.raises(InvalidInputError, match="sizes must have at least 3 positive members; got 1"):
        tail_index([0.0, 1.0, 0.0, 0.0], n_largest=2)
    with pytest.raises(InvalidInputError, match="linear, logistic or softmax regression; got object"):
        fisher_information(object(), [0.0])
    with pytest.raises(InvalidInputError, match="finite"):
        simple_noise_scale([[np.inf], [1.0]])
