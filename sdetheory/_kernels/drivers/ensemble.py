"""Paths of an ensemble, with their positions kept or not; other files of this folder record other things of them."""

from numba import njit, prange

from .._cache import checked
from .stepping import begin, laid_out, make_steps


@checked
@njit(parallel=True, error_model="numpy", cache=True)
def advance(state, step, equation, numbers, clock, n_frames, every, frames):
    """Make n_frames * every steps of all blocks of state (n_blocks, d, L), in place.

    After each `every` the positions go to frames (n_frames, n_paths, d), which is empty if none are wanted; lanes
    beyond n_paths pad the last block.
    """
    blocks, d, lanes = state.shape
    for block in prange(blocks):
        path = numbers.path + block * lanes
        used = min(lanes, frames.shape[1] - block * lanes)
        room = laid_out(step, equation, numbers, lanes)
        begin(room, step, numbers, clock.step, path)
        for frame in range(n_frames):
            make_steps(state[block], room, step, numbers, clock, clock.step + frame * every, every, path)
            if frames.size:
                for lane in range(used):
                    for i in range(d):
                        frames[frame, block * lanes + lane, i] = state[block, i, lane]
