"""Drivers: advance all blocks of an ensemble, with or without keeping statistics.

A block holds L paths as an array (d, L), so that every inner loop runs over lanes. A driver makes the random numbers,
keeps the time, and calls the scheme once a step for each block; what it calls is compiled elsewhere and comes in as a
first-class function.

`plan` holds whole numbers: see the constants.
"""

import math

import numpy as np
from numba import njit, prange

from ._cache import checked

LAYOUT = 0  # of the noise, for the scheme
NUMBERS = 1  # random numbers a step needs
BUFFER = 2  # rows of the numbers that the generator makes at once: those of some whole steps
LEAD = 3  # 1 if step n uses the numbers of step n + 1, and work starts with those of step n
WORK = 4  # rows of scratch that the scheme needs
REFINE = 5  # increments of the finest path that a step sums
FIRST_PATH = 6  # number of the first path of the state
MOST = 7  # steps that the scheme makes in one call, at most
PACK = 8  # numbers that the generator puts into one entry: 1, or 32 two-point ones


@njit(error_model="numpy")
def _numbers(xi, z, words, at, step, plan, path, noise, key):
    """Fill xi (m, L) with the numbers of a step: those of the generator, or normalized sums over finer steps."""
    m, lanes = xi.shape
    refine = plan[REFINE]
    rows = z.shape[0]
    for r in range(refine):
        first = (step * refine + r) * m
        if first // rows != at[0]:
            at[0] = first // rows
            noise(z, words, at[0] * rows, path, key)
        offset = first % rows
        for j in range(m):
            for lane in range(lanes):
                xi[j, lane] = z[offset + j, lane] + (xi[j, lane] if r else 0.0)
    if refine > 1:
        scale = 1.0 / math.sqrt(refine)
        for j in range(m):
            for lane in range(lanes):
                xi[j, lane] *= scale


@njit(error_model="numpy")
def _advance(
    x, work, xi, z, words, at, scheme, drift, diffusion, derivative, noise, p, matrix, plan, dt, start, step, n_steps,
    path, key,
):  # fmt: skip
    """Make n_steps steps of one block, in place; z holds the numbers from at[0] times its size on."""
    m, pack = plan[NUMBERS], plan[PACK]
    size = z.shape[0] * pack
    n, end = step, step + n_steps
    while n < end:
        p[-1] = start + n * dt
        count = 1
        if plan[REFINE] == 1 and m:
            number = (n + plan[LEAD]) * m
            if number // size != at[0]:
                at[0] = number // size
                noise(z, words, at[0] * size, path, key)
            offset = number - at[0] * size
            count = min(plan[MOST], end - n, (size - offset) // m)
            entry = offset // pack
            numbers = z[entry : (offset + count * m - 1) // pack + 1]
            offset -= entry * pack
            scheme(
                x, work, numbers, offset, count, drift, diffusion, derivative, p, matrix, dt, plan[LAYOUT]
            )  # fmt: skip
        else:
            _numbers(xi, z, words, at, n + plan[LEAD], plan, path, noise, key)
            scheme(x, work, xi, 0, 1, drift, diffusion, derivative, p, matrix, dt, plan[LAYOUT])
        n += count


@checked
@njit(parallel=True, error_model="numpy", cache=True)
def advance(
    state, scheme, drift, diffusion, derivative, noise, parameters, matrix, plan, dt, start, step, key,
    n_frames, every, frames,
):  # fmt: skip
    """Make n_frames * every steps of all blocks of state (n_blocks, d, L), in place; `step` have been made before.

    After each `every` the positions go to frames (n_frames, n_paths, d), which is empty if none are wanted; lanes
    beyond n_paths pad the last block.
    """
    blocks, d, lanes = state.shape
    for block in prange(blocks):
        path = plan[FIRST_PATH] + block * lanes
        used = min(lanes, frames.shape[1] - block * lanes)
        work = np.zeros((plan[WORK], lanes))
        xi = np.empty((plan[NUMBERS], lanes))
        z = np.empty((plan[BUFFER], lanes))
        words = np.empty((2, lanes), np.uint64)
        at = np.full(1, -1)
        p = parameters.copy()
        if plan[LEAD]:
            _numbers(work[: plan[NUMBERS]], z, words, at, step, plan, path, noise, key)
        for frame in range(n_frames):
            _advance(
                state[block], work, xi, z, words, at, scheme, drift, diffusion, derivative, noise, p, matrix, plan,
                dt, start, step + frame * every, every, path, key,
            )  # fmt: skip
            if frames.size:
                for lane in range(used):
                    for i in range(d):
                        frames[frame, block * lanes + lane, i] = state[block, i, lane]


@njit(error_model="numpy")
def _add_moments(x, origin, first, second):
    """Add x - origin (d, L) to first (d, L), and its products to second (d (d + 1) / 2, L)."""
    dimension, lanes = x.shape
    row = 0
    for i in range(dimension):
        for lane in range(lanes):
            first[i, lane] += x[i, lane] - origin[i, lane]
        for j in range(i + 1):
            for lane in range(lanes):
                second[row, lane] += (x[i, lane] - origin[i, lane]) * (x[j, lane] - origin[j, lane])
            row += 1


@njit(error_model="numpy")
def _add_values(values, origin, first, second):
    """Add values (K, L) minus the last K rows of origin to the last rows of first, and the squares to second's."""
    rows, lanes = values.shape
    i, j = first.shape[0] - rows, second.shape[0] - rows
    for k in range(rows):
        for lane in range(lanes):
            value = values[k, lane] - origin[i + k, lane]
            first[i + k, lane] += value
            second[j + k, lane] += value * value


@njit(error_model="numpy")
def _add_counts(x, used, lower, scale, shape, counts):
    """Count the first `used` lanes of x (d, L) in a grid of cells; the last entry counts finite points outside it."""
    dimension = x.shape[0]
    for lane in range(used):
        cell, inside, finite = 0, True, True
        for i in range(dimension):
            position = (x[i, lane] - lower[i]) * scale[i]
            finite = finite and np.isfinite(position)
            inside = inside and 0.0 <= position < shape[i]
            cell = cell * shape[i] + (np.int64(position) if inside else 0)
        if finite:
            counts[cell if inside else counts.size - 1] += 1


@checked
@njit(parallel=True, error_model="numpy", cache=True)
def advance_and_record(
    state, scheme, drift, diffusion, derivative, noise, parameters, matrix, plan, dt, start, step, key,
    n_records, every, observe, observed, origin, first, second, lower, scale, shape, counts, used,
):  # fmt: skip
    """Make n_records * every steps, adding the state to the statistics after each `every`.

    observe, with the parameters `observed`, gives K functions of the state; the moments of the state come in the first
    rows of first and second, those of the functions in the last K.

    counts has one row per group of consecutive blocks: groups run in parallel, the blocks of one in turn, so that a
    row is written by one thread only and rows are independent. `used` is the number of real paths; lanes beyond it pad
    the last block.
    """
    blocks, _, lanes = state.shape
    groups = counts.shape[0]
    for group in prange(groups):
        work = np.zeros((plan[WORK], lanes))
        xi = np.empty((plan[NUMBERS], lanes))
        z = np.empty((plan[BUFFER], lanes))
        words = np.empty((2, lanes), np.uint64)
        at = np.empty(1, np.int64)
        p, q = parameters.copy(), observed.copy()
        values = np.empty((first.shape[1] - state.shape[1], lanes))
        for block in range(group * blocks // groups, (group + 1) * blocks // groups):
            path = plan[FIRST_PATH] + block * lanes
            at[0] = -1
            if plan[LEAD]:
                _numbers(work[: plan[NUMBERS]], z, words, at, step, plan, path, noise, key)
            for record in range(n_records):
                _advance(
                    state[block], work, xi, z, words, at, scheme, drift, diffusion, derivative, noise, p, matrix,
                    plan, dt, start, step + record * every, every, path, key,
                )  # fmt: skip
                _add_moments(state[block], origin[block], first[block], second[block])
                if values.shape[0]:
                    q[-1] = start + (step + (record + 1) * every) * dt
                    observe(state[block], q, values)
                    _add_values(values, origin[block], first[block], second[block])
                if shape.size:
                    _add_counts(state[block], min(lanes, used - block * lanes), lower, scale, shape, counts[group])


@njit(error_model="numpy")
def _spread(values, b, matrix, kind, out):
    """Fill the first row of out (2, L) with |B' a|^2, where a (d, L) are the rows of values from the second on."""
    d, lanes = values.shape[0] - 1, values.shape[1]
    out[0] = 0.0
    columns = 0 if kind == 2 else (matrix.shape[1] if kind == 1 else b.shape[0] // d)
    for i in range(d if kind == 2 else 0):
        for lane in range(lanes):
            part = values[1 + i, lane] * b[i, lane]
            out[0, lane] += part * part
    for j in range(columns):
        out[1] = 0.0
        for i in range(d):
            for lane in range(lanes):
                out[1, lane] += values[1 + i, lane] * (matrix[i, j] if kind == 1 else b[i * columns + j, lane])
        for lane in range(lanes):
            out[0, lane] += out[1, lane] * out[1, lane]


@njit(error_model="numpy")
def _entry(old, new, scale, u):
    """Return which part of the step was over when a lane entered, NaN if it did not, or -1 if it is not finite.

    old < 0 and new are the target's function before and after the step, scale the variance of its change.
    """
    if not np.isfinite(new):
        return -1.0
    if new >= 0.0:
        return old / (old - new)
    # No number is below 2^-33, so that beyond 23 there is no crossing.
    exponent = 2.0 * old * new
    if exponent < 23.0 * scale and u < math.exp(-exponent / scale):
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
def _arrivals(value, reached, arrives):
    """Say in arrives (L) which of the lanes that have not been reached yet are inside a target now."""
    for lane in range(value.shape[0]):
        arrives[lane] = value[lane] >= 0.0 and np.isnan(reached[lane])


@njit(error_model="numpy")
def _add_zeros(value, x):
    """Make value (L) NaN where any component of x (d, L) is not finite, for functions that do not look at all."""
    for i in range(x.shape[0]):
        for lane in range(x.shape[1]):
            value[lane] += 0.0 * x[i, lane]


@checked
@njit(parallel=True, error_model="numpy", cache=True)
def advance_to_target(
    state, scheme, drift, diffusion, derivative, noise, parameters, matrix, plan, dt, start, step, key,
    n_steps, target, target_parameters, spread, spread_matrix, bridge, uniform, tangent, meeting, times,
):  # fmt: skip
    """Make up to n_steps steps, until all lanes of a block have entered the target.

    times (n_blocks, L) takes the time since `start` of each entry: NaN means not yet, -n that the lane is not finite
    after n steps.
    target gives a function that is negative outside the target, and its d derivatives, (1 + d, L). bridge is [layout of
    the noise, rows of the function `spread`, whether the target's function is curved]: a lane that is outside before
    and after a step has entered it between with the probability that a Brownian bridge has, decided by a number of its
    own. A negative layout turns this off. Where the function is curved, `tangent` says how far its border is, and
    `meeting` where a step comes to it.
    """
    blocks, d, lanes = state.shape
    kind, curved = bridge[0], bridge[2]
    for block in prange(blocks):
        reached = times[block]
        waiting = 0
        for lane in range(lanes):
            waiting += np.isnan(reached[lane])
        path = plan[FIRST_PATH] + block * lanes
        work = np.zeros((plan[WORK], lanes))
        xi = np.empty((plan[NUMBERS], lanes))
        z = np.empty((plan[BUFFER], lanes))
        words = np.empty((2, lanes), np.uint64)
        at = np.full(1, -1)
        p, q = parameters.copy(), target_parameters.copy()
        values, before = np.empty((1 + d, lanes)), np.empty(lanes)
        plane = np.empty((1 + d, lanes)) if curved else values
        held, part = np.empty((curved * d, lanes)), np.empty((1 + d, lanes))
        arrives = np.zeros(lanes, np.int64)
        b, variance, after = np.empty((bridge[1], lanes)), np.zeros((2, lanes)), np.zeros((2, lanes))
        u = np.empty((4, lanes))
        drawn = -1
        q[-1] = start + step * dt
        if waiting:
            target(state[block], q, values)
        for n in range(step, step + n_steps):
            if waiting == 0:
                break
            if kind >= 0:
                if bridge[1]:
                    p[-1] = start + n * dt
                    spread(state[block], p, b)
                if curved and (n == step or bridge[1]):
                    tangent(state[block], values, 0, b, spread_matrix, kind, math.sqrt(dt), target, q, reached, plane)
                _spread(plane, b, spread_matrix, kind, variance)
                if n >> 2 != drawn:
                    drawn = n >> 2
                    uniform(u, words, drawn << 2, path, key)
            before[:] = plane[0]
            held[:] = state[block, : curved * d]
            _advance(
                state[block], work, xi, z, words, at, scheme, drift, diffusion, derivative, noise, p, matrix, plan,
                dt, start, n, 1, path, key,
            )  # fmt: skip
            q[-1] = start + (n + 1) * dt
            target(state[block], q, values)
            _add_zeros(values[0], state[block])
            if curved:
                if kind >= 0:
                    tangent(state[block], values, 0, b, spread_matrix, kind, math.sqrt(dt), target, q, reached, plane)
                    _spread(plane, b, spread_matrix, kind, after)
                _arrivals(values[0], reached, arrives)
                meeting(held, state[block], 0, start + n * dt, q[-1], target, q, arrives, part)
            for lane in range(lanes):
                if not np.isnan(reached[lane]):
                    continue
                if curved:
                    at_entry = _curved_entry(
                        before[lane], plane[0, lane], values[0, lane], variance[0, lane] * dt, after[0, lane] * dt,
                        part[0, lane], u[n & 3, lane],
                    )  # fmt: skip
                else:
                    at_entry = _entry(before[lane], values[0, lane], variance[0, lane] * dt, u[n & 3, lane])
                if at_entry == at_entry:
                    reached[lane] = (n + at_entry) * dt if at_entry >= 0.0 else -(n + 1.0)
                    waiting -= 1


@checked
@njit(parallel=True, error_model="numpy", cache=True)
def advance_between_cores(
    state, scheme, drift, diffusion, derivative, noise, parameters, matrix, plan, dt, start, step, key,
    n_steps, cores, core_parameters, spread, spread_matrix, bridge, uniform, tangent, meeting, last, since, stayed,
    moves, lost,
):  # fmt: skip
    """Make n_steps steps, and note when each lane enters another of k cores than it visited last.

    cores gives the functions of k cores and their derivatives, (k (1 + d), L), negative outside. By block and lane:
    last is the core visited last, or -1; since, the time at which it was entered; stayed (k) the time from there to
    the next core, summed; moves (k k) their number; lost, 0, or the number of steps after which the lane is not finite.
    """
    blocks, d, lanes = state.shape
    kind, k, curved, rows = bridge[0], stayed.shape[1], bridge[2], 1 + state.shape[1]
    for block in prange(blocks):
        path = plan[FIRST_PATH] + block * lanes
        work = np.zeros((plan[WORK], lanes))
        xi = np.empty((plan[NUMBERS], lanes))
        z = np.empty((plan[BUFFER], lanes))
        words = np.empty((2, lanes), np.uint64)
        at = np.full(1, -1)
        p, q = parameters.copy(), core_parameters.copy()
        values, before = np.empty((k * rows, lanes)), np.empty((k, lanes))
        planes = np.empty((k * rows, lanes)) if curved else values
        held, part = np.empty((curved * d, lanes)), np.empty((k, curved * k * rows, lanes))
        arrives, waits = np.zeros(lanes, np.int64), np.full(lanes, np.nan)
        b, variance, after = np.empty((bridge[1], lanes)), np.zeros((2 * k, lanes)), np.zeros((2 * k, lanes))
        u = np.ones((4, lanes))
        drawn = -1
        q[-1] = start + step * dt
        cores(state[block], q, values)
        for n in range(step, step + n_steps):
            if kind >= 0:
                if bridge[1]:
                    p[-1] = start + n * dt
                    spread(state[block], p, b)
                if n >> 2 != drawn:
                    drawn = n >> 2
                    uniform(u, words, drawn << 2, path, key)
            for core in range(k):
                if kind >= 0:
                    if curved and (n == step or bridge[1]):
                        tangent(
                            state[block], values, core * rows, b, spread_matrix, kind, math.sqrt(dt), cores, q, waits,
                            planes,
                        )  # fmt: skip
                    gradient = planes[core * rows : (core + 1) * rows]
                    _spread(gradient, b, spread_matrix, kind, variance[2 * core : 2 * core + 2])
                before[core] = planes[core * rows]
            held[:] = state[block, : curved * d]
            _advance(
                state[block], work, xi, z, words, at, scheme, drift, diffusion, derivative, noise, p, matrix, plan,
                dt, start, n, 1, path, key,
            )  # fmt: skip
            q[-1] = start + (n + 1) * dt
            cores(state[block], q, values)
            for core in range(k):
                _add_zeros(values[core * rows], state[block])
                if curved:
                    if kind >= 0:
                        tangent(
                            state[block], values, core * rows, b, spread_matrix, kind, math.sqrt(dt), cores, q, waits,
                            planes,
                        )  # fmt: skip
                        gradient = planes[core * rows : (core + 1) * rows]
                        _spread(gradient, b, spread_matrix, kind, after[2 * core : 2 * core + 2])
                    _arrivals(values[core * rows], waits, arrives)
                    meeting(
                        held, state[block], core * rows, start + n * dt, q[-1], cores, q, arrives, part[core]
                    )  # fmt: skip
            for lane in range(lanes):
                here, entered, share = last[block, lane], -1, 2.0
                for core in range(k):
                    if core == here or lost[block, lane]:
                        continue
                    # Cores may overlap, or have been missed for one step: who is inside already enters at once.
                    old, new = min(before[core, lane], 0.0), values[core * rows, lane]
                    if curved:
                        now = _curved_entry(
                            old, planes[core * rows, lane], new, variance[2 * core, lane] * dt,
                            after[2 * core, lane] * dt, part[core, 0, lane], u[n & 3, lane],
                        )  # fmt: skip
                    else:
                        now = _entry(old, new, variance[2 * core, lane] * dt, u[n & 3, lane])
                    if now < 0.0:
                        lost[block, lane] = n + 1
                    elif now < share:
                        entered, share = core, now
                if entered >= 0 and not lost[block, lane]:
                    time = (n + share) * dt
                    if here >= 0:
                        stayed[block, here, lane] += time - since[block, lane]
                        moves[block, here * k + entered, lane] += 1
                    last[block, lane], since[block, lane] = entered, time
