"""What the evidence guarantees about the loss on new data, where enough is known of them."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from .. import _validate
from ..errors import IncompatibleError, InvalidInputError
from .linear._linear_formulas import linear_model
from .linear.model import LinearModel

# Points of the integral's grid, and how far below its peak the integrand is followed, in nats.
_POINTS, _DEPTH = 4001, 50.0


def pac_bayes_bound(
    model: LinearModel,
    prior_precision: float,
    noise_variance: float,
    *,
    input_variance: float,
    true_weight_norm: float,
    true_noise_variance: float,
    delta: float = 0.05,
    power: float = 1.0,
) -> float:
    r"""Bound the expected log loss of the posterior by the evidence, with probability 1 - δ over the data.

    .. math:: \mathbb E_{w \mid y}\, L(w) \le \frac{1}{n\tau} \left[ -\ln Z_\tau + \ln\frac1\delta + \Psi \right], \quad
              L(w) = -\mathbb E_{x, y} \ln N(y; x^T w, \sigma^2)

    Parameters
    ----------
    model : LinearModel
        Without intercept and prior shape, on n observations drawn as below.
    prior_precision, noise_variance : float
        λ and σ² of the model, chosen before the data were seen.
    input_variance : float
        Inputs are independent, x ~ N(0, input_variance·I).
    true_weight_norm : float
        |w*|, where y = xᵀw* + noise. An upper bound of it will do.
    true_noise_variance : float
        Variance of that noise, which is Gaussian.
    delta : float
        δ, the probability over data sets that the bound fails.
    power : float
        τ in (0, 1]: the posterior is that of the likelihood to the power τ, the posterior at noise variance σ²/τ. At
        τ = 1 Z is the evidence itself.

    Returns
    -------
    float
        The bound, in nats per observation; inf unless nτ·input_variance/(λσ²) < 1, as Ψ diverges: the prior must be
        narrow or the power small.

    Raises
    ------
    InvalidInputError
        If a number is out of its range.
    IncompatibleError
        If the model has an intercept or a prior shape.

    Notes
    -----
    The change of measure gives nτ E[L - L̂] ≤ KL(posterior, prior) + ln E_prior exp(nτ(L - L̂)); the tempered
    posterior turns nτ L̂ + KL into -ln Z (so maximizing the evidence minimizes the bound), and Markov's inequality
    replaces the last term by its mean over data sets, e^Ψ/δ. For Gaussian inputs that mean is exact,

    .. math:: \Psi = \ln \mathbb E_{w \sim \mathrm{prior}}
              \left[ \frac{e^{\tau z / 2}}{\sqrt{1 + \tau z}} \right]^n, \quad
              z = \frac{\sigma_*^2 + \sigma_x^2 |w - w_*|^2}{\sigma^2},

    an integral over one variable once the power -n/2 is written as an integral of exponentials. Germain et al. bound it
    by assuming a sub-gamma loss.

    References
    ----------
    P. Germain, F. Bach, A. Lacoste and S. Lacoste-Julien (2016), PAC-Bayesian theory meets Bayesian inference,
    arXiv:1605.08636. V. Shalaeva et al. (2020), Improved PAC-Bayesian bounds for linear regression, arXiv:1912.03036.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((100, 2))
    >>> model = LinearModel(x, x @ [0.3, 0.2] + rng.standard_normal(100))
    >>> known = {"input_variance": 1.0, "true_weight_norm": 0.4, "true_noise_variance": 1.0}
    >>> print(f"{pac_bayes_bound(model, 5.0, 1.0, power=0.03, **known):.2f}")
    2.76
    """
    linear_model(model)
    precision = _validate.real("prior_precision", prior_precision, above=0.0)
    variance = _validate.real("noise_variance", noise_variance, above=0.0)
    input_variance = _validate.real("input_variance", input_variance, above=0.0)
    norm = _validate.real("true_weight_norm", true_weight_norm, at_least=0.0)
    noise = _validate.real("true_noise_variance", true_noise_variance, above=0.0)
    delta = _validate.real("delta", delta, above=0.0, below=1.0)
    power = _validate.real("power", power, above=0.0, at_most=1.0)
    if model.intercept is not None or model._design.root is not None:
        raise IncompatibleError("pac_bayes_bound() needs a model without intercept and without prior_shape")
    n, p = model.X.shape
    product = precision * variance
    spread = input_variance / product if product else math.inf
    if n * power * spread >= 1:
        return math.inf
    tempered = variance / power
    if not tempered < math.inf:
        raise InvalidInputError(f"power must be so large that a float holds noise_variance / power; got {power:g}")
    with np.errstate(all="ignore"):
        log_moment = _log_moment(n, p, power, noise / variance, spread, norm * norm * precision)
    if not math.isfinite(log_moment):
        raise InvalidInputError(
            f"Ψ of the bound overflows at input_variance = {input_variance:g}, true_weight_norm = {norm:g}, "
            f"true_noise_variance = {noise:g}, prior_precision = {precision:g}, noise_variance = {variance:g} and "
            f"power = {power:g}; bring the data to a scale nearer to one"
        )
    constant = 0.5 * n * (math.log(2 * math.pi * tempered) - power * math.log(2 * math.pi * variance))
    log_partition = float(model.log_evidence(precision, tempered)) + constant
    return (-log_partition - math.log(delta) + log_moment) / (n * power)


def _log_moment(n: int, p: int, power: float, noise: float, spread: float, distance: float) -> float:
    """Return Ψ, for z = noise + spread·q, q noncentral χ² with p degrees of freedom and noncentrality `distance`.

    (1 + τz)^(-n/2) is the mean of exp(-sτz) over s of a Gamma law, and the mean of exp(θz) over q is known.
    """

    def log_integrand(log_s: np.ndarray) -> np.ndarray:
        s = np.exp(log_s)
        theta = power * (0.5 * n - s)
        narrow = 1 - 2 * theta * spread
        moment = theta * noise - 0.5 * p * np.log(narrow) + theta * spread * distance / narrow
        return 0.5 * n * log_s - s - special.gammaln(0.5 * n) + moment

    coarse = math.log(n) + np.linspace(-100.0, 5.0, _POINTS)
    values = log_integrand(coarse)
    near = np.flatnonzero(values > values.max() - _DEPTH)
    if not near.size:  # numbers beyond the range of doubles
        return math.nan
    grid = np.linspace(coarse[max(0, near[0] - 1)], coarse[min(_POINTS - 1, near[-1] + 1)], _POINTS)
    # The trapezoidal rule: exponentially accurate, as the integrand is analytic and dies out at both ends.
    values = log_integrand(grid)
    return float(values.max() + np.log(np.sum(np.exp(values - values.max())) * (grid[1] - grid[0])))
