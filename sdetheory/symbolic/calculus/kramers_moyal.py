"""Kramers–Moyal expansion of a discrete recursion, to be compared with that of a stochastic differential equation."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import sympy

from ... import _validate
from ...errors import InvalidInputError
from ..formulas import _coerce
from ..formulas._spelling import check_spelling
from ..proofs._bounded import bounded
from .ito_sde import ItoSDE

Exponents = tuple[int, ...]
Moments = Mapping[sympy.Expr, Any]


@bounded("the Gaussian moments")
def gaussian_moments(noise: Any, covariance: Any, order: int) -> dict[sympy.Expr, sympy.Expr]:
    """Return the moments of Gaussian variables of mean zero, by Isserlis' theorem (a sum over pairings).

    Parameters
    ----------
    noise : Symbol or sequence of Symbol
        The variables.
    covariance : expression, or symmetric matrix as nested sequences
        Their covariance.
    order : int
        Highest total degree.

    Returns
    -------
    dict
        The mean of each monomial.

    References
    ----------
    L. Isserlis (1918), Biometrika 12, 134.

    Examples
    --------
    >>> z, s = sympy.symbols("z s")
    >>> gaussian_moments(z, s**2, 4)
    {z: 0, z**2: s**2, z**3: 0, z**4: 3*s**4}
    """
    symbols = _coerce.symbols(noise, "noise")
    matrix = _coerce.square(covariance, "covariance", len(symbols), symmetric=True)
    moments = {(0,) * len(symbols): sympy.S.One}
    for exponents in _coerce.powers(len(symbols), _coerce.natural(order, "order"), lowest=1):
        # E[ξᵢ m] = Σⱼ Σᵢⱼ E[∂ⱼ m]: the partner of one factor is each of the others in turn.
        i = next(i for i, n in enumerate(exponents) if n)
        rest = _less(exponents, i)
        partners = [j for j, n in enumerate(rest) if n]
        moments[exponents] = sympy.expand(
            sympy.Add(*[matrix[i, j] * rest[j] * moments[_less(rest, j)] for j in partners])
        )
    return {_monomial(symbols, exponents): value for exponents, value in moments.items() if any(exponents)}


def _less(exponents: Exponents, i: int) -> Exponents:
    return (*exponents[:i], exponents[i] - 1, *exponents[i + 1 :])


@bounded("the moments of the increment")
def increment_moments(increment: Any, noise_moments: Moments, order: int) -> dict[Exponents, sympy.Expr]:
    """Return E[Δ^α], the Kramers–Moyal moments of one step x → x + Δ(x, ξ), for all α of degree 1 to `order`.

    Parameters
    ----------
    increment : expression or sequence of d expressions
        Δ, a polynomial in the noises ξ.
    noise_moments : mapping of monomial to expression
        The mean of each monomial of the noises that occurs, such as ``{xi: 0, xi**2: S}``; they may depend on x.
    order : int
        Highest total degree.

    Returns
    -------
    dict
        The moment for each tuple of exponents.

    Raises
    ------
    InvalidInputError
        A moment that is needed was not stated.

    Examples
    --------
    >>> x, h, a, xi, S = sympy.symbols("x h a xi S")
    >>> increment_moments(-h * (a * x + xi), {xi: 0, xi**2: S}, 2)
    {(1,): -a*h*x, (2,): S*h**2 + a**2*h**2*x**2}
    """
    steps = _coerce.vector(increment, "increment")
    noises, known = _noise_table(noise_moments)
    check_spelling(noises, *steps, *known.values())
    order = _coerce.natural(order, "order", at_least=1)
    return {alpha: _mean(_monomial(steps, alpha), noises, known) for alpha in _coerce.powers(len(steps), order, 1)}


@bounded("the expansion of the recursion")
def recursion_expansion(
    function: Any, increment: Any, variables: Any, noise_moments: Moments, *, step: sympy.Symbol, order: int
) -> sympy.Expr:
    r"""Return E[f(x + Δ)] up to step**order.

    .. math:: E[f(x + \Delta)] = \sum_\alpha \frac{E[\Delta^\alpha]}{\alpha!} \, \partial^\alpha f(x)

    Parameters
    ----------
    function : Expr
        f(x), for instance an undefined function of the variables.
    increment : expression or sequence of d expressions
        Δ(x, ξ; h), of which every term has a power of h that is a positive multiple of 1/2, such as −h (∇L + ξ) for
        SGD, or a h + b √h ξ for Euler–Maruyama.
    variables : Symbol or sequence of d Symbol
        The components of x.
    noise_moments : mapping of monomial to expression
        As for :func:`increment_moments`.
    step : Symbol
        h; positive, so that √h is meant as it is written.
    order : int
        Highest power of h that is kept.

    Returns
    -------
    Expr
        The polynomial in h, expanded.

    Raises
    ------
    InvalidInputError
        A moment that is needed was not stated, or Δ does not vanish with h.

    References
    ----------
    H. Risken (1989), The Fokker–Planck Equation, section 4.1; Q. Li, C. Tai, W. E (2019), JMLR 20(40).

    Examples
    --------
    >>> x, a, xi, S = sympy.symbols("x a xi S")
    >>> h, f = sympy.Symbol("h", positive=True), sympy.Function("f")(x)
    >>> recursion_expansion(f, -h * (a * x + xi), x, {xi: 0, xi**2: S}, step=h, order=1)
    -a*h*x*Derivative(f(x), x) + f(x)
    """
    f = _coerce.expression(function, "function")
    symbols = _coerce.symbols(variables)
    steps = _coerce.vector(increment, "increment")
    if len(steps) != len(symbols):
        raise InvalidInputError(f"increment must have one entry for each of {list(symbols)}; got {len(steps)}")
    order = _coerce.natural(order, "order")
    # In r = √h both kinds of increments are polynomials.
    r = sympy.Dummy("r", positive=True)
    h = _symbol(step)

    def in_root(e: sympy.Expr) -> sympy.Expr:
        return sympy.expand(sympy.powdenest(e.subs(h, r**2), force=True))

    rooted = [in_root(delta) for delta in steps]
    lowest = min((_lowest_power(delta, r) for delta in rooted if delta != 0), default=1)
    noises, known = _noise_table(noise_moments)
    check_spelling([*symbols, h, *noises], f, *steps, *known.values())
    known = {powers: in_root(value) for powers, value in known.items()}
    terms = [f]
    for alpha in _coerce.powers(len(symbols), 2 * order // lowest, 1):
        moment = _mean(_coerce.truncate(_monomial(rooted, alpha), r, 2 * order), noises, known)
        if moment != 0:
            terms.append(moment * _derivative(f, symbols, alpha) / sympy.Mul(*map(sympy.factorial, alpha)))
    return sympy.expand(_coerce.truncate(sympy.Add(*terms), r, 2 * order).subs(r, sympy.sqrt(h)))


@bounded("the expansion of the semigroup")
def semigroup_expansion(sde: ItoSDE, function: Any, *, step: sympy.Symbol, order: int) -> sympy.Expr:
    r"""Return E[f(X_h) | X_0 = x] up to step**order.

    .. math:: E[f(X_h)] = \sum_k \frac{h^k}{k!} L^k f(x)

    Parameters
    ----------
    sde : ItoSDE
        The equation; its coefficients may contain h (a modified equation does).
    function : Expr
        f(x).
    step : Symbol
        h.
    order : int
        Highest power of h that is kept.

    Returns
    -------
    Expr
        The polynomial in h, expanded.

    References
    ----------
    P. Kloeden and E. Platen (1992), Numerical Solution of Stochastic Differential Equations, section 5.5.

    Examples
    --------
    >>> x, k, s = sympy.symbols("x k s")
    >>> h = sympy.Symbol("h", positive=True)
    >>> semigroup_expansion(ItoSDE(-k * x, s, x), x, step=h, order=2)
    h**2*k**2*x/2 - h*k*x + x
    """
    h = _symbol(step)
    term = sde.expression(function, "function", h)
    total = term
    for k in range(1, _coerce.natural(order, "order") + 1):
        term = _coerce.truncate(sde.generator(term), h, order - k)
        total += h**k * term / sympy.factorial(k)
    return _coerce.truncate(total, h, order)


@bounded("the comparison of a recursion with an equation")
def weak_mismatch(
    sde: ItoSDE, increment: Any, noise_moments: Moments, *, step: sympy.Symbol, order: int
) -> dict[Exponents, sympy.Expr]:
    """Return what one step of a recursion adds to E[f], beyond the equation over the time `step`, up to step**order.

    Nothing is left exactly when the recursion and the equation agree to that order for every f, so that their weak
    error over a fixed time is of order `order`.

    Parameters
    ----------
    sde : ItoSDE
        The equation; its coefficients may contain the step.
    increment : expression or sequence of d expressions
        As for :func:`recursion_expansion`.
    noise_moments : mapping of monomial to expression
        As for :func:`increment_moments`.
    step : Symbol
        h.
    order : int
        Highest power of h that is compared.

    Returns
    -------
    dict
        For each derivative ∂^α f (by its exponents) the coefficient that differs, simplified; empty if none does.

    References
    ----------
    Q. Li, C. Tai, W. E (2019), "Stochastic Modified Equations and Dynamics of Stochastic Gradient Algorithms I",
    JMLR 20(40).

    Examples
    --------
    SGD on L = a x²/2 and its first-order equation agree to order 1; at order 2 the drift misses −h ∇|∇L|²/4.

    >>> x, a, xi, S = sympy.symbols("x a xi S", positive=True)
    >>> h = sympy.Symbol("h", positive=True)
    >>> sgd, noise = -h * (a * x + xi), {xi: 0, xi**2: S}
    >>> first = ItoSDE(-a * x, sympy.sqrt(h * S), x)
    >>> weak_mismatch(first, sgd, noise, step=h, order=1), weak_mismatch(first, sgd, noise, step=h, order=2)
    ({}, {(1,): -a**2*h**2*x/2})
    >>> weak_mismatch(ItoSDE(-a * x - h * a**2 * x / 2, sympy.sqrt(h * S), x), sgd, noise, step=h, order=2)
    {}
    """
    f = sympy.Function("f")(*sde.variables)
    options = {"step": step, "order": order}
    recursion = recursion_expansion(f, increment, sde.variables, noise_moments, **options)
    difference = sympy.expand(recursion - semigroup_expansion(sde, f, **options))
    found = {}
    for alpha in _coerce.powers(len(sde.variables), 2 * order, 1):
        coefficient = sympy.factor(sympy.simplify(difference.coeff(_derivative(f, sde.variables, alpha))))
        if coefficient != 0:
            found[alpha] = coefficient
    return found


def _monomial(values: Sequence[sympy.Expr], exponents: Exponents) -> sympy.Expr:
    return sympy.Mul(*[value**n for value, n in zip(values, exponents, strict=True)])


def _derivative(f: sympy.Expr, variables: Sequence[sympy.Symbol], exponents: Exponents) -> sympy.Expr:
    for pair in zip(variables, exponents, strict=True):
        f = f.diff(*[pair])
    return f


def _symbol(step: Any) -> sympy.Symbol:
    if not isinstance(step, sympy.Symbol) or not step.is_positive:
        raise InvalidInputError(f"step must be a positive symbol; got {_validate.shown(step)}")
    return step


def _noise_table(moments: Moments) -> tuple[list[sympy.Symbol], dict[Exponents, sympy.Expr]]:
    """Return the noises, in order, and the mean for each tuple of their exponents."""
    monomials = {
        _coerce.expression(m, "noise_moments"): _coerce.expression(v, f"noise_moments[{m}]") for m, v in moments.items()
    }
    noises = sorted(set(itertools.chain(*(m.free_symbols for m in monomials))), key=str)
    known = {(0,) * len(noises): sympy.S.One}
    for monomial, value in monomials.items():
        terms = sympy.Poly(monomial, *noises).terms() if monomial.is_polynomial(*noises) else []
        if len(terms) != 1 or terms[0][1] != 1:
            raise InvalidInputError(f"noise_moments must be given for monomials such as xi**2; got {monomial}")
        if value.has(*noises):
            raise InvalidInputError(f"noise_moments[{monomial}] must not depend on the noise; got {value}")
        known[terms[0][0]] = value
    return noises, known


def _mean(expression: sympy.Expr, noises: Sequence[sympy.Symbol], known: Mapping[Exponents, sympy.Expr]) -> sympy.Expr:
    """Return the mean over the noises of a polynomial in them."""
    if not noises:
        return sympy.expand(expression)
    if not expression.is_polynomial(*noises):
        raise InvalidInputError(f"the increment must be a polynomial in {list(noises)}; got {expression}")
    terms = sympy.Poly(sympy.expand(expression), *noises).terms()
    missing = [_monomial(noises, powers) for powers, c in terms if c != 0 and powers not in known]
    if missing:
        raise InvalidInputError(f"the mean of {', '.join(map(str, missing))} is needed; state it in noise_moments")
    return sympy.expand(sympy.Add(*[c * known[powers] for powers, c in terms]))


def _lowest_power(expression: sympy.Expr, r: sympy.Symbol) -> int:
    powers = [_coerce.power_of(term, r) for term in sympy.Add.make_args(expression)]
    lowest = min(powers, key=lambda n: n if n.is_Integer else sympy.oo)
    if not all(n.is_Integer for n in powers) or lowest < 1:
        raise InvalidInputError(f"every term of the increment must have a power 1/2, 1, 3/2, ... of the step: {powers}")
    return int(lowest)
