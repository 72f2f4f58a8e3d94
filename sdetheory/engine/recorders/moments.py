# ruff: noqa: D102  (Recorder says what the methods do)
"""Sums over time by path: moments of the position, means of observables, counts on a grid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..._kernels import records
from ..archive import digest
from ..run import Arrays, Recorder

BY_PATH = ("origin", "first", "second", "early")
"""Sums over time, one row a path."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Moments(Recorder):
    """Adds up samples after `burn_in` steps, `every` so many of the `n_steps` in all.

    The sums are of the components of the position, and of the observables behind them: about `origin`, a point of the
    path's own, `first` of their values and `second` of their products; `early` is `first` after half of the samples.
    `counts` are by group of blocks, in cells between `edges`; the last is of finite points outside.
    """

    axes: ClassVar[dict[str, int]] = dict.fromkeys(("final", *BY_PATH, "counts"), 0)
    label: ClassVar[str] = "sample"
    counted: ClassVar[str] = "samples"
    least: ClassVar[int] = 1
    burn_in: int
    every: int
    edges: tuple[NDArray[np.float64], ...] | None
    observables: Any

    def describe(self) -> dict[str, Any]:
        return {
            "burn_in": self.burn_in,
            "n_steps": self.n_steps - self.burn_in,
            "every": self.every,
            "bins": None if self.edges is None else digest(self.edges),
            "observables": digest(self.observables.sources),
        }

    def start(self, process: Any) -> Arrays:
        _ = self.observables.compiled  # what cannot be compiled is refused before any step
        blocks, dimension, lanes = process.state.shape
        columns, products = dimension + len(self.observables.names), dimension * (dimension - 1) // 2
        arrays = {name: np.zeros((blocks, columns + products * (name == "second"), lanes)) for name in BY_PATH}
        cells = math.prod(len(edge) - 1 for edge in self.edges or ())
        # The scatter between groups of paths gives the errors of the histogram.
        return {**arrays, "counts": np.zeros((process.groups, cells + 1), dtype=np.int64)}

    def stretch(self, process: Any, arrays: Arrays) -> tuple[str, int, int]:
        if process.step < self.burn_in:
            return "burn in", 1, self.burn_in
        return self.label, self.every, self._half if process.step < self._half else self.n_steps

    def reach(self, process: Any, arrays: Arrays) -> None:
        if process.step == self.burn_in:
            # Moments about a point of the path itself do not cancel, wherever other paths are.
            points = process.state.transpose(0, 2, 1)
            values = self.observables(points, process.start + self.burn_in * process.dt)
            arrays["origin"][:] = np.concatenate([points, values], axis=2).transpose(0, 2, 1)
        elif process.step == self._half:
            arrays["early"][:] = arrays["first"]

    def add(self, process: Any, arrays: Arrays, n_steps: int) -> None:
        if process.step < self.burn_in:
            process.advance(n_steps)
            return
        function = self.observables
        observed = records.Observed(function.compiled, np.append(function.parameters, 0.0))
        moments = records.Moments(*(arrays[name] for name in ("origin", "first", "second")))
        shape = np.array([len(edge) - 1 for edge in self.edges or ()], dtype=np.int64)
        lower = np.array([edge[0] for edge in self.edges or ()], dtype=np.float64)
        scale = np.array([(len(edge) - 1) / (edge[-1] - edge[0]) for edge in self.edges or ()], dtype=np.float64)
        grid = records.Grid(lower, scale, shape, arrays["counts"], process.n_paths)
        process.advance_and_record(n_steps // self.every, self.every, observed, moments, grid)

    def count(self, step: int) -> int:
        return max(step - self.burn_in, 0) // self.every

    def result(self, process: Any, arrays: Arrays) -> Arrays:
        by_path = {name: process.unblocked(arrays[name]) for name in BY_PATH}
        return {"final": process.positions(), "counts": arrays["counts"], **by_path}

    @property
    def _half(self) -> int:
        return self.burn_in + self.count(self.n_steps) // 2 * self.every
