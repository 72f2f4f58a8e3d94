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
from numba.core.typing.typeof import typeof_impl

from .._interrupt import shielded
from . import records
from ._cache import checked

_block = types.float64[:, ::1]
_vector = types.float64[::1]
_key = types.uint64[::1]

FIELD = types.void(_block, _vector, _block)
"""x (d, L), parameters with the time as the last one, out (rows, L)."""

NOISE = types.void(_block, types.uint64[:, ::1], types.int64, types.int64, _key)
"""z (rows, L), scratch (2, L), number of the first row, first path, key (2,)."""

WORDS = types.void(types.uint64[:, ::1], types.int64, types.int64, types.int64, _key)
"""words (2 groups, L), first run, step or epoch, tag, key (2,)."""

_field, _whole = types.FunctionType(FIELD), types.int64


def _record(record: type, *fields: Any) -> Any:
    """Return the type of a record, which Numba then need not find out field by field at each call."""
    kind = types.BaseTuple.from_types(fields, record)
    typeof_impl.register(record)(lambda value, context: kind)
    return kind


EQUATION = _record(records.Equation, _field, _field, _field, _vector, _block, _whole)

STEP = types.void(_block, _block, _block, _whole, _whole, EQUATION, types.float64)
"""x (d, L), scratch, numbers, which of them is the first, number of steps, equation, dt."""

_record(records.Step, types.FunctionType(STEP), _whole, _whole, _whole)
NUMBERS = _record(records.Numbers, types.FunctionType(NOISE), *5 * (_whole,), _key)
CLOCK = _record(records.Clock, types.float64, types.float64, _whole)
WEIGHTING = _record(records.Weighting, types.float64, _whole, types.float64, types.float64)

RUNS = _record(records.Runs, _block, _block, _block, types.int64[::1], _whole)
EXAMPLES = _record(records.Examples, _block, _vector, _field, types.float64)
BATCHES = _record(records.Batches, _whole, types.int64[::1], _vector, types.FunctionType(WORDS), _key)
OPTIMIZER = _record(records.Optimizer, _whole, _vector, _vector, _vector, types.FunctionType(NOISE))
AVERAGES = _record(records.Averages, _whole, _block, types.float64[:, :, ::1])

DESCENT = types.void(RUNS, EXAMPLES, BATCHES, OPTIMIZER, AVERAGES, _whole, _whole)
"""runs, examples, batches, optimizer, averages, first step, first row of the block."""

_frames = types.float64[:, :, :]

WEIGHTED = types.void(_block, EXAMPLES, _block, WEIGHTING, NUMBERS, CLOCK, _whole, _whole, _whole, _frames)
"""w (p, L), examples, their inputs transposed, weighting, numbers, clock, first path, n_frames, every, frames."""

_designs, _lengths = types.UniTuple(_block, 2), types.UniTuple(_whole, 2)

ADAPTIVE = types.void(
    _block, EXAMPLES, _designs, WEIGHTING, _vector, NUMBERS, CLOCK, _whole, _lengths, _frames
)  # fmt: skip
"""x (2p or 3p, L), examples, designs, weighting, rule, numbers, clock, first path, (n_frames, every), frames."""


@cache
def compiled(signature: Any, function: Callable[..., None]) -> Any:
    """Return the machine code of a function of a kernel file, from Numba's cache if it is there."""
    with warnings.catch_warnings():
        # Functions as arguments of functions: experimental in Numba since 0.49, and what all of this rests on.
        warnings.simplefilter("ignore", NumbaExperimentalFeatureWarning)
        callback = CFunc(function, sigutils.normalize_signature(signature), {}, {"error_model": "numpy"})
        with shielded():
            checked(callback).compile()
        return callback
