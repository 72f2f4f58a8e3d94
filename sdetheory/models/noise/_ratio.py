"""A gradient noise scale as the ratio of its two parts, with an interval that knows when the gradient may be zero."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ...errors import InvalidInputError
from ...results import Estimate

_NEVER = 1e-9
"""Probability with which a trace that is not negative would be taken for one."""


# Arrays have no single truth value and no hash, so results compare by identity.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GradientNoiseScale:
    """A gradient noise scale and its parts: of a model, of two batch sizes, or of a run that is watched.

    Attributes
    ----------
    trace : Estimate
        Tr F, unbiased; Tr HF in `hessian_weighted`.
    squared_gradient : Estimate
        |G|², unbiased; it may come out negative where the gradient is lost in the noise. GᵀHG in `hessian_weighted`.
    noise_scale : Estimate
        Their ratio, a ratio of means, in examples: B_simple, or B_noise in `hessian_weighted`. Its error is to first
        order, and tells little where that of `squared_gradient` is more than a third of it: use the interval.
    interval : tuple of float
        Confidence interval of the ratio (Fieller). It ends at inf where the data cannot tell the gradient from zero.
    hessian_weighted : GradientNoiseScale or None
        The same with directions weighed by their curvature, where it was asked for.
    replay : SeedSequence or None
        As ``rng`` it makes the same random choices again; None where there were none.
    """

    trace: Estimate
    squared_gradient: Estimate
    noise_scale: Estimate
    interval: tuple[float, float]
    hessian_weighted: GradientNoiseScale | None = None
    replay: np.random.SeedSequence | None = None


def of_parts(
    parts: NDArray[np.float64],
    covariance: NDArray[np.float64],
    n_eff: float,
    alpha: float,
    *,
    signed: bool = False,
    **fields: Any,
) -> GradientNoiseScale:
    """Return the ratio of (trace, square) whose errors have a covariance, from n_eff samples.

    A trace and a square that are not `signed` are known to be no less than zero.
    """
    trace, square = map(float, parts)
    errors = np.sqrt(np.diag(covariance))
    exact = not covariance.any()
    ratio, error = (trace / square, 0.0) if square else (math.inf, math.nan)
    if square and not exact:
        direction = np.array([1.0, -ratio]) / square
        error = float(np.sqrt(np.maximum(direction @ covariance @ direction, 0.0)))  # nan stays nan
    if exact:
        interval = ratio, ratio
    elif n_eff <= 1:
        interval = -math.inf if signed else 0.0, math.inf
    else:
        low, high = fieller(trace, square, covariance, float(-special.stdtrit(n_eff - 1, alpha / 2)), signed)
        interval = float(low), float(high)
    return GradientNoiseScale(
        trace=Estimate(value=trace, stderr=float(errors[0]), n_eff=n_eff),
        squared_gradient=Estimate(value=square, stderr=float(errors[1]), n_eff=n_eff),
        noise_scale=Estimate(value=ratio, stderr=error, n_eff=n_eff),
        interval=interval,
        **fields,
    )


def parts_of_norms(small: int, large: int) -> NDArray[np.float64]:
    """Return the matrix that makes (Tr F, |G|²) of the mean squared norms of gradients at two batch sizes."""
    inverse = 1 / (1 / small - 1 / large)
    return np.array([[inverse, -inverse], [-small / (large - small), large / (large - small)]])


def refuse_negative_trace(parts: NDArray[np.float64], covariance: NDArray[np.float64], n_eff: float) -> None:
    """Refuse norms of which the larger batch has the greater, beyond chance."""
    error = math.sqrt(covariance[0, 0])
    if parts[0] < special.stdtrit(n_eff - 1, _NEVER) * error:
        raise InvalidInputError(
            f"the trace of the noise must not be negative; it comes out as {parts[0]:.3g} ± {error:.2g}: gradients of "
            "the larger batch are longer, which means of independent examples never are. Pass gradients of the mean "
            "loss, not of sums, both before clipping and in the same unit (loss scaling), and the smaller batch first."
        )


def fieller(a: float, b: float, covariance: NDArray[np.float64], t: float, signed: bool) -> tuple[float, float]:
    """Return the ratios r for which a − r b is within t standard errors of zero, from the least to the greatest."""
    if b < 0 and not signed:
        return 0.0, math.inf
    square = b * b - t * t * covariance[1, 1]
    middle = a * b - t * t * covariance[0, 1]
    constant = a * a - t * t * covariance[0, 0]
    root = math.sqrt(max(0.0, middle * middle - square * constant))
    least = -math.inf if signed else 0.0
    if square <= 0:
        # b may be zero: ratios have no upper end, and a lower one only if a is clear of zero and its sign is known.
        if signed or not square < 0 < constant:
            return least, math.inf
        return max(0.0, (middle - root) / square, (middle + root) / square), math.inf
    return max(least, (middle - root) / square), max(least, (middle + root) / square)
