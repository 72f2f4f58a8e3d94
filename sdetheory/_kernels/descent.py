"""SGD itself: which examples are in each minibatch, and ensembles of runs on models of a few products x·w an example.

Runs go through a kernel in blocks of lanes. What is drawn for a run depends on the seed, the run and the step alone (or
on the epoch), so that results do not depend on threads, blocks or chunks of steps.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit, prange

from ._cache import checked

WITHOUT_REPLACEMENT, WITH_REPLACEMENT, RESHUFFLING, POISSON = 0, 1, 2, 3
HEAVY_BALL, NESTEROV, ADAPTIVE, HEAVY_BALL_OF_GRADIENTS, NESTEROV_OF_GRADIENTS = 0, 1, 2, 3, 4

LANES = 64
"""Runs in a block, which stays in a cache of 32 kB for some twenty weights."""

_BATCH_TAG, _EPOCH_TAG = 3, 4


@njit(error_model="numpy")
def _rows(kind, n, batch_size):
    """Return how many rows of 64 random bits a batch needs, or a permutation: two numbers each, four at a time."""
    return ((n if kind in (RESHUFFLING, POISSON) else batch_size) + 3) // 4 * 2


@njit(error_model="numpy")
def _below(words, q, lane, n):
    """Return a whole number from 0 to n - 1, the q-th of a lane; probabilities are right to 2^-32."""
    word = (words[q >> 1, lane] >> np.uint64(32 * (q & 1))) & np.uint64(0xFFFFFFFF)
    return np.int64((word * np.uint64(n)) >> np.uint64(32))


@njit(error_model="numpy")
def _shuffle(orders, words):
    """Fill orders (L, N) with a permutation for each lane (Fisher and Yates)."""
    lanes, n = orders.shape
    for lane in range(lanes):
        for i in range(n):
            orders[lane, i] = i
        for i in range(n - 1):
            j = i + _below(words, i, lane, n - i)
            orders[lane, i], orders[lane, j] = orders[lane, j], orders[lane, i]


@njit(error_model="numpy")
def _draw(chosen, size, words, kind, n, orders, first, marks, mark):
    """Fill chosen[:, :size] with the examples of a batch for each lane; return the mark that was used last.

    marks (N,) holds none greater than the given one.
    """
    lanes = chosen.shape[0]
    for lane in range(lanes):
        mark += 1
        for b in range(size):
            if kind == RESHUFFLING:
                i = orders[lane, first + b]
            elif kind == WITH_REPLACEMENT:
                i = _below(words, b, lane, n)
            elif size == n:
                i = b
            else:
                # Floyd: each subset of B examples is equally likely, by B random numbers.
                last = n - size + b
                i = _below(words, b, lane, last + 1)
                i = last if marks[i] == mark else i
                marks[i] = mark
            chosen[lane, b] = i
    return mark


@njit(error_model="numpy")
def _toss(chosen, counts, size, words, n):
    """Fill chosen[lane, :counts[lane]] with examples that are each taken with the chance size/n; return the most.

    Probabilities are right to 2^-32. Up to the most examples, n stands for none.
    """
    lanes = chosen.shape[0]
    threshold = (np.uint64(size) << np.uint64(32)) // np.uint64(n)
    most = 0
    for lane in range(lanes):
        count = 0
        for i in range(n):
            word = (words[i >> 1, lane] >> np.uint64(32 * (i & 1))) & np.uint64(0xFFFFFFFF)
            if word < threshold:
                chosen[lane, count] = i
                count += 1
        counts[lane] = count
        most = max(most, count)
    for lane in range(lanes):
        chosen[lane, counts[lane] : most] = n
    return most


@checked
@njit(error_model="numpy", cache=True)
def tossed(out, size, run, number, draw_words, key):
    """Fill out (N,) with the examples of one batch of Poisson sampling, of which there are as many as it returns."""
    n = out.shape[0]
    words, counts = np.empty((_rows(POISSON, n, size), 1), np.uint64), np.empty(1, np.int64)
    draw_words(words, run, number, _BATCH_TAG, key)
    return _toss(out.reshape(1, n), counts, size, words, n)


@checked
@njit(error_model="numpy", cache=True)
def batches(out, n, kind, run, first_step, draw_words, key):
    """Fill out (n_steps, B) with the batches of consecutive steps of one run."""
    n_steps, size = out.shape
    words = np.empty((_rows(kind, n, size), 1), np.uint64)
    orders = np.empty((1, n if kind == RESHUFFLING else 0), np.int64)
    marks = np.zeros(n, np.int64)
    per_epoch = n // size
    epoch, mark = -1, 0
    for s in range(n_steps):
        step = first_step + s
        if kind != RESHUFFLING:
            draw_words(words, run, step, _BATCH_TAG, key)
        elif step // per_epoch != epoch:
            epoch = step // per_epoch
            draw_words(words, run, epoch, _EPOCH_TAG, key)
            _shuffle(orders, words)
        mark = _draw(out[s : s + 1], size, words, kind, n, orders, step % per_epoch * size, marks, mark)


class _Room(NamedTuple):
    """Where a block's gradients are computed: one example of each lane, products and targets, slopes, no parameters."""

    tile: Any
    products: Any
    slopes: Any
    none: Any


@njit(error_model="numpy")
def _gradient(g, room, w, examples, chosen, size, weight):
    """Add weight times the sum of the gradients of each run's batch, without the prior, to g (m d, L)."""
    tile, products, slopes, none = room.tile, room.products, room.slopes, room.none
    X, y = examples.inputs, examples.targets
    m, lanes = slopes.shape
    d = X.shape[1]
    for b in range(size):
        for lane in range(lanes):
            i = chosen[lane, b]
            products[m, lane] = y[i]
            for j in range(d):
                tile[j, lane] = X[i, j]
        for a in range(m):
            for lane in range(lanes):
                products[a, lane] = 0.0
            for j in range(d):
                for lane in range(lanes):
                    products[a, lane] += w[a * d + j, lane] * tile[j, lane]
        examples.derivatives(products, none, slopes)
        for a in range(m):
            for lane in range(lanes):
                slopes[a, lane] *= weight
            for j in range(d):
                for lane in range(lanes):
                    g[a * d + j, lane] += slopes[a, lane] * tile[j, lane]


@njit(error_model="numpy")
def _move(w, v, second, g, optimizer, rate, share, pull, constants, step):
    """Change weights, velocities and second moments (d, L) by the sum of gradients g."""
    d, lanes = w.shape
    momentum, factor = constants[0], constants[1] * rate
    if optimizer == HEAVY_BALL:
        for j in range(d):
            for lane in range(lanes):
                v[j, lane] = momentum * v[j, lane] - factor * (share * g[j, lane] + pull * w[j, lane])
                w[j, lane] += v[j, lane]
    elif optimizer == NESTEROV:
        for j in range(d):
            for lane in range(lanes):
                change = factor * (share * g[j, lane] + pull * w[j, lane])
                v[j, lane] = momentum * v[j, lane] - change
                w[j, lane] += momentum * v[j, lane] - change
    elif optimizer in (HEAVY_BALL_OF_GRADIENTS, NESTEROV_OF_GRADIENTS):
        # The velocity is minus PyTorch's buffer, whose first gradient is not dampened.
        kept = constants[1] if step > 0 else 1.0
        for j in range(d):
            for lane in range(lanes):
                mean = share * g[j, lane] + pull * w[j, lane]
                v[j, lane] = momentum * v[j, lane] - kept * mean
                if optimizer == NESTEROV_OF_GRADIENTS:
                    w[j, lane] += rate * (momentum * v[j, lane] - mean)
                else:
                    w[j, lane] += rate * v[j, lane]
    else:
        decay, floor, unbiased = constants[2], constants[3], constants[4]
        first_bias = 1.0 - momentum ** (step + 1) if unbiased else 1.0
        second_bias = 1.0 - decay ** (step + 1) if unbiased else 1.0
        for j in range(d):
            for lane in range(lanes):
                mean = share * g[j, lane] + pull * w[j, lane]
                v[j, lane] = momentum * v[j, lane] + (1.0 - momentum) * mean
                second[j, lane] = decay * second[j, lane] + (1.0 - decay) * mean * mean
                w[j, lane] -= rate / first_bias * v[j, lane] / (math.sqrt(second[j, lane] / second_bias) + floor)


@checked
@njit(error_model="numpy", cache=True)
def change(w, v, second, gradient, optimizer, numbers):
    """Change weights, velocities and second moments (d,) of one run in one pass, all in the precision of w.

    numbers are the momentum and the factor of the gradient; for a velocity of gradients the momentum, the share of the
    gradient that is kept over N, 1/N and the rate; or N, the momentum and its complement, the decay and its complement,
    the correction of the second moment, the floor and the length of the step.
    """
    if optimizer == HEAVY_BALL:
        momentum, factor = numbers[0], numbers[1]
        for j in range(w.size):
            v[j] = momentum * v[j] - factor * gradient[j]
            w[j] += v[j]
    elif optimizer == NESTEROV:
        momentum, factor = numbers[0], numbers[1]
        for j in range(w.size):
            move = factor * gradient[j]
            v[j] = momentum * v[j] - move
            w[j] = w[j] + momentum * v[j] - move
    elif optimizer == HEAVY_BALL_OF_GRADIENTS:
        momentum, factor, rate = numbers[0], numbers[1], numbers[3]
        for j in range(w.size):
            v[j] = momentum * v[j] - factor * gradient[j]
            w[j] += rate * v[j]
    elif optimizer == NESTEROV_OF_GRADIENTS:
        momentum, factor, share, rate = numbers[0], numbers[1], numbers[2], numbers[3]
        for j in range(w.size):
            v[j] = momentum * v[j] - factor * gradient[j]
            w[j] += rate * (momentum * v[j] - share * gradient[j])
    else:
        n, momentum, fresh, decay, new = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
        bias, floor, length = numbers[5], numbers[6], numbers[7]
        for j in range(w.size):
            mean = gradient[j] / n
            v[j] = momentum * v[j] + fresh * mean
            second[j] = decay * second[j] + new * mean * mean
            w[j] -= length * v[j] / (np.sqrt(second[j] / bias) + floor)


@njit(error_model="numpy")
def _kick(w, v, z, size):
    """Add normals z (d or more, L), times a size, to the velocities and so to the weights (d, L)."""
    d, lanes = w.shape
    for j in range(d):
        for lane in range(lanes):
            v[j, lane] += size * z[j, lane]
            w[j, lane] += size * z[j, lane]


@njit(error_model="numpy")
def _keep(runs, run, x, velocity, moment, lane):
    """Write a lane of a block back to the arrays of all runs."""
    w, v, second = runs.w, runs.v, runs.second
    for j in range(x.shape[0]):
        w[run, j] = x[j, lane]
        v[run, j] = velocity[j, lane]
    for j in range(moment.shape[0]):
        second[run, j] = moment[j, lane]


def advance_block(runs, examples, batches, optimizer, averages, first_step, low):
    """Make the steps of one block, whose first run is row `low` of the arrays.

    Compiled by itself: Numba would compile it three times over inside of the loop on threads.
    """
    X, diverged = examples.inputs, runs.diverged
    kind, sizes, mix, draw, key = batches.kind, batches.sizes, batches.mix, batches.draw, batches.key
    begin, sums, squares = averages.begin, averages.sums, averages.squares
    # Of Poisson sampling the last example is none: zero, and there for runs with fewer examples than others.
    n = X.shape[0] - 1 if kind == POISSON else X.shape[0]
    rates, pull = optimizer.rates, examples.precision / n
    n_runs, d = runs.w.shape
    outputs = d // X.shape[1]
    most = sizes.max()
    per_epoch = n // most
    lanes, first_run = min(LANES, n_runs - low), runs.first + low
    x = np.ascontiguousarray(runs.w[low : low + lanes].T)
    velocity = np.ascontiguousarray(runs.v[low : low + lanes].T)
    moment = np.ascontiguousarray(runs.second[low : low + lanes].T)
    words = np.empty((_rows(kind, n, most), lanes), np.uint64)
    orders = np.empty((lanes, n if kind == RESHUFFLING else 0), np.int64)
    marks = np.zeros(n, np.int64)
    chosen = np.empty((lanes, n if kind == POISSON else most), np.int64)
    counts, held = np.zeros(lanes, np.int64), np.zeros(lanes)
    room = _Room(np.empty((X.shape[1], lanes)), np.empty((outputs + 1, lanes)), np.empty((outputs, lanes)), np.empty(1))
    g, check = np.empty((d, lanes)), np.empty(lanes)
    kicks, numbers = optimizer.kicks, (d + 3) // 4 * 4
    z, scratch = np.empty((numbers if kicks.max() > 0.0 else 0, lanes)), np.empty((2, lanes), np.uint64)
    epoch, mark = -1, 0
    for s in range(sizes.shape[0]):
        step, size = first_step + s, sizes[s]
        g[:] = 0.0
        held[:] = 0.0
        for part in range(mix.size):
            number = step * mix.size + part
            if kind != RESHUFFLING:
                draw(words[: _rows(kind, n, size)], first_run, number, _BATCH_TAG, key)
            elif number // per_epoch != epoch:
                epoch = number // per_epoch
                draw(words, first_run, epoch, _EPOCH_TAG, key)
                _shuffle(orders, words)
            if kind == POISSON:
                used = _toss(chosen, counts, size, words, n)
                for lane in range(lanes):
                    held[lane] += mix[part] * counts[lane]
            else:
                used = size
                mark = _draw(chosen, size, words, kind, n, orders, number % per_epoch * size, marks, mark)
            _gradient(g, room, x, examples, chosen, used, mix[part])
        if kind == POISSON:
            # Each example brings its share of the prior, and there may be none.
            for j in range(d):
                for lane in range(lanes):
                    g[j, lane] += pull * held[lane] * x[j, lane]
        rest = 0.0 if kind == POISSON else pull
        _move(x, velocity, moment, g, optimizer.kind, rates[s], 1.0 / size, rest, optimizer.constants, step)
        if kicks[s] > 0.0:
            optimizer.normals(z, scratch, step * numbers, first_run, key)
            _kick(x, velocity, z, kicks[s])
        check[:] = 0.0
        for j in range(d):
            for lane in range(lanes):
                check[lane] += x[j, lane] * 0.0
        for lane in range(lanes):
            if check[lane] != 0.0 and diverged[low + lane] < 0:
                diverged[low + lane] = step + 1
                _keep(runs, low + lane, x, velocity, moment, lane)
        if step >= begin:
            for lane in range(lanes):
                for i in range(d):
                    sums[low + lane, i] += x[i, lane]
                    for j in range(squares.shape[2]):
                        squares[low + lane, i, j] += x[i, lane] * x[j, lane]
    # A lane that diverged goes on, for its neighbours' sake, but nothing of that is kept.
    for lane in range(lanes):
        if diverged[low + lane] < 0:
            _keep(runs, low + lane, x, velocity, moment, lane)


@checked
@njit(parallel=True, error_model="numpy", cache=True)
def advance(one_block, runs, examples, batches, optimizer, averages, first_step):
    """Make as many steps of every run as there are sizes of batches, the first of which has the number first_step.

    Models of m products an example have inputs (N, d/m). What diverged keeps the weights that it had then, and its sums
    mean nothing; the arrays of `averages` may be empty.
    """
    blocks = (runs.w.shape[0] + LANES - 1) // LANES
    for block in prange(blocks):
        one_block(runs, examples, batches, optimizer, averages, first_step, block * LANES)
