"""Laplace's approximation of the evidence of classifiers, counts, and models of one's own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from ... import _validate
from ...errors import IncompatibleError, InvalidInputError
from ...models._formula import likelihood_of
from ..decomposition._decomposition import warn_of_rank
from ..network._curvature import HasJacobian, has_jacobian
from ..network.fit import NetworkLaplace, network_laplace
from ..occam import OccamDecomposition
from ._coordinates import Coordinates
from ._newton import CERTIFICATE, Mode, certify, find_mode
from ._own_model import OwnCoordinates
from ._predictive import activation_covariance, softmax_normal

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Laplace:
    """What :func:`laplace` returns; arrays have the shape (...) of `prior_precision`.

    Parameters
    ----------
    model : LogisticRegression, PoissonRegression or another
        The model and its data.
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
        posterior standard deviations, and (of classifiers) of the largest change of an activation x·w in a further
        Newton step.
    _coordinates : Coordinates or OwnCoordinates
        The model in the directions that the data see; internal.
    """

    model: Any
    prior_precision: Any
    mode: Array
    occam: OccamDecomposition
    gradient_norm: Any
    distance: Any
    _coordinates: Coordinates | OwnCoordinates = field(repr=False)

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
        """Log evidence ratio E in favour of the null model; trust the model only if E < 0.

        The null model guesses among k classes, at a cost of n ln k, and of counts says that their mean is 1.
        """
        likelihood, n_classes = likelihood_of(self.model), getattr(self.model, "n_classes", None)
        if likelihood is not None:
            return -self.log_evidence - likelihood.null(self.model.y)
        if n_classes is None:
            raise IncompatibleError(
                f"the null model guesses among k classes; {type(self.model).__name__} has no n_classes. "
                "Subtract the log evidence of a null model of your own."
            )
        return -self.log_evidence - self.model.train_size * math.log(n_classes)

    @property
    def covariance(self) -> Array:
        """The inverse of the Hessian at the mode, shape (p, p), for one λ; computed anew at each access."""
        if np.ndim(self.prior_precision):
            raise IncompatibleError("covariance needs one prior_precision; index the path first, for example path[0]")
        hessian = self._original().hessian(self.mode)
        return linalg.cho_solve((linalg.cholesky(hessian, lower=True), True), np.eye(self.mode.size))

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

    def predict(self, X_new: ArrayLike, *, method: str | None = None) -> Array:
        r"""Return the probabilities of the classes of new examples, or mean counts, averaged over the posterior.

        .. math:: P(y_* = c) = \int \mathrm{softmax}_c(a)\, N(a;\; m_*,\; S_*) \, da

        The activations a of one example are linear in the weights, hence normal under Laplace's approximation; with two
        classes, or counts, the integral has one variable, x·w ~ N(x·w₀, xᵀA⁻¹x).

        Parameters
        ----------
        X_new : ndarray, shape (m, p)
            One row per example.
        method : {"quadrature", "sampling", "probit", "map"}, optional
            "quadrature", the default of all but softmax regression: the integral, to 1e-12 or in closed form.
            Logistic regression: also MacKay's approximation "probit" of it, 1/(1 + exp(−κa)) with κ = 1/√(1 + πs²/8).
            Softmax regression: "sampling", the default, the integral by points of low discrepancy, always the same,
            until its standard errors are below 1e-4. All: "map", the probability, or mean, at w₀ alone.

        Returns
        -------
        ndarray, shape (..., m) or (..., m, k)
            P(y = 1) of two classes, the mean of counts; all k probabilities of softmax regression, which sum to one.

        Raises
        ------
        InvalidInputError
            If `X_new` does not have p columns of finite numbers, or the method is unknown.
        IncompatibleError
            If the method does not serve the model, or the model has formulas of its own.

        Warns
        -----
        AccuracyWarning
            If sampling ends with standard errors above 1e-4.

        References
        ----------
        D. MacKay (1992), The evidence framework applied to classification networks, Neural Computation 4, 720.
        """
        likelihood = likelihood_of(self.model)
        if likelihood is None:
            raise IncompatibleError(
                f"predict() knows what the regressions of this package predict, such as the probabilities of logistic "
                f"and softmax regression, not those of {type(self.model).__name__}; average yours over "
                "N(mode, covariance) of this approximation"
            )
        X_new = _validate.reals("X_new", X_new, shape=(None, self.model.X.shape[1]))
        known = ("quadrature", "sampling", "probit", "map")
        method = _validate.choice("method", likelihood.methods[0] if method is None else method, known)
        if method not in (*likelihood.methods, "map"):
            best = "quadrature" in likelihood.methods
            takes = '"quadrature", which is exact' if best else 'method="sampling" or "map"'
            raise IncompatibleError(f"{likelihood.name} regression predicts with {takes}; got {method!r}")
        if method == "map":
            return self.model._response(X_new, self.mode)
        if method == "sampling":
            return self._sampled(X_new)
        deviation = np.sqrt(self._over_path(X_new)[..., 0, 0])
        return likelihood.average(self.mode @ X_new.T, deviation, method)

    def _sampled(self, X_new: Array) -> Array:
        """Return average probabilities of softmax regression; log probabilities serve as activations at the mode."""
        logs = self.model.log_probabilities(X_new, self.mode)
        covariances = self._over_path(X_new)
        coding = self._coordinates.model._coding
        shape = covariances.shape[:-3]
        flat = zip(logs.reshape(-1, *logs.shape[-2:]), covariances.reshape(-1, *covariances.shape[-3:]), strict=True)
        return np.array([softmax_normal(mean, coding, covariance) for mean, covariance in flat]).reshape(
            *shape, *logs.shape[-2:]
        )

    def _over_path(self, X_new: Array) -> Array:
        """Return the covariances of W x, shape (..., m, d, d): along the data's directions, and 1/λ in the others."""
        coordinates = self._coordinates
        assert isinstance(coordinates, Coordinates)
        seen, unseen = coordinates.split(X_new)
        outputs = len(coordinates.codes)
        rest = np.sum(unseen**2, axis=1)[:, None, None] * np.eye(outputs)
        precisions, modes = np.ravel(self.prior_precision), self.mode.reshape(-1, self.mode.shape[-1])
        found = []
        for precision, mode in zip(precisions, modes, strict=True):
            hessian = coordinates.at(float(precision)).hessian(coordinates.lower(mode)[0])
            factor = linalg.cholesky(hessian, lower=True)
            found.append(activation_covariance(factor, seen, outputs) + rest / precision)
        return np.reshape(found, (*self.mode.shape[:-1], len(X_new), outputs, outputs))

    def _original(self) -> Any:
        """Return the model with this prior."""
        if isinstance(self._coordinates, OwnCoordinates):
            return self._coordinates.at(float(self.prior_precision))
        return replace(self.model, prior_precision=float(self.prior_precision))


@overload
def laplace(
    model: HasJacobian, prior_precision: ArrayLike, *, mode: ArrayLike | None = ..., about: ArrayLike | None = ...
) -> NetworkLaplace: ...
@overload
def laplace(
    model: Any, prior_precision: ArrayLike, *, mode: ArrayLike | None = ..., about: ArrayLike | None = ...
) -> Laplace: ...
def laplace(
    model: Any, prior_precision: ArrayLike, *, mode: ArrayLike | None = None, about: ArrayLike | None = None
) -> Any:
    r"""Approximate the evidence of a model with a Gaussian prior by a Gaussian about its mode.

    .. math:: \ln P(y) \approx -C(w_0) - \tfrac12 \sum_i \ln(\lambda_i / \lambda), \qquad
              C(w) = -\ln P(y \mid w) + \tfrac{\lambda}{2} |w|^2

    λᵢ are the eigenvalues of the Hessian A of C at its minimum w₀, the prior's λ included.

    Parameters
    ----------
    model : LogisticRegression, ProbitRegression, PoissonRegression, SoftmaxRegression or another
        The model and its data. Its own prior precision is replaced. A model of one's own, or a subclass that overrides
        the cost or its derivatives, needs `dimension`, ``cost(w)``, ``gradient(w)`` and ``hessian(w)`` or
        ``hessian_vector_product(w, v)``, with cost = −ln P(y|w) + prior_precision·|w|²/2; no `prior_precision` is 0.
    prior_precision : float or ndarray, shape (...)
        λ > 0 of the prior N(0, I/λ). The mode is found anew at each.
    mode : ndarray, shape (..., p), optional
        Modes that were found elsewhere. They are checked, and refused if they are none. A network takes one λ and one
        mode.
    about : ndarray, shape (p,), optional
        Of a network, in place of `mode`: any weights w. The evidence is then the local one, of the cost to second order
        about w, for each λ.

    Returns
    -------
    Laplace or NetworkLaplace
        Modes, log evidence, its parts, certificates, and predictions. NetworkLaplace is what a model gets that has the
        derivatives of its outputs, as ReLUNetwork does.

    Raises
    ------
    InvalidInputError
        If the model lacks a method or its methods contradict each other, a classifier has fewer than two classes in its
        labels, λ is not positive, no minimum is found, or `mode` is farther than 1e-6 from it; of a network, if not one
        of `mode` and `about` is given, or both n × (classes − 1) and p are above 10,000.
    IncompatibleError
        If `about` is given for a model that has no derivatives of outputs.

    Warns
    -----
    AccuracyWarning
        If columns of the inputs are combinations of the others; they are named. Of a network: if λ drowns in rounding,
        or the local evidence makes labels more than certain, as it does far from a minimum.

    Notes
    -----
    Assumes a posterior with one mode that is nearly Gaussian; the first holds for these regressions, whose cost is
    strictly convex, and of other models the mode found is the one below the origin. The second fails slowly: on
    logistic regressions with six weights the log evidence is off by tenths of a nat. :func:`quadrature`,
    :func:`importance_sampling` and :func:`thermodynamic` measure by how much.

    One singular value decomposition X = U S Vᵀ, in which each column keeps its digits whatever its unit, rotates
    the weights into rank(X) ≤ min(n, p) directions, which is exact for an isotropic prior; damped Newton steps
    there need matrices of that size only. λ is visited from large to small, each mode starting at the tangent dw₀/d
    ln λ = −λ A⁻¹ w₀ of the one before. Separable data are no exception: the prior keeps the mode finite, and |w₀|
    grows like ln(1/λ). But while their exact evidence then tends to the share of directions of w that separate
    them, Laplace's falls without bound.

    *Networks.* The Hessian is replaced by the Gauss–Newton matrix A = JᵀΛJ + λ, for J the Jacobian of the outputs and
    Λ = RᵀR the Hessian of −ln P in them; it is never indefinite, and equals the Hessian where every example is fitted
    or the outputs are linear in w. With B = RJ, of n × (classes − 1) rows,

    .. math:: \ln P(y) \approx -C(w) + \tfrac12 g^T A^{-1} g - \tfrac12 \ln\det(I + B B^T / \lambda), \qquad
              g = \nabla C(w)

    is exact linear algebra in the smaller one of n × (classes − 1) and p; one decomposition serves all λ. At a minimum
    g is 0. About other weights this is the exact evidence of the linearized network with its likelihood to second
    order, which says as little of the network itself as `decrement` says, the way to that model's minimum in posterior
    standard deviations. It counts one minimum: :func:`log_equivalent_modes` counts its copies. A model of one's own
    needs `dimension`, `train_size`, ``cost(w)``, ``gradient(w)``, ``jacobian_vector_product(w, v)``, shape (n, k),
    ``vector_jacobian_product(w, u)``, shape (p,), and ``curvature_factors(w)``, R of shape (n, m, k);
    ``jacobian_gram(w, R)``, which is B Bᵀ, saves time. Memory grows like the square, time like the cube of the order;
    beyond 10,000 see :func:`lanczos_evidence`.

    References
    ----------
    S. Smith and Q. Le (2018), arXiv:1710.06451, eqs. 8 to 10.
    D. MacKay (1992), The evidence framework applied to classification networks, Neural Computation 4, 720.
    A. Immer, M. Korzepa and M. Bauer (2021), arXiv:2008.08400, eq. 8: the Gauss–Newton matrix is that of the linearized
    network. A. Immer et al. (2021), arXiv:2104.04975: its evidence selects networks.

    Examples
    --------
    >>> from sdetheory.models import LogisticRegression, ReLUNetwork
    >>> model = LogisticRegression([[-2.0], [-1.0], [1.0], [3.0]], [0, 0, 1, 1])
    >>> path = laplace(model, [0.1, 1.0, 10.0])
    >>> print(path.log_evidence.round(4), path.log_evidence_ratio.round(4))
    [-1.0678 -1.7152 -2.4704] [-1.7048 -1.0574 -0.3022]
    >>> network = ReLUNetwork([[-2.0], [-1.0], [1.0], [3.0]], [0, 0, 1, 1], hidden=3, dtype="float64")
    >>> laplace(network, [0.1, 1.0], about=0.3 * network.initial(0)).log_evidence.shape
    (2,)
    """
    if has_jacobian(model):
        return network_laplace(model, prior_precision, mode, about)
    if about is not None:
        raise IncompatibleError(
            f"about= serves networks, which have derivatives of outputs; {type(model).__name__} has none. Leave it "
            "out: laplace finds the minimum itself."
        )
    likelihood = likelihood_of(model)
    if hasattr(model, "has_exact_evidence") or (likelihood is not None and likelihood.quadratic):
        raise InvalidInputError(
            f"model must not be a {type(model).__name__}, whose evidence is exact: LinearModel(X, y).log_evidence(...)"
        )
    precision = _validate.reals("prior_precision", prior_precision, above=0.0)
    coordinates = _coordinates_of(model)
    flat = precision.ravel()
    if mode is None:
        found = _path(coordinates, flat)
    else:
        found = _given(coordinates, flat, _validate.reals("mode", mode, shape=(*precision.shape, model.dimension)))
    unit = 2.0**coordinates.unit
    rows = np.empty((flat.size, 5))
    modes = np.empty((flat.size, model.dimension))
    for i, at in found:
        scaled = coordinates.precision(flat[i])
        penalty = 0.5 * scaled * float(at.w @ at.w)
        # The diagonal is divided before the logarithm: for λ → ∞ the sum keeps its digits.
        volume = float(np.log(np.diag(at.factor) / math.sqrt(scaled)).sum())
        cost = float(coordinates.at(flat[i]).cost(at.w))
        rows[i] = penalty - cost, penalty, volume, float(np.linalg.norm(at.gradient)) * unit, at.distance
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


def _coordinates_of(model: Any) -> Coordinates | OwnCoordinates:
    """Return the directions that the data see of a regression, or the weights of a model with formulas of its own."""
    likelihood = likelihood_of(model)
    if likelihood is None:
        return OwnCoordinates.of(model)
    if likelihood.n_classes is not None and len(np.unique(model.y)) < 2:
        raise InvalidInputError("y must hold examples of at least two classes; all labels are the same")
    coordinates, factors = Coordinates.of(model)
    warn_of_rank(factors, lambda j: f"column {j} of X", stacklevel=3)
    return coordinates


def _path(coordinates: Coordinates | OwnCoordinates, precisions: Array) -> Iterator[tuple[int, Mode]]:
    """Find the modes from large λ to small, each from the tangent of the last; only one factor is kept at a time."""
    last: tuple[float, Mode] | None = None
    for i in np.argsort(-precisions, kind="stable"):
        precision = float(precisions[i])
        model = coordinates.at(precision)
        start = np.zeros(model.dimension)
        if last is not None:
            before, mode = last
            slope = linalg.cho_solve((mode.factor, True), mode.w)
            start = mode.w + coordinates.precision(before) * math.log(before / precision) * slope
            if not model.cost(start) < model.cost(mode.w):
                start = mode.w
        if isinstance(coordinates, OwnCoordinates):
            start = coordinates.near(precision, start)
        last = precision, find_mode(model, start)
        yield int(i), last[1]


def _given(coordinates: Coordinates | OwnCoordinates, precisions: Array, modes: Array) -> Iterator[tuple[int, Mode]]:
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
