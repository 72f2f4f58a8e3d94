"""The largest evidence of a linear model: a global search along one line."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ...errors import AccuracyWarning, InvalidInputError
from ._search import NATS, Objective, maxima

if TYPE_CHECKING:
    from ..decomposition._spectrum import Spectrum

Array = NDArray[np.float64]

# Logarithms up to which numbers are doubles, and up to which their sums and products with others are.
_RANGE, _FAR = math.log(np.finfo(np.float64).max), 650.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceMaximum:
    """A maximum of the evidence, inside the range of λ and σ² or at its boundary.

    Parameters
    ----------
    prior_precision, noise_variance : float
        λ and σ² at the maximum, or their limits.
    log_prior_precision, log_noise_variance : float
        Their logarithms, which are numbers also where y is in units in which σ² or λ is beyond the range of doubles.
    log_evidence : float
        Its value, or its limit.
    kind : str
        "interior"; "null": λ → ∞, the null model wins; "noise-free": σ² → 0, weights explain y entirely, and as many
        as there are observations; "unbounded": σ² → 0 with fewer weights than observations, so that the evidence grows
        without bound; "ridge": as many orthogonal directions of one size s as observations, so that the data know
        σ² + s²/λ only, and every way to share it is as good. The λ and σ² of a ridge share it evenly.
    local_maxima : tuple of EvidenceMaximum
        All of them, the best first, boundaries included. Empty inside this tuple.
    """

    prior_precision: float
    noise_variance: float
    log_prior_precision: float
    log_noise_variance: float
    log_evidence: float
    kind: str
    local_maxima: tuple[EvidenceMaximum, ...] = ()


def maximize(spectrum: Spectrum, noise_variance: float | None) -> EvidenceMaximum:
    """Return the global maximum over λ, and over σ² unless it is given."""
    unit = spectrum.norm
    if not spectrum.size:
        raise InvalidInputError(
            "maximize() needs an observation more than a flat intercept takes away; got one observation, whose "
            "evidence is the same for every prior_precision and noise_variance. Add observations, or leave the "
            "intercept out."
        )
    if noise_variance is None and not unit > 0:
        raise InvalidInputError(
            "maximize() needs a y that is not zero (after centring, with a flat intercept); got |y| = 0, for which the "
            "evidence grows without bound as noise_variance → 0, whatever prior_precision is. Give noise_variance."
        )
    found = _in_units_of_y(spectrum, noise_variance, unit or 1.0)
    if noise_variance is not None:  # as it was given, to its last digit
        known = {"noise_variance": noise_variance, "log_noise_variance": math.log(noise_variance)}
        found = [replace(maximum, **known) for maximum in found]
    found.sort(key=lambda maximum: -maximum.log_evidence)
    best = replace(found[0], local_maxima=tuple(found))
    if any(math.isinf(value) for value in (best.log_prior_precision, best.log_noise_variance)):
        return best
    if not (0 < best.prior_precision < math.inf and 0 < best.noise_variance < math.inf):
        warnings.warn(
            f"prior_precision = e^{best.log_prior_precision:.6g} and noise_variance = e^{best.log_noise_variance:.6g} "
            "of the maximum are not both within the range of doubles, and were rounded to 0 or inf. Take their "
            "logarithms, which are given beside them, or divide y by its size.",
            AccuracyWarning,
            stacklevel=3,
        )
    return best


def _in_units_of_y(spectrum: Spectrum, noise_variance: float | None, unit: float) -> list[EvidenceMaximum]:
    """Return all local maxima, found for y/|y|: no square of y is formed in its own unit, where it may overflow."""
    energy, residual = (spectrum.coordinates / unit) ** 2, spectrum.residual / unit
    # A residual that is rounding error is none: the evidence at σ² ~ 1e-32 |y|² would be an accident.
    left = residual**2 if residual > spectrum.n * np.finfo(np.float64).eps else 0.0
    scale = _Scale(spectrum=spectrum, energy=energy, residual=residual**2, log_unit=2 * math.log(unit))
    if noise_variance is None:
        if not spectrum.log_squares.size:
            return [scale.null(None)]
        if _is_ridge(spectrum):
            return [scale.ridge()]
        return _along(Objective(spectrum.log_squares, energy, left, spectrum.size), scale, None)
    log_variance = math.log(noise_variance) - scale.log_unit
    if log_variance < -_FAR:
        raise InvalidInputError(
            f"noise_variance must not be that small beside y; got {noise_variance:.3g} for |y| = {unit:.3g}, whose "
            "squared ratio is beyond the range of doubles. Bring y and its noise to one unit."
        )
    if not spectrum.log_squares.size:
        return [scale.null(log_variance)]
    objective = Objective(spectrum.log_squares, energy * math.exp(min(-log_variance, _FAR)), 0.0, None)
    return _along(objective, scale, log_variance)


def _is_ridge(spectrum: Spectrum) -> bool:
    """Return whether σ² and λ cannot be told apart: the covariance of y is a multiple of the identity."""
    squares = spectrum.log_squares
    return squares.size == spectrum.size and float(np.ptp(squares)) * squares.size <= NATS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """The model in units of |y|, and the way back."""

    spectrum: Spectrum
    energy: Array
    residual: float
    log_unit: float

    def maximum(self, kind: str, log_precision: float, log_variance: float, log_evidence: float) -> EvidenceMaximum:
        """Return a maximum in the units of the data."""
        log_precision -= self.log_unit
        log_variance += self.log_unit
        return EvidenceMaximum(
            prior_precision=_exp(log_precision),
            noise_variance=_exp(log_variance),
            log_prior_precision=log_precision,
            log_noise_variance=log_variance,
            log_evidence=log_evidence - 0.5 * self.spectrum.size * self.log_unit,
            kind=kind,
        )

    def interior(self, log_precision: float, log_variance: float) -> EvidenceMaximum:
        """Return a maximum of both at numbers."""
        x = self.spectrum.log_squares - log_precision - log_variance
        energy = self.energy * math.exp(-log_variance)
        terms = float(np.sum(np.logaddexp(0.0, x) + energy * special.expit(-x))) + self.residual * math.exp(
            -log_variance
        )
        value = -0.5 * (self._constant(log_variance) + terms)
        return self.maximum("interior", log_precision, log_variance, value)

    def null(self, log_variance: float | None) -> EvidenceMaximum:
        """Return the null model, at the best σ² unless it is known."""
        total = float(self.energy.sum()) + self.residual
        if log_variance is None:
            log_variance = math.log(total / self.spectrum.size)
        value = -0.5 * (self._constant(log_variance) + total * math.exp(-log_variance))
        return self.maximum("null", math.inf, log_variance, value)

    def ridge(self) -> EvidenceMaximum:
        """Return the point of a ridge at which noise and weights explain half of y each."""
        size = self.spectrum.size
        variance = float(self.energy.sum()) / size
        log_square = float(self.spectrum.log_squares.mean())
        value = -0.5 * (self._constant(math.log(variance)) + size)
        half = math.log(variance / 2)
        return self.maximum("ridge", log_square - half, half, value)

    def noiseless(self, objective: Objective) -> EvidenceMaximum:
        """Return the limit σ² → 0."""
        size, rank = self.spectrum.size, self.spectrum.log_squares.size
        log_precision = math.log(rank) - objective.log_norm
        if rank < size:
            return self.maximum("unbounded", log_precision, -math.inf, math.inf)
        value = -0.5 * (self._constant(-log_precision) + rank + float(self.spectrum.log_squares.sum()))
        return self.maximum("noise-free", log_precision, -math.inf, value)

    def _constant(self, log_variance: float) -> float:
        """Return n ln 2πσ², and what a flat intercept adds."""
        n, size = self.spectrum.n, self.spectrum.size
        return size * (math.log(2 * math.pi) + log_variance) + (n > size) * math.log(n)


def _exp(value: float) -> float:
    """Return e^value, or the end of the range of doubles that it is beyond."""
    return math.inf if value > _RANGE else math.exp(value)


def _along(objective: Objective, scale: _Scale, log_variance: float | None) -> list[EvidenceMaximum]:
    """Return all local maxima of the evidence."""
    found = []
    for log_ratio in maxima(objective):
        best = math.log(objective.misfit(log_ratio) / scale.spectrum.size) if log_variance is None else log_variance
        found.append(scale.interior(log_ratio - best, best))
    if objective.null_is_maximum or not found:
        found.append(scale.null(log_variance))
    if objective.explains_all:
        limit = scale.noiseless(objective)
        if limit.kind == "unbounded" or objective.no_noise_is_maximum:
            found.append(limit)
    return found
