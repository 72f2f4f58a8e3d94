"""The gradients of examples, a few at a time: of an array, or of a model at a point."""

from __future__ import annotations

import inspect
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

_BATCH = 256
"""Examples of a batch, of which the mean gradient is made: few enough for the cache of a processor."""
_CANCELLED = 0.1
"""Share of the squares below which their sum is taken again, of centred rows, lest its digits cancel."""


class Rows:
    """∇Cᵢ (n, p), centred; no array of more than `ENTRIES` entries, or of one row, is made of a model's or copied.

    `examples` are numbers of those that are taken, each once; by default all.
    """

    def __init__(self, source: Any, w: ArrayLike | None, examples: NDArray[np.intp] | None = None) -> None:
        self._array: Any = None
        self._model: Any = None
        self._chosen: Any = examples
        if hasattr(source, "train_size") or w is not None:
            self._of_model(source, w)
        else:
            self._array = _validate.numbers("per_example_gradients", source)
            if self._array.ndim != 2 or self._array.size <= ENTRIES:
                self._array = _validate.reals("per_example_gradients", source, shape=(None, None))
            if examples is not None:
                self._array = self._array[examples]
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
        methods = ("minibatch_gradient", "per_example_gradients")
        if missing or not any(hasattr(model, name) for name in methods):
            raise InvalidInputError(
                f"with w the first argument must be a model with train_size, dimension and {' or '.join(methods)}; "
                f"got {type(model).__name__}"
            )
        if w is None:
            raise InvalidInputError(
                f"w must say at which weights the gradients of the model {type(model).__name__} are taken; got None"
            )
        self.N, self.p = int(model.train_size), int(model.dimension)
        if self._chosen is None:
            self._chosen = np.arange(self.N)
        self.n = len(self._chosen)
        self.point: Any = _validate.reals("w", w, shape=(self.p,))
        if isinstance(w, np.ndarray) and w.dtype == np.float32:
            self.point = w  # as models in single precision take it, without a copy for each example
        self._by_numbers = _takes_numbers(model)
        # Of many weights the check shall sum over examples by the method that does not list them.
        if hasattr(model, "minibatch_gradient") or not self._by_numbers or self.N * self.p <= ENTRIES:
            uses = [name for name in (*methods, "weighted_gradient") if hasattr(model, name)]
            _consistency.check(model, self.point, tuple(uses))
        # Gradients by batches of one would each cost as much as all, if batches were made from all.
        self._alone = hasattr(model, "minibatch_gradient") and not derived(type(model), "minibatch_gradient")
        whole = hasattr(model, "per_example_gradients") and not self._by_numbers
        if whole and (self.N * self.p <= ENTRIES or not self._alone):
            rows = model.per_example_gradients(self.point)
            rows = _validate.reals("per_example_gradients(w)", rows, shape=(self.N, self.p))
            self._array = rows if self.n == self.N else rows[self._chosen]
        else:
            self._model = model

    def _mean(self) -> Array:
        if self._model is not None and self._alone:
            total = np.zeros(self.p)
            for first in range(0, self.n, _BATCH):
                chosen = self._chosen[first : first + _BATCH]
                part = self._model.minibatch_gradient(self.point, chosen)
                part = _validate.reals("minibatch_gradient(w, indices)", part, shape=(self.p,))
                total += len(chosen) / self.n * part
            return total / self.N
        if self._array is not None and self._array.size <= ENTRIES:
            return self._array.mean(axis=0)
        return np.sum([rows.sum(axis=0) for _, rows in self._chunks()], axis=0) / self.n

    def _blocks(self, most: int) -> Iterator[tuple[slice, Any, float]]:
        """Yield rows as they come, not centred, the slice that they are, and what is to be divided by."""
        for first in range(0, self.n, most):
            part = slice(first, min(first + most, self.n))
            if self._model is None:
                yield part, self._array[part], 1.0
                continue
            chosen = self._chosen[part]
            if self._by_numbers:
                name, rows, unit = "per_example_gradients(w, indices)", self._model.per_example_gradients, 1.0
                rows = np.asarray(rows(self.point, chosen))
            else:
                name, unit = "minibatch_gradient(w, indices)", float(self.N)
                each = [
                    np.asarray(self._model.minibatch_gradient(self.point, chosen[i : i + 1]))
                    for i in range(len(chosen))
                ]
                rows = np.stack(each) if len(each) > 1 else each[0][None]
            if rows.shape != (len(chosen), self.p):
                raise InvalidInputError(f"{name} must have shape {(len(chosen), self.p)}; got shape {rows.shape}")
            yield part, rows, unit

    def _chunks(self) -> Iterator[tuple[slice, Array]]:
        """Yield rows in double precision, not centred, with the slice that they are."""
        for part, rows, unit in self._blocks(max(1, ENTRIES // (8 * max(1, self.p)))):
            yield part, _validate.reals("gradients of examples", rows, shape=(None, self.p)) / unit

    def trace(self) -> float:
        """Return Tr F, with n − 1, from one pass that takes the square of each row."""
        if self._centred is not None:
            return float(np.vecdot(self._centred, self._centred).sum()) / (self.n - 1)
        squares, _ = self._products(np.empty((0, self.p)), centred=False)
        total = squares.sum() - self.n * float(self.mean @ self.mean)
        if total < _CANCELLED * squares.sum():
            total = self._products(np.empty((0, self.p)), centred=True)[0].sum()
        return float(total) / (self.n - 1)

    def measure(self, directions: Array) -> tuple[Array, Array]:
        """Return |cᵢ|² (n,) of the centred rows cᵢ, and cᵢ·v (n, 1 + k) for v the mean and directions (k, p).

        It is one pass. Sums are in the precision in which the rows of a model come, unless squares leave its range.
        """
        directions = np.vstack([self.mean, directions])
        if self._centred is not None:
            return np.vecdot(self._centred, self._centred), self._centred @ directions.T
        squares, along = self._products(directions, centred=False)
        square = float(self.mean @ self.mean)
        if squares.sum() - self.n * square < _CANCELLED * squares.sum():
            return self._products(directions, centred=True)
        return squares - 2 * along[:, 0] + square, along - directions @ self.mean

    def _products(self, directions: Array, *, centred: bool) -> tuple[Array, Array]:
        """Return squares of rows (n,), and their products with directions (n, k)."""
        squares, along = np.empty(self.n), np.empty((self.n, len(directions)))
        casts = {np.dtype(kind): directions.astype(kind) for kind in (np.float32, np.float64)}
        # A row that was just made is still in the cache of the processor.
        single = self._model is not None and not self._by_numbers
        most = 1 if single else max(1, ENTRIES // (8 * max(1, self.p)))
        with np.errstate(over="ignore", invalid="ignore"):
            for part, rows, unit in self._blocks(most):
                if rows.dtype != np.float32 or self._model is None:
                    rows = rows.astype(np.float64, copy=False)
                if centred:
                    rows = rows - (unit * self.mean).astype(rows.dtype)
                found = np.vecdot(rows, rows)
                if rows.dtype == np.float32 and not (found.min() > 1e-30 and found.max() < 1e30):
                    rows = rows.astype(np.float64)
                    found = np.vecdot(rows, rows)
                squares[part] = found / unit**2
                if len(directions):
                    along[part] = np.vecdot(rows[:, None], casts[rows.dtype]) / unit
        if not np.isfinite(squares).all():
            row = int(np.flatnonzero(~np.isfinite(squares))[0])
            number = row if self._chosen is None else int(self._chosen[row])
            raise InvalidInputError(
                f"gradients of examples must be finite, with squares that a float holds; that of example {number} is "
                "not. Look for a diverged run, or rescale the loss."
            )
        return squares, along

    def weigh(self, weights: Array) -> Array:
        """Return the sums of the centred rows with weights (k, n), shape (k, p)."""
        if self._centred is not None:
            return weights @ self._centred
        weigh = getattr(self._model, "weighted_gradient", None)
        if weigh is not None and not derived(type(self._model), "weighted_gradient"):
            sums = []
            for a in weights:
                every = np.zeros(self.N)
                every[self._chosen] = a
                sums.append(np.asarray(weigh(self.point, every), dtype=np.float64) - a.sum() * self.mean)
            return _validate.reals("weighted_gradient(w, weights)", sums, shape=(len(weights), self.p))
        total = np.zeros((len(weights), self.p))
        for part, rows in self._chunks():
            total += weights[:, part] @ (rows - self.mean)
        return total


def _takes_numbers(model: Any) -> bool:
    """Whether the model gives the gradients of some examples by ``per_example_gradients(w, indices)``."""
    try:
        return "indices" in inspect.signature(model.per_example_gradients).parameters
    except (AttributeError, TypeError, ValueError):
        return False


def matrix_of(p: int, remedy: str) -> None:
    """Refuse a matrix over pairs of p weights that would not fit into memory, or nearly so."""
    if p > SIDE:
        raise InvalidInputError(
            f"a covariance of {p} weights is a matrix of {8 * p**2 / 2**30:.3g} GiB; at most {SIDE} weights have one. "
            f"{remedy}"
        )
