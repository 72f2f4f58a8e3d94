"""The data of a linear model, decomposed once: what all of its evidences are made of."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ..decomposition._decomposition import factor
from ..decomposition._design import Design, Features
from ..decomposition._spectrum import Spectrum
from ..decomposition._twofold import Twofold

Array = NDArray[np.float64]


class Decomposed:
    """Inputs and observations, and their singular value decomposition in units of the prior."""

    @classmethod
    def _from_factor(cls, X: Array, y: Array, factor: Array, like: Decomposed | None = None) -> Self:
        """Build the model from an upper triangular R with P = RᵀR; forming P would lose half of R's digits."""
        model = cls.__new__(cls)
        intercept, kappa = (None, 1.0) if like is None else (like.intercept, like._kappa)
        model._decompose(X, y, factor, intercept, kappa, None)
        return model

    def _subset(self, chosen: NDArray[np.int64]) -> Self:
        """Return the model of some of the observations."""
        model = type(self).__new__(type(self))
        design = self._design
        model._decompose(self.X[chosen], self.y[chosen], design.root, self.intercept, self._kappa, design.features)
        return model

    def _decompose(
        self, X: Array, y: Array, root: Array | None, intercept: str | None, kappa: float, features: Features | None
    ) -> None:
        X.setflags(write=False)
        y.setflags(write=False)
        self.X, self.y, self.intercept, self._kappa = X, y, intercept, kappa
        flat = intercept == "flat"
        self._design = Design(
            features=features,
            root=root,
            centre=X.mean(axis=0) if flat else None,
            intercept_root=kappa**0.5 if intercept == "gaussian" else None,
        )
        self._level = float(y.mean()) if flat else 0.0
        self._factors = factor(self._design, X, self._rows)
        self._left, self._singular, self._right = self._factors.left, self._factors.singular, self._factors.right
        self.rank = len(self._singular)
        coordinates, self._residual = self._project(y)
        self._spectrum = Spectrum(
            log_squares=2 * np.log(self._singular),
            coordinates=coordinates,
            residual=float(linalg.norm(self._residual)),
            size=y.size - flat,
            n=y.size,
        )

    def _project(self, y: Array) -> tuple[Array, Array]:
        """Return Uᵀy and the part of y that neither weights nor a flat intercept explain."""
        left, flat = self._factors.exact_left, self.intercept == "flat"
        if left is None:
            y = y - self._level
            y -= y.mean() if flat else 0.0
            # Projecting twice leaves a residual orthogonal to working precision even where it is tiny beside y;
            # |y|² - |c|² would lose it altogether.
            return self._left.T @ y, self._reject(self._reject(y))
        unit = np.frexp(np.abs(y).max())[1]
        exact = Twofold(np.ldexp(y, -unit))
        if flat:
            exact = exact - exact.sum() / float(y.size)
        coordinates = (left * exact[:, None]).sum(axis=0)
        rest = exact - (left * coordinates).sum(axis=1)
        residual = np.zeros(y.size) if self._is_saturated else np.ldexp(rest.hi, unit)
        return np.ldexp(coordinates.hi, unit), residual

    def _rows(self) -> Array:
        """Return what is decomposed; always a new array."""
        rows = self._design.whiten(self.X)
        if self.intercept == "flat":
            # Once more: inputs far from zero leave a mean that is rounding error, and would count as a direction.
            rows -= rows.mean(axis=0)
        return rows

    def _reject(self, columns: Array) -> Array:
        """Return the part of vectors, shape (n,) or (n, k), that neither weights nor a flat intercept explain."""
        if self._is_saturated:
            return np.zeros_like(columns)
        columns = columns - self._left @ (self._left.T @ columns)
        return columns - columns.mean(axis=0) if self.intercept == "flat" else columns

    @property
    def _is_saturated(self) -> bool:
        """Whether there are as many directions as observations, so that weights explain whatever y is."""
        return self.rank == self.y.size - (self.intercept == "flat")

    @property
    def _factor(self) -> Array | None:
        """R as a triangular matrix."""
        root = self._design.root
        return np.diag(root) if root is not None and root.ndim == 1 else root
