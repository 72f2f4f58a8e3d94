"""Laplace's approximation of the evidence of a classifier."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, special

from .. import _validate
from ..errors import IncompatibleError, InvalidInputError
from ..models import LogisticRegression, SoftmaxRegression
from ._coordinates import Coordinates
from ._newton import CERTIFICATE, Mode, certify, find_mode
from .occam import OccamDecomposition

Array = NDArray[np.float64]
Classifier = LogisticRegression | SoftmaxRegression


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Laplace:
    """What :func:`laplace` returns; arrays have the shape (...) of `prior_precision`.

    Parameters
    ----------
    model : LogisticRegression or SoftmaxRegression
        The classifier and its data.
    prior_precision : float or ndarray, shape (...)
        λ.
    mode : ndarray, shape (..., p)
        w₀, the minimum of C, for each λ.
    occam : OccamDecomposition
        The log evidence in its parts.
    gradient_norm : float or ndarray, shape (...)
        |∇C(w₀)|, in the units of 1/w.
    distance : float or ndarray, shape (...)
        How far w₀ is from the exact minimum, free of units and never above 1e-6: the larger of √(∇Cᵀ A⁻¹ ∇C), in
        posterior standard deviations, and of the largest change of an activation x·w in a further Newton step.
    _coordinates : Coordinates
        The model in the directions that the data see; internal.
    """

    model: Classifier
    prior_precision: Any
    mode: Array
    occam: OccamDecomposition
    gradient_norm: Any
    distance: Any
    _coordinates: Coordinates = field(repr=False)

    @property
    def log_evidence(self) -> Any:
        """Laplace's ln P(y) = −C(w₀) − ½ Σ ln(λᵢ/λ)."""
        return self.occam.log_evidence

    @property
    def log_occam_factor(self) -> Any:
        """Log of posterior volume over prior volume, never positive."""
        return self.occam.log_occam_factor

    @property
    def log_evidence_ratio(self) -> Any:
        """Log evidence ratio E in favour of guessing, C(w₀) + ½ Σ ln(λᵢ/λ) − n ln k; trust the model only if E < 0."""
        assert self.model.n_classes is not None
        return -self.log_evidence - self.model.train_size * math.log(self.model.n_classes)

    @property
    def covariance(self) -> Array:
        """The inverse of the Hessian at the mode, shape (p, p), for one λ; computed anew at each access."""
        if np.ndim(self.prior_precision):
            raise IncompatibleError("covariance needs one prior_precision; index the path first, for example path[0]")
        return linalg.cho_solve((linalg.cholesky(self._original().hessian(self.mode), lower=True), True),
                                np.eye(self.mode.size))  # fmt: skip

    def __getitem__(self, index: Any) -> Laplace:
        """Return the approximation at some of the λ of a path."""
        parts = {
            name: getattr(self.occam, name)[index]
            for name in ("log_likelihood_at_mode", "weight_penalty", "half_log_curvature_ratio")
        }
        return replace(
            self,
            prior_precision=self.prior_precision[index],
            mode=self.mode[index],
            occam=OccamDecomposition(**parts),
            gradient_norm=self.gradient_norm[index],
            distance=self.distance[index],
        )

    def predict(self, X_new: ArrayLike, *, method: str = "quadrature") -> Array:
        r"""Return the probabilities of the classes of new examples.

        .. math:: P(y_* = 1) = \int \frac{N(a;\; x_*^T w_0,\; x_*^T A^{-1} x_*)}{1 + e^{-a}} \, da

        Parameters
        ----------
        X_new : ndarray, shape (m, p)
            One row per example.
        method : {"quadrature", "probit", "map"}
            The integral to 1e-12; MacKay's approximation 1/(1 + exp(−κa)), κ = 1/√(1 + πs²/8), of it; or the
            probability at w₀ alone. Softmax regression with its many-dimensional integral has "map" only.

        Returns
        -------
        ndarray, shape (..., m) or (..., m, k)
            P(y = 1) of logistic regression; all k probabilities of softmax regression.

        Raises
        ------
        InvalidInputError
            If `X_new` does not have p columns of finite numbers, or the method is unknown.
        IncompatibleError
            If the method does not serve the model.

        References
        ----------
        D. MacKay (1992), The evidence framework applied to classification networks, Neural Computation 4, 720.
        """
        X_new = _validate.reals("X_new", X_new, shape=(None, self.model.X.shape[1]))
        method = _validate.choice("method", method, ("quadrature", "probit", "map"))
        if isinstance(self.model, SoftmaxRegression):
            if method != "map":
                raise IncompatibleError(f'softmax regression predicts with method="map" only; got {method!r}')
            return np.exp(self.model.log_probabilities(X_new, self.mode))
        activation = self.mode @ X_new.T
        if method == "map":
            return special.expit(activation)
        variance = self._activation_variance(X_new)
        if method == "probit":
            return special.expit(activation / np.sqrt(1 + math.pi / 8 * variance))
        return _logistic_normal(activation, np.sqrt(variance))

    def _activation_variance(self, X_new: Array) -> Array:
        """Return x'A⁻¹x, shape (..., m): along the data's directions, and 1/λ in the others."""
        seen = X_new @ self._coordinates.rows.T
        unseen = X_new - seen @ self._coordinates.rows
        if len(self._coordinates.rows) == X_new.shape[1]:
            unseen[:] = 0.0
        precisions, modes = np.ravel(self.prior_precision), self.mode.reshape(-1, self.mode.shape[-1])
        variances = []
        for precision, mode in zip(precisions, modes, strict=True):
            hessian = self._coordinates.at(float(precision)).hessian(self._coordinates.lower(mode)[0])
            spread = linalg.solve_triangular(linalg.cholesky(hessian, lower=True), seen.T, lower=True)
            variances.append(np.sum(spread**2, axis=0) + np.sum(unseen**2, axis=1) / precision)
        return np.reshape(variances, (*self.mode.shape[:-1], len(X_new)))

    def _original(self) -> Any:
        """Return the model with this prior."""
        return replace(self.model, prior_precision=float(self.prior_precision))


def laplace(model: Classifier, prior_precision: ArrayLike, *, mode: ArrayLike | None = None) -> Laplace:
    r"""Approximate the evidence of a classifier by a Gaussian about its mode.

    .. math:: \ln P(y) \approx -C(w_0) - \tfrac12 \sum_i \ln(\lambda_i / \lambda), \qquad
              C(w) = -\ln P(y \mid w) + \tfrac{\lambda}{2} |w|^2

    λᵢ are the eigenvalues of the Hessian A of C at its minimum w₀, the prior's λ included.

    Parameters
    ----------
    model : LogisticRegression or SoftmaxRegression
        The classifier and its data. Its own prior precision is replaced.
    prior_precision : float or ndarray, shape (...)
        λ > 0 of the prior N(0, I/λ). The mode is found anew at each.
    mode : ndarray, shape (..., p), optional
        Modes that were found elsewhere. They are checked, and refused if they are none.

    Returns
    -------
    Laplace
        Modes, log evidence, its parts, certificates, and predictions.

    Raises
    ------
    InvalidInputError
        If the model is of another type or has fewer than two classes in its labels, λ is not positive, or `mode`
        is farther than 1e-6 from the minimum.

    Notes
    -----
    Assumes a posterior with one mode that is nearly Gaussian; the first holds for these models, whose cost is strictly
    convex. The second fails slowly: on logistic regressions with six weights the log evidence is off by tenths of a
    nat. :func:`quadrature`, :func:`importance_sampling` and :func:`thermodynamic` measure by how much.

    One singular value decomposition X = U S Vᵀ rotates the weights into rank(X) ≤ min(n, p) directions, which is exact
    for an isotropic prior; damped Newton steps there need matrices of that size only. λ is visited from large to small,
    each mode starting at the tangent dw₀/d ln λ = −λ A⁻¹ w₀ of the one before. Separable data are no exception: the
    prior keeps the mode finite, and |w₀| grows like ln(1/λ). But while their exact evidence then tends to the share of
    directions of w that separate them, Laplace's falls without bound.

    References
    ----------
    S. Smith and Q. Le (2018), arXiv:1710.06451, eqs. 8 to 10.
    D. MacKay (1992), The evidence framework applied to classification networks, Neural Computation 4, 720.

    Examples
    --------
    >>> from sdetheory.models import LogisticRegression
    >>> model = LogisticRegression([[-2.0], [-1.0], [1.0], [3.0]], [0, 0, 1, 1])
    >>> path = laplace(model, [0.1, 1.0, 10.0])
    >>> print(path.log_evidence.round(4), path.log_evidence_ratio.round(4))
    [-1.0678 -1.7152 -2.4704] [-1.7048 -1.0574 -0.3022]
    """
    if not isinstance(model, LogisticRegression | SoftmaxRegression):
        raise InvalidInputError(
            f"model must be a LogisticRegression or a SoftmaxRegression; got {type(model).__name__}. "
            "Linear models have an exact evidence: LinearModel."
        )
    if len(np.unique(model.y)) < 2:
        raise InvalidInputError("y must hold examples of at least two classes; all labels are the same")
    precision = _validate.reals("prior_precision", prior_precision, above=0.0)
    coordinates = Coordinates.of(model)
    flat = precision.ravel()
    if mode is None:
        found = _path(coordinates, flat)
    else:
        found = _given(coordinates, flat, _validate.reals("mode", mode, shape=(*precision.shape, model.dimension)))
    rows = np.empty((flat.size, 5))
    modes = np.empty((flat.size, model.dimension))
    for i, at in found:
        penalty = 0.5 * flat[i] * float(at.w @ at.w)
        # The diagonal is divided before the logarithm: for λ → ∞ the sum keeps its digits.
        volume = float(np.log(np.diag(at.factor) / math.sqrt(flat[i])).sum())
        cost = float(coordinates.at(flat[i]).cost(at.w))
        rows[i] = penalty - cost, penalty, volume, float(np.linalg.norm(at.gradient)), at.distance
        modes[i] = coordinates.lift(at.w)
    likelihoods, penalties, volumes, norms, distances = (column.reshape(precision.shape)[()] for column in rows.T)
    return Laplace(
        model=model,
        prior_precision=precision[()],
        mode=modes.reshape(*precision.shape, model.dimension),
        occam=OccamDecomposition(
            log_likelihood_at_mode=likelihoods, weight_penalty=penalties, half_log_curvature_ratio=volumes
        ),
        gradient_norm=norms,
        distance=distances,
        _coordinates=coordinates,
    )


def _path(coordinates: Coordinates, precisions: Array) -> Iterator[tuple[int, Mode]]:
    """Find the modes from large λ to small, each from the tangent of the last; only one factor is kept at a time."""
    last: tuple[float, Mode] | None = None
    for i in np.argsort(-precisions, kind="stable"):
        precision = float(precisions[i])
        model = coordinates.at(precision)
        start = np.zeros(model.dimension)
        if last is not None:
            before, mode = last
            slope = linalg.cho_solve((mode.factor, True), mode.w)
            start = mode.w + before * math.log(before / precision) * slope
            if not model.cost(start) < model.cost(mode.w):
                start = mode.w
        last = precision, find_mode(model, start)
        yield int(i), last[1]


def _given(coordinates: Coordinates, precisions: Array, modes: Array) -> Iterator[tuple[int, Mode]]:
    """Check modes that were found elsewhere."""
    for i, (precision, w) in enumerate(zip(precisions, modes.reshape(len(precisions), -1), strict=True)):
        reduced, unseen = coordinates.lower(w)
        mode = certify(coordinates.at(float(precision)), reduced)
        # In a direction that the data do not see the gradient is λw, and the curvature λ.
        distance = max(mode.distance, math.sqrt(precision) * float(np.linalg.norm(unseen)))
        if distance > CERTIFICATE:
            raise InvalidInputError(
                f"mode must be the minimum of the cost; at prior_precision = {precision:.6g} it is {distance:.3g} "
                f"posterior standard deviations away from it (at most {CERTIFICATE:g} is accepted), and Laplace's "
                "formula means nothing there. Converge it further, or let laplace find it."
            )
        yield i, replace(mode, distance=distance)


def _logistic_normal(mean: Array, deviation: Array) -> Array:
    """Return the expectation of 1/(1 + e^−a) for a ~ N(mean, deviation²), to 1e-12.

    The trapezoidal rule converges exponentially for integrands that are analytic in a strip about the axis. Up to
    deviation 1 it integrates the logistic function over the normal density; beyond, where that function becomes a step,
    the normal distribution function over the logistic density.
    """
    step = 0.5
    normal, logistic = np.arange(-9.0, 9.0 + step, step), np.arange(-38.0, 38.0 + step, step)
    narrow = np.minimum(deviation, 1.0)[..., None]
    inner = special.expit(mean[..., None] + narrow * normal) @ np.exp(-0.5 * normal**2) / math.sqrt(2 * math.pi)
    wide = np.maximum(deviation, 1.0)[..., None]
    weights = special.expit(logistic) * special.expit(-logistic)
    outer = special.ndtr((mean[..., None] - logistic) / wide) @ weights
    return step * np.where(deviation <= 1.0, inner, outer)
