"""The evidence by Langevin dynamics: the package's simulators as a witness of its evidence, and the other way round."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from ... import _validate
from ..._intervals import Student
from ...errors import AccuracyWarning, DivergedError, IncompatibleError, InvalidInputError
from ...models._formula import likelihood_of
from ...results import Estimate
from ._whitened import Whitened
from .laplace import Laplace
from .reference import Reference, summarize

if TYPE_CHECKING:
    from ...equations import SDE
    from ...simulators.simulate import Run

Array = NDArray[np.float64]

_NODES = 8
_FALSE_ALARM = 1e-5
"""Chance that a converged run is said to drift."""
_AT_ONE_LIFE = -math.expm1(-1) / math.sqrt(2 * math.exp(-1))
"""Correlation of an e^(−t)-correlated number with its own average over the time 1 that follows."""
_TOLERABLE = 0.5
"""Standard errors that a transient may be worth."""
_LOOK = 0.25
"""Time between two looks at H, which forgets within half a relaxation time."""
_REACH = 4.0
"""Deviations of Laplace's Gaussian within which curvatures bound the step."""
_NUMBERS = 2**24
"""Numbers of saved positions that are held at once."""


def thermodynamic(
    fit: Laplace,
    *,
    n_paths: int = 256,
    dt: float | None = None,
    burn_in: float = 10.0,
    duration: float = 50.0,
    method: str = "leimkuhler-matthews",
    rng: Any = None,
) -> Estimate:
    r"""Estimate ln P(y) of a generalized linear model by thermodynamic integration of Langevin dynamics.

    .. math:: \ln P(y) = \ln P_{\text{Laplace}}(y) - \int_0^1 \langle H \rangle_\beta \, d\beta, \qquad
              H(u) = C(w_0 + L^{-T} u) - C(w_0) - \tfrac12 |u|^2

    The average is over the stationary density ∝ exp(−|u|²/2 − βH) of

    .. math:: du = -[u + \beta \nabla H(u)] \, dt + \sqrt 2 \, dW,

    which leads from Laplace's Gaussian (β = 0; A = LLᵀ is the Hessian at the mode) to the posterior (β = 1). The
    integral is Laplace's error.

    Parameters
    ----------
    fit : Laplace
        A model of one product x·w an example (logistic, probit, Poisson, or a likelihood of one's own) at one prior
        precision.
    n_paths : int
        Number of independent paths at each of eight Gauss–Legendre nodes of β, at least 2.
    dt : float, optional
        Step h; by default a quarter of the shortest relaxation time 1/κ, where κ bounds the curvature of C in u as far
        as four standard deviations of Laplace's Gaussian.
    burn_in, duration : float
        Time before the first sample and after it, in units of the posterior's relaxation time at the mode.
    method : str
        Scheme of :func:`sdetheory.simulate`. The bias of the stationary law is O(h²) for "leimkuhler-matthews", O(h)
        for "euler-maruyama".
    rng : None, int, SeedSequence or Generator
        Source of randomness (SPEC 7).

    Returns
    -------
    Estimate
        ln P(y), with the standard error of the time averages of independent paths.

    Raises
    ------
    InvalidInputError
        If a number is out of range, or h is beyond the limit of stability 2/κ.
    IncompatibleError
        If `fit` is a path of λ, or of a model with several products an example, or none.
    DivergedError
        If paths overflowed.
    KeyboardInterrupt
        Ctrl-C: part of the way from β = 0 to 1 has no evidence.

    Warns
    -----
    AccuracyWarning
        The averages of the earlier and the later half of the run differ by more than chance, or are so correlated that
        the burn-in cannot have been long enough.

    Notes
    -----
    The standard error knows nothing of the bias in h (repeat with dt/2 to see it), of a burn-in that is too short
    beyond that warning, or of the error of the rule over β, which is below 1e-4 nats where Laplace is off by less than
    a nat. Far from Gaussian posteriors, of separable data with a weak prior, relax more slowly than the units of time
    promise. The interval is Student's, with the degrees of freedom that eight nodes have together.

    References
    ----------
    A. Gelman and X.-L. Meng (1998), Simulating normalizing constants, Statistical Science 13, 163.
    S. Smith and Q. Le (2018), arXiv:1710.06451, appendix A: Langevin dynamics at temperature 1 samples the posterior.

    Examples
    --------
    >>> from sdetheory.evidence import laplace, quadrature
    >>> from sdetheory.models import LogisticRegression
    >>> fit = laplace(LogisticRegression([[-2.0], [-1.0], [1.0], [3.0]], [0, 0, 1, 1]), 1.0)
    >>> bool(abs(thermodynamic(fit, rng=0).z_score(quadrature(fit))) < 4)
    True
    """
    target, n_paths = _target(fit), _validate.integer("n_paths", n_paths, at_least=2)
    dt, generator = _step(target, dt), _validate.generator(rng)
    before = math.ceil(_steps("burn_in", _validate.real("burn_in", burn_in, at_least=0.0), dt))
    half, every = _stretches("duration", _validate.real("duration", duration, above=0.0) / 2, dt, 16)
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    start = _start(target, _NODES * n_paths, generator)
    start[:, -1] = np.repeat((nodes + 1) / 2, n_paths)
    sde = _interpolation(target)
    # From Laplace's Gaussian, where each node starts, to its own law.
    initial = float(np.mean(_value(target, start[:, :-1])))
    start = _run(sde, start, dt, before, method, generator).final
    heights = _heights(target, sde, start, dt, 2 * half, every, method, generator)[1:]
    early, late = heights.reshape(2, half, _NODES, n_paths).mean(axis=1)
    estimate = _integral(target.log_laplace, weights / 2, (early + late) / 2)
    _warn_of_transient(weights / 2, early, late, initial, before / (half * every), estimate.stderr)
    return estimate


def _integral(log_laplace: float, weights: Array, averages: Array) -> Estimate:
    """Return ln P(y) from the averages of H, (nodes, paths)."""
    n = averages.shape[1]
    variances = weights**2 * averages.var(axis=1, ddof=1) / n
    # The nodes are independent, each with n - 1 degrees of freedom: those of Welch and Satterthwaite of the sum.
    freedom = (n - 1) * variances.sum() ** 2 / np.sum(variances**2) if variances.any() else n - 1
    return Estimate(
        value=float(log_laplace - weights @ averages.mean(axis=1)),
        stderr=float(np.sqrt(variances.sum())),
        n_eff=float(n),
        law=Student(float(freedom)),
    )


def _warn_of_transient(
    weights: Array, early: Array, late: Array, initial: float, burn_in: float, stderr: float
) -> None:
    """Warn if the way from the start to the stationary law shows in the averages over both halves, (nodes, paths).

    It shows as a change between halves that is more than chance; or it must be there, since the halves of a path are
    correlated, which tells the relaxation time, and the burn-in (in halves) is not long enough for it.
    """
    n = early.shape[1]
    changes = late - early
    with np.errstate(divide="ignore", invalid="ignore"):
        means, errors = changes.mean(axis=1), changes.std(axis=1, ddof=1) / math.sqrt(n)
        total = abs(weights @ means) / math.sqrt((weights**2) @ (errors**2))
        score = float(np.nanmax([*np.abs(means) / errors, total, 0.0]))
        left = [np.corrcoef(a, b)[0, 1] for a, b in zip(early, late, strict=True)]
    correlation = float(np.nan_to_num(np.mean(left))) - 4 / math.sqrt(early.size)
    lives = _half_in_relaxation_times(correlation)
    # How far the start is from the stationary law: the later half has come so large a part of the way.
    come = 1 + math.exp(-(burn_in + 1) * lives) * math.expm1(-lives) / lives
    away = abs(weights @ (initial - late.mean(axis=1)))
    # Averages that rise before they fall pass the start's again; what two standard errors allow is not excluded.
    away += 2 * math.sqrt((weights**2) @ late.var(axis=1, ddof=1) / n)
    bias = away / come * math.exp(-burn_in * lives) * -math.expm1(-2 * lives) / (2 * lives)
    if score > -special.stdtrit(n - 1, _FALSE_ALARM / (2 * len(means) + 2)) or bias > _TOLERABLE * stderr:
        warnings.warn(
            "thermodynamic integration has not converged: between the halves of the run the averages change by "
            f"{score:.3g} standard errors, and a burn-in of {burn_in * lives:.2g} relaxation times may leave a bias of "
            f"{bias:.2g}. Take a longer burn_in and duration",
            AccuracyWarning, 3,
        )  # fmt: skip


def _half_in_relaxation_times(correlation: float) -> float:
    """Return how long the halves of a run are, whose averages of e^(−t)-correlated numbers have this correlation."""
    if correlation <= 1e-3:
        return 500.0
    if correlation >= 0.999:
        return 1e-3
    return float(optimize.brentq(lambda h: math.expm1(-h) ** 2 / (2 * (h + math.expm1(-h))) - correlation, 1e-4, 1e3))


def annealed(
    fit: Laplace,
    *,
    n_paths: int = 4000,
    dt: float | None = None,
    duration: float = 10.0,
    method: str = "leimkuhler-matthews",
    rng: Any = None,
) -> Reference:
    r"""Estimate ln P(y) of a generalized linear model by annealed importance sampling along Langevin paths.

    .. math:: P(y) = P_{\text{Laplace}}(y) \; E\left[ e^{-W} \right], \qquad W = \sum_k (\beta_{k+1} - \beta_k) H(u_k)

    Paths start from Laplace's Gaussian and obey the equation of :func:`thermodynamic` while β rises from 0 to 1, bit by
    bit. W is the work done on them; its exponential average is exact however fast β rises (Jarzynski), but
    the faster, the more it rests on a few paths.

    Parameters
    ----------
    fit : Laplace
        A model of one product x·w an example (logistic, probit, Poisson, or a likelihood of one's own) at one prior
        precision.
    n_paths : int
        Number of independent paths, at least 100.
    dt : float, optional
        Step h, as for :func:`thermodynamic`.
    duration : float
        Time that β takes, in units of the posterior's relaxation time at the mode.
    method : str
        Scheme of :func:`sdetheory.simulate`.
    rng : None, int, SeedSequence or Generator
        Source of randomness (SPEC 7).

    Returns
    -------
    Reference
        ln P(y) with its standard error, and how degenerate the weights e^−W are.

    Raises
    ------
    InvalidInputError
        If a number is out of range, or h is beyond the limit of stability 2/κ.
    IncompatibleError
        If `fit` is a path of λ, or of a model with several products an example, or none.
    DivergedError
        If paths overflowed.
    KeyboardInterrupt
        Ctrl-C: part of the way from β = 0 to 1 has no evidence.

    Warns
    -----
    AccuracyWarning
        β rises within a relaxation time, which the work on the paths shows; the average rests on a few paths, or on
        weights whose variance may be infinite: see :func:`importance_sampling`.

    Notes
    -----
    β rises after each quarter of a relaxation time, or each thirty-second part of a shorter way. Exact for steps that
    leave the density of each β invariant. Those of the scheme do up to its bias in h, which the standard error does not
    know: repeat with dt/2 to see it.

    References
    ----------
    R. Neal (2001), Annealed importance sampling, Statistics and Computing 11, 125.
    C. Jarzynski (1997), Nonequilibrium equality for free energy differences, Physical Review Letters 78, 2690.

    Examples
    --------
    >>> from sdetheory.evidence import laplace, quadrature
    >>> from sdetheory.models import LogisticRegression
    >>> fit = laplace(LogisticRegression([[-2.0], [-1.0], [1.0], [3.0]], [0, 0, 1, 1]), 1.0)
    >>> bool(abs(annealed(fit, rng=0).log_evidence.z_score(quadrature(fit))) < 4)
    True
    """
    target, n_paths = _target(fit), _validate.integer("n_paths", n_paths, at_least=100)
    dt, generator = _step(target, dt), _validate.generator(rng)
    levels, every = _stretches("duration", _validate.real("duration", duration, above=0.0), dt, 32)
    start = _start(target, n_paths, generator)
    start[:, -1] = 1 / levels
    sde = _interpolation(target, 1 / levels, every * dt)
    heights = _heights(target, sde, start, dt, levels, every, method, generator)[:-1]
    work = heights.mean(axis=0)
    _warn_of_haste(heights[0], work)
    return summarize(target.log_laplace, -work[None, :], "Take a longer duration, or more paths.")


def _warn_of_haste(initial: Array, work: Array) -> None:
    """Warn if the work on paths is that of their starts: β rose within a relaxation time, or less."""
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = float(np.corrcoef(initial, work)[0, 1])
    if correlation - 4 / math.sqrt(len(work)) > _AT_ONE_LIFE:
        warnings.warn(
            f"annealing is too fast: the work on paths has a correlation of {correlation:.2g} with H where they "
            "start, as if they had stayed there, so that its exponential average is hardly better than importance "
            "sampling from Laplace's Gaussian. Take a longer duration",
            AccuracyWarning, 3,
        )  # fmt: skip


def _interpolation(target: Whitened, rise: float = 0.0, interval: float = 1.0) -> SDE:
    """Return the equation of (u, β), where β rises by `rise` after each interval."""
    # Numba and SymPy take half a second to load; only these two references need them.
    from ...equations.interpolation import interpolation
    from ...simulators._slopes import derivatives_source

    inputs, linear, metric = _coefficients(target)
    examples = np.column_stack([inputs, target.model.X @ target.mode, target.model.y])
    slopes = derivatives_source(likelihood_of(target.model), 1)
    return interpolation(slopes, examples, linear, metric, rise=rise, interval=interval)


def _coefficients(target: Whitened) -> tuple[Array, Array, Array]:
    """Return the inputs (n, d) of the products B u, and c, M of the prior's part c·u + u'Mu/2."""
    precision = target.model.prior_precision
    metric = precision * target.directions @ target.directions.T
    return target.model.X @ target.directions.T, precision * target.directions @ target.mode, metric


def _step(target: Whitened, dt: float | None) -> float:
    """Return the step: a quarter of 1/κ, or what was asked for if it is stable."""
    inputs, _, metric = _coefficients(target)
    reach = np.linspace(-_REACH, _REACH, 33)[:, None] * np.linalg.norm(inputs, axis=1)
    likelihood = likelihood_of(target.model)
    curvatures = likelihood.curvature(target.model.X @ target.mode + reach, target.model.y).max(axis=0)
    bound = max(1.0, float(np.linalg.norm((curvatures * inputs.T) @ inputs + metric, 2)))
    if dt is None:
        return 0.25 / bound
    dt = _validate.real("dt", dt, above=0.0)
    if dt >= 2 / bound:
        raise InvalidInputError(f"dt must be below the limit of stability 2/κ = {2 / bound:.3g}; got {dt:.3g}")
    return dt


def _stretches(name: str, time: float, dt: float, least: int) -> tuple[int, int]:
    """Return how many stretches of how many steps make a time: few enough to be looked at, `least` or more of them."""
    steps = _steps(name, time, dt)
    every = max(1, min(math.floor(_LOOK / dt), math.floor(steps / least)))
    return math.ceil(steps / every), every


def _steps(name: str, time: float, dt: float) -> float:
    """Return how many steps a time takes, if they can be counted."""
    if time / dt > 2.0**40:
        raise InvalidInputError(f"{name} must be at most 2**40 steps dt; got {time:g}, which dt = {dt:.3g} divides")
    return time / dt


def _start(target: Whitened, n_paths: int, generator: np.random.Generator) -> Array:
    """Return states with u from Laplace's Gaussian, and β = 0."""
    return np.hstack([generator.standard_normal((n_paths, target.dimension)), np.zeros((n_paths, 1))])


def _heights(
    target: Whitened, sde: SDE, start: Array, dt: float, stretches: int, every: int, method: str,
    generator: np.random.Generator,
) -> Array:  # fmt: skip
    """Return H where paths start and after each stretch of steps, (1 + stretches, paths)."""
    together = max(1, _NUMBERS // ((1 + stretches) * start.shape[1]))
    parts = []
    for first in range(0, len(start), together):
        given = start[first : first + together]
        run = _run(sde, given, dt, stretches * every, method, generator, save_every=every)
        parts.append(_value(target, run.paths[..., :-1]))
        if not np.isfinite(parts[-1]).all():
            raise DivergedError(f"the cost of paths overflowed; reduce dt from {dt:.3g}", run)
    return np.hstack(parts)


def _value(target: Whitened, u: Array) -> Array:
    """Return H at points (..., d)."""
    points = u.reshape(-1, target.dimension)
    return (-target.log_density(points) - 0.5 * np.sum(points**2, axis=1)).reshape(u.shape[:-1])


def _run(
    sde: SDE, start: Array, dt: float, steps: int, method: str, generator: np.random.Generator, **options: Any
) -> Run:
    from ...engine.run import whole_run
    from ...simulators import simulate

    run = whole_run(simulate, sde, start, dt=dt, n_steps=steps, method=method, rng=generator, **options)
    if run.diverged:
        raise DivergedError(f"{run.diverged} of {len(start)} paths overflowed; reduce dt from {dt:.3g}", run)
    return run


def _target(fit: Laplace) -> Whitened:
    target = Whitened.of(fit)
    likelihood = likelihood_of(fit.model)
    if likelihood is None or likelihood.outputs != 1:
        raise IncompatibleError(
            "Langevin references serve models whose likelihood has one product x·w an example; use importance_sampling"
        )
    if not target.dimension:
        raise IncompatibleError("the data see no direction of the weights; Laplace's evidence is exact")
    return target
