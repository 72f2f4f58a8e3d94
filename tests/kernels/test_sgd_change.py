"""The pass that changes the weights of one run, against NumPy's operations one after the other."""

import numpy as np
import pytest

from sdetheory._kernels import descent as kernels


def arrays(rng, dtype):
    w, v, gradient = (rng.standard_normal(1003).astype(dtype) for _ in range(3))
    return w, v, (gradient * gradient), gradient


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("optimizer", [kernels.HEAVY_BALL, kernels.NESTEROV])
def test_momentum_has_the_bits_of_numpy(rng, dtype, optimizer):
    w, v, second, gradient = arrays(rng, dtype)
    momentum, factor = numbers = np.array([0.9, 0.0123], dtype)
    velocity = momentum * v - factor * gradient
    expected = w + velocity if optimizer == kernels.HEAVY_BALL else (w + momentum * velocity) - factor * gradient
    kernels.change(w, v, second, gradient, optimizer, numbers)
    np.testing.assert_array_equal(v, velocity)
    np.testing.assert_array_equal(w, expected)
    assert w.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_division_by_the_size_of_gradients_has_the_bits_of_numpy(rng, dtype):
    w, v, second, gradient = arrays(rng, dtype)
    numbers = np.array([50, 0.9, 0.1, 0.99, 0.01, 0.7, 1e-8, 0.05], dtype)
    n, momentum, fresh, decay, new, bias, floor, length = numbers
    mean = gradient / n
    velocity, squares = momentum * v + fresh * mean, decay * second + new * mean * mean
    expected = w - length * velocity / (np.sqrt(squares / bias) + floor)
    kernels.change(w, v, second, gradient, kernels.ADAPTIVE, numbers)
    for found, wanted in ((v, velocity), (second, squares), (w, expected)):
        np.testing.assert_array_equal(found, wanted)
