"""The Gibbs law, where Langevin dynamics comes to rest."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ... import _validate
from ...errors import InvalidInputError
from . import _quadrature
from ._box import Landscape, checked, cost, search
from .marginal import MarginalLaw

Array = NDArray[np.float64]

# Parts of each axis before refinement: fine enough that the first nodes see what the search saw.
_BOXES = {1: 512, 2: 24, 3: 12}
_TOLERANCE = {1: 1e-13, 2: 1e-11, 3: 1e-7}
_PROFILE_BOXES = {1: 64, 2: 12}  # the same, of the axes across which a marginal integrates
_PROFILE_CELLS = {2: 256, 3: 64}
_AT_ONCE = 16  # values of a coordinate whose integrals share their boxes


def gibbs(landscape: Landscape, temperature: float, *, bounds: ArrayLike | None = None) -> GibbsLaw:
    r"""Return the stationary law of Langevin dynamics in one to three dimensions.

    .. math:: dw = -\nabla C \, dt + \sqrt{2T} \, dW, \qquad p(w) = e^{-C(w)/T} / Z

    Parameters
    ----------
    landscape : object
        Has ``dimension``, 1 to 3, and ``value(x)``, the cost C at points of shape (..., d), as an array of shape (...);
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
        If the dimension is not 1 to 3, the temperature not positive, the bounds not in order, or the cost is NaN or
        -inf; and if e^{-C/T} does not decay (a flat direction, or a cost without lower bound), so that there is no
        stationary law.

    Notes
    -----
    Assumes isotropic noise that does not depend on w. Integrals are adaptive Gauss–Legendre (order 16 in one dimension,
    10 × 10 in two, 6 × 6 × 6 in three) on boxes that are halved until two generations agree; relative accuracy is 1e-10
    in one dimension, 1e-8 in two and 1e-6 in three for smooth costs, and :attr:`GibbsLaw.relative_error` is the
    estimate for the case at hand. Kinks along lines (a minimum of two costs, say) leave 1e-7 or so in two dimensions,
    and the estimate misses that. In three dimensions quadratic wells with oblique axes whose curvatures differ by more
    than a factor of 1000 or so are refused by the search or the integral, unless tight bounds are given. The search
    takes 2001 points (129² in two dimensions, 41³ in three) in each of a sequence of boxes; a basin much narrower than
    1/5000 (1/300, 1/100) of the box that contains all basins may be missed, and then `bounds` should say where to look.

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
    dimension = checked(landscape)
    temperature = _validate.real("temperature", temperature, above=0.0)
    if dimension not in _BOXES:
        raise InvalidInputError(
            f"landscape must have dimension 1, 2 or 3, where quadrature serves; got {dimension}. "
            "In more dimensions sample the law instead."
        )
    given = None if bounds is None else _validate.box("bounds", bounds, dimension).T
    box = search(landscape, temperature, dimension) if given is None else given
    return GibbsLaw(landscape, temperature, box, confined=bounds is not None)


class GibbsLaw:
    """The law with density e^{-C/T}/Z; made by :func:`gibbs`.

    Attributes
    ----------
    landscape, temperature
        As given.
    dimension : int
        1 to 3.
    bounds : ndarray, shape (d, 2)
        The box of the integrals.
    confined : bool
        Whether the box was given and ends the law, rather than found to hold it.
    log_partition : float
        ln Z = ln ∫ e^{-C/T} dw.
    relative_error : float
        Estimated relative error of Z; an upper estimate for a smooth cost.
    """

    _shown = ("landscape", "temperature", "dimension", "log_partition", "relative_error")

    def __init__(self, landscape: Landscape, temperature: float, box: Array, *, confined: bool) -> None:
        self.landscape, self.temperature, self.dimension = landscape, temperature, box.shape[1]
        self.bounds = box.T.copy()
        self.confined = confined
        parts = _quadrature.grid(box, _BOXES[self.dimension])
        self._lowest = float(cost(landscape, _quadrature.nodes(parts)).min())
        if not np.isfinite(self._lowest):
            raise InvalidInputError(
                "landscape must have a finite cost within the bounds; got +inf throughout. Widen them."
            )
        with np.errstate(over="ignore", invalid="ignore"):
            value, error, _, self._boxes = _quadrature.integrate(
                lambda x: self._weight(x)[:, None], parts, _TOLERANCE[self.dimension]
            )
        if not 0 < value[0] < np.inf:
            raise InvalidInputError(
                f"temperature must be so high that e^(-C/T) shows on a grid of {_BOXES[self.dimension]} parts of the "
                f"bounds; at {temperature:g} its integral is {value[0]:.3g}. Pass bounds of its own width."
            )
        self._mass = float(value[0])
        self.relative_error = float(error[0] / value[0])
        self.log_partition = float(np.log(value[0]) - self._lowest / temperature)

    def pdf(self, x: ArrayLike) -> Any:
        """Return the density at points of shape (..., d), as an array of shape (...)."""
        x = self._points("x", x)
        density = self._weight(x) / self._mass
        if self.confined:
            density = np.where(np.all((x >= self.bounds[:, 0]) & (x <= self.bounds[:, 1]), axis=-1), density, 0.0)
        return density[()]

    def cdf(self, x: ArrayLike) -> Any:
        """Return the probability of values up to x in one dimension, at points (..., 1), as an array (...)."""
        if self.dimension != 1:
            raise InvalidInputError(f"cdf needs a law in one dimension; got {self.dimension}. Use marginal(axis).cdf.")
        points = self._points("x", x)
        shares = self._cumulative.share(points.ravel()) if points.size else np.empty(0)
        return shares.reshape(points.shape[:-1])[()]

    @cached_property
    def _cumulative(self) -> _quadrature.Cumulative:
        return _quadrature.Cumulative(self._weight, self._boxes)

    def free_energy(self, axis: int, x: ArrayLike) -> Array:
        r"""Return the free energy F(x) = -T ln p(w_axis = x) of a coordinate, the others being integrated out.

        Parameters
        ----------
        axis : int
            The coordinate.
        x : ndarray
            Its values, within the bounds.

        Returns
        -------
        ndarray
            Of the shape of x; ∫ e^{-F/T} dx = 1. In one dimension C + T ln Z.

        Raises
        ------
        InvalidInputError
            No such axis, or values outside the bounds.
        """
        axis = _validate.integer("axis", axis, at_least=0, at_most=self.dimension - 1)
        low, high = self.bounds[axis]
        points = _validate.reals("x", x, at_least=low, at_most=high)
        if self.dimension == 1:
            return cost(self.landscape, points[..., None]) + self.temperature * self.log_partition
        # Each value is an integral of its own, about its own lowest cost: deep in the tails there is no underflow.
        across = np.delete(self.bounds, axis, axis=0).T
        parts = _quadrature.grid(across, _PROFILE_BOXES[self.dimension - 1])
        nodes = _quadrature.nodes(parts).reshape(-1, self.dimension - 1)
        logs = np.empty(points.size)
        flat = points.ravel()
        for start in range(0, points.size, _AT_ONCE):
            values = flat[start : start + _AT_ONCE]
            lowest = np.array([cost(self.landscape, np.insert(nodes, axis, v, axis=1)).min() for v in values])
            floor = np.where(np.isfinite(lowest), lowest, 0.0)

            def weights(y: Array, values: Array = values, floor: Array = floor) -> Array:
                columns = [cost(self.landscape, np.insert(y, axis, v, axis=1)) for v in values]
                return np.exp(np.minimum((floor - np.stack(columns, axis=1)) / self.temperature, 700.0))

            integrals = _quadrature.integrate(weights, parts, _TOLERANCE[self.dimension - 1])[0]
            with np.errstate(divide="ignore"):
                logs[start : start + _AT_ONCE] = np.log(integrals) - floor / self.temperature
        return self.temperature * (self.log_partition - logs.reshape(points.shape))

    def marginal(self, axis: int) -> MarginalLaw:
        """Return the law of one coordinate of two or three, with density and distribution function.

        Its density is a spline. In a double well it is right to 1e-7 of its maximum in two dimensions, and in three to
        1e-5 at T = ΔC, 3e-4 at T = ΔC/10; where that or the tails matter use :meth:`free_energy`.
        """
        if self.dimension == 1:
            raise InvalidInputError("marginal needs two or three dimensions; in one the law itself has pdf and cdf")
        axis = _validate.integer("axis", axis, at_least=0, at_most=self.dimension - 1)
        low, high = self.bounds[axis]
        edges = np.linspace(low, high, _PROFILE_CELLS[self.dimension] + 1)
        nodes, weights = np.polynomial.legendre.leggauss(3)
        half = np.diff(edges)[:, None] / 2
        density = np.exp(-self.free_energy(axis, edges[:-1, None] + half * (nodes + 1)) / self.temperature)
        return MarginalLaw(edges, np.sum(half * weights * density, axis=1))

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
        _validate.function("f", f, "of points (m, d)")

        def integrand(x: Array) -> Array:
            nonlocal shape
            values = _validate.reals("the values of f", _validate.called("f", f, x))
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
        low, high = (
            _validate.extended(name, [end] if self.dimension == 1 and np.isscalar(end) else end, (self.dimension,))
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
