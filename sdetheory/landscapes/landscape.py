"""A cost function given by one symbolic definition, and compiled from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from .._kernels.block import BlockFunction
from ..errors import InvalidInputError
from ..symbolic.formulas import notation
from ..symbolic.formulas._size import MOST, MOST_FROM_TEXT, check_slopes
from ..symbolic.formulas.codegen import block_source
from ..symbolic.formulas.parsing import TIME_LIMIT, expression_of
from ..symbolic.proofs._bounded import limited


class Landscape:
    r"""A cost C(w) of d variables, with its gradient and Hessian derived symbolically.

    Built by :meth:`from_sympy` or by a function of :mod:`sdetheory.landscapes`. Value, gradient and Hessian are
    compiled on first use and the machine code is kept in a cache on disk.

    Attributes
    ----------
    name : str
        What it is called in messages and plots.
    expression : sympy.Expr
        C as a formula.
    variables : tuple of sympy.Symbol
        The d coordinates, in the order of the last axis of every array.
    parameters : dict of str to float
        Values of the parameters in the formula.
    dimension : int
        d.

    Examples
    --------
    >>> import numpy as np
    >>> bowl = Landscape.from_sympy("x**2/2 + k*y**2/2", variables=["x", "y"], parameters={"k": 4})
    >>> w = np.array([1.0, 2.0])
    >>> print(bowl.value(w), bowl.gradient(w), bowl.hessian(w).tolist())
    8.5 [1. 8.] [[1.0, 0.0], [0.0, 4.0]]
    >>> print(bowl.with_parameters(k=1).value(w))
    2.5
    """

    def __init__(
        self,
        expression: sympy.Expr,
        variables: Sequence[sympy.Symbol],
        parameters: Mapping[sympy.Symbol, float],
        name: str,
        *,
        most_terms: int = MOST,
    ) -> None:
        self.name = name
        self.expression = expression
        self.variables = tuple(variables)
        self.parameters = {symbol.name: value for symbol, value in parameters.items()}
        self.dimension = len(self.variables)
        self._symbols = tuple(parameters)
        self._most_terms = most_terms
        # A value that cannot be compiled should be refused now, not after an hour of set-up.
        self._value_block  # noqa: B018

    @classmethod
    def from_sympy(
        cls,
        expression: str | sympy.Expr,
        *,
        variables: Sequence[str | sympy.Symbol],
        parameters: Mapping[str, float] | None = None,
        name: str = "landscape",
    ) -> Landscape:
        """Build a landscape from a formula.

        Parameters
        ----------
        expression : str or sympy.Expr
            C in terms of the variables and the parameters. A string is parsed against a whitelist of mathematics
            (``+ - * / **``, numbers, ``pi``, ``exp``, ``log``, ``sqrt``, ``sin``, ``tanh``, ``logaddexp`` and the like)
            and is never evaluated as Python.
        variables : sequence of str or Symbol
            The coordinates, in order.
        parameters : mapping of str to float, optional
            Values of the other symbols; they can be changed later without compiling again.
        name : str, optional
            What to call it.

        Returns
        -------
        Landscape
            The compiled landscape.

        Raises
        ------
        InvalidInputError
            The string holds anything but mathematics, a symbol has no value, a name is used twice, a function cannot
            be compiled, or compiling it would take more than about a second (a string) or a minute (SymPy).

        Examples
        --------
        >>> Landscape.from_sympy("(x**2 - 1)**2/4", variables=["x"]).expression
        (x**2 - 1)**2/4
        """
        if isinstance(variables, (str, sympy.Basic)) or not isinstance(variables, Iterable):
            raise InvalidInputError(f"variables must be a list of names, such as ['x']; got {variables!r:.60}")
        if parameters is not None and not isinstance(parameters, Mapping):
            raise InvalidInputError(
                f"parameters must map names to numbers, such as {{'k': 1.0}}; got {parameters!r:.60}"
            )
        names = [v.name if isinstance(v, sympy.Symbol) else v for v in variables]
        values = {str(key): _validate.real(f"parameter {key}", value) for key, value in (parameters or {}).items()}
        together = [*names, *values]
        if not all(isinstance(key, str) for key in names):
            raise InvalidInputError(f"variables must be names or symbols; got {names}")
        if not names or len(set(together)) < len(together):
            raise InvalidInputError(
                f"variables and parameters must be distinct names, at least one variable; got {together}"
            )
        symbols = {key: sympy.Symbol(key, real=True) for key in together}
        with _validate.naming("expression"):
            formula = expression_of(expression, symbols)
        return cls(
            formula,
            [symbols[key] for key in names],
            {symbols[key]: value for key, value in values.items()},
            str(name),
            most_terms=MOST_FROM_TEXT if isinstance(expression, str) else MOST,
        )

    def with_parameters(self, **changes: float) -> Landscape:
        """Return the same landscape with other values of some parameters; nothing is compiled again."""
        for key in changes:
            _validate.choice("parameter", key, self.parameters)
        values = {s: _validate.real(s.name, changes.get(s.name, self.parameters[s.name])) for s in self._symbols}
        return Landscape(self.expression, self.variables, values, self.name, most_terms=self._most_terms)

    def value(self, w: ArrayLike) -> NDArray[np.float64]:
        """Return C(w) for points of shape (..., d), as an array of shape (...)."""
        return self._value_block(self._points(w))[..., 0][()]

    def gradient(self, w: ArrayLike) -> NDArray[np.float64]:
        """Return ∇C(w) for points of shape (..., d), as an array of shape (..., d)."""
        return -self.drift(self._points(w))

    def hessian(self, w: ArrayLike) -> NDArray[np.float64]:
        """Return ∇∇C(w) for points of shape (..., d), as an array of shape (..., d, d)."""
        points = self._points(w)
        return self._hessian_block(points).reshape(*points.shape, self.dimension)

    @cached_property
    def drift(self) -> BlockFunction:
        """The force −∇C as a block function, the drift of the Langevin equation."""
        return self._derivatives("force", 1, lambda cost, w: [-slope for slope in gradient(cost, w)])

    @cached_property
    def _value_block(self) -> BlockFunction:
        return self._block("value", [self.expression])

    @cached_property
    def _hessian_block(self) -> BlockFunction:
        return self._derivatives("Hessian", 2, _second_derivatives)

    def _derivatives(
        self, title: str, order: int, derive: Callable[[sympy.Expr, Sequence[sympy.Symbol]], list[sympy.Expr]]
    ) -> BlockFunction:
        check_slopes(f"{title} of the {self.name}", [self.expression], self.variables, order, self._most_terms)
        with limited(f"the {title} of the {self.name}", TIME_LIMIT):
            return self._block(title, derive(self.expression, self.variables))

    def _block(self, title: str, expressions: list[sympy.Expr]) -> BlockFunction:
        source = block_source(f"{title} of the {self.name}", expressions, self.variables, self._symbols)
        return BlockFunction(source, np.array(list(self.parameters.values()), dtype=np.float64), len(expressions))

    def _points(self, w: ArrayLike) -> NDArray[np.float64]:
        points = _validate.reals("w", w)
        if points.ndim == 0 or points.shape[-1] != self.dimension:
            raise InvalidInputError(
                f"w must have shape (..., {self.dimension}), one coordinate of {self.name!r} per entry of the last "
                f"axis; got shape {points.shape}" + ("; pass w[..., None]" if self.dimension == 1 else "")
            )
        return points

    def __repr__(self) -> str:
        values = ", ".join(f"{key}={value:g}" for key, value in self.parameters.items())
        return f"<Landscape {self.name!r}: {self.expression}{f' with {values}' if values else ''}>"

    def _repr_latex_(self) -> str:
        at = ", ".join(map(notation.latex, self.variables))
        return notation.displayed(f"C({at})", self.expression, {s: self.parameters[s.name] for s in self._symbols})


def gradient(cost: sympy.Expr, variables: Sequence[sympy.Symbol]) -> list[sympy.Expr]:
    """Return the first derivatives of a cost; of a sum, each from the terms that hold its variable."""
    terms: dict[sympy.Basic, list[sympy.Expr]] = {v: [] for v in variables}
    for term in sympy.Add.make_args(cost):
        for symbol in term.free_symbols & terms.keys():
            terms[symbol].append(term)
    return [sympy.Add(*terms[v]).diff(v) for v in variables]


def _second_derivatives(cost: sympy.Expr, variables: Sequence[sympy.Symbol]) -> list[sympy.Expr]:
    return [slope for row in gradient(cost, variables) for slope in gradient(row, variables)]
