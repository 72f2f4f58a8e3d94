"""The terms that steps of schemes are sums of, for a block of paths: a multiple of the drift, and the noise.

The noise comes in one of four layouts, so that what is constant is not computed again and what is zero is not computed
at all:

- ``AMPLITUDES``: additive, diagonal; matrix (d, 1) holds the amplitudes.
- ``MATRIX``: additive; matrix (d, m).
- ``DIAGONAL``: the diffusion function gives d rows, one noise each.
- ``GENERAL``: it gives d * m rows, row i * m + j for component i and noise j.

The numbers xi (m, L) have mean 0 and variance 1; increments of the Wiener process are sqrt(dt) xi.
"""

from numba import njit

from .arithmetic import fma

AMPLITUDES, MATRIX, DIAGONAL, GENERAL = 0, 1, 2, 3


@njit(error_model="numpy")
def add(x, scale, y):
    """Add scale * y (rows, L) to x (rows, L)."""
    for i in range(x.shape[0]):
        for lane in range(x.shape[1]):
            x[i, lane] = fma(scale, y[i, lane], x[i, lane])


@njit(error_model="numpy")
def add_noise(x, scale, b, xi, matrix, layout):
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


def nothing(x, p, out):
    """Stand in for a function that a scheme does not call."""
