"""The Gibbs law, where Langevin dynamics comes to rest."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..errors import InvalidInputError
from . import _quadrature
from ._support import Landscape, cost, search

Array = NDArray[np.float64]

# Parts of each axis before refinement: fine enough that the first nodes see what the search saw.
_BOXES = {1: 512, 2: 24}
_TOLERANCE = {1: 1e-13, 2: 1e-11}


def gibbs(landscape: Landscape, temperature: float, *, bounds: ArrayLike | None = None) -> GibbsLaw:
    r"""Return the stationary law of Langevin dynamics in one or two dimensions.

    .. math:: dw = -\nabla C \, dt + \sqrt{2T} \, dW, \qquad p(w) = e^{-C(w)/T} / Z

    Parameters
    ----------
    landscape : object
        Has ``dimension``, 1 or 2, and ``value(x)``, the cost C at points of shape (..., d), as an array of shape (...);
        +inf is allowed.
    temperature : float
        T > 0.
    bounds : ndarray, shape (d, 2), optional
        Lower and upper end of each axis; the law is then confined to this box. In one dimension also (2,). If not
        given, the box outside which (C - min C)/T > 60 is searched for, up to ``|x| = 10⁶``.

    Returns
    -------
    GibbsLaw
        Density, probabilities of boxes, expectations, and the log partition function.

    Raises
    ------
    InvalidInputError
        If the dimension is not 1 or 2, the temperature not positive, the bounds not in order, or the cost is NaN or
        -inf; and if e^{-C/T} does not decay (a flat direction, or a cost without lower bound), so that there is no
        stationary law.

    Notes
    -----
    Assumes isotropic noise that does not depend on w. Integrals are adaptive Gauss–Legendre (order 16 in one dimension,
    10 × 10 in two) on boxes that are halved until two generations agree; relative accuracy is 1e-10 in one dimension
    and 1e-8 in two for smooth costs, and :attr:`GibbsLaw.relative_error` is the estimate for the case at hand. Kinks
    along lines (a minimum of two costs, say) leave 1e-7 or so in two dimensions, and the estimate misses that. The
    search samples 2001 points (129² in two dimensions) in each of a sequence of boxes; a basin much narrower than
    1/5000 (1/300) of the box that contains all basins may be missed, and then `bounds` should say where to look.

    References
    ----------
    S. Smith and Q. Le (2018), arXiv:1710.06451, appendix A.
    H. Risken (1989), The Fokker–Planck Equation, section 5.2.

    Examples
    --------
    >>> class Bowl:
    ...     dimension = 1
    ...     def value(self, x):
    ...         return 2.0 * x[..., 0] ** 2
    >>> law = gibbs(Bowl(), 0.5)                                # N(0, T/k) with k = 4
    >>> print(f"{law.covariance[0, 0]:.10f} {law.probability(0.0, np.inf):.10f} {law.log_partition:.10f}")
    0.1250000000 0.5000000000 -0.1207822376
    """
    temperature = _validate.real("temperature", temperature, above=0.0)
    dimension = _validate.integer("landscape.dimension", landscape.dimension)
    if dimension not in _BOXES:
        raise InvalidInputError(
            f"landscape must have dimension 1 or 2, where quadrature serves; got {dimension}. "
            "In more dimensions sample the law instead."
        )
    if bounds is None:
        box = search(landscape, temperature, dimension)
    else:
        box = _validate.reals("bounds", bounds)
        box = _validate.reals("bounds", box[None] if dimension == 1 and box.ndim == 1 else box, shape=(dimension, 2)).T
        if np.any(box[0] >= box[1]):
            raise InvalidInputError(f"bounds must have lower < upper on each axis; got {box.T.tolist()}")
    return GibbsLaw(landscape, temperature, box, confined=bounds is not None)


class GibbsLaw:
    """The law with density e^{-C/T}/Z; made by :func:`gibbs`.

    Attributes
    ----------
    landscape, temperature
        As given.
    dimension : int
        1 or 2.
    bounds : ndarray, shape (d, 2)
        The box of the integrals.
    log_partition : float
        ln Z = ln ∫ e^{-C/T} dw.
    relative_error : float
        Estimated relative error of Z; an upper estimate for a smooth cost.
    """

    def __init__(self, landscape: Landscape, temperature: float, box: Array, *, confined: bool) -> None:
        self.landscape, self.temperature, self.dimension = landscape, temperature, box.shape[1]
        self.bounds = box.T.copy()
        self._confined = confined
        parts = _quadrature.grid(box, _BOXES[self.dimension])
        self._lowest = float(cost(landscape, _quadrature.nodes(parts)).min())
        if not np.isfinite(self._lowest):
            raise InvalidInputError(
                "landscape must have a finite cost within the bounds; got +inf throughout. Widen them."
            )
        value, error, _, self._boxes = _quadrature.integrate(
            lambda x: self._weight(x)[:, None], parts, _TOLERANCE[self.dimension]
        )
        self._mass = float(value[0])
        self.relative_error = float(error[0] / value[0])
        self.log_partition = float(np.log(value[0]) - self._lowest / temperature)

    def pdf(self, x: ArrayLike) -> Any:
        """Return the density at points of shape (..., d), as an array of shape (...)."""
        x = self._points("x", x)
        density = self._weight(x) / self._mass
        if self._confined:
            density = np.where(np.all((x >= self.bounds[:, 0]) & (x <= self.bounds[:, 1]), axis=-1), density, 0.0)
        return density[()]

    def expectation(self, f: Callable[[Array], Any]) -> Any:
        """Return E f(w).

        Parameters
        ----------
        f : callable
            Maps points (m, d) to values (m,) or (m, ...). Jumps and kinks cost many points, in two dimensions too many;
            for the indicator of a box use :meth:`probability`.

        Returns
        -------
        float or ndarray
            The error, relative to E|f|, is below 1e-10 in one dimension and 1e-8 in two.

        Raises
        ------
        InvalidInputError
            If f returns another number of values or one that is not finite, or is not smooth enough.
        """
        shape: tuple[int, ...] = ()

        def integrand(x: Array) -> Array:
            nonlocal shape
            values = _validate.reals("the values of f", f(x))
            if values.shape[:1] != (len(x),):
                raise InvalidInputError(
                    f"f must map points of shape {x.shape} to values of shape ({len(x)}, ...); got shape {values.shape}"
                )
            shape = values.shape[1:]
            return values.reshape(len(x), -1) * self._weight(x)[:, None]

        value, *_ = _quadrature.integrate(integrand, self._boxes, _TOLERANCE[self.dimension])
        return (value / self._mass).reshape(shape)[()]

    def probability(self, lower: ArrayLike, upper: ArrayLike) -> float:
        """Return the probability of the box lower ≤ w ≤ upper.

        Parameters
        ----------
        lower, upper : float or ndarray, shape (d,)
            Corners; entries may be infinite. Numbers in one dimension.

        Returns
        -------
        float
            The absolute error is below 1e-10 in one dimension and 1e-8 in two.

        Raises
        ------
        InvalidInputError
            If a corner has another shape, or `lower` exceeds `upper`.
        """
        # Infinite ends become the largest float, which the check of finite numbers lets pass and the box then clips.
        low, high = (
            _validate.reals(name, np.atleast_1d(np.nan_to_num(end, nan=np.nan)), shape=(self.dimension,))
            for name, end in (("lower", lower), ("upper", upper))
        )
        if np.any(low > high):
            raise InvalidInputError(f"lower must not exceed upper; got {low.tolist()} and {high.tolist()}")
        boxes = np.clip(self._boxes, low, high)
        boxes = boxes[np.all(boxes[:, 0] < boxes[:, 1], axis=1)]
        if not len(boxes):
            return 0.0
        value, *_ = _quadrature.integrate(lambda x: self._weight(x)[:, None], boxes, _TOLERANCE[self.dimension])
        return min(float(value[0]) / self._mass, 1.0)

    @cached_property
    def mean(self) -> Array:
        """Mean, shape (d,)."""
        return self.expectation(lambda x: x)

    @cached_property
    def covariance(self) -> Array:
        """Covariance, shape (d, d)."""
        mean = self.mean
        return self.expectation(lambda x: (x - mean)[:, :, None] * (x - mean)[:, None, :])

    def _weight(self, x: Array) -> Array:
        return np.exp((self._lowest - cost(self.landscape, x)) / self.temperature)

    def _points(self, name: str, x: ArrayLike) -> Array:
        x = _validate.reals(name, x)
        if x.shape[-1:] != (self.dimension,):
            raise InvalidInputError(
                f"{name} must have shape (..., {self.dimension}); got shape {x.shape}. "
                "In one dimension write x[..., None]."
            )
        return x
