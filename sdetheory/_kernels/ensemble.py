"""Drivers: advance all blocks of an ensemble, with or without keeping statistics.

A block holds L paths as an array (d, L), so that every inner loop runs over lanes. A driver makes the random numbers,
keeps the time, and calls the scheme once a step for each block; what it calls is compiled elsewhere and comes in as a
first-class function.

`plan` holds whole numbers: see the constants.
"""

import math

import numpy as np
from numba import njit, prange, types
from numba.extending import intrinsic

LAYOUT = 0  # of the noise, for the scheme; or DIRECT
NUMBERS = 1  # random numbers a step needs
UNIT = 2  # how many numbers of a path the generator makes at once
LEAD = 3  # 1 if step n uses the numbers of step n + 1, and work starts with those of step n
WORK = 4  # rows of scratch that the scheme needs
REFINE = 5  # increments of the finest path that a step sums
FIRST_PATH = 6  # number of the first path of the state

# Layout of Euler-Maruyama with additive diagonal noise, matrix (d, 1): the commonest case. The driver makes that step
# itself, in one pass over the block; to call the scheme would cost a fifth of the whole.
DIRECT = -1


@intrinsic
def fma(typingctx, a, b, c):
    """Return a * b + c, rounded once."""

    def build(context, builder, signature, args):
        return builder.fma(*args)

    return types.float64(types.float64, types.float64, types.float64), build


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
def _buffer(plan, lanes):
    """Return an array for the numbers of as few steps as the generator makes at once."""
    m, unit = plan[NUMBERS], plan[UNIT]
    return np.empty((m * unit // math.gcd(m, unit), lanes))


@njit(error_model="numpy")
def _advance(
    x, work, xi, z, words, at, scheme, drift, diffusion, derivative, noise, p, matrix, plan, dt, start, step, n_steps,
    path, key,
):  # fmt: skip
    """Make n_steps steps of one block, in place; z holds the numbers from at[0] * rows on."""
    m = plan[NUMBERS]
    for n in range(step, step + n_steps):
        p[-1] = start + n * dt
        first = (n + plan[LEAD]) * m
        if plan[REFINE] == 1 and m:
            if first // z.shape[0] != at[0]:
                at[0] = first // z.shape[0]
                noise(z, words, at[0] * z.shape[0], path, key)
            offset = first - at[0] * z.shape[0]
            if plan[LAYOUT] == DIRECT:
                drift(x, p, work)
                for i in range(x.shape[0]):
                    scale = math.sqrt(dt) * matrix[i, 0]
                    for lane in range(x.shape[1]):
                        x[i, lane] = fma(scale, z[offset + i, lane], fma(dt, work[i, lane], x[i, lane]))
                continue
            scheme(x, work, z[offset : offset + m], drift, diffusion, derivative, p, matrix, dt, plan[LAYOUT])
        else:
            _numbers(xi, z, words, at, n + plan[LEAD], plan, path, noise, key)
            scheme(x, work, xi, drift, diffusion, derivative, p, matrix, dt, plan[LAYOUT])


@njit(parallel=True, error_model="numpy", cache=True)
def advance(
    state, scheme, drift, diffusion, derivative, noise, parameters, matrix, plan, dt, start, step, key, n_steps
):  # fmt: skip
    """Make n_steps steps of all blocks of state (n_blocks, d, L), in place; `step` steps have been made before."""
    blocks, _, lanes = state.shape
    for block in prange(blocks):
        path = plan[FIRST_PATH] + block * lanes
        work = np.zeros((plan[WORK], lanes))
        xi = np.empty((plan[NUMBERS], lanes))
        z = _buffer(plan, lanes)
        words = np.empty((2, lanes), np.uint64)
        at = np.full(1, -1)
        if plan[LEAD]:
            _numbers(work[: plan[NUMBERS]], z, words, at, step, plan, path, noise, key)
        _advance(
            state[block], work, xi, z, words, at, scheme, drift, diffusion, derivative, noise, parameters.copy(),
            matrix, plan, dt, start, step, n_steps, path, key,
        )  # fmt: skip


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


@njit(parallel=True, error_model="numpy", cache=True)
def advance_and_record(
    state, scheme, drift, diffusion, derivative, noise, parameters, matrix, plan, dt, start, step, key,
    n_records, every, origin, first, second, lower, scale, shape, counts, used,
):  # fmt: skip
    """Make n_records * every steps, adding the state to the statistics after each `every`.

    counts has one row per group of consecutive blocks: groups run in parallel, the blocks of one in turn, so that a
    row is written by one thread only and rows are independent. `used` is the number of real paths; lanes beyond it pad
    the last block.
    """
    blocks, _, lanes = state.shape
    groups = counts.shape[0]
    for group in prange(groups):
        work = np.zeros((plan[WORK], lanes))
        xi = np.empty((plan[NUMBERS], lanes))
        z = _buffer(plan, lanes)
        words = np.empty((2, lanes), np.uint64)
        at = np.empty(1, np.int64)
        p = parameters.copy()
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


@njit(parallel=True, error_model="numpy", cache=True)
def advance_to_target(
    state, scheme, drift, diffusion, derivative, noise, parameters, matrix, plan, dt, start, step, key,
    n_steps, target, target_parameters, spread, spread_matrix, bridge, uniform, times,
):  # fmt: skip
    """Make up to n_steps steps, until all lanes of a block have entered the target.

    times (n_blocks, L) takes the time since `start` of each entry: NaN means not yet, -1 that the lane is not finite.
    target gives a function that is negative outside the target, and its d derivatives, (1 + d, L). bridge is [layout of
    the noise, rows of the function `spread`]: a lane that is outside before and after a step has entered it between
    with the probability that a Brownian bridge has, decided by a number of its own. A negative layout turns this off.
    """
    blocks, d, lanes = state.shape
    kind = bridge[0]
    for block in prange(blocks):
        reached = times[block]
        waiting = 0
        for lane in range(lanes):
            waiting += np.isnan(reached[lane])
        path = plan[FIRST_PATH] + block * lanes
        work = np.zeros((plan[WORK], lanes))
        xi = np.empty((plan[NUMBERS], lanes))
        z = _buffer(plan, lanes)
        words = np.empty((2, lanes), np.uint64)
        at = np.full(1, -1)
        p, q = parameters.copy(), target_parameters.copy()
        values, before = np.empty((1 + d, lanes)), np.empty(lanes)
        b, variance, u = np.empty((bridge[1], lanes)), np.zeros((2, lanes)), np.empty((4, lanes))
        drawn = -1
        q[-1] = start + step * dt
        if waiting:
            target(state[block], q, values)
        for n in range(step, step + n_steps):
            if waiting == 0:
                break
            before[:] = values[0]
            if kind >= 0:
                if bridge[1]:
                    p[-1] = start + n * dt
                    spread(state[block], p, b)
                _spread(values, b, spread_matrix, kind, variance)
                if n >> 2 != drawn:
                    drawn = n >> 2
                    uniform(u, words, drawn << 2, path, key)
            _advance(
                state[block], work, xi, z, words, at, scheme, drift, diffusion, derivative, noise, p, matrix, plan,
                dt, start, n, 1, path, key,
            )  # fmt: skip
            q[-1] = start + (n + 1) * dt
            target(state[block], q, values)
            for lane in range(lanes):
                if not np.isnan(reached[lane]):
                    continue
                old, new = before[lane], values[0, lane]
                if not np.isfinite(new):
                    reached[lane] = -1.0
                    waiting -= 1
                elif new >= 0.0:
                    reached[lane] = (n + old / (old - new)) * dt
                    waiting -= 1
                elif kind >= 0:
                    # No number is below 2^-33, so that beyond 23 there is no crossing.
                    exponent = 2.0 * old * new
                    scale = variance[0, lane] * dt
                    if exponent < 23.0 * scale and u[n & 3, lane] < math.exp(-exponent / scale):
                        # Reflected, the path after the crossing ends at -new: the same law of the crossing's time.
                        reached[lane] = (n + old / (old + new)) * dt
                        waiting -= 1
