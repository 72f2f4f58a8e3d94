"""SGD itself: which examples are in each minibatch, and ensembles of runs on models of one product x·w an example.

Runs go through a kernel in blocks of lanes. What is drawn for a run depends on the seed, the run and the step alone (or
on the epoch), so that results do not depend on threads, blocks or chunks of steps.
"""

import math

import numpy as np
from numba import njit, prange

WITHOUT_REPLACEMENT, WITH_REPLACEMENT, RESHUFFLING = 0, 1, 2
HEAVY_BALL, NESTEROV, ADAPTIVE = 0, 1, 2

LANES = 16
"""Runs in a block: their examples together fill the vectors in which slopes are computed."""

_BATCH_TAG, _EPOCH_TAG = 3, 4
_32 = np.uint64(32)


@njit(error_model="numpy")
def _below(word, n):
    """Return a whole number from 0 to n - 1 from 32 random bits; probabilities are right to 2^-32."""
    return np.int64((word * np.uint64(n)) >> _32)


@njit(error_model="numpy")
def _groups(kind, batch_size):
    """Return how many groups of four random words a batch needs."""
    return 0 if kind == RESHUFFLING else (batch_size + 3) // 4


@njit(error_model="numpy")
def _shuffle(order, words, lane):
    """Fill order (N,) with a permutation (Fisher and Yates)."""
    n = order.shape[0]
    for i in range(n):
        order[i] = i
    for i in range(n - 1):
        j = i + _below(words[i, lane], n - i)
        order[i], order[j] = order[j], order[i]


@njit(error_model="numpy")
def _draw(chosen, words, lane, kind, n, order, first, marks, mark):
    """Fill chosen (B,) with the examples of one batch; marks (N,) holds no value as great as mark."""
    size = chosen.shape[0]
    if kind == RESHUFFLING:
        for b in range(size):
            chosen[b] = order[first + b]
    elif kind == WITH_REPLACEMENT:
        for b in range(size):
            chosen[b] = _below(words[b, lane], n)
    elif size == n:
        for b in range(size):
            chosen[b] = b
    else:
        # Floyd: each subset of B examples is equally likely, by B random numbers.
        for b in range(size):
            last = n - size + b
            i = _below(words[b, lane], last + 1)
            if marks[i] == mark:
                i = last
            marks[i] = mark
            chosen[b] = i


@njit(error_model="numpy", cache=True)
def batches(out, n, kind, run, first_step, draw_words, key):
    """Fill out (n_steps, B) with the batches of consecutive steps of one run."""
    n_steps, size = out.shape
    words = np.empty((4 * _groups(kind, size), 1), np.uint64)
    deck = np.empty((4 * ((n + 3) // 4) if kind == RESHUFFLING else 0, 1), np.uint64)
    order = np.empty(n if kind == RESHUFFLING else 0, np.int64)
    marks = np.zeros(n, np.int64)
    per_epoch = n // size
    epoch = -1
    for s in range(n_steps):
        step = first_step + s
        if kind == RESHUFFLING:
            if step // per_epoch != epoch:
                epoch = step // per_epoch
                draw_words(deck, run, epoch, _EPOCH_TAG, key)
                _shuffle(order, deck, 0)
        else:
            draw_words(words, run, step, _BATCH_TAG, key)
        _draw(out[s], words, 0, kind, n, order, step % per_epoch * size, marks, s + 1)


@njit(parallel=True, error_model="numpy", cache=True)
def advance(
    w, v, second, X, y, prior, slope, kind, optimizer, sizes, rates, constants, first_step, first_run, draw_words, key,
    diverged, average_from, sums, squares,
):  # fmt: skip
    """Make len(sizes) steps of every run.

    w, v, second (n_runs, d) are weights, velocities and second moments; X (N, d), y (N,) the data, all padded with
    zeros to whole vectors of eight. constants are the momentum, the scale of a gradient, the decay of the second moment,
    its floor, and 1 if averages are freed of their start at zero. Weights after each step from number average_from on
    are added to sums (n_runs, d), and their products to squares (n_runs, p, p) for the p ≤ d that are not padding.
    diverged (n_runs,) takes the first step after which a run is not finite, and such a run rests.
    """
    n_runs, d = w.shape
    n = X.shape[0]
    most = sizes.max()
    per_epoch = n // most
    for block in prange((n_runs + LANES - 1) // LANES):
        low = block * LANES
        lanes = min(LANES, n_runs - low)
        words = np.empty(4 * _groups(kind, most) * lanes, np.uint64)
        deck = np.empty((4 * ((n + 3) // 4) if kind == RESHUFFLING else 0, lanes), np.uint64)
        orders = np.empty((lanes, n if kind == RESHUFFLING else 0), np.int64)
        marks = np.zeros(n, np.int64)
        chosen = np.empty(lanes * most, np.int64)
        products, slopes = np.empty(2 * lanes * most), np.empty(lanes * most)
        partial, gradient, none = np.empty(8), np.empty(d), np.empty(1)
        momentum, kept, decay, floor = constants[0], constants[1], constants[2], constants[3]
        epoch, mark = -1, 0
        for s in range(sizes.shape[0]):
            step, size = first_step + s, sizes[s]
            if kind == RESHUFFLING and step // per_epoch != epoch:
                epoch = step // per_epoch
                draw_words(deck, first_run + low, epoch, _EPOCH_TAG, key)
                for lane in range(lanes):
                    _shuffle(orders[lane], deck, lane)
            groups = 4 * _groups(kind, size)
            drawn = words[: groups * lanes].reshape((groups, lanes))
            if groups and not (kind == WITHOUT_REPLACEMENT and size == n):
                draw_words(drawn, first_run + low, step, _BATCH_TAG, key)
            z = products[: 2 * lanes * size].reshape((2, lanes * size))
            for lane in range(lanes):
                mark += 1
                mine = chosen[lane * size : (lane + 1) * size]
                _draw(mine, drawn, lane, kind, n, orders[lane], step % per_epoch * size, marks, mark)
                weights = w[low + lane]
                for b in range(size):
                    row = X[mine[b]]
                    # Eight sums side by side: one would have to be added up in order.
                    for i in range(8):
                        partial[i] = 0.0
                    for j in range(0, d, 8):
                        for i in range(8):
                            partial[i] += weights[j + i] * row[j + i]
                    z[0, lane * size + b] = (
                        ((partial[0] + partial[4]) + (partial[1] + partial[5]))
                        + ((partial[2] + partial[6]) + (partial[3] + partial[7]))
                    )  # fmt: skip
                    z[1, lane * size + b] = y[mine[b]]
            out = slopes[: lanes * size].reshape((1, lanes * size))
            slope(z, none, out)
            for lane in range(lanes):
                run = low + lane
                if diverged[run] >= 0:
                    continue
                weights, velocity = w[run], v[run]
                # In units of the mean gradient.
                for j in range(d):
                    gradient[j] = 0.0
                for b in range(size):
                    row, slope_b = X[chosen[lane * size + b]], out[0, lane * size + b]
                    for j in range(d):
                        gradient[j] += slope_b * row[j]
                share, pull = 1.0 / size, prior / n
                total = 0.0
                if optimizer == HEAVY_BALL:
                    factor = kept * rates[s]
                    for j in range(d):
                        velocity[j] = momentum * velocity[j] - factor * (share * gradient[j] + pull * weights[j])
                        weights[j] += velocity[j]
                elif optimizer == NESTEROV:
                    factor = kept * rates[s]
                    for j in range(d):
                        move = factor * (share * gradient[j] + pull * weights[j])
                        velocity[j] = momentum * velocity[j] - move
                        weights[j] += momentum * velocity[j] - move
                else:
                    squared = second[run]
                    first_bias = 1.0 - momentum ** (step + 1) if constants[4] else 1.0
                    second_bias = 1.0 - decay ** (step + 1) if constants[4] else 1.0
                    for j in range(d):
                        mean = share * gradient[j] + pull * weights[j]
                        velocity[j] = momentum * velocity[j] + (1.0 - momentum) * mean
                        squared[j] = decay * squared[j] + (1.0 - decay) * mean * mean
                        size_of_gradient = math.sqrt(squared[j] / second_bias) + floor
                        weights[j] -= rates[s] * velocity[j] / first_bias / size_of_gradient
                for i in range(8):
                    partial[i] = 0.0
                for j in range(0, d, 8):
                    for i in range(8):
                        partial[i] += weights[j + i] * 0.0
                for i in range(8):
                    total += partial[i]
                if total != 0.0:
                    diverged[run] = step + 1
                elif step >= average_from:
                    for j in range(d):
                        sums[run, j] += weights[j]
                    for i in range(squares.shape[1]):
                        for j in range(squares.shape[2]):
                            squares[run, i, j] += weights[i] * weights[j]
