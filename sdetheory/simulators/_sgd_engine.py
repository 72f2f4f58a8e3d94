"""The two engines of SGD: compiled ensembles for models of one product x·w an example, and a loop for all others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from .._kernels import noise
from .._kernels import sgd as kernels
from .._kernels.block import compiled_source
from .._kernels.signatures import FIELD, WORDS, compiled
from ..models import LinearRegression, LogisticRegression
from ..symbolic.codegen import block_source

Array = NDArray[Any]

_LOOK = 16
"""Steps between two looks for numbers that are not finite, where weights are many."""

_MANY = 2**14


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """What does not change during a run: the model, how batches are drawn, and the schedule of each step."""

    model: Any
    kind: int
    sizes: NDArray[np.int64]
    rates: NDArray[np.float64]
    optimizer: int
    constants: NDArray[np.float64]
    average_from: int
    key: NDArray[np.uint64]


@dataclass(kw_only=True, eq=False)
class State:
    """Everything that steps change: weights, velocities, second moments, sums over steps, where runs diverged."""

    w: Array
    v: Array
    second: Array
    sums: Array
    squares: Array
    diverged: NDArray[np.int64]

    def arrays(self) -> dict[str, Array]:
        """Return the arrays by name, for a checkpoint."""
        return dict(vars(self))


def prepare(problem: Problem) -> Any:
    """Return ``advance(state, first_step, n_steps)`` for the model."""
    return _ensemble(problem) if isinstance(problem.model, (LinearRegression, LogisticRegression)) else _loop(problem)


def draw(problem: Problem, run: int, first: int, n_steps: int) -> NDArray[np.int64]:
    """Return the batches of consecutive steps of equal batch size, shape (n_steps, B)."""
    out = np.empty((n_steps, problem.sizes[first]), np.int64)
    words = compiled(WORDS, noise.batch_words)
    kernels.batches(out, problem.model.train_size, problem.kind, run, first, words, problem.key)  # pyright: ignore[reportCallIssue]
    return out


def _ensemble(problem: Problem) -> Any:
    model = problem.model
    p = model.dimension
    padded = -(-p // 8) * 8
    X = np.zeros((model.train_size, padded))
    X[:, :p] = model.X
    y = model.y.astype(np.float64)
    slope = compiled_source(FIELD, _slope_source(type(model)))
    words = compiled(WORDS, noise.batch_words)

    def advance(state: State, first: int, n_steps: int) -> None:
        narrow = state.w, state.v, state.second, state.sums
        wide = [np.zeros((len(state.w), padded)) for _ in narrow]
        for big, small in zip(wide, narrow, strict=True):
            big[:, : small.shape[1]] = small
        chunk = slice(first, first + n_steps)
        kernels.advance(
            *wide[:3], X, y, model.prior_precision, slope, problem.kind, problem.optimizer, problem.sizes[chunk],
            problem.rates[chunk], problem.constants, first, 0, words, problem.key, state.diverged,
            problem.average_from, wide[3], state.squares,
        )  # fmt: skip  # pyright: ignore[reportCallIssue]
        for big, small in zip(wide, narrow, strict=True):
            small[...] = big[:, : small.shape[1]]

    return advance


@cache
def _slope_source(model: type) -> str:
    """Return the kernel of dℓ/d(x·w) as a function of x·w and y."""
    z, y = sympy.symbols("z y", real=True)
    sign = 1 - 2 * y
    slopes = {LinearRegression: z - y, LogisticRegression: sign / (1 + sympy.exp(-sign * z))}
    return block_source("the slope of an example's cost", [slopes[model]], [z, y])


def _loop(problem: Problem) -> Any:
    model = problem.model
    n = model.train_size
    momentum, kept, decay, floor, unbiased = problem.constants
    many = model.dimension > _MANY

    def step(w: Array, v: Array, second: Array, indices: NDArray[np.int64], s: int) -> None:
        gradient = np.asarray(model.minibatch_gradient(w, indices), dtype=w.dtype)
        rate = problem.rates[s]
        if problem.optimizer == kernels.ADAPTIVE:
            mean = gradient / w.dtype.type(n)
            v *= w.dtype.type(momentum)
            v += w.dtype.type(1 - momentum) * mean
            second *= w.dtype.type(decay)
            second += w.dtype.type(1 - decay) * mean * mean
            first_bias, second_bias = (1 - momentum ** (s + 1), 1 - decay ** (s + 1)) if unbiased else (1.0, 1.0)
            size = np.sqrt(second / w.dtype.type(second_bias)) + w.dtype.type(floor)
            w -= w.dtype.type(rate / first_bias) * v / size
            return
        v *= w.dtype.type(momentum)
        move = w.dtype.type(kept * rate / n) * gradient
        v -= move
        if problem.optimizer == kernels.NESTEROV:
            w += w.dtype.type(momentum) * v
            w -= move
        else:
            w += v

    def advance(state: State, first: int, n_steps: int) -> None:
        for run in np.flatnonzero(state.diverged < 0):
            w, v, second = state.w[run], state.v[run], state.second[run]
            for s, indices in _batches(problem, run, first, n_steps):
                with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                    step(w, v, second, indices, s)
                if (not many or s % _LOOK == 0 or s == first + n_steps - 1) and not np.isfinite(w).all():
                    state.diverged[run] = s + 1
                    break
                if s >= problem.average_from:
                    state.sums[run] += w
                    if state.squares.size:
                        state.squares[run] += np.outer(w, w)

    return advance


def _batches(problem: Problem, run: int, first: int, n_steps: int) -> Any:
    """Yield (step, batch), drawing stretches of equal batch size at once."""
    s, end = first, first + n_steps
    while s < end:
        changes = np.flatnonzero(problem.sizes[s:end] != problem.sizes[s])
        stretch = int(changes[0]) if len(changes) else end - s
        yield from enumerate(draw(problem, int(run), s, stretch), s)
        s += stretch
