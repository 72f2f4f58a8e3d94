"""Noise of many weights: traces and diagonals without a matrix over pairs of weights, or an array over all examples."""

import tracemalloc

import numpy as np
import pytest

import sdetheory as st
from sdetheory.errors import InvalidInputError
from sdetheory.models import (
    FunctionModel,
    LinearRegression,
    ReLUNetwork,
    SoftmaxRegression,
    gradient_covariance,
    simple_noise_scale,
)
from sdetheory.models.noise import _rows


@pytest.fixture(params=["softmax", "network", "functions"])
def model(rng, request):
    X, y = rng.standard_normal((30, 4)), rng.integers(0, 3, 30)
    if request.param == "softmax":
        return SoftmaxRegression(X, y, n_classes=3, prior_precision=0.3)
    if request.param == "network":
        return ReLUNetwork(X, y, hidden=6, n_classes=3, prior_precision=0.3, dtype="float64")
    own = LinearRegression(X, y, prior_precision=0.3)
    return FunctionModel(
        own.cost, lambda w, i: own.per_example_gradients(w)[i], own.hessian_vector_product, train_size=30, dimension=4
    )


def least(gradients):
    """Return the noise scale by its definition, written out once more."""
    mean = gradients.mean(axis=0)
    return np.sum((gradients - mean) ** 2) / (len(gradients) - 1) / (mean @ mean)


@pytest.mark.parametrize("entries", [2**24, 64])
def test_the_simple_noise_scale_is_that_of_the_definition(model, rng, monkeypatch, entries):
    """Of an array and of a model at w, in one piece and in chunks of a row."""
    monkeypatch.setattr(_rows, "ENTRIES", entries)
    w = 0.3 * rng.standard_normal(model.dimension)
    gradients = model.per_example_gradients(w)
    right = np.trace(gradient_covariance(gradients)) / np.sum(gradients.mean(axis=0) ** 2)
    assert right == pytest.approx(least(gradients))
    for found in (simple_noise_scale(gradients), simple_noise_scale(model, w)):
        assert found == pytest.approx(right, rel=1e-10)
    if entries == 64:
        single = gradients.astype(np.float32)
        assert simple_noise_scale(single) == pytest.approx(least(single.astype(np.float64)), rel=1e-10)


@pytest.mark.parametrize("entries", [2**24, 64])
@pytest.mark.parametrize("sampling", ["without-replacement", "with-replacement"])
def test_draws_do_not_depend_on_how_gradients_come(model, rng, monkeypatch, entries, sampling):
    monkeypatch.setattr(_rows, "ENTRIES", entries)
    w = 0.3 * rng.standard_normal(model.dimension)
    given = {"n_draws": 50, "sampling": sampling, "rng": 3}
    whole = st.minibatch_covariance(model.per_example_gradients(w), 4, **given)
    for keep in ("covariance", "diagonal", "trace"):
        found = st.minibatch_covariance(model, 4, w=w, keep=keep, **given)
        assert found.trace.value == pytest.approx(whole.trace.value, rel=1e-9)
        np.testing.assert_allclose(found.mean, whole.mean, rtol=1e-9, atol=1e-9 * np.abs(whole.mean).max())
        right = {"covariance": whole.covariance, "diagonal": np.diag(whole.covariance), "trace": None}[keep]
        if right is None:
            assert found.covariance is None
        else:
            np.testing.assert_allclose(found.covariance, right, rtol=1e-8, atol=1e-9 * whole.trace.value)
    full = st.minibatch_covariance(model, 30, w=w, keep="trace", n_draws=3)
    assert full.trace.value == pytest.approx(0.0, abs=1e-18 * whole.trace.value) or sampling == "with-replacement"


def test_memory_does_not_grow_with_examples_times_weights(rng):
    """A network of 25,000 weights on 1,500 examples: their gradients would take 300 MB, a covariance 5 GB."""
    X = rng.standard_normal((1500, 490)).astype(np.float32)
    model = ReLUNetwork(X, rng.integers(0, 2, 1500), hidden=50)
    w = model.initial(0)
    tracemalloc.start()
    try:
        simple_noise_scale(model, w)
        st.minibatch_covariance(model, 10, w=w, keep="diagonal", n_draws=4, rng=0)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 150e6
    with pytest.raises(
        InvalidInputError, match=r"matrix of .* GiB; at most 16384 .*keep=\"diagonal\" or keep=\"trace\""
    ):
        st.minibatch_covariance(model, 10, w=w, n_draws=4)
    with pytest.raises(InvalidInputError, match="For its trace see simple_noise_scale"):
        gradient_covariance(np.zeros((2, 20_000)))


def test_refusals(model):
    w = np.zeros(model.dimension)
    with pytest.raises(InvalidInputError, match="w must say at which weights"):
        simple_noise_scale(model)
    with pytest.raises(InvalidInputError, match="the first argument must be a model with train_size"):
        simple_noise_scale(np.ones((3, 2)), [0.0, 0.0])
    with pytest.raises(InvalidInputError, match="w must have shape"):
        simple_noise_scale(model, w[1:])
    with pytest.raises(InvalidInputError, match="keep must be one of"):
        st.minibatch_covariance(model, 4, w=w, n_draws=3, keep="all")
    with pytest.raises(InvalidInputError, match="per_example_gradients must have at least 2 rows"):
        simple_noise_scale(LinearRegression([[1.0]], [1.0]), [0.0])
