"""A stochastic differential equation in symbols: its generator, Itô's formula, and the two calculi."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy

from ... import _validate
from ...errors import IncompatibleError, InvalidInputError
from ..formulas import _coerce, notation
from ..formulas._arguments import CHECKS
from ..formulas._spelling import check_spelling
from ..proofs._bounded import bounded
from ..proofs.proof import is_zero
from ._signs import positive
from .ito import stratonovich_correction


class ItoSDE:
    r"""The Itô equation dX = a(X) dt + b(X) dW with symbolic coefficients.

    Coefficients may hold undefined functions such as ``C(x)`` and other symbols as parameters.

    Parameters
    ----------
    drift : expression or sequence of d expressions
        a(x).
    diffusion : expression, or matrix of shape (d, m) as nested sequences
        b(x): one row for each variable, one column for each of the m independent Brownian motions.
    variables : Symbol or sequence of d Symbol
        The components of x.

    Attributes
    ----------
    drift : tuple of Expr
        a(x), Itô.
    covariance : Matrix, shape (d, d)
        A(x) = b bᵀ, the variance that the noise adds per unit time.
    diffusion : Matrix, shape (d, m), or None
        b(x); None if only A is known.
    variables : tuple of Symbol
        The components of x.

    Raises
    ------
    InvalidInputError
        Shapes do not fit, a coefficient is a string or no expression, or a symbol has the name of a variable and other
        assumptions.

    Notes
    -----
    No call of a method takes longer than 30 s of the processor's time (TimeLimitError); what SymPy cannot do is an
    UndecidedError.

    References
    ----------
    C. Gardiner (2009), Stochastic Methods, 4th edition, section 4.3.

    Examples
    --------
    >>> x, mu, s = sympy.symbols("x mu s", positive=True)
    >>> stock = ItoSDE(mu * x, s * x, x)
    >>> stock.generator(sympy.log(x))
    mu - s**2/2
    >>> ItoSDE.from_stratonovich(mu * x, s * x, x).generator(sympy.log(x))
    mu
    """

    def __init__(self, drift: Any, diffusion: Any, variables: Any) -> None:
        self.variables = _coerce.symbols(variables)
        self.drift = _drift(drift, len(self.variables))
        self.diffusion: sympy.ImmutableMatrix | None = _coerce.matrix(diffusion, "diffusion", len(self.variables))
        check_spelling(self.variables, *self.drift, *self.diffusion)
        self.covariance = self.diffusion * self.diffusion.T

    @classmethod
    @bounded("the equation")
    def from_covariance(cls, drift: Any, covariance: Any, variables: Any) -> ItoSDE:
        """Return the equation with A = b bᵀ given (g F(w) for SGD, 2T·I for Langevin); no root of it is taken.

        Parameters
        ----------
        drift : expression or sequence of d expressions
            a(x), Itô.
        covariance : expression, or symmetric matrix of shape (d, d) as nested sequences
            A(x).
        variables : Symbol or sequence of d Symbol
            The components of x.

        Raises
        ------
        InvalidInputError
            The covariance is not square or not symmetric.
        """
        sde = cls.__new__(cls)
        sde.variables = _coerce.symbols(variables)
        size = len(sde.variables)
        sde.drift = _drift(drift, size)
        sde.diffusion = None
        sde.covariance = _coerce.square(covariance, "covariance", size, symmetric=True)
        check_spelling(sde.variables, *sde.drift, *sde.covariance)
        return sde

    @classmethod
    @bounded("the equation")
    def from_stratonovich(cls, drift: Any, diffusion: Any, variables: Any) -> ItoSDE:
        """Return the Itô form of dX = a(X) dt + b(X) ∘ dW: the drift gains ½ Σ b ∂b.

        Parameters
        ----------
        drift : expression or sequence of d expressions
            a(x), Stratonovich.
        diffusion : expression, or matrix of shape (d, m) as nested sequences
            b(x).
        variables : Symbol or sequence of d Symbol
            The components of x.
        """
        sde = cls(drift, diffusion, variables)
        extra = stratonovich_correction(sde.diffusion, sde.variables)
        sde.drift = tuple(a + c for a, c in zip(sde.drift, extra, strict=True))
        return sde

    @property
    def stratonovich_drift(self) -> tuple[sympy.Expr, ...]:
        """The drift of the same process written as a Stratonovich equation."""
        extra = stratonovich_correction(self._noise(), self.variables)
        return tuple(a - c for a, c in zip(self.drift, extra, strict=True))

    def expression(self, value: Any, name: str, time: Any = None) -> sympy.Expr:
        """Return an expression in the symbols of the equation; one that is spelled otherwise is refused."""
        e = _coerce.expression(value, name)
        times = [time] if isinstance(time, sympy.Symbol) else []
        check_spelling([*self.variables, *times], *self.drift, *self.covariance, e)
        return e

    @bounded("the generator")
    def generator(self, function: Any, time: sympy.Symbol | None = None) -> sympy.Expr:
        r"""Return Lf, the rate at which E[f(X)] changes, expanded; with `time`, ∂f/∂t is added.

        .. math:: L f = \sum_i a_i \partial_i f + \tfrac12 \sum_{ij} A_{ij} \partial_i \partial_j f

        Parameters
        ----------
        function : Expr
            f(x), or f(x, t).
        time : Symbol, optional
            t.
        """
        f = self.expression(function, "function", time)
        first = [f.diff(v) for v in self.variables]
        terms = [a * slope for a, slope in zip(self.drift, first, strict=True)]
        terms += [
            self.covariance[i, j] * slope.diff(v) / 2
            for i, slope in enumerate(first)
            for j, v in enumerate(self.variables)
        ]
        if time is not None:
            terms.append(f.diff(self._time(time)))
        return sympy.expand(sympy.Add(*terms))

    @bounded("Itô's formula")
    def ito_formula(self, function: Any, time: sympy.Symbol | None = None) -> tuple[sympy.Expr, tuple[sympy.Expr, ...]]:
        r"""Return the drift and the m noise coefficients of df(X, t), by Itô's formula.

        .. math:: df = (\partial_t f + L f) \, dt + \sum_{ij} b_{ij} \partial_i f \, dW_j

        Parameters
        ----------
        function : Expr
            f(x), or f(x, t).
        time : Symbol, optional
            t.

        Examples
        --------
        >>> w = sympy.Symbol("w", real=True)
        >>> ItoSDE(0, 1, w).ito_formula(w**2)
        (1, (2*w,))
        """
        f = self.expression(function, "function", time)
        noise = self._noise()
        gradient = sympy.Matrix([[f.diff(v) for v in self.variables]])
        return self.generator(f, time), tuple(sympy.expand(entry) for entry in gradient * noise)

    @bounded("the change of variables")
    def change_variables(self, forward: Mapping[sympy.Symbol, Any], inverse: Mapping[sympy.Symbol, Any]) -> ItoSDE:
        """Return the equation of Y = y(X).

        Parameters
        ----------
        forward : mapping of Symbol to Expr
            Each new variable as a function of the old ones.
        inverse : mapping of Symbol to Expr
            Each old variable as a function of the new ones; checked by inserting it.

        Raises
        ------
        InvalidInputError
            `inverse` does not undo `forward`, or `forward` not `inverse` (a map that folds, such as x² for a real x),
            or a new variable takes values that the assumptions of its symbol exclude.
        UndecidedError
            One of these could not be decided.

        Examples
        --------
        >>> x, mu, s = sympy.symbols("x mu s", positive=True)
        >>> y = sympy.Symbol("y", real=True)
        >>> ItoSDE(mu * x, s * x, x).change_variables({y: sympy.log(x)}, {x: sympy.exp(y)}).drift
        (mu - s**2/2,)
        """
        back = {old: _coerce.expression(value, "inverse") for old, value in inverse.items()}
        if set(back) != set(self.variables):
            raise InvalidInputError(f"inverse must give {', '.join(map(str, self.variables))}; got {list(back)}")
        ahead = {new: self.expression(value, "forward") for new, value in forward.items()}
        check_spelling(_coerce.symbols(tuple(ahead), "forward"), *back.values())
        for new, image in ahead.items():
            _check_undone("inverse does not undo forward", image, back, new)
        if not (len(self.variables) == 1 and _is_monotone(self.variables[0], ahead)):  # a monotone map has one inverse
            for old, image in back.items():
                _check_undone("the map folds: inverse does not lead back", image, ahead, old)
        for new, image in ahead.items():
            _check_assumptions(new, image)
        rows = [self.ito_formula(image) for image in ahead.values()]
        drift = [sympy.simplify(a.subs(back, simultaneous=True)) for a, _ in rows]
        noise = [[sympy.simplify(b.subs(back, simultaneous=True)) for b in row] for _, row in rows]
        return ItoSDE(drift, noise, tuple(ahead))

    def __repr__(self) -> str:
        noise = f"covariance={self.covariance.tolist()}" if self.diffusion is None else f"{self.diffusion.tolist()}"
        return f"ItoSDE({list(self.drift)}, {noise}, {list(self.variables)})"

    def _repr_latex_(self) -> str | None:
        if self.diffusion is None:
            return None
        return notation.differential(self.variables, self.drift, self.diffusion)

    def _noise(self) -> sympy.ImmutableMatrix:
        if self.diffusion is None:
            raise IncompatibleError(
                "this needs the diffusion b(x), but only b bᵀ is known; build it with ItoSDE(drift, diffusion)"
            )
        return self.diffusion

    def _time(self, time: Any) -> sympy.Symbol:
        if not isinstance(time, sympy.Symbol) or time in self.variables:
            raise InvalidInputError(
                f"time must be a symbol that is not among the variables; got {_validate.shown(time)}"
            )
        return time


def one_dimensional(sde: ItoSDE) -> tuple[sympy.Symbol, sympy.Expr, sympy.Expr]:
    """Return x, a(x) and A(x) of an equation in one dimension whose noise does not vanish identically."""
    if len(sde.variables) != 1:
        raise IncompatibleError(f"this closed form needs one variable; the equation has {len(sde.variables)}")
    if sympy.simplify(sde.covariance[0, 0]) == 0:
        raise InvalidInputError("the diffusion is zero: the equation is deterministic")
    return sde.variables[0], sde.drift[0], sde.covariance[0, 0]


def inverse_temperature_integral(sde: ItoSDE) -> sympy.Expr:
    r"""Return ∫ 2a/A dx in one dimension, the logarithm of ψ in Gardiner's section 5.5 (an integral if not closed)."""
    x, drift, covariance = one_dimensional(sde)
    ratio = sympy.cancel(sympy.together(2 * drift / covariance))
    # Partial fractions give logarithms of x − root, which cancel and combine.
    return sympy.integrate(sympy.apart(ratio, x) if ratio.is_rational_function(x) else sympy.expand(ratio), x)


def _check_undone(
    sentence: str, image: sympy.Expr, inserted: Mapping[sympy.Symbol, sympy.Expr], symbol: sympy.Symbol
) -> None:
    result = sympy.simplify(image.subs(inserted, simultaneous=True))
    if sympy.simplify(result - symbol) != 0 and not is_zero(result - symbol):
        raise InvalidInputError(f"{sentence}: {image} becomes {result}, not {symbol}")


def _is_monotone(x: sympy.Symbol, forward: Mapping[sympy.Symbol, sympy.Expr]) -> bool:
    """Whether a map of one real variable is known to rise, or to fall, everywhere."""
    if len(forward) != 1 or not x.is_extended_real:
        return False
    slope = sympy.simplify(next(iter(forward.values())).diff(x))
    return bool(positive(slope) or positive(-slope))


def _check_assumptions(symbol: sympy.Symbol, image: sympy.Expr) -> None:
    """Refuse a new variable whose symbol is declared to have a sign, or to be whole, that its values may not have."""
    for assumption in ("positive", "negative", "nonnegative", "nonpositive", "nonzero", "integer", "real"):
        declared = getattr(symbol, f"is_{assumption}")
        if declared and not getattr(sympy.factor(image), f"is_{assumption}") and not getattr(image, f"is_{assumption}"):
            if assumption == "real" and image.free_symbols and not any(s.is_real is False for s in image.free_symbols):
                continue  # plain symbols, which mean real numbers here
            raise InvalidInputError(
                f"{symbol} is declared {assumption}, and {image} is not known to be; declare {symbol} as real, or give "
                "the old variables their signs"
            )


def _drift(values: Any, size: int) -> tuple[sympy.Expr, ...]:
    entries = tuple(_coerce.vector(values, "drift"))
    if len(entries) != size:
        raise InvalidInputError(f"drift must have one entry for each of the {size} variables; got {len(entries)}")
    return entries


CHECKS["sde"] = lambda name, value: _validate.instance(
    name, value, ItoSDE, hint="ItoSDE(drift, diffusion, variables) makes one."
)
