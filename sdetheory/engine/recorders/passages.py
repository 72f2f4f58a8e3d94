# ruff: noqa: D102  (Recorder says what the methods do)
"""First passages: when each path enters a target; paths that have are left out of further steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..._kernels import ensemble as drivers
from ..run import Arrays, Recorder


@dataclass(frozen=True, kw_only=True, eq=False)
class Passages(Recorder):
    """Keeps the times of entries: NaN of paths that are still outside, −n of those that overflowed at step n."""

    axes: ClassVar[dict[str, int]] = {"times": 0}
    label: ClassVar[str] = "first passage"
    often: ClassVar[int] = 16  # so that paths that have arrived are soon left out
    least: ClassVar[int] = 1
    into: Any
    bridge: Any

    def describe(self) -> dict[str, Any]:
        return {
            "max_steps": self.n_steps,
            "bridge": self.bridge.layout >= 0,
            "target": self.into.source,
            "parameters of the target": self.into.parameters.tolist(),
        }

    def start(self, process: Any) -> Arrays:
        return {"waiting": np.arange(process.n_paths), "times": np.full(process.n_paths, np.nan)}

    def stretch(self, process: Any, arrays: Arrays) -> tuple[str, int, int]:
        outside = np.isnan(arrays["times"][arrays["waiting"]]).any()
        return self.label, 1, self.n_steps if outside else process.step

    def reach(self, process: Any, arrays: Arrays) -> None:
        process.n_paths = len(arrays["waiting"])

    def add(self, process: Any, arrays: Arrays, n_steps: int) -> None:
        waiting, times = arrays["waiting"], arrays["times"]
        reached = np.zeros((len(process.state), process.state.shape[2]))  # nobody waits for lanes that only pad
        reached.reshape(-1)[: len(waiting)] = times[waiting]
        process.advance_listed(
            drivers.advance_to_target, n_steps, process.first_path + waiting, self.into.compiled,
            np.append(self.into.parameters, 0.0), *self.bridge.arguments(), reached,
        )  # fmt: skip
        times[waiting] = reached.reshape(-1)[: len(waiting)]
        outside = np.isnan(times[waiting])
        if 0 < 2 * outside.sum() < len(waiting):
            process.pack(process.positions()[outside])
            arrays["waiting"] = waiting[outside]

    def result(self, process: Any, arrays: Arrays) -> Arrays:
        return {"times": arrays["times"]}
