"""Itô calculus on expressions: noise types, Milstein's terms, and the step between Itô and Stratonovich."""

from __future__ import annotations

from collections.abc import Sequence

import sympy

from ..formulas._size import check_slopes


def noise_type(diffusion: sympy.Matrix, variables: Sequence[sympy.Symbol]) -> str:
    """Return the narrowest of additive, scalar, diagonal, commutative and general that describes B(x), shape (d, m).

    Additive: B does not depend on x. Scalar: m = 1. Diagonal: noise j drives component j alone and bᵢᵢ depends on xᵢ
    alone. Commutative: Lʲbᵏ = Lᵏbʲ for all j, k, with Lʲ = Σᵢ bᵢⱼ ∂ᵢ.

    Examples
    --------
    >>> x, y = sympy.symbols("x y", real=True)
    >>> noise_type(sympy.Matrix([[x, 0], [0, y]]), [x, y]), noise_type(sympy.Matrix([[y, 0], [0, x]]), [x, y])
    ('diagonal', 'general')
    """
    d, m = diffusion.shape
    if not any(entry.has(*variables) for entry in diffusion):
        return "additive"
    if m == 1:
        return "scalar"
    if d == m and all(
        not diffusion[i, j].has(*[v for v in variables if i != j or v != variables[i]])
        if i == j
        else diffusion[i, j] == 0
        for i in range(d)
        for j in range(m)
    ):
        return "diagonal"
    fields = [derivative_along(diffusion, variables, j) for j in range(m)]
    commute = all(
        sympy.simplify(fields[j][i, k] - fields[k][i, j]) == 0 for i in range(d) for j in range(m) for k in range(j)
    )
    return "commutative" if commute else "general"


def derivative_along(diffusion: sympy.Matrix, variables: Sequence[sympy.Symbol], j: int) -> sympy.Matrix:
    """Return LʲB, the derivative of every entry of B along column j of B."""
    return diffusion.applyfunc(lambda e: sum(diffusion[i, j] * e.diff(v) for i, v in enumerate(variables)))


def milstein_terms(diffusion: sympy.Matrix, variables: Sequence[sympy.Symbol], *, diagonal: bool) -> list[sympy.Expr]:
    """Return the rows that Milstein's scheme multiplies by products of increments.

    Lⁱbᵢᵢ for each component of diagonal noise; otherwise, for each component i and noises j ≤ k, Lʲbᵢⱼ where j = k
    and Lʲbᵢₖ + Lᵏbᵢⱼ elsewhere.
    """
    d, m = diffusion.shape
    check_slopes("derivatives of the diffusion", diffusion, variables, 1)
    along = [derivative_along(diffusion, variables, j) for j in range(m)]
    if diagonal:
        return [along[i][i, i] for i in range(d)]
    return [
        along[j][i, j] if j == k else along[j][i, k] + along[k][i, j]
        for i in range(d)
        for j in range(m)
        for k in range(j, m)
    ]


def stratonovich_correction(diffusion: sympy.Matrix, variables: Sequence[sympy.Symbol]) -> list[sympy.Expr]:
    r"""Return the drift that a Stratonovich equation gains when it is read as an Itô equation.

    .. math:: c_i = \tfrac12 \sum_{j, k} b_{kj}\, \partial_k b_{ij}

    References
    ----------
    P. Kloeden and E. Platen (1992), Numerical Solution of Stochastic Differential Equations, section 4.9.

    Examples
    --------
    >>> x, s = sympy.symbols("x s", real=True)
    >>> stratonovich_correction(sympy.Matrix([[s * x]]), [x])
    [s**2*x/2]
    """
    d, m = diffusion.shape
    check_slopes("derivatives of the diffusion", diffusion, variables, 1)
    along = [derivative_along(diffusion, variables, j) for j in range(m)]
    return [sympy.Rational(1, 2) * sympy.Add(*[along[j][i, j] for j in range(m)]) for i in range(d)]
