"""Runs on the workers of an executor: a task for each range of blocks, the results put together in order."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, as_completed
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from ..errors import InvalidInputError, WorkerError
from .checkpoint import Checkpoint
from .fork import check_threads
from .progress import tqdm

if TYPE_CHECKING:
    from .run import Arrays, Process, Recorder


def gather(
    executor: Executor,
    task: Callable[..., Arrays],
    process: Process,
    recorder: Recorder,
    ranges: list[tuple[int, int]],
    file: Checkpoint,
    description: dict[str, Any],
    progress: bool,
) -> Arrays:
    """Return task(process, recorder, ...), made of those of ranges of the blocks of the process.

    Tasks are pure functions, so a scheduler that loses a worker may run them again. With a checkpoint, those that are
    done are kept.
    """
    check(executor)
    payload = pickled((process.plan, recorder), process.called)
    stored = file.begin(description, {})[1]
    futures: dict[Any, int] = {}

    def finished() -> set[int]:
        return {int(name.split(".")[0]) for name in stored}

    def keep(future: Any) -> None:
        stored.update({f"{futures[future]}.{name}": array for name, array in future.result().items()})

    label = recorder.label or recorder.function
    bar = tqdm(total=len(ranges), initial=len(finished()), desc=label, unit="part", disable=not progress)
    try:
        for part in sorted({*range(len(ranges))} - finished()):
            some = process.part(*ranges[part])
            some.plan = None  # which all parts share
            futures[executor.submit(_work, task, payload, some)] = part
        for future in as_completed(futures):
            keep(future)
            bar.update()
            file.offer(len(finished()), stored)
    except BaseException as error:
        for future in futures:
            if not future.cancel() and future.done() and not future.cancelled() and future.exception() is None:
                keep(future)
        done = len(finished())
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
        file.save(len(ranges), stored)
    return {
        name: np.concatenate([stored[f"{part}.{name}"] for part in range(len(ranges))], axis=axis)
        for name, axis in recorder.axes.items()
    }


def check(executor: Any) -> None:
    """Refuse what is not an executor."""
    if not isinstance(executor, Executor):
        raise InvalidInputError(
            f"executor must be a concurrent.futures.Executor; got {type(executor).__name__}. "
            "For Dask pass Client(...).get_executor()."
        )


def _work(task: Callable[..., Arrays], payload: bytes, process: Process) -> Arrays:
    """Run a task in a worker."""
    process.plan, recorder = unpickled(payload)
    # The executor's workers are the parallelism.
    with threads(1):
        return task(process, recorder, Checkpoint(None), {}, None, False)


@contextlib.contextmanager
def threads(most: int) -> Iterator[None]:
    """Let kernels run on so many threads at most: each one that has nothing to do would be waited for all the same."""
    check_threads()
    before = numba.get_num_threads()
    numba.set_num_threads(min(before, most))
    try:
        yield
    finally:
        numba.set_num_threads(before)


def pickled(thing: Any, what: str) -> bytes:
    """Return what is sent to all workers."""
    try:
        return pickle.dumps(thing)
    except Exception as error:
        raise InvalidInputError(
            f"{what} cannot be sent to workers ({error}). Define its functions in a module that they can import."
        ) from error


@lru_cache(maxsize=8)
def unpickled(payload: bytes) -> Any:
    """Return what was sent, with its functions compiled once for all the tasks of a worker."""
    return pickle.loads(payload)
