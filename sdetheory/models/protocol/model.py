"""What the package asks of a model."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray

LOST = {
    "minibatch_gradient": "sgd, svag, compare and batch_size_study",
    "gradient": "sgd_sde, compare and evidence.laplace",
    "per_example_gradients": "sgd_sde and compare; measures of noise of many weights take longer",
    "weighted_gradient": "no function, but sgd_sde and minibatch_covariance form the (N, p) array of gradients",
    "cost": "evidence.laplace, compare without observables of its own, and the check of gradients against it",
    "hessian_vector_product": "sgd_sde of order 2, and evidence.laplace where there is no hessian",
}
"""What cannot be done without a method of :class:`Model`."""


class Model(Protocol):
    r"""What the package asks of a model: a sum over examples, and its derivatives, at flat weights.

    .. math:: C(w) = \sum_{i=1}^N C_i(w) = \sum_{i=1}^N \ell_i(w) + \frac{\lambda}{2} |w|^2

    C is the *total* cost, minus the logarithm of the posterior, never the mean; the regularizer belongs to all examples
    alike: Cᵢ = ℓᵢ + λ|w|²/(2N). Gradients point to where C grows.

    A class becomes a model by its methods, without inheriting anything, and may leave out those whose users it does not
    need. Models of this package have all, as has what :func:`from_torch` and :func:`from_jax` return;
    :class:`FunctionModel` makes them of three functions. :func:`check` says whether they fit together.

    ============================ ==================================================================================
    method or attribute           what is lost without
    ============================ ==================================================================================
    ``train_size``                everything: N ≥ 1
    ``dimension``                 everything: p ≥ 1
    ``minibatch_gradient``        ``sgd``, ``svag``, ``compare``, ``batch_size_study``
    ``gradient``                  ``sgd_sde``, ``compare``, ``evidence.laplace``
    ``per_example_gradients``     ``sgd_sde``, ``compare``; measures of noise of many weights take longer
    ``weighted_gradient``         nothing, but ``sgd_sde`` and ``minibatch_covariance`` form the (N, p) gradients
    ``cost``                      ``evidence.laplace``, ``compare`` without observables of its own
    ``hessian_vector_product``    ``sgd_sde`` of order 2; ``evidence.laplace``, unless there is a ``hessian``
    ============================ ==================================================================================

    Beyond the protocol, where a model has them:

    ============================ ==================================================================================
    ``hessian(w)``                (p, p), in place of products; ``evidence.laplace`` is then faster
    ``prior_precision``           λ, which ``evidence`` replaces by others; 0 where it is missing
    ``loss(w)``                   the mean of ℓᵢ, without the regularizer: a metric, and what ``check`` holds C against
    ``n_classes``                 the null model of ``log_evidence_ratio``
    Jacobian products             ``jacobian_vector_product(w, v)`` (N, k), ``vector_jacobian_product(w, u)`` (p,) and
                                  ``curvature_factors(w)`` (N, m, k): the evidence of networks, by Gauss and Newton
    ============================ ==================================================================================

    Examples
    --------
    A model of one's own with what ``sgd`` needs, and no more:

    >>> import numpy as np
    >>> import sdetheory as st
    >>> class Mean:
    ...     train_size, dimension = 3, 1
    ...     places = np.array([0.0, 1.0, 5.0])
    ...
    ...     def minibatch_gradient(self, w, indices):
    ...         return self.train_size * np.mean(w - self.places[indices], keepdims=True)
    >>> hp = st.SGDHyperparameters(learning_rate=0.5, train_size=3, batch_size=3)
    >>> st.sgd(Mean(), hp, [0.0], n_steps=1).final
    array([[1.]])
    """

    @property
    def train_size(self) -> int:
        """Number N of examples."""
        ...

    @property
    def dimension(self) -> int:
        """Number p of weights."""
        ...

    def cost(self, w: NDArray[Any]) -> Any:
        """Return the total cost C(w) of weights (p,), a number."""
        ...

    def gradient(self, w: NDArray[Any]) -> Any:
        """Return ∇C(w), shape (p,)."""
        ...

    def minibatch_gradient(self, w: NDArray[Any], indices: NDArray[Any]) -> Any:
        """Return Ĝ = (N/B) Σ ∇Cᵢ(w) over B indices, which may repeat, shape (p,)."""
        ...

    def per_example_gradients(self, w: NDArray[Any]) -> Any:
        """Return ∇Cᵢ(w), each with its share λw/N, shape (N, p)."""
        ...

    def weighted_gradient(self, w: NDArray[Any], weights: NDArray[Any]) -> Any:
        """Return Σᵢ aᵢ ∇Cᵢ(w) for weights a of the examples, shape (N,) and of any sign; shape (p,)."""
        ...

    def hessian_vector_product(self, w: NDArray[Any], v: NDArray[Any]) -> Any:
        """Return ∇∇C(w) v, shape (p,)."""
        ...
