"""One step of each scheme, for a block of paths.

All share the signature ``STEP``. The noise comes in one of four layouts, so that what is constant is not computed again
and what is zero is not computed at all:

- ``AMPLITUDES``: additive, diagonal; matrix (d, 1) holds the amplitudes.
- ``MATRIX``: additive; matrix (d, m).
- ``DIAGONAL``: the diffusion function gives d rows, one noise each.
- ``GENERAL``: it gives d * m rows, row i * m + j for component i and noise j.

The numbers xi (m, L) have mean 0 and variance 1; increments of the Wiener process are sqrt(dt) xi. These schemes make
one step from the numbers that they are given: `first` and `count` are for kernels that make several.
"""

import math

from numba import njit, types
from numba.extending import intrinsic

AMPLITUDES, MATRIX, DIAGONAL, GENERAL = 0, 1, 2, 3


@intrinsic
def fma(typingctx, a, b, c):
    """Return a * b + c, rounded once."""

    def build(context, builder, signature, args):
        return builder.fma(*args)

    return types.float64(types.float64, types.float64, types.float64), build


@njit(error_model="numpy")
def _add(x, scale, y):
    """Add scale * y (rows, L) to x (rows, L)."""
    for i in range(x.shape[0]):
        for lane in range(x.shape[1]):
            x[i, lane] = fma(scale, y[i, lane], x[i, lane])


@njit(error_model="numpy")
def _add_noise(x, scale, b, xi, matrix, layout):
    """Add scale * B xi to x, where b holds the values of the diffusion function, if the layout has one."""
    d, lanes = x.shape
    m = xi.shape[0]
    if layout == AMPLITUDES:
        for i in range(d):
            s = scale * matrix[i, 0]
            for lane in range(lanes):
                x[i, lane] = fma(s, xi[i, lane], x[i, lane])
    elif layout == MATRIX:
        for i in range(d):
            for j in range(m):
                s = scale * matrix[i, j]
                if s != 0.0:
                    for lane in range(lanes):
                        x[i, lane] = fma(s, xi[j, lane], x[i, lane])
    elif layout == DIAGONAL:
        for i in range(d):
            for lane in range(lanes):
                x[i, lane] = fma(scale * b[i, lane], xi[i, lane], x[i, lane])
    else:
        for i in range(d):
            for j in range(m):
                for lane in range(lanes):
                    x[i, lane] = fma(scale * b[i * m + j, lane], xi[j, lane], x[i, lane])


def euler_maruyama(x, work, xi, first, count, drift, diffusion, derivative, p, matrix, dt, layout):
    """X + f dt + B dW."""
    d = x.shape[0]
    drift(x, p, work)
    f, b = work[:d], work[d:]
    if layout >= DIAGONAL:
        diffusion(x, p, b)
    _add(x, dt, f)
    _add_noise(x, math.sqrt(dt), b, xi, matrix, layout)


def leimkuhler_matthews(x, work, xi, first, count, drift, diffusion, derivative, p, matrix, dt, layout):
    """X + f dt + B (dW + next dW) / 2; the first m rows of work keep the numbers from step to step."""
    d, lanes = x.shape
    m = xi.shape[0]
    previous, f = work[:m], work[m : m + d]
    drift(x, p, f)
    for j in range(m):
        for lane in range(lanes):
            previous[j, lane] += xi[j, lane]
    _add(x, dt, f)
    _add_noise(x, 0.5 * math.sqrt(dt), f, previous, matrix, layout)
    for j in range(m):
        for lane in range(lanes):
            previous[j, lane] = xi[j, lane]


def milstein(x, work, xi, first, count, drift, diffusion, derivative, p, matrix, dt, layout):
    """Euler-Maruyama and the iterated integrals of commutative noise.

    `derivative` gives L^j b^j of each component for the layout DIAGONAL (d rows). For GENERAL it gives, for each
    component i and each pair j <= k, the sum of L^j b^ik and L^k b^ij (half of it for j = k): d m (m + 1) / 2 rows.
    """
    d, lanes = x.shape
    m = xi.shape[0]
    f = work[:d]
    rows = 0 if layout < DIAGONAL else (d if layout == DIAGONAL else d * m)
    b, c = work[d : d + rows], work[d + rows :]
    drift(x, p, f)
    diffusion(x, p, b)
    derivative(x, p, c)
    _add(x, dt, f)
    _add_noise(x, math.sqrt(dt), b, xi, matrix, layout)
    half = 0.5 * dt
    if layout == DIAGONAL:
        for i in range(d):
            for lane in range(lanes):
                x[i, lane] = fma(half * c[i, lane], fma(xi[i, lane], xi[i, lane], -1.0), x[i, lane])
    elif layout == GENERAL:
        row = 0
        for i in range(d):
            for j in range(m):
                for k in range(j, m):
                    one = 1.0 if j == k else 0.0
                    # The row for j = k holds L^j b^ij itself, the others the sum of two equal terms.
                    for lane in range(lanes):
                        x[i, lane] = fma(half * c[row, lane], fma(xi[j, lane], xi[k, lane], -one), x[i, lane])
                    row += 1


def heun(x, work, xi, first, count, drift, diffusion, derivative, p, matrix, dt, layout):
    """Predictor and trapezoidal corrector, for the Stratonovich equation."""
    d = x.shape[0]
    rows = (work.shape[0] - 3 * d) // 2
    f, predicted, g = work[:d], work[d : 2 * d], work[2 * d : 3 * d]
    b, c = work[3 * d : 3 * d + rows], work[3 * d + rows :]
    root = math.sqrt(dt)
    drift(x, p, f)
    if layout >= DIAGONAL:
        diffusion(x, p, b)
    predicted[:] = x
    _add(predicted, dt, f)
    _add_noise(predicted, root, b, xi, matrix, layout)
    p[-1] += dt
    drift(predicted, p, g)
    _add(x, 0.5 * dt, f)
    _add(x, 0.5 * dt, g)
    if layout >= DIAGONAL:
        diffusion(predicted, p, c)
        _add_noise(x, 0.5 * root, b, xi, matrix, layout)
        _add_noise(x, 0.5 * root, c, xi, matrix, layout)
    else:
        _add_noise(x, root, b, xi, matrix, layout)


def platen(x, work, xi, first, count, drift, diffusion, derivative, p, matrix, dt, layout):
    """Make a step of the explicit scheme of weak order 2, Kloeden & Platen (1992), eq. 15.1.3; layout GENERAL.

    xi has m numbers for the increments and m (m - 1) / 2 more, of which the signs are used.
    """
    d, lanes = x.shape
    # work: f, g, stage, two values of B, and the start; rows of B: r = d m.
    r = (work.shape[0] - 4 * d) // 3
    m = r // d
    f, g, stage, start = work[:d], work[d : 2 * d], work[2 * d : 3 * d], work[3 * d : 4 * d]
    b = work[4 * d : 4 * d + r]
    plus = work[4 * d + r : 4 * d + 2 * r]
    minus = work[4 * d + 2 * r :]
    root = math.sqrt(dt)
    dw = xi[:m]
    start[:] = x
    drift(start, p, f)
    diffusion(start, p, b)
    stage[:] = start
    _add(stage, dt, f)
    _add_noise(stage, root, b, dw, matrix, GENERAL)
    now = p[-1]
    p[-1] = now + dt
    drift(stage, p, g)
    p[-1] = now
    _add(x, 0.5 * dt, f)
    _add(x, 0.5 * dt, g)
    _add_noise(x, 0.5 * root, b, dw, matrix, GENERAL)
    for j in range(m):
        # Supporting values along noise j: with the drift for the term of noise j itself ...
        for sign in (1.0, -1.0):
            for i in range(d):
                for lane in range(lanes):
                    stage[i, lane] = start[i, lane] + dt * f[i, lane] + sign * root * b[i * m + j, lane]
            p[-1] = now + dt
            diffusion(stage, p, plus if sign > 0 else minus)
            p[-1] = now
        for i in range(d):
            row = i * m + j
            for lane in range(lanes):
                w = dw[j, lane]
                x[i, lane] += 0.25 * root * (plus[row, lane] + minus[row, lane]) * w
                x[i, lane] += 0.25 * root * (plus[row, lane] - minus[row, lane]) * (w * w - 1.0)
        if m == 1:
            continue
        # ... and without it for the terms of the other noises.
        for sign in (1.0, -1.0):
            for i in range(d):
                for lane in range(lanes):
                    stage[i, lane] = start[i, lane] + sign * root * b[i * m + j, lane]
            diffusion(stage, p, plus if sign > 0 else minus)
        for i in range(d):
            for k in range(m):
                if k == j:
                    continue
                low, high = min(j, k), max(j, k)
                extra = m + low * m - low * (low + 1) // 2 + high - low - 1
                orientation = 1.0 if j < k else -1.0
                row = i * m + k
                for lane in range(lanes):
                    v = math.copysign(orientation, orientation * xi[extra, lane])
                    difference = plus[row, lane] - minus[row, lane]
                    x[i, lane] += 0.25 * root * (plus[row, lane] + minus[row, lane] - 2.0 * b[row, lane]) * dw[k, lane]
                    x[i, lane] += 0.25 * root * difference * (dw[j, lane] * dw[k, lane] + v)


def baoab(x, work, xi, first, count, drift, diffusion, derivative, p, matrix, dt, layout):
    """Kick, drift, friction and noise, drift, kick, for x = (position, momentum) of d / 2 components each.

    The drift function gives the force in its last d / 2 rows; matrix (d / 2, 3) holds 1 / mass, the factor of the
    momentum over dt, exp(-friction dt), and the amplitude of the noise that goes with it.
    """
    n = x.shape[0] // 2
    lanes = x.shape[1]
    drift(x, p, work)
    for i in range(n):
        for lane in range(lanes):
            momentum = fma(0.5 * dt, work[n + i, lane], x[n + i, lane])
            position = fma(0.5 * dt * matrix[i, 0], momentum, x[i, lane])
            momentum = fma(matrix[i, 2], xi[i, lane], matrix[i, 1] * momentum)
            x[i, lane] = fma(0.5 * dt * matrix[i, 0], momentum, position)
            x[n + i, lane] = momentum
    p[-1] += dt
    drift(x, p, work)
    for i in range(n):
        for lane in range(lanes):
            x[n + i, lane] = fma(0.5 * dt, work[n + i, lane], x[n + i, lane])


def exact_linear(x, work, xi, first, count, drift, diffusion, derivative, p, matrix, dt, layout):
    """Make the exact step v + E x + S xi of a linear equation with additive noise; matrix (d, 2 d + 1) is [E, S, v]."""
    d, lanes = x.shape
    for i in range(d):
        for lane in range(lanes):
            work[i, lane] = matrix[i, 2 * d]
        for j in range(d):
            for lane in range(lanes):
                work[i, lane] = fma(matrix[i, d + j], xi[j, lane], fma(matrix[i, j], x[j, lane], work[i, lane]))
    x[:] = work[:d]


def nothing(x, p, out):
    """Stand in for a function that a scheme does not call."""
