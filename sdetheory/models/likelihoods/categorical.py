"""The likelihood of k classes with softmax link, for activations K z."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import _validate
from ._likelihood import Likelihood

_MOST = 16
"""Classes beyond which no kernel is made: the source of its slopes grows with their square."""


@dataclass(frozen=True)
class Categorical(Likelihood):
    """ℓ = −ln softmax(K z) of the label; z has as many components as the coding K, of shape (k, m), has columns."""

    coding: tuple[tuple[float, ...], ...]
    name = "softmax"
    methods = ("sampling",)

    @property
    def n_classes(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Number k of classes."""
        return len(self.coding)

    @property
    def outputs(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Number m of components of z."""
        return len(self.coding[0])

    @property
    def compiled(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether there are few classes."""
        return len(self.coding) <= _MOST

    def labels(self, y: Any) -> NDArray[np.int64]:
        """Return y, whole numbers from 0 to k − 1."""
        return _validate.integers("y", y, at_least=0, at_most=self.n_classes - 1)

    def slopes(self, z: list[Any], y: Any, f: Any) -> list[Any]:
        """Return K'(P − 1 of the label). As in the model, no difference loses the digits of a good fit."""
        rows = [[int(entry) if entry.is_integer() else entry for entry in row] for row in self.coding]
        activations = [sum(k * a for k, a in zip(row, z, strict=True)) for row in rows]
        largest = f.max(*activations)
        powers = [f.exp(a - largest) for a in activations]
        # 0 for the label and 1 for every other class.
        others = [f.min(f.abs(y - c), 1) for c in range(len(rows))]
        wrong = [other * power / sum(powers) for other, power in zip(others, powers, strict=True)]
        residuals = [w - (1 - other) * sum(wrong) for w, other in zip(wrong, others, strict=True)]
        return [sum(k * r for k, r in zip(column, residuals, strict=True)) for column in zip(*rows, strict=True)]
