"""Targets with curved borders: the plane that a path near the border sees, and where a step meets the border.

What a Brownian bridge between two points outside a target needs is how far the border is, not how large the function
is that vanishes there: x - 1, x^9 - 1 and exp(5 x) - exp(5) are one target. So the border is looked for along the
steepest direction that the noise has, and the function's tangent plane there takes the function's place.
"""

import math

import numpy as np
from numba import njit

from ..terms import DIAGONAL, MATRIX

REACH = 5.0
"""Standard deviations of a step beyond which the border is out of reach: a bridge gets there with probability e^-50."""

_MOST = 30  # evaluations along a ray; halving alone needs fewer
_NEAR = 1e-3  # standard deviations of a step to which the border is found
_HALVINGS = 10


@njit(error_model="numpy")
def tangent(x, values, row, noise, deviation, target, parameters, done, plane):
    """Fill rows `row` to row + d of plane with a (x - y) and a: the tangent at the border's point y nearest to x.

    x (d, L) are points, values (rows, L) what the target's function gives there, of which `row` is the function that is
    meant and the next d its gradient; deviation is the square root of the step. Out of reach the first number is minus
    infinity. Lanes of which `done` is not NaN are left out, as are those inside, which get zero.
    """
    b, matrix, kind = noise.values, noise.matrix, noise.layout
    d, lanes = x.shape
    rows = values.shape[0]
    columns = 0 if kind == DIAGONAL else (matrix.shape[1] if kind == MATRIX else b.shape[0] // d)
    ray, at, probe = np.zeros((d, lanes)), x.copy(), np.empty((rows, lanes))
    low, high, t = np.zeros(lanes), np.full(lanes, np.inf), np.zeros(lanes)
    active = np.zeros(lanes, np.bool_)
    left = 0
    cap, near = REACH * deviation, _NEAR * deviation
    for lane in range(lanes):
        square = 0.0
        for j in range(d if kind == DIAGONAL else columns):
            part = 0.0
            if kind == DIAGONAL:
                part = b[j, lane] * values[row + 1 + j, lane]
                ray[j, lane] = b[j, lane] * part
            else:
                for i in range(d):
                    part += (matrix[i, j] if kind == MATRIX else b[i * columns + j, lane]) * values[row + 1 + i, lane]
                for i in range(d):
                    ray[i, lane] += (matrix[i, j] if kind == MATRIX else b[i * columns + j, lane]) * part
            square += part * part
        size = math.sqrt(square)
        value = values[row, lane]
        for i in range(d):
            plane[row + 1 + i, lane] = values[row + 1 + i, lane]
        plane[row, lane] = 0.0 if value >= 0.0 else -np.inf
        if np.isnan(done[lane]) and value < 0.0 and 0.0 < size < np.inf:
            active[lane] = True
            left += 1
            t[lane] = min(-value / size, cap)
            for i in range(d):
                ray[i, lane] /= size
                at[i, lane] = x[i, lane] + t[lane] * ray[i, lane]
    for _ in range(_MOST):
        if left == 0:
            break
        target(at, parameters, probe)
        for lane in range(lanes):
            if not active[lane]:
                continue
            value, slope = probe[row, lane], 0.0
            for i in range(d):
                slope += probe[row + 1 + i, lane] * ray[i, lane]
            if value < 0.0:
                low[lane] = t[lane]
            else:  # the function may also have ended there: NaN
                high[lane] = t[lane]
            end = min(high[lane], cap)
            new = t[lane] - value / slope if slope > 0.0 else np.inf
            flat = not low[lane] <= new <= end
            if flat:
                new = 0.5 * (low[lane] + end) if high[lane] < np.inf else cap
            if abs(new - t[lane]) > near and high[lane] - low[lane] > near and low[lane] < cap:
                t[lane] = new
                for i in range(d):
                    at[i, lane] = x[i, lane] + new * ray[i, lane]
                continue
            active[lane] = False
            left -= 1
            if low[lane] >= cap or value != value:
                continue
            if flat or not slope < np.inf:
                # No tangent to speak of, as where a power vanishes: the plane across the ray.
                size = 0.0
                for i in range(d):
                    size += values[row + 1 + i, lane] * ray[i, lane]
                plane[row, lane] = -size * new
                continue
            plane[row, lane] = -slope * new
            for i in range(d):
                plane[row + 1 + i, lane] = probe[row + 1 + i, lane]


@njit(error_model="numpy")
def meeting(before, after, row, rows, begin, target, parameters, wanted, part, k):
    """Fill row k of part, in the `wanted` lanes, with the share of the step from before to after that lies outside.

    The step counts as straight and begins outside the target, where row `row` of the `rows` of its function is
    negative, and ends inside: at the time `begin`, and at that of the parameters.
    """
    end = parameters[-1]
    d, lanes = before.shape
    at, values, p = np.empty((d, 1)), np.empty((rows, 1)), parameters.copy()
    for lane in range(lanes):
        if not wanted[lane]:
            continue
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            for i in range(d):
                at[i, 0] = before[i, lane] + middle * (after[i, lane] - before[i, lane])
            p[-1] = begin + middle * (end - begin)
            target(at, p, values)
            if values[row, 0] < 0.0:
                low = middle
            else:
                high = middle
        part[k, lane] = 0.5 * (low + high)
