"""The integration schemes: what each converges to, how fast, and what it may be used for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from .. import _validate
from .._kernels import noise as numbers
from .._kernels import schemes as kernels
from .._kernels.block import BlockFunction, compiled_source
from .._kernels.signatures import FIELD, NOISE, STEP, compiled
from ..errors import IncompatibleError
from ._user_function import UserFunction
from .sde import SDE, check_methods

INCREMENTS = {"gaussian": numbers.gaussian, "two-point": numbers.two_point, "three-point": numbers.three_point}
_GENERATORS = INCREMENTS | {"packed two-point": numbers.packed_two_point, "none": numbers.no_noise}
_WEAK_ORDER_OF_INCREMENTS = {"gaussian": np.inf, "two-point": 1, "three-point": 2}


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """An integration scheme and its declared properties.

    Attributes
    ----------
    name : str
        What ``method`` calls it.
    strong_order : mapping of str to float
        Strong order for each type of noise that it serves; 0 where paths do not converge.
    weak_order : float
        Order of expectations at a fixed time.
    stationary_order : float
        Order of stationary averages with additive noise; Leimkuhler–Matthews' and BAOAB's is that of Langevin's
        equation, whose drift is a gradient.
    calculus : str
        The equation that it solves, "ito" or "stratonovich". With additive noise both are the same.
    drift_evaluations : int
        Evaluations of the drift in a step.
    brownian : bool
        Whether a step's numbers are increments of a Brownian path, which runs with other steps can share.
    source : str
        Where it comes from.
    """

    name: str
    strong_order: Mapping[str, float]
    weak_order: float
    stationary_order: float
    calculus: str
    drift_evaluations: int
    source: str
    kernel: Callable[..., None]
    lead: int = 0
    brownian: bool = True

    def check(self, sde: SDE, increments: str) -> None:
        """Refuse an equation or increments that the scheme does not serve."""
        _validate.instance("sde", sde, SDE)
        _validate.choice("increments", increments, _WEAK_ORDER_OF_INCREMENTS)
        if sde.noise not in self.strong_order:
            timed = " (it changes with time, so that it does not count as additive)" if sde._timed else ""
            raise IncompatibleError(
                f"{self.name} serves {', '.join(self.strong_order)} noise; {sde.name} has {sde.noise} noise{timed}. "
                f"Use {' or '.join(s.name for s in SCHEMES.values() if s.serves(sde))}."
            )
        if sde.calculus != self.calculus and sde.noise != "additive":
            raise IncompatibleError(
                f"{self.name} solves {self.calculus} equations; {sde.name} is a {sde.calculus} equation. "
                f"Convert it with to_{self.calculus}()."
            )
        if self.weak_order > _WEAK_ORDER_OF_INCREMENTS[increments] or (self.lead and increments != "gaussian"):
            raise IncompatibleError(
                f"{increments} increments would spoil {self.name}, which has weak order {self.weak_order:g}; "
                "use gaussian ones"
            )

    def serves(self, sde: SDE) -> bool:
        """Whether the scheme serves the equation's noise and calculus."""
        _validate.instance("sde", sde, SDE)
        return sde.noise in self.strong_order and (sde.calculus == self.calculus or sde.noise == "additive")


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """A scheme made ready for one equation and one step: the arguments of the drivers that do not change."""

    scheme: Scheme
    step: str | None
    fields: tuple[BlockFunction | UserFunction | None, ...]
    increments: str
    parameters: NDArray[np.float64]
    matrix: NDArray[np.float64]
    plan: NDArray[np.int64]

    @cached_property
    def functions(self) -> tuple[Any, ...]:
        """The scheme, drift, diffusion, derivative and noise as machine code; compiled when it is first needed."""
        nothing = compiled(FIELD, kernels.nothing)
        unused = self.step is not None
        fields = (nothing if unused or field is None else field.compiled for field in self.fields)
        step = compiled(STEP, self.scheme.kernel) if self.step is None else compiled_source(STEP, self.step)
        return step, *fields, compiled(NOISE, _GENERATORS[self.increments])

    def __getstate__(self) -> dict[str, Any]:
        # Machine code cannot be pickled; whoever gets the rest makes it anew.
        return {key: value for key, value in self.__dict__.items() if key != "functions"}


_WORK: dict[Callable[..., None], Callable[[int, int, int, int], int]] = {
    kernels.euler_maruyama: lambda d, m, rows, terms: d + rows,
    kernels.milstein: lambda d, m, rows, terms: d + rows + terms,
    kernels.leimkuhler_matthews: lambda d, m, rows, terms: d + m,
    kernels.heun: lambda d, m, rows, terms: 3 * d + 2 * rows,
    kernels.platen: lambda d, m, rows, terms: 4 * d + 3 * rows,
    kernels.baoab: lambda d, m, rows, terms: d,
    kernels.exact_linear: lambda d, m, rows, terms: d,
}
"""Rows of scratch, given d, m, and the rows of the diffusion function and of its derivative terms."""


def prepare(sde: SDE, scheme: Scheme, increments: str, dt: float, refine: int) -> Plan:
    """Lay out the noise, the work space and the functions of a scheme."""
    check_methods(sde, SDE, ("drift", "diffusion"))
    d, m = sde.dimension, sde.n_noises
    drift, diffusion, derivative = sde._drift, None, None
    layout, matrix = kernels.AMPLITUDES, np.zeros((1, 1))
    if scheme.kernel is kernels.platen and sde._constant is not None:
        # Where the noise is constant both make the same step, and Heun's in less time.
        scheme = replace(scheme, kernel=kernels.heun)
    if scheme.kernel is kernels.platen:
        layout, diffusion = kernels.GENERAL, sde._full_diffusion
    elif sde._constant is not None:
        layout, matrix = kernels.MATRIX, sde._constant
        if d == m and not np.any(matrix - np.diag(np.diag(matrix))):
            layout, matrix = kernels.AMPLITUDES, np.diag(matrix)[:, None]
    elif sde._diffusion is not None:
        layout = kernels.DIAGONAL if sde.noise == "diagonal" else kernels.GENERAL
        diffusion = sde._diffusion
    unit, pack, most, step = numbers.UNITS[increments], 1, 1, None
    if sde._formulas is not None and scheme.kernel in (kernels.euler_maruyama, kernels.milstein):
        packed = increments == "two-point" and refine == 1
        step = sde._formulas.step(layout, packed=packed, milstein=scheme.kernel is kernels.milstein)
        if step is not None:
            most = 1 if sde._formulas.timed() else 2**20
            if packed:
                increments, unit, pack = "packed two-point", 128, 32
    if scheme.kernel is kernels.milstein and diffusion is not None:
        derivative = sde._derivative
    rows, terms = (0 if field is None else field.rows for field in (diffusion, derivative))
    count = m
    if scheme.kernel is kernels.platen:
        count = m + m * (m - 1) // 2
    elif scheme.kernel is kernels.baoab:
        matrix, drift = _friction(sde, dt), sde._force
    elif scheme.kernel is kernels.exact_linear:
        count, matrix = d, _linear_step(sde, dt)
    work = 0 if step is not None else _WORK[scheme.kernel](d, m, rows, terms)
    buffer = math.lcm(max(count, 1), unit) // pack
    # Eight rows at least: the calls of generator and scheme become rare enough.
    buffer *= max(1, 8 // buffer)
    return Plan(
        scheme=scheme,
        step=step,
        fields=(drift, diffusion, derivative),
        increments=increments,
        parameters=np.append(sde._values, 0.0),
        matrix=np.array(matrix, dtype=np.float64, order="C"),
        plan=np.array([layout, count, buffer, scheme.lead, work, refine, 0, most, pack]),
    )


def _friction(sde: SDE, dt: float) -> NDArray[np.float64]:
    """Return for each momentum: 1 / mass, the factor that friction leaves in a step, the noise that balances it."""
    if sde.underdamped is None:
        raise IncompatibleError(f"baoab needs positions and momenta; {sde.name} is not from underdamped_langevin")
    mass, friction, temperature = sde.underdamped
    kept = np.exp(-friction * dt)
    row = [1 / mass, float(kept), float(np.sqrt(-np.expm1(-2 * friction * dt) * mass * temperature))]
    return np.array([row] * (sde.dimension // 2))


def _linear_step(sde: SDE, dt: float) -> NDArray[np.float64]:
    """Return [E, S, v] of the exact step x -> E x + S xi + v of dx = (J x + c) dt + B dW.

    The matrix exponential of [J c; 0 0] gives E and v; Van Loan's, of [-J BB'; 0 J'], gives the noise's covariance of
    a step so short that it does not overflow, and doubling that of the whole.
    """
    linear = sde.linear_part()
    if linear is None or sde._constant is None:
        raise IncompatibleError(f"exact steps need a linear drift and additive noise; {sde.name} is not like that")
    jacobian, constant = linear
    d = sde.dimension
    step = linalg.expm(dt * np.block([[jacobian, constant[:, None]], [np.zeros((1, d + 1))]]))
    noise = sde._constant @ sde._constant.T
    doublings = max(0, math.ceil(math.log2(max(1.0, dt * np.linalg.norm(jacobian)))))
    van_loan = linalg.expm(dt / 2**doublings * np.block([[-jacobian, noise], [np.zeros((d, d)), jacobian.T]]))
    factor = van_loan[d:, d:].T
    covariance = factor @ van_loan[:d, d:]
    for _ in range(doublings):
        covariance = covariance + factor @ covariance @ factor.T
        factor = factor @ factor
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    root = vectors * np.sqrt(np.clip(values, 0.0, None))
    return np.hstack([step[:d, :d], root, step[:d, d:]], dtype=np.float64)


_ALL = ("additive", "scalar", "diagonal", "commutative", "general")
SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme(
            name="euler-maruyama",
            strong_order={"additive": 1.0} | dict.fromkeys(_ALL[1:], 0.5),
            weak_order=1,
            stationary_order=1,
            calculus="ito",
            drift_evaluations=1,
            source="Kloeden & Platen (1992), section 10.2",
            kernel=kernels.euler_maruyama,
        ),
        Scheme(
            name="milstein",
            strong_order=dict.fromkeys(("additive", "scalar", "diagonal", "commutative"), 1.0),
            weak_order=1,
            stationary_order=1,
            calculus="ito",
            drift_evaluations=1,
            source="Kloeden & Platen (1992), section 10.3",
            kernel=kernels.milstein,
        ),
        Scheme(
            name="heun",
            strong_order=dict.fromkeys(("additive", "scalar", "diagonal", "commutative"), 1.0) | {"general": 0.5},
            weak_order=1,
            stationary_order=2,
            calculus="stratonovich",
            drift_evaluations=2,
            source="Rümelin (1982), SIAM J. Numer. Anal. 19, 604",
            kernel=kernels.heun,
        ),
        Scheme(
            name="platen",
            strong_order=dict.fromkeys(("additive", "scalar", "diagonal", "commutative"), 1.0) | {"general": 0.5},
            weak_order=2,
            stationary_order=2,
            calculus="ito",
            drift_evaluations=2,
            source="Kloeden & Platen (1992), eq. 15.1.3",
            kernel=kernels.platen,
        ),
        Scheme(
            name="leimkuhler-matthews",
            strong_order={"additive": 0.5},
            weak_order=1,
            stationary_order=2,
            calculus="ito",
            drift_evaluations=1,
            source="Leimkuhler & Matthews (2013), AMRX 2013, 34",
            kernel=kernels.leimkuhler_matthews,
            lead=1,
        ),
        Scheme(
            name="baoab",
            strong_order={"additive": 1.0},
            weak_order=2,
            stationary_order=2,
            calculus="ito",
            drift_evaluations=2,
            source="Leimkuhler & Matthews (2013), AMRX 2013, 34",
            kernel=kernels.baoab,
            brownian=False,
        ),
        Scheme(
            name="exact",
            strong_order={"additive": np.inf},
            weak_order=np.inf,
            stationary_order=np.inf,
            calculus="ito",
            drift_evaluations=0,
            source="Gardiner (2004), section 4.5.6; Van Loan (1978), IEEE Trans. Autom. Control 23, 395",
            kernel=kernels.exact_linear,
            brownian=False,
        ),
    )
}
"""All schemes, by name."""
