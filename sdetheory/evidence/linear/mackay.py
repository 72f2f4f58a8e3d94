"""MacKay's iteration for λ and σ²: a second witness of the search for the largest evidence."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from ... import _validate
from ...errors import DivergedError
from ._linear_formulas import linear_model
from .model import LinearModel


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
    linear_model(model)
    precision = _validate.real("prior_precision", prior_precision, above=0.0)
    variance = _validate.real("noise_variance", noise_variance, above=0.0)
    rtol = _validate.real("rtol", rtol, above=0.0)
    spectrum = model._spectrum
    spare = spectrum.size - spectrum.log_squares.size
    for _ in range(_validate.integer("max_iterations", max_iterations, at_least=1)):
        ignored = special.expit(-spectrum.log_ratio(precision, variance))
        kept = 1 - ignored
        rest = spectrum.residual / math.sqrt(variance)
        with np.errstate(over="ignore", invalid="ignore"):  # far from a maximum; ends as diverged below
            energy = (spectrum.coordinates / math.sqrt(variance)) ** 2
            penalty = float(np.sum(energy * kept * ignored))
            misfit = rest * rest + float(energy @ ignored**2)
        before = precision, variance
        if not penalty > 0:
            break
        precision *= float(kept.sum()) / penalty
        variance *= misfit / (spare + float(ignored.sum()))
        if not (0 < precision < math.inf and 0 < variance < math.inf):
            break
        if max(abs(precision / before[0] - 1), abs(variance / before[1] - 1)) <= rtol:
            return precision, variance
    raise DivergedError(
        f"MacKay's iteration has not converged to rtol = {rtol:g}: prior_precision λ = {precision:.6g}, noise_variance "
        f"σ² = {variance:.6g}. Use maximize(), which knows boundaries, another start, more max_iterations or rtol.",
        (precision, variance),
    )
