"""The network against its definition, finite differences and PyTorch."""

import pickle
import threading

import numpy as np
import pytest

from sdetheory.errors import InvalidInputError
from sdetheory.models import ReLUNetwork

N, P, H, K = 11, 5, 7, 4


def network(rng, **changes):
    given = {"hidden": H, "n_classes": K, "prior_precision": 0.7, "dtype": "float64", **changes}
    return ReLUNetwork(rng.standard_normal((N, P)), rng.integers(0, K, N), **given)


def weights(model, rng):
    """Return weights with biases too, so that nothing is multiplied by zero."""
    return model.initial(rng) + 0.3 * rng.standard_normal(model.dimension).astype(model.dtype)


@pytest.fixture
def model(rng):
    return network(rng)


def test_cost_is_its_definition(model, rng):
    w = np.stack([weights(model, rng) for _ in range(2)])
    for row, cost in zip(w, model.cost(w), strict=True):
        w1, b1, w2, b2 = model.layers(row)
        outputs = np.maximum(model.X @ w1 + b1, 0) @ w2 + b2
        probabilities = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
        fit = -np.log(probabilities[np.arange(N), model.y]).sum()
        assert cost == pytest.approx(fit + 0.35 * row @ row, rel=1e-13) == model.cost(row)
        assert model.loss(row) == pytest.approx(fit / N, rel=1e-13)
        assert model.accuracy(row) == np.mean(outputs.argmax(axis=1) == model.y)
        assert model.loss(row, model.X[:3], model.y[:3]) == pytest.approx(
            -np.log(probabilities[np.arange(3), model.y[:3]]).mean(), rel=1e-12
        )


def test_gradient_is_the_derivative_of_the_cost(model, rng):
    w, h, basis = weights(model, rng), 1e-6, np.eye(model.dimension)
    slopes = [(model.cost(w + h * e) - model.cost(w - h * e)) / (2 * h) for e in basis]
    np.testing.assert_allclose(model.gradient(w), slopes, rtol=1e-6, atol=1e-7)


def test_hessian_times_a_vector_is_the_derivative_of_the_gradient(model, rng):
    w, v, h = weights(model, rng), rng.standard_normal(model.dimension), 1e-6
    slope = (model.gradient(w + h * v) - model.gradient(w - h * v)) / (2 * h)
    np.testing.assert_allclose(model.hessian_vector_product(w, v), slope, rtol=1e-6, atol=1e-7)
    u = rng.standard_normal(model.dimension)
    assert u @ model.hessian_vector_product(w, v) == pytest.approx(v @ model.hessian_vector_product(w, u), rel=1e-11)


def test_gradients_of_examples_sum_to_every_other(model, rng):
    w = weights(model, rng)
    each = model.per_example_gradients(w)
    np.testing.assert_allclose(each.sum(axis=0), model.gradient(w), rtol=1e-12, atol=1e-12)
    a = rng.standard_normal(N)
    np.testing.assert_allclose(model.weighted_gradient(w, a), a @ each, rtol=1e-12, atol=1e-12)
    indices = [3, 3, 0, 10]  # one of them twice
    np.testing.assert_allclose(
        model.minibatch_gradient(w, indices), N / 4 * each[indices].sum(axis=0), rtol=1e-12, atol=1e-12
    )


def test_single_precision_agrees_to_its_digits(rng):
    double = network(rng)
    single = ReLUNetwork(double.X, double.y, hidden=H, n_classes=K, prior_precision=0.7)
    w = weights(double, rng)
    assert single.initial(3).dtype == single.gradient(w).dtype == np.float32
    np.testing.assert_allclose(single.gradient(w), double.gradient(w), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(single.initial(3), double.initial(3), rtol=1e-6)


def test_a_gradient_is_not_overwritten_by_the_next(model, rng):
    w = weights(model, rng)
    first = model.minibatch_gradient(w, [0, 1])
    kept = first.copy()
    model.minibatch_gradient(w, [2, 3])
    np.testing.assert_array_equal(first, kept)


def test_threads_do_not_share_memory(model, rng):
    w, found = weights(model, rng), {}
    expected = [model.minibatch_gradient(w, [i, i + 1]) for i in range(8)]

    def work(i):
        found[i] = [model.minibatch_gradient(w, [i, i + 1]) for _ in range(200)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(8):
        for gradient in found[i]:
            np.testing.assert_array_equal(gradient, expected[i])


def test_a_copy_in_another_process_computes_the_same(model, rng):
    copy, w = pickle.loads(pickle.dumps(model)), weights(model, rng)
    np.testing.assert_array_equal(copy.gradient(w), model.gradient(w))


def test_the_start_has_the_variances_of_he():
    model = ReLUNetwork(np.zeros((2, 300)), [0, 1], hidden=400, dtype="float64")
    w1, b1, w2, b2 = model.layers(model.initial(1))
    assert not b1.any() and not b2.any()
    # A variance of n normals has relative standard error √(2/n): 4.9 of them is a false alarm of 1e-6.
    for matrix in (w1, w2):
        assert matrix.var() * len(matrix) / 2 == pytest.approx(1, abs=4.9 * np.sqrt(2 / matrix.size))
        assert matrix.var() * len(matrix) != pytest.approx(1, abs=4.9 * np.sqrt(2 / matrix.size))


def test_a_diverged_network_says_so_without_a_warning(model):
    huge = np.full(model.dimension, 1e200)
    assert not np.isfinite(model.minibatch_gradient(huge, [0, 1])).all()
    assert not np.isfinite(model.loss(huge))
    assert 0 <= model.accuracy(huge) <= 1


def torch_network(model, w, torch):
    layers = torch.nn.Sequential(torch.nn.Linear(P, H), torch.nn.ReLU(), torch.nn.Linear(H, K)).double()
    w1, b1, w2, b2 = (torch.from_numpy(np.array(part)) for part in model.layers(w))
    with torch.no_grad():
        for linear, matrix, bias in ((layers[0], w1, b1), (layers[2], w2, b2)):
            linear.weight.copy_(matrix.T)
            linear.bias.copy_(bias)
    return layers


def flat(layers, of):
    parts = [of(layers[0].weight).T, of(layers[0].bias), of(layers[2].weight).T, of(layers[2].bias)]
    return np.concatenate([part.detach().numpy().ravel() for part in parts])


def test_gradient_and_training_curve_of_pytorch(rng):
    torch = pytest.importorskip("torch")
    model = network(rng, prior_precision=0.0)
    w = weights(model, rng)
    layers = torch_network(model, w, torch)
    optimizer = torch.optim.SGD(layers.parameters(), lr=0.05, momentum=0.9)
    X, y, v = torch.from_numpy(model.X), torch.from_numpy(model.y), np.zeros_like(w)
    for step in range(100):
        batch = rng.choice(N, 4, replace=False)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(layers(X[batch]), y[batch]).backward()
        gradient = model.minibatch_gradient(w, batch)
        if step == 0:
            np.testing.assert_allclose(gradient, N * flat(layers, lambda t: t.grad), rtol=1e-6, atol=1e-9)
        optimizer.step()
        v = 0.9 * v - 0.05 / N * gradient
        w = w + v
    np.testing.assert_allclose(w, flat(layers, lambda t: t), rtol=1e-5, atol=1e-8)


def test_refusals(rng):
    X = np.ones((3, 2))
    with pytest.raises(InvalidInputError, match="labels below n_classes = 2; got 2"):
        ReLUNetwork(X, [0, 1, 2], n_classes=2)
    with pytest.raises(InvalidInputError, match="dtype must be one of 'float32', 'float64'"):
        ReLUNetwork(X, [0, 1, 1], dtype="float16")
    model = ReLUNetwork(X, [0, 1, 1], hidden=2)
    with pytest.raises(InvalidInputError, match=r"w must have shape \(12,\)"):
        model.gradient([1.0])
    with pytest.raises(InvalidInputError, match="y must be >= 0 and <= 1; got 2"):
        model.loss(np.zeros(12), X, [0, 1, 2])
    with pytest.raises(InvalidInputError, match="X and y must be given together"):
        model.accuracy(np.zeros(12), X)
