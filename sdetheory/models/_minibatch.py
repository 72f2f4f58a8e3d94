"""The arguments of a minibatch's gradient, which is the inner loop of SGD: looked at, not gone through."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _validate
from ..errors import InvalidInputError


def arguments(w: Any, indices: Any, train_size: int, dimension: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return weights and numbers of examples; arrays of the right kind pass as they are, also when a run diverges."""
    if not (isinstance(w, np.ndarray) and w.dtype.kind == "f" and w.shape == (dimension,)) or np.ma.isMaskedArray(w):
        w = _validate.reals("w", w, shape=(dimension,))
    if not (isinstance(indices, np.ndarray) and indices.dtype.kind in "iu" and indices.ndim == 1):
        if isinstance(indices, np.ndarray) and indices.dtype.kind == "b":
            raise InvalidInputError("indices must be numbers of examples, not marks; np.flatnonzero(marks) gives them")
        indices = _validate.integers("indices", indices, shape=(None,))
    if not len(indices) or indices.min() < 0 or indices.max() >= train_size:
        raise InvalidInputError(
            f"indices must be one or more numbers from 0 to {train_size - 1}; got {_validate.shown(indices)}"
        )
    return w, indices
