"""What the ensemble simulators share: the checked problem, its state in blocks of lanes, and chunks of steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from .. import _validate
from .._kernels import ensemble as kernels
from ..errors import InvalidInputError
from .sde import SDE

# Method: whether the noise of two successive steps is averaged.
METHODS = {"euler-maruyama": 0, "leimkuhler-matthews": 1}

_CHUNK = 2**25
"""Path-steps between two looks at the progress bar and the keyboard: a few hundredths of a second."""


@dataclass(kw_only=True, eq=False)
class Ensemble:
    """The state of n_paths copies of an SDE, and what the kernels need to advance it.

    ``state`` has shape (n_blocks, d, L): blocks of L lanes, one path a lane; lanes beyond n_paths pad the last block.
    """

    sde: SDE
    state: NDArray[np.float64]
    n_paths: int
    dt: float
    averaged: int
    seed: np.random.SeedSequence
    step: int = 0

    @classmethod
    def prepare(cls, sde: Any, x0: ArrayLike, *, dt: float, n_paths: int | None, rng: Any, method: str) -> Ensemble:
        """Check the arguments that all simulators have in common, and lay out the state."""
        if not isinstance(sde, SDE):
            raise InvalidInputError(
                f"sde must be an SDE; got {type(sde).__name__}. Build one, for example with sdetheory.langevin."
            )
        method = _validate.choice("method", method, METHODS)
        dt = _validate.real("dt", dt, above=0.0)
        start = _starting_points(x0, sde.dimension, n_paths)
        paths, dimension = start.shape
        lanes = _lanes(paths, dimension)
        padded = np.zeros((-(-paths // lanes) * lanes, dimension))
        padded[:paths] = start
        state = np.ascontiguousarray(padded.reshape(-1, lanes, dimension).transpose(0, 2, 1))
        return cls(
            sde=sde, state=state, n_paths=paths, dt=dt, averaged=METHODS[method], seed=_validate.seed_sequence(rng)
        )

    def positions(self) -> NDArray[np.float64]:
        """Return the paths' positions, shape (n_paths, d)."""
        return self.unblocked(self.state)

    def unblocked(self, array: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return an array of shape (n_blocks, k, L) by path, shape (n_paths, k)."""
        return array.transpose(0, 2, 1).reshape(-1, array.shape[1])[: self.n_paths].copy()

    def advance(self, n_steps: int) -> None:
        """Make n_steps steps."""
        kernels.advance(*self._dynamics(), n_steps, *self._noise())  # pyright: ignore[reportCallIssue]
        self.step += n_steps

    def advance_and_record(self, n_records: int, every: int, *statistics: Any) -> None:
        """Make n_records * every steps, adding to the statistics after each `every`."""
        arguments = (*self._dynamics(), n_records, every, *self._noise(), *statistics)
        kernels.advance_and_record(*arguments)  # pyright: ignore[reportCallIssue]
        self.step += n_records * every

    def _dynamics(self) -> tuple[Any, ...]:
        drift = self.sde.drift
        amplitude = np.sqrt(self.dt) * self.sde.noise_amplitude
        return (self.state, drift.compiled, drift.parameters, self.dt, amplitude, self.averaged, self.step)

    def _noise(self) -> tuple[int, np.uint64, np.uint64]:
        """Return the first path's number and the two words of the generator's key."""
        key0, key1 = self.seed.generate_state(2, np.uint32).astype(np.uint64)
        return 0, key0, key1

    def chunks(
        self, n: int, *, steps_each: int = 1, stop_every: int | None = None, progress: bool, label: str
    ) -> Iterator[int]:
        """Yield counts that add up to n, of units of `steps_each` steps; a multiple of `stop_every` is never passed.

        The caller makes the steps; the progress bar moves on after each chunk.
        """
        size = max(1, _CHUNK // (self.state.size * steps_each))
        done = 0
        with tqdm(total=n * steps_each, desc=label, unit="step", unit_scale=True, disable=not progress) as bar:
            while done < n:
                chunk = min(size, n - done, stop_every - done % stop_every if stop_every else size)
                yield chunk
                done += chunk
                bar.update(chunk * steps_each)


def _starting_points(x0: ArrayLike, dimension: int, n_paths: int | None) -> NDArray[np.float64]:
    points = _validate.reals("x0", x0)
    if n_paths is not None:
        n_paths = _validate.integer("n_paths", n_paths, at_least=1, at_most=2**32)
    if points.shape == (dimension,) and n_paths is not None:
        return np.broadcast_to(points, (n_paths, dimension))
    if points.ndim == 2 and points.shape[1] == dimension and len(points) and n_paths in (None, len(points)):
        return points
    count = "n_paths" if n_paths is None else n_paths
    raise InvalidInputError(
        f"x0 must have shape ({dimension},) together with n_paths, or ({count}, {dimension}), one row a path; "
        f"got shape {points.shape} with n_paths={n_paths}"
    )


def _lanes(n_paths: int, dimension: int) -> int:
    """Return how many paths a block holds: its arrays should fit a 32 kB cache, and blocks should be many."""
    lanes = 256
    while lanes > 16 and (8 * lanes * (3 * dimension + 6) > 2**15 or n_paths < 32 * lanes):
        lanes //= 2
    # The errors of a histogram come from the scatter between blocks.
    while lanes > 1 and n_paths < 8 * lanes:
        lanes //= 2
    return lanes
