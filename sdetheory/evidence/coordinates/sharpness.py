"""Measures of sharpness: what a change of coordinates changes, and what it does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, optimize

from ... import _validate
from ...errors import InvalidInputError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharpness:
    """What people call the sharpness of a minimum, from the eigenvalues of its Hessian.

    Parameters
    ----------
    trace, largest_eigenvalue : float
        Σλᵢ and max λᵢ.
    log_determinant : float
        Σ ln λᵢ; −inf if the minimum is flat in some direction.
    """

    trace: float
    largest_eigenvalue: float
    log_determinant: float


def sharpness(hessian: ArrayLike, *, prior_hessian: ArrayLike | None = None) -> Sharpness:
    r"""Measure the sharpness of a minimum, in the given coordinates or relative to the prior.

    .. math:: H u = \lambda u \qquad \text{or} \qquad H u = \lambda P u

    A change of coordinates w = φ(v) turns the Hessian at a minimum into JᵀHJ, whose trace, eigenvalues and determinant
    can be anything positive. It turns the precision P of the prior into JᵀPJ, so that eigenvalues relative to it stay
    as they are under every linear map; the evidence depends on them alone, Σ ln λᵢ being twice the log of prior volume
    over posterior volume.

    Parameters
    ----------
    hessian : ndarray, shape (d, d)
        Of the loss, or of the cost, at its minimum: symmetric, positive semidefinite up to rounding.
    prior_hessian : ndarray, shape (d, d), optional
        P, positive definite; the identity if not given.

    Returns
    -------
    Sharpness
        Trace, largest eigenvalue, log determinant.

    Raises
    ------
    InvalidInputError
        If a matrix is not symmetric, the Hessian has a negative eigenvalue (then it is no minimum), or P is not
        positive definite.

    References
    ----------
    L. Dinh, R. Pascanu, S. Bengio and Y. Bengio (2017), Sharp minima can generalize for deep nets, arXiv:1703.04933,
    theorem 4.

    Examples
    --------
    >>> sharpness([[1.0, 0.0], [0.0, 4.0]])
    Sharpness(trace=5.0, largest_eigenvalue=4.0, log_determinant=1.3862943611198906)
    >>> sharpness([[100.0, 0.0], [0.0, 4.0]], prior_hessian=[[100.0, 0.0], [0.0, 1.0]]).trace     # v₁ = w₁/10
    5.0
    """
    given = _validate.reals("hessian", hessian, shape=(None, None))
    matrix = _validate.positive_semidefinite("hessian", given, len(given))
    if prior_hessian is None:
        eigenvalues = linalg.eigvalsh(matrix)
    else:
        factor = linalg.cholesky(_validate.positive_definite("prior_hessian", prior_hessian, len(matrix)), lower=True)
        half = linalg.solve_triangular(factor, matrix, lower=True)
        eigenvalues = linalg.eigvalsh(linalg.solve_triangular(factor, half.T, lower=True))
    eigenvalues = np.maximum(eigenvalues, 0.0)
    with np.errstate(divide="ignore"):
        log_determinant = float(np.log(eigenvalues).sum())
    return Sharpness(
        trace=float(eigenvalues.sum()), largest_eigenvalue=float(eigenvalues[-1]), log_determinant=log_determinant
    )


def epsilon_sharpness(loss: Callable[[Array], Any], w: ArrayLike, radius: float) -> float:
    r"""Return by how much the loss can rise within a ball.

    .. math:: \frac{\max_{|w' - w| \le \epsilon} L(w') - L(w)}{1 + L(w)}

    Parameters
    ----------
    loss : callable
        L, from one point (d,) to a number ≥ 0.
    w : ndarray, shape (d,)
        The minimum.
    radius : float
        ε > 0.

    Returns
    -------
    float
        The largest rise that was found, from 2d starts on the axes of the ball: a lower bound of the maximum, which
        for small ε is attained, λ_max ε²/2(1 + L).

    Raises
    ------
    InvalidInputError
        If an argument is not a finite number within its bounds, or the loss at w is negative.

    References
    ----------
    N. Keskar et al. (2017), On large-batch training for deep learning, arXiv:1609.04836, metric 2.1 (there a box, and
    in percent). L. Dinh et al. (2017), arXiv:1703.04933, definition 3.

    Examples
    --------
    >>> round(epsilon_sharpness(lambda w: w[0] ** 2 + 3 * w[1] ** 2, [0.0, 0.0], 0.1), 8)
    0.03
    """
    w = _validate.reals("w", w, shape=(None,))
    radius = _validate.real("radius", radius, above=0.0)
    _validate.function("loss", loss, "of weights (p,)")
    lowest = _validate.real("loss(w)", _validate.called("loss", loss, w), at_least=0.0)
    if not w.size:
        raise InvalidInputError("w must hold at least one weight; got none")
    # Off the axes by a little: on one of them, a saddle of the loss on the sphere would hold the solver.
    starts = np.concatenate([np.eye(w.size), -np.eye(w.size)]) + 0.1 * np.cos(np.arange(w.size))
    starts /= np.linalg.norm(starts, axis=1, keepdims=True)
    return max(_climb(loss, w, radius, lowest, start) for start in starts) / (1 + lowest)


def _climb(loss: Callable[[Array], Any], w: Array, radius: float, lowest: float, start: Array) -> float:
    """Return the rise of a local maximum of the loss in the ball, from a start on the unit sphere."""

    def rise(u: Array) -> float:
        # The solver keeps to the ball up to rounding only.
        return float(loss(w + radius * u / max(1.0, float(np.linalg.norm(u))))) - lowest

    u, best = start, rise(start)
    while True:
        # In units of the radius and of the rise so far, so that the solver's tolerances mean something; it stops early
        # where the rise grows a lot on the way, and then starts again.
        unit = max(best, np.finfo(np.float64).tiny)
        found = optimize.minimize(
            lambda u, unit=unit: -rise(u) / unit,
            u,
            method="SLSQP",
            constraints={"type": "ineq", "fun": lambda u: 1 - u @ u, "jac": lambda u: -2 * u},
            options={"ftol": 1e-12, "maxiter": 200},
        )
        reached = rise(found.x)
        if not reached > best * (1 + 1e-9):
            return max(best, 0.0)
        u, best = found.x, reached
