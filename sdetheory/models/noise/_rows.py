"""The gradients of examples, a few at a time: of an array, or of a model at a point."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ... import _validate
from ...errors import InvalidInputError
from .. import _consistency
from .._formula import derived

Array = NDArray[np.float64]

ENTRIES = 2**24
"""Entries of the largest array of gradients that is made or copied: 128 MB."""
SIDE = 2**14
"""Weights beyond which no matrix over pairs of them is made: it would take more than 2 GB."""


class Rows:
    """∇Cᵢ (n, p), centred; no array of more than `ENTRIES` entries, or of one row, is made of a model's or copied."""

    def __init__(self, source: Any, w: ArrayLike | None) -> None:
        self._array: Any = None
        self._model: Any = None
        if hasattr(source, "train_size") or w is not None:
            self._of_model(source, w)
        else:
            self._array = _validate.numbers("per_example_gradients", source)
            if self._array.ndim != 2 or self._array.size <= ENTRIES:
                self._array = _validate.reals("per_example_gradients", source, shape=(None, None))
            self.n, self.p = self._array.shape
        if self.n < 2:
            raise InvalidInputError(
                f"per_example_gradients must have at least 2 rows; got {self.n}. A covariance needs more than one "
                "example."
            )
        self.mean = self._mean()
        array = self._array
        self._centred = None if array is None or array.size > ENTRIES else array - self.mean

    def _of_model(self, model: Any, w: ArrayLike | None) -> None:
        missing = [name for name in ("train_size", "dimension") if not hasattr(model, name)]
        methods = ("per_example_gradients", "minibatch_gradient")
        if missing or not any(hasattr(model, name) for name in methods):
            raise InvalidInputError(
                f"with w the first argument must be a model with train_size, dimension and {' or '.join(methods)}; "
                f"got {type(model).__name__}"
            )
        if w is None:
            raise InvalidInputError(
                f"w must say at which weights the gradients of the model {type(model).__name__} are taken; got None"
            )
        self.n, self.p = int(model.train_size), int(model.dimension)
        self._w = _validate.reals("w", w, shape=(self.p,))
        uses = [name for name in (*methods, "weighted_gradient") if hasattr(model, name)]
        _consistency.check(model, self._w, tuple(uses))
        # Gradients by batches of one would each cost as much as all, if batches were made from all.
        alone = hasattr(model, "minibatch_gradient") and not derived(type(model), "minibatch_gradient")
        if hasattr(model, "per_example_gradients") and (self.n * self.p <= ENTRIES or not alone):
            rows = model.per_example_gradients(self._w)
            self._array = _validate.reals("per_example_gradients(w)", rows, shape=(self.n, self.p))
        else:
            self._model = model

    def _mean(self) -> Array:
        if self._model is not None:
            whole = self._model.minibatch_gradient(self._w, np.arange(self.n))
            return _validate.reals("minibatch_gradient(w, indices)", whole, shape=(self.p,)) / self.n
        if self._array.size <= ENTRIES:
            return self._array.mean(axis=0)
        return np.sum([rows.sum(axis=0) for _, rows in self._chunks()], axis=0) / self.n

    def _chunks(self) -> Iterator[tuple[slice, Array]]:
        """Yield rows, not centred, with the slice that they are."""
        size = max(1, ENTRIES // (8 * max(1, self.p)))
        for first in range(0, self.n, size):
            part = slice(first, min(first + size, self.n))
            if self._model is None:
                yield part, _validate.reals("per_example_gradients", self._array[part], shape=(None, self.p))
            else:
                one = (self._model.minibatch_gradient(self._w, np.array([i])) for i in range(part.start, part.stop))
                rows = np.stack([np.asarray(row, dtype=np.float64) for row in one])
                yield part, _validate.reals("minibatch_gradient(w, indices)", rows / self.n, shape=(None, self.p))

    def squares(self) -> float:
        """Return the sum of the squares of the centred rows, which is (n − 1) Tr F."""
        if self._centred is not None:
            return float(np.sum(self._centred * self._centred))
        return float(sum(np.sum((rows - self.mean) ** 2) for _, rows in self._chunks()))

    def weigh(self, weights: Array) -> Array:
        """Return the sums of the centred rows with weights (k, n), shape (k, p)."""
        if self._centred is not None:
            return weights @ self._centred
        weigh = getattr(self._model, "weighted_gradient", None)
        if weigh is not None and not derived(type(self._model), "weighted_gradient"):
            sums = [np.asarray(weigh(self._w, a), dtype=np.float64) - a.sum() * self.mean for a in weights]
            return _validate.reals("weighted_gradient(w, weights)", sums, shape=(len(weights), self.p))
        total = np.zeros((len(weights), self.p))
        for part, rows in self._chunks():
            total += weights[:, part] @ (rows - self.mean)
        return total


def matrix_of(p: int, remedy: str) -> None:
    """Refuse a matrix over pairs of p weights that would not fit into memory, or nearly so."""
    if p > SIDE:
        raise InvalidInputError(
            f"a covariance of {p} weights is a matrix of {8 * p**2 / 2**30:.3g} GiB; at most {SIDE} weights have one. "
            f"{remedy}"
        )
