"""The tail of SGD where the noise multiplies the weights."""

from __future__ import annotations

import itertools
import math

from scipy import integrate, optimize, special

from ... import _validate
from ...errors import InvalidInputError

_LARGEST = 200.0
"""Exponents beyond are not told apart from those of a law with all moments."""


def kesten_exponent(learning_rate: float, batch_size: int) -> float:
    r"""Return the tail exponent of SGD on least squares with normal inputs.

    .. math::
        w' = \Bigl(1 - \frac{\epsilon}{B} \sum_{i=1}^B x_i^2\Bigr) w + \ldots, \quad x_i \sim N(0, 1), \qquad
        E \Bigl| 1 - \frac{\epsilon}{B} \chi^2_B \Bigr|^\alpha = 1, \qquad P(|w| > r) \sim r^{-\alpha}

    Parameters
    ----------
    learning_rate : float
        ε > 0, times the variance of the inputs.
    batch_size : int
        B ≥ 1 fresh examples a step.

    Returns
    -------
    float
        α > 0: the stationary law has moments below this order only, so a variance if α > 2. It is 0 where there is no
        stationary law, and inf where it is above 200.

    Raises
    ------
    InvalidInputError
        If ε is not positive or B not a whole number ≥ 1.

    Notes
    -----
    One weight, an endless stream of examples, no prior. α = 2 at ε = 2/(1 + 2/B). Quadrature and root to about 1e-9.

    References
    ----------
    M. Gürbüzbalaban, U. Şimşekli and L. Zhu, "The heavy-tail phenomenon in SGD", ICML 2021, arXiv:2006.04740.
    H. Kesten, "Random difference equations and renewal theory for products of random matrices", Acta Math. 131 (1973).

    Examples
    --------
    >>> round(kesten_exponent(2 / 3, 1), 8), round(kesten_exponent(1 / 3, 1), 3)
    (2.0, 4.706)
    """
    rate = _validate.real("learning_rate", learning_rate, above=0.0)
    b = _validate.integer("batch_size", batch_size, at_least=1)
    if _mean_logarithm(rate, b) >= 0:
        return 0.0
    high = 1.0
    while _log_moment(high, rate, b) < 0:
        high *= 2
        if high > _LARGEST:
            return math.inf
    low = high / 2
    while _log_moment(low, rate, b) > 0:
        # The moment falls from 1 at order 0, so it is below 1 close enough to it.
        low /= 2
        if low < 1e-9:
            raise InvalidInputError(
                f"learning_rate {rate:g} is too near the end of the stationary range for the exponent, below 1e-9, to "
                "be found"
            )
    return optimize.root_scalar(_log_moment, args=(rate, b), bracket=(low, high), xtol=1e-12).root


def _mean_logarithm(rate: float, b: int) -> float:
    """Return E ln|1 − ε χ²/B|, negative where a stationary law exists."""
    return _integral(lambda factor: math.log(max(abs(factor), 1e-300)), rate, b, 0.0)


def _log_moment(order: float, rate: float, b: int) -> float:
    return math.log(_integral(lambda factor: abs(factor) ** order, rate, b, order))


def _integral(function, rate: float, b: int, order: float) -> float:
    """Return the mean of a function of 1 − ε χ²/B, in u = √χ², whose density is smooth at zero."""
    log_norm = (b / 2 - 1) * math.log(2.0) + special.gammaln(b / 2)

    def density(u: float) -> float:
        return math.exp((b - 1) * math.log(u) - u * u / 2 - log_norm) if u > 0 else float(b == 1) * math.exp(-log_norm)

    zero = math.sqrt(b / rate)  # where the factor changes sign and powers of it have a kink
    end = max(zero, math.sqrt(b + 2 * order)) + 10.0  # e^−50 of what the integrand has at its peak
    pieces = sorted({0.0, zero, math.sqrt(b), math.sqrt(b + 2 * order), end})
    return sum(
        integrate.quad(lambda u: function(1 - rate * u * u / b) * density(u), *piece, epsabs=1e-13, epsrel=1e-11,
                       limit=200)[0]
        for piece in itertools.pairwise(pieces)
    )  # fmt: skip
