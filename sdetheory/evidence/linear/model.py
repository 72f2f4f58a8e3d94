"""Exact evidence of a linear model with Gaussian prior and Gaussian noise."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, special

from ... import _validate
from ...errors import IncompatibleError, InvalidInputError
from ...models._formula import declared, overridden
from ..decomposition._decomposition import warn_of_rank
from ..decomposition._design import Design, Features, prior_root
from ..decomposition._spectrum import pair
from ..occam import OccamDecomposition
from ..posterior import Posterior
from ._decomposed import Decomposed
from .maximize import EvidenceMaximum, maximize

Array = NDArray[np.float64]


@declared
class LinearModel(Decomposed):
    r"""Linear regression with a Gaussian prior, whose evidence is exact.

    .. math:: y = Xw + b + n, \quad n \sim N(0, \sigma^2 I_n), \quad w \sim N(0, (\lambda P)^{-1})

    Parameters
    ----------
    X : ndarray, shape (n, p)
        Inputs, one row per observation; p = 0 is the null model. With `features`, whatever that takes.
    y : ndarray, shape (n,)
        Observations.
    prior_shape : ndarray, shape (p,) or (p, p), optional
        P, its diagonal or the whole matrix, symmetric positive definite; the identity if not given.
    intercept : {None, "flat", "gaussian"}, default None
        None: b = 0. "flat": the improper prior of density 1 over b. "gaussian": b ~ N(0, 1/λκ). b is integrated out
        exactly, and is no effective parameter if its prior is flat.
    intercept_precision : float, default 1
        κ, the prior precision of a Gaussian intercept relative to λ, so that every evidence keeps its scale invariance;
        for a standard deviation τ of b at one λ give κ = 1/(λτ²).
    features : callable, optional
        Maps inputs, an array of m rows, to an array (m, p), here and in predictions: ``lambda x: np.vander(x, 4)``.

    Attributes
    ----------
    X, y : ndarray
        Read-only copies of the data; X after `features`.
    intercept : str or None
        As given.
    rank : int
        Number of directions that the data see: columns of X R⁻¹ (with P = RᵀR) that are not, up to rounding error,
        combinations of the others, whatever their units. The others count as zero.

    Raises
    ------
    InvalidInputError
        If shapes do not fit, a number is not finite, there are no data, or `prior_shape` is not positive definite.
    IncompatibleError
        If `intercept_precision` is given without a Gaussian intercept.

    Warns
    -----
    AccuracyWarning
        If columns are combinations of the others, which are named; not if there are more columns than observations,
        they are zero (constant, with a flat intercept), or of a large matrix more than five of them depend on others.

    Notes
    -----
    One singular value decomposition X R⁻¹ = U S Vᵀ is done here; afterwards each evidence costs O(rank). No (p, p)
    matrix is formed unless `prior_shape` is one. With c = Uᵀy and r = y - Uc, the part of y that no weights explain,

    .. math:: -2 \ln P(y) = n \ln 2\pi\sigma^2 + \frac{|r|^2}{\sigma^2}
              + \sum_i \left[ \ln\left(1 + \frac{s_i^2}{\lambda\sigma^2}\right)
              + \frac{c_i^2}{\sigma^2} \frac{\lambda\sigma^2}{s_i^2 + \lambda\sigma^2} \right].

    A flat intercept centres X and y, leaves n - 1 in place of n, and adds ln n: -2 ln P is that of the n - 1
    contrasts, plus ln n from ∫ db N(√n ȳ; √n b + ..., σ² + ...) = 1/√n. The density is improper: for a prior N(0, τ²)
    of b with τ → ∞, ln P + ½ ln 2πτ² tends to it. A Gaussian intercept is one more column, 1/√κ.

    Accuracy: an ordinary decomposition errs by 1e-16 of the largest singular value. So where one is below 1e-5 of it,
    or lost in it, inputs are decomposed again with columns in their own units and 32 digits (large ones by LAPACK's
    Jacobi method): on NIST's reference regressions the log evidence is off by 1e-12 or less.

    References
    ----------
    D. MacKay (1992), Bayesian interpolation, Neural Computation 4, 415.
    C. Bishop (2006), Pattern Recognition and Machine Learning, eqs. 3.86 (evidence) and 3.91 (effective parameters).
    S. Smith and Q. Le (2018), arXiv:1710.06451, eqs. 8 and 9.

    Examples
    --------
    >>> model = LinearModel([[1.0], [1.0]], [1.0, 2.0])
    >>> print(f"{model.log_evidence(1.0, 1.0):.4f}")      # -ln 2π - ½ ln 3 - 1
    -3.3872
    >>> print(model.log_evidence([0.1, 1.0, 10.0], 1.0).round(4))
    [-3.7173 -3.3872 -4.054 ]
    >>> line = LinearModel([0.0, 1.0, 2.0], [3.0, 5.1, 6.9], intercept="flat", features=lambda x: x[:, None])
    >>> posterior = line.posterior(1e-6, 0.01)
    >>> print(f"{posterior.mean[0]:.3f} {posterior.intercept:.3f}")
    1.950 3.050
    """

    _shown = ("X", "y", "intercept", "rank")

    has_exact_evidence = True

    def __init__(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        prior_shape: ArrayLike | None = None,
        intercept: str | None = None,
        intercept_precision: float | None = None,
        features: Features | None = None,
    ) -> None:
        if features is not None:
            _validate.function("features", features, "of inputs, with a row for each")
        X = Design(features=features).inputs("X", X)
        y = _validate.each_row("y", y, "X", len(X))
        if not y.size:
            raise InvalidInputError(f"X must hold at least one observation; got shape {X.shape}")
        if intercept is not None:
            _validate.choice("intercept", intercept, ["flat", "gaussian"])
        if intercept != "gaussian" and intercept_precision is not None:
            raise IncompatibleError(f"intercept_precision needs intercept='gaussian'; got intercept={intercept!r}")
        kappa = 1.0 if intercept_precision is None else intercept_precision
        kappa = _validate.real("intercept_precision", kappa, above=0.0)
        self._decompose(X.copy(), y.copy(), prior_root(prior_shape, X.shape[1]), intercept, kappa, features)
        label, p = ("X" if features is None else "features(X)"), X.shape[1]
        warn_of_rank(self._factors, lambda j: f"column {j} of {label}" if j < p else "the intercept", stacklevel=2)

    def log_evidence(self, prior_precision: ArrayLike, noise_variance: ArrayLike) -> Any:
        r"""Return ln P(y | X), the log evidence.

        .. math:: \ln N\left(y;\; 0,\; \sigma^2 I + \lambda^{-1} X P^{-1} X^T\right)

        Parameters
        ----------
        prior_precision : float or ndarray
            λ > 0.
        noise_variance : float or ndarray
            σ² > 0, common to all observations; broadcast against `prior_precision`. As many values as observations,
            beside one λ, are refused.

        Returns
        -------
        float or ndarray
            Of the broadcast shape. The log of a density: it may be positive, and changes with the units of y.

        Raises
        ------
        InvalidInputError
            If an argument is not positive and finite; IncompatibleError if the shapes do not broadcast.
        """
        return self._spectrum.log_evidence(*pair(prior_precision, noise_variance, self.y.size))

    def log_evidence_ratio(self, prior_precision: ArrayLike, noise_variance: ArrayLike) -> Any:
        r"""Return the log evidence ratio in favour of the null model; trust this model only if it is negative.

        .. math:: E = -\ln P(y \mid X) + \ln N(y;\, 0,\, \sigma^2 I)

        The null model has no weights: y is noise of the same variance about zero. It is the limit λ → ∞ of this one.

        Parameters
        ----------
        prior_precision, noise_variance : float or ndarray
            λ > 0 and σ² > 0, broadcast.

        Returns
        -------
        float or ndarray
            Of the broadcast shape. What both models share is cancelled on paper, so E → 0 keeps its relative accuracy.

        Raises
        ------
        InvalidInputError
            If an argument is not positive and finite; IncompatibleError if the shapes do not broadcast.

        References
        ----------
        S. Smith and Q. Le (2018), arXiv:1710.06451, eq. 10.

        Examples
        --------
        >>> print(f"{LinearModel([[1.0], [1.0]], [1.0, 2.0]).log_evidence_ratio(1.0, 1.0):.4f}")    # ½ ln 3 - 3/2
        -0.9507
        """
        return self._spectrum.log_evidence_ratio(*pair(prior_precision, noise_variance, self.y.size))

    def effective_parameters(self, prior_precision: ArrayLike, noise_variance: ArrayLike) -> Any:
        r"""Return the number of weights that the data determine.

        .. math:: \gamma = \sum_i \frac{s_i^2}{s_i^2 + \lambda\sigma^2}

        Parameters
        ----------
        prior_precision, noise_variance : float or ndarray
            λ > 0 and σ² > 0, broadcast.

        Returns
        -------
        float or ndarray
            Between 0 and the rank, of the broadcast shape.

        Raises
        ------
        InvalidInputError
            If an argument is not positive and finite; IncompatibleError if the shapes do not broadcast.

        References
        ----------
        C. Bishop (2006), Pattern Recognition and Machine Learning, eq. 3.91.
        """
        return self._spectrum.effective_parameters(*pair(prior_precision, noise_variance, self.y.size))

    def occam(self, prior_precision: ArrayLike, noise_variance: ArrayLike) -> OccamDecomposition:
        """Split the log evidence into fit and Occam factor; see :class:`OccamDecomposition`.

        Parameters
        ----------
        prior_precision, noise_variance : float or ndarray
            λ > 0 and σ² > 0, broadcast.

        Returns
        -------
        OccamDecomposition
            Its parts have the broadcast shape.

        Raises
        ------
        InvalidInputError
            If an argument is not positive and finite; IncompatibleError if the shapes do not broadcast.
        """
        return self._spectrum.occam(*pair(prior_precision, noise_variance, self.y.size))

    def posterior(self, prior_precision: float, noise_variance: float) -> Posterior:
        r"""Return the posterior of the weights.

        .. math:: w \mid y \sim N(A^{-1} X^T y / \sigma^2,\; A^{-1}), \quad A = X^T X / \sigma^2 + \lambda P

        Parameters
        ----------
        prior_precision, noise_variance : float
            λ > 0 and σ² > 0.

        Returns
        -------
        Posterior
            Mean, covariance, effective number of parameters, and predictions.

        Raises
        ------
        InvalidInputError
            If an argument is not a positive finite number.
        """
        precision = _validate.real("prior_precision", prior_precision, above=0.0)
        variance = _validate.real("noise_variance", noise_variance, above=0.0)
        determined = special.expit(self._spectrum.log_ratio(precision, variance))
        coordinates = (determined * self._spectrum.coordinates / self._singular) @ self._right
        weights = self._design.unwhiten(coordinates)
        level = self._level
        if self._design.centre is not None:
            level -= float(self._design.centre @ weights)
        elif self._design.intercept_root is not None:
            level = float(coordinates[-1] / self._design.intercept_root)
        return Posterior(
            model=self,
            prior_precision=precision,
            noise_variance=variance,
            mean=weights,
            intercept=level,
            effective_parameters=float(determined.sum()),
        )

    def maximize(self, *, noise_variance: float | None = None) -> EvidenceMaximum:
        r"""Find the λ and σ² of the largest evidence, over the whole range.

        .. math:: \hat\sigma^2(t) = \frac1n \left( |r|^2 + \sum_i \frac{c_i^2\, t}{s_i^2 + t} \right),
                  \quad t = \lambda\sigma^2

        Parameters
        ----------
        noise_variance : float, optional
            σ², if it is known; then only λ is varied.

        Returns
        -------
        EvidenceMaximum
            The global maximum, its kind (boundaries and ridges are recognized), and all local maxima.

        Raises
        ------
        InvalidInputError
            If y is zero (after centring) and σ² not known, or there is one observation and a flat intercept.

        Warns
        -----
        AccuracyWarning
            If λ or σ² is beyond the range of doubles; their logarithms are given too.

        Notes
        -----
        At fixed t the best σ² is explicit, which leaves a function of ln t alone. Its derivative is a sum of rational
        functions whose curvature is bounded in closed form; cells are halved until the bound excludes a root, proves
        that there is exactly one, or leaves less than 1e-9 nats to be gained. The result moves with the units as theory
        says: y → cy multiplies σ² by c², divides λ by c² and adds -n ln c; X → aX multiplies λ by a² and adds nothing.

        References
        ----------
        D. MacKay (1992), Bayesian interpolation, Neural Computation 4, 415.

        Examples
        --------
        >>> best = LinearModel([[1.0], [2.0], [3.0]], [1.1, 1.9, 3.2]).maximize()
        >>> print(f"{best.prior_precision:.4f} {best.noise_variance:.4f} {best.kind}")
        0.9335 0.0211 interior
        """
        if noise_variance is not None:
            noise_variance = _validate.real("noise_variance", noise_variance, above=0.0)
        if "log_evidence" in overridden(self):
            raise IncompatibleError(
                f"maximize() knows the maxima of LinearModel's log_evidence; {type(self).__name__} overrides it. "
                "Override maximize too, or pass log_evidence to a general optimizer."
            )
        return maximize(self._spectrum, noise_variance)

    def hessian(self, prior_precision: float, noise_variance: float) -> Array:
        """Return XᵀX/σ² + λP, shape (p, p): the Hessian of C in the model's own coordinates, the same at every w.

        With a flat intercept X is centred, as the intercept is integrated out; a Gaussian one is the last coordinate.

        Parameters
        ----------
        prior_precision, noise_variance : float
            λ > 0 and σ² > 0.

        Returns
        -------
        ndarray, shape (p, p)
            Symmetric positive definite; (p + 1, p + 1) with a Gaussian intercept. Unlike the evidence it changes with
            the parameterization.

        Raises
        ------
        InvalidInputError
            If an argument is not a positive finite number.
        """
        precision = _validate.real("prior_precision", prior_precision, above=0.0)
        variance = _validate.real("noise_variance", noise_variance, above=0.0)
        rows, factor = self.X, self._factor
        if self._design.centre is not None:
            rows = rows - self._design.centre
        shape: Any = np.eye(rows.shape[1]) if factor is None else factor.T @ factor
        if self.intercept == "gaussian":
            rows = np.column_stack([rows, np.ones(len(rows))])
            shape = linalg.block_diag(shape, self._kappa)
        return rows.T @ rows / variance + precision * shape
