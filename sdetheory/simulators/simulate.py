"""Paths of an SDE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..errors import InvalidInputError
from ._ensemble import Ensemble
from .sde import SDE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """What :func:`simulate` returns.

    Attributes
    ----------
    final : ndarray, shape (n_paths, d)
        Positions after the last step.
    times : ndarray, shape (n_saved,)
        Times of the saved positions.
    paths : ndarray, shape (n_saved, n_paths, d)
        The saved positions; the start and every ``save_every``-th step, or only the last one.
    diverged : int
        Number of paths that are not finite at the end. Their values are left as they are.
    replay : dict
        Arguments that repeat the run to the same bits: ``simulate(**run.replay)``.
    """

    final: NDArray[np.float64]
    times: NDArray[np.float64]
    paths: NDArray[np.float64]
    diverged: int
    replay: dict[str, Any]


def simulate(
    sde: SDE,
    x0: ArrayLike,
    *,
    dt: float,
    n_steps: int,
    n_paths: int | None = None,
    rng: Any = None,
    method: str = "euler-maruyama",
    save_every: int | None = None,
    progress: bool = False,
) -> Run:
    r"""Simulate an ensemble of independent paths.

    Euler–Maruyama makes the step

    .. math:: w_{n+1} = w_n + f(w_n)\, h + s \sqrt{h}\, \xi_n, \qquad \xi_n \sim N(0, I),

    and Leimkuhler–Matthews the same with (ξₙ + ξₙ₊₁)/2 in place of ξₙ.

    Parameters
    ----------
    sde : SDE
        The equation, for example from :func:`langevin`.
    x0 : ndarray, shape (d,) or (n_paths, d)
        Where the paths start: one point for all (then ``n_paths`` is needed), or one each.
    dt : float
        Step h > 0. A quadratic of curvature k is unstable beyond h = 2/k.
    n_steps : int
        Number of steps.
    n_paths : int, optional
        Number of paths, at most 2³².
    rng : None, int, SeedSequence or Generator, optional
        Source of randomness (SPEC 7). Path i sees the same noise whatever the number of paths, of threads, of steps.
    method : {"euler-maruyama", "leimkuhler-matthews"}, optional
        With additive noise, Euler–Maruyama has strong order 1, weak order 1, and a stationary law correct to O(h);
        Leimkuhler–Matthews has a stationary law correct to O(h²) (exact for quadratics) at the same cost [2]_, and is
        meant for it alone.
    save_every : int, optional
        Save the positions at the start and every so many steps; it must divide ``n_steps``. Default: save the last
        only.
    progress : bool, optional
        Show a progress bar.

    Returns
    -------
    Run
        Final and saved positions, and how to repeat the run.

    Raises
    ------
    InvalidInputError
        A wrong shape, a number that is not finite, dt ≤ 0, a negative count or an unknown method; before any work is
        done.

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
    ensemble = Ensemble.prepare(sde, x0, dt=dt, n_paths=n_paths, rng=rng, method=method)
    n_steps = _validate.integer("n_steps", n_steps, at_least=0)
    if save_every is not None:
        save_every = _validate.integer("save_every", save_every, at_least=1)
        if n_steps % save_every:
            raise InvalidInputError(
                f"save_every must divide n_steps, so that the last position is saved; got {save_every} and {n_steps}. "
                f"Take n_steps={-(-n_steps // save_every) * save_every}."
            )
    replay = {
        "sde": sde, "x0": ensemble.positions(), "dt": ensemble.dt, "n_steps": n_steps, "rng": ensemble.seed,
        "method": method, "save_every": save_every,
    }  # fmt: skip

    saved_steps = np.array([n_steps]) if save_every is None else np.arange(0, n_steps + 1, save_every)
    paths = np.empty((len(saved_steps), ensemble.n_paths, sde.dimension))
    paths[0] = ensemble.positions()
    for chunk in ensemble.chunks(n_steps, stop_every=save_every, progress=progress, label="simulate"):
        ensemble.advance(chunk)
        if save_every is not None and ensemble.step % save_every == 0:
            paths[ensemble.step // save_every] = ensemble.positions()
    final = ensemble.positions()
    if save_every is None:
        paths[0] = final
    return Run(
        final=final,
        times=saved_steps * np.float64(ensemble.dt),
        paths=paths,
        diverged=int(np.sum(~np.isfinite(final).all(axis=1))),
        replay=replay,
    )
