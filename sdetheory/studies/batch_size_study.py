"""The optimum batch size: how well models do that SGD trained with many batch sizes, and where the best one lies."""

from __future__ import annotations

import itertools
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..engine.parallel import check, pickled
from ..engine.progress import tqdm
from ..engine.run import whole_run
from ..errors import IncompatibleError, InvalidInputError
from ..hyperparameters import SGDHyperparameters
from ..models import _consistency
from ..training import Adam, RMSprop, _arguments, stopping
from ..training.schedules import Schedule
from ..training.sgd import sgd
from . import _budget, _study_file
from .batch_size_result import POINT, SETTING, STOPPING, BatchSizeStudy, key_of, study_of

Problem = Callable[[int, int], tuple[Any, Mapping[str, Callable[[NDArray[Any]], float]], NDArray[Any]]]


def batch_size_study(
    problem: Problem,
    *,
    learning_rates: ArrayLike,
    train_sizes: ArrayLike,
    momenta: ArrayLike = 0.0,
    batch_sizes: ArrayLike | Callable[[SGDHyperparameters], Iterable[int]],
    damped: bool = False,
    n_steps: int | None = None,
    budget: float | tuple[float, str] | None = None,
    optimizer: Any = "sgd",
    learning_rate_schedule: Schedule | None = None,
    batch_size_schedule: Schedule | None = None,
    stop: Callable[[NDArray[np.int64], Mapping[str, NDArray[np.float64]]], bool] | None = None,
    n_records: int | None = None,
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
        of which is what the optimum is of, an accuracy or a loss) and the weights to start from. It decides what a seed
        changes: the data, the start, or both. With an executor it must be importable by the workers; if it is an
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
    budget : tuple of float and str, or float, optional
        Instead of `n_steps`: what every run may spend, rounded up to whole steps, and its unit, as in
        ``(200, "epochs")``. "steps": as `n_steps`. "epochs": passes of N examples. "flow-time", which is also that of a
        bare number: the sum of the learning rates, so that a run at a constant ε makes budget/ε steps, which take as
        long along the gradient flow of the mean loss whatever ε.
    optimizer : {"sgd", "nesterov"}, Adam or RMSprop
        As for :func:`sgd`. Those that divide by the size of gradients take no momenta.
    learning_rate_schedule, batch_size_schedule : Schedule, optional
        What multiplies ε and B in the course of each run, such as ``WarmUp(length=0.05)`` of
        :mod:`sdetheory.training`. Progress is the share of the examples that were seen for a budget in epochs, else the
        share of the steps. Batch sizes whose schedule goes beyond N are left out.
    stop : callable or EarlyStopping, optional
        As for :func:`sgd`: ends a run by what it recorded. With :class:`EarlyStopping` the metrics of the table are
        those of the best record.
    n_records : int, optional
        How many times in a run `stop` is asked, besides the start: every n_steps/n_records steps, rounded up.
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
        If a number is out of its range, both or neither of n_steps and budget are given, the model contradicts itself,
        or the file holds a study with other settings.
    IncompatibleError
        If two arguments do not go together: momenta and Adam, say, or `stop` without `n_records`.

    Notes
    -----
    Seeds come in the outermost loop: a study that is stopped early has whole curves of fewer seeds.

    A metric by which runs are stopped is the best of many noisy values and flatters them. Stop by examples that are
    kept for it, and let the first metric be of others.

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
    _validate.flag("damped", damped)
    _validate.flag("progress", progress)
    if not callable(problem):
        raise InvalidInputError(f"problem must be callable; got {type(problem).__name__}")
    spent = _budget.checked(n_steps, budget)
    of_rates = _schedule("learning_rate_schedule", learning_rate_schedule)
    of_sizes = _schedule("batch_size_schedule", batch_size_schedule)
    if executor is not None:
        check(executor)
    grid = {
        "learning_rates": np.unique(_validate.reals("learning_rates", learning_rates, above=0.0)),
        "momenta": np.unique(_validate.reals("momenta", momenta, at_least=0.0, below=1.0)),
        "train_sizes": np.unique(_validate.integers("train_sizes", train_sizes, at_least=2)),
        "seeds": np.unique(_validate.integers("seeds", seeds, at_least=0)),
    }
    if none := [name for name, values in grid.items() if not values.size]:
        raise InvalidInputError(f"{none[0]} must be one or more; got none")
    if isinstance(optimizer, Adam | RMSprop) and grid["momenta"].any():
        raise IncompatibleError(
            f"{type(optimizer).__name__} has averages of its own; momenta must be 0, got {grid['momenta'].max():g}"
        )
    given = list(_cases(grid, batch_sizes, bool(damped)))
    plans = {hp: spent.plan(hp, of_rates, of_sizes) for hp in given}
    cases = [hp for hp in given if plans[hp].within(hp.train_size)]
    if not cases:
        scheduled = ", and stays there by batch_size_schedule" if of_sizes else ""
        raise InvalidInputError(f"batch_sizes must name at least one B from 1 to N{scheduled}")
    settings = {
        "problem": _name(problem),
        **{name: array.tolist() for name, array in grid.items()},
        "batch_sizes": [[hp.batch_size for hp in group] for _, group in itertools.groupby(cases, _key)],
        "damped": bool(damped),
        **spent.settings,
    }
    points = [(hp, seed, plans[hp]) for seed in grid["seeds"].tolist() for hp in cases]
    model, metrics, w0 = problem(points[0][1], points[0][0].train_size)
    if model.train_size != points[0][0].train_size:
        raise InvalidInputError(
            f"problem(seed, train_size) must return a model of train_size examples; got {model.train_size} for "
            f"{points[0][0].train_size}"
        )
    _consistency.check(model, w0, ("minibatch_gradient",))
    first = np.asarray(w0)
    start = {name: float(metric(first)) for name, metric in metrics.items()}
    if taken := [name for name in metrics if name in (*POINT, *STOPPING)]:
        raise InvalidInputError(f"metrics of problem must have names other than those of columns; got {taken[0]!r}")
    how = _How(optimizer=optimizer, stop=stop, n_records=_records(n_records, stop))
    hook = stopping.checked(stop, metrics, how.n_records, None)
    hp, seed, plan = points[0]
    _arguments.problem(
        model, hp, plan.n_steps, optimizer, reshuffle=False, learning_rates=plan.rates, batch_sizes=plan.sizes,
        average_from=None, seed=np.random.SeedSequence(seed),
    )  # fmt: skip
    asked = {
        "optimizer": None if optimizer == "sgd" else repr(optimizer), "stop": hook and hook.name,
        "learning_rate_schedule": of_rates and repr(of_rates), "batch_size_schedule": of_sizes and repr(of_sizes),
        "n_records": how.n_records,
    }  # fmt: skip
    settings |= {name: value for name, value in asked.items() if value is not None}  # older files do not know them
    file = _study_file.StudyFile(path, settings, [*POINT, *(STOPPING if hook else []), *metrics], start)
    done = {(*key_of(row), row["seed"]) for row in file.rows}
    left = [point for point in points if (*_key(point[0]), point[0].batch_size, point[1]) not in done]
    with tqdm(total=len(points), initial=len(points) - len(left), unit="run", disable=not progress) as bar:
        for row in _results(problem, how, left, executor):
            file.append(row)
            bar.update()
    return study_of(file.rows, settings, file.versions, file.start)


def _cases(grid: dict[str, NDArray[Any]], batch_sizes: Any, damped: bool) -> Iterator[SGDHyperparameters]:
    """Yield the hyperparameters of all points of one seed."""
    for rate, m, n in itertools.product(
        *(grid[name].tolist() for name in ("learning_rates", "momenta", "train_sizes"))
    ):
        given = {"learning_rate": rate, "train_size": n, "momentum": m, "dampening": m if damped else 0.0}
        sizes = batch_sizes
        if callable(batch_sizes):
            sizes = _validate.called("batch_sizes", batch_sizes, SGDHyperparameters(batch_size=1, **given))
            sizes = list(sizes) if isinstance(sizes, Iterable) else sizes
        checked = np.atleast_1d(_validate.integers("batch_sizes", sizes, at_least=1))
        for size in np.unique(checked[checked <= n]).tolist():
            yield SGDHyperparameters(batch_size=size, **given)


def _key(hp: SGDHyperparameters) -> tuple[Any, ...]:
    return tuple(getattr(hp, name) for name in SETTING)


def _name(problem: Problem) -> str:
    """Say which problem it is, in words that are the same in the next process."""
    name = getattr(problem, "__qualname__", None)
    return repr(problem) if name is None else name


@dataclass(frozen=True, slots=True, kw_only=True)
class _How:
    """What all runs of a study have in common."""

    optimizer: Any
    stop: Any
    n_records: int | None


def _schedule(name: str, schedule: Any) -> Schedule | None:
    hint = "Make one of sdetheory.training, such as WarmUp(length=0.05)."
    return None if schedule is None else _validate.instance(name, schedule, Schedule, hint=hint)


def _records(n_records: Any, stop: Any) -> int | None:
    """Return how many times runs are asked whether they stop."""
    if (n_records is None) != (stop is None):
        raise IncompatibleError("stop and n_records must be given together: what ends a run, and how often it is asked")
    return None if n_records is None else _validate.integer("n_records", n_records, at_least=1)


def _results(problem: Problem, how: _How, points: list[Any], executor: Executor | None) -> Iterator[dict[str, Any]]:
    """Yield rows as they are done."""
    if executor is None:
        yield from (_point(problem, how, *point) for point in points)
        return
    pickled(problem, "problem")  # before the first task, not in it
    pickled(how, "optimizer or stop")
    futures = [executor.submit(_point, problem, how, *point) for point in points]
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


def _point(problem: Problem, how: _How, hp: SGDHyperparameters, seed: int, plan: _budget.Plan) -> dict[str, Any]:
    """Train once, and return the row of the table."""
    model, metrics, w0 = problem(seed, hp.train_size)
    start = time.perf_counter()
    asked = {}
    if how.n_records is not None:
        asked = {"stop": how.stop, "metrics": metrics, "record_every": -(-plan.n_steps // how.n_records)}
    run = whole_run(  # what is half trained is no row of the table
        sgd, model, hp, w0, n_steps=plan.n_steps, rng=np.random.SeedSequence(seed, spawn_key=(hp.batch_size,)),
        optimizer=how.optimizer, learning_rates=plan.rates, batch_sizes=plan.sizes, **asked,
    )  # fmt: skip
    diverged, stopped = bool(run.diverged_at[0] >= 0), int(run.stopped_at[0])
    weights, when = (run.final, run.n_steps) if run.best is None else (run.best, int(run.best_at[0]))
    stopping = {} if how.stop is None else dict(zip(STOPPING, (stopped, when), strict=True))
    return {
        **{name: getattr(hp, name) for name in (*SETTING, "batch_size")},
        "seed": seed,
        "n_steps": plan.n_steps,
        "outcome": "diverged" if diverged else "ended" if stopped < 0 else "stopped",
        "diverged_at": int(run.diverged_at[0]),
        "seconds": time.perf_counter() - start,
        **stopping,
        **{name: math.nan if diverged else float(metric(weights[0])) for name, metric in metrics.items()},
    }
