"""The two engines of SGD: compiled ensembles for models of few products x·w an example, and a loop for all others."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from .._kernels import noise
from .._kernels import sgd as kernels
from .._kernels.block import compiled_source
from .._kernels.signatures import FIELD, WORDS, compiled
from ..errors import InvalidInputError
from ..models import LinearRegression, LogisticRegression, SoftmaxRegression
from ..models._formula import formula_of
from ..symbolic.codegen import block_source

Array = NDArray[Any]

_LOOK = 16
"""Steps between two looks for numbers that are not finite, where weights are many."""

_MANY = 2**14

_COVARIANCE_UP_TO = 64
"""Weights beyond which no covariance is kept: its memory would be the run's."""

_CLASSES = 16
"""Classes beyond which softmax regression takes the loop: the source of its slopes grows with their square."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """What does not change during a run: the model, how batches are drawn, and the schedule of each step.

    The estimate of a step is the mean, with the weights `mix`, of those of as many batches.
    """

    model: Any
    kind: int
    sizes: NDArray[np.int64]
    rates: NDArray[np.float64]
    optimizer: int
    constants: NDArray[np.float64]
    average_from: int
    key: NDArray[np.uint64]
    mix: NDArray[np.float64] = field(default_factory=lambda: np.ones(1))
    first_run: int = 0


@dataclass(kw_only=True, eq=False)
class State:
    """Everything that steps change: weights, velocities, second moments, sums over steps, where runs diverged."""

    w: Array
    v: Array
    second: Array
    sums: Array
    squares: Array
    diverged: NDArray[np.int64]

    @classmethod
    def at_start(cls, problem: Problem, starts: Array) -> State:
        """Return the state of runs that start at the rows of an array (n_runs, p), with arrays for what is asked."""
        n_runs, p = starts.shape
        averaged = problem.average_from < len(problem.sizes)
        return cls(
            w=starts.copy(),
            v=np.zeros_like(starts),
            second=np.zeros_like(starts) if problem.optimizer == kernels.ADAPTIVE else np.zeros((n_runs, 0)),
            sums=np.zeros((n_runs, p if averaged else 0)),
            squares=np.zeros((n_runs, p, p) if averaged and p <= _COVARIANCE_UP_TO else (0, 0, 0)),
            diverged=np.full(n_runs, -1),
        )

    def arrays(self) -> dict[str, Array]:
        """Return the arrays by name, for a checkpoint."""
        return dict(vars(self))


def has_kernel(model: Any) -> bool:
    """Whether the runs of a model are made by a kernel."""
    formula = formula_of(model)
    if formula is SoftmaxRegression:
        return model.n_classes is not None and model.n_classes <= _CLASSES
    return formula in (LinearRegression, LogisticRegression)


def shortest(model: Any) -> int:
    """Return how many steps are made at a time at least: in the loop, all but the work of one step costs time too."""
    return 1 if has_kernel(model) else _LOOK


def lanes(model: Any) -> int:
    """Return how many runs are made together."""
    return kernels.LANES if has_kernel(model) else 1


def prepare(problem: Problem) -> Any:
    """Return ``advance(state, first_step, n_steps, stop, interrupt)`` for the model.

    It returns whether the steps were made: all of them or, after an interrupt, none. What is not finite shows at the
    step `stop` at the latest, wherever chunks of steps end.
    """
    return _ensemble(problem) if has_kernel(problem.model) else _loop(problem)


def draw(problem: Problem, run: int, first: int, n_steps: int) -> NDArray[np.int64]:
    """Return the batches of consecutive steps of equal batch size, shape (n_steps, batches a step, B)."""
    parts = problem.mix.size
    out = np.empty((n_steps * parts, problem.sizes[first]), np.int64)
    words = compiled(WORDS, noise.batch_words)
    n, number = problem.model.train_size, first * parts
    kernels.batches(out, n, problem.kind, problem.first_run + run, number, words, problem.key)  # pyright: ignore[reportCallIssue]
    return out.reshape(n_steps, parts, -1)


def _ensemble(problem: Problem) -> Any:
    model = problem.model
    y = model.y.astype(np.float64)
    coding = getattr(model, "coding", None)
    rows = None if coding is None else tuple(map(tuple, coding.tolist()))
    slope = compiled_source(FIELD, _slope_source(formula_of(model), rows))
    words = compiled(WORDS, noise.batch_words)

    def advance(state: State, first: int, n_steps: int, stop: int, interrupt: Any) -> bool:
        chunk = slice(first, first + n_steps)
        kernels.advance(
            state.w, state.v, state.second, model.X, y, model.prior_precision, slope, problem.kind, problem.optimizer,
            problem.sizes[chunk], problem.rates[chunk], problem.constants, problem.mix, problem.first_run, first, words,
            problem.key, state.diverged, problem.average_from, state.sums, state.squares,
        )  # fmt: skip  # pyright: ignore[reportCallIssue]
        return True

    return advance


@cache
def _slope_source(formula: type | None, coding: tuple[tuple[float, ...], ...] | None) -> str:
    """Return the kernel of dℓ/d(x·w), for each product of an example with weights, as a function of these and y."""
    outputs = 1 if coding is None else len(coding[0])
    z, y = sympy.symbols(f"z:{outputs}", real=True), sympy.Symbol("y", real=True)
    if formula is LinearRegression:
        slopes = [z[0] - y]
    elif coding is None:
        sign = 1 - 2 * y
        slopes = [sign / (1 + sympy.exp(-sign * z[0]))]
    else:
        K = sympy.Matrix([[int(entry) if entry.is_integer() else entry for entry in row] for row in coding])
        activations = K * sympy.Matrix(z)
        largest = sympy.Max(*activations, evaluate=False)
        powers = activations.applyfunc(lambda a: sympy.exp(a - largest))
        # 0 for the label and 1 for every other class. As in the model, no difference loses the digits of a good fit.
        others = [sympy.Min(abs(y - c), 1) for c in range(len(coding))]
        wrong = [other * power / sum(powers) for other, power in zip(others, powers, strict=True)]
        residuals = [w - (1 - other) * sum(wrong) for w, other in zip(wrong, others, strict=True)]
        slopes = list(K.T * sympy.Matrix(residuals))
    return block_source("the slopes of an example's cost", slopes, [*z, y])


def _loop(problem: Problem) -> Any:
    model = problem.model
    n = model.train_size
    momentum, kept, decay, floor, unbiased = problem.constants
    many = model.dimension > _MANY

    def estimate(w: Array, batches: NDArray[np.int64]) -> Array:
        if len(batches) == 1:
            return model.minibatch_gradient(w, batches[0])
        pairs = zip(problem.mix.astype(w.dtype), batches, strict=True)
        return np.sum([weight * model.minibatch_gradient(w, batch) for weight, batch in pairs], axis=0)

    def step(w: Array, v: Array, second: Array, batches: NDArray[np.int64], s: int) -> None:
        gradient = np.ascontiguousarray(estimate(w, batches), dtype=w.dtype)
        if gradient.shape != w.shape:
            raise InvalidInputError(f"minibatch_gradient must return shape {w.shape}; got {gradient.shape}")
        rate = problem.rates[s]
        if problem.optimizer == kernels.ADAPTIVE:
            first_bias, second_bias = (1 - momentum ** (s + 1), 1 - decay ** (s + 1)) if unbiased else (1.0, 1.0)
            numbers = [n, momentum, 1 - momentum, decay, 1 - decay, second_bias, floor, rate / first_bias]
        elif problem.optimizer in (kernels.HEAVY_BALL_OF_GRADIENTS, kernels.NESTEROV_OF_GRADIENTS):
            numbers = [momentum, (kept if s else 1.0) / n, 1 / n, rate]
        else:
            numbers = [momentum, kept * rate / n]
        kernels.change(w, v, second, gradient, problem.optimizer, np.array(numbers, dtype=w.dtype))

    def advance(state: State, first: int, n_steps: int, stop: int, interrupt: Any) -> bool:
        # A step of all runs may take long; an interrupt takes back those that have made it before the others.
        before = {name: array.copy() for name, array in state.arrays().items()}
        for run in np.flatnonzero(state.diverged < 0):
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                make(state, int(run), first, n_steps, stop, interrupt)
            if interrupt is not None and interrupt.seen:
                vars(state).update(before)
                return False
        return True

    def make(state: State, run: int, first: int, n_steps: int, stop: int, interrupt: Any) -> None:
        w, v, second = state.w[run], state.v[run], state.second[run]
        for s, batches in _batches(problem, run, first, n_steps):
            if interrupt is not None and interrupt.seen:
                return
            step(w, v, second, batches, s)
            if (not many or (s + 1) % _LOOK == 0 or s + 1 == stop) and not np.isfinite(w).all():
                state.diverged[run] = s + 1
                return
            if s >= problem.average_from:
                state.sums[run] += w
                if state.squares.size:
                    state.squares[run] += np.outer(w, w)

    return advance


def _batches(problem: Problem, run: int, first: int, n_steps: int) -> Any:
    """Yield (step, its batches), drawing stretches of equal batch size at once."""
    s, end = first, first + n_steps
    while s < end:
        changes = np.flatnonzero(problem.sizes[s:end] != problem.sizes[s])
        stretch = int(changes[0]) if len(changes) else end - s
        yield from enumerate(draw(problem, run, s, stretch), s)
        s += stretch
