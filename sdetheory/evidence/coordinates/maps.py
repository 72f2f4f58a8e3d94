"""Smooth invertible changes of the weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import _validate
from ...errors import InvalidInputError
from . import _differences

Array = NDArray[np.float64]
Function = Callable[[Array], Any]

_LARGEST = 2**14
"""Weights beyond which no matrix over pairs of them is made: it would take more than 2 GB."""


class Map(ABC):
    r"""A change of weights w = φ(v), smooth, with a smooth inverse.

    .. math:: P_v(v) = P_w(\varphi(v)) \, |\det J(v)|, \qquad J = \partial \varphi / \partial v

    Every method takes one point, shape (d,), or many, shape (..., d), unless it says otherwise.
    """

    @property
    def dimension(self) -> int | None:
        """Number d of weights; None if the map takes any number."""
        return None

    @abstractmethod
    def forward(self, v: Array) -> Array:
        """Return w = φ(v), shape (..., d)."""

    @abstractmethod
    def inverse(self, w: Array) -> Array:
        """Return v with φ(v) = w, shape (..., d)."""

    @abstractmethod
    def jacobian(self, v: Array) -> Array:
        """Return J with J[..., i, k] = ∂wᵢ/∂v_k, shape (..., d, d)."""

    @abstractmethod
    def log_determinant(self, v: Array) -> Any:
        """Return ln |det J|, shape (...); InvalidInputError where the map is not invertible."""

    @abstractmethod
    def pull_back(self, v: Array, gradient: Array, hessian: Array) -> tuple[Array, Array]:
        r"""Return gradient and Hessian of C(φ(v)) − ln |det J(v)| in v, from those of C in w, at one point (d,).

        .. math:: J^T g - \nabla \ln|\det J|, \qquad
                  J^T H J + \sum_k g_k \nabla\nabla \varphi_k - \nabla\nabla \ln|\det J|
        """

    def check(self, w: Array) -> Array:
        """Return v with φ(v) = w at one point (d,), after a test of the map there: shapes, inverse and Jacobian."""
        w = _validate.reals("w", w, shape=(None,))
        if self.dimension not in (None, w.size):
            raise InvalidInputError(
                f"the map must be one of {w.size} weights, as the model has; got {self.dimension}, the length of its w"
            )
        if not w.size:
            raise InvalidInputError("w must hold at least one weight; got none")
        with np.errstate(all="ignore"):
            v = np.asarray(self.inverse(w), dtype=np.float64)
        if v.shape != w.shape or not np.isfinite(v).all():
            raise InvalidInputError(
                f"the map must be invertible; its inverse at w = {w.tolist()} must be {w.size} finite numbers, and is "
                f"{v.tolist()}. Choose a map whose range holds the model's weights, or another start of the model."
            )
        pair = np.stack([v, v])
        for name, shape in (("forward", (2, v.size)), ("jacobian", (2, v.size, v.size)), ("log_determinant", (2,))):
            with _validate.naming("w"):
                got = np.shape(getattr(self, name)(pair))
            if got != shape:
                raise InvalidInputError(f"{name} of the map must take (2, {v.size}) to shape {shape}; got {got}")
        slopes = self.jacobian(v)
        # A step of order one in v moves w by that much.
        scale = float(np.abs(slopes).max())
        _same("forward(inverse(w)) of the map must be w", self.forward(v), w, scale)
        _same("jacobian of the map must be the derivative of forward", slopes, self._derivative(v), scale)
        return v

    def _derivative(self, v: Array) -> Array:
        """Return the derivative of `forward` by differences."""
        return _differences.jacobian(self.forward, v)


def _weights(name: str, value: Any) -> Array:
    """Return weights of shape (..., d); what overflowed may be infinite, but NaN says nothing."""
    if isinstance(value, np.ndarray) and value.dtype == np.float64 and not np.ma.isMaskedArray(value):
        weights = value
    else:
        weights = _validate.extended(name, value, None)
    if not weights.ndim or np.isnan(weights).any():
        raise InvalidInputError(f"{name} must be weights of shape (..., d), not NaN; got {_validate.shown(value)}")
    return weights


def _sized(name: str, value: Any, size: int) -> Array:
    weights = _weights(name, value)
    if weights.shape[-1] != size:
        raise InvalidInputError(f"{name} must have shape (..., {size}); got shape {weights.shape}")
    if not np.isfinite(weights).all():  # times the zeros of a matrix infinity says nothing
        raise InvalidInputError(f"{name} must be finite, as a linear map takes sums of weights; got infinity")
    return weights


def _applied(part: str, function: Function, name: str, points: Array) -> Array:
    """Return what a function that the map is made of gives of the points that the argument `name` holds."""
    with _validate.naming(name):
        return _validate.called(part, lambda x: np.asarray(function(x), dtype=np.float64), points)


def _point(v: Any, gradient: Any, hessian: Any) -> tuple[Array, Array, Array]:
    """Return one point with the derivatives of a cost there."""
    point, d = _validate.reals("v", v, shape=(None,)), np.size(v)
    gradient, hessian = _validate.reals("gradient", gradient), _validate.reals("hessian", hessian)
    for name, derivative, shape in (("gradient", gradient, (d,)), ("hessian", hessian, (d, d))):
        if derivative.shape != shape:
            raise InvalidInputError(f"{name} must have shape {shape}, as v has {d} weights; got {derivative.shape}")
    return point, gradient, hessian


def _same(what: str, got: Array, expected: Array, scale: float) -> None:
    if not np.allclose(got, expected, rtol=1e-6, atol=1e-8 * scale):
        raise InvalidInputError(f"{what}; got {got.tolist()} where {np.asarray(expected).tolist()} was expected")


@dataclass(frozen=True, slots=True, eq=False)
class LinearMap(Map):
    r"""An affine map w = Av + b, whose Jacobian determinant is constant.

    Parameters
    ----------
    matrix : ndarray, shape (d, d)
        A, invertible.
    offset : ndarray, shape (d,), optional
        b; zero if not given.

    Raises
    ------
    InvalidInputError
        If A is not square, finite and invertible to working precision (condition number below 1/ε = 4.5e15), or b does
        not have length d.

    Examples
    --------
    >>> shift = LinearMap([[2.0, 1.0], [0.0, 0.5]], [1.0, 0.0])
    >>> shift.forward(np.array([1.0, 2.0])), float(shift.log_determinant(np.zeros(2)))
    (array([5., 1.]), 0.0)
    """

    matrix: Any
    offset: Any = None

    def __post_init__(self) -> None:
        matrix = _validate.reals("matrix", self.matrix, shape=(None, None))
        size = len(matrix)
        matrix = _validate.reals("matrix", matrix, shape=(size, size))
        condition = float(np.linalg.cond(matrix)) if size else 1.0
        if not condition < 1 / np.finfo(np.float64).eps:
            raise InvalidInputError(
                f"matrix must be invertible; its condition number is {condition:.3g}, so that some weights w are out "
                "of reach. Remove the linear dependence between its columns, or rescale them."
            )
        offset = np.zeros(size) if self.offset is None else _validate.reals("offset", self.offset, shape=(size,))
        object.__setattr__(self, "matrix", matrix)
        object.__setattr__(self, "offset", offset)

    @property
    def dimension(self) -> int:
        """Number d of weights."""
        return len(self.matrix)

    def forward(self, v: Array) -> Array:
        """Return Av + b."""
        return _sized("v", v, self.dimension) @ self.matrix.T + self.offset

    def inverse(self, w: Array) -> Array:
        """Return A⁻¹(w − b)."""
        return np.linalg.solve(self.matrix, (_sized("w", w, self.dimension) - self.offset)[..., None])[..., 0]

    def jacobian(self, v: Array) -> Array:
        """Return A at each point."""
        v = _sized("v", v, self.dimension)
        return np.broadcast_to(self.matrix, (*v.shape, v.shape[-1])).copy()

    def log_determinant(self, v: Array) -> Any:
        """Return ln |det A| at each point."""
        v = _sized("v", v, self.dimension)
        return np.full(v.shape[:-1], np.linalg.slogdet(self.matrix)[1])[()]

    def pull_back(self, v: Array, gradient: Array, hessian: Array) -> tuple[Array, Array]:
        """Return Aᵀg and AᵀHA."""
        v, gradient, hessian = _point(_sized("v", v, self.dimension), gradient, hessian)
        return self.matrix.T @ gradient, self.matrix.T @ hessian @ self.matrix

    def _derivative(self, v: Array) -> Array:
        # Exact; differences of a matrix of high condition number would only add noise.
        return self.matrix


def two_layer_rescaling(n_first: int, n_second: int, alpha: float) -> LinearMap:
    r"""Return the rescaling (w₁, w₂) = (α v₁, v₂/α) of the two layers of a network.

    ReLU(αx) = α ReLU(x) for α > 0, so a network w₂·ReLU(w₁x) computes the same function at v as at w, while the Hessian
    of its loss changes: along v₁ it grows as α².

    Parameters
    ----------
    n_first, n_second : int
        Number of weights of each layer, without biases of the second; they come in this order.
    alpha : float
        α > 0. ln |det J| = (n_first − n_second) ln α.

    Returns
    -------
    LinearMap
        Of n_first + n_second weights.

    Raises
    ------
    InvalidInputError
        If a number of weights is below one, or α is not positive.

    References
    ----------
    L. Dinh, R. Pascanu, S. Bengio and Y. Bengio (2017), Sharp minima can generalize for deep nets, arXiv:1703.04933,
    definition 5 and theorem 4.

    Examples
    --------
    >>> two_layer_rescaling(1, 1, 4.0).forward(np.array([1.0, 1.0]))
    array([4.  , 0.25])
    """
    n_first = _validate.integer("n_first", n_first, at_least=1)
    n_second = _validate.integer("n_second", n_second, at_least=1)
    alpha = _validate.real("alpha", alpha, above=0.0)
    if n_first + n_second > _LARGEST:
        raise InvalidInputError(
            f"n_first and n_second must be at most {_LARGEST} weights together, whose matrix is "
            f"{8 * _LARGEST**2 / 2**30:g} GiB; got {_validate.shown(n_first + n_second)}"
        )
    with _validate.naming("alpha"):
        return LinearMap(np.diag(np.repeat([alpha, 1 / alpha], [n_first, n_second])))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ElementwiseMap(Map):
    r"""The same increasing function of each weight, wᵢ = f(vᵢ).

    .. math:: \ln |\det J| = \sum_i \ln f'(v_i)

    Parameters
    ----------
    function, inverse_function : callable
        f and its inverse, applied to arrays entry by entry. f must reach every weight that the prior allows.
    derivative, second_derivative, third_derivative : callable
        f' > 0, f'' and f'''.

    Examples
    --------
    >>> SINH.forward(np.array([0.0, 1.0])).round(4), float(SINH.log_determinant(np.array([0.0, 1.0])).round(4))
    (array([0.    , 1.1752]), 0.4338)
    """

    function: Function
    inverse_function: Function
    derivative: Function
    second_derivative: Function
    third_derivative: Function

    def __post_init__(self) -> None:
        for each in fields(self):
            _validate.function(each.name, getattr(self, each.name), "of arrays, entry by entry")

    def forward(self, v: Array) -> Array:
        """Return f(vᵢ)."""
        return _applied("function", self.function, "v", _weights("v", v))

    def inverse(self, w: Array) -> Array:
        """Return vᵢ with f(vᵢ) = wᵢ."""
        return _applied("inverse_function", self.inverse_function, "w", _weights("w", w))

    def jacobian(self, v: Array) -> Array:
        """Return the diagonal matrix of f'(vᵢ)."""
        slope = self._slope(_weights("v", v))
        return slope[..., None] * np.eye(slope.shape[-1])

    def log_determinant(self, v: Array) -> Any:
        """Return Σ ln f'(vᵢ)."""
        return np.log(self._slope(_weights("v", v))).sum(axis=-1)

    def pull_back(self, v: Array, gradient: Array, hessian: Array) -> tuple[Array, Array]:
        """Return gradient and Hessian; only the diagonal gains terms."""
        v, gradient, hessian = _point(v, gradient, hessian)
        slope = self._slope(v)
        second, third = (
            _applied(name, getattr(self, name), "v", v) for name in ("second_derivative", "third_derivative")
        )
        bend = second / slope
        diagonal = second * gradient - third / slope + bend**2
        return slope * gradient - bend, slope[:, None] * hessian * slope + np.diag(diagonal)

    def _slope(self, v: Array) -> Array:
        """Return f', which must be positive."""
        slope = _applied("derivative", self.derivative, "v", v)
        wrong = ~(slope > 0)
        if wrong.any():
            raise InvalidInputError(
                f"the function of an elementwise map must increase strictly, so that it can be inverted; its "
                f"derivative is {slope[wrong][0]:.3g} at v = {v[wrong][0]:.6g}. Take a monotone function (of a "
                "decreasing one its negative)."
            )
        return slope


SINH = ElementwiseMap(
    function=np.sinh,
    inverse_function=np.arcsinh,
    derivative=np.cosh,
    second_derivative=np.sinh,
    third_derivative=np.cosh,
)
EXP = ElementwiseMap(
    function=np.exp, inverse_function=np.log, derivative=np.exp, second_derivative=np.exp, third_derivative=np.exp
)
# w = v + v³ with v = (2/√3) sinh t is (2/√27) sinh 3t.
CUBIC = ElementwiseMap(
    function=lambda v: v + v**3,
    inverse_function=lambda w: 2 / np.sqrt(3) * np.sinh(np.arcsinh(np.sqrt(27) / 2 * w) / 3),
    derivative=lambda v: 1 + 3 * v**2,
    second_derivative=lambda v: 6 * v,
    third_derivative=lambda v: np.full_like(v, 6.0),
)


@dataclass(frozen=True, slots=True, eq=False)
class SmoothMap(Map):
    r"""Any smooth map that keeps orientation, det J > 0, given by itself, its inverse and its Jacobian.

    Parameters
    ----------
    function, inverse_function : callable
        φ and its inverse, from (..., d) to (..., d).
    jacobian_function : callable
        J, from (..., d) to (..., d, d).

    Notes
    -----
    Second derivatives are taken by adaptive differences of J and of ln det J. At each point at which the determinant
    is asked for it must be positive, and the inverse must lead back: a map that folds is refused at the first point of
    the fold's other side. A map with det J < 0 becomes one of these by exchanging two of the new weights.

    Examples
    --------
    A shear, (w₁, w₂) = (v₁, v₂ + v₁²), with det J = 1:

    >>> def bend(v, sign):
    ...     return np.stack([v[..., 0], v[..., 1] + sign * v[..., 0] ** 2], axis=-1)
    >>> def slopes(v):
    ...     rows = np.tile(np.eye(2), (*v.shape[:-1], 1, 1))
    ...     rows[..., 1, 0] = 2 * v[..., 0]
    ...     return rows
    >>> shear = SmoothMap(lambda v: bend(v, 1), lambda w: bend(w, -1), slopes)
    >>> shear.forward(np.array([3.0, 1.0])), float(shear.log_determinant(np.array([3.0, 1.0])))
    (array([ 3., 10.]), 0.0)
    """

    function: Function
    inverse_function: Function
    jacobian_function: Function = field(repr=False)

    def __post_init__(self) -> None:
        for each in fields(self):
            _validate.function(each.name, getattr(self, each.name), "of points (..., d)")

    def forward(self, v: Array) -> Array:
        """Return φ(v)."""
        return _applied("function", self.function, "v", _weights("v", v))

    def inverse(self, w: Array) -> Array:
        """Return φ⁻¹(w)."""
        return _applied("inverse_function", self.inverse_function, "w", _weights("w", w))

    def jacobian(self, v: Array) -> Array:
        """Return J."""
        return _applied("jacobian_function", self.jacobian_function, "v", _weights("v", v))

    def log_determinant(self, v: Array) -> Any:
        """Return ln det J, after a look whether the map folds."""
        v = _weights("v", v)
        slopes, w = self.jacobian(v), self.forward(v)
        if slopes.shape != (*v.shape, v.shape[-1]) or w.shape != v.shape:
            raise InvalidInputError(
                f"v of shape {v.shape} must give points of that shape and matrices (..., {v.shape[-1]}, "
                f"{v.shape[-1]}); function gives shape {w.shape}, jacobian_function {slopes.shape}"
            )
        sign, log_determinant = np.linalg.slogdet(slopes)
        reached = np.isfinite(w).all(axis=-1) & np.isfinite(log_determinant)
        wrong = np.atleast_1d(sign <= 0)
        if wrong.any():
            raise InvalidInputError(
                "the map must be invertible with a positive Jacobian determinant; it is zero or negative at v = "
                f"{np.atleast_2d(v)[wrong][0].tolist()}. If it is negative everywhere, exchange two of the new weights."
            )
        with np.errstate(all="ignore"):
            inverted = _applied("inverse_function", self.inverse_function, "v", w)
            back = np.where(reached[..., None], inverted, v)
        wrong = np.atleast_1d(~(np.abs(back - v) <= 1e-6 * (1 + np.abs(v))).all(axis=-1))
        if wrong.any():
            raise InvalidInputError(
                f"the map must be invertible; its inverse leads from φ(v) to {np.atleast_2d(back)[wrong][0].tolist()} "
                f"for v = {np.atleast_2d(v)[wrong][0].tolist()}. Restrict the map, or mend its inverse."
            )
        return log_determinant

    def pull_back(self, v: Array, gradient: Array, hessian: Array) -> tuple[Array, Array]:
        """Return gradient and Hessian, with the map's second derivatives by differences."""
        v, gradient, hessian = _point(v, gradient, hessian)
        slopes = self.jacobian(v)
        curvature = np.einsum("k,kij->ij", gradient, _differences.jacobian(self.jacobian, v))
        volume_gradient = _differences.jacobian(self.log_determinant, v)
        volume_hessian = _differences.hessian(self.log_determinant, v)
        pulled = slopes.T @ hessian @ slopes + 0.5 * (curvature + curvature.T) - volume_hessian
        return slopes.T @ gradient - volume_gradient, pulled
