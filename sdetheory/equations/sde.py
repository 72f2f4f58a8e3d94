"""Stochastic differential equations, as the simulators take them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from .._kernels.block import BlockFunction
from ..errors import IncompatibleError, InvalidInputError
from ..symbolic.formulas import notation
from ..symbolic.formulas.parsing import expression_of
from ._formulas import Formulas
from ._user_function import UserFunction

NOISES = ("additive", "scalar", "diagonal", "commutative", "general")
CALCULI = ("ito", "stratonovich")


class SDE:
    r"""A stochastic differential equation, dx = f(x, t) dt + B(x, t) dW.

    Built from formulas by :meth:`from_sympy`, from a landscape by :func:`langevin` or :func:`underdamped_langevin`, or
    here from functions of your own.

    Parameters
    ----------
    drift : function
        f, from an array of shape (d,) to d numbers; it may take the time as a second argument and the parameters, an
        array, as a third. Compiled by Numba: ``@njit``, or plain Python that Numba can take.
    diffusion : function or ndarray
        B: a function that gives d numbers for scalar and diagonal noise, an array (d, m) otherwise. For additive noise
        numbers: (d,) for independent noises, or (d, m).
    dimension : int
        d.
    noise : {"additive", "scalar", "diagonal", "commutative", "general"}
        What B is like. Diagonal: noise i drives component i alone, and bᵢᵢ depends on xᵢ alone. Commutative:
        Lʲbᵏ = Lᵏbʲ. The declaration is believed.
    n_noises : int, optional
        m, for commutative and general noise; d by default.
    calculus : {"ito", "stratonovich"}
        How the integral is meant. With additive noise both agree.
    parameters : ndarray, shape (n,), optional
        Passed to functions that take three arguments.
    name : str, optional
        What it is called in messages.

    Attributes
    ----------
    dimension, n_noises : int
        d and m.
    noise, calculus, name : str
        As above.
    underdamped : tuple of (mass, friction, temperature), or None
        What :func:`underdamped_langevin` was given.

    Raises
    ------
    InvalidInputError
        A function that Numba cannot compile (the message names the line), wrong shapes, unknown names.

    Examples
    --------
    >>> import numpy as np
    >>> sde = SDE(drift=lambda x: -x, diffusion=lambda x: 0.5 * x, dimension=2, noise="diagonal")
    >>> sde.drift(np.array([1.0, 2.0])), sde.diffusion(np.array([1.0, 2.0])).tolist()
    (array([-1., -2.]), [[0.5, 0.0], [0.0, 1.0]])
    """

    def __init__(
        self,
        *,
        drift: Callable[..., Any],
        diffusion: Callable[..., Any] | ArrayLike,
        dimension: int,
        noise: str,
        n_noises: int | None = None,
        calculus: str = "ito",
        parameters: ArrayLike = (),
        name: str = "SDE",
    ) -> None:
        self.dimension = d = _validate.integer("dimension", dimension, at_least=1)
        self.noise = _validate.choice("noise", noise, NOISES)
        self.calculus = _validate.choice("calculus", calculus, CALCULI)
        self.name = name
        self.underdamped: tuple[float, float, float] | None = None
        self._values = _validate.reals("parameters", parameters, shape=(None,))
        self._formulas: Formulas | None = None
        if not callable(drift):
            raise InvalidInputError(f"drift must be a function of x; got {type(drift).__name__}")
        self._drift: BlockFunction | UserFunction = UserFunction("drift", drift, d, d, self._values)
        if (noise == "additive") == callable(diffusion):
            wanted = "numbers, since additive noise is constant" if callable(diffusion) else "a function of x"
            raise InvalidInputError(f"diffusion must be {wanted}; got {type(diffusion).__name__} with {noise} noise")
        if callable(diffusion):
            default = {"scalar": 1, "diagonal": d}.get(noise, d if n_noises is None else n_noises)
            self.n_noises = m = _validate.integer("n_noises", default, at_least=1)
            rows = d if noise == "diagonal" else d * m
            self._diffusion: BlockFunction | UserFunction | None = UserFunction(
                "diffusion", diffusion, d, rows, self._values
            )
            self._constant: NDArray[np.float64] | None = None
        else:
            self._diffusion = None
            self._constant = _additive("diffusion", diffusion, d)
            self.n_noises = self._constant.shape[1]

    @classmethod
    def from_sympy(
        cls,
        drift: Sequence[Any],
        diffusion: Sequence[Any],
        *,
        variables: Sequence[str | sympy.Symbol],
        parameters: Mapping[str, float] | None = None,
        time: str = "t",
        calculus: str = "ito",
        name: str = "SDE",
    ) -> SDE:
        """Build an SDE from formulas; the type of its noise is found from them.

        Parameters
        ----------
        drift : sequence of d str or sympy.Expr
            f. Strings are parsed against a whitelist of mathematics and never evaluated as Python.
        diffusion : sequence of d expressions, or d sequences of m expressions
            The diagonal of B, or all of it.
        variables : sequence of str or Symbol
            The d components of x.
        parameters : mapping of str to float, optional
            Values of the other symbols; :meth:`with_parameters` changes them without compiling again.
        time : str, optional
            The name of the time in the formulas.
        calculus : {"ito", "stratonovich"}
            How the integral is meant.
        name : str, optional
            What to call it.

        Returns
        -------
        SDE
            The equation; compiled on first use, and cached on disk.

        Raises
        ------
        InvalidInputError
            Anything but mathematics in a string, unknown symbols, wrong lengths, names used twice.

        Examples
        --------
        >>> gbm = SDE.from_sympy(["mu*x"], ["sigma*x"], variables=["x"], parameters={"mu": 0.1, "sigma": 0.2})
        >>> gbm.noise, gbm.to_stratonovich().drift([1.0])
        ('scalar', array([0.08]))
        """
        if isinstance(variables, (str, sympy.Basic)) or not isinstance(variables, Iterable):
            shown = _validate.shown(variables)
            raise InvalidInputError(f"variables must be a list of names, such as ['x']; got {shown}")
        time = _validate.text("time", time)
        for key, entries in (("drift", drift), ("diffusion", diffusion)):
            if not isinstance(entries, (list, tuple, sympy.MatrixBase, np.ndarray)):
                raise InvalidInputError(
                    f"{key} must be a list of formulas, one for each of {len(list(variables))} variables; got "
                    f"{_validate.shown(entries)}"
                )
        names = list(parameters) if isinstance(parameters, Mapping) else [] if parameters is None else [None]
        if not all(isinstance(key, (str, sympy.Symbol)) for key in names):
            raise InvalidInputError(f"parameters must be a dict of numbers; got {_validate.shown(parameters)}")
        names = [str(v) for v in variables]
        values = {str(k): _validate.real(f"parameter {k}", v) for k, v in (parameters or {}).items()}
        together = [*names, *values, time]
        if not names or len(set(together)) < len(together):
            raise InvalidInputError(f"variables, parameters and time must be distinct names; got {together}")
        symbols = {key: sympy.Symbol(key, real=True) for key in together}
        rows = [row if isinstance(row, Sequence) and not isinstance(row, str) else None for row in diffusion]
        nested = all(row is not None for row in rows)
        widths = {len(row) for row in rows if row is not None}
        if len(drift) != len(names) or len(diffusion) != len(names) or (any(rows) and not nested) or len(widths) > 1:
            raise InvalidInputError(
                f"drift must have {len(names)} entries and diffusion {len(names)} entries, or as many rows of one "
                f"length, to go with variables {names}; got {len(drift)} and {len(diffusion)}"
            )
        with _validate.naming("drift"):
            f = tuple(expression_of(e, symbols) for e in drift)
        if nested:
            with _validate.naming("diffusion"):
                entries = [expression_of(e, symbols) for row in diffusion for e in row]
                b = sympy.Matrix(len(diffusion), len(entries) // len(diffusion), entries)
        else:
            with _validate.naming("diffusion"):
                b = sympy.diag(*[expression_of(e, symbols) for e in diffusion])
        formulas = Formulas(
            f, b, tuple(symbols[n] for n in names), {symbols[k]: v for k, v in values.items()}, symbols[time]
        )
        return cls._from_formulas(formulas, _validate.choice("calculus", calculus, CALCULI), name)

    @classmethod
    def _from_formulas(
        cls, formulas: Formulas, calculus: str, name: str, underdamped: tuple[float, float, float] | None = None
    ) -> SDE:
        sde = cls.__new__(cls)
        sde.dimension, sde.n_noises = formulas.diffusion.shape
        sde.noise, sde.calculus, sde.name = formulas.noise(), calculus, name
        sde.underdamped, sde._formulas = underdamped, formulas
        sde._drift = formulas.block("drift", formulas.drift)
        sde._values = sde._drift.parameters
        additive = sde.noise == "additive"
        sde._constant = _additive("diffusion", formulas.constant_noise(), sde.dimension) if additive else None
        sde._diffusion = None if additive else formulas.noise_block(diagonal=sde.noise == "diagonal")
        return sde

    def with_parameters(self, **changes: float) -> SDE:
        """Return the same equation with other values of some parameters; nothing is compiled again."""
        formulas = self._symbolic("with_parameters")
        known = {s.name: v for s, v in formulas.parameters.items()}
        for key in changes:
            _validate.choice("parameter", key, known)
        values = {s: _validate.real(s.name, changes.get(s.name, v)) for s, v in formulas.parameters.items()}
        changed = replace(formulas, parameters=values)
        return self._from_formulas(changed, self.calculus, self.name, self.underdamped)

    def to_ito(self) -> SDE:
        """Return the Itô equation with the same solutions: its drift gains ½ Σ bₖⱼ ∂ₖbᵢⱼ."""
        return self._converted("ito", 1)

    def to_stratonovich(self) -> SDE:
        """Return the Stratonovich equation with the same solutions: its drift loses ½ Σ bₖⱼ ∂ₖbᵢⱼ."""
        return self._converted("stratonovich", -1)

    def drift(self, x: ArrayLike, time: float = 0.0) -> NDArray[np.float64]:
        """Return f for points of shape (..., d), as an array of the same shape."""
        return self._drift(self._points(x), _validate.real("time", time))

    def diffusion(self, x: ArrayLike, time: float = 0.0) -> NDArray[np.float64]:
        """Return B for points of shape (..., d), as an array of shape (..., d, m)."""
        points = self._points(x)
        if self._constant is not None:
            return np.broadcast_to(self._constant, (*points.shape[:-1], *self._constant.shape)).copy()
        assert self._diffusion is not None
        values = self._diffusion(points, _validate.real("time", time))
        if self.noise == "diagonal":
            return values[..., None] * np.eye(self.dimension)
        return values.reshape(*points.shape, self.n_noises)

    @cached_property
    def _derivative(self) -> BlockFunction:
        """Milstein's terms as a block function."""
        return self._symbolic("Milstein's scheme").milstein_block(diagonal=self.noise == "diagonal")

    @cached_property
    def _full_diffusion(self) -> BlockFunction | UserFunction:
        """All d m entries of a B that is not constant, as a block function."""
        assert self._diffusion is not None
        if self.noise != "diagonal":
            return self._diffusion
        if isinstance(self._diffusion, UserFunction):
            return self._diffusion.as_matrix()
        return self._symbolic("diagonal noise").noise_block()

    @property
    def _timed(self) -> bool:
        """Whether the noise is known to change with the time alone."""
        return self._formulas is not None and self._formulas.noise_changes_with_time_alone()

    @cached_property
    def _force(self) -> BlockFunction:
        """The drift of an underdamped equation without its friction."""
        return self._symbolic("baoab").force_block()

    def linear_part(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Return (J, c) of a drift J x + c that is linear in x and constant in time, or None."""
        return None if self._formulas is None else self._formulas.linear_part

    def _symbolic(self, what: str) -> Formulas:
        if self._formulas is None:
            raise IncompatibleError(f"{what} needs formulas; build the equation with SDE.from_sympy")
        return self._formulas

    def _converted(self, calculus: str, sign: int) -> SDE:
        if self.calculus == calculus:
            return self
        formulas = self._symbolic(f"the step to {calculus}").corrected(sign)
        return self._from_formulas(formulas, calculus, self.name, self.underdamped)

    def _points(self, x: ArrayLike) -> NDArray[np.float64]:
        points = _validate.reals("x", x)
        if points.ndim == 0 or points.shape[-1] != self.dimension:
            raise InvalidInputError(f"x must have shape (..., {self.dimension}); got shape {points.shape}")
        return points

    def __repr__(self) -> str:
        return f"<SDE {self.name!r}: d = {self.dimension}, {self.noise} noise, {self.calculus}>"

    def _repr_latex_(self) -> str | None:
        """Return the equation for a notebook; of functions, which have no formula, None, so that the line is shown."""
        formulas = self._formulas
        if formulas is None:
            return None
        return notation.differential(
            formulas.variables, formulas.drift, formulas.diffusion, time=notation.latex(formulas.time),
            calculus=self.calculus, values=formulas.parameters,
        )  # fmt: skip


def check_methods(sde: SDE, kind: type, names: tuple[str, ...]) -> None:
    """Refuse an equation whose methods are not those of its class: paths are made by compiled functions alone."""
    changed = [n for n in names if getattr(type(sde), n) is not getattr(kind, n) or n in vars(sde)]
    if changed:
        raise InvalidInputError(
            f"paths would not follow {' and '.join(changed)} of {type(sde).__name__}: simulators run the compiled "
            "functions that an SDE is built from, not its methods. Build it with SDE(drift=..., diffusion=...) or "
            "SDE.from_sympy."
        )


def _additive(name: str, value: ArrayLike, dimension: int) -> NDArray[np.float64]:
    """Return additive noise as a matrix (d, m)."""
    matrix = _validate.reals(name, value)
    if matrix.ndim == 1:
        matrix = np.diag(matrix)
    if matrix.ndim != 2 or len(matrix) != dimension or not matrix.shape[1]:
        raise InvalidInputError(f"{name} must have shape ({dimension},) or ({dimension}, m); got {np.shape(value)}")
    return matrix
