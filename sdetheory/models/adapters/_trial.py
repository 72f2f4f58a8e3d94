"""What a network and its loss are asked before any work: on a few examples, together and each alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import _validate
from ..._validate.messages import abbreviated
from ...errors import InvalidInputError
from .. import _consistency
from ._backend import Backend

Array = NDArray[Any]

FEW = 3
"""Examples that are tried."""


def tried(name: str, function: Callable[..., Any], *arguments: Any, on: str) -> Any:
    """Return what a stranger's function gives; where it fails, say which, on what, and with which words of its own."""
    try:
        return function(*arguments)
    except Exception as error:
        why = abbreviated(f"{type(error).__name__}: {error}")
        raise InvalidInputError(f"{name} must be a function of {on}; it failed with {why}") from error


def examine(
    network: str,
    outputs: Callable[[Array], Any],
    loss: Callable[[Any, Array], Any],
    size: int,
    numbers: Callable[[Any], Array],
) -> int:
    """Refuse what is no sum over examples, and return how many outputs an example has.

    Parameters
    ----------
    network : str
        Name of the argument that the outputs come from.
    outputs, loss : callable
        Outputs of some examples, and what the loss says of outputs and the targets of these examples.
    size : int
        Number of examples.
    numbers : callable
        What makes an array of what a library computes with.
    """
    few = np.arange(min(FEW, size))
    together, alone = outputs(few), [outputs(few[i : i + 1]) for i in few]
    found, each = numbers(together), np.concatenate([numbers(part) for part in alone])
    if found.ndim == 0 or found.shape != each.shape or len(found) != len(few):
        raise InvalidInputError(
            f"{network} must return one row of outputs for each row of inputs; of {len(few)} it returns the shape "
            f"{found.shape}, of one {numbers(alone[0]).shape}"
        )
    for part, rows in ((together, "outputs"), (alone[0], "outputs of a single example")):
        if not np.isfinite(numbers(part)).all():
            raise InvalidInputError(f"{network} must have finite {rows} at the weights that it has; some are not")
    again = numbers(outputs(few))
    tolerance = 1e3 * float(np.finfo(found.dtype).eps)
    size_of = float(np.abs(found).max(initial=0.0))
    if np.abs(again - found).max(initial=0.0) > tolerance * size_of:
        raise InvalidInputError(
            f"{network} must have no randomness: two calls with the same inputs differ. C(w) would be no function. Of "
            "PyTorch call module.eval(), which turns dropout off; of JAX fix the key."
        )
    if np.abs(each - found).max(initial=0.0) > tolerance * size_of:
        raise InvalidInputError(
            f"{network} must treat each example by itself: the outputs of one change with the others of its batch, so "
            "that C(w) is no sum over examples. Normalize over features (LayerNorm, GroupNorm), not over the batch."
        )
    _examine_loss(lambda found, rows: numbers(loss(found, rows)), together, alone, tolerance, size_of)
    return int(found[0].size)


class _First:
    """The first examples of a network, as a model of one's own."""

    def __init__(self, backend: Backend) -> None:
        self._backend, self.dimension = backend, backend.dimension
        self.train_size = min(FEW, backend.train_size)

    def cost(self, w: Array) -> float:
        """Return the sum of their losses."""
        losses = self._backend.losses(w.astype(self._backend.dtype), slice(0, self.train_size))
        return float(losses.sum(dtype=np.float64))

    def minibatch_gradient(self, w: Array, indices: Array) -> Array:
        """Return the estimate of its gradient."""
        scale = self.train_size / len(indices)
        return self._backend.gradient(w.astype(self._backend.dtype), indices, scale)


def refuse_contradiction(backend: Backend) -> None:
    """Refuse a network whose gradients are not the slopes of its loss, as far as differences can tell."""
    try:
        _consistency.check(_First(backend), backend.weights, ("minibatch_gradient", "cost"))
    except InvalidInputError as error:
        raise InvalidInputError(
            f"the gradients of {backend!r} must be the slopes of its loss, and are not: a backward of its own, a "
            f"detach() or a rounding inside makes them others. SGD would descend another cost. ({error})"
        ) from None


def _examine_loss(loss: Any, together: Any, alone: Any, tolerance: float, size_of: float) -> None:
    few = np.arange(len(alone))
    found = loss(together, few)
    singles = [loss(part, few[i : i + 1]) for i, part in enumerate(alone)]
    if found.shape != few.shape:
        raise InvalidInputError(
            f"loss must return one number for each example, shape ({len(few)},) of {len(few)}; it returns "
            f"{_reduction(found, singles)}"
        )
    if found.dtype.kind != "f":
        raise InvalidInputError(f"loss must return floats; got dtype {found.dtype}")
    if singles[0].shape != (1,):
        raise InvalidInputError(f"loss must return shape (1,) of a single example; it returns {singles[0].shape}")
    if not np.isfinite(found).all():
        raise InvalidInputError(
            "loss must be finite at the weights that the network has; of the first examples it is "
            f"{_validate.shown(found)}"
        )
    scale = max(size_of, float(np.abs(found).max(initial=0.0)))
    if np.abs(np.concatenate(singles) - found).max(initial=0.0) > tolerance * scale:
        raise InvalidInputError(
            "loss must treat each example by itself: that of one changes with the others of its batch, so that C(w) is "
            "no sum over examples. Look for a mean, a weight or a normalization over the batch."
        )


def _reduction(found: Array, singles: list[Array]) -> str:
    """Say what a loss does that returns another shape."""
    one = 'Give it reduction="none", as in functools.partial(torch.nn.functional.cross_entropy, reduction="none").'
    if found.size == 1 and len(singles) > 1 and all(part.size == 1 for part in singles):
        values = np.array([float(part.reshape(())) for part in singles])
        total, close = float(found.reshape(())), 1e-4 * float(np.abs(values).sum())
        if abs(total - values.mean()) <= close and abs(total - values.sum()) > close:
            return f"their mean. {one} C(w) is the total cost, and examples are weighed one by one."
        if abs(total - values.sum()) <= close:
            return f"their sum. {one} Examples are weighed one by one."
    if found.ndim == 0:
        return f"a single number. {one}"
    if found.ndim == 2 and found.shape[0] == found.shape[1] and singles[0].shape == (1, 1):
        return (
            f"shape {found.shape}, as where outputs (B, 1) meet targets (B,): give both the same shape, by "
            "targets[:, None] or outputs[:, 0]"
        )
    return f"shape {found.shape}. Sum over all axes but the first: loss(outputs, targets).flatten(1).sum(1)."
