"""Functions that SymPy writes in ways that overflow: their derivatives stay finite where the functions do."""

from __future__ import annotations

from typing import Any

import sympy


class logistic(sympy.Function):
    r"""The logistic function σ(t) = 1 / (1 + e^{−t}), with σ′(t) = σ(t) σ(−t).

    Examples
    --------
    >>> t = sympy.Symbol("t", real=True)
    >>> logistic(t).diff(t)
    logistic(-t)*logistic(t)
    """

    nargs = 1
    is_real = True

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Return the derivative."""
        return logistic(self.args[0]) * logistic(-self.args[0])

    def _eval_rewrite_as_exp(self, t: Any, **_: Any) -> sympy.Expr:
        return 1 / (1 + sympy.exp(-t))

    def _eval_evalf(self, prec: int) -> Any:
        return self.rewrite(sympy.exp)._eval_evalf(prec)


class logaddexp(sympy.Function):
    r"""The logarithm of a sum of exponentials, ln(e^a + e^b); its gradient is (σ(a − b), σ(b − a)).

    Minus the logarithm of a mixture of two Gaussians is a landscape with two basins:

    >>> x = sympy.Symbol("x", real=True)
    >>> (-logaddexp(-(x**2), -((x - 1) ** 2))).diff(x).subs(x, sympy.Rational(1, 2)).rewrite(sympy.exp)
    0
    """

    nargs = 2
    is_real = True

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Return the derivative with respect to the first or the second argument."""
        a, b = self.args
        return logistic(a - b) if argindex == 1 else logistic(b - a)

    def _eval_rewrite_as_exp(self, a: Any, b: Any, **_: Any) -> sympy.Expr:
        return sympy.log(sympy.exp(a) + sympy.exp(b))

    def _eval_evalf(self, prec: int) -> Any:
        return self.rewrite(sympy.exp)._eval_evalf(prec)
