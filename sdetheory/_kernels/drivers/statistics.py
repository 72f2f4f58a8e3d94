"""Statistics of an ensemble, summed while its paths go on: moments, observables, a histogram."""

import numpy as np
from numba import njit, prange

from .._cache import checked
from .stepping import begin, laid_out, make_steps


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
def advance_and_record(state, step, equation, numbers, clock, n_records, every, observed, moments, grid):
    """Make n_records * every steps, adding the state to the statistics after each `every`.

    The moments of the state come in the first rows of first and second, those of the K observables in the last K.

    Groups of consecutive blocks run in parallel, the blocks of one in turn, so that a row of the counts is written by
    one thread only and rows are independent.
    """
    blocks, d, lanes = state.shape
    groups = grid.counts.shape[0]
    for group in prange(groups):
        room = laid_out(step, equation, numbers, lanes)
        q = observed.parameters.copy()
        values = np.empty((moments.first.shape[1] - d, lanes))
        for block in range(group * blocks // groups, (group + 1) * blocks // groups):
            path = numbers.path + block * lanes
            origin, first, second = moments.origin[block], moments.first[block], moments.second[block]
            begin(room, step, numbers, clock.step, path)
            for record in range(n_records):
                make_steps(state[block], room, step, numbers, clock, clock.step + record * every, every, path)
                _add_moments(state[block], origin, first, second)
                if values.shape[0]:
                    q[-1] = clock.start + (clock.step + (record + 1) * every) * clock.dt
                    observed.function(state[block], q, values)
                    _add_values(values, origin, first, second)
                if grid.shape.size:
                    used = min(lanes, grid.used - block * lanes)
                    _add_counts(state[block], used, grid.lower, grid.scale, grid.shape, grid.counts[group])
