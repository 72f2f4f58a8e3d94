"""One kernel for the whole step of a scheme and an equation: what the commonest runs spend their time in.

The step of a scheme calls the equation's functions and goes over the block again for each term; where the
formulas are known and short, the step is written out instead, so that a lane stays in registers for several steps. It
is the same step but for rounding.
"""

from __future__ import annotations

from functools import lru_cache

import sympy

from .._kernels.terms import AMPLITUDES, DIAGONAL, MATRIX
from ..symbolic.formulas.codegen import lane_code, module_source

_LONGEST = 400
"""Terms and operations of a step beyond which loops serve better than lines."""
_SHORT = 40
"""Terms of a step of which several are written out, one after the other."""
_UNROLLED = 4


@lru_cache(maxsize=64)
def step_source(
    drift: tuple[sympy.Expr, ...],
    diffusion: tuple[sympy.Expr, ...],
    derivative: tuple[sympy.Expr, ...],
    variables: tuple[sympy.Symbol, ...],
    parameters: tuple[sympy.Symbol, ...],
    *,
    layout: int,
    used: tuple[tuple[int, int], ...],
    n_noises: int,
    packed: bool,
) -> str | None:
    """Return a module whose `kernel` makes `count` steps of Euler-Maruyama or, given `derivative`, Milstein.

    Parameters
    ----------
    drift, diffusion, derivative : tuples of Expr
        As the general scheme calls them: no diffusion if it is constant, no derivative for Euler-Maruyama.
    variables, parameters : tuples of Symbol
        The d components of x; the parameters, with the time as the last one.
    layout : int
        Layout of the noise.
    used : tuple of (int, int)
        Component and noise of the entries b_ij that are not zero.
    n_noises : int
        m.
    packed : bool
        Whether the numbers are two-point ones, 32 to the entry.

    Returns
    -------
    str or None
        The source, or None if the step is too long to be written out.
    """
    d, m = len(variables), n_noises
    operations = 0
    for f in drift:
        operations += int(sympy.count_ops(f))
        if operations > _LONGEST:
            return None
    dt = sympy.Dummy("dt", real=True)
    moved = [x + dt * f for x, f in zip(variables, drift, strict=True)]
    title = "Milstein step" if derivative else "Euler-Maruyama step"
    code = lane_code(title, [*moved, *diffusion, *derivative], variables, (*parameters, dt))
    terms = len(code.lines) + len(used) + len(derivative)
    if terms + operations > _LONGEST:
        return None
    constant = layout in (AMPLITUDES, MATRIX)
    shared = {f"p{i}": f"p[{i}]" for i in range(len(parameters))} | {f"p{len(parameters)}": "dt"}
    shared |= {"half": "0.5 * dt", "root": "math.sqrt(dt)"}
    if constant:
        shared |= {f"b{i}_{j}": f"root * matrix[{i}, {0 if layout == AMPLITUDES else j}]" for i, j in used}
    state, numbers = [f"x{i}" for i in range(d)], [f"z{j}" for j in range(m)]
    call = f"step({', '.join([*state, *numbers, *shared])})"

    lines = ["@njit(forceinline=True)", f"def {call}:", *(f"    {line}" for line in code.lines)]
    lines += [f"    return {', '.join(_updates(code.results, d, m, layout, used))}", "", ""]
    lines += ["def kernel(x, work, z, first, count, equation, dt):"]
    lines += ["    p, matrix = equation.parameters, equation.matrix"]
    lines += [f"    {name} = {value}" for name, value in shared.items()]
    for steps in (_UNROLLED, 1) if terms < _SHORT else (1,):
        lines += [f"    while count >= {steps}:", "        for lane in range(x.shape[1]):"]
        lines += [f"            x{i} = get(x, {i}, lane, {i}, {d})" for i in range(d)]
        for k in range(steps):
            lines += [f"            z{j} = {_number(k * m + j, d, packed)}" for j in range(m)]
            lines += [f"            {', '.join(state)} = {call}"]
        lines += [f"            put(x, {i}, lane, {i}, {d}, x{i})" for i in range(d)]
        lines += [f"        first += {steps * m}", f"        count -= {steps}"]
    return module_source(code.helpers | ({"sign_bit"} if packed else set()), lines)


def _updates(values: list[str], d: int, m: int, layout: int, used: tuple[tuple[int, int], ...]) -> list[str]:
    """Return the text of each component after the step, given those of x + f dt, B and the derivative terms."""
    rows = values[:d]
    if layout in (AMPLITUDES, MATRIX):
        for i, j in used:
            rows[i] = f"fma(b{i}_{j}, z{j}, {rows[i]})"
        return rows
    size = d if layout == DIAGONAL else d * m
    b, terms = values[d : d + size], values[d + size :]
    for i, j in used:
        entry = b[i if layout == DIAGONAL else i * m + j]
        rows[i] = f"fma(root * ({entry}), z{j}, {rows[i]})"
    if layout == DIAGONAL:
        pairs = [(i, i, i) for i in range(d)]
    else:
        pairs = [(i, j, k) for i in range(d) for j in range(m) for k in range(j, m)]
    for (i, j, k), term in zip(pairs, terms, strict=False):
        rows[i] = f"fma(half * ({term}), fma(z{j}, z{k}, {-1.0 if j == k else -0.0}), {rows[i]})"
    return rows


def _number(offset: int, rows: int, packed: bool) -> str:
    """Return what reads number `first + offset`."""
    if packed:
        return f"sign_bit(get(z, (first + {offset}) >> 5, lane, {rows}, {rows}), first + {offset})"
    return f"get(z, first + {offset}, lane, {rows}, {rows})"
