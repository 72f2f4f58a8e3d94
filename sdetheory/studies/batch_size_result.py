"""A study of the optimum batch size, as a table, curves, optima and exponents."""

from __future__ import annotations

import dataclasses
import os
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _validate
from ..errors import AccuracyWarning, InvalidInputError
from . import _study_file
from .batch_size_fit import BatchSizeCurve, Interval, OptimumBatchSize, bootstrap_weights, exponents, optimum

SETTING = ["learning_rate", "momentum", "dampening", "train_size"]
"""Columns that tell curves apart."""
POINT = [*SETTING, "batch_size", "seed", "n_steps", "outcome", "diverged_at", "seconds"]
"""All columns but the metrics."""
STOPPING = ["stopped_at", "measured_at"]
"""Columns more of a study whose runs may stop."""
_LOSSES = re.compile(r"(^|_)(loss|error|err|cost|risk|nll|entropy|perplexity|mse|rmse|mae|deviance|energy)(_|$)")
"""Names of what is the better, the smaller it is."""


# Arrays have no single truth value and no hash, so results compare by identity.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatchSizeStudy:
    """What came out of SGD at each batch size, learning rate, momentum, training set size and seed.

    Attributes
    ----------
    table : ndarray of records
        A row for each point that is done: learning_rate, momentum, dampening, train_size, batch_size, seed, n_steps,
        outcome ("ended", "stopped" or "diverged"), diverged_at (the step, −1 if none), seconds, and the metrics, which
        are NaN for a run that diverged. With `stop` also stopped_at (the step, −1 if none) and measured_at: after how
        many steps the weights were those of the metrics.
    metrics : tuple of str
        Names of the metrics; the first one is what optima are of.
    settings : dict
        What the study was asked to do.
    versions : dict
        Versions of the packages that did it.
    n_missing : int
        Points that are still to be done.
    start : dict
        The metrics of the first seed's weights before training; empty if a file does not say.
    """

    table: NDArray[Any]
    metrics: tuple[str, ...]
    settings: dict[str, Any]
    versions: dict[str, str]
    n_missing: int
    start: dict[str, float] = field(default_factory=dict)

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
        settings, versions, rows, _, start = _study_file.read(_validate.file_path("path", path, new=False))
        return study_of(rows, settings, versions, start)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the study to a file of comma-separated values, with its settings and versions in the first line.

        Parameters
        ----------
        path : path
            Where; a file that is there is replaced.
        """
        names = list(self.table.dtype.names or ())
        rows = [dict(zip(names, record.item(), strict=True)) for record in self.table]
        _study_file.write(_validate.file_path("path", path), self.settings, self.versions, names, rows, self.start)

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
            column = self.table[_validate.choice("setting", name, SETTING)]
            keep &= np.isclose(column, _validate.real(name, value), rtol=1e-12)
        if not keep.any():
            raise InvalidInputError(f"no point of the study has {setting}; its settings are {self.settings}")
        return dataclasses.replace(self, table=self.table[keep])

    def curves(
        self, metric: str | None = None, *, trains_above: float | None = None, minimize: bool | None = None
    ) -> list[BatchSizeCurve]:
        """Return a metric over the batch size, for each learning rate, momentum and training set size.

        Parameters
        ----------
        metric : str, optional
            Which one; the first by default.
        trains_above : float, optional
            A run has failed to train if the study's first metric is below this, or above it where the metric is a loss.
            By default half way from where training starts to the best mean of the study. A study that does not know
            its start, of an older file, takes one half for an accuracy that reaches it; else only runs that left the
            floats have failed.
        minimize : bool, optional
            Whether the metric is the better, the smaller it is. By default that of one named a loss, an error, a cost
            or the like.

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
        falls = self._falls(metric, minimize)
        sign = -1.0 if self._falls(self.metrics[0], minimize if metric == self.metrics[0] else None) else 1.0
        level = self._level(sign) if trains_above is None else sign * _validate.real("trains_above", trains_above)
        found = []
        for setting in np.unique(self.table[SETTING]):
            rows = self.table[self.table[SETTING] == setting]
            sizes, columns = np.unique(rows["batch_size"], return_inverse=True)
            seeds, lines = np.unique(rows["seed"], return_inverse=True)
            diverged = rows["outcome"] == "diverged"
            trained = ~diverged & (sign * rows[self.metrics[0]] >= level)
            values = np.full((len(seeds), len(sizes)), np.nan)
            values[lines[trained], columns[trained]] = rows[metric][trained]
            count = [np.bincount(columns[some], minlength=len(sizes)) for some in (trained, ~trained & ~diverged)]
            found.append(
                BatchSizeCurve(
                    setting=dict(zip(SETTING, setting.item(), strict=True)),
                    batch_sizes=sizes,
                    seeds=seeds,
                    values=values,
                    trained=count[0],
                    failed=count[1],
                    diverged=np.bincount(columns[diverged], minlength=len(sizes)),
                    minimize=falls,
                )
            )
        return found

    def _falls(self, metric: str, minimize: bool | None) -> bool:
        """Whether a metric is the better, the smaller it is."""
        return bool(_LOSSES.search(metric.lower())) if minimize is None else bool(minimize)

    def _level(self, sign: float) -> float:
        """Return half the way from the start to the best mean of the first metric, times the sign; less has failed."""
        start = sign * self.start.get(self.metrics[0], np.nan)
        ended = self.table[self.table["outcome"] != "diverged"]
        values = sign * ended[self.metrics[0]]
        ended, values = ended[np.isfinite(values)], values[np.isfinite(values)]
        if not len(values):
            return np.inf
        if not np.isfinite(start):  # a file of version 0.1
            return 0.5 if sign > 0 and values.max() >= 0.5 else -np.inf
        _, cells = np.unique(ended[[*SETTING, "batch_size"]], return_inverse=True)
        best = float(np.max(np.bincount(cells, values) / np.bincount(cells)))
        return (start + best) / 2 if best > start else np.inf

    def optima(
        self,
        metric: str | None = None,
        *,
        trains_above: float | None = None,
        minimize: bool | None = None,
        confidence: float = 0.95,
        n_bootstrap: int = 1000,
    ) -> list[OptimumBatchSize]:
        r"""Return the optimum batch size of each setting.

        Parameters
        ----------
        metric : str, optional
            What the optimum is of; the first metric by default.
        trains_above, minimize : float and bool, optional
            As in `curves`.
        confidence : float
            Of the intervals.
        n_bootstrap : int
            Number of resamplings of the seeds.

        Returns
        -------
        list of OptimumBatchSize
            In increasing order of the settings, without those that no batch size trains.

        Warns
        -----
        AccuracyWarning
            If no setting has an optimum: the warning says what became of the runs.

        Notes
        -----
        The peak is that of the curve A − s ln B − c B^{−k} closest to the mean metrics, among batch sizes of which
        *every* run trained: a slow decline towards the full batch, and a fall towards the noise that small batches do
        not survive. Runs that diverged or failed are counted, and never averaged in. The interval is
        ln B_opt ± t σ √(n/(n − 1)), with the spread σ that a bootstrap over the n seeds gives and Student's t of n − 1
        degrees of freedom. It holds the noise of the seeds; that the true curve has another form it does not know.
        """
        if minimize is not None:
            _validate.flag("minimize", minimize)
        level, weights = self._bootstrap(confidence, n_bootstrap)
        every = self.curves(metric, trains_above=trains_above, minimize=minimize)
        found = [item for curve in every if (item := optimum(curve, weights(curve), level)) is not None]
        if not found:
            warnings.warn(_why_none(every), AccuracyWarning, stacklevel=2)
        return found

    def exponents(
        self,
        metric: str | None = None,
        *,
        trains_above: float | None = None,
        minimize: bool | None = None,
        confidence: float = 0.95,
        n_bootstrap: int = 1000,
    ) -> dict[str, Interval]:
        r"""Return the exponents with which the optimum batch size grows.

        .. math:: B_\mathrm{opt} \propto \epsilon^{a} N^{b} (1 - m)^{-c}

        Parameters
        ----------
        metric, trains_above, minimize, confidence, n_bootstrap
            As in `optima`.

        Returns
        -------
        dict of str to Interval
            Of "learning_rate", "train_size" and "1/(1 - momentum)" those that vary in the study. The paper's scaling
            rule says 1 for each, the last without dampening. For Adam and RMSprop the rule ε ∝ √B (Malladi et al. 2022,
            arXiv:2205.10287) says 2 for the learning rate.

        Raises
        ------
        InvalidInputError
            If fewer than two settings have a peak within their batch sizes.

        Notes
        -----
        Seeds are resampled for all settings together, since runs with one seed share data and starting point. Added in
        squares is Student's half-width of the regression: the optima scatter about a power law, by the spacing of the
        batch sizes for one, and the seeds that they share do not know it.
        """
        if minimize is not None:
            _validate.flag("minimize", minimize)
        level, weights = self._bootstrap(confidence, n_bootstrap)
        every = self.curves(metric, trains_above=trains_above, minimize=minimize)
        optima = [item for curve in every if (item := optimum(curve, weights(curve), level)) is not None]
        if not optima:
            raise InvalidInputError(_why_none(every))
        return exponents(optima, [weights(item.curve) for item in optima], level)

    def _bootstrap(self, confidence: float, n_bootstrap: int) -> tuple[float, Callable[[BatchSizeCurve], NDArray[Any]]]:
        """Return the level, and a function that gives the resampled weights of a curve's seeds."""
        level = _validate.real("confidence", confidence, above=0.0, below=1.0)
        seeds = np.unique(self.table["seed"])
        drawn = bootstrap_weights(len(seeds), _validate.integer("n_bootstrap", n_bootstrap, at_least=10))
        return level, lambda curve: drawn[:, np.searchsorted(seeds, curve.seeds)]


def _why_none(curves: list[BatchSizeCurve]) -> str:
    """Say, setting by setting, what became of the runs of a study without optima."""
    lines = []
    for curve in curves:
        lost = [
            f"B = {b}: {failed} failed to train, {diverged} diverged"
            for b, failed, diverged in zip(curve.batch_sizes, curve.failed, curve.diverged, strict=True)
            if failed or diverged
        ]
        lines.append(", ".join(f"{k} = {v:.4g}" for k, v in curve.setting.items()) + f" ({'; '.join(lost)})")
    return (
        "no setting has an optimum batch size, as at none every run of some batch size trained: "
        + ". ".join(lines)
        + ". Extend the batch sizes or the number of steps, or say with trains_above what counts as trained."
    )


def study_of(
    rows: list[dict[str, Any]], settings: dict[str, Any], versions: dict[str, str], start: dict[str, float]
) -> BatchSizeStudy:
    """Return the study that rows of a table make."""
    if not rows:
        raise InvalidInputError("the study has no points yet; run it with batch_size_study(..., path=...)")
    kinds = {int: np.int64, float: np.float64, str: "U8"}
    ordered = sorted(rows, key=lambda row: (*key_of(row), row["seed"]))
    dtype = [(name, kinds[type(value)]) for name, value in ordered[0].items()]
    n_points = len(settings["seeds"]) * sum(map(len, settings["batch_sizes"]))
    return BatchSizeStudy(
        table=np.array([tuple(row.values()) for row in ordered], dtype=dtype),
        metrics=tuple(name for name in ordered[0] if name not in (*POINT, *STOPPING)),
        settings=settings,
        versions=versions,
        n_missing=n_points - len(rows),
        start=start,
    )


def key_of(row: dict[str, Any]) -> tuple[Any, ...]:
    """Return the setting and batch size of a row."""
    return (*(row[name] for name in SETTING), row["batch_size"])
