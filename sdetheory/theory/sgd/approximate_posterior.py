"""Constant-rate SGD as a sampler of the posterior: how near its law comes, and the settings that bring it nearest."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from ... import _validate
from ...errors import InvalidInputError
from ...hyperparameters import SGDHyperparameters
from . import _sgd_recursion
from .sgd_covariance import sgd_covariance
from .sgd_moments import accumulated

Array = NDArray[np.float64]


def kl_divergence(covariance: ArrayLike, reference: ArrayLike, *, shift: ArrayLike | None = None) -> float:
    r"""Return the Kullback–Leibler divergence of one Gaussian from another.

    .. math::
        \mathrm{KL}(q \| p) = \frac{1}{2} \Bigl( \mathrm{Tr}(\Sigma_p^{-1} \Sigma_q) - d
            - \ln \det (\Sigma_p^{-1} \Sigma_q) + \delta^T \Sigma_p^{-1} \delta \Bigr)

    Parameters
    ----------
    covariance : array_like, shape (d, d)
        Σq, positive semidefinite. That of SGD, say.
    reference : array_like, shape (d, d)
        Σp, positive definite. For the posterior e^{−C} of a quadratic total cost it is the inverse of the Hessian.
    shift : array_like, shape (d,), optional
        δ, the difference of the means; 0 by default.

    Returns
    -------
    float
        In nats; infinite if Σq is singular.

    Raises
    ------
    InvalidInputError
        If a matrix is not what is said above, or the shapes do not fit.

    Notes
    -----
    By the generalized eigenvalues 1 + x of the pair, as half the sum of x − ln(1 + x): no digits are lost between
    Gaussians that are nearly the same.

    Examples
    --------
    >>> round(kl_divergence([[2.0]], [[1.0]]), 6), round(kl_divergence([[1.0]], [[1.0]], shift=[2.0]), 6)
    (0.153426, 2.0)
    """
    square = _validate.reals("covariance", covariance, shape=(None, None))
    own = _validate.positive_semidefinite("covariance", square, len(square))
    other = _validate.positive_definite("reference", reference, len(own))
    root = np.linalg.cholesky(other)
    inner = linalg.solve_triangular(root, own - other, lower=True)
    excess = np.linalg.eigvalsh(linalg.solve_triangular(root, inner.T, lower=True))
    if excess[0] <= -1 + 1e-14:
        return np.inf
    total = np.sum(excess - np.log1p(excess))
    if shift is not None:
        delta = _validate.reals("shift", shift, shape=(len(own),))
        total += np.sum(linalg.solve_triangular(root, delta, lower=True) ** 2)
    return 0.5 * float(total)


def optimal_learning_rate(gradient_covariance: ArrayLike, hp: SGDHyperparameters) -> float:
    r"""Return the learning rate at which the law of SGD is nearest to the posterior.

    .. math:: g^* = \frac{2 d}{\mathrm{Tr} F}, \qquad \epsilon^* = \frac{2 d (1 - m) B}{(1 - \tau)(N - B) \mathrm{Tr} F}

    (without replacement; with replacement N − 1 stands for N − B).

    Parameters
    ----------
    gradient_covariance : array_like, shape (d, d)
        F, with N − 1 in the denominator.
    hp : SGDHyperparameters
        N, B, momentum, dampening and sampling, all scalar; the learning rate is not used.

    Returns
    -------
    float
        ε*, which minimizes KL(law of SGD ‖ posterior) whatever the Hessian.

    Raises
    ------
    InvalidInputError
        If F is not positive semidefinite, or there is no noise: F is zero or the batch is the whole training set.

    Notes
    -----
    With the stationary law of dw = −∇C dt + √(gF) dW on a quadratic cost, N(0, Σ) with HΣ + ΣH = gF, and the posterior
    N(0, H⁻¹): Tr(HΣ) = g Tr F/2 and ln det Σ = d ln g + const. The minimum over g needs no more. Of relative order
    ε λ/N, as is the law; the exact one at finite ε is that of :func:`sgd_covariance`.

    Mandt et al. write η for ε, S for B, D for d, μ for 1 − m, and BBᵀ for the covariance with N in the denominator:
    η* = 2μSD/(N Tr BBᵀ). This is the same, exactly, for draws with replacement and τ = 0.

    References
    ----------
    S. Mandt, M. Hoffman and D. Blei (2017), Stochastic gradient descent as approximate Bayesian inference,
    JMLR 18 (134), arXiv:1704.04289 (constant SGD, and with momentum).

    Examples
    --------
    >>> hp = SGDHyperparameters(learning_rate=1.0, train_size=1000, batch_size=10, sampling="with-replacement")
    >>> covariance = 1000 / 999 * np.array([[1.0, 0.3], [0.3, 2.0]])
    >>> round(optimal_learning_rate(covariance, hp), 8)
    0.01333333
    """
    noise, scale = _noise(gradient_covariance, hp)
    trace = float(np.trace(noise))
    if trace == 0:
        raise InvalidInputError("gradient_covariance must not be zero: without noise SGD samples nothing")
    return hp.learning_rate * 2 * len(noise) / (trace * scale)


def optimal_preconditioner(gradient_covariance: ArrayLike, hp: SGDHyperparameters) -> Array:
    r"""Return the preconditioner with which SGD samples the posterior of a quadratic cost.

    .. math:: P^* = \frac{2}{g} F^{-1}

    Parameters
    ----------
    gradient_covariance : array_like, shape (d, d)
        F, with N − 1 in the denominator, positive definite.
    hp : SGDHyperparameters
        All scalar; the learning rate is that of the preconditioned steps.

    Returns
    -------
    ndarray, shape (d, d)
        P*, by which Ĝ is multiplied in each step.

    Raises
    ------
    InvalidInputError
        If F is not positive definite, or the batch is the whole training set.

    Notes
    -----
    dw = −P∇C dt + P√(gF) dW has PHΣ + ΣHP = gPFP, which Σ = H⁻¹ solves for P = P*: the divergence is zero, to the
    order of the learning rate. The mean relaxes at the rates of P*H, and a small g makes its steps large: what counts
    for stability is ε P*H/N.

    References
    ----------
    S. Mandt, M. Hoffman and D. Blei (2017), JMLR 18 (134), arXiv:1704.04289: H* = 2S/(ηN) (BBᵀ)⁻¹.

    Examples
    --------
    >>> hp = SGDHyperparameters(learning_rate=0.5, train_size=100, batch_size=20)
    >>> optimal_preconditioner([[4.0, 0.0], [0.0, 2.0]], hp)
    array([[0.25, 0.  ],
           [0.  , 0.5 ]])
    """
    noise, scale = _noise(gradient_covariance, hp)
    noise = _validate.positive_definite("gradient_covariance", noise, len(noise))
    inverse = np.linalg.inv(noise)
    return (inverse + inverse.T) / scale


def average_covariance(
    hessian: ArrayLike,
    gradient_covariance: ArrayLike,
    hp: SGDHyperparameters,
    *,
    n_steps: int,
    optimizer: str = "sgd",
) -> Array:
    r"""Return the exact covariance of the average of successive weights of stationary SGD on a quadratic cost.

    .. math::
        \mathrm{Cov}\Bigl(\frac{1}{n} \sum_{k=1}^n w_k\Bigr) \to \frac{1}{n} H^{-1} \mathrm{Cov}(\hat G) H^{-1},
        \qquad n \to \infty

    Parameters
    ----------
    hessian, gradient_covariance, hp
        As for :func:`sgd_covariance`.
    n_steps : int
        Number n ≥ 1 of weights in the average.
    optimizer : {"sgd", "nesterov"}
        As for :func:`sgd_covariance`.

    Returns
    -------
    ndarray, shape (p, p)
        The covariance.

    Raises
    ------
    InvalidInputError
        As for :func:`sgd_covariance`, or n_steps < 1.

    Notes
    -----
    Exact for any n, without differences of large numbers. The limit depends neither on the learning rate nor on
    momentum. Where F = H/N, as for a well-specified model at its optimum, an average over one epoch, n = N/B, has the
    covariance H⁻¹ of the posterior, up to (N − B)/N and to terms of relative order N/(n ε λ).

    References
    ----------
    S. Mandt, M. Hoffman and D. Blei (2017), JMLR 18 (134), arXiv:1704.04289 (iterate averaging).
    B. Polyak and A. Juditsky (1992), Acceleration of stochastic approximation by averaging, SIAM J. Control Optim. 30.

    Examples
    --------
    >>> hp = SGDHyperparameters(learning_rate=0.5, train_size=10, batch_size=5)
    >>> [round(float(average_covariance([[4.0]], [[1.0]], hp, n_steps=n)[0, 0] * n), 6) for n in (1, 100, 10**6)]
    [0.069444, 0.597222, 0.624997]
    """
    law = sgd_covariance(hessian, gradient_covariance, hp, optimizer=optimizer)
    n = _validate.integer("n_steps", n_steps, at_least=1)
    step = _sgd_recursion.recursion(hp, optimizer)
    p = len(law.hessian)
    move, kick = step.matrices(law.hessian)
    noise = _validate.symmetric("gradient_covariance", gradient_covariance, p)
    # The state is (w, v, sum of the weights so far), from a stationary start.
    total = np.eye(3 * p)
    total[: 2 * p, : 2 * p] = move
    total[2 * p :, :p] = np.eye(p)
    source = np.zeros((3 * p, 3 * p))
    source[: 2 * p, : 2 * p] = step.noise * kick @ noise @ kick.T
    power, added = accumulated(total, source, n)
    start = power[:, : 2 * p] @ law.joint_covariance @ power[:, : 2 * p].T
    summed = (start + added)[2 * p :, 2 * p :]
    return (summed + summed.T) / (2 * n**2)


def _noise(gradient_covariance: ArrayLike, hp: SGDHyperparameters) -> tuple[Array, float]:
    """Return F and g, refusing settings without noise."""
    square = _validate.reals("gradient_covariance", gradient_covariance, shape=(None, None))
    noise = _validate.positive_semidefinite("gradient_covariance", square, len(square))
    step = _sgd_recursion.recursion(hp, "sgd")
    if step.noise == 0:
        raise InvalidInputError(
            "batch_size must be below train_size: without minibatch noise SGD samples nothing; got a full batch"
        )
    return noise, float(hp.noise_scale)
