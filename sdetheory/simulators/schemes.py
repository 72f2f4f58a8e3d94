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
from .._kernels.records import Equation, Numbers, Step
from .._kernels.signatures import FIELD, NOISE, STEP, compiled
from ..equations._user_function import UserFunction
from ..equations.sde import SDE, check_methods
from ..schemes import INCREMENTS as INCREMENTS
from ..schemes import SCHEMES as SCHEMES
from ..schemes import Scheme as Scheme
from ..schemes._scheme import Layout

_GENERATORS = {
    "gaussian": numbers.gaussian, "two-point": numbers.two_point, "three-point": numbers.three_point,
    "packed two-point": numbers.packed_two_point, "none": numbers.no_noise,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """A scheme made ready for one equation and one step: what the drivers take that does not change.

    ``step`` is the source of a step that is written out for the equation, or None, and makes `most` steps in one call
    at most. A step takes the numbers of `refine` finer ones; the generator makes `rows` rows at once, `pack` an entry.
    """

    scheme: Scheme
    layout: Layout
    step: str | None
    increments: str
    parameters: NDArray[np.float64]
    refine: int
    rows: int
    pack: int
    most: int

    @property
    def fields(self) -> tuple[BlockFunction | UserFunction | None, ...]:
        """Drift, diffusion and derivative, as far as the scheme calls them."""
        return self.layout.drift, self.layout.diffusion, self.layout.derivative

    @property
    def matrix(self) -> NDArray[np.float64]:
        """Additive noise, or what the scheme puts there."""
        return self.layout.matrix

    @property
    def scratch(self) -> int:
        """Rows of scratch; a step that is written out needs none."""
        return self.layout.scratch if self.step is None else 0

    @cached_property
    def records(self) -> tuple[Step, Equation, Numbers]:
        """The same for kernels, with functions as machine code; compiled when it is first needed."""
        nothing, layout = compiled(FIELD, terms.nothing), self.layout
        if self.step is None:
            kernel = compiled(STEP, layout.kernel)
            fields = [nothing if field is None else field.compiled for field in self.fields]
        else:
            kernel, fields = compiled_source(STEP, self.step), [nothing] * 3
        generate, no_key = compiled(NOISE, _GENERATORS[self.increments]), np.zeros(2, np.uint64)
        return (
            Step(kernel, self.scratch, self.most, self.scheme.lead),
            Equation(*fields, self.parameters, layout.matrix, layout.noise),
            Numbers(generate, layout.numbers, self.rows, self.pack, self.refine, 0, no_key),
        )

    def __getstate__(self) -> dict[str, Any]:
        # Machine code cannot be pickled; whoever gets the rest makes it anew.
        return {key: value for key, value in self.__dict__.items() if key != "records"}


def prepare(sde: SDE, scheme: Scheme, increments: str, dt: float, refine: int) -> Plan:
    """Lay out a scheme for an equation, and the numbers of which `refine` make one of a step."""
    check_methods(sde, SDE, ("drift", "diffusion"))
    layout = scheme._layout(sde, dt)
    unit, pack, most, step = numbers.UNITS[increments], 1, 1, None
    if sde._formulas is not None:
        packed = increments == "two-point" and refine == 1
        step = scheme._written_out(sde, layout.noise, packed=packed)
        if step is not None:
            most = 1 if sde._formulas.timed else 2**20
            if packed:
                increments, unit, pack = "packed two-point", 128, 32
    rows = math.lcm(max(layout.numbers, 1), unit) // pack
    # Eight rows at least: the calls of generator and scheme become rare enough.
    rows *= max(1, 8 // rows)
    parameters = np.append(sde._values, 0.0)
    return Plan(
        scheme=scheme, layout=layout, step=step, increments=increments, parameters=parameters, refine=refine,
        rows=rows, pack=pack, most=most,
    )  # fmt: skip
