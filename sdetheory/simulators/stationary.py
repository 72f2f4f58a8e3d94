"""Stationary statistics of an SDE, sampled in memory that does not grow with the number of steps."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..errors import DivergedError, InvalidInputError
from ..results import Estimate, mean_estimate
from . import _parallel
from ._checkpoint import Checkpoint, describe
from ._ensemble import Ensemble, Interrupt
from .histogram import Histogram, cell_edges
from .sde import SDE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StationarySample:
    """What :func:`sample_stationary` returns.

    Attributes
    ----------
    mean : Estimate
        Mean position, arrays of shape (d,). Standard errors come from the scatter between independent paths.
    covariance : Estimate
        Covariance of the position, arrays of shape (d, d).
    histogram : Histogram or None
        Counts on the grid that ``bins`` asked for.
    n_samples : int
        Number of positions that entered.
    diverged : int
        Number of paths that overflowed; they enter neither mean nor covariance. What they did before, while still
        finite, is counted in the histogram.
    replay : dict
        Arguments that repeat the sample to the same bits: ``sample_stationary(**sample.replay)``. After an interrupt
        they make all of it.
    interrupted : bool
        Whether Ctrl-C ended the run early; the statistics are those of the samples until then.
    """

    mean: Estimate
    covariance: Estimate
    histogram: Histogram | None
    n_samples: int
    diverged: int
    replay: dict[str, Any]
    interrupted: bool = False


def sample_stationary(
    sde: SDE,
    x0: ArrayLike | None = None,
    *,
    dt: float,
    n_paths: int,
    burn_in: int,
    n_steps: int,
    every: int = 1,
    bins: ArrayLike | Sequence[ArrayLike] | None = None,
    rng: Any = None,
    method: str = "euler-maruyama",
    increments: str = "gaussian",
    progress: bool = False,
    checkpoint: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
) -> StationarySample:
    r"""Sample the stationary distribution of an SDE by long independent paths, keeping statistics and no paths.

    Parameters
    ----------
    sde : SDE
        The equation, for example from :func:`langevin`.
    x0 : ndarray, shape (d,) or (n_paths, d), optional
        Where the paths start; the origin by default.
    dt : float
        Step h > 0.
    n_paths : int
        Number of independent paths, at least 2; more paths make better error bars.
    burn_in : int
        Steps before the first sample: several relaxation times.
    n_steps : int
        Steps after it.
    every : int, optional
        Take a sample every so many steps; it must divide ``n_steps``. Neighbouring steps are nearly the same position,
        so a larger value loses little and saves the time of counting.
    bins : ndarray, or sequence of d ndarrays, optional
        Edges of equal cells of a histogram, for d = 1 or 2.
    rng : None, int, SeedSequence or Generator, optional
        Source of randomness (SPEC 7).
    method, increments : str, optional
        As for :func:`simulate`. The stationary law of "euler-maruyama" is correct to O(h), that of
        "leimkuhler-matthews" to O(h²).
    progress : bool, optional
        Show a progress bar, with an estimate of the time that remains.
    checkpoint, executor : optional
        A file that a killed run goes on from, and workers to run on, as for :func:`simulate`: the same bits.

    Returns
    -------
    StationarySample
        Mean, covariance and histogram, each with its standard error.

    Raises
    ------
    InvalidInputError
        Wrong shapes, numbers that are not finite, dt ≤ 0, counts that do not fit, cells that are not equal; a
        checkpoint of another run or a damaged one; before any work is done.
    DivergedError
        Fewer than two paths stayed finite.
    WorkerError
        As for :func:`simulate`.
    KeyboardInterrupt
        Ctrl-C before the first sample, or with an executor.

    Warns
    -----
    RuntimeWarning
        Some paths overflowed and were left out; Ctrl-C ended the run and the sample so far is returned; a checkpoint
        could not be written.

    Notes
    -----
    Samples of one path are correlated, paths are not: every standard error is the scatter of time averages between
    paths (or, for histograms, between up to 128 groups of paths) over the root of their number. It knows nothing of a
    burn-in that is too short or of the bias in h. Memory is O(n_paths d²) and O(cells).

    References
    ----------
    .. [1] B. Leimkuhler and C. Matthews, "Rational construction of stochastic numerical methods for molecular
       sampling", Applied Mathematics Research eXpress 2013.

    Examples
    --------
    >>> import sdetheory as st
    >>> sde = st.langevin(st.landscapes.quadratic(2.0), temperature=0.5)
    >>> sample = sample_stationary(sde, dt=0.05, n_paths=2000, burn_in=200, n_steps=400, every=4, rng=0,
    ...                            method="leimkuhler-matthews")
    >>> bool(abs(sample.covariance.z_score(0.25)) < 4)
    True
    """
    n_paths = _validate.integer("n_paths", n_paths, at_least=2)
    if x0 is None:
        x0 = np.zeros(sde.dimension if isinstance(sde, SDE) else 0)
    file = Checkpoint(checkpoint)
    ensemble = Ensemble.prepare(
        sde, x0, dt=dt, n_paths=n_paths, rng=file.rng(rng), method=method, increments=increments
    )
    burn_in = _validate.integer("burn_in", burn_in, at_least=0)
    n_steps = _validate.integer("n_steps", n_steps, at_least=1)
    every = _validate.integer("every", every, at_least=1)
    if n_steps % every:
        raise InvalidInputError(
            f"every must divide n_steps; got {every} and {n_steps}. Take n_steps={-(-n_steps // every) * every}."
        )
    edges = None if bins is None else cell_edges(bins, sde.dimension)
    replay = {
        "sde": sde, "x0": ensemble.positions(), "dt": ensemble.dt, "n_paths": n_paths, "burn_in": burn_in,
        "n_steps": n_steps, "every": every, "bins": edges, "rng": ensemble.seed, "method": method,
        "increments": increments,
    }  # fmt: skip

    run = describe(
        "sample_stationary", ensemble, burn_in=burn_in, n_steps=n_steps, every=every, bins=edges,
        executor=executor is not None,
    )  # fmt: skip
    n_records = n_steps // every
    shape = tuple(len(edge) - 1 for edge in edges or ())
    if executor is None:
        with Interrupt() as interrupt:
            groups = len(_parallel.bounds(ensemble))
            sums = _sums(ensemble, burn_in, n_records, every, edges, groups, file, run, interrupt, progress)
        n_records = (ensemble.step - burn_in) // every
    else:
        sums = _parallel.gather(
            executor, _sums, ensemble, (burn_in, n_records, every, edges, 1),
            axes=dict.fromkeys(("final", "origin", "first", "second", "counts"), 0), file=file, run=run,
            progress=progress, label="sample",
        )  # fmt: skip
    if n_records < 1:
        raise KeyboardInterrupt
    interrupted = n_records < n_steps // every
    if interrupted:
        warnings.warn(f"interrupted after {n_records} of {n_steps // every} samples", RuntimeWarning, 2)

    averages, counts = (sums["first"] / n_records, sums["second"] / n_records), sums["counts"]
    finite = np.isfinite(averages[0]).all(axis=1) & np.isfinite(averages[1]).all(axis=1)
    diverged = int(n_paths - finite.sum())
    if n_paths - diverged < 2:
        raise DivergedError(
            f"{diverged} of {n_paths} paths overflowed. Reduce dt, or start nearer to the minima.",
            result=sums["final"],
        )
    if diverged:
        warnings.warn(f"{diverged} of {n_paths} paths overflowed and were left out; reduce dt", RuntimeWarning, 2)
    centre, *moments = _about_one_point(sums["origin"][finite], *(a[finite] for a in averages))
    mean, covariance = _moments(*moments)
    histogram = None
    if edges is not None:
        inner = counts[:, :-1].reshape(len(counts), *shape)
        histogram = Histogram(edges=edges, counts=inner, totals=counts.sum(axis=1))
    return StationarySample(
        mean=Estimate(value=mean.value + centre, stderr=mean.stderr, n_eff=mean.n_eff),
        covariance=covariance,
        histogram=histogram,
        n_samples=n_records * int(finite.sum()),
        diverged=diverged,
        replay=replay,
        interrupted=interrupted,
    )


def _sums(
    ensemble: Ensemble,
    burn_in: int,
    n_records: int,
    every: int,
    edges: tuple[NDArray[np.float64], ...] | None,
    groups: int,
    file: Checkpoint | None = None,
    run: dict[str, Any] | None = None,
    interrupt: Interrupt | None = None,
    progress: bool = False,
) -> dict[str, NDArray[Any]]:
    """Make the steps that remain; return sums over time by path, counts by group, and the last positions."""
    file = file or Checkpoint(None)
    blocks, dimension, lanes = ensemble.state.shape
    shape = np.array([len(edge) - 1 for edge in edges or ()], dtype=np.int64)
    lower = np.array([edge[0] for edge in edges or ()], dtype=np.float64)
    scale = np.array([(len(edge) - 1) / (edge[-1] - edge[0]) for edge in edges or ()], dtype=np.float64)
    ensemble.step, arrays = file.begin(
        run or {},
        {
            "state": ensemble.state,
            "origin": ensemble.state.copy(),
            "first": np.zeros_like(ensemble.state),
            "second": np.zeros((blocks, dimension * (dimension + 1) // 2, lanes)),
            # The scatter between groups of paths gives the errors of the histogram.
            "counts": np.zeros((groups, int(np.prod(shape)) + 1), dtype=np.int64),
        },
    )
    ensemble.state = arrays["state"]
    begun = ensemble.step
    watched = {"progress": progress, "interrupt": interrupt}
    for chunk in ensemble.chunks(burn_in, done=min(begun, burn_in), label="burn in", **watched):
        ensemble.advance(chunk)
        # Moments about a point of the path itself do not cancel, wherever other paths are.
        arrays["origin"][:] = ensemble.state
        file.offer(ensemble.step, arrays)
    done = max(ensemble.step - burn_in, 0) // every
    statistics = *(arrays[name] for name in ("origin", "first", "second")), lower, scale, shape, arrays["counts"]
    for chunk in ensemble.chunks(n_records, done=done, steps_each=every, label="sample", **watched):
        ensemble.advance_and_record(chunk, every, *statistics, ensemble.n_paths)
        file.offer(ensemble.step, arrays)
    if ensemble.step > begun:
        file.save(ensemble.step, arrays)
    by_path = {name: ensemble.unblocked(arrays[name]) for name in ("origin", "first", "second")}
    return {"final": ensemble.positions(), "counts": arrays["counts"], **by_path}


def _about_one_point(
    origins: NDArray[np.float64], first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return a point inside the cloud, and the paths' averages about it instead of about origins of their own."""
    centre = np.median(origins + first, axis=0)
    shift = origins - centre
    rows, columns = np.tril_indices(first.shape[1])
    products = shift[:, rows] * first[:, columns] + first[:, rows] * shift[:, columns]
    return centre, first + shift, second + products + shift[:, rows] * shift[:, columns]


def _moments(first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[Estimate, Estimate]:
    """Return mean and covariance from time averages by path, of x and of the products of its components."""
    mean = mean_estimate(first)
    dimension = first.shape[1]
    rows, columns = np.tril_indices(dimension)
    # Each path's contribution to E[xx'] - E[x]E[x]', linearized about the means (exact for the value itself).
    centred = first - mean.value
    influence = second - mean.value[rows] * first[:, columns] - mean.value[columns] * first[:, rows]
    influence += mean.value[rows] * mean.value[columns]
    packed = mean_estimate(influence)
    # The mean itself is estimated; what that takes from the covariance is its own variance.
    packed_value = packed.value + np.mean(centred[:, rows] * centred[:, columns], axis=0) / (len(first) - 1)
    value, stderr = np.empty((2, dimension, dimension))
    value[rows, columns] = value[columns, rows] = packed_value
    stderr[rows, columns] = stderr[columns, rows] = packed.stderr
    return mean, Estimate(value=value, stderr=stderr, n_eff=packed.n_eff)
