"""What a library of derivatives must do for a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

EXAMPLES = 1024
"""Examples that go through the network at once."""
ENTRIES = 2**23
"""Entries of the gradients of examples that are made at once, beyond those that are returned."""


def slices(size: int, most: int) -> Iterator[slice]:
    """Return the slices of at most so many of `size` things."""
    return (slice(first, min(first + most, size)) for first in range(0, size, most))


class Backend(Protocol):
    """What a library of derivatives must do; weights are of `dtype`, and `rows` a slice or numbers of examples."""

    train_size: int
    dimension: int
    n_outputs: int
    dtype: np.dtype[Any]
    weights: Array

    def losses(self, w: Array, rows: Any, data: tuple[Any, Any] | None = None) -> Array:
        """Return ℓᵢ, shape (m,); of other data if they are given."""
        ...

    def gradient(self, w: Array, rows: Any, scale: Any) -> Array:
        """Return Σ scaleᵢ ∇ℓᵢ, shape (p,), for a number or one for each row; the array is the caller's to write to."""
        ...

    def example_gradients(self, w: Array, rows: Any, out: Array) -> None:
        """Write ∇ℓᵢ to out, shape (m, p)."""
        ...

    def hessian_product(self, w: Array, v: Array, rows: Any) -> Array:
        """Return Σ ∇∇ℓᵢ v, shape (p,)."""
        ...

    def outputs(self, w: Array, inputs: Any) -> Array:
        """Return the outputs (m, k) of rows, or of other inputs."""
        ...

    def jacobian_product(self, w: Array, v: Array, rows: Any) -> Array:
        """Return J v, shape (m, k)."""
        ...

    def jacobian_transpose(self, w: Array, u: Array, rows: Any) -> Array:
        """Return Jᵀ u, shape (p,)."""
        ...

    def output_hessians(self, w: Array, rows: Any) -> Array:
        """Return the Hessians of ℓᵢ in the outputs, shape (m, k, k)."""
        ...

    def checked(self, inputs: Any, targets: Any) -> tuple[Any, Any]:
        """Return data that fit the network, or refuse them by the argument's name."""
        ...

    def unflatten(self, w: Array) -> Any:
        """Return weights in the library's own form."""
        ...

    def flatten(self, parameters: Any) -> Array:
        """Return weights of the library's own form as one vector."""
        ...
