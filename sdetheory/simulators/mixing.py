"""How well paths mix: integrated autocorrelation time, effective sample size and split R-hat, from sums by path."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._intervals import Law, Reciprocal, VarianceRatio
from ..results import Estimate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mixing:
    r"""How fast time averages of a quantity settle, and whether the paths agree.

    Attributes
    ----------
    autocorrelation_time : Estimate
        Integrated autocorrelation time :math:`\tau = \int_0^\infty \rho(t)\, dt`, in the time of the equation; for
        samples a time s apart, :math:`\tau = s\,(1/2 + \sum_{k \ge 1} \rho_k)`. (In samples, and by the convention
        in which independent samples have 1, it is 2τ/s.) An Ornstein–Uhlenbeck process of rate λ has 1/λ.
    effective_sample_size : Estimate
        Number of independent samples with the same error of the mean, of all paths together.
    r_hat : Estimate
        Split R-hat: 1 where halves of paths agree with one another, above it where they do not. NaN with fewer than
        two samples in a half.

    Notes
    -----
    With m independent paths of length T, the variance V of their time averages is known without any autocorrelation:

    .. math:: V = \frac{2 \tau \sigma^2}{T}, \qquad \tau = \frac{T V}{2 \sigma^2}, \qquad
        \mathrm{ESS} = \frac{m \sigma^2}{V}.

    The first is up to O(τ/T), by which τ comes out too short: paths must be much longer than τ. Where they do not mix
    at all, τ is T/2 and the effective sample size m. A burn-in that is too short shows as τ too long while starts
    differ, and not at all where they agree.

    R-hat [1]_ compares the variance V' of the means of 2m halves of n samples with the mean variance W within them,

    .. math:: \hat R^2 = \frac{n - 1}{n} + \frac{V'}{W}.

    Of many stationary paths it is about 1 + 2τ/T, so that 1.01 asks for T = 200 τ, whatever m. It is not
    rank-normalized, which would need all samples. Of an odd number of samples the later half has one more, and n is the
    mean. After an interrupt, the halves divide where those of the whole run would have.

    Standard errors are to first order in the scatter between paths (delta method), about a share √(2/m) of τ; intervals
    of τ and the effective sample size are those of a ratio of variances (F).

    References
    ----------
    .. [1] A. Vehtari, A. Gelman, D. Simpson, B. Carpenter, P.-C. Bürkner, "Rank-normalization, folding, and
       localization: an improved R-hat for assessing convergence of MCMC", Bayesian Analysis 16 (2021) 667, eqs. 1-4.
    """

    autocorrelation_time: Estimate
    effective_sample_size: Estimate
    r_hat: Estimate

    def of(self, column: int | slice) -> Mixing:
        """Return one entry, or some, of estimates that are arrays of shape (k,)."""
        return Mixing(**{name: getattr(self, name)[column] for name in self.__slots__})


def mixing(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    within: NDArray[np.float64],
    halves: tuple[NDArray[np.float64], NDArray[np.float64]],
    n_samples: int,
    spacing: float,
) -> Mixing:
    """Return the estimates for k quantities.

    first and second (m, k) are the averages by path of the quantity and its square, about a common point; `halves` the
    averages of the quantity over either half, and `within` each path's variance about them, n − 2 in the denominator.
    """
    m, mean = len(first), first.mean(axis=0)
    centred = (first - mean) ** 2
    square = second - 2 * mean * first + mean**2
    with np.errstate(divide="ignore", invalid="ignore"):
        between = centred.sum(axis=0) / (m - 1)
        # The mean itself is estimated; what that takes from the variance is its own variance.
        variance = square.mean(axis=0) + between / m
        error = _relative_error(centred, square)
        time = n_samples * spacing * between / (2 * variance)
        size = m * variance / between

        both = np.concatenate(halves)
        scatter = (both - both.mean(axis=0)) ** 2
        ratio = scatter.sum(axis=0) / (2 * m - 1) / within.mean(axis=0)
        r_hat = np.sqrt(1 - 2 / n_samples + ratio)
        r_error = ratio * _relative_error(scatter[:m] + scatter[m:], within) / (2 * r_hat)
        # Averages over times much longer than τ are normal: their variance is a χ² of m - 1. That within paths, the
        # rest of the whole variance, has as many degrees of freedom as its own scatter tells.
        inside = square - centred
        freedom = 2 * m * (inside.mean(axis=0) / inside.std(axis=0, ddof=1)) ** 2
        share = between / inside.mean(axis=0)
        known = np.isfinite(freedom) & (freedom > 0) & np.isfinite(error) & (error > 0) & np.isfinite(share)
        freedom, relative, share = (np.where(known, a, 1.0) for a in (np.minimum(freedom, 1e9), error, share))
    law = VarianceRatio(m - 1.0, freedom, share, relative)
    return Mixing(
        autocorrelation_time=_estimate(time, time * error, m, law),
        effective_sample_size=_estimate(size, size * error, m, Reciprocal(law, relative)),
        r_hat=_estimate(r_hat, r_error, m, None),
    )


def _estimate(value: NDArray[np.float64], error: NDArray[np.float64], m: int, law: Law | None) -> Estimate:
    # Where paths do not scatter at all, nothing is known of an error.
    error = np.where(np.isnan(error) & np.isfinite(value), np.inf, error)
    error = np.where(np.isnan(value), np.nan, error)
    return Estimate(value=value, stderr=error, n_eff=float(m), law=law)


def split(
    first: NDArray[np.float64], second: NDArray[np.float64], early: NDArray[np.float64], n: int, n_early: int
) -> tuple[NDArray[np.float64], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return each path's variance about the means of its halves, n − 2 in the denominator, and these means.

    All three arrays (m, k) are sums over n samples: of a quantity, of its square, and of the quantity over the first
    n_early samples.
    """
    n_late = n - n_early
    if min(n_early, n_late) < 2:
        nothing = np.full_like(first, np.nan)
        return nothing, (nothing, nothing)
    late = first - early
    return (second - early**2 / n_early - late**2 / n_late) / (n - 2), (early / n_early, late / n_late)


def _relative_error(numerators: NDArray[np.float64], denominators: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the relative standard error of a ratio of means over paths, to first order."""
    residual = numerators / numerators.mean(axis=0) - denominators / denominators.mean(axis=0)
    return residual.std(axis=0, ddof=1) / np.sqrt(len(numerators))
