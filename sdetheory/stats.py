"""Statistical tests with an explicit false-alarm rate, and the sample sizes they need."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from . import _validate
from .errors import InvalidInputError
from .results import Estimate, mean_estimate

_MOST = 1e9
"""Root of the most samples that anybody could draw; a count of them is still exact as a float, to a part in 1e16."""

__all__ = ["agrees", "mean_estimate", "required_samples"]


def agrees(estimate: Estimate, expected: ArrayLike, *, alpha: float) -> bool:
    """Test whether `estimate` is compatible with `expected`, two-sided, at false-alarm rate `alpha`.

    It is where each entry of `expected` lies in the estimate's interval of level 1 − α/m.

    Parameters
    ----------
    estimate : Estimate
        A value, or an array of m values, with standard errors from n independent samples.
    expected : float or ndarray
        The prediction.
    alpha : float
        Probability, in (0, 1), that a true prediction is rejected. For an array it is shared among the m entries
        (Bonferroni), so it is the rate of the whole call.

    Returns
    -------
    bool
        Whether every entry lies within its bound.

    Raises
    ------
    InvalidInputError
        If `alpha` is not between 0 and 1, `expected` has no number or another shape, or one number stands behind the
        estimate, which has no error.

    Notes
    -----
    By :meth:`Estimate.interval`: Student's t with n − 1 degrees of freedom unless the estimate knows better; exact for
    normal samples, asymptotic in n otherwise.

    Examples
    --------
    >>> measured = Estimate(value=1.02, stderr=0.01, n_eff=1000)
    >>> agrees(measured, 1.0, alpha=1e-3), agrees(measured, 0.9, alpha=1e-3)
    (True, False)
    """
    if not isinstance(estimate, Estimate):
        raise InvalidInputError(f"estimate must be an Estimate; got {type(estimate).__name__}")
    alpha = _validate.real("alpha", alpha, above=0.0, below=1.0)
    right = _validate.reals("expected", expected)
    try:
        size = np.broadcast(np.asarray(estimate.value), right).size
    except ValueError:
        raise InvalidInputError(
            f"expected must have the shape of the estimate, {np.shape(estimate.value)}; got shape {right.shape}"
        ) from None
    if not size:
        raise InvalidInputError("expected must have an entry that is compared; got none")
    # Not 1 - alpha/m, from which a small alpha would be lost.
    low, high = estimate._ends(alpha / (2 * size))
    return bool(np.all((low <= right) & (right <= high)) and not np.isnan(np.asarray(estimate.value)).any())


def required_samples(*, deviation: float, effect: float, alpha: float, power: float) -> int:
    r"""Return how many independent samples tell a mean from one that is off by `effect`.

    .. math:: n = \left\lceil \left( (z_{1 - \alpha/2} + z_{\mathrm{power}})\, \sigma / \delta \right)^2 \right\rceil

    Parameters
    ----------
    deviation : float
        Standard deviation σ of one sample.
    effect : float
        The smallest error δ of the mean that would matter.
    alpha : float
        False-alarm rate of the two-sided test.
    power : float
        Probability with which an error of size `effect` must be caught.

    Returns
    -------
    int
        Number of samples.

    Raises
    ------
    InvalidInputError
        If a rate is not in (0, 1), or a scale is not positive.

    Examples
    --------
    >>> required_samples(deviation=0.5, effect=0.01, alpha=1e-3, power=0.999)
    101786
    """
    deviation = _validate.real("deviation", deviation, above=0.0)
    effect = _validate.real("effect", effect, above=0.0)
    alpha = _validate.real("alpha", alpha, above=0.0, below=1.0)
    power = _validate.real("power", power, above=0.0, below=1.0)
    # By the logarithm of alpha: 1 - alpha/2 would lose a small one.
    errors = -special.ndtri_exp(math.log(alpha) - math.log(2)) + special.ndtri(power)
    ratio = errors * (deviation / effect)
    if abs(ratio) > _MOST:
        raise InvalidInputError(
            f"effect must not be so small against deviation; more than {_MOST**2:.0e} samples would be needed for "
            f"{effect:g} against {deviation:g}"
        )
    return math.ceil(ratio**2)
