"""What the evidence of a linear model depends on: a spectrum, the data along it, and what is left of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, special

from ... import _validate
from ...errors import IncompatibleError
from ..occam import OccamDecomposition
from ._heard import heard

Array = NDArray[np.float64]

# Values of the curve times singular values held at once: bounds the memory of a fine grid (8 MB per temporary).
_BLOCK = 2**20
# Square root of the largest double.
_ROOT = 1.3e154
# Rows that are rotated at once, and entries that are held in extended precision at once.
_ROWS, _EXTENDED = 1024, 2**17
# Products n·p·min(n, p) beyond which a decomposition takes so long that Ctrl-C must be heard meanwhile.
_LONG = 2 * 10**9
# Directions weaker than this share of the strongest have lost digits that matter: rounding errors there are 1e-16/1e-5.
WEAK = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """A linear model in the coordinates in which prior and likelihood are both diagonal.

    Attributes: ln s², shape (r,), descending; c = Uᵀy, shape (r,); |y - Uc|; the dimension of y (one less than the
    number of observations if a flat intercept was integrated out); and the number of observations n. Squares of c and
    of the residual are formed beside σ² only, as y may be in units in which they overflow.
    """

    log_squares: Array
    coordinates: Array
    residual: float
    size: int
    n: int

    @property
    def norm(self) -> float:
        """|y|."""
        return float(linalg.norm(np.append(self.coordinates, self.residual)))

    @property
    def residual_square(self) -> float:
        """|y - Uc|²."""
        return self.residual**2

    def log_evidence(self, precision: Array, variance: Array) -> Any:
        """Return the log evidence, the intercept's constants included."""
        spectral = self._sum(lambda x, e: np.logaddexp(0.0, x) + e * special.expit(-x), precision, variance)
        constant = self.size * (math.log(2 * math.pi) + np.log(variance)) + (self.n > self.size) * math.log(self.n)
        return -0.5 * (constant + self._misfit(variance) + spectral)

    def log_evidence_ratio(self, precision: Array, variance: Array) -> Any:
        """Return E; what both models share is cancelled on paper."""
        return 0.5 * self._sum(lambda x, e: np.logaddexp(0.0, x) - e * special.expit(x), precision, variance)

    def effective_parameters(self, precision: Array, variance: Array) -> Any:
        """Return γ = Σ s²/(s² + λσ²)."""
        return self._sum(lambda x, _: special.expit(x), precision, variance)

    def occam(self, precision: Array, variance: Array) -> OccamDecomposition:
        """Return the parts of the log evidence."""
        misfit = self._sum(lambda x, e: e * special.expit(-x) ** 2, precision, variance)
        constant = self.n * (math.log(2 * math.pi) + np.log(variance))
        intercept = np.zeros(precision.shape)
        if self.n > self.size:
            intercept += 0.5 * (math.log(2 * math.pi) + np.log(variance) - math.log(self.n))
        return OccamDecomposition(
            log_likelihood_at_mode=-0.5 * (constant + self._misfit(variance) + misfit),
            weight_penalty=0.5 * self._sum(lambda x, e: e * special.expit(x) * special.expit(-x), precision, variance),
            half_log_curvature_ratio=0.5 * self._sum(lambda x, _: np.logaddexp(0.0, x), precision, variance),
            log_intercept_width=intercept[()],
        )

    def log_ratio(self, precision: Any, variance: Any) -> Array:
        """Return x = ln(s²/λσ²), whose logistic function is the share of each direction that the data determine.

        Logarithms, because s²/λσ² itself overflows in the limits that people like to take.
        """
        return self.log_squares - np.expand_dims(np.log(precision) + np.log(variance), -1)

    def _misfit(self, variance: Array) -> Any:
        """Return |r|²/σ²."""
        with np.errstate(over="ignore"):
            return (self.residual / np.sqrt(variance)) ** 2

    def _sum(self, term: Callable[[Array, Array], Array], precision: Array, variance: Array) -> Any:
        """Return Σᵢ term(xᵢ, cᵢ²/σ²) for each λ and σ², in blocks."""
        total = np.empty(precision.shape)
        flat_precision, flat_variance, flat_total = precision.ravel(), variance.ravel(), total.reshape(-1)
        step = max(1, _BLOCK // max(1, self.log_squares.size))
        largest = np.abs(self.coordinates).max(initial=0.0)
        smallest = math.sqrt(variance.min(initial=math.inf))
        for start in range(0, total.size, step):
            block = slice(start, start + step)
            scaled = self.coordinates / np.sqrt(flat_variance[block, None])
            if largest > _ROOT * smallest:
                # Beyond the range of doubles the sum is infinite; inf times a vanishing share would be no number.
                scaled = np.clip(scaled, -_ROOT, _ROOT)
            with np.errstate(over="ignore"):
                terms = term(self.log_ratio(flat_precision[block], flat_variance[block]), scaled**2)
                flat_total[block] = terms.sum(axis=-1)
        return total[()]


def pair(prior_precision: ArrayLike, noise_variance: ArrayLike, n: int) -> tuple[Array, Array]:
    """Return λ > 0 and σ² > 0 as arrays of one shape, for a model of n observations."""
    precision = _validate.reals("prior_precision", prior_precision, above=0.0)
    variance = _validate.reals("noise_variance", noise_variance, above=0.0)
    if variance.shape == (n,) and n > 1 and precision.ndim == 0:
        raise IncompatibleError(
            f"noise_variance must be one number, common to all observations; got {n}, as many as observations. "
            "Where each has its own, divide its row of X and its y by their root, take noise_variance = 1 and subtract "
            "half the sum of their logarithms. A grid of as many values is noise_variance[None, :]."
        )
    try:
        precision, variance = np.broadcast_arrays(precision, variance)
    except ValueError:
        raise IncompatibleError(
            f"prior_precision and noise_variance must broadcast; got shapes {precision.shape} and {variance.shape}. "
            "For a grid, pass prior_precision[:, None] and noise_variance[None, :]."
        ) from None
    return precision, variance


def thin_svd(matrix: Array, *, rank: int) -> tuple[Array, Array, Array]:
    """Return U, s, Vᵀ of a C-contiguous matrix, which may be overwritten, for at most `rank` directions.

    Those below rounding error are left out. A QR decomposition of the longer side comes first and is rotated in place,
    so that one matrix of the size of the data is held beside the input, and none is (p, p) when n < p.
    """
    if 0 in matrix.shape:
        return np.empty((matrix.shape[0], 0)), np.empty(0), np.empty((0, matrix.shape[1]))
    wide = matrix.shape[0] < matrix.shape[1]
    high = matrix.T if wide else matrix
    if high.size * high.shape[1] > _LONG:
        long, triangle = heard(np.linalg.qr, high)
        left, singular, right = heard(np.linalg.svd, triangle, False)
    else:
        factors = linalg.qr(high, overwrite_a=True, mode="economic", check_finite=False)
        long, triangle = cast(tuple[Array, Array], factors)
        left, singular, right = linalg.svd(triangle, full_matrices=False, overwrite_a=True, check_finite=False)
    for start in range(0, len(long), _ROWS):
        long[start : start + _ROWS] = long[start : start + _ROWS] @ left
    rank = min(rank, int(np.sum(singular > max(matrix.shape) * np.finfo(np.float64).eps * singular[0])))
    short = right[:rank].T
    return (short, singular[:rank], long[:, :rank].T) if wide else (long[:, :rank], singular[:rank], short.T)


def refine(
    make_rows: Callable[[], Array], left: Array, singular: Array, right: Array, *, centred: bool
) -> tuple[Array, Array, Array]:
    """Return U, s, Vᵀ with the weak directions formed again from the matrix itself, in extended precision.

    An error of 1e-16 of the matrix is one of 1e-8 of a singular value 1e-8 times the largest. But the right vectors err
    by so much only among each other and towards what the data do not see, where it counts twice. So X V, less its part
    along the strong directions, has all its digits if the product has, and its decomposition too. `numpy.longdouble`
    has them on x86; where it is double precision nothing is gained, and nothing lost.
    """
    strong = int(np.sum(singular >= WEAK * singular[:1]))
    if strong == singular.size:
        return left, singular, right
    weak = right[strong:].T.astype(np.longdouble)
    step = max(1, _EXTENDED // len(weak))
    rows = make_rows()
    blocks = [rows[start : start + step].astype(np.longdouble) @ weak for start in range(0, len(rows), step)]
    image = np.concatenate(blocks)
    known = left[:, :strong]
    image -= known.astype(np.longdouble) @ (known.T.astype(np.longdouble) @ image)
    if centred:
        image -= image.mean(axis=0)
    new_left, new_singular, rotation = linalg.svd(image.astype(np.float64), full_matrices=False)
    new_left -= known @ (known.T @ new_left)
    return (
        np.hstack([known, new_left]),
        np.concatenate([singular[:strong], new_singular]),
        np.vstack([right[:strong], rotation @ right[strong:]]),
    )
