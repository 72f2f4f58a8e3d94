"""The paths of an equation as a process: the checked problem, and its state in blocks of lanes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from .._interrupt import shielded
from .._kernels import noise
from .._kernels.drivers import ensemble as drivers
from .._kernels.drivers.statistics import advance_and_record
from .._kernels.records import Clock
from .._kernels.signatures import NOISE, compiled
from ..engine.archive import digest
from ..engine.checkpoint import describe_seed
from ..engine.fork import check_threads
from ..engine.parallel import threads
from ..engine.run import Cost, Process
from ..equations.sde import SDE
from ..equations.sgd_equation import SGDEquation
from ..errors import IncompatibleError, InvalidInputError
from ..schemes._stability import check_step
from .schemes import INCREMENTS, SCHEMES, Plan, prepare

_CHUNK = 2**27
"""Path-steps between two looks at the progress bar and the keyboard: a tenth of a second, if the drift is cheap."""
_FIRST = 2**17
"""Path-steps before the first look, when nobody knows yet what the drift costs."""

_BATCH = 2**14
"""Points at which fields are looked at together."""


@dataclass(kw_only=True, eq=False)
class Ensemble(Process):
    """The state of n_paths copies of an SDE, and what the kernels need to advance it.

    ``state`` has shape (n_blocks, d, L): blocks of L lanes, one path a lane; lanes beyond n_paths pad the last block.
    """

    held: ClassVar[tuple[str, ...]] = ("state",)
    called: ClassVar[str] = "the equation"

    state: NDArray[np.float64]
    n_paths: int
    dt: float
    start: float

    @classmethod
    def prepare(
        cls,
        sde: Any,
        x0: ArrayLike,
        *,
        dt: float,
        n_paths: int | None,
        rng: Any,
        method: str,
        increments: str,
        start: float = 0.0,
        refine: int = 1,
    ) -> Ensemble:
        """Check the arguments that all simulators have in common, and lay out the state."""
        check_threads()
        if not isinstance(sde, SDE):
            raise InvalidInputError(
                f"sde must be an SDE; got {type(sde).__name__}. Build one, for example with sdetheory.langevin."
            )
        if isinstance(sde, SGDEquation):
            raise IncompatibleError(
                "the equation of SGD on a model has no compiled drift; of the simulators, only simulate takes it"
            )
        scheme = SCHEMES[_validate.choice("method", method, SCHEMES)]
        scheme.check(sde, _validate.choice("increments", increments, INCREMENTS))
        dt = _validate.real("dt", dt, above=0.0)
        start = _validate.real("start", start)
        points = starting_points(x0, sde.dimension, n_paths)
        seed = _validate.seed_sequence(rng)
        plan = prepare(sde, scheme, increments, dt, refine)
        check_step(sde, scheme, dt)
        state = blocks(points, _lanes(len(points), _rows(sde.dimension, plan)))
        return cls(state=state, n_paths=len(points), dt=dt, start=start, plan=plan, seed=seed)

    def check_fields(self) -> NDArray[np.float64]:
        """Return where the paths start; refuse an equation that is not finite there."""
        points = self.state.transpose(0, 2, 1).reshape(-1, self.state.shape[1])[: self.n_paths]
        # Whatever is not finite shows after a step; only then are the fields looked at, which may have to be compiled.
        if (points == points[0]).all():
            # One point for all takes no memory, and new memory is what a short run of many paths waits for.
            points = np.broadcast_to(points[0].copy(), points.shape)
            probe = self.alone(0, points[0])
        else:
            points, probe = points.copy(), replace(self, state=self.state.copy())
        with threads(probe.threads), shielded():
            drivers.advance(*probe._arguments(), 1, 1, np.empty((0, 1, 1)))  # pyright: ignore[reportCallIssue]
        if np.isfinite(probe.state).all():
            return points
        for name, field in zip(("drift", "diffusion", "Milstein's terms"), self.plan.fields, strict=True):
            for first in range(0, len(points) if field is not None else 0, _BATCH):
                values = field(points[first : first + _BATCH], self.start)  # pyright: ignore[reportOptionalCall]
                bad = np.argwhere(~np.isfinite(values))
                if len(bad):
                    row, component = bad[0]
                    raise InvalidInputError(
                        f"the equation must be finite where the paths start; component {component} of its {name} is "
                        f"{values[row, component]} at {points[first + row]}, where path {first + row} starts. Move x0, "
                        f"or mend the {name}."
                    )
        return points

    def pack(self, points: NDArray[np.float64]) -> None:
        """Take other paths instead, in blocks that are still long enough for vector instructions."""
        lanes = min(self.state.shape[2], max(32, _lanes(len(points), _rows(points.shape[1], self.plan))))
        self.state, self.n_paths = blocks(points, lanes), len(points)

    def alone(self, path: int, x: NDArray[np.float64]) -> Ensemble:
        """Return an ensemble of one path, which starts at x and keeps its number and bits."""
        return replace(self, state=blocks(x[None], 1), n_paths=1, step=0, first_path=self.first_path + path)

    def part(self, first: int, last: int) -> Ensemble:
        """Return a copy of some of the blocks, as an ensemble of its own whose paths keep their numbers and bits."""
        lanes = self.state.shape[2]
        n_paths = min(last * lanes, self.n_paths) - first * lanes
        state, first_path = self.state[first:last].copy(), self.first_path + first * lanes
        return replace(self, state=state, n_paths=n_paths, first_path=first_path)

    def describe(self) -> dict[str, Any]:
        """Return all of it that bits depend on, in what JSON can hold."""
        plan = self.plan
        fields = [plan.step, *(None if field is None else (field.source, field.rows) for field in plan.fields)]
        return {
            "dt": self.dt,
            "start": float(self.start),
            "n_paths": self.n_paths,
            "method": plan.scheme.name,
            "increments": plan.increments,
            "rng": describe_seed(self.seed),
            "x0": digest([self.positions()]),
            "sde": hashlib.sha256(json.dumps(fields).encode()).hexdigest(),
            "parameters of the sde": plan.parameters.tolist(),
            "noise of the sde": digest([plan.matrix]),
            "layout": [*self.state.shape],
        }

    def positions(self) -> NDArray[np.float64]:
        """Return the paths' positions, shape (n_paths, d)."""
        return self.unblocked(self.state)

    def unblocked(self, array: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return an array of shape (n_blocks, k, L) by path, shape (n_paths, k)."""
        return array.transpose(0, 2, 1).reshape(-1, array.shape[1])[: self.n_paths].copy()

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return len(self.state)

    @property
    def cost(self) -> Cost:
        """Work in path-steps, for each component."""
        size, plan = self.state.size, self.plan
        together = max(1, plan.rows * plan.pack // max(1, plan.layout.numbers))
        first, most = (-(-max(1, work // size) // together) * together * size for work in (_FIRST, _CHUNK))
        return Cost(size, first, most, together)

    def advance(self, n_steps: int, frames: NDArray[np.float64] | None = None) -> None:
        """Make n_steps steps; or for each of frames (n_frames, n_paths, d), which takes the positions after them."""
        n_frames = 1 if frames is None else len(frames)
        if frames is None:
            frames = np.empty((0, *self.state.shape[:2]))
        drivers.advance(*self._arguments(), n_frames, n_steps, frames)  # pyright: ignore[reportCallIssue]
        self.step += n_frames * n_steps

    def advance_and_record(self, n_records: int, every: int, *statistics: Any) -> None:
        """Make n_records * every steps, adding to the statistics after each `every`."""
        advance_and_record(*self._arguments(), n_records, every, *statistics)  # pyright: ignore[reportCallIssue]
        self.step += n_records * every

    def advance_listed(self, driver: Any, n_steps: int, paths: NDArray[np.int64], *targets: Any) -> None:
        """Make up to n_steps steps towards targets, of Gaussian paths whose numbers are `paths`."""
        state, step, equation, numbers, clock = self._arguments()
        slots = np.zeros(state.shape[0] * state.shape[2], np.uint64)
        slots[: len(paths)] = paths
        listed = numbers._replace(
            generate=compiled(NOISE, noise.gaussian_of_listed), path=0, key=np.concatenate([numbers.key, slots])
        )
        driver(state, step, equation, listed, clock, n_steps, *targets)
        self.step += n_steps

    def _arguments(self) -> tuple[Any, ...]:
        """Return the arguments that all drivers have in common."""
        step, equation, numbers = self.plan.records
        key = self.seed.generate_state(2, np.uint32).astype(np.uint64)
        numbers = numbers._replace(path=self.first_path, key=key)
        return self.state, step, equation, numbers, Clock(self.dt, self.start, self.step)


def starting_points(
    x0: ArrayLike, dimension: int, n_paths: int | None, name: str = "x0", count_name: str = "n_paths"
) -> NDArray[np.float64]:
    """Return where each path starts, shape (n_paths, dimension): one point for all, or one each."""
    points = _validate.reals(name, x0)
    if n_paths is not None:
        n_paths = _validate.integer(count_name, n_paths, at_least=1, at_most=2**32)
    if points.shape == (dimension,) and n_paths is not None:
        return np.broadcast_to(points, (n_paths, dimension))
    if points.ndim == 2 and points.shape[1] == dimension and len(points) and n_paths in (None, len(points)):
        return points
    count = count_name if n_paths is None else n_paths
    raise InvalidInputError(
        f"{name} must have shape ({dimension},) together with {count_name}, or ({count}, {dimension}), one row a path; "
        f"got shape {points.shape} with {count_name}={n_paths} for {'sde' if name == 'x0' else 'model'}"
    )


def blocks(points: NDArray[np.float64], lanes: int) -> NDArray[np.float64]:
    """Return points (n, d) in blocks of lanes, the last one padded with zeros."""
    padded = np.zeros((-(-len(points) // lanes) * lanes, points.shape[1]))
    padded[: len(points)] = points
    return np.ascontiguousarray(padded.reshape(-1, lanes, points.shape[1]).transpose(0, 2, 1))


def _rows(dimension: int, plan: Plan) -> int:
    """Return how many numbers a path needs while it makes a step."""
    return 2 * dimension + plan.scratch + plan.layout.numbers + plan.rows


def _lanes(n_paths: int, rows: int) -> int:
    """Return how many paths a block holds: its rows should fit a 32 kB cache, and blocks should be many."""
    lanes = 256
    while lanes > 16 and (8 * lanes * rows > 2**15 or n_paths < 32 * lanes):
        lanes //= 2
    # The errors of a histogram come from the scatter between blocks.
    while lanes > 1 and n_paths < 8 * lanes:
        lanes //= 2
    return lanes
