"""Singular values of a matrix whose columns have any units, each with its own digits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._twofold import Twofold

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

# A part of a column below this share of it is rounding error of the arithmetic: the column is dependent without doubt.
EXACT = 1e-26
# Rows are orthogonal if their cosine is below this; an error of it squared would do, but the last sweep is nearly free.
_ORTHOGONAL = 1e-24
_MAX_SWEEPS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """U S Vᵀ of a matrix of n rows and p columns, and which of its columns the others nearly explain.

    Attributes: U, shape (n, r), in twofold precision; the singular values, descending; Vᵀ, shape (r, p), each component
    with its own digits; the dependent columns, and how small a share of each of them is left, shapes (p - r,).
    """

    left: Twofold
    singular: Array
    right: Array
    dependent: Indices
    left_over: Array


def normalized(columns: Twofold, exponents: Indices) -> tuple[Twofold, Indices]:
    """Return columns times powers of two that bring their largest entry into [½, 1), and the new exponents."""
    shift = np.frexp(np.abs(columns.hi).max(axis=0, initial=0.0))[1].astype(np.int64)
    return columns.scaled(-shift), exponents + shift


def decompose(columns: Twofold, exponents: Indices, *, tolerance: float | Array, rank: int) -> Graded:
    r"""Decompose B D, where the columns of B are of one size and D holds powers of two.

    Rank is decided for B, whose columns have lost their units: a column counts if, after the others before it, more
    than `tolerance` of it is left. The spectrum is that of B D. One-sided Jacobi rotations keep the digits of every
    singular value that the condition of B allows, whatever D is, as they only ever compare two rows whose sizes are
    known; here they have 32 digits to lose from. A QR decomposition with pivots comes first, so that rows are graded
    and hardly need rotating.

    References
    ----------
    J. Demmel and K. Veselić (1992), Jacobi's method is more accurate than QR, SIAM J. Matrix Anal. Appl. 13, 1204.
    """
    p = columns.shape[1]
    sizes = _norms(columns)
    basis, triangle, order, shares = _pivoted(columns, -np.log2(sizes), tolerance, rank)
    r = len(basis.hi)
    core, small, pivots, _ = _pivoted(triangle, exponents.astype(np.float64), EXACT, r)
    scale = exponents[pivots[: len(core.hi)]]
    rows = small.scaled(exponents[None, :] - scale[:, None])
    rows, turned = _jacobi(rows, scale)
    lengths = (rows * rows).sum(axis=1).sqrt()
    singular = np.ldexp(lengths.hi, scale)
    largest = np.argsort(-singular, kind="stable")
    right = (rows / lengths[:, None]).hi
    left = _product(basis.T, _product(core.T, turned.T))
    return Graded(
        left=left[:, largest],
        singular=singular[largest],
        right=right[largest],
        dependent=order[r:],
        left_over=shares if r < p else np.empty(0),
    )


def _norms(columns: Twofold) -> Array:
    return np.sqrt(np.sum(columns.hi**2, axis=0))


def _product(a: Twofold, b: Twofold) -> Twofold:
    """Return the matrix product, as a sum of outer products."""
    total = Twofold(np.zeros((a.shape[0], b.shape[1])))
    for k in range(a.shape[1]):
        total = total + a[:, k, None] * b[k]
    return total


def _pivoted(
    columns: Twofold, offsets: Array, tolerance: float | Array, rank: int
) -> tuple[Twofold, Twofold, Indices, Array]:
    """Return Qᵀ, R with columns = Q R, the order of the pivots, and the shares of the rejected columns that are left.

    The next pivot is the column of the largest log₂ of its rest plus offset, among those of which more than `tolerance`
    is left; R keeps the order of the columns. Gram and Schmidt's method, with each pivot made orthogonal twice.
    """
    rest = Twofold(columns.hi.copy(), columns.lo.copy())
    n, p = columns.shape
    basis, triangle = Twofold(np.zeros((rank, n))), Twofold(np.zeros((rank, p)))
    sizes, chosen, free = _norms(columns), [], np.ones(p, dtype=bool)
    shares = np.ones(p)
    for k in range(rank):
        left = _norms(rest)
        shares = np.divide(left, sizes, out=np.zeros(p), where=sizes > 0)
        usable = np.flatnonzero(free & (shares > tolerance))
        if not usable.size:
            break
        pivot = int(usable[np.argmax(np.log2(left[usable]) + offsets[usable])])
        vector = rest[:, pivot]
        if k:
            again = (basis[:k] * vector).sum(axis=1)
            vector = vector - (basis[:k] * again[:, None]).sum(axis=0)
            triangle[:k, pivot] = triangle[:k, pivot] + again
        length = (vector * vector).sum().sqrt()
        vector = vector / length
        basis[k], triangle[k, pivot] = vector, length
        free[pivot] = False
        chosen.append(pivot)
        others = np.flatnonzero(free)
        along = (rest[:, others] * vector[:, None]).sum(axis=0)
        triangle[k, others] = along
        rest[:, others] = rest[:, others] - vector[:, None] * along
    r = len(chosen)
    rejected = np.flatnonzero(free)
    left = np.divide(_norms(rest), sizes, out=np.zeros(p), where=sizes > 0)
    return basis[:r], triangle[:r], np.concatenate([np.array(chosen, dtype=np.int64), rejected]), left[rejected]


def _jacobi(rows: Twofold, scale: Indices) -> tuple[Twofold, Twofold]:
    """Rotate rows, each times a power of two of its own, until they are orthogonal; return them and the rotation."""
    r = len(rows.hi)
    turned = Twofold(np.eye(r))
    players = r + r % 2
    for _ in range(_MAX_SWEEPS):
        worst = 0.0
        seats = np.arange(players)
        for _ in range(players - 1):
            first, second = seats[: players // 2], seats[: players // 2 - 1 : -1]
            real = (first < r) & (second < r)
            worst = max(worst, _rotate(rows, turned, scale, first[real], second[real]))
            seats = np.concatenate([seats[:1], seats[-1:], seats[1:-1]])
        if worst <= _ORTHOGONAL:
            break
    return rows, turned


def _rotate(rows: Twofold, turned: Twofold, scale: Indices, first: Indices, second: Indices) -> float:
    """Make disjoint pairs of rows orthogonal; return their largest cosine, in units of the ratio of their sizes."""
    if not first.size:
        return 0.0
    squares = np.sum(rows.hi**2, axis=1)
    log_size = 0.5 * np.log2(squares) + scale
    swap = log_size[first] < log_size[second]
    i, k = np.where(swap, second, first), np.where(swap, first, second)
    above, below = rows[i], rows[k]
    product = (above * below).sum(axis=1).hi
    ratio = np.ldexp(1.0, np.maximum(scale[k] - scale[i], -1000))
    cosine = np.abs(product) / np.sqrt(squares[i] * squares[k]) / ratio
    # tan θ = ratio·slope; the larger row takes ratio·tan θ of the smaller, which takes slope of the larger.
    difference = squares[i] - ratio**2 * squares[k]
    slope = -2 * product / (difference + np.sqrt(difference**2 + (2 * ratio * product) ** 2))
    tangent = ratio * slope
    # The angle has 16 digits, which only costs a further sweep; the rotation itself is orthogonal to 32.
    square = Twofold(tangent) * tangent
    cosines = Twofold(np.ones_like(tangent)) / (square + 1.0).sqrt()
    rows[i] = (above - below * (ratio * tangent)[:, None]) * cosines[:, None]
    rows[k] = (above * slope[:, None] + below) * cosines[:, None]
    above, below = turned[i], turned[k]
    turned[i] = (above - below * tangent[:, None]) * cosines[:, None]
    turned[k] = (above * tangent[:, None] + below) * cosines[:, None]
    return float(cosine.max())
