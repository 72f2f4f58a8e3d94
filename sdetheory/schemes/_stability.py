"""The longest step with which a scheme follows a linear drift to its fixed point instead of away from it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInputError


def check_step(sde: Any, scheme: Any, dt: float) -> None:
    """Refuse a step beyond the stability limit of a linear drift.

    Only of those eigenvalues that the equation itself damps: what grows, or turns without damping, may do so.
    """
    linear = sde.linear_part()
    # Multiplicative Stratonovich noise changes the drift of the mean.
    if linear is None or (sde.calculus == "stratonovich" and sde.noise != "additive"):
        return
    limit, rule = scheme._longest_step(linear[0])
    # A step at the limit itself is allowed, whatever its rounding.
    if dt > limit * (1 + 1e-9):
        other = ', or use method="exact", which has no limit' if sde.noise == "additive" else ""
        raise InvalidInputError(
            f"dt must be at most {limit:.6g}, where {scheme.name} loses stability on the linear drift of {sde.name}: "
            f"{rule}; got dt={dt:g}. Reduce dt{other}."
        )


def explicit_limit(jacobian: NDArray[np.float64], polynomial: tuple[float, ...]) -> tuple[float, str]:
    """Return the smallest step at which |P(mu dt)| exceeds 1, and the rule."""
    damped = -1e-12 * np.linalg.norm(jacobian)  # what is below rounding is not damped
    limits = {_exit(mu, polynomial): mu for mu in np.linalg.eigvals(jacobian) if mu.real < damped}
    limit = min(limits, default=np.inf)
    mu = limits.get(limit, 0.0)
    if np.imag(mu) == 0:
        rule = "2/|μ|"
    else:
        rule = "−2 Re μ/|μ|²" if len(polynomial) == 2 else "|1 + z + z²/2| = 1 for z = μ dt"
    return limit, f"{rule} with the eigenvalue μ = {mu:.4g} of its Jacobian"


def _exit(mu: complex, polynomial: tuple[float, ...]) -> float:
    """Return the smallest h > 0 with |P(mu h)| = 1, for Re mu < 0."""
    p = np.array(polynomial) * (mu / abs(mu)) ** np.arange(len(polynomial))
    square = np.polynomial.polynomial.polymul(p, p.conj()).real
    roots = np.polynomial.polynomial.polyroots(square[1:])  # without the root h = 0
    positive = roots.real[(np.abs(roots.imag) < 1e-9 * np.abs(roots)) & (roots.real > 0)]
    return float(positive.min()) / abs(mu)
