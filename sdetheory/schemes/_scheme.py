"""What an integration scheme declares, and how its step is laid out for an equation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _validate
from .._kernels.terms import AMPLITUDES, DIAGONAL, GENERAL, MATRIX
from ..errors import IncompatibleError
from ._stability import explicit_limit

INCREMENTS = ("gaussian", "three-point", "two-point")
"""The laws that the numbers of a step can have."""

NOISES = ("additive", "scalar", "diagonal", "commutative", "general")
"""The types of noise that an equation can have."""


class Rows(NamedTuple):
    """Rows of scratch: multiples of d, of m, of the rows of the diffusion function and of its derivative, and more."""

    state: int = 0
    noises: int = 0
    diffusion: int = 0
    derivative: int = 0
    more: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """What a scheme calls and needs for one equation: the step, the block functions, and the noise as it takes it."""

    kernel: Callable[..., None]
    drift: Any
    diffusion: Any
    derivative: Any
    noise: int
    matrix: NDArray[np.float64]
    numbers: int
    scratch: int


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """An integration scheme and its declared properties.

    Attributes
    ----------
    name : str
        What ``method`` calls it.
    strong_order : mapping of str to float
        Strong order for each type of noise that it serves.
    weak_order : float
        Order of expectations at a fixed time.
    stationary_order : float
        Order of stationary averages with additive noise; Leimkuhler–Matthews' and BAOAB's is that of Langevin's
        equation, whose drift is a gradient.
    calculus : str
        The equation that it solves, "ito" or "stratonovich". With additive noise both are the same.
    drift_evaluations : int
        Evaluations of the drift in a step.
    source : str
        Where it comes from.
    kernel : function
        One step of a block of paths, in place, of the signature ``_kernels.signatures.STEP``.
    scratch : Rows
        The rows of scratch that the kernel needs.
    increments : tuple of str
        The increments with which it keeps its weak order.
    polynomial : tuple of float
        Coefficients of 1, z, z², ... of the factor by which a step multiplies any x of dx = μ x dt, with z = μ dt;
        none where there is no such factor.
    lead : int
        1 if a step uses the numbers of the next one too, and finds its own in its scratch.
    brownian : bool
        Whether a step's numbers are increments of a Brownian path, which runs with other steps can share.
    bridged : bool
        Whether successive points lie on one path, so that between them it is a Brownian bridge as far as the order
        goes: what first passages need.
    """

    name: str
    strong_order: Mapping[str, float]
    weak_order: float
    stationary_order: float
    calculus: str
    drift_evaluations: int
    source: str
    kernel: Callable[..., None]
    scratch: Rows
    increments: tuple[str, ...] = INCREMENTS
    polynomial: tuple[float, ...] = ()
    lead: int = 0
    brownian: bool = True
    bridged: bool = True

    def check(self, sde: Any, increments: str) -> None:
        """Refuse an equation or increments that the scheme does not serve."""
        self._check_equation(sde)
        _validate.choice("increments", increments, INCREMENTS)
        if sde.noise not in self.strong_order:
            from . import SCHEMES

            timed = " (it changes with time, so that it does not count as additive)" if sde._timed else ""
            raise IncompatibleError(
                f"{self.name} serves {', '.join(self.strong_order)} noise; {sde.name} has {sde.noise} noise{timed}. "
                f"Use {' or '.join(s.name for s in SCHEMES.values() if s.serves(sde))}."
            )
        if not self.serves(sde):
            raise IncompatibleError(
                f"{self.name} solves {self.calculus} equations; {sde.name} is a {sde.calculus} equation. "
                f"Convert it with to_{self.calculus}()."
            )
        if increments not in self.increments:
            raise IncompatibleError(
                f"{increments} increments would spoil {self.name}, which has weak order {self.weak_order:g}; "
                f"use {' or '.join(self.increments)} ones"
            )

    def serves(self, sde: Any) -> bool:
        """Whether the scheme serves the equation's noise and calculus."""
        self._check_equation(sde)
        return sde.noise in self.strong_order and (sde.calculus == self.calculus or sde.noise == "additive")

    @staticmethod
    def _check_equation(sde: Any) -> None:
        _validate.having("sde", sde, ("drift", "diffusion", "noise", "calculus", "linear_part"), "an SDE")

    def _layout(self, sde: Any, dt: float) -> Layout:
        """Return the step's functions and noise for an equation that the scheme serves."""
        noise, matrix, diffusion = AMPLITUDES, np.zeros((1, 1)), None
        if sde._constant is not None:
            noise, matrix = MATRIX, sde._constant
            if sde.dimension == sde.n_noises and not np.any(matrix - np.diag(np.diag(matrix))):
                noise, matrix = AMPLITUDES, np.diag(matrix)[:, None]
        else:
            noise, diffusion = DIAGONAL if sde.noise == "diagonal" else GENERAL, sde._diffusion
        return self._laid_out(sde, noise=noise, matrix=matrix, diffusion=diffusion)

    def _laid_out(self, sde: Any, **changes: Any) -> Layout:
        """Return a layout of the equation's drift and one number to a noise; `changes` say what is otherwise."""
        layout = {
            "kernel": self.kernel, "drift": sde._drift, "diffusion": None, "derivative": None, "noise": AMPLITUDES,
            "matrix": np.zeros((1, 1)), "numbers": sde.n_noises, **changes,
        }  # fmt: skip
        rows = [0 if layout[name] is None else layout[name].rows for name in ("diffusion", "derivative")]
        sizes = sde.dimension, sde.n_noises, *rows, 1
        return Layout(**layout, scratch=sum(k * n for k, n in zip(self.scratch, sizes, strict=True)))

    def _written_out(self, sde: Any, noise: int, *, packed: bool) -> str | None:
        """Return the source of a kernel made for the equation alone, where the scheme has such and it is short."""
        return None

    def _longest_step(self, jacobian: NDArray[np.float64]) -> tuple[float, str]:
        """Return the longest step that follows what a linear drift damps, infinity if any does; and the rule."""
        return explicit_limit(jacobian, self.polynomial)
