"""Paths that overflow: which was the first, and at which step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DivergedError
from .caution import warn

_STRIDE = 2**14


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """The first path, by number, that overflowed.

    Attributes
    ----------
    path : int
        Its number.
    step : int
        The first step after which it was not finite; for :func:`sample_stationary`, after which its square was not.
    """

    path: int
    step: int


def noted(steps: NDArray[Any]) -> Divergence | None:
    """Return the first of the paths whose step of an overflow is not 0."""
    path = int(np.argmax(steps > 0))
    return Divergence(path=path, step=int(steps[path])) if steps[path] > 0 else None


def find(
    ensemble: Any,
    starts: NDArray[np.float64],
    lost: Any,
    n_steps: int,
    *,
    finite: Callable[[NDArray[np.float64]], Any] = np.isfinite,
) -> Divergence | None:
    """Return when the first of the lost paths overflowed, by running it once more alone: its bits are the same."""
    if not lost.any():
        return None
    path = int(np.argmax(lost))
    lane, stride = ensemble.alone(path, starts[path]), _STRIDE
    while lane.step < n_steps:
        before, step = lane.state.copy(), lane.step
        lane.advance(min(stride, n_steps - step))
        if np.all(finite(lane.state)):
            continue
        if lane.step == step + 1:
            break
        # What is not finite stays so: look for the first such step in this stretch, by halving.
        stride = (lane.step - step) // 2
        lane.state, lane.step = before, step
    return Divergence(path=path, step=lane.step)


def report(
    divergence: Divergence | None, lost: ArrayLike, dt: float, then: str = "", *, least: int = 0, result: Any = None
) -> None:
    """Warn of the paths that overflowed, if any.

    Raises
    ------
    DivergedError
        Fewer than `least` did not; it carries the result.
    """
    if divergence is None:
        return
    step, message = divergence.step, f"{np.sum(lost)} of {np.size(lost)} paths overflowed"
    where = (
        f"; the first is path {divergence.path}, at step {step} (after a time of {step * dt:g}). Reduce dt={dt:g}, or "
        "start nearer to the minima."
    )
    if np.size(lost) - np.sum(lost) < least:
        raise DivergedError(message + where, result=result)
    warn(message + then + where, RuntimeWarning)
