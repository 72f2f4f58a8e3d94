"""The optimum batch size: how well models do that SGD trained with many batch sizes, and where the best one lies."""

from __future__ import annotations

import itertools
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, as_completed
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..engine.parallel import check, pickled
from ..engine.progress import tqdm
from ..engine.run import whole_run
from ..errors import InvalidInputError
from ..hyperparameters import SGDHyperparameters
from ..models import _consistency
from ..training.sgd import sgd
from . import _study_file
from .batch_size_result import POINT, SETTING, BatchSizeStudy, key_of, study_of

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
        If a number is out of its range, both or neither of n_steps and budget are given, the model contradicts itself,
        or the file holds a study with other settings.

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
    _validate.flag("damped", damped)
    _validate.flag("progress", progress)
    if not callable(problem):
        raise InvalidInputError(f"problem must be callable; got {type(problem).__name__}")
    if (n_steps is None) == (budget is None):
        raise InvalidInputError("one of n_steps and budget must be given: as many steps for all, or budget/ε of them")
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
    model, metrics, w0 = problem(points[0][1], points[0][0].train_size)
    if model.train_size != points[0][0].train_size:
        raise InvalidInputError(
            f"problem(seed, train_size) must return a model of train_size examples; got {model.train_size} for "
            f"{points[0][0].train_size}"
        )
    _consistency.check(model, w0, ("minibatch_gradient",))
    first = np.asarray(w0)
    start = {name: float(metric(first)) for name, metric in metrics.items()}
    file = _study_file.StudyFile(path, settings, [*POINT, *metrics], start)
    done = {(*key_of(row), row["seed"]) for row in file.rows}
    left = [point for point in points if (*_key(point[0]), point[0].batch_size, point[1]) not in done]
    with tqdm(total=len(points), initial=len(points) - len(left), unit="run", disable=not progress) as bar:
        for row in _results(problem, left, executor):
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


def _results(problem: Problem, points: list[Any], executor: Executor | None) -> Iterator[dict[str, Any]]:
    """Yield rows as they are done."""
    if executor is None:
        yield from (_point(problem, *point) for point in points)
        return
    pickled(problem, "problem")  # before the first task, not in it
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
    rng = np.random.SeedSequence(seed, spawn_key=(hp.batch_size,))
    run = whole_run(sgd, model, hp, w0, n_steps=n_steps, rng=rng)  # what is half trained is no row of the table
    diverged = bool(run.diverged_at[0] >= 0)
    return {
        **{name: getattr(hp, name) for name in (*SETTING, "batch_size")},
        "seed": seed,
        "n_steps": n_steps,
        "outcome": "diverged" if diverged else "ended",
        "diverged_at": int(run.diverged_at[0]),
        "seconds": time.perf_counter() - start,
        **{name: math.nan if diverged else float(metric(run.final[0])) for name, metric in metrics.items()},
    }
