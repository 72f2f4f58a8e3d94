"""Targets that paths enter: half-spaces and formulas, and the noise with which a path may cross into one unseen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from .._kernels import noise, records, terms
from .._kernels.block import BlockFunction
from .._kernels.records import Target
from .._kernels.signatures import FIELD, NOISE, compiled
from ..equations._user_function import UserFunction
from ..equations.sde import SDE
from ..errors import InvalidInputError
from ..symbolic.formulas.codegen import block_source
from ..symbolic.formulas.parsing import expression_of


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crossing:
    """The half-space a·x ≥ c, as a target of :func:`first_passage` or a core of :func:`residence_times`.

    Attributes
    ----------
    direction : ndarray, shape (d,)
        a, not zero; its length does not matter to the times.
    level : float
        c.

    Raises
    ------
    InvalidInputError
        A direction of zeros, or what is no finite number.
    """

    direction: ArrayLike
    level: float

    def __post_init__(self) -> None:
        direction = _validate.reals("direction", self.direction, shape=(None,))
        if not direction.any():
            raise InvalidInputError("direction must not be zero; got zeros. Give the vector a of a·x ≥ c.")
        object.__setattr__(self, "direction", direction)
        object.__setattr__(self, "level", _validate.real("level", self.level))


def target_function(targets: Sequence[Any], sde: SDE) -> tuple[BlockFunction, bool]:
    """Return each target's function and its gradient, 1 + d rows a target, as one block function.

    The second answer is whether any of them is not linear.
    """
    formulas = sde._formulas
    if formulas is None:
        x, values, time = sympy.symbols(f"x:{sde.dimension}", real=True), {}, sympy.Symbol("t", real=True)
    else:
        x, values, time = formulas.variables, dict(formulas.parameters), formulas.time
    names = {s.name: s for s in (*x, *values, time)}
    rows: list[sympy.Expr] = []
    for number, target in enumerate(targets):
        if isinstance(target, tuple):
            target = _crossing(target, sde.dimension)
        if isinstance(target, Crossing):
            # Names that no formula can have; the numbers are parameters, so that one compiled function serves all.
            a = [sympy.Symbol(f"{number} a{i}", real=True) for i in range(sde.dimension)]
            c = sympy.Symbol(f"{number} c", real=True)
            phi = sympy.Add(-c, *[i * j for i, j in zip(a, x, strict=True)])
            values |= dict(zip((*a, c), _numbers(target, sde.dimension), strict=True))
        elif isinstance(target, str | sympy.Expr):
            phi = expression_of(target, names)
            if not phi.has(*x):
                raise InvalidInputError(f"target must depend on {', '.join(map(str, x))}; got the formula {phi}")
        else:
            raise InvalidInputError(
                f'target must be ("above", c), ("below", c), a Crossing or a formula; got {type(target).__name__}'
            )
        gradient = [phi.diff(v) for v in x]
        if not any(gradient):
            raise InvalidInputError(
                f"target must change on the way to its border; {phi} only jumps there, so that nothing tells how far "
                "it is. Write the set as φ ≥ 0 with a continuous φ, as x - 1."
            )
        rows += [phi, *gradient]
    source = block_source("target", rows, x, (*values, time))
    slopes = [row for number, row in enumerate(rows) if number % (1 + len(x))]
    function = BlockFunction(source, np.array(list(values.values()), dtype=np.float64), len(rows))
    return function, any(slope.has(*x) for slope in slopes)


def _crossing(target: tuple[Any, ...], dimension: int) -> Crossing:
    """Return ("above", c) or ("below", c) as a half-space."""
    if len(target) != 2 or target[0] not in ("above", "below") or dimension != 1:
        raise InvalidInputError(
            f'a tuple as target must be ("above", c) or ("below", c), in one dimension; got {target!r:.60} with '
            f"d = {dimension}. Use a Crossing, or a formula."
        )
    sign = 1.0 if target[0] == "above" else -1.0
    return Crossing(direction=[sign], level=sign * _validate.real("the target's level", target[1]))


def _numbers(crossing: Crossing, dimension: int) -> NDArray[np.float64]:
    """Return a and c."""
    direction = _validate.reals("the crossing's direction", crossing.direction, shape=(dimension,))
    return np.append(direction, crossing.level)


@dataclass(frozen=True, kw_only=True, eq=False)
class Bridge:
    """The equation's noise, as the Brownian bridge between the ends of a step needs it: a function of x or a matrix.

    ``curved`` tells whether the target's function is not linear, so that the distance to its border has to be found.
    """

    function: BlockFunction | UserFunction | None
    matrix: NDArray[np.float64]
    layout: int
    curved: bool

    @classmethod
    def of(cls, sde: SDE, wanted: bool, curved: bool) -> Bridge:
        """Return the noise of an equation, or a bridge of negative layout, which is none."""
        if not wanted:
            return cls(function=None, matrix=np.zeros((1, 1)), layout=-1, curved=curved)
        if sde._constant is not None:
            matrix = np.ascontiguousarray(sde._constant)
            return cls(function=None, matrix=matrix, layout=terms.MATRIX, curved=curved)
        layout = terms.DIAGONAL if sde.noise == "diagonal" else terms.GENERAL
        return cls(function=sde._diffusion, matrix=np.zeros((1, 1)), layout=layout, curved=curved)

    def records(self, into: BlockFunction, count: int) -> tuple[Target, records.Bridge]:
        """Return the functions of some targets and the bridge as the kernels take them."""
        function, rows = compiled(FIELD, terms.nothing), 0
        if self.function is not None:
            function, rows = self.function.compiled, self.function.rows
        uniform = compiled(NOISE, noise.uniform_of_listed)
        return (
            Target(into.compiled, np.append(into.parameters, 0.0), count, int(self.curved)),
            records.Bridge(function, rows, self.matrix, self.layout, uniform),
        )
