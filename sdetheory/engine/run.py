"""A run is a process, which moves, and a recorder, which keeps something of it; here are both, and their loop."""

from __future__ import annotations

import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._interrupt import Interrupt
from . import parallel
from .caution import warn
from .checkpoint import Checkpoint, identity
from .progress import tqdm

Arrays = dict[str, NDArray[Any]]

PARTS = 128
"""A process has at most so many parts, whatever the executor; histograms count each of them apart."""

_LONGEST = 0.25
"""Seconds of work after which Ctrl-C should be looked for."""
_FASTER = 64
"""Times by which the work may grow from one look to the next."""


class Cost(NamedTuple):
    """Work, in a unit of the process's own: of a step, before the first look at the keyboard, and between two at most.

    Steps that are made ``together`` cost less.
    """

    step: int
    first: int
    most: int
    together: int = 1


@dataclass(kw_only=True, eq=False)
class Process(ABC):
    """Independent copies of something random that is advanced in steps; they stand in blocks.

    The bits of a copy depend on the seed, the copy's number and the arguments alone: neither on blocks nor on how steps
    are divided into chunks.

    Attributes
    ----------
    held : tuple of str
        Names of the attributes that steps change: arrays, which a checkpoint keeps.
    called : str
        What cannot be sent, where `plan` cannot be sent to workers.
    plan : object
        What all copies have in common. Workers get it once.
    first_path : int
        Number of the first copy.
    step : int
        Number of steps that were made.
    groups : int
        In how many groups of blocks recorders count apart; the loop sets it.
    interrupt : Interrupt or None
        Who makes slow steps looks here: an interrupted step is not made, and `step` stays behind.
    """

    held: ClassVar[tuple[str, ...]]
    called: ClassVar[str]
    plan: Any
    seed: np.random.SeedSequence
    first_path: int = 0
    step: int = 0
    groups: int = 1
    interrupt: Interrupt | None = None

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self.interrupt is not None and self.interrupt.seen

    @property
    @abstractmethod
    def n_blocks(self) -> int:
        """Number of blocks."""

    @property
    @abstractmethod
    def cost(self) -> Cost:
        """What steps cost; it may change as copies come to an end."""

    @property
    def threads(self) -> int:
        """On how many threads steps can be made, at most."""
        return self.n_blocks

    @abstractmethod
    def positions(self) -> NDArray[Any]:
        """Return where the copies are, shape (n_copies, d)."""

    @abstractmethod
    def advance(self, n_steps: int, frames: NDArray[np.float64] | None = None) -> None:
        """Make n_steps steps; or for each of frames (n_frames, n_copies, d), which takes the positions after them."""

    @abstractmethod
    def part(self, first: int, last: int) -> Process:
        """Return a copy of some of the blocks, whose copies keep their numbers and bits."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return all of it that bits depend on, in what JSON can hold."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Recorder(ABC):
    """Makes the steps of a process, and keeps something of them.

    A recorder itself never changes: what it keeps is in arrays, which a checkpoint holds and a resumed run gets back.

    Attributes
    ----------
    function : str
        Who runs, as a checkpoint calls it; `label` is what the progress bar says, if it is not the same.
    n_steps : int
        Number of steps of the run.
    axes : dict of str to int
        Names of the arrays of the result, and along which axis those of parts of the copies are joined.
    often : int
        How many times more often than the keyboard needs there are chunks of steps.
    counted, least : str, int
        What an interrupted run counts, and how many make a result.
    """

    function: str
    n_steps: int
    axes: ClassVar[dict[str, int]]
    label: ClassVar[str] = ""
    often: ClassVar[int] = 1
    counted: ClassVar[str] = "steps"
    least: ClassVar[int] = 0

    def describe(self) -> dict[str, Any]:
        """Return all of it that bits depend on, in what JSON can hold."""
        return {"n_steps": self.n_steps}

    @abstractmethod
    def start(self, process: Any) -> Arrays:
        """Return the arrays of a run before its first step."""

    def kept(self, process: Any, arrays: Arrays) -> Arrays:
        """Return what a checkpoint holds of the arrays; :meth:`reach` gets it back."""
        return arrays

    def stretch(self, process: Any, arrays: Arrays) -> tuple[str, int, int]:
        """Return what is done next, in whole multiples of how many steps, and until which step.

        The run ends where that is the present step.
        """
        return self.label or self.function, 1, self.n_steps

    def reach(self, process: Any, arrays: Arrays) -> None:  # noqa: B027  (most recorders need nothing there)
        """Record what belongs to one step: at the start, whenever a run goes on, and at the end of each stretch."""

    def add(self, process: Any, arrays: Arrays, n_steps: int) -> None:
        """Make a chunk of steps, and record them."""
        process.advance(n_steps)

    def count(self, step: int) -> int:
        """Return how many of what is `counted` were made until a step."""
        return step

    @abstractmethod
    def result(self, process: Any, arrays: Arrays) -> Arrays:
        """Return the arrays that `axes` names, in the order of the copies."""


def run(
    process: Process,
    recorder: Recorder,
    *,
    file: Checkpoint,
    executor: Executor | None,
    progress: bool,
    described: dict[str, Any] | None = None,
) -> Arrays:
    """Make the steps that the file has not, here or on workers; return the recorder's result.

    `process` is left at the last step that was made; `described` is what else a checkpoint must agree with.

    Raises
    ------
    KeyboardInterrupt
        Ctrl-C, before there was a result.

    Warns
    -----
    RuntimeWarning
        Ctrl-C, afterwards: the steps until then are the result.
    """
    description: dict[str, Any] = {}
    if file.path is not None:
        description = {**identity(recorder.function), **(described or {}), **recorder.describe()}
        description |= {**process.describe(), "executor": executor is not None}
    # As the kernels group blocks.
    parts = min(process.n_blocks, PARTS)
    ranges = [(part * process.n_blocks // parts, (part + 1) * process.n_blocks // parts) for part in range(parts)]
    if executor is None:
        process.groups = parts
        with parallel.threads(process.threads), Interrupt() as interrupt:
            arrays = make(process, recorder, file, description, interrupt, progress)
    else:
        arrays = parallel.gather(executor, make, process, recorder, ranges, file, description, progress)
        process.step = recorder.n_steps
    made, planned = map(recorder.count, (process.step, recorder.n_steps))
    if made < recorder.least:
        raise KeyboardInterrupt
    if made < planned:
        warn(f"interrupted after {made} of {planned} {recorder.counted}", RuntimeWarning)
    return arrays


def make(
    process: Process,
    recorder: Recorder,
    file: Checkpoint,
    description: dict[str, Any],
    interrupt: Interrupt | None,
    progress: bool,
) -> Arrays:
    """Make the steps that remain; return the recorder's result, or what there is of it after an interrupt."""

    def kept() -> Arrays:
        return {name: getattr(process, name) for name in process.held} | recorder.kept(process, arrays)

    arrays = recorder.start(process)
    process.step, arrays = file.begin(description, kept())
    for name in process.held:
        setattr(process, name, arrays.pop(name))
    process.interrupt, begun = interrupt, process.step
    recorder.reach(process, arrays)
    label, work = "", 0.0
    with tqdm(total=recorder.n_steps, initial=begun, unit="step", unit_scale=True, disable=not progress) as bar:
        while True:
            doing, unit, stop = recorder.stretch(process, arrays)
            if stop == process.step:
                process.step = recorder.n_steps
                break
            if interrupt and interrupt.seen:
                break
            cost = process.cost
            if doing != label:
                # Nobody knows what a user's functions cost: the first piece of work is small, and the following ones
                # grow as far as the clock allows.
                label, work = doing, cost.first
                bar.set_description(label)
            steps = max(1, int(min(work, cost.most // recorder.often)) // cost.step)
            # What a chunk leaves of the numbers made at once is made again; slow steps do not feel it.
            steps -= steps % cost.together if steps > cost.together else 0
            steps = min(max(1, steps // unit) * unit, stop - process.step)
            before, clock = process.step, time.perf_counter()
            recorder.add(process, arrays, steps)
            done, seconds = steps * cost.step, time.perf_counter() - clock
            work = min(_FASTER * max(done, work), done * _LONGEST / max(seconds, 1e-9))
            bar.update(process.step - before)
            if process.step == stop:
                recorder.reach(process, arrays)
            file.offer(process.step, kept())
    if process.step > begun:
        file.save(process.step, kept())
    return recorder.result(process, arrays)


def whole_run(simulator: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Return what a simulator returns, to a caller who has no use for part of a run: Ctrl-C gives it up."""
    if options.get("executor") is not None:  # nothing is noted there: the wait for workers is broken off
        return simulator(*arguments, **options)
    with Interrupt(gives_up=True) as interrupt, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "interrupted after", RuntimeWarning)
        run = simulator(*arguments, **options)
    if interrupt.seen:
        raise KeyboardInterrupt
    return run
