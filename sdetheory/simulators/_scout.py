"""Steps too long for a drift that is not linear: found by one step against two half steps, where paths really come."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._interrupt import Interrupt
from .._kernels.drivers import ensemble as drivers
from ..engine.caution import warn
from ..engine.parallel import threads
from ..equations._user_function import UserFunction
from ..equations.sde import SDE
from ..errors import AccuracyWarning
from ._ensemble import Ensemble, blocks
from .schemes import prepare

Array = NDArray[np.float64]

_LOOKS = (0, 1, 2, *(4**k for k in range(1, 14)))
"""Steps at which the scouts are looked at."""

_NO_FRAMES = np.empty((0, 1, 1))
_TRACKED = 65  # steps made in one call that keeps every position: looks are close together there

_FREE = 1024  # steps that the scouts make whatever the run costs
_SHARE = 0.01  # of the run's path-steps that they may make beyond

_FEW = 256  # steps between two looks at the keyboard: less than a second where a drift takes ten microseconds

_MISMATCH = 0.4
"""On dx = −k x dt one step misses two half steps by k h/4 of its length: 0.4 is 80 % of the stability limit."""


def warn_of_long_steps(ensemble: Ensemble, sde: SDE, n_steps: int) -> None:
    r"""Send the first paths ahead, and warn if their steps overshoot.

    With D the displacement of one step without noise, E its difference from that of two half steps, S the noise of a
    step, the step is too long if for some component

    .. math:: \langle E^2 \rangle \ge 0.4^2 \langle D^2 \rangle \quad \text{and} \quad
        \max(\langle D^2 \rangle, \langle E^2 \rangle) \ge \langle S^2 \rangle

    over paths and times. Linear drifts have limits of their own, which are exact and refused beforehand.
    """
    scheme = ensemble.plan.scheme
    if sde.linear_part() is not None:
        return
    scouts = ensemble.part(0, 1)
    may = max(_FREE, _SHARE * n_steps * ensemble.n_paths / scouts.n_paths)
    looks = [look for look in _LOOKS if look < n_steps and look <= may]
    if not looks:
        return
    plan = prepare(sde, scheme, "none", ensemble.dt, 1)
    # Where numbers are increments of a Brownian path, a plan holds for every step.
    finer = plan if scheme.brownian else prepare(sde, scheme, "none", ensemble.dt / 2, 1)
    plans = (plan, ensemble.dt, 1), (finer, ensemble.dt / 2, 2)
    with threads(scouts.threads):
        steps = np.stack(_steps(scouts, looks, min(n_steps, _TRACKED)))
        # All places may be looked at together, unless the time matters.
        together = [slice(i, i + 1) for i in range(len(looks))] if _timed(sde) else [slice(None)]
        one, two = (
            np.concatenate(
                [_moved(scouts, steps[0, at], scouts.start + looks[at][0] * scouts.dt, *plan) for at in together]
            )
            for plan in plans
        )
    before, noisy = steps
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.stack([one - before, two - one, noisy - one], axis=1) ** 2
    # Paths that overflow are reported as such.
    squares = squares[:, :, np.isfinite(squares).all(axis=(0, 1, 3))].sum(axis=2)
    displacement, mismatch, noise = squares.sum(axis=0)
    long = (mismatch >= _MISMATCH**2 * displacement) & (np.maximum(displacement, mismatch) >= noise) & (mismatch > 0)
    if long.any():
        i = int(np.argmax(long))
        whole_step, missed = np.sqrt(squares.mean(axis=0)[:2, i] / scouts.n_paths)
        warn(
            f"dt={ensemble.dt:g} is too long a step for {sde.name}: where its paths come, a step of {scheme.name} "
            f"moves component {i} by {whole_step:.3g} (root mean square, without noise) and two half steps end "
            f"{missed:.3g} from there: paths overshoot instead of following the drift. Reduce dt, to a tenth at first, "
            "until results change no more.",
            AccuracyWarning,
        )


def _steps(scouts: Ensemble, looks: list[int], tracked: int) -> tuple[Array, Array]:
    """Return where the scouts are before and after the step of each look, each (looks, paths, d)."""
    track = np.empty((tracked + 1, *scouts.positions().shape))
    track[0] = scouts.positions()
    _advance(scouts, tracked, track[1:])
    late = []
    for look in looks:
        if look >= tracked:
            _advance(scouts, look - scouts.step)
            late.append(scouts.positions())
            _advance(scouts, 1)
            late.append(scouts.positions())
    early = [look for look in looks if look < tracked]
    before, after = track[early], track[[look + 1 for look in early]]
    if late:
        before, after = np.concatenate([before, late[::2]]), np.concatenate([after, late[1::2]])
    return before, after


def _advance(scouts: Ensemble, n_steps: int, frames: Array = _NO_FRAMES) -> None:
    """Make steps that are no part of a run, or one for each frame; Ctrl-C is heard between a few of them."""
    while n_steps:
        few = min(n_steps, _FEW)
        n_frames = len(frames) or 1
        with Interrupt() as interrupt:
            drivers.advance(*scouts._arguments(), n_frames, few // n_frames, frames)  # pyright: ignore[reportCallIssue]
        if interrupt.seen:
            raise KeyboardInterrupt
        scouts.step += few
        n_steps -= few


def _moved(scouts: Ensemble, places: Array, time: float, plan: Any, dt: float, n_steps: int) -> Array:
    """Return where steps lead from places (looks, paths, d) at one time."""
    flat = places.reshape(-1, places.shape[2])
    state = blocks(flat, scouts.state.shape[2])
    there = replace(scouts, state=state, n_paths=len(flat), plan=plan, dt=dt, start=time, step=0)
    _advance(there, n_steps)
    return there.positions().reshape(places.shape)


def _timed(sde: SDE) -> bool:
    """Whether the equation may change with time."""
    if sde._formulas is not None:
        return sde._formulas.timed
    return any(isinstance(field, UserFunction) and field._arity > 1 for field in (sde._drift, sde._diffusion))
