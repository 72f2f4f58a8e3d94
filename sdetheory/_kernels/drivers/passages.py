"""First passages: paths go on until they have entered a target."""

import numpy as np
from numba import njit, prange

from .._cache import checked
from .crossings import cross, entry, opened
from .stepping import laid_out


@njit(error_model="numpy", forceinline=True)
def _arrive(reached, sight, curved, rows, n, dt):
    """Write down the times of lanes that entered in step n, and return how many they are."""
    arrived = 0
    for lane in range(reached.shape[0]):
        if not sight.near[lane]:
            continue
        at_entry = entry(sight, curved, 0, rows, lane, n, dt)
        if at_entry == at_entry:
            reached[lane] = (n + at_entry) * dt if at_entry >= 0.0 else -(n + 1.0)
            sight.here[lane] = 0
            arrived += 1
    return arrived


@checked
@njit(parallel=True, error_model="numpy", cache=True)
def advance_to_target(state, step, equation, numbers, clock, n_steps, target, bridge, times):
    """Make up to n_steps steps, until all lanes of a block have entered the target.

    times (n_blocks, L) takes the time since the start of each entry: NaN means not yet, -n that the lane is not finite
    after n steps.
    """
    blocks, d, lanes = state.shape
    for block in prange(blocks):
        x = state[block]
        reached = times[block]
        here = np.where(np.isnan(reached), -1, 0)
        waiting = -here.sum()
        path = numbers.path + block * lanes
        room = laid_out(step, equation, numbers, lanes)
        sight = opened(x, target, bridge, clock, here, reached)
        for n in range(clock.step, clock.step + n_steps):
            if waiting == 0:
                break
            if cross(x, sight, room, step, numbers, clock, n, path, target, bridge):
                waiting -= _arrive(reached, sight, target.curved, 1 + d, n, clock.dt)
