# ruff: noqa: D102  (Recorder says what the methods do)
"""Stays: how long each path belongs to the core that it visited last, and its moves from core to core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..._kernels import ensemble as drivers
from ..run import Arrays, Recorder


@dataclass(frozen=True, kw_only=True, eq=False)
class Stays(Recorder):
    """Adds up, by path, the time with each of `k` cores and the moves; and keeps the step of an overflow."""

    axes: ClassVar[dict[str, int]] = dict.fromkeys(("stayed", "moves", "lost"), 0)
    label: ClassVar[str] = "residence"
    least: ClassVar[int] = 1
    within: Any
    k: int
    bridge: Any

    def describe(self) -> dict[str, Any]:
        return {
            **super().describe(),
            "bridge": self.bridge.layout >= 0,
            "cores": self.within.source,
            "parameters of the cores": self.within.parameters.tolist(),
        }

    def start(self, process: Any) -> Arrays:
        blocks, dimension, lanes = process.state.shape
        inside = self.within(process.state.transpose(0, 2, 1), process.start)[..., :: 1 + dimension] >= 0
        return {
            "last": np.where(inside.any(axis=2), inside.argmax(axis=2), -1),
            "since": np.zeros((blocks, lanes)),
            "stayed": np.zeros((blocks, self.k, lanes)),
            "moves": np.zeros((blocks, self.k**2, lanes)),
            "lost": np.zeros((blocks, 1, lanes)),
        }

    def add(self, process: Any, arrays: Arrays, n_steps: int) -> None:
        last = arrays["last"]
        process.advance_listed(
            drivers.advance_between_cores, n_steps, process.first_path + np.arange(last.size), self.within.compiled,
            np.append(self.within.parameters, 0.0), *self.bridge.arguments(), last, arrays["since"], arrays["stayed"],
            arrays["moves"], arrays["lost"][:, 0],
        )  # fmt: skip

    def result(self, process: Any, arrays: Arrays) -> Arrays:
        # The stay that the end cuts off.
        still = process.step * process.dt - arrays["since"]
        stayed = arrays["stayed"] + still[:, None] * (arrays["last"][:, None] == np.arange(self.k)[None, :, None])
        by_path = {"stayed": stayed, "moves": arrays["moves"], "lost": arrays["lost"]}
        return {name: process.unblocked(array) for name, array in by_path.items()}
