"""Equations of the moments of a process with polynomial coefficients, and Lyapunov's equation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy

from .. import _validate
from ..errors import InvalidInputError
from . import _coerce
from .sde import ItoSDE

Exponents = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentEquations:
    """The rates of change of moments, as linear combinations of moments.

    Attributes
    ----------
    variables : tuple of Symbol
        The components of x.
    rates : mapping
        For the exponents α of each moment E[x^α]: the exponents β and coefficients c of dE[x^α]/dt = Σ c E[x^β].
    """

    variables: tuple[sympy.Symbol, ...]
    rates: Mapping[Exponents, Mapping[Exponents, sympy.Expr]]

    @property
    def closed(self) -> bool:
        """Whether no moment of higher order than those described is needed."""
        return not self._missing()

    def symbol(self, exponents: Exponents) -> sympy.Expr:
        """Return the symbol that stands for a moment, such as ``E[x**2*y]``; 1 for the empty product."""
        monomial = sympy.Mul(*[v**n for v, n in zip(self.variables, exponents, strict=True)])
        return sympy.Symbol(f"E[{monomial}]", real=True) if any(exponents) else sympy.S.One

    def rate(self, exponents: Exponents) -> sympy.Expr:
        """Return dE[x^α]/dt in the symbols of :meth:`symbol`."""
        return sympy.Add(*[c * self.symbol(beta) for beta, c in self.rates[exponents].items()])

    def stationary(self) -> dict[Exponents, sympy.Expr]:
        """Return the moments at which every rate is zero.

        Raises
        ------
        InvalidInputError
            The equations are not closed, or do not determine the moments.
        """
        if not self.closed:
            raise InvalidInputError(
                f"the equations are not closed: they need {', '.join(str(self.symbol(b)) for b in self._missing())}"
            )
        unknowns = [self.symbol(alpha) for alpha in self.rates]
        solutions = sympy.linsolve([self.rate(alpha) for alpha in self.rates], unknowns)
        if not solutions or any(e.free_symbols & set(unknowns) for e in next(iter(solutions))):
            raise InvalidInputError("the stationary moments are not determined: a direction is not confined")
        return {alpha: sympy.factor(e) for alpha, e in zip(self.rates, next(iter(solutions)), strict=True)}

    def _missing(self) -> list[Exponents]:
        needed = {beta for combination in self.rates.values() for beta in combination if any(beta)}
        return sorted(needed - set(self.rates))


def moment_equations(sde: ItoSDE, order: int) -> MomentEquations:
    r"""Return the equations of all moments up to an order: dE[f]/dt = E[L f] for monomials f.

    Parameters
    ----------
    sde : ItoSDE
        Drift and A = b bᵀ are polynomials in the variables. With a drift of degree 1 and an A of degree at most 2 the
        equations are closed.
    order : int
        Highest total degree.

    Returns
    -------
    MomentEquations
        Rates, whether they are closed, and the stationary moments.

    Raises
    ------
    InvalidInputError
        A coefficient is not a polynomial.

    References
    ----------
    H. Risken (1989), The Fokker–Planck Equation, section 2.4 (with the generator).

    Examples
    --------
    >>> x, k, s = sympy.symbols("x k s", positive=True)
    >>> moment_equations(ItoSDE(-k * x, s, x), 2).stationary()
    {(1,): 0, (2,): s**2/(2*k)}
    >>> moment_equations(ItoSDE(-(x**3), s, x), 2).closed
    False
    """
    _validate.instance("sde", sde, ItoSDE)
    order = _coerce.natural(order, "order", at_least=1)
    rates = {}
    for alpha in _coerce.powers(len(sde.variables), order, lowest=1):
        monomial = sympy.Mul(*[v**n for v, n in zip(sde.variables, alpha, strict=True)])
        try:
            polynomial = sympy.Poly(sde.generator(monomial), *sde.variables)
        except sympy.PolynomialError:
            raise InvalidInputError(
                f"moment equations need polynomial coefficients; L({monomial}) = {sde.generator(monomial)} is none"
            ) from None
        rates[alpha] = {beta: c for beta, c in polynomial.terms() if c != 0}
    return MomentEquations(variables=sde.variables, rates=rates)


def lyapunov(rate: Any, covariance: Any) -> sympy.ImmutableMatrix:
    r"""Return the symmetric Σ with KΣ + ΣKᵀ = A, the stationary covariance of dX = −KX dt + b dW, A = b bᵀ.

    Parameters
    ----------
    rate : matrix, shape (d, d)
        K. The solution is a covariance only if all its eigenvalues have positive real parts; for a K of numbers this
        is checked.
    covariance : matrix, shape (d, d)
        A, symmetric (g F for SGD, 2D in other conventions).

    Returns
    -------
    Matrix, shape (d, d)
        Σ.

    Raises
    ------
    InvalidInputError
        A matrix is not square, A is not symmetric, K is unstable or the equation has no unique solution.

    References
    ----------
    C. Gardiner (2009), Stochastic Methods, 4th edition, section 4.4.

    Examples
    --------
    >>> lyapunov([[1, 0], [0, 3]], [[2, 1], [1, 2]])
    Matrix([
    [  1, 1/4],
    [1/4, 1/3]])
    """
    size = len(rate.tolist() if isinstance(rate, sympy.MatrixBase) else rate)
    k = _coerce.square(rate, "rate", size)
    a = _coerce.square(covariance, "covariance", size, symmetric=True)
    if not k.free_symbols and any(sympy.re(root.evalf()) <= 0 for root in k.eigenvals(multiple=True)):
        raise InvalidInputError(
            f"the rate {k.tolist()} has an eigenvalue that is not positive: there is no equilibrium"
        )
    pairs = [(i, j) for i in range(size) for j in range(i, size)]
    unknowns = {pair: sympy.Dummy(f"s{pair}") for pair in pairs}
    sigma = sympy.Matrix(size, size, lambda i, j: unknowns[min(i, j), max(i, j)])
    residual = k * sigma + sigma * k.T - a
    solutions = sympy.linsolve([residual[pair] for pair in pairs], list(unknowns.values()))
    if not solutions or any(e.free_symbols & set(unknowns.values()) for e in next(iter(solutions))):
        raise InvalidInputError(f"no unique solution: two eigenvalues of {k.tolist()} add up to zero")
    values = dict(zip(unknowns.values(), next(iter(solutions)), strict=True))
    return sympy.ImmutableMatrix(sigma.subs(values).applyfunc(sympy.factor))


def linear_coefficients(sde: ItoSDE) -> tuple[sympy.ImmutableMatrix, sympy.ImmutableMatrix]:
    """Return K and c of a drift −Kx + c.

    Parameters
    ----------
    sde : ItoSDE
        The equation.

    Returns
    -------
    tuple of Matrix
        K, shape (d, d), and c, shape (d, 1).

    Raises
    ------
    InvalidInputError
        The drift is not linear.
    """
    _validate.instance("sde", sde, ItoSDE)
    drift = sympy.Matrix(sde.drift)
    k = -drift.jacobian(sde.variables)
    c = (drift + k * sympy.Matrix(sde.variables)).applyfunc(sympy.simplify)
    if any(entry.has(*sde.variables) for entry in [*k.applyfunc(sympy.simplify), *c]):
        raise InvalidInputError(f"the drift {list(sde.drift)} is not linear in {list(sde.variables)}")
    return sympy.ImmutableMatrix(k), sympy.ImmutableMatrix(c)


def stationary_covariance(sde: ItoSDE) -> sympy.ImmutableMatrix:
    """Return the stationary covariance of a linear equation with constant noise, by Lyapunov's equation.

    Parameters
    ----------
    sde : ItoSDE
        Drift −Kx + c and constant A.

    Returns
    -------
    Matrix, shape (d, d)
        Σ with KΣ + ΣKᵀ = A.

    Raises
    ------
    InvalidInputError
        The drift is not linear, the noise not constant, or as for :func:`lyapunov`.

    Examples
    --------
    >>> x, v = sympy.symbols("x v", real=True)
    >>> k, f, T = sympy.symbols("k f T", positive=True)
    >>> stationary_covariance(ItoSDE([v, -k * x - f * v], [[0], [sympy.sqrt(2 * f * T)]], [x, v]))
    Matrix([
    [T/k, 0],
    [  0, T]])
    """
    _validate.instance("sde", sde, ItoSDE)
    if sde.covariance.has(*sde.variables):
        raise InvalidInputError("the noise depends on the state; use moment_equations(sde, 2).stationary()")
    return lyapunov(linear_coefficients(sde)[0], sde.covariance)
