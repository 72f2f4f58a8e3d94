"""First-passage times: when the paths of an SDE first enter a target."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from .._kernels import ensemble as drivers
from .._kernels import noise, schemes
from .._kernels.block import BlockFunction
from .._kernels.signatures import FIELD, NOISE, compiled
from ..errors import DivergedError, IncompatibleError, InvalidInputError
from ..results import Estimate, mean_estimate
from ..symbolic.codegen import block_source
from ..symbolic.parsing import as_expression
from ._ensemble import Ensemble
from .sde import SDE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crossing:
    """The half-space a·x ≥ c, as a target of :func:`first_passage`.

    Attributes
    ----------
    direction : ndarray, shape (d,)
        a, not zero; its length does not matter to the times.
    level : float
        c.
    """

    direction: ArrayLike
    level: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FirstPassage:
    """What :func:`first_passage` returns.

    Attributes
    ----------
    times : ndarray, shape (n_paths,)
        When each path first entered the target, since the start; NaN where it did not.
    censored : int
        Number of paths that were still outside when the run ended.
    diverged : int
        Number of paths that overflowed first; they enter no estimate.
    window : float
        Length of the run, max_steps · dt.
    mean : Estimate or None
        Mean first-passage time; None where a path was censored, since the times seen would make it too short.
    restricted_mean : Estimate
        Mean of min(time, window): unbiased whatever was censored.
    rate : Estimate
        Entries over total time at risk. Where passages are memoryless this is the maximum-likelihood estimate of their
        rate, and 1/rate that of the mean time, whatever was censored; elsewhere it is the average hazard within the
        window. Its standard error, from the scatter of paths, does not rely on that. Without any entry it is 0, with
        the rate of one entry as its standard error.
    replay : dict
        Arguments that repeat the run to the same bits: ``first_passage(**result.replay)``.
    """

    times: NDArray[np.float64]
    censored: int
    diverged: int
    window: float
    mean: Estimate | None
    restricted_mean: Estimate
    rate: Estimate
    replay: dict[str, Any]


def first_passage(
    sde: SDE,
    x0: ArrayLike,
    *,
    target: tuple[str, float] | Crossing | str | sympy.Expr,
    dt: float,
    max_steps: int,
    n_paths: int | None = None,
    start: float = 0.0,
    rng: Any = None,
    method: str = "euler-maruyama",
    bridge: bool = True,
    progress: bool = False,
) -> FirstPassage:
    r"""Simulate paths until they enter a target, and return when they do.

    .. math:: \tau = \inf \{ t : \varphi(x_t) \ge 0 \}

    Looking at the ends of steps only, one misses the paths that go in and come out again between, and all times are
    too long by :math:`O(\sqrt h)`. Between two ends outside the target, a path with the noise frozen is a Brownian
    bridge, and it has been inside with the probability

    .. math:: \exp \left( -\frac{2\, \varphi_n \varphi_{n+1}}{s^2 h} \right), \qquad
        s^2 = |B^\top \nabla \varphi|^2,

    by which the crossing is decided.

    Parameters
    ----------
    sde : SDE
        The equation.
    x0 : ndarray, shape (d,) or (n_paths, d)
        Where the paths start: one point for all (then ``n_paths`` is needed), or one each. All outside the target.
    target : tuple, Crossing, str or sympy.Expr
        In one dimension ("above", c) or ("below", c); a half-space as a :class:`Crossing`; or φ, a formula in the
        variables, parameters and time of the equation (x0, x1, … and t for an equation of functions), which is
        negative outside the target and not inside.
    dt : float
        Step h > 0.
    max_steps : int
        Steps after which a path outside counts as censored.
    n_paths : int, optional
        Number of paths, at least 2 and at most 2³².
    start : float, optional
        Time at which the paths start, for equations that depend on it; first-passage times count from it.
    rng : None, int, SeedSequence or Generator, optional
        Source of randomness (SPEC 7). The time of path i does not depend on the number of paths or of threads.
    method : str, optional
        As for :func:`simulate`, except "leimkuhler-matthews", whose successive points are not on a path.
    bridge : bool, optional
        Correct for crossings between the ends of steps.
    progress : bool, optional
        Show a progress bar.

    Returns
    -------
    FirstPassage
        The times, their mean or what censoring leaves of it, and how to repeat the run.

    Raises
    ------
    InvalidInputError
        A path starts in the target, a target that cannot be read or has the wrong dimension, wrong shapes, dt ≤ 0, a
        count below 1; before any work is done.
    IncompatibleError
        A method whose points are not on a path, or that does not serve the equation.
    DivergedError
        Fewer than two paths stayed finite.

    Warns
    -----
    RuntimeWarning
        Some paths overflowed and were left out.

    Notes
    -----
    The bias of mean times is O(h) with the bridge, and O(√h) without it. The bridge takes φ as linear and the noise as
    constant during a step: exact for a half-space and additive noise up to the drift's changes, first order otherwise.
    The crossing's time within its step is interpolated linearly (of the reflected path, for a crossing that the bridge
    adds), which is an error below h. A particle with momentum whose target depends on positions alone has s = 0: its
    paths are smooth and need no bridge.

    Paths that have arrived are simulated on until all of their block have.

    References
    ----------
    .. [1] R. Mannella, "Absorbing boundaries and optimal stopping in a stochastic differential equation", Physics
       Letters A 254 (1999) 257.
    .. [2] E. Gobet, "Weak approximation of killed diffusion using Euler schemes", Stochastic Processes and their
       Applications 87 (2000) 167.

    Examples
    --------
    >>> import sdetheory as st
    >>> drifting = st.SDE.from_sympy(["1"], ["1"], variables=["x"])
    >>> result = first_passage(drifting, [0.0], target=("above", 2.0), dt=0.05, max_steps=2000, n_paths=4000, rng=1)
    >>> result.censored, bool(abs(result.mean.z_score(2.0)) < 4)
    (0, True)
    """
    if method == "leimkuhler-matthews":
        raise IncompatibleError(
            "first passages need points on a path; those of leimkuhler-matthews have the right law one by one only. "
            "Use euler-maruyama."
        )
    ensemble = Ensemble.prepare(
        sde, x0, dt=dt, n_paths=n_paths, rng=rng, method=method, increments="gaussian", start=start
    )
    paths = ensemble.n_paths
    _validate.integer("n_paths", paths, at_least=2)
    max_steps = _validate.integer("max_steps", max_steps, at_least=1)
    begin = _validate.real("start", start)
    into = _target(target, sde)
    starts = ensemble.positions()
    inside = into(starts, begin)[:, 0]
    if not (inside < 0).all():
        first = int(np.argmin(inside < 0))
        raise InvalidInputError(
            f"all paths must start outside the target; path {first} of {paths} starts at {starts[first]}, where the "
            f"target's function is {inside[first]:.3g} and not negative. Move x0 or the target."
        )
    replay = {
        "sde": sde, "x0": starts, "target": target, "dt": ensemble.dt, "max_steps": max_steps, "start": begin,
        "rng": ensemble.seed, "method": method, "bridge": bridge,
    }  # fmt: skip

    blocks, _, lanes = ensemble.state.shape
    times = np.full((blocks, lanes), np.nan)
    times.reshape(-1)[paths:] = 0.0  # nobody waits for lanes that only pad the last block
    parameters, uniform = np.append(into.parameters, 0.0), compiled(NOISE, noise.uniform)
    fixed = (into.compiled, parameters, *_noise(sde, bridge), uniform, times)
    for chunk in ensemble.chunks(max_steps, progress=progress, label="first passage"):
        drivers.advance_to_target(*ensemble._arguments(), chunk, *fixed)  # pyright: ignore[reportCallIssue]
        ensemble.step += chunk
        if not np.isnan(times).any():
            break
    return _result(times.reshape(-1)[:paths].copy(), max_steps * ensemble.dt, replay)


def _target(target: Any, sde: SDE) -> BlockFunction:
    """Return the target's function and its gradient, 1 + d rows."""
    if isinstance(target, tuple):
        if len(target) != 2 or target[0] not in ("above", "below") or sde.dimension != 1:
            raise InvalidInputError(
                f'a tuple as target must be ("above", c) or ("below", c), in one dimension; got {target!r:.60} with '
                f"d = {sde.dimension}. Use a Crossing, or a formula."
            )
        sign = 1.0 if target[0] == "above" else -1.0
        level = _validate.real("the target's level", target[1])
        target = Crossing(direction=[sign], level=sign * level)
    if isinstance(target, Crossing):
        direction = _validate.reals("the crossing's direction", target.direction, shape=(sde.dimension,))
        if not direction.any():
            raise InvalidInputError(
                "the crossing's direction must not be zero; got zeros. Give the vector a of a·x ≥ c."
            )
        level = _validate.real("the crossing's level", target.level)
        x, a = (sympy.symbols(f"{letter}:{sde.dimension}", real=True) for letter in "xa")
        c, time = sympy.symbols("c t", real=True)
        rows = [sympy.Add(-c, *[i * j for i, j in zip(a, x, strict=True)]), *a]
        return BlockFunction(block_source("target", rows, x, (*a, c, time)), np.append(direction, level), len(rows))
    if not isinstance(target, str | sympy.Expr):
        raise InvalidInputError(
            f'target must be ("above", c), ("below", c), a Crossing or a formula; got {type(target).__name__}'
        )
    formulas = sde._formulas
    if formulas is None:
        x, values, time = sympy.symbols(f"x:{sde.dimension}", real=True), {}, sympy.Symbol("t", real=True)
    else:
        x, values, time = formulas.variables, formulas.parameters, formulas.time
    phi = as_expression(target, {s.name: s for s in (*x, *values, time)})
    if not phi.has(*x):
        raise InvalidInputError(f"target must depend on {', '.join(map(str, x))}; got the formula {phi}")
    rows = [phi, *[phi.diff(v) for v in x]]
    source = block_source("target", rows, x, (*values, time))
    return BlockFunction(source, np.array(list(values.values()), dtype=np.float64), len(rows))


def _noise(sde: SDE, bridge: bool) -> tuple[Any, NDArray[np.float64], NDArray[np.int64]]:
    """Return the equation's noise for the bridge: its function, or its matrix, and [layout, rows of the function]."""
    nothing, none = compiled(FIELD, schemes.nothing), np.zeros((1, 1))
    if not bridge:
        return nothing, none, np.array([-1, 0])
    if sde._constant is not None:
        return nothing, np.ascontiguousarray(sde._constant), np.array([schemes.MATRIX, 0])
    assert sde._diffusion is not None
    layout = schemes.DIAGONAL if sde.noise == "diagonal" else schemes.GENERAL
    return sde._diffusion.compiled, none, np.array([layout, sde._diffusion.rows])


def _result(times: NDArray[np.float64], window: float, replay: dict[str, Any]) -> FirstPassage:
    """Return the estimates that the times allow."""
    lost = times == -1.0
    diverged, censored = int(lost.sum()), int(np.isnan(times).sum())
    times[lost] = np.nan
    if len(times) - diverged < 2:
        raise DivergedError(
            f"{diverged} of {len(times)} paths overflowed before they reached the target; reduce dt", result=times
        )
    if diverged:
        warnings.warn(f"{diverged} of {len(times)} paths overflowed and were left out; reduce dt", RuntimeWarning, 3)
    seen = times[~lost]
    arrived = np.isfinite(seen)
    at_risk = np.where(arrived, seen, window)
    restricted = mean_estimate(at_risk)
    value = arrived.sum() / at_risk.sum()
    # A ratio of sums over paths: its error is that of the residuals, to first order.
    residual = mean_estimate((arrived - value * at_risk) / at_risk.mean())
    stderr = residual.stderr if arrived.any() else 1 / at_risk.sum()
    return FirstPassage(
        times=times,
        censored=censored,
        diverged=diverged,
        window=window,
        mean=None if censored else restricted,
        restricted_mean=restricted,
        rate=Estimate(value=float(value), stderr=float(stderr), n_eff=float(len(seen))),
        replay=replay,
    )
