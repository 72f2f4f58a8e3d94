"""What a smooth invertible change of the weights is, and how its arguments are read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import _validate
from ...errors import InvalidInputError
from . import _differences

Array = NDArray[np.float64]
Function = Callable[[Array], Any]


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


def weights_of(name: str, value: Any) -> Array:
    """Return weights of shape (..., d); what overflowed may be infinite, but NaN says nothing."""
    if isinstance(value, np.ndarray) and value.dtype == np.float64 and not np.ma.isMaskedArray(value):
        weights = value
    else:
        weights = _validate.extended(name, value, None)
    if not weights.ndim or np.isnan(weights).any():
        raise InvalidInputError(f"{name} must be weights of shape (..., d), not NaN; got {_validate.shown(value)}")
    return weights


def sized(name: str, value: Any, size: int) -> Array:
    """Return finite weights of shape (..., size)."""
    weights = weights_of(name, value)
    if weights.shape[-1] != size:
        raise InvalidInputError(f"{name} must have shape (..., {size}); got shape {weights.shape}")
    if not np.isfinite(weights).all():  # times the zeros of a matrix infinity says nothing
        raise InvalidInputError(f"{name} must be finite, as a linear map takes sums of weights; got infinity")
    return weights


def applied(part: str, function: Function, name: str, points: Array) -> Array:
    """Return what a function that the map is made of gives of the points that the argument `name` holds."""
    with _validate.naming(name):
        return _validate.called(part, lambda x: np.asarray(function(x), dtype=np.float64), points)


def one_point(v: Any, gradient: Any, hessian: Any) -> tuple[Array, Array, Array]:
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
