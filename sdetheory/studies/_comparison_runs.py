"""The ensembles of a comparison, one after the other: those that a checkpoint holds are not made again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..engine.checkpoint import Checkpoint
from ..engine.progress import tqdm
from ..engine.run import whole_run
from ..equations.sgd_sde import sgd_sde
from ..hyperparameters import SGDHyperparameters
from ..simulators.simulate import simulate
from ..training.sgd import sgd
from ..training.svag import svag
from . import _comparison
from ._comparison import Moments

Array = NDArray[np.float64]


@dataclass(kw_only=True, eq=False)
class Ensembles:
    """Makes ensembles from the same starts, each with a seed of its own, and keeps their moments in a file.

    The one at work has a file of its own beside it, so that a comparison goes on in the middle of an ensemble.
    """

    model: Any
    starts: Array
    functions: Mapping[str, Callable[[Array], ArrayLike]]
    seeds: np.random.SeedSequence
    file: Checkpoint
    stored: dict[str, Array]
    executor: Executor | None
    bar: tqdm[Any]
    made: int = field(default=0, init=False)

    def of_sgd(self, hp: SGDHyperparameters, n_steps: int, n_records: int) -> Moments:
        """Return the moments of SGD."""
        given = {"n_steps": n_steps, "save_every": n_steps // n_records}
        return self._moments(lambda **options: sgd(self.model, hp, self.starts, **given, **options))

    def of_svag(self, hp: SGDHyperparameters, n_steps: int, n_records: int, factor: int) -> Moments:
        """Return the moments of SVAG, for the time of n_steps of SGD."""
        given = {"factor": factor, "n_steps": n_steps * factor, "save_every": n_steps // n_records * factor}
        return self._moments(lambda **options: svag(self.model, hp, self.starts, **given, **options))

    def of_equation(self, hp: SGDHyperparameters, n_steps: int, n_records: int, order: int, fine: int) -> Moments:
        """Return the moments of the equation, in `fine` steps for one of SGD."""
        equation = sgd_sde(self.model, hp, order=order)
        given = {"dt": hp.step_time / fine, "n_steps": n_steps * fine, "save_every": n_steps // n_records * fine}
        return self._moments(lambda **options: simulate(equation, self.starts, **given, **options))

    def _moments(self, make: Callable[..., Any]) -> Moments:
        seed, name = self.seeds.spawn(1)[0], str(self.made)
        self.made += 1
        if f"{name}.diverged" in self.stored:
            return _comparison.unpacked(self.stored, name)
        own = None if self.file.path is None else Path(f"{self.file.path}.{name}")
        run = whole_run(make, rng=seed, checkpoint=own, executor=self.executor)
        moments = _comparison.moments(iter(run.paths[1:]), self.functions)
        self.stored |= _comparison.packed(moments, name)
        self.file.save(self.made, self.stored)
        if own is not None:
            own.unlink(missing_ok=True)
        self.bar.update()
        return moments
