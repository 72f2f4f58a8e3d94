"""The two engines of SGD: compiled ensembles for models of few products x·w an example, and a loop for all others."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._kernels import descent as kernels
from .._kernels import noise, records, weighted
from .._kernels.block import compiled_source
from .._kernels.signatures import DESCENT, FIELD, NOISE, WORDS, compiled
from ..errors import InvalidInputError
from ..models._formula import likelihood_of
from ..simulators._slopes import slopes_source

if TYPE_CHECKING:
    from ._descent import Descent

Array = NDArray[Any]

_LOOK = 16
"""Steps between two looks for numbers that are not finite, where weights are many."""

_MANY = 2**14


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """What does not change during a run: the model, how batches are drawn, and the schedule of each step.

    The estimate of a step is the mean, with the weights `mix`, of those of as many batches; `kicks` are the standard
    deviations of the noise of a temperature, which the velocity of each step gets.
    """

    model: Any
    kind: int
    sizes: NDArray[np.int64]
    rates: NDArray[np.float64]
    kicks: NDArray[np.float64]
    optimizer: int
    constants: NDArray[np.float64]
    average_from: int
    key: NDArray[np.uint64]
    mix: NDArray[np.float64] = field(default_factory=lambda: np.ones(1))

    @cached_property
    def advance(self) -> Any:
        """Return ``advance(runs, n_steps, look)`` for the model, compiled when it is first needed.

        It returns whether the steps were made: all of them or, after an interrupt, none.
        """
        return _ensemble(self) if self.in_kernel else _loop(self)

    @cached_property
    def in_kernel(self) -> bool:
        """Whether the runs are made by a kernel."""
        return has_kernel(self.model)

    @property
    def lanes(self) -> int:
        """How many runs are made together."""
        return kernels.LANES if self.in_kernel else 1

    @property
    def shortest(self) -> int:
        """How many steps are made at a time at least: in the loop, all but the work of one step costs time too."""
        return 1 if self.in_kernel else _LOOK

    def __getstate__(self) -> dict[str, Any]:
        # Machine code cannot be pickled; whoever gets the rest makes it anew.
        return {key: value for key, value in self.__dict__.items() if key != "advance"}


def has_kernel(model: Any) -> bool:
    """Whether the runs of a model are made by a kernel."""
    likelihood = likelihood_of(model)
    return likelihood is not None and likelihood.compiled


def _draw(problem: Problem, run: int, first: int, n_steps: int) -> NDArray[np.int64]:
    """Return the batches of consecutive steps of equal batch size, shape (n_steps, batches a step, B)."""
    parts = problem.mix.size
    out = np.empty((n_steps * parts, problem.sizes[first]), np.int64)
    words = compiled(WORDS, noise.batch_words)
    n, number = problem.model.train_size, first * parts
    kernels.batches(out, n, problem.kind, run, number, words, problem.key)  # pyright: ignore[reportCallIssue]
    return out.reshape(n_steps, parts, -1)


def _toss(problem: Problem, run: int, step: int) -> list[NDArray[np.int64]]:
    """Return the batches of a step, each of any size."""
    words, found = compiled(WORDS, noise.batch_words), []
    for part in range(problem.mix.size):
        out, number = np.empty(problem.model.train_size, np.int64), step * problem.mix.size + part
        count = kernels.tossed(out, problem.sizes[step], run, number, words, problem.key)  # pyright: ignore[reportCallIssue]
        found.append(out[:count])
    return found


def _ensemble(problem: Problem) -> Any:
    model = problem.model
    slope = compiled_source(FIELD, slopes_source(likelihood_of(model)))
    inputs, targets = model.X, model.y.astype(np.float64)
    if problem.kind == kernels.POISSON:  # the kernel wants an example that is none
        inputs, targets = np.vstack([inputs, np.zeros_like(inputs[:1])]), np.append(targets, targets[0])
    examples = records.Examples(inputs, targets, slope, model.prior_precision)
    words, normals = compiled(WORDS, noise.batch_words), compiled(NOISE, noise.gaussian)
    block = compiled(DESCENT, kernels.advance_block)

    def advance(runs: Descent, n_steps: int, look: bool) -> bool:
        chunk = slice(runs.step, runs.step + n_steps)
        # A run that was stopped rests as one that diverged does.
        ended = np.where(runs.stopped < 0, runs.diverged, runs.stopped)
        kernels.advance(
            block,
            records.Runs(runs.w, runs.v, runs.second, ended, runs.first_path),
            examples,
            records.Batches(problem.kind, problem.sizes[chunk], problem.mix, words, problem.key),
            records.Optimizer(
                problem.optimizer, problem.rates[chunk], problem.constants, problem.kicks[chunk], normals
            ),
            records.Averages(problem.average_from, runs.sums, runs.squares),
            runs.step,
        )  # pyright: ignore[reportCallIssue]
        np.copyto(runs.diverged, ended, where=runs.stopped < 0)
        return True

    return advance


def _loop(problem: Problem) -> Any:
    model = problem.model
    n = model.train_size
    momentum, kept, decay, floor, unbiased = problem.constants
    many = model.dimension > _MANY
    rows = -(-model.dimension // 4) * 4
    normals, z, words = compiled(NOISE, noise.gaussian_of_one), np.empty((rows, 1)), np.empty((2, rows), np.uint64)

    def estimate(w: Array, batches: Any, s: int) -> Array:
        if problem.kind == kernels.POISSON:
            sizes = problem.mix * [len(batch) / problem.sizes[s] for batch in batches]
            parts = [size * model.minibatch_gradient(w, b) for size, b in zip(sizes, batches, strict=True) if len(b)]
            return np.sum(parts, axis=0, dtype=w.dtype) if parts else np.zeros_like(w)
        if len(batches) == 1:
            return model.minibatch_gradient(w, batches[0])
        pairs = zip(problem.mix.astype(w.dtype), batches, strict=True)
        return np.sum([weight * model.minibatch_gradient(w, batch) for weight, batch in pairs], axis=0)

    def step(w: Array, v: Array, second: Array, batches: Any, s: int) -> None:
        gradient = np.ascontiguousarray(estimate(w, batches, s), dtype=w.dtype)
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

    def kick(w: Array, v: Array, run: int, s: int) -> None:
        weighted.normals(z, words, normals, s * rows, run, problem.key)  # pyright: ignore[reportCallIssue]
        move = (problem.kicks[s] * z[: w.size, 0]).astype(w.dtype)
        v += move
        w += move

    def advance(runs: Descent, n_steps: int, look: bool) -> bool:
        # A step of all runs may take long; an interrupt takes back those that have made it before the others.
        before = {name: getattr(runs, name).copy() for name in runs.held}
        for run in np.flatnonzero(runs.live):
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                make(runs, int(run), n_steps, look)
            if runs.interrupted:
                vars(runs).update(before)
                return False
        return True

    def make(runs: Descent, run: int, n_steps: int, look: bool) -> None:
        w, v, second = runs.w[run], runs.v[run], runs.second[run]
        last = runs.step + n_steps - 1
        for s, batches in _batches(problem, runs.first_path + run, runs.step, n_steps):
            if runs.interrupted:
                return
            step(w, v, second, batches, s)
            if problem.kicks[s]:
                kick(w, v, runs.first_path + run, s)
            if (not many or (s + 1) % _LOOK == 0 or (look and s == last)) and not np.isfinite(w).all():
                runs.diverged[run] = s + 1
                return
            if s >= problem.average_from:
                runs.sums[run] += w
                if runs.squares.size:
                    runs.squares[run] += np.outer(w, w)

    return advance


def _batches(problem: Problem, run: int, first: int, n_steps: int) -> Any:
    """Yield (step, its batches), drawing stretches of equal batch size at once."""
    s, end = first, first + n_steps
    if problem.kind == kernels.POISSON:
        for step in range(s, end):
            yield step, _toss(problem, run, step)
        return
    while s < end:
        changes = np.flatnonzero(problem.sizes[s:end] != problem.sizes[s])
        stretch = int(changes[0]) if len(changes) else end - s
        yield from enumerate(_draw(problem, run, s, stretch), s)
        s += stretch
