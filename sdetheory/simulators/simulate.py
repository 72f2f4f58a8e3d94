"""Paths of an SDE."""

from __future__ import annotations

import os
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..engine import compiling, divergence
from ..engine.checkpoint import Checkpoint
from ..engine.divergence import Divergence
from ..engine.recorders.paths import Paths
from ..engine.run import run
from ..equations.adaptive import AdaptiveEquation
from ..equations.sde import SDE
from ..equations.sgd_equation import SGDEquation
from ..errors import IncompatibleError, InvalidInputError
from ._ensemble import Ensemble
from ._scout import warn_of_long_steps
from ._weighted_ensemble import AdaptiveEnsemble, WeightedEnsemble
from .schemes import SCHEMES


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """What :func:`simulate` returns.

    Attributes
    ----------
    final : ndarray, shape (n_paths, d)
        Positions after the last step that was made.
    times : ndarray, shape (n_saved,)
        Times of the saved positions.
    paths : ndarray, shape (n_saved, n_paths, d)
        The saved positions; the start and every ``save_every``-th step, or only the last one.
    diverged : int
        Number of paths that are not finite at the end. Their values are left as they are.
    divergence : Divergence or None
        The first of them, and at which step.
    replay : dict
        Arguments that repeat the run to the same bits: ``simulate(**run.replay)``. After an interrupt they make all of
        it.
    n_steps : int
        Number of steps made: fewer than asked for after an interrupt.
    interrupted : bool
        Whether Ctrl-C ended the run early; ``times`` and ``paths`` then hold what was saved until then.
    """

    final: NDArray[np.float64]
    times: NDArray[np.float64]
    paths: NDArray[np.float64]
    diverged: int
    divergence: Divergence | None
    replay: dict[str, Any]
    n_steps: int
    interrupted: bool = False


@compiling.named
def simulate(
    sde: SDE,
    x0: ArrayLike,
    *,
    dt: float,
    n_steps: int,
    n_paths: int | None = None,
    start: float = 0.0,
    rng: Any = None,
    method: str = "euler-maruyama",
    increments: str = "gaussian",
    brownian_dt: float | None = None,
    save_every: int | None = None,
    progress: bool = False,
    checkpoint: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
) -> Run:
    r"""Simulate an ensemble of independent paths.

    Euler–Maruyama makes the step

    .. math:: w_{n+1} = w_n + f(w_n)\, h + s \sqrt{h}\, \xi_n, \qquad \xi_n \sim N(0, I),

    and Leimkuhler–Matthews the same with (ξₙ + ξₙ₊₁)/2 in place of ξₙ.

    Parameters
    ----------
    sde : SDE
        The equation, for example from :func:`langevin`; or of SGD on a model, from :func:`sgd_sde`, which goes with
        Euler–Maruyama and Gaussian increments.
    x0 : ndarray, shape (d,) or (n_paths, d)
        Where the paths start: one point for all (then ``n_paths`` is needed), or one each.
    dt : float
        Step h > 0. A quadratic of curvature k is unstable beyond h = 2/k, and a longer step is refused.
    n_steps : int
        Number of steps.
    n_paths : int, optional
        Number of paths, at most 2³².
    start : float, optional
        Time at which the paths start, for equations that depend on it.
    rng : None, int, SeedSequence or Generator, optional
        Source of randomness (SPEC 7). Path i sees the same noise whatever the number of paths, of threads, of steps.
    method : str, optional
        One of :data:`sdetheory.simulators.SCHEMES`: "euler-maruyama", "milstein", "heun" (Stratonovich), "platen"
        (weak order 2), "leimkuhler-matthews" (additive noise; its stationary law is correct to O(h²), exact for
        quadratics, at the price of Euler–Maruyama [2]_), "baoab" (underdamped Langevin), "exact" (linear equations).
    increments : {"gaussian", "three-point", "two-point"}, optional
        What stands for ξ. The others have its moments to order 5 and 3: enough for expectations of weak order 2 and 1,
        and cheaper. Paths then mean nothing.
    brownian_dt : float, optional
        Step of the finest run with which this one shares its Brownian path: dt must be a whole multiple of it. Not for
        "baoab" and "exact", whose numbers are no increments of one.
    save_every : int, optional
        Save the positions at the start and every so many steps; it must divide ``n_steps``. Default: save the last
        only.
    progress : bool, optional
        Show a progress bar, with an estimate of the time that remains, and before it what is compiled.
    checkpoint : path, optional
        A file to keep the run in: written at once and then every few seconds. If it exists, the run goes on from
        there, to the same bits as in one go; with ``rng=None`` it goes on with the seed in the file. A finished run
        returns at once.
    executor : concurrent.futures.Executor, optional
        Where to run: ranges of paths become tasks, of one thread each, and give the same bits as without. For Dask
        pass ``Client(...).get_executor()``, with workers of one thread; for processes,
        ``ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))``.

    Returns
    -------
    Run
        Final and saved positions, and how to repeat the run.

    Raises
    ------
    InvalidInputError
        A wrong shape, a number that is not finite, dt ≤ 0 or beyond the stability limit of a linear drift, a negative
        count or an unknown method; an equation that is not finite where a path starts; a checkpoint of another run, a
        damaged one, or a place that cannot be written; before any work is done.
    WorkerError
        A worker of the executor died and the executor does not replace it. With a checkpoint, the ranges of paths that
        were done are not lost.

    Warns
    -----
    RuntimeWarning
        Paths overflowed; Ctrl-C ended the run, and what was done is returned (with an executor the run is given up
        instead, and KeyboardInterrupt raised); or a checkpoint could not be written, for example on a full disk: the
        one before remains, and the run goes on.

    Notes
    -----
    The bits of a path depend on the seed, the path's number and the arguments alone. They are the same on every
    processor with fused multiply-add as long as the drift uses no function of the system's mathematical library
    (trigonometric and hyperbolic ones do).

    References
    ----------
    .. [1] P. E. Kloeden and E. Platen, *Numerical Solution of Stochastic Differential Equations*, Springer 1992,
       chapter 10.2.
    .. [2] B. Leimkuhler and C. Matthews, "Rational construction of stochastic numerical methods for molecular
       sampling", Applied Mathematics Research eXpress 2013.

    Examples
    --------
    >>> import sdetheory as st
    >>> sde = st.langevin(st.landscapes.double_well(), temperature=0.1)
    >>> run = st.simulate(sde, [-1.0], dt=0.01, n_steps=200, n_paths=1000, rng=1, save_every=100)
    >>> run.times, run.paths.shape, run.diverged
    (array([0., 1., 2.]), (3, 1000, 1), 0)
    """
    _validate.flag("progress", progress)
    start = _validate.real("start", start)
    file = Checkpoint(checkpoint)
    refine = _refinement(dt, brownian_dt, method, increments)
    weighted = AdaptiveEnsemble if isinstance(sde, AdaptiveEquation) else WeightedEnsemble
    ensemble = (weighted if isinstance(sde, SGDEquation) else Ensemble).prepare(
        sde, x0, dt=dt, n_paths=n_paths, rng=file.rng(rng), method=method, increments=increments, start=start,
        refine=refine,
    )  # fmt: skip
    n_steps = _validate.integer("n_steps", n_steps, at_least=0)
    if save_every is not None:
        save_every = _validate.integer("save_every", save_every, at_least=1)
        if n_steps % save_every:
            raise InvalidInputError(
                f"save_every must divide n_steps, so that the last position is saved; got {save_every} and {n_steps}. "
                f"Take n_steps={-(-n_steps // save_every) * save_every}."
            )
    starts = ensemble.check_fields()
    if not isinstance(sde, SGDEquation):
        warn_of_long_steps(ensemble, sde, n_steps)
    replay = {
        "sde": sde, "x0": starts, "dt": ensemble.dt, "n_steps": n_steps, "start": start,
        "rng": ensemble.seed, "method": method, "increments": increments, "brownian_dt": brownian_dt,
        "save_every": save_every,
    }  # fmt: skip
    recorder = Paths(function="simulate", n_steps=n_steps, save_every=save_every)
    arrays = run(
        ensemble, recorder, file=file, executor=executor, progress=progress, described={"brownian_dt": brownian_dt}
    )
    final, paths = arrays["final"], arrays["paths"]
    lost = ~np.isfinite(final).all(axis=1)
    first = divergence.find(ensemble, starts, lost, ensemble.step)
    divergence.report(first, lost, ensemble.dt)
    saved_steps = np.array([ensemble.step]) if save_every is None else save_every * np.arange(len(paths))
    return Run(
        final=final,
        times=start + saved_steps * np.float64(ensemble.dt),
        paths=paths,
        diverged=int(lost.sum()),
        divergence=first,
        replay=replay,
        n_steps=ensemble.step,
        interrupted=ensemble.step < n_steps,
    )


def _refinement(dt: float, brownian_dt: float | None, method: str, increments: str) -> int:
    """Return how many increments of the shared Brownian path make one of this run."""
    if brownian_dt is None:
        return 1
    dt = _validate.real("dt", dt, above=0.0)
    scheme = SCHEMES[_validate.choice("method", method, SCHEMES)]
    ratio = dt / _validate.real("brownian_dt", brownian_dt, above=0.0)
    if abs(ratio - round(ratio)) > 1e-9 * ratio or ratio < 0.5:
        raise InvalidInputError(
            f"dt must be a whole multiple of brownian_dt; got {dt:g} and {brownian_dt:g}, a ratio of {ratio:g}"
        )
    if increments != "gaussian" or not scheme.brownian:
        raise IncompatibleError(
            f"{method} with {increments} increments does not follow a Brownian path, so none can be shared; use "
            f"{', '.join(s.name for s in SCHEMES.values() if s.brownian)} with gaussian increments"
        )
    return round(ratio)
