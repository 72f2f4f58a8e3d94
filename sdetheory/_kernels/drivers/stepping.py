"""Steps of one block of paths, whatever is recorded of them: its room, its numbers, and the calls of the scheme.

A block holds L paths as an array (d, L), so that every inner loop runs over lanes. What is called is compiled elsewhere
and comes in as a first-class function.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from ..records import Equation


class Room(NamedTuple):
    """Where a block's steps are made: scratch, numbers of a step, numbers made at once and which, its own time."""

    work: Any
    xi: Any
    z: Any
    words: Any
    at: Any
    equation: Any


@njit(error_model="numpy")
def laid_out(step, equation, numbers, lanes):
    """Return room for the steps of one block after another."""
    return Room(
        np.zeros((step.scratch, lanes)),
        np.empty((numbers.each, lanes)),
        np.empty((numbers.rows, lanes)),
        np.empty((2, lanes), np.uint64),
        np.full(1, -1),
        Equation(
            equation.drift, equation.diffusion, equation.derivative, equation.parameters.copy(), equation.matrix,
            equation.layout,
        ),
    )  # fmt: skip


@njit(error_model="numpy")
def begin(room, step, numbers, n, path):
    """Make the room ready for step n of the block whose first path is number `path`."""
    room.at[0] = -1
    if step.lead:
        _numbers(room.work[: numbers.each], room, numbers, n, path)


@njit(error_model="numpy")
def _numbers(xi, room, numbers, n, path):
    """Fill xi (m, L) with the numbers of step n: those of the generator, or normalized sums over finer steps."""
    m, lanes = xi.shape
    z, at = room.z, room.at
    rows = z.shape[0]
    for r in range(numbers.refine):
        first = (n * numbers.refine + r) * m
        if first // rows != at[0]:
            at[0] = first // rows
            numbers.generate(z, room.words, at[0] * rows, path, numbers.key)
        offset = first % rows
        for j in range(m):
            for lane in range(lanes):
                xi[j, lane] = z[offset + j, lane] + (xi[j, lane] if r else 0.0)
    if numbers.refine > 1:
        scale = 1.0 / math.sqrt(numbers.refine)
        for j in range(m):
            for lane in range(lanes):
                xi[j, lane] *= scale


# Inlined, since a call for each step would copy all that the records hold.
@njit(error_model="numpy", forceinline=True)
def make_steps(x, room, step, numbers, clock, n, n_steps, path):
    """Make the steps from number n on of one block, in place."""
    z, at, equation = room.z, room.at, room.equation
    m, pack = numbers.each, numbers.pack
    size = z.shape[0] * pack
    end = n + n_steps
    while n < end:
        equation.parameters[-1] = clock.start + n * clock.dt
        count = 1
        if numbers.refine == 1 and m:
            number = (n + step.lead) * m
            if number // size != at[0]:
                at[0] = number // size
                numbers.generate(z, room.words, at[0] * size, path, numbers.key)
            offset = number - at[0] * size
            count = min(step.most, end - n, (size - offset) // m)
            entry = offset // pack
            given = z[entry : (offset + count * m - 1) // pack + 1]
            step.kernel(x, room.work, given, offset - entry * pack, count, equation, clock.dt)
        else:
            _numbers(room.xi, room, numbers, n + step.lead, path)
            step.kernel(x, room.work, room.xi, 0, 1, equation, clock.dt)
        n += count
