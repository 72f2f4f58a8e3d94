"""Residence in cores: which of several targets each path visited last, how long it stayed, and where it went."""

import numpy as np
from numba import njit, prange

from .._cache import checked
from .crossings import cross, entry, opened
from .stepping import laid_out


@njit(error_model="numpy", forceinline=True)
def _note(sight, cores, rows, visits, block, n, dt):
    """Note which lanes of a block entered another core than they visited last, in step n.

    A function of its own: in a parallel loop Numba loses what is written to arrays of a record.
    """
    last, since, lost = visits.last[block], visits.since[block], visits.lost[block]
    stayed, moves = visits.stayed[block], visits.moves[block]
    for lane in range(last.shape[0]):
        if not sight.near[lane]:
            continue
        here, there, share = last[lane], -1, 2.0
        for core in range(cores.count):
            if core == here or lost[lane]:
                continue
            now = entry(sight, cores.curved, core, rows, lane, n, dt)
            if now < 0.0:
                lost[lane] = n + 1
            elif now < share:
                there, share = core, now
        if there >= 0 and not lost[lane]:
            time = (n + share) * dt
            if here >= 0:
                stayed[here, lane] += time - since[lane]
                moves[here * cores.count + there, lane] += 1
            last[lane], since[lane] = there, time


@checked
@njit(parallel=True, error_model="numpy", cache=True)
def advance_between_cores(state, step, equation, numbers, clock, n_steps, cores, bridge, visits):
    """Make n_steps steps, and note when each lane enters another core than it visited last."""
    blocks, d, lanes = state.shape
    for block in prange(blocks):
        x = state[block]
        path = numbers.path + block * lanes
        room = laid_out(step, equation, numbers, lanes)
        sight = opened(x, cores, bridge, clock, visits.last[block], np.full(lanes, np.nan))
        for n in range(clock.step, clock.step + n_steps):
            if cross(x, sight, room, step, numbers, clock, n, path, cores, bridge):
                _note(sight, cores, 1 + d, visits, block, n, clock.dt)
