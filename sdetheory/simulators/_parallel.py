"""Ensembles on the workers of an executor: a task for each range of paths, the results put together in order."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, as_completed
from functools import lru_cache
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from ..errors import InvalidInputError, WorkerError
from ._checkpoint import Checkpoint
from ._ensemble import Ensemble
from ._fork import check_threads

Arrays = dict[str, NDArray[Any]]

PARTS = 128
"""An ensemble has at most so many parts, whatever the executor; histograms count each of them apart."""


def bounds(ensemble: Ensemble) -> list[tuple[int, int]]:
    """Return the first and last + 1 block of each part, as the kernels group blocks."""
    blocks = len(ensemble.state)
    parts = min(blocks, PARTS)
    return [(part * blocks // parts, (part + 1) * blocks // parts) for part in range(parts)]


def gather(
    executor: Executor,
    task: Callable[..., Arrays],
    ensemble: Ensemble,
    arguments: tuple[Any, ...],
    *,
    axes: dict[str, int],
    file: Checkpoint,
    run: dict[str, Any],
    progress: bool,
    label: str,
) -> Arrays:
    """Return task(ensemble, *arguments), made of the tasks of the parts; `axes` says along which axis each array joins.

    Tasks are pure functions, so a scheduler that loses a worker may run them again. With a checkpoint, those that are
    done are kept.
    """
    check(executor)
    payloads = pickled(ensemble.plan, "the equation"), pickled(arguments, "the equation")

    def call(first: int, last: int) -> tuple[Any, ...]:
        some = ensemble.part(first, last)
        some.plan = None  # pyright: ignore[reportAttributeAccessIssue]
        return _work, task, payloads, some

    return collect(executor, call, bounds(ensemble), axes=axes, file=file, run=run, progress=progress, label=label)


def collect(
    executor: Executor,
    call: Callable[[int, int], tuple[Any, ...]],
    ranges: list[tuple[int, int]],
    *,
    axes: dict[str, int],
    file: Checkpoint,
    run: dict[str, Any],
    progress: bool,
    label: str,
) -> Arrays:
    """Return the arrays of all ranges together; call(first, last) gives a function to submit and its arguments."""
    done, stored = file.begin(run, {})
    finished = {part for part in range(len(ranges)) if f"{part}.{next(iter(axes))}" in stored}
    futures: dict[Any, int] = {}
    bar = tqdm(total=len(ranges), initial=len(finished), desc=label, unit="part", disable=not progress)
    try:
        for part, (first, last) in enumerate(ranges):
            if part not in finished:
                futures[executor.submit(*call(first, last))] = part
        for future in as_completed(futures):
            stored |= {f"{futures[future]}.{name}": array for name, array in future.result().items()}
            done += 1
            bar.update()
            file.offer(done, stored)
    except BaseException as error:
        for future, part in futures.items():
            if not future.cancel() and future.done() and not future.cancelled() and future.exception() is None:
                stored |= {f"{part}.{name}": array for name, array in future.result().items()}
        done = sum(f"{part}.{next(iter(axes))}" in stored for part in range(len(ranges)))
        file.save(done, stored)
        # Dask's own error has no base in the standard library.
        if isinstance(error, BrokenExecutor | CancelledError) or type(error).__name__ == "KilledWorker":
            advice = "Run again with the same checkpoint to go on" if file.path else "Use checkpoint= to keep parts"
            raise WorkerError(
                f"a worker ended before its task did ({type(error).__name__}: {error}); {done} of {len(ranges)} parts "
                f"are done. {advice}. Processes that are forked cannot run compiled kernels that their parent has run: "
                'use ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")).'
            ) from error
        raise
    finally:
        bar.close()
    if futures:
        file.save(done, stored)
    return {
        name: np.concatenate([stored[f"{part}.{name}"] for part in range(len(ranges))], axis=axis)
        for name, axis in axes.items()
    }


def check(executor: Any) -> None:
    """Refuse what is not an executor."""
    if not isinstance(executor, Executor):
        raise InvalidInputError(
            f"executor must be a concurrent.futures.Executor; got {type(executor).__name__}. "
            "For Dask pass Client(...).get_executor()."
        )


def _work(
    task: Callable[..., Arrays],
    payloads: tuple[bytes, bytes],
    ensemble: Ensemble,
) -> Arrays:
    """Run a task in a worker."""
    ensemble.plan, arguments = map(unpickled, payloads)
    with one_thread():
        return task(ensemble, *arguments)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let kernels run on one thread: the executor's workers are the parallelism."""
    check_threads()
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(threads)


def pickled(thing: Any, what: str) -> bytes:
    """Return a plan, or arguments, as they are sent to workers."""
    try:
        return pickle.dumps(thing)
    except Exception as error:
        raise InvalidInputError(
            f"{what} cannot be sent to workers ({error}). Define its functions in a module that they can import."
        ) from error


@lru_cache(maxsize=8)
def unpickled(payload: bytes) -> Any:
    """Return a plan, or arguments, with their functions compiled once for all the tasks of a worker."""
    return pickle.loads(payload)
