"""Arithmetic in twice the digits of a double: a number is the unevaluated sum of two."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

# 2²⁷ + 1 splits 53 bits into two halves whose products are exact.
_SPLITTER = 134217729.0


class Twofold:
    """An array of numbers hi + lo with |lo| at most half an ulp of hi: 32 digits, on every processor.

    Sums and products of two doubles are formed without error (Knuth; Dekker and Veltkamp); nothing rests on fused
    operations or on an extended type. Numbers must stay below 1e291, and above 1e-291 where their digits matter.

    References
    ----------
    T. Dekker (1971), A floating-point technique for extending the available precision, Numer. Math. 18, 224.
    """

    __slots__ = ("hi", "lo")
    # NumPy's arrays leave mixed operations to this class.
    __array_ufunc__ = None

    def __init__(self, hi: ArrayLike, lo: ArrayLike = 0.0) -> None:
        self.hi: Array = np.asarray(hi, dtype=np.float64)
        self.lo: Array = np.broadcast_to(np.asarray(lo, dtype=np.float64), self.hi.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self.hi.shape

    @property
    def T(self) -> Twofold:
        """The transpose."""
        return Twofold(self.hi.T, self.lo.T)

    def __getitem__(self, index: Any) -> Twofold:
        return Twofold(self.hi[index], self.lo[index])

    def __setitem__(self, index: Any, value: Twofold) -> None:
        if not self.lo.flags.writeable:
            self.lo = self.lo.copy()
        self.hi[index], self.lo[index] = value.hi, value.lo

    def __neg__(self) -> Twofold:
        return Twofold(-self.hi, -self.lo)

    def __add__(self, other: Twofold | Array | float) -> Twofold:
        other = _twofold(other)
        high, error = _two_sum(self.hi, other.hi)
        low, rest = _two_sum(self.lo, other.lo)
        high, error = _fast_two_sum(high, error + low)
        return Twofold(*_fast_two_sum(high, error + rest))

    def __sub__(self, other: Twofold | Array | float) -> Twofold:
        return self + -_twofold(other)

    def __mul__(self, other: Twofold | Array | float) -> Twofold:
        other = _twofold(other)
        high, error = _two_product(self.hi, other.hi)
        return Twofold(*_fast_two_sum(high, error + (self.hi * other.lo + self.lo * other.hi)))

    def __truediv__(self, other: Twofold | Array | float) -> Twofold:
        other = _twofold(other)
        first = self.hi / other.hi
        rest = self - other * first
        second = rest.hi / other.hi
        rest = rest - other * second
        return Twofold(*_fast_two_sum(first, second)) + rest.hi / other.hi

    def sqrt(self) -> Twofold:
        """Return the square root of positive numbers."""
        root = np.sqrt(self.hi)
        high, error = _two_product(root, root)
        # The difference is small beside either, so that its first digits suffice.
        return Twofold(*_fast_two_sum(root, ((self.hi - high) - error + self.lo) / (2 * root)))

    def sum(self, axis: int = 0) -> Twofold:
        """Return the sum along an axis, by halves."""
        rest = Twofold(np.moveaxis(self.hi, axis, 0), np.moveaxis(self.lo, axis, 0))
        if not len(rest.hi):
            return Twofold(np.zeros(rest.shape[1:]))
        while len(rest.hi) > 1:
            half = len(rest.hi) // 2
            paired = rest[:half] + rest[half : 2 * half]
            odd = rest[2 * half :]
            rest = Twofold(np.concatenate([paired.hi, odd.hi]), np.concatenate([paired.lo, odd.lo]))
        return rest[0]

    def scaled(self, exponents: NDArray[np.int64]) -> Twofold:
        """Return the numbers times powers of two, which is exact."""
        return Twofold(np.ldexp(self.hi, exponents), np.ldexp(self.lo, exponents))


def _twofold(value: Twofold | Array | float) -> Twofold:
    return value if isinstance(value, Twofold) else Twofold(value)


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """Return a + b rounded, and what the rounding took."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _fast_two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """Return the same for |a| ≥ |b|."""
    total = a + b
    return total, b - (total - a)


def _two_product(a: Array, b: Array) -> tuple[Array, Array]:
    """Return a·b rounded, and what the rounding took."""
    product = a * b
    a_high, a_low = _split(a)
    b_high, b_low = _split(b)
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def _split(a: Array) -> tuple[Array, Array]:
    large = _SPLITTER * a
    high = large - (large - a)
    return high, a - high
