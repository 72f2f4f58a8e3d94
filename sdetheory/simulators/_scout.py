"""Steps too long for a drift that is not linear: found by one step against two half steps, where paths really come."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._kernels import ensemble as drivers
from ..engine.interrupt import Interrupt
from ..errors import AccuracyWarning
from ._ensemble import Ensemble, blocks
from ._user_function import UserFunction
from .schemes import prepare
from .sde import SDE

_LOOKS = (0, 1, 2, *(4**k for k in range(1, 14)))
"""Steps before which the scouts are looked at."""

_FREE = 1024  # steps that the scouts make whatever the run costs
_SHARE = 0.01  # of the run's path-steps that they may make beyond

_FEW = 256  # steps between two looks at the keyboard: less than a second where a drift takes ten microseconds

_MISMATCH = 0.4
"""On dx = −k x dt one step misses two half steps by k h/4 of its length: 0.4 is 80 % of the stability limit."""


def warn_of_long_steps(ensemble: Ensemble, sde: SDE, n_steps: int, stacklevel: int) -> None:
    r"""Send the first paths ahead, and warn if their steps overshoot.

    With D the displacement of one step without noise, E its difference from that of two half steps, S the noise of a
    step, the step is too long if for some component

    .. math:: \langle E^2 \rangle \ge 0.4^2 \langle D^2 \rangle \quad \text{and} \quad
        \max(\langle D^2 \rangle, \langle E^2 \rangle) \ge \langle S^2 \rangle

    over paths and times. Linear drifts have limits of their own, which are exact and refused beforehand.
    """
    scheme = ensemble.plan.scheme
    if scheme.name == "exact" or sde.linear_part() is not None:
        return
    scouts = ensemble.part(0, 1)
    whole = prepare(sde, scheme, "none", ensemble.dt, 1)
    halves = prepare(sde, scheme, "none", ensemble.dt / 2, 1)
    may = max(_FREE, _SHARE * n_steps * ensemble.n_paths / scouts.n_paths)
    times, places = [], []
    for look in _LOOKS:
        if look >= n_steps or look > may:
            break
        _advance(scouts, look - scouts.step)
        times.append(scouts.start + scouts.step * scouts.dt)
        places.append(scouts.positions())
    if not _timed(sde):  # all places may be looked at together
        times, places = times[:1], [np.concatenate(places)] if places else []
    looks = []
    for time, before in zip(times, places, strict=True):
        one = _moved(scouts, whole, ensemble.dt, 1, before, time)
        two = _moved(scouts, halves, ensemble.dt / 2, 2, before, time)
        noisy = _moved(scouts, ensemble.plan, ensemble.dt, 1, before, time)
        with np.errstate(over="ignore", invalid="ignore"):
            looks.append(np.stack([one - before, two - one, noisy - one]) ** 2)
    squares = np.concatenate(looks or [np.empty((3, 0, sde.dimension))], axis=1)
    squares = squares.reshape(3, -1, scouts.n_paths, sde.dimension).swapaxes(0, 1)
    # Paths that overflow are reported as such.
    squares = squares[:, :, np.isfinite(squares).all(axis=(0, 1, 3))].sum(axis=2)
    displacement, mismatch, noise = squares.sum(axis=0)
    long = (mismatch >= _MISMATCH**2 * displacement) & (np.maximum(displacement, mismatch) >= noise) & (mismatch > 0)
    if long.any():
        i = int(np.argmax(long))
        whole_step, missed = np.sqrt(squares.mean(axis=0)[:2, i] / scouts.n_paths)
        warnings.warn(
            f"dt={ensemble.dt:g} is too long a step for {sde.name}: where its paths come, a step of {scheme.name} "
            f"moves component {i} by {whole_step:.3g} (root mean square, without noise) and two half steps end "
            f"{missed:.3g} from there: paths overshoot instead of following the drift. Reduce dt, to a tenth at first, "
            "until results change no more.",
            AccuracyWarning,
            stacklevel + 1,
        )


def _advance(scouts: Ensemble, n_steps: int) -> None:
    """Make steps that are no part of a run; Ctrl-C is heard between a few of them."""
    while n_steps:
        few = min(n_steps, _FEW)
        with Interrupt() as interrupt:
            drivers.advance(*scouts._arguments(), 1, few, np.empty((0, 1, 1)))  # pyright: ignore[reportCallIssue]
        if interrupt.seen:
            raise KeyboardInterrupt
        scouts.step += few
        n_steps -= few


def _moved(
    scouts: Ensemble, plan: Any, dt: float, n_steps: int, places: NDArray[np.float64], time: float
) -> NDArray[np.float64]:
    """Return where steps lead from some places."""
    state = blocks(places, scouts.state.shape[2])
    there = replace(scouts, state=state, n_paths=len(places), plan=plan, dt=dt, start=time, step=0)
    _advance(there, n_steps)
    return there.positions()


def _timed(sde: SDE) -> bool:
    """Whether the equation may change with time."""
    if sde._formulas is not None:
        return sde._formulas.timed()
    return any(isinstance(field, UserFunction) and field._arity > 1 for field in (sde._drift, sde._diffusion))
