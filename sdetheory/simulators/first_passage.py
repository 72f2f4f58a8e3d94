"""First-passage times: when the paths of an SDE first enter a target."""

from __future__ import annotations

import os
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from .._intervals import Reciprocal, law_of_rate
from ..engine import compiling, divergence
from ..engine.checkpoint import Checkpoint
from ..engine.divergence import Divergence
from ..engine.recorders.passages import Passages
from ..engine.run import run
from ..equations.sde import SDE
from ..errors import IncompatibleError, InvalidInputError
from ..results import Estimate, mean_of, ratio_estimate
from ._ensemble import Ensemble
from ._scout import warn_of_long_steps
from .schemes import SCHEMES
from .targets import Bridge, Crossing, target_function


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
        Number of paths that overflowed first; estimates are of the others alone.
    divergence : Divergence or None
        The first of them, and at which step.
    window : float
        Length of the run, max_steps · dt, or how far it came.
    mean : Estimate or None
        Mean first-passage time; None where a path was censored, since the times seen would make it too short, or where
        one overflowed: if paths of the equation explode elsewhere, the mean is infinite.
    restricted_mean : Estimate
        Mean of min(time, window) of the paths that stayed finite: unbiased whatever was censored.
    rate : Estimate
        Entries over total time at risk. Where passages are memoryless this is the maximum-likelihood estimate of their
        rate, and 1/rate that of the mean time, whatever was censored; elsewhere it is the average hazard within the
        window. Its standard error, from the scatter of paths, does not rely on that; its interval is that of a Poisson
        count as far as few entries tell no better. Without any entry it is 0, with the rate of one entry as its
        standard error.
    replay : dict
        Arguments that repeat the run to the same bits: ``first_passage(**result.replay)``. After an interrupt they make
        all of it.
    interrupted : bool
        Whether Ctrl-C ended the run early; paths still outside count as censored at the time that was reached.
    """

    times: NDArray[np.float64]
    censored: int
    diverged: int
    divergence: Divergence | None
    window: float
    mean: Estimate | None
    restricted_mean: Estimate
    rate: Estimate
    replay: dict[str, Any]
    interrupted: bool = False


@compiling.named
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
    checkpoint: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
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
    checkpoint, executor : optional
        A file that a killed run goes on from, and workers to run on, as for :func:`simulate`: the same bits.

    Returns
    -------
    FirstPassage
        The times, their mean or what censoring leaves of it, and how to repeat the run.

    Raises
    ------
    InvalidInputError
        A path starts in the target, or where the equation is not finite; a target that cannot be read or has the wrong
        dimension, wrong shapes, dt ≤ 0 or beyond the stability limit of a linear drift, a count below 1; a checkpoint
        of another run or a damaged one; before any work is done.
    IncompatibleError
        A method whose points are not on a path, or that does not serve the equation.
    DivergedError
        Fewer than two paths stayed finite.
    WorkerError
        As for :func:`simulate`.
    KeyboardInterrupt
        Ctrl-C before the first step, or with an executor.

    Warns
    -----
    RuntimeWarning
        Some paths overflowed and were left out, and there is no mean; Ctrl-C ended the run; a checkpoint could not be
        written.

    Notes
    -----
    The bias of mean times is O(h) with the bridge, and O(√h) without it. The bridge takes the target's border as flat
    and the noise as constant during a step: exact for a half-space and additive noise up to the drift's changes, first
    order otherwise. In place of a φ that is not linear stands its tangent at the border, which is looked for within
    five standard deviations of a step, along the gradient as the noise measures it: times do not depend on how a set is
    spelled. The crossing's time within its step is interpolated linearly (of the reflected path, for a crossing that
    the bridge adds), which is an error below h. A particle with momentum whose target depends on positions alone has
    s = 0: its paths are smooth and need no bridge.

    Paths that have arrived cost nothing more: as soon as half of them have, the others are put together anew.

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
    file, ensemble = towards(sde, x0, n_paths, dt, start, rng, method, bridge, progress, checkpoint)
    max_steps = _validate.integer("max_steps", max_steps, at_least=1)
    with _validate.naming("target"):
        into, curved = target_function([target], sde)
    starts = ensemble.check_fields()
    warn_of_long_steps(ensemble, sde, max_steps)
    inside = into(starts, ensemble.start)[:, 0]
    if not (inside < 0).all():
        first = int(np.argmin(inside < 0))
        raise InvalidInputError(
            f"all paths must start outside the target; path {first} of {len(starts)} starts at {starts[first]}, where "
            f"the target's function is {inside[first]:.3g} and not negative. Move x0 or the target."
        )
    replay = {
        "sde": sde, "x0": starts, "target": target, "dt": ensemble.dt, "max_steps": max_steps, "start": ensemble.start,
        "rng": ensemble.seed, "method": method, "bridge": bridge,
    }  # fmt: skip
    recorder = Passages(function="first_passage", n_steps=max_steps, into=into, bridge=Bridge.of(sde, bridge, curved))
    times = run(ensemble, recorder, file=file, executor=executor, progress=progress)["times"]
    return _result(times, ensemble, replay)


def towards(
    sde: SDE,
    x0: ArrayLike,
    n_paths: int | None,
    dt: float,
    start: float,
    rng: Any,
    method: str,
    bridge: bool,
    progress: bool,
    checkpoint: str | os.PathLike[str] | None,
) -> tuple[Checkpoint, Ensemble]:
    """Check the arguments that runs towards targets have in common; return their file and their paths."""
    _validate.choice("method", method, SCHEMES)
    _validate.flag("bridge", bridge)
    _validate.flag("progress", progress)
    if not SCHEMES[method].bridged:
        raise IncompatibleError(
            f"first passages need points on a path; those of {method} have the right law one by one only. "
            "Use euler-maruyama."
        )
    file = Checkpoint(checkpoint)
    ensemble = Ensemble.prepare(
        sde, x0, dt=dt, n_paths=n_paths, rng=file.rng(rng), method=method, increments="gaussian", start=start
    )
    _validate.integer("n_paths", ensemble.n_paths, at_least=2)
    return file, ensemble


def _result(times: NDArray[np.float64], ensemble: Ensemble, replay: dict[str, Any]) -> FirstPassage:
    """Return the estimates that the times allow."""
    window = ensemble.step * ensemble.dt
    lost = times < 0
    diverged, censored = int(lost.sum()), int(np.isnan(times).sum())
    first = divergence.noted(-times)
    times[lost] = np.nan
    then = " and were left out: there is no mean"
    divergence.report(first, lost, ensemble.dt, then, least=2, result=times)
    seen = times[~lost]
    arrived = np.isfinite(seen)
    at_risk = np.where(arrived, seen, window)
    restricted = mean_of(at_risk, positive=True)
    return FirstPassage(
        times=times,
        censored=censored,
        diverged=diverged,
        divergence=first,
        window=window,
        mean=None if censored or diverged else restricted,
        restricted_mean=restricted,
        rate=_rate(arrived, at_risk, restricted),
        replay=replay,
        interrupted=ensemble.step < replay["max_steps"],
    )


def _rate(arrived: NDArray[np.bool_], at_risk: NDArray[np.float64], time: Estimate) -> Estimate:
    """Return entries over time at risk, with the interval of counts, or of 1/time where all have arrived."""
    rate = ratio_estimate(arrived, at_risk)
    if not arrived.any():
        rate = Estimate(value=0.0, stderr=1 / at_risk.sum(), n_eff=rate.n_eff)
    law = law_of_rate(arrived.sum(), rate.stderr / rate.value if rate.value else 0.0)
    if arrived.all() and time.law is not None:
        law = Reciprocal(time.law, time.stderr / time.value)
    return replace(rate, law=law)
