"""The stationary law of SGD on any model: noise and curvature averaged over the law that they make."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from ... import _validate
from ...errors import AccuracyWarning, IncompatibleError, InvalidInputError
from ...hyperparameters import SGDHyperparameters
from . import _closure, _feedback, _minimum, _sgd_recursion
from ._example_curvatures import ExampleCurvatures
from ._normal_points import normal_points
from .sgd_covariance import sgd_covariance

Array = NDArray[np.float64]

_REPLICATES = 4
_CUBES = 96
"""Numbers of weights, and velocities if there is momentum, up to which third cumulants are kept."""
_DOUBTFUL = 0.1
"""Relative error of the trace from which on there is a warning."""
_DIRECTIONS = 64
_FAR = 5.0
"""Directions from the mean, and standard deviations along them, at which the curvature is looked at: as far as a run
comes within a million independent steps."""


# Arrays have no single truth value and no hash, so results compare by identity.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StationarySGD:
    """The first two moments of stationary SGD on a model, with their errors.

    Parameters
    ----------
    mode : ndarray, shape (p,)
        The minimum of the total cost.
    mean : ndarray, shape (p,)
        E[w], which is not the mode where the cost or the noise is skewed.
    covariance : ndarray, shape (p, p)
        S of the weights.
    joint_covariance : ndarray, shape (2p, 2p)
        Of (w, v): the weights, then the velocities.
    mean_error : ndarray, shape (p,)
        Estimated error of each entry of `mean`: by how much the last cumulant moves it, and twice the standard error
        from the points.
    covariance_error : ndarray, shape (p, p)
        The same of `covariance`.
    trace_error : float
        The same of `trace`, without cancellation between directions.
    sampling_error : float
        Standard error of `trace` from the points alone, which more points reduce.
    mode_covariance : ndarray, shape (p, p)
        What :func:`sgd_covariance` makes of noise and curvature at the mode.
    order : int
        The highest cumulant that was kept, 2 or 3.
    learning_rate : float
        ε of the hyperparameters.
    mean_limit : float
        ε at which the mean loses stability on the model made quadratic at its mode.
    mean_square_limit : float
        The same for the variance, where each example is made quadratic; nan where it was not computed, with more than
        32 weights.
    """

    mode: Array
    mean: Array
    covariance: Array
    joint_covariance: Array
    mean_error: Array
    covariance_error: Array
    trace_error: float
    sampling_error: float
    mode_covariance: Array
    order: int
    learning_rate: float
    mean_limit: float
    mean_square_limit: float

    @property
    def trace(self) -> float:
        """Trace of `covariance`, the mean square distance from `mean`."""
        return float(np.trace(self.covariance))

    @property
    def fraction_of_stability_limit(self) -> float:
        """ε over `mean_square_limit`, or where that is not known over `mean_limit`."""
        return self.learning_rate / (self.mean_limit if math.isnan(self.mean_square_limit) else self.mean_square_limit)

    @property
    def ratio_to_mode(self) -> float:
        """Trace of `covariance` over that of `mode_covariance`, 1 for small steps; nan where there is no noise."""
        own = float(np.trace(self.mode_covariance))
        return self.trace / own if own else math.nan

    def __str__(self) -> str:
        return (
            f"stationary SGD: trace {self.trace:.4g} ± {self.trace_error:.2g}, {self.ratio_to_mode:.3g} times that of "
            f"the mode, at {100 * self.fraction_of_stability_limit:.3g} % of the stability limit"
        )


def stationary_sgd(
    model: Any,
    hp: SGDHyperparameters,
    *,
    start: ArrayLike | None = None,
    order: int | None = None,
    points: int | None = None,
    optimizer: str = "sgd",
    rng: Any = 0,
) -> StationarySGD:
    r"""Return the mean and the covariance of stationary SGD on a model, averaged over the law itself.

    .. math::
        \langle \nabla C \rangle = 0, \qquad
        \Sigma = M \Sigma M^T + K \bigl(\langle \mathrm{Cov}(\hat G) \rangle + \langle r r^T \rangle\bigr) K^T
            - M \langle z r^T \rangle K^T - K \langle r z^T \rangle M^T, \qquad z = (w - \langle w \rangle, v)

    Parameters
    ----------
    model : object
        Has ``train_size``, ``dimension``, ``gradient(w)``, ``per_example_gradients(w)``, and ``hessian(w)`` or
        ``hessian_vector_product(w, v)``: a model of :mod:`sdetheory.models`, or your own, of the *total* cost.
    hp : SGDHyperparameters
        Learning rate, N, B, momentum, dampening and sampling, all scalar; its ``train_size`` is that of the model.
    start : array_like, shape (p,), optional
        Where Newton's method starts on its way to the minimum; needed where the cost is not convex. Default: 0.
    order : {2, 3}, optional
        Highest cumulant that is kept. By default 3 with up to 96 weights (48 with momentum), beyond 2.
    points : int, optional
        Points of integration in all, a power of two; each costs the gradients of all examples, and at order 3 a
        Hessian, at every iteration. By default 1024, or 32 for each weight if that is more.
    optimizer : {"sgd", "nesterov"}
        As for :func:`sgd_covariance`.
    rng : None, int, SeedSequence or Generator
        Where the points come from (SPEC 7). The same number gives the same points.

    Returns
    -------
    StationarySGD
        ``mean``, ``covariance``, ``joint_covariance`` with their errors; the law at the mode and the limits.

    Raises
    ------
    InvalidInputError
        If an argument is out of its range, no minimum is found, the Hessian there is not positive definite, the
        learning rate is not below the limit of the mean, or the moments do not settle; the message gives the limits.
    IncompatibleError
        The model is of another size than `hp`, or its gradients are not the sum of those of its examples.

    Warns
    -----
    AccuracyWarning
        The estimated error of the trace is above 10 %; the learning rate is above the mean-square limit at the mode; or
        the law reaches weights where the curvature is beyond the stability limit, so that runs diverge in the end.

    Notes
    -----
    :func:`sgd_covariance` takes the Hessian H and the gradient covariance F at the minimum. Here both are averaged over
    the law. With A = ⟨H⟩ the gradient is A(w − ⟨w⟩) + r: the rest r, of no mean and no covariance with w under a normal
    law, acts like noise. M is the step of (w, v) with the Hessian A, and K = κ(1, 1)ᵀ.

    At order 2 the law is normal and ⟨z rᵀ⟩ = 0. At order 3 it has a third cumulant, the fixed point of the same step:
    its sources are the third derivatives of C, the growth of the noise along w, and the skewness of the minibatch's
    gradient. It gives ⟨z rᵀ⟩ = ½ κ₃ ⟨∂∂∇C⟩. With h the relative change of H and F over the width of the law, the mode's
    law and order 2 have relative errors of order h², which is that of ε, and order 3 one of order h⁴.

    For least squares r = 0, and the result is that of :func:`least_squares_sgd` but for rounding.

    Expectations over N(⟨w⟩, S) are means over four sets of scrambled Sobol points in opposite pairs, the same ones at
    every iteration; derivatives of averages come from Stein's identity. The scatter of the four is the sampling
    error. The error of the closure is taken to be what the last cumulant changes (at order 2: the difference from the
    law at the mode), which is of the order before: as a rule too large, and no bound.

    What has no stationary law may still settle here: a cost whose curvature grows without bound (Poisson regression)
    holds runs for a long time near the minimum and then lets them diverge. Cost: O(iterations × points × N p²).

    References
    ----------
    S. Mandt, M. Hoffman and D. Blei (2017), JMLR 18 (134), arXiv:1704.04289 (the law at the mode).
    R. Kubo, K. Matsuo and K. Kitahara (1973), Fluctuation and relaxation of macrovariables, J. Stat. Phys. 9, 51
    (moments of small noise, order by order).
    C. Stein (1981), Estimation of the mean of a multivariate normal distribution, Ann. Statist. 9, 1135.

    Examples
    --------
    >>> import sdetheory as st
    >>> X = np.column_stack([np.ones(40), np.linspace(-2, 2, 40)])
    >>> y = np.arange(40) * 7 % 40 < 4 + 0.9 * np.arange(40)
    >>> model = st.models.LogisticRegression(X, y, prior_precision=1.0)
    >>> hp = st.SGDHyperparameters(learning_rate=0.8, train_size=40, batch_size=2)
    >>> law = stationary_sgd(model, hp)
    >>> run = st.sgd(model, hp, np.zeros(2), n_steps=4000, n_runs=100, rng=0, average_from=100)
    >>> [round(float(np.trace(c)), 2) for c in (run.covariance.value, law.covariance, law.mode_covariance)]
    [0.4, 0.4, 0.37]
    """
    step = _sgd_recursion.recursion(hp, optimizer, poisson=True)
    w, p = _checked(model, hp, start)
    highest = None if order is None else _validate.integer("order", order, at_least=2, at_most=3)
    seed = _validate.seed_sequence(rng)
    w, hessian = _minimum.minimum(model, w)
    values: Array = np.linalg.eigvalsh(hessian).astype(np.float64)
    _sgd_recursion.stable_pulls(step, values, hp, "model at its minimum")
    draws = _closure.Draws.of(hp, step)
    whole = _closure.Cost(model, w, np.eye(p))
    d = draws.deviations(whole.rows(np.zeros(p)))
    mode = sgd_covariance(hessian, d.T @ d / (len(d) - 1), hp, optimizer=optimizer)
    cost = _moving(whole, hessian, mode.covariance)
    axes = cost.axes
    r = axes.shape[1]
    count = _count(points, r)
    edge = float(hp.learning_rate * step.limit / (step.rate * values[-1]))
    limits = {"mean_limit": edge, "mean_square_limit": math.nan}
    if r == 0:
        return _at_rest(w, hp, limits)
    own, width = axes.T @ hessian @ axes, axes.T @ mode.covariance @ axes
    feedback = ExampleCurvatures.at_minimum(cost, draws, own, width)
    if feedback is not None:
        limits["mean_square_limit"] = min(edge, _feedback.mean_square_limit(feedback, step, hp))
    if highest is None:
        highest = 3 if (1 + (step.momentum > 0)) * r <= _CUBES else 2

    solver = _closure.Solver(cost, draws, step, linalg.cholesky(width, lower=True), np.empty((0, r)))
    law = before = _closure.Law(np.zeros(r), width, np.zeros((2 * r, 2 * r)))
    laws = []
    for source in seed.spawn(_REPLICATES):
        solver.points = normal_points(count // _REPLICATES, r, source)
        for k in (highest,) if laws else range(2, highest + 1):
            before = before if laws else law
            found = solver.solve(law, k)
            if found is None:
                raise InvalidInputError(_unsettled(hp, limits, solver.trouble))
            law = found
        laws.append(law)
    result = _result(w, hp, axes, mode.covariance, before, laws, highest, limits)
    far = solver.points[:_DIRECTIONS] * (_FAR / np.linalg.norm(solver.points[:_DIRECTIONS], axis=1)[:, None])
    root = linalg.cholesky(laws[-1].covariance, lower=True)
    _warn(result, model, step, result.mean + far @ root.T @ axes.T)
    return result


def _checked(model: Any, hp: SGDHyperparameters, start: ArrayLike | None) -> tuple[Array, int]:
    """Return the start and the number of weights of a model that has what is needed."""
    needed = ("train_size", "dimension", "gradient", "per_example_gradients")
    _validate.having("model", model, needed, "a model")
    if not (hasattr(model, "hessian") or hasattr(model, "hessian_vector_product")):
        raise InvalidInputError(
            f"model must have hessian(w) or hessian_vector_product(w, v); {type(model).__name__} has neither"
        )
    p = _validate.integer("model.dimension", model.dimension, at_least=1)
    n = _validate.integer("model.train_size", model.train_size, at_least=2)
    if n != hp.train_size:
        raise IncompatibleError(f"hp.train_size must be that of model, {n}; got {hp.train_size}")
    w = np.zeros(p) if start is None else _validate.reals("start", start, shape=(p,))
    given = _validate.called("model.per_example_gradients", model.per_example_gradients, w)
    rows = _validate.reals("model.per_example_gradients(w)", given, shape=(n, p))
    total, size = _minimum.gradient(model, w), np.abs(rows).sum(axis=0).max()
    if np.abs(rows.sum(axis=0) - total).max() > 1e-4 * size:
        raise IncompatibleError(
            "model.gradient(w) must be the sum of model.per_example_gradients(w), the gradient of the total cost; at "
            f"the start they differ by up to {np.abs(rows.sum(axis=0) - total).max():.3g}. Where one is of the mean "
            "loss, multiply it by N."
        )
    return w, p


def _count(points: int | None, dimension: int) -> int:
    least = 1 << (8 * max(1, dimension) * _REPLICATES - 1).bit_length()
    if points is None:
        return max(1024, least)
    count = _validate.integer("points", points, at_least=least // 2)
    if count & (count - 1):
        raise InvalidInputError(f"points must be a power of two; got {count}")
    return count


def _moving(whole: _closure.Cost, hessian: Array, covariance: Array) -> _closure.Cost:
    """Return the cost on the axes along which there is noise: those with which the law at the mode has a width.

    Widths are compared in units of the curvature, as rounding errors can be told there: softmax with a prior has no
    noise along what all classes have in common.
    """
    values, axes = np.linalg.eigh(hessian)
    unit = axes * np.sqrt(values)
    widths, own = np.linalg.eigh(unit.T @ covariance @ unit)
    kept = widths > 1e-13 * len(values) * widths[-1]
    if kept.all():
        return whole
    spanned = np.linalg.qr(axes * values**-0.5 @ own[:, kept])[0]
    return _closure.Cost(whole.model, whole.minimum, spanned)


def _at_rest(w: Array, hp: SGDHyperparameters, limits: dict[str, float]) -> StationarySGD:
    """Return the law without noise: of the whole training set in each batch, or of a perfect fit."""
    p = len(w)
    return StationarySGD(
        mode=w, mean=w, covariance=np.zeros((p, p)), joint_covariance=np.zeros((2 * p, 2 * p)), mean_error=np.zeros(p),
        covariance_error=np.zeros((p, p)), trace_error=0.0, sampling_error=0.0, mode_covariance=np.zeros((p, p)),
        order=2, learning_rate=float(hp.learning_rate), **limits,
    )  # fmt: skip


def _result(
    w: Array, hp: SGDHyperparameters, axes: Array, mode: Array, before: _closure.Law, laws: list[_closure.Law],
    order: int, limits: dict[str, float],
) -> StationarySGD:  # fmt: skip
    """Return the mean over sets of points, what the last cumulant changes on the first set, and the scatter of all."""
    both = linalg.block_diag(axes, axes)
    means = np.array([axes @ law.mean for law in laws])
    squares = np.array([axes @ law.covariance @ axes.T for law in laws])
    covariance = squares.mean(axis=0)
    changes, own = np.linalg.eigh(squares[0] - axes @ before.covariance @ axes.T)
    change = np.sqrt((own**2) @ np.abs(changes))
    sampling = float(_scatter(np.trace(squares, axis1=1, axis2=2)))
    joint = both @ np.mean([law.joint for law in laws], axis=0) @ both.T
    return StationarySGD(
        mode=w,
        mean=w + means.mean(axis=0),
        covariance=(covariance + covariance.T) / 2,
        joint_covariance=(joint + joint.T) / 2,
        mean_error=np.abs(means[0] - axes @ before.mean) + 2 * _scatter(means),
        covariance_error=np.outer(change, change) + 2 * _scatter(squares),
        trace_error=float(np.abs(changes).sum()) + 2 * sampling,
        sampling_error=sampling,
        mode_covariance=mode,
        order=order,
        learning_rate=float(hp.learning_rate),
        **limits,
    )


def _scatter(values: Array) -> Any:
    return values.std(axis=0, ddof=1) / math.sqrt(len(values))


def _limits(limits: dict[str, float]) -> str:
    square = limits["mean_square_limit"]
    known = "" if math.isnan(square) else f", in mean square below {square:.4g}"
    return f"made quadratic at its minimum it is stable in the mean below {limits['mean_limit']:.4g}{known}"


def _unsettled(hp: SGDHyperparameters, limits: dict[str, float], trouble: str) -> str:
    return (
        f"hp.learning_rate must be lower, or the batch larger: the moments of SGD on model do not settle at "
        f"{hp.learning_rate:.4g} ({trouble}); {_limits(limits)}"
    )


def _warn(result: StationarySGD, model: Any, step: _sgd_recursion.Recursion, reached: Array) -> None:
    """Say where the law is not to be relied upon, of the first reason alone."""
    limits = {"mean_limit": result.mean_limit, "mean_square_limit": result.mean_square_limit}
    if result.trace_error > _DOUBTFUL * result.trace:
        text = (
            f"the trace of the covariance, {result.trace:.4g}, has an estimated error of {result.trace_error:.2g}; "
            f"take smaller steps or larger batches, or more points if it is theirs ({2 * result.sampling_error:.2g})"
        )
    elif result.learning_rate >= result.mean_square_limit:
        text = (
            f"the learning rate {result.learning_rate:.4g} is above a limit of the model, {_limits(limits)}: what "
            "keeps the law together is far from the minimum, and its error is larger than it says"
        )
    else:
        pulls = np.array([step.rate * np.linalg.eigvalsh(_minimum.hessian(model, w))[-1] for w in reached])
        beyond = int(np.sum(pulls >= step.limit))
        if not beyond:
            return
        text = (
            f"{_FAR:.0f} standard deviations from the mean the curvature is beyond the stability limit, in {beyond} of "
            f"{len(reached)} directions: runs that come there may diverge, and the law is that of those that have not. "
            "Take smaller steps or larger batches."
        )
    warnings.warn(text, AccuracyWarning, stacklevel=3)
