"""Schemes made ready for one equation: functions, noise and numbers as the drivers take them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._kernels import noise as numbers
from .._kernels import terms
from .._kernels.block import BlockFunction, compiled_source
from .._kernels.signatures import FIELD, NOISE, STEP, compiled
from ..schemes import INCREMENTS as INCREMENTS
from ..schemes import SCHEMES as SCHEMES
from ..schemes import Scheme as Scheme
from ._user_function import UserFunction
from .sde import SDE, check_methods

_GENERATORS = {
    "gaussian": numbers.gaussian, "two-point": numbers.two_point, "three-point": numbers.three_point,
    "packed two-point": numbers.packed_two_point, "none": numbers.no_noise,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """A scheme made ready for one equation and one step: the arguments of the drivers that do not change."""

    scheme: Scheme
    kernel: Any
    step: str | None
    fields: tuple[BlockFunction | UserFunction | None, ...]
    increments: str
    parameters: NDArray[np.float64]
    matrix: NDArray[np.float64]
    plan: NDArray[np.int64]

    @cached_property
    def functions(self) -> tuple[Any, ...]:
        """The scheme, drift, diffusion, derivative and noise as machine code; compiled when it is first needed."""
        nothing = compiled(FIELD, terms.nothing)
        unused = self.step is not None
        fields = (nothing if unused or field is None else field.compiled for field in self.fields)
        step = compiled(STEP, self.kernel) if self.step is None else compiled_source(STEP, self.step)
        return step, *fields, compiled(NOISE, _GENERATORS[self.increments])

    def __getstate__(self) -> dict[str, Any]:
        # Machine code cannot be pickled; whoever gets the rest makes it anew.
        return {key: value for key, value in self.__dict__.items() if key != "functions"}


def prepare(sde: SDE, scheme: Scheme, increments: str, dt: float, refine: int) -> Plan:
    """Lay out a scheme for an equation, and the numbers of which `refine` make one of a step."""
    check_methods(sde, SDE, ("drift", "diffusion"))
    layout = scheme._layout(sde, dt)
    unit, pack, most, step = numbers.UNITS[increments], 1, 1, None
    if sde._formulas is not None:
        packed = increments == "two-point" and refine == 1
        step = scheme._written_out(sde, layout.noise, packed=packed)
        if step is not None:
            most = 1 if sde._formulas.timed() else 2**20
            if packed:
                increments, unit, pack = "packed two-point", 128, 32
    buffer = math.lcm(max(layout.numbers, 1), unit) // pack
    # Eight rows at least: the calls of generator and scheme become rare enough.
    buffer *= max(1, 8 // buffer)
    scratch = layout.scratch if step is None else 0
    return Plan(
        scheme=scheme,
        kernel=layout.kernel,
        step=step,
        fields=(layout.drift, layout.diffusion, layout.derivative),
        increments=increments,
        parameters=np.append(sde._values, 0.0),
        matrix=np.array(layout.matrix, dtype=np.float64, order="C"),
        plan=np.array([layout.noise, layout.numbers, buffer, scheme.lead, scratch, refine, 0, most, pack]),
    )
