"""Equations of the moments of a process with polynomial coefficients, and Lyapunov's equation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy

from ... import _validate
from ...errors import InvalidInputError
from ..formulas import _coerce
from ..formulas._arguments import checked
from ..proofs._bounded import bounded
from ._signs import decided
from .ito_sde import ItoSDE

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

    @checked
    def symbol(self, exponents: Exponents) -> sympy.Expr:
        """Return the symbol that stands for a moment, such as ``E[x**2*y]``; 1 for the empty product."""
        if len(exponents) != len(self.variables) or min(exponents) < 0:
            raise InvalidInputError(
                f"exponents must be one whole number >= 0 for each of {list(self.variables)}; got {exponents!r:.60}"
            )
        monomial = sympy.Mul(*[v**n for v, n in zip(self.variables, exponents, strict=True)])
        return sympy.Symbol(f"E[{monomial}]", real=True) if any(exponents) else sympy.S.One

    @checked
    def rate(self, exponents: Exponents) -> sympy.Expr:
        """Return dE[x^α]/dt in the symbols of :meth:`symbol`."""
        if exponents not in self.rates:
            raise InvalidInputError(
                f"exponents must be among {_validate.shown(list(self.rates))}; got {exponents!r:.60}"
            )
        return sympy.Add(*[c * self.symbol(beta) for beta, c in self.rates[exponents].items()])

    @property
    @bounded("the stability of the moments")
    def stability(self) -> tuple[sympy.Expr, ...]:
        """What must be positive for the moments to settle: those conditions that the symbols' signs leave open.

        Raises
        ------
        InvalidInputError
            The equations are not closed, or no admissible values of the parameters are stable.

        Examples
        --------
        >>> x, k, s = sympy.symbols("x k s", positive=True)
        >>> moment_equations(ItoSDE(-k * x, s * x, x), 2).stability
        (2*k - s**2,)
        """
        self._check_closed()
        conditions = []
        for degree in sorted({sum(alpha) for alpha in self.rates}):
            # Moments of one degree depend on one another and on those of lower degree.
            block = [alpha for alpha in self.rates if sum(alpha) == degree]
            matrix = sympy.Matrix([[-self.rates[alpha].get(beta, 0) for beta in block] for alpha in block])
            conditions += _hurwitz(matrix)
        left, failed = decided(conditions)
        if failed is not None:
            raise InvalidInputError(
                f"the moments do not settle: {sympy.factor(failed)} would have to be positive, so there is no "
                "stationary law with moments of this order"
            )
        return tuple(dict.fromkeys(left))

    @bounded("the stationary moments")
    def stationary(self) -> dict[Exponents, sympy.Expr]:
        """Return the moments at which every rate is zero, and to which they settle.

        Where the signs of the symbols leave it open whether they settle, the values hold under the conditions that
        :attr:`stability` states.

        Raises
        ------
        InvalidInputError
            The equations are not closed, do not determine the moments, or are unstable.
        """
        self._check_closed()
        unknowns = [self.symbol(alpha) for alpha in self.rates]
        solutions = sympy.linsolve([self.rate(alpha) for alpha in self.rates], unknowns)
        if not solutions or any(e.free_symbols & set(unknowns) for e in next(iter(solutions))):
            raise InvalidInputError("the stationary moments are not determined: a direction is not confined")
        _ = self.stability
        return {alpha: sympy.factor(e) for alpha, e in zip(self.rates, next(iter(solutions)), strict=True)}

    def _check_closed(self) -> None:
        if not self.closed:
            raise InvalidInputError(
                f"the equations are not closed: they need {', '.join(str(self.symbol(b)) for b in self._missing())}"
            )

    def _missing(self) -> list[Exponents]:
        needed = {beta for combination in self.rates.values() for beta in combination if any(beta)}
        return sorted(needed - set(self.rates))


@bounded("the moment equations")
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


@bounded("Lyapunov's equation")
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
        Σ. Where the signs of the symbols leave open whether K is stable, it holds under the conditions that
        :func:`stability_conditions` states.

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
    k = _coerce.square(rate, "rate")
    a = _coerce.square(covariance, "covariance", symmetric=True)
    size = k.rows
    if a.rows != size:
        raise InvalidInputError(f"rate and covariance must be matrices of one size; got {k.shape} and {a.shape}")
    if not k.free_symbols:
        stability_conditions(k)
    pairs = [(i, j) for i in range(size) for j in range(i, size)]
    unknowns = {pair: sympy.Dummy(f"s{pair}") for pair in pairs}
    sigma = sympy.Matrix(size, size, lambda i, j: unknowns[min(i, j), max(i, j)])
    residual = k * sigma + sigma * k.T - a
    solutions = sympy.linsolve([residual[pair] for pair in pairs], list(unknowns.values()))
    if not solutions or any(e.free_symbols & set(unknowns.values()) for e in next(iter(solutions))):
        raise InvalidInputError(f"rate gives no unique solution: two eigenvalues of {k.tolist()} add up to zero")
    stability_conditions(k)
    values = dict(zip(unknowns.values(), next(iter(solutions)), strict=True))
    return sympy.ImmutableMatrix(sigma.subs(values).applyfunc(sympy.factor))


@bounded("the conditions of stability")
def stability_conditions(rate: Any) -> tuple[sympy.Expr, ...]:
    """Return what must be positive for dx = −Kx dt to come to rest, by Hurwitz' criterion.

    Parameters
    ----------
    rate : matrix, shape (d, d)
        K.

    Returns
    -------
    tuple of Expr
        The conditions that the assumptions of the symbols leave open; none if K is known to be stable.

    Raises
    ------
    InvalidInputError
        K is unstable whatever the values of its symbols.

    References
    ----------
    F. Gantmacher (1959), The Theory of Matrices, volume 2, chapter 15.

    Examples
    --------
    >>> a, b, c = sympy.symbols("a b c", positive=True)
    >>> stability_conditions([[a, b], [b, c]])
    (a*c - b**2,)
    """
    k = _coerce.square(rate, "rate")
    left, failed = decided(_hurwitz(k))
    if failed is not None:
        raise InvalidInputError(
            f"the rate {k.tolist()} has an eigenvalue that is not positive: there is no equilibrium "
            f"({sympy.factor(failed)} would have to be positive)"
        )
    return tuple(dict.fromkeys(left))


def _hurwitz(k: sympy.Matrix) -> list[sympy.Expr]:
    """Return the determinants that are all positive exactly if every eigenvalue of K has a positive real part."""
    size = k.rows
    z = sympy.Dummy("z")
    # det(z + K): its coefficients are those of the characteristic polynomial of −K.
    c = [
        sympy.expand(e)
        for e in sympy.Poly((z * sympy.eye(size) + sympy.Matrix(k)).det(method="berkowitz"), z).all_coeffs()
    ]

    def coefficient(n: int) -> sympy.Expr:
        return c[n] if 0 <= n <= size else sympy.S.Zero

    table = sympy.Matrix(size, size, lambda i, j: coefficient(2 * j + 1 - i))
    minors = [table[:n, :n].det(method="berkowitz") for n in range(1, size)]
    # The last determinant is the one before it times det K.
    return [sympy.expand(minor) for minor in minors] + [c[size]]


@bounded("the linear coefficients")
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
    drift = sympy.Matrix(sde.drift)
    k = -drift.jacobian(sde.variables)
    c = (drift + k * sympy.Matrix(sde.variables)).applyfunc(sympy.simplify)
    if any(entry.has(*sde.variables) for entry in [*k.applyfunc(sympy.simplify), *c]):
        raise InvalidInputError(f"the drift {list(sde.drift)} is not linear in {list(sde.variables)}")
    return sympy.ImmutableMatrix(k), sympy.ImmutableMatrix(c)


@bounded("the stationary covariance")
def stationary_covariance(sde: ItoSDE) -> sympy.ImmutableMatrix:
    """Return the stationary covariance of a linear equation with constant noise, by Lyapunov's equation.

    Parameters
    ----------
    sde : ItoSDE
        Drift −Kx + c and constant A.

    Returns
    -------
    Matrix, shape (d, d)
        Σ with KΣ + ΣKᵀ = A, under the conditions of :func:`stability_conditions`.

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
    if sde.covariance.has(*sde.variables):
        raise InvalidInputError("the noise depends on the state; use moment_equations(sde, 2).stationary()")
    return lyapunov(linear_coefficients(sde)[0], sde.covariance)
