"""An equation in symbols: what the schemes need from it, as block functions and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import sympy
from numpy.typing import NDArray

from .._kernels.block import BlockFunction
from .._kernels.terms import AMPLITUDES, DIAGONAL, GENERAL
from ..symbolic.calculus import ito
from ..symbolic.formulas.codegen import block_source
from ._fused import step_source


@dataclass(frozen=True, eq=False)
class Formulas:
    """f, B (d, m), the d variables, the values of the parameters, and the time."""

    drift: tuple[sympy.Expr, ...]
    diffusion: sympy.Matrix
    variables: tuple[sympy.Symbol, ...]
    parameters: Mapping[sympy.Symbol, float]
    time: sympy.Symbol

    def block(self, title: str, expressions: Sequence[sympy.Expr]) -> BlockFunction:
        """Return expressions as a block function; the time comes after the parameters."""
        source = block_source(title, expressions, self.variables, (*self.parameters, self.time))
        values = np.array(list(self.parameters.values()), dtype=np.float64)
        return BlockFunction(source, values, len(expressions))

    def noise(self) -> str:
        """Return the type of the noise, as far as the schemes go."""
        if not self.diffusion.free_symbols & {*self.variables, self.time}:
            return "additive"
        noise = ito.noise_type(self.diffusion, self.variables)
        if noise == "additive" and self.diffusion.has(self.time):
            # Additive noise that changes with time is a special case of any type that fits its shape.
            return "diagonal" if self.diffusion.is_square and self.diffusion.is_diagonal() else "commutative"
        return noise

    def noise_changes_with_time_alone(self) -> bool:
        """Whether B has the time in it and no variable."""
        return self.diffusion.has(self.time) and not self.diffusion.has(*self.variables)

    def constant_noise(self) -> NDArray[np.float64]:
        """Return the B of additive noise as numbers."""
        return np.array(self.diffusion.subs(self.parameters).tolist(), dtype=np.float64)

    def noise_block(self, *, diagonal: bool = False) -> BlockFunction:
        """Return B as a block function: its diagonal, or all of it."""
        entries = [self.diffusion[i, i] for i in range(len(self.variables))] if diagonal else list(self.diffusion)
        return self.block("diffusion", entries)

    def milstein_block(self, *, diagonal: bool) -> BlockFunction:
        """Return the terms of Milstein's scheme as a block function."""
        return self.block("Milstein step", ito.milstein_terms(self.diffusion, self.variables, diagonal=diagonal))

    def step(self, layout: int, *, packed: bool, milstein: bool) -> str | None:
        """Return the source of a whole step of Euler-Maruyama or Milstein, or None where it is too long."""
        d, m = self.diffusion.shape
        diagonal = layout in (AMPLITUDES, DIAGONAL)
        used = [(i, j) for i in range(d) for j in range(m) if self.diffusion[i, j] != 0 and (i == j or not diagonal)]
        diffusion, derivative = [], []
        if layout in (DIAGONAL, GENERAL):
            diffusion = [self.diffusion[i, i] for i in range(d)] if diagonal else list(self.diffusion)
            if milstein:
                derivative = ito.milstein_terms(self.diffusion, self.variables, diagonal=diagonal)
        return step_source(
            self.drift, tuple(diffusion), tuple(derivative), self.variables, (*self.parameters, self.time),
            layout=layout, used=tuple(used), n_noises=m, packed=packed,
        )  # fmt: skip

    @cached_property
    def timed(self) -> bool:
        """Whether the time enters."""
        return self.diffusion.has(self.time) or any(e.has(self.time) for e in self.drift)

    def force_block(self) -> BlockFunction:
        """Return the drift without its friction, with momenta of zero, as a block function."""
        momenta = dict.fromkeys(self.variables[len(self.variables) // 2 :], 0)
        return self.block("force", [e.subs(momenta) for e in self.drift])

    def corrected(self, sign: int) -> Formulas:
        """Return the formulas with the Stratonovich correction added to the drift, or taken from it."""
        correction = ito.stratonovich_correction(self.diffusion, self.variables)
        drift = tuple(sympy.expand(f + sign * c) for f, c in zip(self.drift, correction, strict=True))
        return Formulas(drift, self.diffusion, self.variables, self.parameters, self.time)

    @cached_property
    def linear_part(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """(J, c) of a drift J x + c that is linear in x and constant in time, or None."""
        d = len(self.variables)
        jacobian, constant = np.zeros((d, d)), np.zeros(d)
        place = {v: j for j, v in enumerate(self.variables)}
        changing = {*self.variables, self.time}
        for i, f in enumerate(self.drift):
            within = f.free_symbols & place.keys()
            rest = f.subs(dict.fromkeys(within, 0))
            slopes = {place[v]: sympy.expand(f.diff(v)) for v in within}
            if any(e.free_symbols & changing for e in (rest, *slopes.values())):
                return None
            constant[i] = rest.subs(self.parameters)
            for j, slope in slopes.items():
                jacobian[i, j] = slope.subs(self.parameters)
        return jacobian, constant
