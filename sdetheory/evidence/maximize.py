"""The largest evidence of a linear model: a global search along one line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .. import _validate
from ..errors import DivergedError, InvalidInputError
from ._search import Objective, maxima

if TYPE_CHECKING:
    from ._spectrum import Spectrum
    from .linear import LinearModel

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceMaximum:
    """A maximum of the evidence, inside the range of λ and σ² or at its boundary.

    Parameters
    ----------
    prior_precision, noise_variance : float
        λ and σ² at the maximum, or their limits.
    log_evidence : float
        Its value, or its limit.
    kind : str
        "interior"; "null": λ → ∞, the null model wins; "noise-free": σ² → 0, weights explain y entirely, and as many
        as there are observations; "unbounded": σ² → 0 with fewer weights than observations, so that the evidence grows
        without bound.
    local_maxima : tuple of EvidenceMaximum
        All of them, the best first, boundaries included. Empty inside this tuple.
    """

    prior_precision: float
    noise_variance: float
    log_evidence: float
    kind: str
    local_maxima: tuple[EvidenceMaximum, ...] = ()


def maximize(spectrum: Spectrum, noise_variance: float | None) -> EvidenceMaximum:
    """Return the global maximum over λ, and over σ² unless it is given."""
    energy, total = spectrum.coordinates**2, spectrum.residual_square + float(np.sum(spectrum.coordinates**2))
    if not (spectrum.log_squares.size and total > 0):
        raise InvalidInputError(
            "maximize() needs inputs that vary and a y that is not zero (after centring, with a flat intercept); got "
            f"rank {spectrum.log_squares.size} and |y|² = {total:.3g}, for which every prior_precision is as good."
        )
    if noise_variance is not None:
        found = _along(Objective(spectrum.log_squares, energy / noise_variance, 0.0, None), spectrum, noise_variance)
    else:
        # A residual that is rounding error is none: the evidence at σ² ~ 1e-32 |y|² would be an accident.
        unexplained = spectrum.residual_square > (spectrum.n * np.finfo(np.float64).eps) ** 2 * total
        left = spectrum.residual_square if unexplained else 0.0
        found = _along(Objective(spectrum.log_squares, energy, left, spectrum.size), spectrum, None)
    found.sort(key=lambda maximum: -maximum.log_evidence)
    best = found[0]
    return EvidenceMaximum(
        prior_precision=best.prior_precision,
        noise_variance=best.noise_variance,
        log_evidence=best.log_evidence,
        kind=best.kind,
        local_maxima=tuple(found),
    )


def _along(objective: Objective, spectrum: Spectrum, noise_variance: float | None) -> list[EvidenceMaximum]:
    """Return all local maxima of the evidence."""
    found = []
    for log_ratio in maxima(objective):
        variance = noise_variance or objective.misfit(log_ratio) / spectrum.size
        precision = math.exp(log_ratio - math.log(variance))
        value = float(spectrum.log_evidence(np.asarray(precision), np.asarray(variance)))
        found.append(
            EvidenceMaximum(prior_precision=precision, noise_variance=variance, log_evidence=value, kind="interior")
        )
    intercept = (spectrum.n > spectrum.size) * math.log(spectrum.n)
    if objective.null_is_maximum or not found:
        total = spectrum.residual_square + float(np.sum(spectrum.coordinates**2))
        variance = noise_variance or total / spectrum.size
        value = -0.5 * (spectrum.size * math.log(2 * math.pi * variance) + total / variance + intercept)
        found.append(
            EvidenceMaximum(prior_precision=math.inf, noise_variance=variance, log_evidence=value, kind="null")
        )
    if objective.explains_all:
        rank = spectrum.log_squares.size
        precision = rank * math.exp(-objective.log_norm)
        if rank < spectrum.size:
            value, kind = math.inf, "unbounded"
        else:
            constant = rank * (math.log(2 * math.pi) - math.log(precision) + 1)
            value, kind = -0.5 * (constant + float(spectrum.log_squares.sum()) + intercept), "noise-free"
        if kind == "unbounded" or objective.no_noise_is_maximum:
            found.append(EvidenceMaximum(prior_precision=precision, noise_variance=0.0, log_evidence=value, kind=kind))
    return found


def mackay(
    model: LinearModel,
    prior_precision: float,
    noise_variance: float,
    *,
    rtol: float = 1e-12,
    max_iterations: int = 10_000,
) -> tuple[float, float]:
    r"""Iterate MacKay's re-estimation from a starting point: a second witness of an interior maximum.

    .. math:: \lambda \leftarrow \frac{\gamma}{\bar w^T P \bar w}, \qquad
              \sigma^2 \leftarrow \frac{|y - X\bar w|^2}{n - \gamma}

    Parameters
    ----------
    model : LinearModel
        The model; n counts one observation less if its intercept is flat.
    prior_precision, noise_variance : float
        λ > 0 and σ² > 0 to start from.
    rtol : float
        Stops when neither changes by more, relatively.
    max_iterations : int
        Stops here at the latest; a run towards a boundary never converges.

    Returns
    -------
    tuple of float
        λ and σ², one of the stationary points. Not always the nearest maximum, and not always the global one.

    Raises
    ------
    InvalidInputError
        If an argument is not a positive finite number.
    DivergedError
        If it has not converged; `result` holds the last λ and σ².

    References
    ----------
    D. MacKay (1992), Bayesian interpolation, Neural Computation 4, 415.

    Examples
    --------
    >>> from sdetheory.evidence import LinearModel
    >>> model = LinearModel([[1.0], [2.0], [3.0]], [1.1, 1.9, 3.2])
    >>> print("{:.4f} {:.4f}".format(*mackay(model, 1.0, 1.0)))
    0.9335 0.0211
    """
    precision = _validate.real("prior_precision", prior_precision, above=0.0)
    variance = _validate.real("noise_variance", noise_variance, above=0.0)
    rtol = _validate.real("rtol", rtol, above=0.0)
    spectrum = model._spectrum
    energy, spare = spectrum.coordinates**2, spectrum.size - spectrum.log_squares.size
    for _ in range(_validate.integer("max_iterations", max_iterations, at_least=1)):
        ignored = 1 / (1 + np.exp(spectrum.log_ratio(precision, variance)))
        kept = 1 - ignored
        penalty = float(np.sum(energy * kept * ignored)) / variance
        before = precision, variance
        if not penalty > 0:
            break
        precision *= float(kept.sum()) / penalty
        variance = (spectrum.residual_square + float(energy @ ignored**2)) / (spare + float(ignored.sum()))
        if not (0 < precision < math.inf and 0 < variance < math.inf):
            break
        if max(abs(precision / before[0] - 1), abs(variance / before[1] - 1)) <= rtol:
            return precision, variance
    raise DivergedError(
        f"MacKay's iteration has not converged: λ = {precision:.6g}, σ² = {variance:.6g}. Use maximize(), which knows "
        "boundaries, or raise max_iterations.",
        (precision, variance),
    )
