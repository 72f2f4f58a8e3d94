"""The gradient noise scale of McCandlish et al.: how large a batch must be before its gradient is mostly signal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from ... import _validate
from ...errors import InvalidInputError
from ...results import Estimate, mean_estimate
from ._rows import Rows


def simple_noise_scale(per_example_gradients: Any, w: ArrayLike | None = None) -> float:
    r"""Return B_simple of the examples at hand.

    .. math:: B_\mathrm{simple} = \frac{\mathrm{Tr}\, F}{|\bar g|^2}, \qquad \bar g = \frac{1}{N} \sum_i \nabla C_i

    Parameters
    ----------
    per_example_gradients : array_like, shape (N, p)
        ∇Cᵢ of N ≥ 2 examples; anything with ``__array__``, such as a PyTorch tensor without gradient. Or a model of
        :mod:`sdetheory.models` or your own, with `w`.
    w : array_like, shape (p,), optional
        Weights at which the gradients of a model are taken.

    Returns
    -------
    float
        B_simple, in examples; inf where the mean gradient vanishes.

    Raises
    ------
    InvalidInputError
        If the gradients are not an (N, p) array of finite numbers, N = 1, or a model contradicts itself.

    Notes
    -----
    No (p, p) matrix is formed, and of a model with many weights no (N, p) array: gradients come a few at a time.

    Exact for these N examples as the population. As an estimate for the population that they were drawn from it is too
    small, because |ḡ|² has the mean |G|² + Tr F/N; :func:`noise_scale_from_batches` is free of that.

    This is not the noise scale g of Smith and Le: it has no learning rate and grows as training goes on.

    References
    ----------
    S. McCandlish, J. Kaplan and D. Amodei, "An empirical model of large-batch training", arXiv:1812.06162, Eq. 2.9.

    Examples
    --------
    >>> simple_noise_scale([[1.0, 0.0], [2.0, 1.0], [3.0, -1.0]])
    0.5
    >>> from sdetheory.models import LinearRegression
    >>> simple_noise_scale(LinearRegression([[1.0], [1.0]], [0.0, 2.0]), [0.0])     # gradients 0 and -2
    2.0
    """
    rows = Rows(per_example_gradients, w)
    square = float(rows.mean @ rows.mean)
    return rows.squares() / (rows.n - 1) / square if square else math.inf


def hessian_noise_scale(gradient: ArrayLike, covariance: ArrayLike, hessian: ArrayLike) -> float:
    r"""Return B_noise, which weighs directions by their curvature.

    .. math:: B_\mathrm{noise} = \frac{\mathrm{Tr}(H F)}{G^\top H G}

    Parameters
    ----------
    gradient : array_like, shape (p,)
        G, the gradient of the mean loss.
    covariance : array_like, shape (p, p)
        F, covariance of the per-example gradients.
    hessian : array_like, shape (p, p)
        H, the Hessian of the mean loss (its scale cancels).

    Returns
    -------
    float
        B_noise, in examples. At batch size B the best learning rate is ε_max/(1 + B_noise/B), where
        ε_max = |G|²/GᵀHG.

    Raises
    ------
    InvalidInputError
        If shapes do not fit, F is not positive semidefinite, H not symmetric, or GᵀHG is not positive.

    References
    ----------
    S. McCandlish, J. Kaplan and D. Amodei, arXiv:1812.06162, Eqs. 2.7 and 2.8.

    Examples
    --------
    >>> hessian_noise_scale([1.0, 1.0], [[2.0, 0.0], [0.0, 0.5]], [[1.0, 0.0], [0.0, 4.0]])
    0.8
    """
    G = _validate.reals("gradient", gradient, shape=(None,))
    if not G.size:
        raise InvalidInputError("gradient must have one entry at least; got none")
    F, H = (
        _validate.reals(name, value, shape=(None, None))
        for name, value in (("covariance", covariance), ("hessian", hessian))
    )
    if not F.shape == H.shape == 2 * G.shape:
        raise InvalidInputError(
            "gradient, covariance and hessian must have shapes (p,), (p, p) and (p, p); got "
            f"{G.shape}, {F.shape} and {H.shape}"
        )
    F, H = _validate.positive_semidefinite("covariance", F, len(G)), _validate.symmetric("hessian", H, len(G))
    bend = float(G @ H @ G)
    if bend <= 0:
        raise InvalidInputError(
            f"hessian must curve upwards along gradient; GᵀHG is {bend:.3g}. Far from a minimum use simple_noise_scale."
        )
    return float(np.sum(H * F)) / bend


# Arrays have no single truth value and no hash, so results compare by identity.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GradientNoiseScale:
    """What :func:`noise_scale_from_batches` returns.

    Attributes
    ----------
    trace : Estimate
        Tr F, unbiased.
    squared_gradient : Estimate
        |G|², unbiased; it may come out negative where the gradient is lost in the noise.
    noise_scale : Estimate
        Their ratio B_simple, a ratio of means; its error is to first order.
    interval : tuple of float
        Confidence interval of the ratio (Fieller), which may end at inf; both ends are where the data cannot tell the
        gradient from zero.
    """

    trace: Estimate
    squared_gradient: Estimate
    noise_scale: Estimate
    interval: tuple[float, float]


def noise_scale_from_batches(
    small_gradients: ArrayLike, large_gradients: ArrayLike, small: int, large: int, *, alpha: float = 0.05
) -> GradientNoiseScale:
    r"""Estimate B_simple from minibatch gradients of two sizes.

    .. math::
        |G|^2 \approx \frac{B_2 \overline{|G_2|^2} - B_1 \overline{|G_1|^2}}{B_2 - B_1}, \qquad
        \mathrm{Tr}\, F \approx \frac{\overline{|G_1|^2} - \overline{|G_2|^2}}{1/B_1 - 1/B_2}

    Parameters
    ----------
    small_gradients, large_gradients : array_like, shape (n, p) or (n,)
        Gradients of the *mean* loss over independent batches of each size, at the same weights, or their squared norms.
        Anything with ``__array__``.
    small, large : int
        Batch sizes B₁ < B₂.
    alpha : float
        One minus the confidence of the interval.

    Returns
    -------
    GradientNoiseScale
        Both parts, their ratio and its interval.

    Raises
    ------
    InvalidInputError
        If a size is not a whole number, B₁ ≥ B₂, or there are fewer than two gradients of either size.

    Notes
    -----
    Both parts are unbiased for batches of independent examples. For batches drawn without replacement from N examples
    Tr F is unbiased still, with N − 1 in the denominator of F, but |G|² has the mean |ḡ|² − Tr F/N: it is that of the
    population behind the examples.

    A mean of ratios would not converge to anything: the ratio is that of means. Fieller's interval takes the two means
    of squared norms as normal, with the scatter found in the data and n − 1 degrees of freedom of the scarcer one.

    References
    ----------
    S. McCandlish, J. Kaplan and D. Amodei, arXiv:1812.06162, Appendix A.1.
    E. C. Fieller, "Some problems in interval estimation", J. R. Stat. Soc. B 16 (1954) 175.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> small, large = (1.0 + rng.standard_normal((4000, 3)) / np.sqrt(b) for b in (2, 8))
    >>> found = noise_scale_from_batches(small, large, 2, 8)             # Tr F = 3, |G|² = 3
    >>> print(found.noise_scale, found.interval[0] < 1 < found.interval[1])
    1.021 ± 0.050 True
    """
    small, large = (_validate.integer(name, b, at_least=1) for name, b in (("small", small), ("large", large)))
    if small >= large:
        raise InvalidInputError(f"small must be less than large; got {small} and {large}")
    alpha = _validate.real("alpha", alpha, above=0.0, below=1.0)
    means = []
    for name, gradients in (("small_gradients", small_gradients), ("large_gradients", large_gradients)):
        with _validate.naming(name):
            means.append(mean_estimate(_squared_norms(name, gradients)))
    one, two = means
    # (Tr F, |G|²) is a linear function of the two independent means.
    inverse = 1 / (1 / small - 1 / large)
    matrix = np.array([[inverse, -inverse], [-small / (large - small), large / (large - small)]])
    if not (0 < one.value < np.inf and 0 < two.value < np.inf):
        raise InvalidInputError(
            "small_gradients and large_gradients must have squares that neither vanish nor overflow; got means of "
            f"{one.value:.3g} and {two.value:.3g}. Choose another unit of the loss."
        )
    trace, square = matrix @ [one.value, two.value]
    covariance = matrix @ np.diag([one.stderr**2, two.stderr**2]) @ matrix.T
    n_eff = min(one.n_eff, two.n_eff)
    ratio = trace / square
    direction = np.array([1.0, -ratio]) / square
    return GradientNoiseScale(
        trace=Estimate(value=float(trace), stderr=math.sqrt(covariance[0, 0]), n_eff=n_eff),
        squared_gradient=Estimate(value=float(square), stderr=math.sqrt(covariance[1, 1]), n_eff=n_eff),
        noise_scale=Estimate(
            value=float(ratio), stderr=math.sqrt(direction @ covariance @ direction), n_eff=n_eff
        ),
        interval=_fieller(float(trace), float(square), covariance, float(-special.stdtrit(n_eff - 1, alpha / 2))),
    )  # fmt: skip


def _fieller(a: float, b: float, covariance: NDArray[np.float64], t: float) -> tuple[float, float]:
    """Return the ratios r ≥ 0 for which a − r b is within t standard errors of zero, from the least to the greatest."""
    square = b * b - t * t * covariance[1, 1]
    middle = a * b - t * t * covariance[0, 1]
    constant = a * a - t * t * covariance[0, 0]
    root = math.sqrt(max(0.0, middle * middle - square * constant))
    if square <= 0:
        # |G|² may be zero: ratios have no upper end, and a lower one only if Tr F is clear of zero.
        return (
            max(0.0, (middle - root) / square, (middle + root) / square) if square < 0 < constant else 0.0,
            math.inf,
        )
    return max(0.0, (middle - root) / square), max(0.0, (middle + root) / square)


def _squared_norms(name: str, gradients: ArrayLike) -> NDArray[np.float64]:
    array = _validate.reals(name, gradients)
    if array.ndim not in (1, 2) or len(array) < 2:
        raise InvalidInputError(
            f"{name} must be at least two gradients, shape (n, p), or their squared norms, shape (n,); "
            f"got shape {array.shape}"
        )
    return array if array.ndim == 1 else np.einsum("ij,ij->i", array, array)
