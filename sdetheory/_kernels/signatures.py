"""The C signatures by which kernels call one another.

Drivers, schemes, noise and the SDE's own functions are compiled separately and meet as first-class functions, so that
each is compiled once and cached, whatever it is combined with: one driver serves every scheme, one scheme every SDE.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

from numba import types
from numba.core import sigutils
from numba.core.ccallback import CFunc
from numba.core.errors import NumbaExperimentalFeatureWarning

from ._cache import checked

_block = types.float64[:, ::1]
_vector = types.float64[::1]

FIELD = types.void(_block, _vector, _block)
"""x (d, L), parameters with the time as the last one, out (rows, L)."""

NOISE = types.void(_block, types.uint64[:, ::1], types.int64, types.int64, types.uint64[::1])
"""z (rows, L), scratch (2, L), number of the first row, first path, key (2,)."""

WORDS = types.void(types.uint64[:, ::1], types.int64, types.int64, types.int64, types.uint64[::1])
"""words (2 groups, L), first run, step or epoch, tag, key (2,)."""

STEP = types.void(
    _block, _block, _block, types.int64, types.int64,
    types.FunctionType(FIELD), types.FunctionType(FIELD), types.FunctionType(FIELD),
    _vector, _block, types.float64, types.int64,
)  # fmt: skip
"""x (d, L), work, numbers, which of them is the first, number of steps,
drift, diffusion, its derivative terms, parameters, matrix, dt, layout."""

TANGENT = types.void(
    _block, _block, types.int64, _block, _block, types.int64, types.float64, types.FunctionType(FIELD), _vector,
    _vector, _block,
)  # fmt: skip
"""x (d, L), values of the target's function, which row is meant, noise, its matrix, its layout, square root of dt, the
function, its parameters, lanes to leave out, and the tangent plane."""

MEETING = types.void(
    _block, _block, types.int64, types.float64, types.float64, types.FunctionType(FIELD), _vector, types.int64[::1],
    _block,
)  # fmt: skip
"""x before and after the step, which row is meant, the times, function, parameters, lanes wanted, and their shares."""


@cache
def compiled(signature: Any, function: Callable[..., None]) -> Any:
    """Return the machine code of a function of a kernel file, from Numba's cache if it is there."""
    with warnings.catch_warnings():
        # Functions as arguments of functions: experimental in Numba since 0.49, and what all of this rests on.
        warnings.simplefilter("ignore", NumbaExperimentalFeatureWarning)
        callback = CFunc(function, sigutils.normalize_signature(signature), {}, {"error_model": "numpy"})
        checked(callback).compile()
        return callback
