"""The log evidence as fit and simplicity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class OccamDecomposition:
    r"""The log evidence, split into how well the best weights fit and how much of the prior they use up.

    .. math::
        \ln P(y) = \ln P(y \mid w_0) + \ln \left[ P(w_0) \det(A / 2\pi)^{-1/2} \right]
                 = -C(w_0) - \tfrac12 \sum_i \ln(\lambda_i / \lambda)

    The first line is MacKay's (best fit and Occam factor), the second is Smith and Le's (depth and breadth).

    Parameters
    ----------
    log_likelihood_at_mode : float or ndarray
        ln P(y | w₀), constants included.
    weight_penalty : float or ndarray
        λ w₀ᵀ P w₀ / 2.
    half_log_curvature_ratio : float or ndarray
        ½ Σ ln(λᵢ/λ), where λᵢ ≥ λ are the eigenvalues of the Hessian A of C (the prior's λ included) in coordinates in
        which the prior is isotropic. Never negative.
    log_intercept_width : float or ndarray
        ½ ln(2πσ²/n), what is left of a flat prior of density 1 over an intercept: not a factor below 1, as that prior
        has no volume. Zero without one.

    References
    ----------
    D. MacKay (1992), Bayesian interpolation, Neural Computation 4, 415.
    S. Smith and Q. Le (2018), arXiv:1710.06451, eqs. 8 and 9.
    """

    log_likelihood_at_mode: Any
    weight_penalty: Any
    half_log_curvature_ratio: Any
    log_intercept_width: Any = 0.0

    @property
    def log_occam_factor(self) -> Any:
        """MacKay's ln[P(w₀) det(A/2π)^(-1/2)]: posterior volume over prior volume, never positive."""
        return -(self.weight_penalty + self.half_log_curvature_ratio)

    @property
    def cost_at_mode(self) -> Any:
        """Smith and Le's C(w₀) = -ln P(y | w₀) + λ w₀ᵀ P w₀ / 2."""
        return self.weight_penalty - self.log_likelihood_at_mode

    @property
    def log_evidence(self) -> Any:
        """The sum of the parts."""
        return self.log_likelihood_at_mode + self.log_occam_factor + self.log_intercept_width
