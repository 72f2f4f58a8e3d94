"""Runs of SGD as a process: weights, velocities, and the sums that averages are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._kernels import descent as kernels
from ..engine.archive import digest
from ..engine.checkpoint import describe_seed
from ..engine.run import PARTS, Cost, Process
from . import _engine as _sgd_engine

Array = NDArray[Any]

_WORK = 2**25
"""Multiplications between two looks at the progress bar and the keyboard."""

_COVARIANCE_UP_TO = 64
"""Weights beyond which no covariance is kept: its memory would be the run's."""


@dataclass(kw_only=True, eq=False)
class Descent(Process):
    """Independent runs on one problem, a row of each array for each run.

    ``diverged`` is the first step after which a run was not finite, or −1; it rests there. So does a run of which a
    recorder says in ``stopped`` after which step it stops, or −1.
    """

    held: ClassVar[tuple[str, ...]] = ("w", "v", "second", "sums", "squares", "diverged")
    called: ClassVar[str] = "the model, the stop hook or a metric"

    w: Array
    v: Array
    second: Array
    sums: Array
    squares: Array
    diverged: NDArray[np.int64]
    stopped: NDArray[np.int64]

    @classmethod
    def start(
        cls, problem: _sgd_engine.Problem, starts: Array, seed: np.random.SeedSequence, first_path: int = 0
    ) -> Descent:
        """Return runs that start at the rows of an array (n_runs, p), with arrays for what is asked."""
        n_runs, p = starts.shape
        averaged = problem.average_from < len(problem.sizes)
        return cls(
            plan=problem,
            seed=seed,
            w=starts.copy(),
            v=np.zeros_like(starts),
            second=np.zeros_like(starts) if problem.optimizer == kernels.ADAPTIVE else np.zeros((n_runs, 0)),
            sums=np.zeros((n_runs, p if averaged else 0)),
            squares=np.zeros((n_runs, p, p) if averaged and p <= _COVARIANCE_UP_TO else (0, 0, 0)),
            diverged=np.full(n_runs, -1),
            stopped=np.full(n_runs, -1),
            first_path=first_path,
        )

    @property
    def live(self) -> NDArray[np.bool_]:
        """Which runs still move, shape (n_runs,)."""
        return (self.diverged < 0) & (self.stopped < 0)

    def positions(self) -> Array:
        """Return the weights of each run, shape (n_runs, p)."""
        return self.w.copy()

    def advance(self, n_steps: int, frames: Array | None = None, look: bool = True) -> None:
        """Make n_steps steps, or none after an interrupt; or for each of frames, which takes the weights after them.

        Of many weights not every step is looked at for what is not finite, and the last one only with `look`.
        """
        for frame in [None] if frames is None else frames:
            if not self.plan.advance(self, n_steps, look):
                return
            self.step += n_steps
            if frame is not None:
                frame[:] = self.w

    def part(self, first: int, last: int) -> Descent:
        """Return some of the blocks, before their first step, as runs that keep their numbers and bits."""
        lanes = self.plan.lanes
        return Descent.start(self.plan, self.w[first * lanes : last * lanes], self.seed, first * lanes)

    def describe(self) -> dict[str, Any]:
        """Return all of it that bits depend on, in what JSON can hold."""
        problem, model = self.plan, self.plan.model
        few = np.arange(min(16, model.train_size))
        return {
            "average_from": problem.average_from,
            "rng": describe_seed(self.seed),
            "w0": digest(self.w),
            "schedules": digest(problem.sizes, problem.rates, problem.mix),
            "model": [type(model).__name__, model.train_size, digest(model.minibatch_gradient(self.w[0], few))],
        }

    @property
    def n_blocks(self) -> int:
        """Number of blocks: as many runs as are made together."""
        return -(-len(self.w) // self.plan.lanes)

    @property
    def threads(self) -> int:
        """On how many threads steps can be made; a model's own functions know that themselves."""
        return self.n_blocks if self.plan.in_kernel else PARTS

    @property
    def cost(self) -> Cost:
        """Work in multiplications; what a model's own functions do is not known, so that one step is made first."""
        step = int(self.plan.sizes.max(initial=1)) * self.w.size
        most = step * max(self.plan.shortest, min(1024, _WORK // step))
        return Cost(step, most if self.plan.in_kernel else step, most)
