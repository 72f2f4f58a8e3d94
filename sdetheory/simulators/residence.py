"""Residence times: how long the paths of an SDE stay near one minimum before they come to another."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from .._intervals import Law, Reciprocal, law_of_fraction, law_of_rate
from ..engine import compiling, divergence
from ..engine.divergence import Divergence
from ..engine.recorders.stays import Stays
from ..engine.run import run
from ..equations.sde import SDE
from ..errors import InvalidInputError
from ..results import Estimate, ratio_estimate
from ._ensemble import Ensemble
from ._scout import warn_of_long_steps
from .first_passage import towards
from .targets import Bridge, target_function


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResidenceTimes:
    """What :func:`residence_times` returns, for k cores; errors are from the scatter between paths.

    Attributes
    ----------
    mean_times : Estimate
        Mean time from the entry into a core to the entry into another, shape (k,); infinite where no path moved on.
    rates : Estimate
        Moves from core i to core j over the time that belongs to i, shape (k, k). Without any move it is 0, with the
        rate of one move as its standard error.
    occupancy : Estimate
        Fraction of the time that belongs to each core, shape (k,).
    moves : ndarray, shape (k, k)
        Number of moves from core i to core j.
    diverged : int
        Number of paths that overflowed; they enter no estimate.
    divergence : Divergence or None
        The first of them, and at which step.
    window : float
        Length of the run.
    replay : dict
        Arguments that repeat the run to the same bits: ``residence_times(**result.replay)``.
    interrupted : bool
        Whether Ctrl-C ended the run early; the estimates are of the time until then.
    """

    mean_times: Estimate
    rates: Estimate
    occupancy: Estimate
    moves: NDArray[np.int64]
    diverged: int
    divergence: Divergence | None
    window: float
    replay: dict[str, Any]
    interrupted: bool = False


@compiling.named
def residence_times(
    sde: SDE,
    x0: ArrayLike,
    *,
    cores: Sequence[Any],
    dt: float,
    n_steps: int,
    n_paths: int | None = None,
    start: float = 0.0,
    rng: Any = None,
    method: str = "euler-maruyama",
    bridge: bool = True,
    progress: bool = False,
    checkpoint: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
) -> ResidenceTimes:
    r"""Simulate paths that go to and fro between cores, and return how long they stay with each.

    A path belongs to the core that it visited last. With :math:`N_{ij}` moves and the total time :math:`T_i`,

    .. math:: \hat k_{ij} = N_{ij} / T_i, \qquad \hat\tau_i = T_i \Big/ \sum_j N_{ij}.

    Parameters
    ----------
    sde : SDE
        The equation.
    x0 : ndarray, shape (d,) or (n_paths, d)
        Where the paths start: one point for all (then ``n_paths`` is needed), or one each. Inside a core the time
        counts from the start, elsewhere from the first visit to a core.
    cores : sequence of targets
        At least two regions that do not touch, each around one minimum; each as the target of :func:`first_passage`.
    dt : float
        Step h > 0.
    n_steps : int
        Number of steps: many mean residence times.
    n_paths : int, optional
        Number of paths, at least 2 and at most 2³².
    start : float, optional
        Time at which the paths start, for equations that depend on it.
    rng : None, int, SeedSequence or Generator, optional
        Source of randomness (SPEC 7).
    method : str, optional
        As for :func:`first_passage`.
    bridge : bool, optional
        Correct for visits between the ends of steps, as in :func:`first_passage`.
    progress : bool, optional
        Show a progress bar.
    checkpoint, executor : optional
        A file that a killed run goes on from, and workers to run on, as for :func:`simulate`: the same bits.

    Returns
    -------
    ResidenceTimes
        Mean times, rates and occupancies, each with its standard error.

    Raises
    ------
    InvalidInputError
        Fewer than two cores, a core that cannot be read, a start inside two of them, and all that
        :func:`first_passage` refuses.
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
        Some paths overflowed and were left out; Ctrl-C ended the run; a checkpoint could not be written.

    Notes
    -----
    In one dimension τᵢ is the mean first-passage time from the edge of core i to the other core. The stay that the end
    of the run cuts off counts in Tᵢ: for exponential times this is the maximum-likelihood estimate; otherwise what is
    left of the bias is of the order of (relaxation time) / (length of the run). Cores, instead of one line between the
    basins, make that a path which only touches the line is not counted as many moves [1]_.

    References
    ----------
    .. [1] C. Schütte, F. Noé, J. Lu, M. Sarich and E. Vanden-Eijnden, "Markov state models based on milestoning",
       Journal of Chemical Physics 134 (2011) 204105.

    Examples
    --------
    >>> import sdetheory as st
    >>> sde = st.langevin(st.landscapes.double_well(), temperature=0.25)
    >>> result = residence_times(sde, [-1.0], cores=[("below", -1.0), ("above", 1.0)], dt=0.02, n_steps=20_000,
    ...                          n_paths=400, rng=0)
    >>> bool(abs(result.occupancy.z_score(0.5)).max() < 4), result.moves.diagonal().tolist()
    (True, [0, 0])
    """
    file, ensemble = towards(sde, x0, n_paths, dt, start, rng, method, bridge, progress, checkpoint)
    n_steps = _validate.integer("n_steps", n_steps, at_least=1)
    if not isinstance(cores, Sequence) or isinstance(cores, str) or len(cores) < 2:
        raise InvalidInputError(f"cores must be a sequence of at least two targets; got {cores!r:.60}")
    with _validate.naming("cores"):
        within, curved = target_function(cores, sde)
    starts = ensemble.check_fields()
    warn_of_long_steps(ensemble, sde, n_steps)
    inside = within(starts, ensemble.start)[:, :: 1 + sde.dimension] >= 0
    if (inside.sum(axis=1) > 1).any():
        first = int(np.argmax(inside.sum(axis=1) > 1))
        raise InvalidInputError(
            f"cores must not overlap; path {first} starts at {starts[first]}, inside the cores "
            f"{np.flatnonzero(inside[first]).tolist()}. Make them smaller."
        )
    replay = {
        "sde": sde, "x0": starts, "cores": cores, "dt": ensemble.dt, "n_steps": n_steps, "start": ensemble.start,
        "rng": ensemble.seed, "method": method, "bridge": bridge,
    }  # fmt: skip
    recorder = Stays(
        function="residence_times", n_steps=n_steps, within=within, k=len(cores), bridge=Bridge.of(sde, bridge, curved)
    )
    arrays = run(ensemble, recorder, file=file, executor=executor, progress=progress)
    return _result(arrays, ensemble, replay)


def _result(arrays: dict[str, NDArray[np.float64]], ensemble: Ensemble, replay: dict[str, Any]) -> ResidenceTimes:
    """Return the estimates that the stays allow."""
    lost = arrays["lost"][:, 0] > 0
    first = divergence.noted(arrays["lost"][:, 0])
    divergence.report(first, lost, ensemble.dt, " and were left out", least=2)
    stayed = arrays["stayed"][~lost]
    n, k = stayed.shape
    moves = arrays["moves"][~lost].reshape(n, k, k)
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = ratio_estimate(moves, np.broadcast_to(stayed[:, :, None], moves.shape))
        mean_times = ratio_estimate(stayed, moves.sum(axis=2))
        occupancy = ratio_estimate(stayed, np.broadcast_to(stayed.sum(axis=1, keepdims=True), stayed.shape))
        one = np.broadcast_to(1 / stayed.sum(axis=0)[:, None], (k, k))
    counts = moves.sum(axis=0)
    stays = counts.sum(axis=1) == 0
    rate_errors = np.where((counts == 0) & ~np.eye(k, dtype=bool), one, rates.stderr)
    return ResidenceTimes(
        mean_times=Estimate(
            value=mean_times.value,
            stderr=np.where(stays, np.inf, mean_times.stderr),
            n_eff=mean_times.n_eff,
            law=_law_of_times(counts.sum(axis=1), mean_times),
        ),
        rates=Estimate(
            value=rates.value,
            stderr=rate_errors,
            n_eff=rates.n_eff,
            law=law_of_rate(counts, _relative(rates.value, rate_errors)),
        ),
        occupancy=replace(occupancy, law=_law_of_occupancy(stayed, occupancy)),
        moves=moves.sum(axis=0).astype(np.int64),
        diverged=int(lost.sum()),
        divergence=first,
        window=ensemble.step * ensemble.dt,
        replay=replay,
        interrupted=ensemble.step < replay["n_steps"],
    )


def _relative(value: NDArray[np.float64], error: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return relative errors, 0 where there is nothing that an error could be relative to."""
    known = np.isfinite(value) & np.isfinite(error) & (value != 0)
    return np.where(known, error, 0.0) / np.where(known, value, 1.0)


def _law_of_times(counts: NDArray[np.float64], times: Estimate) -> Law:
    """Return the law of times per move: that of one over the rate of moves."""
    relative = _relative(times.value, times.stderr)
    return Reciprocal(law_of_rate(counts, relative), np.where(relative > 0, relative, 1.0))


def _law_of_occupancy(stayed: NDArray[np.float64], occupancy: Estimate) -> Law:
    """Return the law of shares of the time, as means over paths that all last about as long."""
    total = stayed.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return law_of_fraction(stayed / total, occupancy.value, occupancy.stderr)
