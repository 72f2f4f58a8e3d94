"""The gradient noise scale of a model: exact, from a sample, for the source, and with the Hessian."""

import tracemalloc
import warnings

import numpy as np
import pytest
from scipy import stats as distributions

from sdetheory.errors import AccuracyWarning, InvalidInputError
from sdetheory.models import (
    FunctionModel,
    LinearRegression,
    LogisticRegression,
    ReLUNetwork,
    SoftmaxRegression,
    gradient_covariance,
    gradient_noise_scale,
    hessian_noise_scale,
    simple_noise_scale,
)
from sdetheory.models.noise import _rows
from sdetheory.stats import agrees

ALPHA = 1e-5


class Own:
    """A model of somebody else: gradients of some examples by their numbers, in single precision."""

    def __init__(self, model, kind=np.float32):
        self.model, self.kind = model, kind
        self.train_size, self.dimension = model.train_size, model.dimension
        self.most = 0

    def per_example_gradients(self, w, indices=None):
        rows = self.model.per_example_gradients(w)[slice(None) if indices is None else indices]
        self.most = max(self.most, len(rows))
        return rows.astype(self.kind)

    def hessian_vector_product(self, w, v):
        return self.model.hessian_vector_product(w, v)


def regression(rng, n=60):
    return LogisticRegression(rng.standard_normal((n, 4)) + 0.4, rng.integers(0, 2, n), prior_precision=0.3)


@pytest.fixture(params=["softmax", "network", "functions", "own"])
def model(rng, request):
    X, y = rng.standard_normal((30, 4)) + 0.4, rng.integers(0, 3, 30)
    if request.param == "softmax":
        return SoftmaxRegression(X, y, n_classes=3, prior_precision=0.3)
    if request.param == "network":
        return ReLUNetwork(X, y, hidden=6, n_classes=3, prior_precision=0.3, dtype="float64")
    own = LinearRegression(X, y, prior_precision=0.3)
    if request.param == "own":
        return Own(own, np.float64)
    return FunctionModel(
        own.cost, lambda w, i: own.per_example_gradients(w)[i], own.hessian_vector_product, train_size=30, dimension=4
    )


def hessian(model, w):
    return np.stack([model.hessian_vector_product(w, e) for e in np.eye(model.dimension)]) / model.train_size


@pytest.mark.parametrize("entries", [2**24, 64])
def test_all_examples_are_exact(model, rng, monkeypatch, entries):
    """By the definition with (p, p) matrices; in one piece and in chunks."""
    monkeypatch.setattr(_rows, "ENTRIES", entries)
    w = 0.3 * rng.standard_normal(model.dimension)
    gradients = np.asarray(model.per_example_gradients(w))
    F, G, H = gradient_covariance(gradients), gradients.mean(axis=0), hessian(model, w)
    found = gradient_noise_scale(model, w, hessian_probes=30)
    assert found.trace.value == pytest.approx(np.trace(F), rel=1e-10)
    assert found.squared_gradient.value == pytest.approx(G @ G, rel=1e-10)
    assert found.noise_scale.value == pytest.approx(np.trace(F) / (G @ G), rel=1e-10)
    assert found.noise_scale.value == pytest.approx(simple_noise_scale(model, w), rel=1e-12)
    assert found.noise_scale.stderr == 0.0 and found.interval == (found.noise_scale.value,) * 2
    weighted = found.hessian_weighted
    assert weighted.noise_scale.value == pytest.approx(hessian_noise_scale(G, F, H), rel=1e-9)
    assert weighted.trace.value == pytest.approx(np.sum(H * F), rel=1e-9) and weighted.trace.stderr == 0.0


@pytest.mark.parametrize("entries", [2**24, 64])
def test_a_sample_does_not_depend_on_how_gradients_come(model, rng, monkeypatch, entries):
    """And is that of its gradients, as an array, in the formulas of the leave-one-out estimates."""
    monkeypatch.setattr(_rows, "ENTRIES", entries)
    w = 0.3 * rng.standard_normal(model.dimension)
    chosen = rng.permutation(30)[:25]
    gradients = np.asarray(model.per_example_gradients(w))[chosen]
    n, N = 25, 30
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)
        found = gradient_noise_scale(model, w, examples=chosen)
        source = gradient_noise_scale(model, w, examples=chosen, population="source")
        again = gradient_noise_scale(gradients, population="source")
    products = gradients @ gradients.T
    pairs = (products.sum() - np.trace(products)) / (n * (n - 1))
    trace = np.trace(gradient_covariance(gradients))
    assert source.squared_gradient.value == pytest.approx(pairs, rel=1e-9)
    assert found.squared_gradient.value == pytest.approx(pairs + trace / N, rel=1e-9)
    assert found.trace.value == pytest.approx(trace, rel=1e-10) == source.trace.value
    others = (products.sum(axis=1) - np.diag(products)) / (n - 1)
    error = 2 * others.std(ddof=1) / n**0.5
    assert source.squared_gradient.stderr == pytest.approx(error, rel=1e-8)
    assert found.trace.stderr == pytest.approx(source.trace.stderr * (1 - n / N) ** 0.5, rel=1e-9)
    assert again.interval == pytest.approx(source.interval, rel=1e-8)


def test_estimates_from_samples_have_their_exact_means(rng):
    """Over all 15 samples of four examples of six: of the training set, without bias, and not of the source."""
    import itertools

    gradients = rng.standard_normal((6, 3)) + 0.5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)
        found = [gradient_noise_scale(gradients, examples=list(s)) for s in itertools.combinations(range(6), 4)]
    exact = gradient_noise_scale(gradients)
    for name in ("trace", "squared_gradient"):
        mean = np.mean([getattr(one, name).value for one in found])
        assert mean == pytest.approx(getattr(exact, name).value, rel=1e-11)
    naive = np.mean([np.sum(gradients[list(s)].mean(axis=0) ** 2) for s in itertools.combinations(range(6), 4)])
    assert naive != pytest.approx(exact.squared_gradient.value, rel=1e-2)


def test_the_trace_by_probes_has_its_mean_and_error(rng):
    """400 times 25 probes of 60 examples: no bias, and stderr² is the variance, within what 400 show."""
    model, w = regression(rng), np.full(4, 0.2)
    exact = gradient_noise_scale(model, w, hessian_probes=60).hessian_weighted.trace.value
    found = [gradient_noise_scale(model, w, hessian_probes=25, rng=s).hessian_weighted.trace for s in range(400)]
    values = np.array([one.value for one in found])
    assert abs(values.mean() - exact) < 5 * values.std() / 20
    # A variance from 400 values is known to 7 %, and the mean of its estimates better: five deviations.
    assert np.mean([one.stderr**2 for one in found]) / values.var() == pytest.approx(1, abs=0.36)
    assert abs(values.mean() - exact * 60 / 59) > 5 * values.std() / 20 or values.std() / 20 > exact / 59 / 10


@pytest.mark.parametrize("options", [{"population": "source"}, {"examples": 80, "hessian_probes": 20}])
def test_intervals_hold_the_truth_as_often_as_they_say(rng, options):
    """At 90 %; the interval of the source against the law, that of a sample against all examples, both scales.

    A binomial count at ALPHA; intervals half as wide are told apart. docs/learn/how_to/noise_scale.md has more laws and
    sizes.
    """
    X = rng.standard_normal((1000, 4)) + 0.8
    model, w = LogisticRegression(X, rng.random(1000) < 0.85), np.zeros(4)
    exact = gradient_noise_scale(model, w, hessian_probes=1000)
    hits, narrow, repetitions = np.zeros(2), 0, 300
    for seed in range(repetitions):
        if "population" in options:
            found = gradient_noise_scale(1 + 2 * rng.standard_normal((60, 4)), alpha=0.1, **options)
            truths, results = [4.0], [found]
        else:
            found = gradient_noise_scale(model, w, alpha=0.1, rng=seed, **options)
            truths, results = [exact.noise_scale.value, exact.hessian_weighted.noise_scale.value], [
                found, found.hessian_weighted
            ]  # fmt: skip
        for k, (truth, one) in enumerate(zip(truths, results, strict=True)):
            hits[k] += one.interval[0] <= truth <= one.interval[1]
        narrow += abs(found.noise_scale.value - truths[0]) < 1.645 * found.noise_scale.stderr / 2
    for count in hits[: len(truths)]:
        assert distributions.binomtest(int(count), repetitions, 0.9).pvalue > ALPHA
    assert distributions.binomtest(narrow, repetitions, 0.9).pvalue < ALPHA


def test_where_the_gradient_is_lost_in_the_noise_the_interval_has_no_end(rng):
    gradients = rng.standard_normal((200, 5))
    found = gradient_noise_scale(gradients, population="source")
    assert found.interval[1] == np.inf and found.interval[0] > 0
    assert np.isfinite(gradient_noise_scale(gradients).interval[1])  # of these 200, exactly


@pytest.mark.parametrize("nu", [3, 12])
def test_heavy_tails_are_told(rng, nu):
    """Squares of Student's t with ν = 3 have no variance; with ν = 12 five times over a fourth moment."""
    gradients = 1 + rng.standard_normal((2000, 4)) / np.sqrt(rng.chisquare(nu, (2000, 1)))
    if nu == 3:
        with pytest.warns(AccuracyWarning, match="tail of index 1"):
            gradient_noise_scale(gradients, population="source")
    else:
        gradient_noise_scale(gradients, population="source")  # warnings are errors
    gradient_noise_scale(gradients)


def test_few_examples_are_told(rng):
    gradients = 1 + rng.standard_normal((15, 4))
    with pytest.warns(AccuracyWarning, match="as few as .* of 15 examples"):
        gradient_noise_scale(gradients, population="source")
    with pytest.warns(AccuracyWarning, match="3 probes do not tell"):
        gradient_noise_scale(regression(rng), np.full(4, 0.2), hessian_probes=3)


def test_single_precision_is_exact_to_its_digits(rng):
    """Also of gradients that are long against their noise, or so short that their squares vanish in float32."""
    X, y = rng.standard_normal((400, 20)) + 0.4, rng.integers(0, 3, 400)
    double = ReLUNetwork(X, y, hidden=8, n_classes=3, dtype="float64")
    w = double.initial(0)
    right = gradient_noise_scale(double, w).noise_scale.value
    found = gradient_noise_scale(ReLUNetwork(X, y, hidden=8, n_classes=3), w.astype(np.float32)).noise_scale.value
    assert found == pytest.approx(right, rel=1e-4)
    gradients = 1 + 0.01 * rng.standard_normal((400, 3))
    for unit in (1.0, 1e-25, 1e25):
        model = FunctionModel(
            lambda w: 0.0, lambda w, i, u=unit: u * gradients[i], lambda w, v: v, train_size=400, dimension=3
        )
        found = gradient_noise_scale(Rounded(model), np.zeros(3), examples=300).noise_scale
        rounded = (unit * gradients).astype(np.float32).astype(np.float64)
        assert gradient_noise_scale(Rounded(model), np.zeros(3)).noise_scale.value == pytest.approx(
            simple_noise_scale(rounded), rel=1e-3
        )
        assert agrees(found, simple_noise_scale(rounded), alpha=ALPHA)


class Rounded:
    """Minibatch gradients alone, in float32."""

    def __init__(self, model):
        self.model, self.train_size, self.dimension = model, model.train_size, model.dimension

    def minibatch_gradient(self, w, indices):
        return self.model.minibatch_gradient(w, indices).astype(np.float32)


def test_memory_is_that_of_some_gradients(rng):
    """A network of 25,000 weights on 1,500 examples: their gradients would take 150 MB, a covariance 5 GB."""
    X = rng.standard_normal((1500, 490)).astype(np.float32)
    model = ReLUNetwork(X, rng.integers(0, 2, 1500), hidden=50)
    w = model.initial(0)
    tracemalloc.start()
    try:
        gradient_noise_scale(model, w)
        gradient_noise_scale(model, w, examples=300, hessian_probes=20, rng=0)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 20e6


def test_gradients_come_a_few_at_a_time(rng, monkeypatch):
    """Of a model that gives those of some examples."""
    monkeypatch.setattr(_rows, "ENTRIES", 160)
    model = Own(regression(rng))
    found = gradient_noise_scale(model, np.full(4, 0.2), hessian_probes=25, rng=0)
    assert model.most <= 5
    whole = gradient_noise_scale(model.model, np.full(4, 0.2), hessian_probes=25, rng=0)
    assert found.noise_scale.value == pytest.approx(whole.noise_scale.value, rel=1e-5)
    assert found.hessian_weighted.trace.value == pytest.approx(whole.hessian_weighted.trace.value, rel=1e-5)


def test_draws_are_replayed(rng):
    model, w = regression(rng), np.full(4, 0.2)
    one = gradient_noise_scale(model, w, examples=40, hessian_probes=20)
    two = gradient_noise_scale(model, w, examples=40, hessian_probes=20, rng=one.replay)
    assert one.interval == two.interval and one.hessian_weighted.interval == two.hessian_weighted.interval
    assert gradient_noise_scale(model, w, examples=40, rng=5).interval != one.interval
    assert gradient_noise_scale(model, w).replay is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"examples": 1}, "examples must be >= 2"),
        ({"examples": 61}, "examples must be >= 2 and <= 60; got 61"),
        ({"examples": [3, 3]}, "examples must be two or more numbers, each once"),
        ({"examples": [60, 1]}, "examples must be >= 0 and <= 59; got 60"),
        ({"population": "test-set"}, "population must be one of"),
        ({"hessian_probes": -1}, "hessian_probes must be >= 0"),
        ({"hessian_probes": 1}, "hessian_probes must be 0 or at least 2"),
        ({"model": object(), "examples": 3}, "model must have train_size"),
        ({"alpha": 1.0}, "alpha must be >= 1e-12 and < 1"),
        ({"w": None}, "w must say at which weights"),
        ({"w": [0.0]}, "w must have shape"),
        ({"model": np.ones((5, 2)), "w": None, "hessian_probes": 3}, "needs a model with hessian_vector_product"),
        ({"model": np.zeros((5, 2)), "w": None}, "must not all be zero"),
        ({"model": object()}, "the first argument must be a model"),
    ],
)
def test_refusals(rng, options, message):
    given = {"model": regression(rng), "w": np.zeros(4)} | options
    with pytest.raises(InvalidInputError, match=message):
        gradient_noise_scale(given.pop("model"), given.pop("w"), **given)


def test_refusals_of_what_a_model_says(rng):
    gradients = rng.standard_normal((300, 2))
    gradients[7] = np.nan
    broken = FunctionModel(lambda w: 0.0, lambda w, i: gradients[i], lambda w, v: v, train_size=300, dimension=2)
    with pytest.raises(InvalidInputError, match="finite"):
        gradient_noise_scale(broken, np.zeros(2))
    places = rng.standard_normal((300, 2)) + 1
    bent = FunctionModel(
        lambda w: -0.5 * float(np.sum((w - places) ** 2)), lambda w, i: places[i] - w, lambda w, v: -300 * v,
        train_size=300, dimension=2,
    )  # fmt: skip
    with pytest.raises(InvalidInputError, match="must curve upwards along the gradient; GᵀHG is -"):
        gradient_noise_scale(bent, np.zeros(2), hessian_probes=20)
    assert gradient_noise_scale(bent, np.zeros(2)).noise_scale.value == pytest.approx(simple_noise_scale(places))
