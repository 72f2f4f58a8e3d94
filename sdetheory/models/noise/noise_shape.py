"""How far gradient noise is from normal: its skewness, its kurtosis, and the index of its tail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ... import _validate
from ..._intervals import Count
from ...errors import InvalidInputError
from ...results import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseShape:
    """Standardized cumulants of gradient noise along one direction, 0 for normal noise.

    Attributes
    ----------
    skewness, excess_kurtosis : float
        Third and fourth.
    """

    skewness: float
    excess_kurtosis: float


def minibatch_noise_shape(per_example_gradients: ArrayLike, direction: ArrayLike, batch_size: int) -> NoiseShape:
    r"""Return the shape of the noise of minibatch gradients along a direction.

    .. math::
        \gamma_B = \frac{\gamma_1}{\sqrt B}, \qquad \kappa_B = \frac{\kappa_1}{B}

    Parameters
    ----------
    per_example_gradients : array_like, shape (N, p)
        ∇Cᵢ of N ≥ 2 examples.
    direction : array_like, shape (p,)
        u ≠ 0; its length does not matter.
    batch_size : int
        B ≥ 1 examples drawn with replacement.

    Returns
    -------
    NoiseShape
        Skewness and excess kurtosis of u·Ĝ, exact for these examples.

    Raises
    ------
    InvalidInputError
        If shapes do not fit, u is zero, or all examples have the same gradient along it.

    Notes
    -----
    Cumulants of independent draws add up: the central limit theorem that the Langevin picture of SGD leans on, with its
    rate. It says nothing where examples have no fourth moment: see :func:`tail_index`.

    References
    ----------
    S. L. Smith and Q. V. Le (2018), arXiv:1710.06451, Appendix C (the argument).

    Examples
    --------
    >>> shape = minibatch_noise_shape([[0.0], [0.0], [0.0], [1.0]], [1.0], 4)     # a binomial law
    >>> round(shape.skewness, 6), round(shape.excess_kurtosis, 6)
    (0.57735, -0.166667)
    """
    gradients = _validate.reals("per_example_gradients", per_example_gradients, shape=(None, None))
    u = _validate.reals("direction", direction, shape=(None,))
    if u.shape != gradients.shape[1:]:
        raise InvalidInputError(
            "direction must have an entry for each column of per_example_gradients; got shapes "
            f"{u.shape} and {gradients.shape}"
        )
    b = _validate.integer("batch_size", batch_size, at_least=1)
    # Cumulants are standardized: lengths drop out, and shall neither overflow nor vanish before they do.
    along = gradients @ (u / (np.abs(u).max(initial=0.0) or 1.0))
    along /= np.abs(along).max(initial=0.0) or 1.0
    if len(along) < 2 or np.ptp(along) <= 1e-12:
        raise InvalidInputError(
            "per_example_gradients must differ along the direction; there is no noise. Take another direction."
        )
    from scipy import stats  # half a second, which nobody else who imports the models should wait

    return NoiseShape(
        skewness=float(stats.skew(along) / np.sqrt(b)), excess_kurtosis=float(stats.kurtosis(along)) / b
    )  # fmt: skip


def tail_index(sizes: ArrayLike, *, n_largest: int) -> Estimate:
    r"""Estimate the exponent α of a tail P(s > r) ∼ r^{−α} from its largest members (Hill).

    .. math:: \frac{1}{\hat\alpha} = \frac{1}{k} \sum_{j=1}^k \ln \frac{s_{(j)}}{s_{(k+1)}}

    Parameters
    ----------
    sizes : array_like, shape (n,)
        Independent, positive sizes, such as norms of gradients or of weights of independent runs.
    n_largest : int
        k, from 2 to n − 1: so many that the error α/√k is small, so few that the tail is a power among them.

    Returns
    -------
    Estimate
        α, with its standard error α/√k.

    Raises
    ------
    InvalidInputError
        If k is not from 2 to n − 1, or one of the k + 1 largest sizes is not positive.

    Notes
    -----
    Any law gives some number: one with all moments gives one that grows as k falls. Compare two values of k before
    believing it.

    References
    ----------
    B. M. Hill, "A simple general approach to inference about the tail of a distribution", Ann. Statist. 3 (1975) 1163.
    U. Şimşekli, L. Sagun and M. Gürbüzbalaban, "A tail-index analysis of stochastic gradient noise in deep neural
    networks", ICML 2019, arXiv:1901.06053 (the claim that this puts to the test).

    Examples
    --------
    >>> pareto = np.random.default_rng(0).random(100_000) ** (-1 / 2.5)
    >>> print(tail_index(pareto, n_largest=5000))
    2.556 ± 0.036
    """
    values = np.sort(_validate.reals("sizes", sizes, shape=(None,)))[::-1]
    k = _validate.integer("n_largest", n_largest, at_least=2)
    if len(values) < k + 1 or values[k] <= 0:
        raise InvalidInputError(f"sizes must have at least {k + 1} positive members; got {int(np.sum(values > 0))}")
    alpha = 1 / float(np.mean(np.log(values[:k] / values[k])))
    return Estimate(value=alpha, stderr=alpha / k**0.5, n_eff=float(k), law=Count(k, k**-0.5, k))
