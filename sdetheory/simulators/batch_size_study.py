"""The optimum batch size: how well models do that SGD trained with many batch sizes, and where the best one lies."""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
import pickle
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from .. import _validate
from ..errors import InvalidInputError
from ..hyperparameters import SGDHyperparameters
from . import _study_file
from ._parallel import check
from .batch_size_fit import (
    BatchSizeCurve,
    Interval,
    OptimumBatchSize,
    bootstrap_weights,
    exponents,
    optimum,
)
from .sgd import sgd

Problem = Callable[[int, int], tuple[Any, Mapping[str, Callable[[NDArray[Any]], float]], NDArray[Any]]]

_SETTING: list[str] = ["learning_rate", "momentum", "dampening", "train_size"]
_POINT = (*_SETTING, "batch_size", "seed", "n_steps", "outcome", "diverged_at", "seconds")


# Arrays have no single truth value and no hash, so results compare by identity.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatchSizeStudy:
    """What came out of SGD at each batch size, learning rate, momentum, training set size and seed.

    Attributes
    ----------
    table : ndarray of records
        A row for each point that is done: learning_rate, momentum, dampening, train_size, batch_size, seed, n_steps,
        outcome ("ended" or "diverged"), diverged_at (the step, −1 if none), seconds, and the metrics, which are NaN
        for a run that diverged.
    metrics : tuple of str
        Names of the metrics; the first one is what optima are of.
    settings : dict
        What the study was asked to do.
    versions : dict
        Versions of the packages that did it.
    n_missing : int
        Points that are still to be done.
    """

    table: NDArray[Any]
    metrics: tuple[str, ...]
    settings: dict[str, Any]
    versions: dict[str, str]
    n_missing: int

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> BatchSizeStudy:
        """Return the study in a file, finished or not.

        Parameters
        ----------
        path : path
            The file that :func:`batch_size_study` or `write` made.

        Returns
        -------
        BatchSizeStudy
            The study; `n_missing` says how many points are not in the file.

        Raises
        ------
        InvalidInputError
            If the file is not that of a study.
        """
        settings, versions, rows, _ = _study_file.read(Path(path))
        return _study(rows, settings, versions)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the study to a file of comma-separated values, with its settings and versions in the first line.

        Parameters
        ----------
        path : path
            Where; a file that is there is replaced.
        """
        names = list(self.table.dtype.names or ())
        rows = [dict(zip(names, record.item(), strict=True)) for record in self.table]
        _study_file.write(Path(path), self.settings, self.versions, names, rows)

    def select(self, **setting: float) -> BatchSizeStudy:
        """Return the part of the study with the given learning_rate, momentum, dampening or train_size.

        Parameters
        ----------
        **setting
            Values to keep, each one of the study.

        Returns
        -------
        BatchSizeStudy
            With the rows that have them.

        Raises
        ------
        InvalidInputError
            If no row has them, or a name is not part of a setting.
        """
        keep = np.ones(len(self.table), dtype=bool)
        for name, value in setting.items():
            keep &= np.isclose(self.table[_validate.choice("setting", name, _SETTING)], value, rtol=1e-12)
        if not keep.any():
            raise InvalidInputError(f"no point of the study has {setting}; its settings are {self.settings}")
        return dataclasses.replace(self, table=self.table[keep])

    def curves(self, metric: str | None = None, *, trains_above: float = 0.5) -> list[BatchSizeCurve]:
        """Return a metric over the batch size, for each learning rate, momentum and training set size.

        Parameters
        ----------
        metric : str, optional
            Which one; the first by default.
        trains_above : float
            A run has failed to train if the study's first metric is below this. Choose it between the accuracy of
            guessing and that of a good fit.

        Returns
        -------
        list of BatchSizeCurve
            In increasing order of the settings.

        Raises
        ------
        InvalidInputError
            If there is no such metric.
        """
        metric = _validate.choice("metric", self.metrics[0] if metric is None else metric, self.metrics)
        level = _validate.real("trains_above", trains_above)
        found = []
        for setting in np.unique(self.table[_SETTING]):
            rows = self.table[self.table[_SETTING] == setting]
            sizes, columns = np.unique(rows["batch_size"], return_inverse=True)
            seeds, lines = np.unique(rows["seed"], return_inverse=True)
            diverged = rows["outcome"] == "diverged"
            trained = ~diverged & (rows[self.metrics[0]] >= level)
            values = np.full((len(seeds), len(sizes)), np.nan)
            values[lines[trained], columns[trained]] = rows[metric][trained]
            count = [np.bincount(columns[some], minlength=len(sizes)) for some in (trained, ~trained & ~diverged)]
            found.append(
                BatchSizeCurve(
                    setting=dict(zip(_SETTING, setting.item(), strict=True)),
                    batch_sizes=sizes,
                    seeds=seeds,
                    values=values,
                    trained=count[0],
                    failed=count[1],
                    diverged=np.bincount(columns[diverged], minlength=len(sizes)),
                )
            )
        return found

    def optima(
        self, *, trains_above: float = 0.5, confidence: float = 0.95, n_bootstrap: int = 1000
    ) -> list[OptimumBatchSize]:
        r"""Return the optimum batch size of each setting.

        Parameters
        ----------
        trains_above : float
            As in `curves`.
        confidence : float
            Of the intervals.
        n_bootstrap : int
            Number of resamplings of the seeds.

        Returns
        -------
        list of OptimumBatchSize
            In increasing order of the settings, without those that no batch size trains.

        Notes
        -----
        The peak is the vertex of the parabola in ln B through the mean metrics of the best batch size and its four
        nearest neighbours, among batch sizes of which *every* run trained; runs that diverged or failed are counted,
        and never averaged in. The interval is ln B_opt ± t s √(s/(s − 1)), with the spread s that a bootstrap over
        the n seeds gives and Student's t of n − 1 degrees of freedom. It holds the noise of the seeds; that the true
        peak is no parabola it does not know.
        """
        level, weights = self._bootstrap(confidence, n_bootstrap)
        every = self.curves(trains_above=trains_above)
        found = (optimum(curve, weights(curve), level) for curve in every)
        return [item for item in found if item is not None]

    def exponents(
        self, *, trains_above: float = 0.5, confidence: float = 0.95, n_bootstrap: int = 1000
    ) -> dict[str, Interval]:
        r"""Return the exponents with which the optimum batch size grows.

        .. math:: B_\mathrm{opt} \propto \epsilon^{a} N^{b} (1 - m)^{-c}

        Parameters
        ----------
        trains_above, confidence, n_bootstrap
            As in `optima`.

        Returns
        -------
        dict of str to Interval
            Of "learning_rate", "train_size" and "1/(1 - momentum)" those that vary in the study. The paper's scaling
            rule says 1 for each, the last without dampening.

        Raises
        ------
        InvalidInputError
            If fewer than two settings have a peak within their batch sizes.

        Notes
        -----
        Seeds are resampled for all settings together, since runs with one seed share data and starting point.
        """
        level, weights = self._bootstrap(confidence, n_bootstrap)
        optima = self.optima(trains_above=trains_above, confidence=level, n_bootstrap=n_bootstrap)
        return exponents(optima, [weights(item.curve) for item in optima], level)

    def _bootstrap(self, confidence: float, n_bootstrap: int) -> tuple[float, Callable[[BatchSizeCurve], NDArray[Any]]]:
        """Return the level, and a function that gives the resampled weights of a curve's seeds."""
        level = _validate.real("confidence", confidence, above=0.0, below=1.0)
        seeds = np.unique(self.table["seed"])
        drawn = bootstrap_weights(len(seeds), _validate.integer("n_bootstrap", n_bootstrap, at_least=10))
        return level, lambda curve: drawn[:, np.searchsorted(seeds, curve.seeds)]


def batch_size_study(
    problem: Problem,
    *,
    learning_rates: ArrayLike,
    train_sizes: ArrayLike,
    momenta: ArrayLike = 0.0,
    batch_sizes: ArrayLike | Callable[[SGDHyperparameters], Iterable[int]],
    damped: bool = False,
    n_steps: int | None = None,
    budget: float | None = None,
    seeds: ArrayLike = (0, 1, 2),
    path: str | os.PathLike[str] | None = None,
    progress: bool = False,
    executor: Executor | None = None,
) -> BatchSizeStudy:
    r"""Train with SGD at every combination of hyperparameters, and measure what is learned.

    Parameters
    ----------
    problem : callable
        ``problem(seed, train_size)`` returns a model to train, a dict of metrics (functions of the weights, the first
        of which is what the optimum is of: the larger, the better) and the weights to start from. It decides what a
        seed changes: the data, the start, or both. With an executor it must be importable by the workers; if it is an
        instance, its repr says in the file which problem it is.
    learning_rates, train_sizes, momenta : float, int or array_like
        ε, N and m; every combination is a setting.
    batch_sizes : array_like, or callable
        B to try at every setting; or a function of the setting's hyperparameters (with B = 1) that says which. Sizes
        above N are left out.
    damped : bool
        Whether momentum is damped (τ = m: ε alone is the effective learning rate) or not (τ = 0, the paper's heavy
        ball, whose effective learning rate is ε/(1 − m)).
    n_steps : int, optional
        Number of steps of every run.
    budget : float, optional
        Instead of `n_steps`: every run makes budget/ε steps, rounded up.
    seeds : array_like of int
        Seeds of the repeats. All settings see the same data and starting points.
    path : path, optional
        File of comma-separated values that gains a row as each point is done. If it is there already, the study goes
        on where the file ends.
    progress : bool
        Show a bar.
    executor : concurrent.futures.Executor, optional
        Whose workers do the points. Give each worker one thread (``OPENBLAS_NUM_THREADS=1``).

    Returns
    -------
    BatchSizeStudy
        The table, with curves, optima and exponents.

    Raises
    ------
    InvalidInputError
        If a number is out of its range, both or neither of n_steps and budget are given, or the file holds a study
        with other settings.

    Notes
    -----
    Seeds come in the outermost loop: a study that is stopped early has whole curves of fewer seeds.

    References
    ----------
    S. L. Smith and Q. V. Le, "A Bayesian Perspective on Generalization and Stochastic Gradient Descent", ICLR 2018,
    arXiv:1710.06451, Sections 4 and 5 (Figures 4 to 7).

    Examples
    --------
    >>> from sdetheory.models import ReLUNetwork
    >>> def sign(seed, train_size):
    ...     rng = np.random.default_rng(seed)
    ...     x = rng.standard_normal((train_size, 2))
    ...     model = ReLUNetwork(x, x[:, 0] > 0, hidden=4)
    ...     return model, {"accuracy": model.accuracy}, model.initial(rng)
    >>> study = batch_size_study(sign, learning_rates=0.1, batch_sizes=[2, 8], train_sizes=20, n_steps=10, seeds=[0])
    >>> study.table["batch_size"], study.table["outcome"]
    (array([2, 8]), array(['ended', 'ended'], dtype='<U8'))
    """
    if not callable(problem):
        raise InvalidInputError(f"problem must be callable; got {type(problem).__name__}")
    if (n_steps is None) == (budget is None):
        raise InvalidInputError("one of n_steps and budget must be given: as many steps for all, or budget/ε of them")
    if executor is not None:
        check(executor)
    grid = {
        "learning_rates": np.unique(_validate.reals("learning_rates", np.atleast_1d(learning_rates), above=0.0)),
        "momenta": np.unique(_validate.reals("momenta", np.atleast_1d(momenta), at_least=0.0, below=1.0)),
        "train_sizes": np.unique(_validate.integers("train_sizes", np.atleast_1d(train_sizes), at_least=2)),
        "seeds": np.unique(_validate.integers("seeds", np.atleast_1d(seeds), at_least=0)),
    }
    steps = None if n_steps is None else _validate.integer("n_steps", n_steps, at_least=1)
    limit = None if budget is None else _validate.real("budget", budget, above=0.0)
    cases = list(_cases(grid, batch_sizes, bool(damped)))
    if not cases:
        raise InvalidInputError("batch_sizes must name at least one B from 1 to N")
    settings = {
        "problem": _name(problem),
        **{name: array.tolist() for name, array in grid.items()},
        "batch_sizes": [[hp.batch_size for hp in group] for _, group in itertools.groupby(cases, _key)],
        "damped": bool(damped),
        "n_steps": steps,
        "budget": limit,
    }
    points = [
        (hp, seed, steps if limit is None else math.ceil(limit / hp.learning_rate))
        for seed in grid["seeds"].tolist()
        for hp in cases
    ]
    model, metrics, _ = problem(points[0][1], points[0][0].train_size)
    if model.train_size != points[0][0].train_size:
        raise InvalidInputError(
            f"problem(seed, train_size) must return a model of train_size examples; got {model.train_size} for "
            f"{points[0][0].train_size}"
        )
    file = _study_file.StudyFile(path, settings, [*_POINT, *metrics])
    done = {(*_key_of(row), row["seed"]) for row in file.rows}
    left = [point for point in points if (*_key(point[0]), point[0].batch_size, point[1]) not in done]
    with tqdm(total=len(points), initial=len(points) - len(left), unit="run", disable=not progress) as bar:
        for row in _results(problem, left, executor):
            file.append(row)
            bar.update()
    return _study(file.rows, settings, file.versions)


def _cases(grid: dict[str, NDArray[Any]], batch_sizes: Any, damped: bool) -> Iterator[SGDHyperparameters]:
    """Yield the hyperparameters of all points of one seed."""
    for rate, m, n in itertools.product(
        *(grid[name].tolist() for name in ("learning_rates", "momenta", "train_sizes"))
    ):
        given = {"learning_rate": rate, "train_size": n, "momentum": m, "dampening": m if damped else 0.0}
        sizes = batch_sizes(SGDHyperparameters(batch_size=1, **given)) if callable(batch_sizes) else batch_sizes
        checked = _validate.integers("batch_sizes", np.atleast_1d(np.asarray(sizes)), at_least=1)
        for size in np.unique(checked[checked <= n]).tolist():
            yield SGDHyperparameters(batch_size=size, **given)


def _key(hp: SGDHyperparameters) -> tuple[Any, ...]:
    return tuple(getattr(hp, name) for name in _SETTING)


def _key_of(row: dict[str, Any]) -> tuple[Any, ...]:
    return (*(row[name] for name in _SETTING), row["batch_size"])


def _name(problem: Problem) -> str:
    """Say which problem it is, in words that are the same in the next process."""
    name = getattr(problem, "__qualname__", None)
    return repr(problem) if name is None else name


def _results(problem: Problem, points: list[Any], executor: Executor | None) -> Iterator[dict[str, Any]]:
    """Yield rows as they are done."""
    if executor is None:
        yield from (_point(problem, *point) for point in points)
        return
    try:
        pickle.dumps(problem)
    except Exception as error:
        raise InvalidInputError(
            f"problem cannot be sent to workers ({error}). Define it in a module that they can import."
        ) from error
    futures = [executor.submit(_point, problem, *point) for point in points]
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


def _point(problem: Problem, hp: SGDHyperparameters, seed: int, n_steps: int) -> dict[str, Any]:
    """Train once, and return the row of the table."""
    model, metrics, w0 = problem(seed, hp.train_size)
    start = time.perf_counter()
    run = sgd(model, hp, w0, n_steps=n_steps, rng=np.random.SeedSequence(seed, spawn_key=(hp.batch_size,)))
    diverged = bool(run.diverged_at[0] >= 0)
    return {
        **{name: getattr(hp, name) for name in (*_SETTING, "batch_size")},
        "seed": seed,
        "n_steps": n_steps,
        "outcome": "diverged" if diverged else "ended",
        "diverged_at": int(run.diverged_at[0]),
        "seconds": time.perf_counter() - start,
        **{name: math.nan if diverged else float(metric(run.final[0])) for name, metric in metrics.items()},
    }


def _study(rows: list[dict[str, Any]], settings: dict[str, Any], versions: dict[str, str]) -> BatchSizeStudy:
    if not rows:
        raise InvalidInputError("the study has no points yet; run it with batch_size_study(..., path=...)")
    kinds = {int: np.int64, float: np.float64, str: "U8"}
    ordered = sorted(rows, key=lambda row: (*_key_of(row), row["seed"]))
    dtype = [(name, kinds[type(value)]) for name, value in ordered[0].items()]
    n_points = len(settings["seeds"]) * sum(map(len, settings["batch_sizes"]))
    return BatchSizeStudy(
        table=np.array([tuple(row.values()) for row in ordered], dtype=dtype),
        metrics=tuple(name for name in ordered[0] if name not in _POINT),
        settings=settings,
        versions=versions,
        n_missing=n_points - len(rows),
    )
