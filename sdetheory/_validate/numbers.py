"""What stands for real numbers: lists, arrays, tables; and why other things do not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInputError
from .messages import abbreviated, shown

_TEXT = "Numbers in text become numbers by .astype(float), labels by np.unique(labels, return_inverse=True)[1]."
_REMEDIES = {
    "c": "Take its real part, or its absolute value.",
    "M": "Subtract a date and divide by a unit of time: (t - t[0]) / np.timedelta64(1, 's').",
    "m": "Divide it by a unit of time: t / np.timedelta64(1, 's').",
    "V": "Take its fields one by one: table['name'].",
    **dict.fromkeys("UST", _TEXT),
}


def numbers(name: str, value: Any) -> NDArray[Any]:
    """Return `value` as an array of real numbers of any dtype; whole numbers that no dtype holds stay objects."""
    if callable(getattr(value, "toarray", None)):
        raise InvalidInputError(f"{name} must be a dense array; got {type(value).__name__}. Pass {name}.toarray().")
    try:
        given = np.asarray(value)
    except Exception as error:  # whatever the __array__ of a stranger raises
        why = "its rows differ in length" if "inhomogeneous" in str(error) else abbreviated(str(error))
        raise InvalidInputError(f"{name} must be real numbers; got {shown(value)} ({why})") from None
    if given.dtype.kind == "O" and hasattr(value, "columns"):
        given = _table(name, value)
    if given.dtype.kind == "b" and given.ndim == 0:
        raise InvalidInputError(f"{name} must be a number; got {given}, which is true or false")
    if given.dtype.kind not in "biuf" and not _large_integers(given):
        raise InvalidInputError(
            f"{name} must be real numbers; got {shown(value)} (dtype {given.dtype}). {_remedy(given)}".rstrip()
        )
    if masked := _masked(value):
        raise InvalidInputError(
            f"{name} must have no masked entries; {masked} of {given.size} are masked. Leave them out "
            "(array[~array.mask], or the rows without any), or say what they are by .filled(value)."
        )
    return given


def _remedy(array: NDArray[Any]) -> str:
    """Return how numbers are made of an array that holds none."""
    if array.dtype.kind != "O":
        return _REMEDIES.get(array.dtype.kind, "")
    if any(isinstance(entry, str) for entry in array.flat):
        return _TEXT
    return "Its numbers become floats by .astype(float), if they are any." if array.ndim else ""


def _table(name: str, table: Any) -> NDArray[Any]:
    """Return the columns of a table that has no one dtype, or name those that are no numbers."""
    columns = [(label, np.asarray(table[label])) for label in table.columns]
    if strange := [label for label, column in columns if column.dtype.kind not in "biuf" or column.ndim != 1]:
        raise InvalidInputError(
            f"{name} must be a table of numbers; the columns {shown(strange)} are not, or share a name. "
            "Leave them out, or encode them as numbers (pandas.get_dummies)."
        )
    return np.stack([column for _, column in columns], axis=-1)


def _large_integers(array: NDArray[Any]) -> bool:
    return array.dtype.kind == "O" and array.size > 0 and all(type(entry) is int for entry in array.flat)


def _masked(value: Any) -> int:
    """Return how many entries are masked, also inside a list of arrays, where NumPy forgets it."""
    if isinstance(value, np.ma.MaskedArray):
        return int(np.ma.count_masked(value))
    return sum(map(_masked, value)) if isinstance(value, (list, tuple)) else 0
