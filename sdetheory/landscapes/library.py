"""The synthetic landscapes: each a formula whose minima, curvatures and stationary law are known."""

from __future__ import annotations

import numpy as np
import sympy
from numpy.typing import ArrayLike

from .. import _validate
from ..errors import InvalidInputError
from ..symbolic.formulas.functions import logaddexp
from .landscape import Landscape


def quadratic(curvature: ArrayLike) -> Landscape:
    r"""Return the quadratic cost C(w) = ½ wᵀHw.

    Parameters
    ----------
    curvature : float, ndarray of shape (d,) or ndarray of shape (d, d)
        The Hessian H: one curvature, the diagonal, or the whole symmetric matrix. It may be indefinite (a saddle).

    Returns
    -------
    Landscape
        Variables x0, x1, …; parameters ``hij`` for i ≤ j, those that are not zero.

    Raises
    ------
    InvalidInputError
        H is not finite or not symmetric.

    Notes
    -----
    At temperature T > 0 the stationary law is N(0, T H⁻¹) if H is positive definite, and does not exist otherwise.

    Examples
    --------
    >>> quadratic([1.0, 9.0]).expression
    h00*x0**2/2 + h11*x1**2/2
    """
    given = _validate.reals("curvature", curvature)
    matrix = np.diag(np.atleast_1d(given)) if given.ndim < 2 else given
    if matrix.shape[0] == 0:
        raise InvalidInputError("curvature must have at least one entry; got none")
    matrix = _validate.symmetric("curvature", matrix, matrix.shape[0])
    x = sympy.symbols(f"x:{len(matrix)}", real=True)
    entries = {
        sympy.Symbol(f"h{i}{j}" if len(matrix) <= 10 else f"h{i}_{j}", real=True): (i, j)
        for i in range(len(matrix))
        for j in range(i, len(matrix))
        if i == j or matrix[i, j]
    }
    terms = [h * x[i] * x[j] / (2 if i == j else 1) for h, (i, j) in entries.items()]
    return Landscape(sympy.Add(*terms), x, {h: float(matrix[i, j]) for h, (i, j) in entries.items()}, "quadratic")


def double_well(barrier: float = 0.25) -> Landscape:
    r"""Return the symmetric double well C(x) = ΔC (x² − 1)².

    Minima of cost 0 at x = ±1 with curvature 8ΔC, barrier at x = 0 with curvature −4ΔC.

    Parameters
    ----------
    barrier : float
        Height ΔC > 0 of the barrier between the minima; 1/4 gives x⁴/4 − x²/2 + 1/4.

    Returns
    -------
    Landscape
        Variable x, parameter ``barrier``.

    Raises
    ------
    InvalidInputError
        The barrier is not positive.

    Examples
    --------
    >>> well = double_well(barrier=0.25)
    >>> well.value([[-1.0], [0.0], [1.0]]), well.hessian([1.0])
    (array([0.  , 0.25, 0.  ]), array([[2.]]))
    """
    value = _validate.real("barrier", barrier, above=0.0)
    x, height = sympy.symbols("x barrier", real=True)
    return Landscape(height * (x**2 - 1) ** 2, [x], {height: value}, "double well")


def sharp_and_broad(
    *,
    sharp_curvature: float = 100.0,
    broad_curvature: float = 4.0,
    sharp_cost: float = 0.0,
    broad_cost: float = 1.0,
    separation: float = 2.0,
) -> Landscape:
    r"""Return a landscape with a sharp basin at x = 0 and a broad one at x = s.

    .. math:: C(x) = -\ln\left( e^{-C_1 - k_1 x^2 / 2} + e^{-C_2 - k_2 (x - s)^2 / 2} \right)

    Where the basins are well apart, each is a parabola with the given cost and curvature at its minimum. At T = 1 the
    stationary density is the mixture of two Gaussians that the formula shows, and the weight of each, its *evidence*,
    is :math:`e^{-C_i}\sqrt{2\pi / k_i}` without approximation.

    Parameters
    ----------
    sharp_curvature, broad_curvature : float
        Curvatures k₁ > k₂ > 0 at the minima.
    sharp_cost, broad_cost : float
        Costs C₁ and C₂ at the minima.
    separation : float
        Distance s > 0 of the minima. The default puts a barrier of about 6 between the basins: low enough to be crossed
        by simulation at T = 1, high enough that what one basin leaks into the other is 3e-4 of the whole.

    Returns
    -------
    Landscape
        Variable x; the five arguments are its parameters.

    Raises
    ------
    InvalidInputError
        A curvature or the separation is not positive, or the sharp basin is not the sharper one.

    References
    ----------
    .. [1] S. L. Smith and Q. V. Le, "A Bayesian Perspective on Generalization and Stochastic Gradient Descent",
       ICLR 2018, appendix A: a minimum is occupied according to its local integral of e^{−C/T}.

    Examples
    --------
    >>> landscape = sharp_and_broad()
    >>> landscape.hessian([[0.0], [2.0]]).round(1).ravel().tolist()
    [100.0, 4.0]
    """
    values = {
        "sharp_curvature": _validate.real("sharp_curvature", sharp_curvature, above=0.0),
        "broad_curvature": _validate.real("broad_curvature", broad_curvature, above=0.0),
        "sharp_cost": _validate.real("sharp_cost", sharp_cost),
        "broad_cost": _validate.real("broad_cost", broad_cost),
        "separation": _validate.real("separation", separation, above=0.0),
    }
    if values["sharp_curvature"] < values["broad_curvature"]:
        raise InvalidInputError(
            f"sharp_curvature must be at least broad_curvature; got {sharp_curvature} and {broad_curvature}. "
            "Swap the two basins."
        )
    x = sympy.Symbol("x", real=True)
    symbols = [sympy.Symbol(name, real=True) for name in values]
    k1, k2, c1, c2, s = symbols
    expression = sympy.S.NegativeOne * logaddexp(-c1 - k1 * x**2 / 2, -c2 - k2 * (x - s) ** 2 / 2)
    return Landscape(expression, [x], dict(zip(symbols, values.values(), strict=True)), "sharp and broad")
