"""McCandlish's noise scale from the gradients of minibatches of two sizes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ... import _validate
from ...errors import InvalidInputError
from ...results import mean_estimate
from ._ratio import GradientNoiseScale, of_parts, parts_of_norms, refuse_negative_trace


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
        If a size is not a whole number, B₁ ≥ B₂, there are fewer than two gradients of either size, or Tr F comes out
        so far below zero that these cannot be mean gradients of batches of these sizes.

    Notes
    -----
    For gradients that a model gives example by example see :func:`gradient_noise_scale`, for a run that is going on
    :class:`NoiseScaleMonitor`.

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
    matrix = parts_of_norms(small, large)
    if not (0 < one.value < np.inf and 0 < two.value < np.inf):
        raise InvalidInputError(
            "small_gradients and large_gradients must have squares that neither vanish nor overflow; got means of "
            f"{one.value:.3g} and {two.value:.3g}. Choose another unit of the loss."
        )
    means, errors = np.array([one.value, two.value]), np.array([one.stderr, two.stderr])
    parts, covariance = matrix @ means, matrix @ np.diag(errors**2) @ matrix.T
    n_eff = min(one.n_eff, two.n_eff)
    refuse_negative_trace(parts, covariance, n_eff)
    return of_parts(parts, covariance, n_eff, alpha)


def _squared_norms(name: str, gradients: ArrayLike) -> NDArray[np.float64]:
    array = _validate.reals(name, gradients)
    if array.ndim not in (1, 2) or len(array) < 2:
        raise InvalidInputError(
            f"{name} must be at least two gradients, shape (n, p), or their squared norms, shape (n,); "
            f"got shape {array.shape}"
        )
    return array if array.ndim == 1 else np.einsum("ij,ij->i", array, array)
