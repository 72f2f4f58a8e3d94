"""Steps of the equations of RMSprop and Adam on a generalized linear model.

As in `weighted` a step goes along a random weighting of the examples; here it is divided by the root of an average of
squares. A block holds L states (w, s) or (w, m, s) as an array (2p, L) or (3p, L), and a path has the same bits with
any number of lanes and threads.
"""

import math

import numpy as np
from numba import njit, prange

from ._cache import checked
from .weighted import _product, _weigh


def advance_block(x, examples, designs, weighting, rule, numbers, clock, path, lengths, frames):
    """Make steps of one block, whose first path is number `path`; frames (n_frames, used, rows of x) are its own.

    Compiled by itself, as that of `weighted` is.
    """
    (xt, squared), (n_frames, every) = designs, lengths
    inputs, precision, derivatives = examples.inputs, examples.precision, examples.derivatives
    amplitude, centered, dt, step = weighting.amplitude, weighting.centered, clock.dt, clock.step
    share, fast, slow, floor = rule[0], rule[1], rule[2], rule[3]
    generate, rows, key = numbers.generate, numbers.each, numbers.key
    n, p = inputs.shape
    size, lanes = x.shape
    adam = size == 3 * p
    z, words = np.zeros((rows, lanes)), np.empty((2, max(lanes, rows // 4)), np.uint64)
    given, found, none = np.empty((2, n * lanes)), np.empty((1, n * lanes)), np.empty(0)
    given[1] = np.repeat(examples.targets, lanes)
    products, residuals, squares = given[0].reshape(n, lanes), found[0].reshape(n, lanes), np.empty((n, lanes))
    total, mean, second, extra = np.empty((p, lanes)), np.empty((p, lanes)), np.empty((p, lanes)), np.zeros(lanes)
    for q in range(step, step + n_frames * every):
        generate(z, words, q * rows, path, key)
        _product(xt, x[:p], products)
        derivatives(given, none, found)
        for i in range(n):
            for lane in range(lanes):
                squares[i, lane] = residuals[i, lane] * residuals[i, lane]
        _product(inputs, residuals, mean)
        _product(squared, squares, second)
        _weigh(residuals, z, amplitude, centered, dt, extra)
        _product(inputs, residuals, total)
        time = clock.start + q * dt
        first_bias, second_bias = -math.expm1(-fast * time), -math.expm1(-slow * time)
        for j in range(p):
            for lane in range(lanes):
                w, s = x[j, lane], x[size - p + j, lane]
                own = precision / n * w  # each example's share of the prior
                gradient = mean[j, lane] / n + own
                if centered:
                    varied = max(second[j, lane] - mean[j, lane] * mean[j, lane] / n, 0.0)
                else:
                    varied = max(second[j, lane] + own * (2 * mean[j, lane] + n * own), 0.0)
                expected = share / (n - 1) * varied + gradient * gradient
                pull = total[j, lane] + (extra[lane] - dt) * precision * w
                if adam:
                    m = x[p + j, lane]
                    average, square = gradient, expected
                    if time > 0.0:
                        average, square = m / first_bias, s / second_bias
                    x[j, lane] = w - n * dt * average / (math.sqrt(square) + floor)
                    x[p + j, lane] = m - fast * (pull / n + dt * m)
                else:
                    x[j, lane] = w + pull / (math.sqrt(s) + floor)
                x[size - p + j, lane] = s + slow * dt * (expected - s)
        made = q + 1 - step
        if frames.size and made % every == 0:
            for lane in range(frames.shape[1]):
                for j in range(size):
                    frames[made // every - 1, lane, j] = x[j, lane]


@checked
@njit(parallel=True, error_model="numpy", cache=True)
def advance(one_block, state, examples, designs, weighting, rule, numbers, clock, lengths, frames):
    """Make steps of all blocks of state (n_blocks, 2p or 3p, L), in place: as many as the product of lengths.

    designs are the inputs once more, as (p, n), and their squares (n, p); rule holds the variance of a mean
    gradient for each unit of its covariance, the rates at which averages of gradients and of squares forget, and the
    floor. The rest is as in `weighted.advance`.
    """
    blocks, _, lanes = state.shape
    for block in prange(blocks):
        first, last = block * lanes, min((block + 1) * lanes, frames.shape[1])
        one_block(
            state[block], examples, designs, weighting, rule, numbers, clock, numbers.path + first, lengths,
            frames[:, first:last],
        )  # fmt: skip
