"""The evidence of a network that is too large for a matrix: by stochastic Lanczos quadrature, with its error."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from ... import _validate
from ...errors import AccuracyWarning
from ...results import Estimate
from ._curvature import Curvature
from ._expansion import first_order, warn_of_impossible

Array = NDArray[np.float64]

_LEFT, _ROUNDING = 1e-6, 1e-12
"""How far left of 0 the fixed node lies, in units of λ, and at least, in units of the largest curvature."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LanczosEvidence:
    """What :func:`lanczos_evidence` returns; arrays have the shape (...) of `prior_precision`.

    Parameters
    ----------
    prior_precision : float or ndarray, shape (...)
        λ.
    log_evidence : Estimate
        −C(w) + ½ gᵀA⁻¹g − ½ ln det(A/λ), with the standard error of the probes. All λ share their probes.
    truncation : float or ndarray, shape (...)
        Bound of the error that the number of steps leaves, on either side of what infinitely many steps of the same
        probes give; it comes on top of the standard error.
    log_likelihood : float
        ln P(y|w).
    weight_penalty : float or ndarray, shape (...)
        λ|w|²/2.
    half_log_curvature_ratio : Estimate
        ½ ln det(A/λ).
    gradient_term : float or ndarray, shape (...)
        ½ gᵀA⁻¹g.
    """

    prior_precision: Any
    log_evidence: Estimate
    truncation: Any
    log_likelihood: float
    weight_penalty: Any
    half_log_curvature_ratio: Estimate
    gradient_term: Any


def lanczos_evidence(
    model: Any,
    prior_precision: ArrayLike,
    *,
    about: ArrayLike,
    n_probes: int = 30,
    n_steps: int = 100,
    rng: Any = None,
) -> LanczosEvidence:
    r"""Estimate the local evidence of a network by stochastic Lanczos quadrature.

    .. math:: \ln\det(I + J^T \Lambda J / \lambda) = E\left[ z^T \ln(I + J^T \Lambda J / \lambda)\, z \right],
              \qquad z_i = \pm 1

    Parameters
    ----------
    model : ReLUNetwork or another
        A model with the derivatives of its outputs: see :func:`laplace`.
    prior_precision : float or ndarray, shape (...)
        λ > 0 of the prior N(0, I/λ); the probes serve all.
    about : ndarray, shape (p,)
        Weights w about which the cost is taken to second order.
    n_probes : int
        Number of vectors z, at least 2.
    n_steps : int
        Number of Lanczos steps of each, at least 2.
    rng : None, int, SeedSequence or Generator
        Source of the vectors (SPEC 7).

    Returns
    -------
    LanczosEvidence
        The log evidence with its standard error, and a bound of what truncation adds to it.

    Raises
    ------
    InvalidInputError
        If the model has no such derivatives, or a number is out of range.

    Warns
    -----
    AccuracyWarning
        If the bound of the truncation is above the standard error, or labels are found to be more than certain.

    Notes
    -----
    Gauss's rule from the Lanczos matrix is too large for ln(1 + s/λ), all even derivatives of which are negative, and
    Gauss and Radau's with a node left of the spectrum too small; what is returned is the middle, and half the distance
    the bound. For gᵀA⁻¹g it is the other way round. Vectors are orthogonalized against all before, so that the bounds
    hold up to rounding; p × n_steps numbers are kept for that. A step costs two products with the Jacobian, so that
    time grows like n_probes × n_steps times that of a gradient.

    References
    ----------
    Z. Bai, M. Fahey and G. Golub (1996), Some large-scale matrix computation problems, J. Comput. Appl. Math. 74, 71.
    S. Ubaru, J. Chen and Y. Saad (2017), Fast estimation of tr(f(A)) via stochastic Lanczos quadrature, SIAM J. Matrix
    Anal. Appl. 38, 1075.

    Examples
    --------
    >>> from sdetheory.evidence import laplace
    >>> from sdetheory.models import ReLUNetwork
    >>> network = ReLUNetwork([[-2.0], [-1.0], [1.0], [3.0]], [0, 0, 1, 1], hidden=3, dtype="float64")
    >>> w = 0.3 * network.initial(0)
    >>> found = lanczos_evidence(network, 1.0, about=w, n_probes=200, rng=0)
    >>> bool(abs(found.log_evidence.z_score(laplace(network, 1.0, about=w).log_evidence)) < 4)
    True
    """
    precision = _validate.reals("prior_precision", prior_precision, above=0.0)
    n_probes = _validate.integer("n_probes", n_probes, at_least=2)
    n_steps = _validate.integer("n_steps", n_steps, at_least=2)
    generator = _validate.generator(rng)
    curvature = Curvature.of(model, "about", about)
    w, flat = curvature.weights, precision.ravel()
    log_likelihood, slope = first_order(model, w)
    p = w.size
    ends = np.empty((n_probes, 2, flat.size))
    for each in ends:
        probe = generator.choice([-1.0, 1.0], p)
        recurrence = _Recurrence.of(curvature.product, probe, n_steps)
        each[:] = np.transpose([recurrence.ends(_log_ratio(value), value) for value in flat])
    halves = 0.5 * ends.mean(axis=1)
    terms, unsure = np.empty(flat.size), 0.25 * np.abs(ends[:, 0] - ends[:, 1]).mean(axis=0)
    for i, value in enumerate(flat):
        bounds = _Recurrence.of(curvature.product, slope + value * w, n_steps).ends(_inverse(value), value)
        terms[i] = 0.25 * sum(bounds)
        unsure[i] += 0.25 * abs(bounds[0] - bounds[1])
    stderr = halves.std(axis=0, ddof=1) / math.sqrt(n_probes)
    penalty = 0.5 * flat * float(w @ w)
    shape = precision.shape

    def estimate(values: Array) -> Estimate:
        return Estimate(value=values.reshape(shape)[()], stderr=stderr.reshape(shape)[()], n_eff=float(n_probes))

    if np.any(unsure > np.maximum(stderr, 1e-9 * np.abs(halves.mean(axis=0)))):
        warnings.warn(
            f"{n_steps} Lanczos steps leave the log evidence uncertain by up to {unsure.max():.2g} beyond its standard "
            f"error of {float(stderr[unsure.argmax()]):.2g}. Take more n_steps, or a larger prior_precision",
            AccuracyWarning,
            stacklevel=2,
        )
    log_evidence = log_likelihood - penalty + terms - halves.mean(axis=0)
    warn_of_impossible(model, log_evidence, terms, stacklevel=3)
    return LanczosEvidence(
        prior_precision=precision[()],
        log_evidence=estimate(log_evidence),
        truncation=unsure.reshape(shape)[()],
        log_likelihood=log_likelihood,
        weight_penalty=penalty.reshape(shape)[()],
        half_log_curvature_ratio=estimate(halves.mean(axis=0)),
        gradient_term=terms.reshape(shape)[()],
    )


def _log_ratio(precision: float) -> Callable[[Array], Array]:
    return lambda s: np.log1p(s / precision)


def _inverse(precision: float) -> Callable[[Array], Array]:
    return lambda s: 1 / (s + precision)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Recurrence:
    """The Lanczos matrix of a vector: its diagonal, what is beside it, and the coefficient that leads on."""

    squared: float
    diagonal: Array
    beside: Array
    onward: float

    @classmethod
    def of(cls, product: Callable[[Array], Array], vector: Array, n_steps: int) -> _Recurrence:
        squared = float(vector @ vector)
        if squared == 0:
            return cls(squared=0.0, diagonal=np.zeros(1), beside=np.zeros(0), onward=0.0)
        n_steps = min(n_steps, vector.size)
        basis = np.empty((n_steps, vector.size))
        basis[0] = vector / math.sqrt(squared)
        diagonal, beside = np.empty(n_steps), np.empty(n_steps)
        for j in range(n_steps):
            moved = product(basis[j])
            diagonal[j] = float(basis[j] @ moved)
            for _ in range(2):  # twice is enough
                moved = moved - (basis[: j + 1] @ moved) @ basis[: j + 1]
            beside[j] = float(np.linalg.norm(moved))
            if beside[j] <= _ROUNDING * float(np.abs(diagonal[: j + 1]).max()):
                return cls(squared=squared, diagonal=diagonal[: j + 1], beside=beside[:j], onward=0.0)
            if j + 1 < n_steps:
                basis[j + 1] = moved / beside[j]
        return cls(squared=squared, diagonal=diagonal, beside=beside[:-1], onward=float(beside[-1]))

    def ends(self, function: Callable[[Array], Array], precision: float) -> tuple[float, float]:
        """Return the quadratic form of a function by Gauss's rule, and by Gauss and Radau's with a node left of 0."""
        gauss = self._quadrature(function, self.diagonal, self.beside)
        if not self.onward:
            return gauss, gauss
        node = -max(_LEFT * precision, _ROUNDING * float(self.diagonal.max()))
        shifted = np.stack([[0.0, *self.beside], self.diagonal - node])
        last = np.zeros(self.diagonal.size)
        last[-1] = self.onward**2
        diagonal = np.append(self.diagonal, node + linalg.solveh_banded(shifted, last)[-1])
        return gauss, self._quadrature(function, diagonal, np.append(self.beside, self.onward), node)

    def _quadrature(
        self, function: Callable[[Array], Array], diagonal: Array, beside: Array, least: float = 0.0
    ) -> float:
        nodes, vectors = linalg.eigh_tridiagonal(diagonal, beside)
        return self.squared * float(vectors[0] ** 2 @ function(np.maximum(nodes, least)))
