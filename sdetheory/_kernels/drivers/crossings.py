"""Steps of one block past the borders of targets: which lanes enter which target, and at which part of the step.

A lane that is outside before and after a step has entered a target between with the probability that a Brownian bridge
has, decided by a number of its own. Where a target's function is curved, its tangent plane at the border takes its
place, and where the step meets the border is looked for.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from ..records import Noise
from ..terms import DIAGONAL, MATRIX
from .stepping import make_steps
from .targets import meeting, tangent

_FARTHEST = 23.0
"""No random number is below 2^-33, so that no path crosses a border of which the bridge's exponent is beyond this."""


class Sight(NamedTuple):
    """What a block sees of k borders: values before and after a step, planes and variances."""

    done: Any
    parameters: Any
    values: Any
    planes: Any
    before: Any
    held: Any
    arrives: Any
    part: Any
    noise: Any
    variance: Any
    after: Any
    u: Any
    drawn: Any
    here: Any
    near: Any


@njit(error_model="numpy")
def opened(x, target, bridge, clock, here, done):
    """Return the sight of a block x (d, L) at the beginning.

    No lane enters the target whose number `here` holds, and nobody looks from lanes of which `done` is not NaN.
    """
    d, lanes = x.shape
    k, rows = target.count, target.count * (1 + d)
    parameters, values = target.parameters.copy(), np.empty((rows, lanes))
    parameters[-1] = clock.start + clock.step * clock.dt
    target.function(x, parameters, values)
    return Sight(
        done,
        parameters,
        values,
        np.empty((rows, lanes)) if target.curved else values,
        np.empty((k, lanes)),
        np.empty((target.curved * d, lanes)),
        np.zeros(lanes, np.int64),
        np.empty((k, lanes)),
        Noise(np.empty((bridge.rows, lanes)), bridge.matrix, bridge.layout),
        np.zeros((2 * k, lanes)),
        np.zeros((2 * k, lanes)),
        np.empty((4, lanes)),
        np.full(1, -1),
        here,
        np.empty(lanes, np.bool_),
    )


# Inlined, since a call for each step would copy all that the records hold.
@njit(error_model="numpy", forceinline=True)
def cross(x, sight, room, step, numbers, clock, n, path, target, bridge):
    """Make step n of a block x (d, L), and look at the border of each target before and after it, for `entry`.

    Return whether any lane is `near` a border; far from all of them nothing can have been entered.
    """
    d, lanes = x.shape
    rows, bridged, dt = 1 + d, bridge.layout >= 0, clock.dt
    begins = clock.start + n * dt
    if bridged and bridge.rows:
        room.equation.parameters[-1] = begins
        bridge.function(x, room.equation.parameters, sight.noise.values)
    for k in range(target.count):
        if bridged:
            # Where the noise is constant, the plane is that at the end of the step before.
            anew = target.curved and (n == clock.step or bridge.rows)
            _look(x, sight, k, target, anew, clock, sight.variance)
        for lane in range(lanes):
            sight.before[k, lane] = sight.planes[k * rows, lane]
    for i in range(target.curved * d):
        for lane in range(lanes):
            sight.held[i, lane] = x[i, lane]
    make_steps(x, room, step, numbers, clock, n, 1, path)
    sight.parameters[-1] = clock.start + (n + 1) * clock.dt
    target.function(x, sight.parameters, sight.values)
    sight.near[:] = False
    found = False
    for k in range(target.count):
        _add_zeros(sight.values, k * rows, x)
        if target.curved:
            if bridged:
                _look(x, sight, k, target, True, clock, sight.after)
            _arrivals(sight.values, k * rows, sight.done, sight.arrives)
            meeting(
                sight.held, x, k * rows, target.count * rows, begins, target.function, sight.parameters, sight.arrives,
                sight.part, k,
            )  # fmt: skip
            found |= _curved_near(sight.values, sight.planes, k * rows, sight.before, sight.here, k, sight.near)
        else:
            found |= _near(sight.values, k * rows, sight.before, sight.variance, dt, sight.here, k, sight.near)
    if found and bridged and n >> 2 != sight.drawn[0]:
        sight.drawn[0] = n >> 2
        bridge.uniform(sight.u, room.words, sight.drawn[0] << 2, path, numbers.key)
    return found


@njit(error_model="numpy", forceinline=True)
def entry(sight, curved, k, rows, lane, n, dt):
    """Return the part of step n after which a lane entered target k, NaN if it did not, or -1 if it is not finite."""
    # Cores may overlap, or have been missed for one step: who is inside already enters at once.
    old, new, u = min(sight.before[k, lane], 0.0), sight.values[k * rows, lane], sight.u[n & 3, lane]
    if curved:
        return _curved_entry(
            old, sight.planes[k * rows, lane], new, sight.variance[2 * k, lane] * dt, sight.after[2 * k, lane] * dt,
            sight.part[k, lane], u,
        )  # fmt: skip
    return _entry(old, new, sight.variance[2 * k, lane] * dt, u)


@njit(error_model="numpy", forceinline=True)
def _look(x, sight, k, target, anew, clock, variance):
    """Fill row 2 k of variance with that of the change of target k, of which `anew` asks for the tangent plane here."""
    rows = 1 + x.shape[0]
    if anew:
        tangent(
            x, sight.values, k * rows, sight.noise, math.sqrt(clock.dt), target.function, sight.parameters,
            sight.done, sight.planes,
        )  # fmt: skip
    _spread(sight.planes, k * rows, x.shape[0], sight.noise, variance, 2 * k)


@njit(error_model="numpy")
def _spread(planes, row, d, noise, out, first):
    """Fill row `first` of out with |B' a|^2, where a (d, L) are the rows of planes after `row`; one more is scratch."""
    b, matrix, kind, lanes = noise.values, noise.matrix, noise.layout, planes.shape[1]
    columns = 0 if kind == DIAGONAL else (matrix.shape[1] if kind == MATRIX else b.shape[0] // d)
    for lane in range(lanes):
        out[first, lane] = 0.0
    for i in range(d if kind == DIAGONAL else 0):
        for lane in range(lanes):
            part = planes[row + 1 + i, lane] * b[i, lane]
            out[first, lane] += part * part
    for j in range(columns):
        for lane in range(lanes):
            out[first + 1, lane] = 0.0
        for i in range(d):
            for lane in range(lanes):
                factor = matrix[i, j] if kind == MATRIX else b[i * columns + j, lane]
                out[first + 1, lane] += planes[row + 1 + i, lane] * factor
        for lane in range(lanes):
            out[first, lane] += out[first + 1, lane] * out[first + 1, lane]


# Most lanes are far from every border: these two loops have no branch, so that eight lanes are looked at together, and
# spare them what follows.
@njit(error_model="numpy")
def _near(values, row, before, variance, dt, here, k, near):
    """Mark the lanes that may have entered target k in a step: those of which `_entry` cannot say NaN at sight."""
    found = 0
    for lane in range(near.size):
        new = values[row, lane]
        reach = _FARTHEST * (variance[2 * k, lane] * dt)
        far = (-np.inf < new) & (new < 0.0) & (2.0 * min(before[k, lane], 0.0) * new >= reach)
        close = (not far) & (here[lane] != k)
        near[lane] |= close
        found += close
    return found > 0


@njit(error_model="numpy")
def _curved_near(values, planes, row, before, here, k, near):
    """Mark the same for a curved target, whose tangent planes are minus infinity where it is out of reach."""
    found = 0
    for lane in range(near.size):
        new = values[row, lane]
        out_of_reach = (before[k, lane] == -np.inf) | (planes[row, lane] == -np.inf)
        far = (-np.inf < new) & (new < 0.0) & out_of_reach
        close = (not far) & (here[lane] != k)
        near[lane] |= close
        found += close
    return found > 0


@njit(error_model="numpy")
def _entry(old, new, scale, u):
    """Return which part of the step was over when a lane entered, NaN if it did not, or -1 if it is not finite.

    old < 0 and new are the target's function before and after the step, scale the variance of its change.
    """
    if not np.isfinite(new):
        return -1.0
    if new >= 0.0:
        return old / (old - new)
    exponent = 2.0 * old * new
    if exponent < _FARTHEST * scale and u < math.exp(-exponent / scale):
        # Reflected, the path after the crossing ends at -new: the same law of the crossing's time.
        return old / (old + new)
    return np.nan


@njit(error_model="numpy")
def _curved_entry(old, new, value, scale, new_scale, part, u):
    """Return the same for a curved target: old and new are its tangent planes, of variances scale and new_scale.

    value is its function after the step, and part the share of the step at which a straight one enters.
    """
    if not np.isfinite(value):
        return -1.0
    if value >= 0.0:
        return part
    if not (old > -np.inf and new > -np.inf):
        return np.nan
    return _entry(old / math.sqrt(scale), new / math.sqrt(new_scale), 1.0, u) if scale > 0.0 else np.nan


@njit(error_model="numpy")
def _arrivals(values, row, reached, arrives):
    """Say in arrives (L) which of the lanes that have not been reached yet are inside a target now."""
    for lane in range(arrives.size):
        arrives[lane] = values[row, lane] >= 0.0 and np.isnan(reached[lane])


@njit(error_model="numpy")
def _add_zeros(values, row, x):
    """Make a row of values NaN where any component of x (d, L) is not finite, for functions that do not look at all."""
    for i in range(x.shape[0]):
        for lane in range(x.shape[1]):
            values[row, lane] += 0.0 * x[i, lane]
