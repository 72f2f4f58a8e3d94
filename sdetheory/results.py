"""What a measurement is: a value that never travels without its standard error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A Monte Carlo number, or an array of them, with its standard error.

    Parameters
    ----------
    value : float or ndarray
        The estimate.
    stderr : float or ndarray
        Its standard error, of the same shape.
    n_eff : float
        Number of independent samples behind it (independent paths, or the effective sample size of a chain); the
        standard error is taken to have ``n_eff - 1`` degrees of freedom.

    Examples
    --------
    >>> print(Estimate(value=0.6481, stderr=0.0012, n_eff=4000))
    0.6481 ± 0.0012
    >>> round(Estimate(value=0.6481, stderr=0.0012, n_eff=4000).z_score(0.6478), 2)
    0.25
    """

    value: Any
    stderr: Any
    n_eff: float

    def z_score(self, expected: ArrayLike) -> Any:
        """Return (value − expected) / stderr, the distance to `expected` in standard errors."""
        difference = np.subtract(self.value, expected)
        # An exact agreement with no error at all is zero standard errors away, not 0/0.
        exact = (difference == 0) & (np.asarray(self.stderr) == 0)
        with np.errstate(divide="ignore"):
            z = np.where(exact, 0.0, np.divide(difference, np.where(exact, 1.0, self.stderr)))
        return float(z) if z.ndim == 0 else z

    def __getitem__(self, index: Any) -> Estimate:
        """Return an entry, or some of them, of an array of estimates.

        Examples
        --------
        >>> print(Estimate(value=np.array([1.0, 2.0]), stderr=np.array([0.1, 0.2]), n_eff=100)[1])
        2.00 ± 0.20
        """
        return Estimate(value=np.asarray(self.value)[index], stderr=np.asarray(self.stderr)[index], n_eff=self.n_eff)

    def __truediv__(self, known: ArrayLike) -> Estimate:
        """Divide by a number, or an array of numbers, that has no error of its own."""
        return Estimate(value=self.value / known, stderr=self.stderr / np.abs(known), n_eff=self.n_eff)

    def __str__(self) -> str:
        values, errors = np.atleast_1d(self.value), np.atleast_1d(self.stderr)
        parts = [_spell(float(v), float(e)) for v, e in zip(values.ravel(), errors.ravel(), strict=True)]
        return parts[0] if np.ndim(self.value) == 0 else f"[{', '.join(parts)}]"


def _spell(value: float, error: float) -> str:
    """Return "value ± error" with two digits of the error and as many of the value as it leaves."""
    if not (error > 0 and np.isfinite(error) and np.isfinite(value)):
        return f"{value:.6g} ± {error:.2g}"
    decimals = 1 - int(np.floor(np.log10(error)))
    if 1e-4 <= max(abs(value), error) < 1e7 and decimals <= 12:
        return f"{value:.{max(0, decimals)}f} ± {error:.{max(0, decimals)}f}"
    digits = max(0, decimals + int(np.floor(np.log10(abs(value) or error))))
    return f"{value:.{min(digits, 15)}e} ± {error:.1e}"


def mean_estimate(samples: ArrayLike, axis: int = 0) -> Estimate:
    r"""Return the mean of independent samples, with its standard error.

    .. math:: \bar x \pm \frac{s}{\sqrt n}

    Parameters
    ----------
    samples : array_like
        Independent along one axis.
    axis : int, optional
        Which one.

    Returns
    -------
    Estimate
        Of the shape that is left; s has n − 1 in its denominator.

    Examples
    --------
    >>> print(mean_estimate([1.0, 2.0, 3.0, 4.0]))
    2.50 ± 0.65
    """
    array: NDArray[np.float64] = np.asarray(samples, dtype=np.float64)
    n = array.shape[axis]
    value = array.mean(axis=axis)
    stderr = array.std(axis=axis, ddof=1) / np.sqrt(n)
    return Estimate(value=value[()], stderr=stderr[()], n_eff=float(n))


def ratio_estimate(numerators: ArrayLike, denominators: ArrayLike, axis: int = 0) -> Estimate:
    """Return the ratio of sums of independent pairs along `axis`; its error is that of residuals, to first order."""
    above, below = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    value = above.sum(axis=axis) / below.sum(axis=axis)
    residual = mean_estimate((above - value * below) / below.mean(axis=axis), axis=axis)
    return Estimate(value=value[()], stderr=residual.stderr, n_eff=residual.n_eff)
