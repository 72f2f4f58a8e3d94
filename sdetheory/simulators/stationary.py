"""Stationary statistics of an SDE, sampled in memory that does not grow with the number of steps."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from .._intervals import law_of_fraction, law_of_mean
from ..engine import compiling, divergence
from ..engine.caution import warn
from ..engine.checkpoint import Checkpoint
from ..engine.divergence import Divergence
from ..engine.recorders.moments import BY_PATH, Moments
from ..engine.run import run
from ..equations.sde import SDE
from ..errors import AccuracyWarning, InvalidInputError
from ..results import Estimate, mean_of
from . import _moments, _settling
from ._ensemble import Ensemble
from ._observables import Observables
from ._scout import warn_of_long_steps
from .histogram import Histogram, cell_edges, from_counts
from .mixing import Mixing, mixing, split

_ROOT_OF_LARGEST = np.sqrt(np.finfo(np.float64).max)


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
    expectations : dict of str to Estimate
        Mean of each of the ``observables``.
    occupancy : dict of str to Estimate
        Fraction of the time spent in each of the ``basins``. Where no path was ever in it, or all always, the standard
        error is that of one path: 1/n_paths.
    autocorrelation_time, effective_sample_size, r_hat : Estimate
        How well each component of the position mixes, arrays of shape (d,): see :class:`Mixing`.
    mixing : dict of str to Mixing
        The same of each observable and basin.
    n_samples : int
        Number of positions that entered.
    diverged : int
        Number of paths that overflowed; they enter nothing but the histogram, which counts what they did before, while
        still finite.
    divergence : Divergence or None
        The first of them, and at which step.
    replay : dict
        Arguments that repeat the sample to the same bits: ``sample_stationary(**sample.replay)``. After an interrupt
        they make all of it.
    interrupted : bool
        Whether Ctrl-C ended the run early; the statistics are those of the samples until then.
    """

    mean: Estimate
    covariance: Estimate
    histogram: Histogram | None
    expectations: dict[str, Estimate]
    occupancy: dict[str, Estimate]
    autocorrelation_time: Estimate
    effective_sample_size: Estimate
    r_hat: Estimate
    mixing: dict[str, Mixing]
    n_samples: int
    diverged: int
    divergence: Divergence | None
    replay: dict[str, Any]
    interrupted: bool = False


@compiling.named
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
    observables: Mapping[str, Any] | None = None,
    basins: Mapping[str, Any] | None = None,
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
    observables : mapping of str to str, sympy.Expr or function, optional
        Functions whose expectations are wanted: formulas in the variables, parameters and time of the equation (x0,
        x1, …, p0, … and t for an equation of functions), or functions of your own, which take what a drift takes and
        return a number.
    basins : mapping of str to str, sympy.Expr or function, optional
        Regions whose occupation is wanted: comparisons, such as ``"0 < x < 1 and y > 0"``; formulas or functions that
        are positive inside; functions that return whether x is inside. On the boundary a formula counts half.
    rng : None, int, SeedSequence or Generator, optional
        Source of randomness (SPEC 7).
    method, increments : str, optional
        As for :func:`simulate`. The stationary law of "euler-maruyama" is correct to O(h), that of
        "leimkuhler-matthews" to O(h²).
    progress : bool, optional
        Show a progress bar, with an estimate of the time that remains, and before it what is compiled.
    checkpoint, executor : optional
        A file that a killed run goes on from, and workers to run on, as for :func:`simulate`: the same bits.

    Returns
    -------
    StationarySample
        Mean, covariance, histogram, expectations, occupation of basins and measures of mixing, each with its standard
        error.

    Raises
    ------
    InvalidInputError
        Wrong shapes, numbers that are not finite, dt ≤ 0 or beyond the stability limit of a linear drift, an equation
        that depends on time without a period, or with one that does not divide the run, counts that do not fit, cells
        that are not equal, observables and basins that cannot be read; an equation that is not finite where a path
        starts; a checkpoint of another run or a damaged one; before any work is done.
    DivergedError
        Fewer than two paths stayed finite.
    WorkerError
        As for :func:`simulate`.
    KeyboardInterrupt
        Ctrl-C before the first sample, or with an executor.

    Warns
    -----
    AccuracyWarning
        The equation has no stationary law (as far as its formulas tell, in one dimension or for a linear drift); the
        two halves of the run differ, in means or variances, by more than chance; R-hat says that the paths have not
        mixed, and the burn-in is too short for them to forget their starts.
    RuntimeWarning
        Some paths overflowed and were left out; an observable was not finite on other paths; Ctrl-C ended the run and
        the sample so far is returned; a checkpoint could not be written.

    Notes
    -----
    Samples of one path are correlated, paths are not: every standard error is the scatter of time averages between
    paths (or, for histograms, between up to 128 groups of paths) over the root of their number. It knows nothing of the
    bias in h, and of a burn-in that is too short only what the halves of the run show: paths that all start in one
    basin, and never leave it, agree. Intervals are those of the likelihood where it is known (gamma laws for variances
    and positive observables, beta for occupancies), and of Student's t, corrected for skewness, elsewhere. Memory is
    O(n_paths (d² + K)) for K observables, and O(cells).

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

    How much of the time a double well's paths spend on either side, and its mean energy:

    >>> sample = sample_stationary(st.langevin(st.landscapes.double_well(), 0.5), dt=0.02, n_paths=1000, burn_in=2000,
    ...                            n_steps=2000, every=10, rng=0, observables={"energy": "(x**2 - 1)**2/4"},
    ...                            basins={"left": "x < 0", "right": "x > 0"})
    >>> sample.occupancy["left"].value + sample.occupancy["right"].value
    np.float64(1.0)
    """
    _validate.flag("progress", progress)
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
    watched = Observables(sde, observables, basins)
    starts = ensemble.check_fields()
    periodic = _settling.check_time(sde, n_steps * ensemble.dt, ensemble.dt, starts)
    missing = _settling.no_law(sde, starts)
    if missing:
        warn(f"{sde.name} has no stationary law: {missing}", AccuracyWarning)
    warn_of_long_steps(ensemble, sde, burn_in + n_steps)
    replay = {
        "sde": sde, "x0": ensemble.positions(), "dt": ensemble.dt, "n_paths": n_paths, "burn_in": burn_in,
        "n_steps": n_steps, "every": every, "bins": edges, "observables": observables, "basins": basins,
        "rng": ensemble.seed, "method": method, "increments": increments,
    }  # fmt: skip

    recorder = Moments(
        function="sample_stationary", n_steps=burn_in + n_steps, burn_in=burn_in, every=every, edges=edges,
        observables=watched,
    )  # fmt: skip
    sums = run(ensemble, recorder, file=file, executor=executor, progress=progress)
    n_records = recorder.count(ensemble.step)
    return _sample(ensemble, sums, n_records, watched.names, replay, settles=not (missing or periodic))


def _sample(
    ensemble: Ensemble,
    sums: dict[str, NDArray[Any]],
    n_records: int,
    names: tuple[str, ...],
    replay: dict[str, Any],
    settles: bool,
) -> StationarySample:
    """Return the estimates that the sums of n_records samples allow, and warn of what they do not."""
    dimension, edges, every = replay["sde"].dimension, replay["bins"], replay["every"]
    planned, n_paths = replay["n_steps"] // every, replay["n_paths"]
    finite = _finite(sums, dimension, names)
    first = divergence.find(
        ensemble, replay["x0"], ~finite, ensemble.step, finite=lambda x: np.abs(x) < _ROOT_OF_LARGEST
    )
    divergence.report(first, ~finite, ensemble.dt, " and were left out", least=2, result=sums["final"])
    # Column by column, so that a sum over paths has the same bits whatever other columns there are.
    by_path = {name: np.asfortranarray(sums[name][finite]) for name in BY_PATH}
    means, covariance, mixes, values, halves = _estimates(
        by_path, dimension, n_records, planned // 2, every * replay["dt"]
    )
    counts = planned // 2, n_records - planned // 2
    if settles and min(counts) > 1:
        called = (*(f"component {i} of x" for i in range(dimension)), *map(repr, names))
        doubt = _settling.unsettled(halves, mixes, called, counts, replay["burn_in"] * replay["dt"])
        if doubt:
            warn(doubt, AccuracyWarning)
    columns = {name: column for column, name in enumerate(names, dimension)}
    components = mixes.of(slice(dimension))
    return StationarySample(
        mean=means[:dimension],
        covariance=covariance,
        histogram=None if edges is None else from_counts(edges, sums["counts"]),
        expectations={name: means[columns[name]] for name in replay["observables"] or ()},
        occupancy={name: _occupancy(means[columns[name]], values[:, columns[name]]) for name in replay["basins"] or ()},
        autocorrelation_time=components.autocorrelation_time,
        effective_sample_size=components.effective_sample_size,
        r_hat=components.r_hat,
        mixing={name: mixes.of(column) for name, column in columns.items()},
        n_samples=n_records * int(finite.sum()),
        diverged=int(n_paths - finite.sum()),
        divergence=first,
        replay=replay,
        interrupted=n_records < planned,
    )


def _finite(sums: dict[str, NDArray[Any]], dimension: int, names: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return which paths stayed finite; warn of observables that did not on them."""
    squares = dimension * (dimension + 1) // 2
    # A second moment that is finite has a first one that is.
    finite = np.logical_and.reduce(np.isfinite(sums["second"][:, :squares]), axis=1)
    bad = ~np.isfinite(sums["second"][finite, squares:])
    for name, count in zip(names, bad.sum(axis=0), strict=True):
        if count:
            message = f"{name!r} was not finite on {count} of {finite.sum()} paths, and its estimates are not either"
            warn(message, RuntimeWarning)
    return finite


def _estimates(
    sums: dict[str, NDArray[np.float64]], dimension: int, n_records: int, half: int, spacing: float
) -> tuple[Estimate, Estimate, Mixing, NDArray[np.float64], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return means and mixing of components and observables, covariance of components; averages of paths and halves."""
    origin, first, second, early = (sums[name] for name in BY_PATH)
    pairs = _moments.pairs(dimension, origin.shape[1] - dimension)
    squares = pairs[0] == pairs[1]
    # An observable that was not finite spoils its own column only.
    with np.errstate(invalid="ignore"):
        centre, averages, products = _moments.about_one_point(origin, first / n_records, second / n_records, *pairs)
        means = mean_of(averages)
        covariance = _moments.covariance(averages[:, :dimension], products[:, : np.sum(pairs[0] < dimension)])
        within, halves = split(first, second[:, squares], early, n_records, half)
        halves = halves[0] + origin - centre, halves[1] + origin - centre
        mixes = mixing(averages, products[:, squares], within, halves, n_records, spacing)
        values, centred = averages + centre, means.value
        law = law_of_mean(values, values.mean(axis=0), positive=True)
    means = Estimate(value=centred + centre, stderr=means.stderr, n_eff=means.n_eff, law=law)
    return means, covariance, mixes, values, halves


def _occupancy(fraction: Estimate, by_path: NDArray[np.float64]) -> Estimate:
    """Return the fraction with an error of one path's time, where all paths were never or always inside."""
    error = fraction.stderr if fraction.stderr > 0 else 1 / fraction.n_eff
    law = law_of_fraction(by_path, fraction.value, error)
    return Estimate(value=fraction.value, stderr=error, n_eff=fraction.n_eff, law=law)
