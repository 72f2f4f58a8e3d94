"""Examples with labels, to train on and to test on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..errors import InvalidInputError


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
        object.__setattr__(self, "y_train", labels_of("y_train", self.y_train, len(x_train)))
        object.__setattr__(self, "y_test", labels_of("y_test", self.y_test, len(x_test)))

    def of_classes(self, classes: ArrayLike) -> Dataset:
        """Return the examples of some classes, such as the two that a logistic regression tells apart.

        Parameters
        ----------
        classes : sequence of int
            The k ≥ 2 distinct labels to keep. The new label of an example is the position of its old one in this
            sequence.

        Returns
        -------
        Dataset
            Copies, in the order in which they were.

        Raises
        ------
        InvalidInputError
            If labels are repeated or fewer than two, or one has no training or no test example.

        Examples
        --------
        >>> data = Dataset(x_train=[[0.0], [1.0], [2.0]], y_train=[0, 1, 2], x_test=[[1.1], [2.2]], y_test=[1, 2])
        >>> data.of_classes([2, 1]).y_train
        array([1, 0])
        """
        chosen = distinct("classes", classes)
        found = {}
        for part in ("train", "test"):
            x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
            if len(none := np.setdiff1d(chosen, y)):
                raise InvalidInputError(
                    f"classes must have training and test examples; got {none[0]}, of which y_{part} has none. "
                    f"Its labels are {_validate.shown(np.unique(y).tolist())}."
                )
            kept = np.isin(y, chosen)
            order = np.argsort(chosen)
            found |= {f"x_{part}": x[kept], f"y_{part}": order[np.searchsorted(chosen[order], y[kept])]}
        return Dataset(**found)

    def split(self, train_size: int, *, test_size: int | None = None, rng: Any = 0) -> Dataset:
        """Return the same examples, of both sets, split anew at random.

        Parameters
        ----------
        train_size : int
            Number of training examples.
        test_size : int, optional
            Number of test examples; by default all that are left, which are then fewer the more there are to train on.
        rng : None, int, SeedSequence or Generator
            Chooses the examples and their order. The default always gives the same split.

        Returns
        -------
        Dataset
            Copies. For one seed a smaller training set is part of a larger one, and with `test_size` given the test
            set does not depend on `train_size`, so that sizes can be compared.

        Raises
        ------
        InvalidInputError
            If a size is less than one, or both together are more than there are examples.

        Examples
        --------
        >>> data = Dataset(x_train=[[0.0], [1.0], [2.0]], y_train=[0, 1, 1], x_test=[[3.0]], y_test=[1])
        >>> data.split(1).x_test.shape
        (3, 1)
        """
        x, y = np.concatenate([self.x_train, self.x_test]), np.concatenate([self.y_train, self.y_test])
        train = _validate.integer("train_size", train_size, at_least=1)
        test = len(x) - train if test_size is None else _validate.integer("test_size", test_size, at_least=1)
        if test < 1 or train + test > len(x):
            raise InvalidInputError(
                f"train_size and test_size must be at most {len(x)} together, and leave one example or more to test "
                f"on; got train_size {train} and test_size {test_size}"
            )
        # Training examples come from the front and test examples from the back.
        order = _validate.generator(rng).permutation(len(x))
        front, back = order[:train], order[len(x) - test :]
        return Dataset(x_train=x[front], y_train=y[front], x_test=x[back], y_test=y[back])


def labels_of(name: str, value: ArrayLike, size: int | None = None) -> NDArray[np.int64]:
    """Return labels, one for each of `size` rows of the inputs of the same name."""
    labels = _validate.integers(name, value, at_least=0, shape=(None,))
    if size is not None and len(labels) != size:
        inputs = name.replace("y", "x")
        raise InvalidInputError(
            f"{name} must have shape ({size},), a label for each row of {inputs}; got shape {labels.shape}"
        )
    return labels


def distinct(name: str, value: ArrayLike, at_most: int | None = None) -> NDArray[np.int64]:
    """Return two or more different labels."""
    chosen = _validate.integers(name, value, at_least=0, at_most=at_most, shape=(None,))
    if len(chosen) < 2 or len(np.unique(chosen)) < len(chosen):
        raise InvalidInputError(
            f"{name} must be at least two different ones; got {chosen.tolist()}. For example {name}=(0, 1)."
        )
    return chosen
