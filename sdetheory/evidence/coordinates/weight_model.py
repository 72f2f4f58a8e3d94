"""A model of a few weights, as a likelihood and a prior, whose evidence can be integrated in any coordinates."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from ... import _validate
from ...errors import IncompatibleError, InvalidInputError
from ...models._formula import extensible, likelihood_of
from ..classifiers._own_model import OwnCoordinates
from ..classifiers._trapezoid import log_integral
from . import _differences
from ._mode_search import descend, lengths
from ._support import Bounds

Array = NDArray[np.float64]

# Distance up to which a point counts as the mode, in posterior standard deviations.
_MODE = 1e-6


# Functions have no equality worth the name, so models compare by identity.
@extensible
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WeightModel:
    r"""A likelihood and a prior density as functions of the weights.

    .. math:: C(w) = -\ln P(y \mid w) - \ln P(w), \qquad P(y) = \int e^{-C(w)} \, dw

    Parameters
    ----------
    log_likelihood : callable
        ln P(y | w), from weights (m, d) to (m,).
    log_prior : callable
        ln P(w), from (m, d) to (m,), normalized; −inf where the prior allows no weights.
    start : ndarray, shape (d,)
        A point of finite density from which the mode is searched.
    derivatives : callable, optional
        Gradient (d,) and Hessian (d, d) of C at one point (d,), as a pair. If not given, differences over lengths in
        which C changes by about a nat, so that weights may be of any size.

    Raises
    ------
    InvalidInputError
        If the densities at `start` are not one finite number each.

    Examples
    --------
    One observation y = 1 of unit variance, with prior N(0, 1): Laplace is exact.

    >>> def log_normal(x):
    ...     return -0.5 * x**2 - 0.5 * np.log(2 * np.pi)
    >>> model = WeightModel(log_likelihood=lambda w: log_normal(1 - w[:, 0]), log_prior=lambda w: log_normal(w[:, 0]),
    ...                     start=[0.0])
    >>> print(f"{model.log_evidence():.8f} {model.log_laplace():.8f}")      # -½ ln 4π - ¼
    -1.51551212 -1.51551212
    """

    log_likelihood: Callable[[Array], Any]
    log_prior: Callable[[Array], Any]
    start: Any
    derivatives: Callable[[Array], tuple[Array, Array]] | None = None

    def __post_init__(self) -> None:
        if self.derivatives is not None:
            _validate.function("derivatives", self.derivatives, "from one point w to gradient and Hessian")
        start = _validate.reals("start", self.start, shape=(None,))
        if not start.size:
            raise InvalidInputError("start must hold at least one weight; got none")
        object.__setattr__(self, "start", start)
        for name in ("log_likelihood", "log_prior"):
            density = _validate.function(name, getattr(self, name), "from weights (m, d) to (m,)")
            value = np.asarray(_validate.called(name, density, np.stack([start, start])))
            if value.dtype.kind not in "biuf":
                raise InvalidInputError(f"{name} must give real numbers; got {_validate.shown(value)}")
            if value.shape != (2,) or not np.isfinite(value).all():
                raise InvalidInputError(
                    f"{name} must take weights (2, {start.size}) to two finite numbers at start; got {value.tolist()}"
                )

    @classmethod
    def of(cls, model: Any) -> WeightModel:
        r"""Return a model of this package, or of one's own, with its prior N(0, I/λ).

        Parameters
        ----------
        model : LogisticRegression, PoissonRegression or another
            With prior_precision > 0 and `dimension`, ``cost(w)``, ``gradient(w)`` and ``hessian(w)`` or
            ``hessian_vector_product(w, v)``, where cost = −ln P(y|w) + prior_precision·|w|²/2.

        Returns
        -------
        WeightModel
            With the derivatives that the model has.

        Raises
        ------
        IncompatibleError
            If the model has no proper prior.
        InvalidInputError
            If a method is missing, or methods contradict each other.
        """
        precision = getattr(model, "prior_precision", 0.0)
        if not isinstance(precision, int | float | np.number) or not precision > 0:
            raise IncompatibleError(
                "model must have prior_precision > 0, as an evidence needs a proper prior; "
                f"got {type(model).__name__}. Other models are built from log_likelihood and log_prior."
            )
        prior = _gaussian(int(model.dimension), float(precision))
        start = np.zeros(int(model.dimension))
        likelihood = likelihood_of(model)
        if likelihood is not None and likelihood.outputs == 1:
            return cls(
                log_likelihood=lambda w: -likelihood.cost(w @ model.X.T, model.y).sum(axis=-1),
                log_prior=prior,
                start=start,
                derivatives=lambda w: (model.gradient(w), model.hessian(w)),
            )
        own = OwnCoordinates.of(model).at(float(precision))
        return cls(
            log_likelihood=lambda w: 0.5 * precision * np.sum(w**2, axis=-1) - own.cost(w),
            log_prior=prior,
            start=start,
            derivatives=lambda w: (own.gradient(w), own.hessian(w)),
        )

    @property
    def dimension(self) -> int:
        """Number d of weights."""
        return self.start.size

    def cost(self, w: Array) -> Any:
        """Return C(w), shape (...), of weights (..., d); +inf where the prior allows none."""
        points = _validate.reals("w", w)
        if points.ndim == 0 or points.shape[-1] != self.dimension:
            raise InvalidInputError(f"w must have shape (..., {self.dimension}); got shape {points.shape}")
        flat = points.reshape(-1, self.dimension)
        # Outside their support functions may take logarithms of zero; what is no number is refused below.
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            prior = np.asarray(self.log_prior(flat))
            allowed = prior > -np.inf
            cost = np.full(len(flat), np.inf)
            cost[allowed] = -prior[allowed] - self.log_likelihood(flat[allowed])
        wrong = np.isnan(prior) | np.isnan(cost)
        if wrong.any():
            raise InvalidInputError(
                f"log_likelihood and log_prior must be numbers; got nan at {flat[wrong][0].tolist()}. Where weights "
                "are not allowed let log_prior be -inf."
            )
        return cost.reshape(points.shape[:-1])[()]

    def gradient_and_hessian(self, w: Array) -> tuple[Array, Array]:
        """Return ∇C, shape (d,), and ∇∇C, shape (d, d), at one point (d,)."""
        w = _validate.reals("w", w, shape=(self.dimension,))
        if self.derivatives is not None:
            return self._given(self.derivatives, w)
        return _differences.in_units(self.cost, w, lengths(self.cost, w))

    def _given(self, derivatives: Callable[[Array], Any], w: Array) -> tuple[Array, Array]:
        """Return what `derivatives` gives at w, which far out of reach may overflow, of the right shapes."""

        def arrays(w: Array) -> list[Array]:
            return [np.asarray(part, dtype=np.float64) for part in derivatives(w)]

        parts, d = _validate.called("derivatives", arrays, w), self.dimension
        if (shapes := [part.shape for part in parts]) != [(d,), (d, d)]:
            raise InvalidInputError(
                f"derivatives must give a gradient of shape ({d},) and a Hessian of shape ({d}, {d}) at w; got {shapes}"
            )
        return parts[0], parts[1]

    def mode(self) -> Array:
        """Return the minimum of C that is reached from `start`, shape (d,).

        Raises
        ------
        InvalidInputError
            If there is none: the search ends where the gradient does not vanish or the Hessian is not positive.
        """
        if self.derivatives is not None:
            try:
                return self._polished(self._by_trust_region())
            except InvalidInputError:
                pass  # a simplex may still find it: trust regions begin at the length 1
        return self._polished(descend(self.cost, self.start))

    def _by_trust_region(self) -> Array:
        """Return where a search with exact derivatives ends."""
        # What is far out of reach may overflow; the trust region shrinks there.
        recent = functools.lru_cache(maxsize=1)(lambda key: self.gradient_and_hessian(np.frombuffer(key)))
        with np.errstate(over="ignore"):
            return optimize.minimize(
                self.cost,
                self.start,
                method="trust-exact",
                jac=lambda w: recent(w.tobytes())[0],
                hess=lambda w: recent(w.tobytes())[1],
            ).x

    def _polished(self, w: Array) -> Array:
        """Return the minimum beside a point, by Newton's method; it doubles the digits until rounding stops it."""
        last = math.inf
        while True:
            gradient, hessian = self.gradient_and_hessian(w)
            try:
                step = linalg.cho_solve((self._factor(hessian), True), gradient)
            except (linalg.LinAlgError, ValueError):
                raise InvalidInputError(
                    f"no minimum of the cost was found: at w = {w.tolist()} its Hessian is not positive definite. "
                    "Give another start, or a prior that falls off."
                ) from None
            distance = math.sqrt(max(float(gradient @ step), 0.0))
            moved = w - step
            if distance == 0.0 or distance >= last / 2 or not self.cost(moved) < math.inf:
                break
            w, last = moved, distance
        if distance > _MODE:
            raise InvalidInputError(
                f"no minimum of the cost was found: the search ended {distance:.3g} posterior standard deviations away "
                f"from one, at w = {w.tolist()}. Give another start, derivatives, or coordinates in which the weights "
                "are of the size of one."
            )
        return w

    @staticmethod
    def _factor(hessian: Array) -> Array:
        """Return the lower Cholesky factor, by way of a unit diagonal: weights may have very different scales."""
        scale = np.sqrt(np.maximum(np.diag(hessian), np.finfo(np.float64).tiny))
        return scale[:, None] * linalg.cholesky(hessian / scale / scale[:, None], lower=True)

    def log_laplace(self) -> float:
        r"""Return Laplace's approximation of ln P(y), which depends on the coordinates.

        .. math:: -C(w_0) + \tfrac{d}{2} \ln 2\pi - \tfrac12 \ln \det \nabla\nabla C(w_0)

        Returns
        -------
        float
            Exact if the posterior is Gaussian in these coordinates.

        Raises
        ------
        InvalidInputError
            If no minimum of C is found.
        """
        w = self.mode()
        factor = self._factor(self.gradient_and_hessian(w)[1])
        return float(-self.cost(w) + 0.5 * self.dimension * math.log(2 * math.pi) - np.log(np.diag(factor)).sum())

    def log_evidence(self) -> float:
        r"""Return ln P(y) by numerical integration in these coordinates, for up to three weights.

        Returns
        -------
        float
            ln P(y), to about 1e-10 for smooth densities.

        Raises
        ------
        InvalidInputError
            If there are more than three weights, no minimum of C is found, or the integral does not converge.

        Notes
        -----
        The trapezoidal rule, which converges exponentially for smooth integrands, in coordinates whitened by the
        Hessian at the mode, with steps halved until ln P(y) stays within 1e-7; the last halving leaves about the square
        of that (a third of it if the density has a kink). Weights with bounds, which are found along the axes, are
        integrated as ln w or logits where the density does not vanish smoothly there. Assumes that all of the posterior
        lies in one piece about the mode: a second mode beyond a gap of 32 nats, or between the points of the coarsest
        grid, is not seen.

        References
        ----------
        L. Trefethen and J. Weideman (2014), The exponentially convergent trapezoidal rule, SIAM Review 56, 385.
        """
        if self.dimension > 3:
            raise InvalidInputError(f"log_evidence integrates over up to three weights; got {self.dimension}")
        bounds = Bounds.around(self.cost, self.start)
        if bounds.exist and bounds.matter(float(self.cost(self.start))):
            return self._within(bounds)._integral()
        try:
            return self._integral()
        except InvalidInputError:
            if not bounds.exist:
                raise
        return self._within(bounds)._integral()

    def _within(self, bounds: Bounds) -> WeightModel:
        """Return the same integral in coordinates without bounds."""
        return WeightModel(
            log_likelihood=lambda u: -self.cost(bounds.inside(u)[0]),
            log_prior=lambda u: bounds.inside(u)[1],
            start=bounds.outside(self.start),
        )

    def _integral(self) -> float:
        """Integrate in these coordinates."""
        mode = self.mode()
        factor = self._factor(self.gradient_and_hessian(mode)[1])
        axes = linalg.solve_triangular(factor, np.eye(self.dimension), lower=True)
        lowest = self.cost(mode)

        def log_density(points: Array) -> Array:
            with np.errstate(over="ignore"):
                return lowest - self.cost(mode + points @ axes)

        return float(log_integral(log_density, self.dimension) - lowest - np.log(np.diag(factor)).sum())


def _gaussian(size: int, precision: float) -> Callable[[Array], Array]:
    """Return the log density of N(0, I/λ)."""
    constant = 0.5 * size * math.log(precision / (2 * math.pi))
    return lambda w: constant - 0.5 * precision * np.sum(w**2, axis=-1)
