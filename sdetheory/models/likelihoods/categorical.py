"""The likelihood of k classes with softmax link, for activations K z."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._likelihood import Array, Likelihood

_MOST = 16
"""Classes beyond which no kernel is made: the source of its slopes grows with their square."""


class Categorical(Likelihood):
    """ℓ = −ln softmax(K z) of the label; z has as many components as the coding K, of shape (k, m), has columns."""

    name = "softmax"
    methods = ("sampling",)

    def __init__(self, coding: Array) -> None:
        self.coding, (self.n_classes, self.outputs) = coding, coding.shape
        self.compiled = len(coding) <= _MOST

    # Kernels are kept for each likelihood, and a model makes this one anew when it is asked.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Categorical) and np.array_equal(self.coding, other.coding)

    def __hash__(self) -> int:
        return hash(self.coding.tobytes())

    def slopes(self, z: list[Any], y: Any, f: Any) -> list[Any]:
        """Return K'(P − 1 of the label). As in the model, no difference loses the digits of a good fit."""
        rows = [[int(entry) if entry.is_integer() else entry for entry in row] for row in self.coding.tolist()]
        activations = [sum(k * a for k, a in zip(row, z, strict=True)) for row in rows]
        largest = f.max(*activations)
        powers = [f.exp(a - largest) for a in activations]
        # 0 for the label and 1 for every other class.
        others = [f.min(f.abs(y - c), 1) for c in range(len(rows))]
        wrong = [other * power / sum(powers) for other, power in zip(others, powers, strict=True)]
        residuals = [w - (1 - other) * sum(wrong) for w, other in zip(wrong, others, strict=True)]
        return [sum(k * r for k, r in zip(column, residuals, strict=True)) for column in zip(*rows, strict=True)]
