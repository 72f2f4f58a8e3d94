"""Steps along a random weighting of the examples of a generalized linear model.

A step of dw = -grad C dt + sqrt(g F) dW adds sum_i a_i grad C_i(w) with a_i = -dt + s (xi_i - mean xi): since grad C_i
is a number times x_i, that is one product with the inputs, whatever a is. Drift and noise cost what a gradient costs.
Noise of gradients that are not centered has a_i = -dt + s xi_i; that of a temperature comes for each weight.

A block holds L paths as an array (p, L). Every sum runs over its terms in one order, with fused multiply-adds and no
fast-math flag, so that a path has the same bits with any number of lanes and threads. With one lane the loops run over
examples or weights instead, in the same order of terms.
"""

import numpy as np
from numba import njit, prange

from ._cache import checked
from .arithmetic import fma


@njit(error_model="numpy")
def _product(columns, b, out):
    """Fill out (m, L) with columns' b, for columns (k, m) and b (k, L); the sums run over k in order."""
    terms, rows = columns.shape
    lanes = b.shape[1]
    out[:] = 0.0
    whole = terms - terms % 4
    if lanes == 1:
        total, factors = out.reshape(-1), b.reshape(-1)
        for k in range(0, whole, 4):
            b0, b1, b2, b3 = factors[k], factors[k + 1], factors[k + 2], factors[k + 3]
            a0, a1, a2, a3 = columns[k], columns[k + 1], columns[k + 2], columns[k + 3]
            for i in range(rows):
                total[i] = fma(a3[i], b3, fma(a2[i], b2, fma(a1[i], b1, fma(a0[i], b0, total[i]))))
        for k in range(whole, terms):
            for i in range(rows):
                total[i] = fma(columns[k, i], factors[k], total[i])
        return
    for k in range(0, whole, 4):
        b0, b1, b2, b3 = b[k], b[k + 1], b[k + 2], b[k + 3]
        for i in range(rows):
            a0, a1, a2, a3 = columns[k, i], columns[k + 1, i], columns[k + 2, i], columns[k + 3, i]
            total = out[i]
            for lane in range(lanes):
                total[lane] = fma(
                    a3, b3[lane], fma(a2, b2[lane], fma(a1, b1[lane], fma(a0, b0[lane], total[lane])))
                )  # fmt: skip
    for k in range(whole, terms):
        for i in range(rows):
            a = columns[k, i]
            for lane in range(lanes):
                out[i, lane] = fma(a, b[k, lane], out[i, lane])


@njit(error_model="numpy")
def _weigh(residuals, z, amplitude, centered, dt, extra):
    """Multiply residuals (n, L) by -dt + amplitude (z - mean z).

    If not centered there is no mean, and extra (L) gets what -dt is less than the mean of these weights.
    """
    n, lanes = residuals.shape
    if amplitude == 0.0:
        for i in range(n):
            for lane in range(lanes):
                residuals[i, lane] *= -dt
        return
    mean = np.zeros(lanes)
    for i in range(n):
        for lane in range(lanes):
            mean[lane] += z[i, lane]
    for lane in range(lanes):
        if centered:
            mean[lane] = fma(amplitude / n, mean[lane], dt)
        else:
            extra[lane] = amplitude / n * mean[lane]
            mean[lane] = dt
    for i in range(n):
        for lane in range(lanes):
            residuals[i, lane] *= fma(amplitude, z[i, lane], -mean[lane])


def advance_block(w, examples, xt, weighting, numbers, clock, path, n_frames, every, frames):
    """Make steps of one block w (p, L), whose first path is number `path`; frames (n_frames, used, p) are its own.

    Compiled by itself: Numba would compile it three times over inside of the loop on threads.
    """
    x, precision, derivatives = examples.inputs, examples.precision, examples.derivatives
    amplitude, heat, half, dt, step = weighting.amplitude, weighting.heat, weighting.half, clock.dt, clock.step
    generate, rows, key = numbers.generate, numbers.each, numbers.key
    p, lanes = w.shape
    n = x.shape[0]
    z, words = np.zeros((rows, lanes)), np.empty((2, max(lanes, rows // 4)), np.uint64)
    modified = half > 0.0
    # Products and targets of all examples and lanes side by side: one call gives the derivatives of all.
    given, found, none = np.empty((2, n * lanes)), np.empty((2 if modified else 1, n * lanes)), np.empty(0)
    given[1] = np.repeat(examples.targets, lanes)
    products, residuals = given[0].reshape(n, lanes), found[0].reshape(n, lanes)
    curvatures = found[-1].reshape(n, lanes)
    total, gradient = np.empty((p, lanes)), np.empty((p if modified else 0, lanes))
    along = np.empty((n if modified else 0, lanes))
    extra, thermal = np.zeros(lanes), z[rows - (p + 3) // 4 * 4 :]
    for q in range(step, step + n_frames * every):
        if amplitude > 0.0 or heat > 0.0:
            generate(z, words, q * rows, path, key)
        _product(xt, w, products)
        derivatives(given, none, found)
        if modified:
            _product(x, residuals, gradient)
            for j in range(p):
                for lane in range(lanes):
                    gradient[j, lane] = fma(precision, w[j, lane], gradient[j, lane])
            _product(xt, gradient, along)
        _weigh(residuals, z, amplitude, weighting.centered, dt, extra)
        if modified:
            for i in range(n):
                for lane in range(lanes):
                    residuals[i, lane] = fma(-dt * half * curvatures[i, lane], along[i, lane], residuals[i, lane])
        _product(x, residuals, total)
        if not weighting.centered:  # the examples' shares of the prior
            for j in range(p):
                for lane in range(lanes):
                    total[j, lane] = fma(extra[lane] * precision, w[j, lane], total[j, lane])
        for j in range(p):
            for lane in range(lanes):
                pull = fma(half, gradient[j, lane], w[j, lane]) if modified else w[j, lane]
                w[j, lane] += fma(-dt * precision, pull, total[j, lane])
        if heat > 0.0:
            for j in range(p):
                for lane in range(lanes):
                    w[j, lane] = fma(heat, thermal[j, lane], w[j, lane])
        made = q + 1 - step
        if frames.size and made % every == 0:
            for lane in range(frames.shape[1]):
                for j in range(p):
                    frames[made // every - 1, lane, j] = w[j, lane]


@checked
@njit(parallel=True, error_model="numpy", cache=True)
def advance(one_block, state, examples, transposed, weighting, numbers, clock, n_frames, every, frames):
    """Make n_frames * every steps of all blocks of state (n_blocks, p, L), in place, by the machine code of one.

    The derivatives of the examples are the first and, if the drift is to be modified, the second; transposed (p, n) are
    the inputs once more. A step uses as many numbers as there are examples, and as there are weights at a temperature,
    both rounded up to a multiple of four.

    After each `every` the positions go to frames (n_frames, n_paths, p), which is empty if none are wanted.
    """
    blocks, _, lanes = state.shape
    for block in prange(blocks):
        first, last = block * lanes, min((block + 1) * lanes, frames.shape[1])
        one_block(
            state[block], examples, transposed, weighting, numbers, clock, numbers.path + first, n_frames, every,
            frames[:, first:last],
        )  # fmt: skip


@checked
@njit(error_model="numpy", cache=True)
def advance_one(one_block, state, examples, transposed, weighting, numbers, clock, n_frames, every, frames):
    """Do the same for a state of one block, without the threads that would wait for it."""
    one_block(state[0], examples, transposed, weighting, numbers, clock, numbers.path, n_frames, every, frames)


@checked
@njit(error_model="numpy", cache=True)
def normals(z, words, noise, first, path, key):
    """Fill z (rows, L) with the normals from number `first` on, for a step that is not made here."""
    noise(z, words, first, path, key)
