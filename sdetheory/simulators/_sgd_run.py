"""Runs of SGD from start to end: chunks of steps, what is recorded between them, here or on an executor's workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from .. import _validate
from ..errors import InvalidInputError
from . import _parallel, _sgd_engine
from ._checkpoint import Checkpoint
from ._ensemble import Interrupt
from ._fork import check_threads
from ._pace import Pace

Array = NDArray[Any]

_WORK = 2**25
"""Multiplications between two looks at the progress bar and the keyboard."""

_AXES = {
    "w": 0, "v": 0, "second": 0, "sums": 0, "squares": 0, "diverged": 0, "records": 2, "paths": 1,
}  # fmt: skip
"""Along which axis the runs of each array are counted."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """What is made of runs: their problem, after which steps what is measured, and after which weights are saved.

    `label` is what the progress bar says.
    """

    problem: _sgd_engine.Problem
    steps: NDArray[np.int64]
    measures: Mapping[str, Callable[[Array], float]]
    saved: NDArray[np.int64]
    label: str

    @property
    def n_steps(self) -> int:
        """Number of steps."""
        return len(self.problem.sizes)

    def empty(self, n_runs: int, p: int) -> dict[str, Array]:
        """Return arrays for what is measured and for the weights that are saved."""
        return {
            "records": np.full((len(self.steps), len(self.measures), n_runs), np.nan),
            "paths": np.full((len(self.saved), n_runs, p), np.nan),
        }


def run(
    plan: Plan,
    starts: Array,
    *,
    file: Checkpoint,
    description: dict[str, Any],
    executor: Executor | None,
    progress: bool,
) -> tuple[int, dict[str, Array]]:
    """Return how many steps were made, and all arrays of the state and the records."""
    if executor is None:
        check_threads()
        with Interrupt() as interrupt:
            return _steps(plan, starts, file, description, interrupt, progress)
    _parallel.check(executor)
    payload = _parallel.pickled(plan, "the model or a metric")
    lanes = _sgd_engine.lanes(plan.problem.model)
    blocks = -(-len(starts) // lanes)
    parts = min(blocks, _parallel.PARTS)
    ranges = [
        (part * blocks // parts * lanes, min((part + 1) * blocks // parts * lanes, len(starts)))
        for part in range(parts)
    ]

    def call(first: int, last: int) -> tuple[Any, ...]:
        return _part, payload, first, starts[first:last]

    arrays = _parallel.collect(
        executor, call, ranges, axes=_AXES, file=file, run=description, progress=progress, label=plan.label
    )
    return plan.n_steps, arrays


def saved_steps(n_steps: int, save_every: int | None) -> NDArray[np.int64]:
    """Return after which steps weights are saved; none without `save_every`."""
    if save_every is None:
        return np.zeros(0, np.int64)
    every = _validate.integer("save_every", save_every, at_least=1)
    if n_steps % every:
        raise InvalidInputError(f"save_every must divide n_steps; got {every} and {n_steps}")
    return np.arange(0, n_steps + 1, every)


def paths(plan: Plan, done: int, arrays: dict[str, Array]) -> tuple[NDArray[np.int64], Array]:
    """Return the steps and the weights that were saved, or else the last ones."""
    if not len(plan.saved):
        return np.array([done]), arrays["w"][None]
    steps = plan.saved[plan.saved <= done]
    return steps, arrays["paths"][: len(steps)]


def _part(payload: bytes, first_run: int, starts: Array) -> dict[str, Array]:
    """Make all steps of some of the runs, in a worker."""
    plan = _parallel.unpickled(payload)
    plan = replace(plan, problem=replace(plan.problem, first_run=first_run))
    with _parallel.one_thread():
        return _steps(plan, starts, Checkpoint(None), {}, None, False)[1]


def _steps(
    plan: Plan,
    starts: Array,
    file: Checkpoint,
    description: dict[str, Any],
    interrupt: Interrupt | None,
    progress: bool,
) -> tuple[int, dict[str, Array]]:
    """Make the steps that remain, and record."""
    state = _sgd_engine.State.at_start(plan.problem, starts)
    records = plan.empty(*starts.shape)
    done, arrays = file.begin(description, {**state.arrays(), **records})
    records = {name: arrays.pop(name) for name in records}
    for name, array in arrays.items():
        setattr(state, name, array)
    advance = _sgd_engine.prepare(plan.problem)
    largest = int(plan.problem.sizes.max(initial=1)) * state.w.size
    longest = max(_sgd_engine.shortest(plan.problem.model), min(1024, _WORK // largest))
    # What a kernel's multiplications cost is known; what a model's own functions do is not.
    pace = Pace(longest if _sgd_engine.has_kernel(plan.problem.model) else 1)
    stops = np.union1d(plan.steps, plan.saved)
    with tqdm(total=plan.n_steps, initial=done, desc=plan.label, unit="step", disable=not progress) as bar:
        while True:
            for row in np.flatnonzero(plan.steps == done):
                if np.isnan(records["records"][row]).all():
                    _measure(records["records"][row], state, plan.measures, interrupt)
            records["paths"][plan.saved == done] = state.w
            if done == plan.n_steps or (interrupt is not None and interrupt.seen):
                break
            stop = int(stops[stops > done][0])
            chunk = min(longest, pace.begin(), stop - done)
            if not advance(state, done, chunk, stop, interrupt):
                break
            pace.end(chunk)
            done += chunk
            bar.update(chunk)
            file.offer(done, {**state.arrays(), **records})
    file.save(done, {**state.arrays(), **records})
    return done, {**state.arrays(), **records}


def _measure(
    row: Array,
    state: _sgd_engine.State,
    measures: Mapping[str, Callable[[Array], float]],
    interrupt: Interrupt | None,
) -> None:
    """Fill a row of the records, or leave it as it is after an interrupt: whoever goes on measures again."""
    found = row.copy()
    for i, (name, measure) in enumerate(measures.items()):
        for run in np.flatnonzero(state.diverged < 0):
            if interrupt is not None and interrupt.seen:
                return
            try:
                found[i, run] = measure(state.w[run])
            except (TypeError, ValueError) as error:
                raise InvalidInputError(f"metrics[{name!r}] must return one number; {error}") from error
    row[:] = found
