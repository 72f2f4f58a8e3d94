"""Laplace's evidence of a network at weights that training has found."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, optimize

from ... import _validate
from ...errors import IncompatibleError, InvalidInputError
from ..occam import OccamDecomposition
from ._curvature import LARGEST, Curvature
from ._expansion import Expansion, warn_of_impossible

Array = NDArray[np.float64]

_CERTIFICATE = 1e-6
"""Posterior standard deviations up to which a point counts as the mode."""
_NUMBERS = 2**24


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NetworkLaplace:
    r"""What :func:`laplace` returns of a network; arrays have the shape (...) of `prior_precision`.

    Parameters
    ----------
    model : ReLUNetwork or another
        The network and its data.
    prior_precision : float or ndarray, shape (...)
        λ.
    weights : ndarray, shape (p,)
        w, about which the cost is expanded.
    occam : OccamDecomposition
        ln P(y|w), λ|w|²/2 and ½ ln det(I + JᵀΛJ/λ): the log evidence without the gradient's term.
    gradient_term : float or ndarray, shape (...)
        ½ gᵀA⁻¹g for the gradient g = ∇C(w), by how much the minimum of the expansion is below C(w).
    _expansion : Expansion
        What serves all λ; internal.
    """

    model: Any
    prior_precision: Any
    weights: Array
    occam: OccamDecomposition
    gradient_term: Any
    _expansion: Expansion = field(repr=False)

    @property
    def log_evidence(self) -> Any:
        """−C(w) + ½ gᵀA⁻¹g − ½ ln det(A/λ), the exact evidence of the expansion; of one minimum."""
        return self.occam.log_evidence + self.gradient_term

    @property
    def decrement(self) -> Any:
        """Newton decrement √(gᵀA⁻¹g): how many posterior standard deviations w is from the expansion's minimum."""
        return np.sqrt(2 * np.asarray(self.gradient_term))[()]

    @property
    def log_occam_factor(self) -> Any:
        """Log of posterior volume over prior volume at w, never positive."""
        return self.occam.log_occam_factor

    @property
    def log_evidence_ratio(self) -> Any:
        """Log evidence ratio E in favour of the null model, which guesses among k classes at a cost of n ln k."""
        n_classes = getattr(self.model, "n_classes", None)
        if n_classes is None:
            raise IncompatibleError(
                f"the null model guesses among k classes; {type(self.model).__name__} has no n_classes. "
                "Subtract the log evidence of a null model of your own."
            )
        return -self.log_evidence - self.model.train_size * math.log(n_classes)

    @property
    def eigenvalues(self) -> Array:
        """Eigenvalues s of JᵀΛJ from large to small, as many as n × (classes − 1) or p; all others are zero."""
        return self._expansion.spectrum.eigenvalues

    @property
    def trace(self) -> float:
        """Trace of JᵀΛJ."""
        return self._expansion.trace

    @property
    def largest_curvature(self) -> float:
        """Largest eigenvalue of JᵀΛJ, to six digits, without the others."""
        return self._expansion.largest

    @property
    def effective_parameters(self) -> Any:
        """Σ s/(s + λ): how many weights the data determine."""
        return self._expansion.effective_parameters(np.asarray(self.prior_precision))[()]

    def at(self, prior_precision: ArrayLike) -> NetworkLaplace:
        """Return the local evidence at other prior precisions; one decomposition serves all.

        Parameters
        ----------
        prior_precision : float or ndarray, shape (...)
            λ > 0.

        Returns
        -------
        NetworkLaplace
            About the same weights.

        Raises
        ------
        InvalidInputError
            If λ is not positive.
        """
        return _evaluated(self.model, self._expansion, prior_precision)

    def maximize(self) -> NetworkLaplace:
        r"""Return the fit at the λ at which these weights, held fixed, have the largest evidence.

        .. math:: \lambda |w|^2 = \sum_i \frac{s_i}{s_i + \lambda}

        Returns
        -------
        NetworkLaplace
            At one λ, the only maximum of `occam.log_evidence`.

        Raises
        ------
        IncompatibleError
            If the weights are 0, or the data see none of them: then the evidence has no maximum at a finite λ > 0.

        Notes
        -----
        MacKay's rule. Where λ is not the one that the weights were trained with, they are no minimum any more: train
        again with the λ that was found, and repeat. As the rule does not know that ln det(A/λ) changes with the
        weights, where that ends need not be where the evidence of trained networks is largest: compare it there. The
        local evidence is not maximized, since far from w a cost to second order forgets that fitted examples become
        unfitted: about weights that fit all of them it grows with λ without end.

        References
        ----------
        D. MacKay (1992), Bayesian interpolation, Neural Computation 4, 415.
        """
        squared = float(self.weights @ self.weights)
        largest = float(self.eigenvalues[0])
        if not (squared > 0 and largest > 0):
            raise IncompatibleError(
                f"the evidence of these weights has no maximum over prior_precision: |w|² = {squared:.3g} and the "
                f"largest curvature is {largest:.3g}, neither of which may be 0. Train the network first."
            )
        everywhere = len(self.eigenvalues) / squared

        def excess(u: float) -> float:
            precision = math.exp(u)
            return precision * squared - float((self.eigenvalues / (self.eigenvalues + precision)).sum())

        # λ|w|² is at most the number of eigenvalues; below s₁ and 1/(2|w|²) it is less than ½, but s₁/(s₁ + λ) more.
        low = math.log(min(largest, 0.5 / squared)) - 1.0
        found: Any = optimize.brentq(excess, low, math.log(everywhere) + 1.0, xtol=1e-12)
        return self.at(math.exp(found))

    def predict_outputs(self, X_new: ArrayLike) -> tuple[Array, Array]:
        r"""Return mean and covariance of the outputs at new inputs, exact for the linearized network.

        .. math:: o_* \sim N\left( o(x_*) - J_* A^{-1} g,\; J_* A^{-1} J_*^T \right)

        Parameters
        ----------
        X_new : ndarray, shape (m, p)
            One row per example.

        Returns
        -------
        tuple of ndarray, shapes (m, k) and (m, k, k)
            Mean and covariance of what the softmax is taken of.

        Raises
        ------
        InvalidInputError
            If n × (classes − 1) is above 10,000.
        IncompatibleError
            If there are several prior precisions, or the model does not answer at new inputs.
        """
        if np.ndim(self.prior_precision):
            raise IncompatibleError("predictions need one prior_precision; take one by at(λ)")
        needed = [name for name in ("outputs", "jacobian_gram_at") if not callable(getattr(self.model, name, None))]
        if needed:
            raise IncompatibleError(
                f"predictions need outputs(w, X) and jacobian_gram_at(w, factors, X); {type(self.model).__name__} has "
                f"no {', '.join(needed)}"
            )
        curvature, precision = Curvature.of(self.model, "w", self.weights), float(self.prior_precision)
        size = curvature.rows
        if size > LARGEST:
            raise InvalidInputError(
                f"predictions need a matrix of order {size} = examples × (classes − 1); at most {LARGEST} is made. "
                "Train with fewer examples, or average over weights of your own."
            )
        matrix = curvature.gram()
        matrix[np.diag_indices(size)] += precision
        factor = linalg.cholesky(matrix.T, lower=True, overwrite_a=True)
        gradient = self._expansion.slope + precision * self.weights
        through = linalg.cho_solve((factor, True), curvature.forward(gradient))
        step = (gradient - curvature.backward(through)) / precision
        inputs = _validate.reals("X_new", X_new, shape=(None, None))
        means = self.model.outputs(self.weights, inputs)
        means -= self.model.jacobian_vector_product(self.weights, step, inputs)
        covariances = np.empty((*means.shape, means.shape[1]))
        block = max(1, _NUMBERS // (size * means.shape[1]))
        for start in range(0, len(inputs), block):
            rows = slice(start, start + block)
            cross, own = self.model.jacobian_gram_at(self.weights, curvature.factors, inputs[rows])
            seen = linalg.solve_triangular(factor, cross.reshape(-1, size).T, lower=True).T.reshape(cross.shape)
            covariances[rows] = (own - seen @ np.swapaxes(seen, 1, 2)) / precision
        return means, covariances

    def predict(self, X_new: ArrayLike) -> Array:
        """Return the probabilities of the classes at new inputs, averaged over the posterior of the linearized network.

        Parameters
        ----------
        X_new : ndarray, shape (m, p)
            One row per example.

        Returns
        -------
        ndarray, shape (m, k)
            Averages of the softmax over :meth:`predict_outputs`, by points of low discrepancy, to 1e-4.

        Raises
        ------
        InvalidInputError
            If n × (classes − 1) is above 10,000.
        IncompatibleError
            If there are several prior precisions, or the outputs are not those of a softmax.

        Warns
        -----
        AccuracyWarning
            If sampling ends with standard errors above 1e-4.

        Notes
        -----
        Exact for the linearized network. A network's own average differs from it to the order of its curvature: weights
        drawn from the Gaussian and put through the network itself predict worse (Immer, Korzepa and Bauer 2021).
        """
        from ..classifiers._predictive import softmax_normal

        means, covariances = self.predict_outputs(X_new)
        if means.shape[1] != getattr(self.model, "n_classes", None):
            raise IncompatibleError("predict() takes the outputs of n_classes through a softmax; use predict_outputs")
        return softmax_normal(means, np.eye(means.shape[1]), covariances)


def network_laplace(
    model: Any, prior_precision: ArrayLike, mode: ArrayLike | None, about: ArrayLike | None
) -> NetworkLaplace:
    """Expand the cost of a network about given weights; refuse a mode that is none."""
    if (mode is None) == (about is None):
        raise InvalidInputError(
            f"a network has many minima, and {type(model).__name__} is to be told which: pass mode=w, a minimum of the "
            "cost, or about=w, any weights, for the local evidence there" + ("" if mode is None else "; not both")
        )
    precision = _validate.reals("prior_precision", prior_precision, above=0.0)
    if mode is None:
        assert about is not None
        return _evaluated(model, Expansion(Curvature.of(model, "about", about)), precision)
    if precision.ndim:
        raise InvalidInputError(
            "mode must be the minimum of one cost, and each prior_precision has its own; pass one, or about=w for the "
            "local evidence over all of them"
        )
    fit = _evaluated(model, Expansion(Curvature.of(model, "mode", mode)), precision)
    if fit.decrement > _CERTIFICATE:
        gradient = float(np.linalg.norm(fit._expansion.slope + float(precision) * fit.weights))
        raise InvalidInputError(
            f"mode must be the minimum of the cost; at prior_precision = {float(precision):.6g} its gradient has the "
            f"size {gradient:.3g}, which is {fit.decrement:.3g} posterior standard deviations (at most "
            f"{_CERTIFICATE:g} is accepted). Train further with the whole batch, in float64; or pass about= in "
            "place of mode=, for the local evidence, which has a term for the gradient."
        )
    return fit


def _evaluated(model: Any, expansion: Expansion, prior_precision: ArrayLike) -> NetworkLaplace:
    precision = _validate.reals("prior_precision", prior_precision, above=0.0)
    w = expansion.weights
    ratio, term = expansion.at(precision)
    fit = NetworkLaplace(
        model=model,
        prior_precision=precision[()],
        weights=w,
        occam=OccamDecomposition(
            log_likelihood_at_mode=np.full(precision.shape, expansion.log_likelihood)[()],
            weight_penalty=(0.5 * precision * float(w @ w))[()],
            half_log_curvature_ratio=ratio[()],
        ),
        gradient_term=term[()],
        _expansion=expansion,
    )
    warn_of_impossible(model, fit.log_evidence, fit.gradient_term, stacklevel=5)
    return fit
