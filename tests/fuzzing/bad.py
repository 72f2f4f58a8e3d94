"""Wrong arguments: every kind of value that was ever put where another belongs."""

import datetime
import decimal
import math

import numpy as np
import scipy.sparse
import sympy

import sdetheory as st


def _itself():
    value = []
    value.append(value)
    return value


class Anything:
    """An object of a stranger, that neither shows itself nor becomes an array."""

    def __repr__(self):
        raise RuntimeError("no")

    def __array__(self, *_, **__):
        raise RuntimeError("no")


# Values that do not look at what belongs in their place.
FIXED = {
    "none": lambda: None,
    "true": lambda: True,
    "false": lambda: False,
    "word": lambda: "soon",
    "empty word": lambda: "",
    "number in text": lambda: "3",
    "long word": lambda: "x" * 20_000,
    "null in a word": lambda: "a\0b",
    "surrogate": lambda: "\ud800",
    "folder": lambda: "/",
    "file in no folder": lambda: "/nowhere/at/all.npz",
    "bytes": lambda: b"soon",
    "nan": lambda: math.nan,
    "inf": lambda: math.inf,
    "minus inf": lambda: -math.inf,
    "huge": lambda: 1e300,
    "minus huge": lambda: -1e300,
    "tiny": lambda: 5e-324,
    "zero": lambda: 0,
    "minus one": lambda: -1,
    "minus two and a half": lambda: -2.5,
    "one and a half": lambda: 1.5,
    "2**63": lambda: 2**63,
    "-2**63 - 1": lambda: -(2**63) - 1,
    "10**400": lambda: 10**400,
    "10**5000": lambda: 10**5000,
    "float beyond int": lambda: 2.0**63,
    "complex": lambda: 1 + 1j,
    "decimal": lambda: decimal.Decimal("0.5"),
    "date": lambda: datetime.date(2020, 1, 1),
    "datetime64": lambda: np.datetime64("2020-01-01"),
    "dict": dict,
    "dict of numbers": lambda: {"a": 1.0, 2: 3.0},
    "set": lambda: {1.0, 2.0},
    "generator": lambda: (i for i in range(3)),
    "function": lambda: lambda *values: values,
    "builtin": lambda: len,
    "failing function": lambda: lambda *_: 1 / 0,
    "class": lambda: dict,
    "module": lambda: math,
    "object": object,
    "anything": Anything,
    "empty list": list,
    "empty tuple": tuple,
    "empty array": lambda: np.zeros((0, 0)),
    "list of none": lambda: [None, None],
    "list of itself": _itself,
    "ragged": lambda: [[1.0], [1.0, 2.0]],
    "array of words": lambda: np.array(["heun", "platen"]),
    "list of words": lambda: ["heun", "platen"],
    "array of objects": lambda: np.array([None, "a"], dtype=object),
    "array of nan": lambda: np.full(2, np.nan),
    "array of truths": lambda: np.array([True, False]),
    "structured array": lambda: np.zeros(2, dtype=[("a", float)]),
    "four axes": lambda: np.zeros((2, 2, 2, 2)),
    "masked": lambda: np.ma.masked_values([1.0, -9.0], -9.0),
    "sparse": lambda: scipy.sparse.csr_array(np.eye(2)),
    "symbol": lambda: sympy.Symbol("q"),
    "zoo": lambda: sympy.zoo,
    "landscape": lambda: st.landscapes.double_well(),
    "sde": lambda: st.langevin(st.landscapes.quadratic([[1.0, 0.0], [0.0, 2.0]]), 1.0),
    "estimate": lambda: st.Estimate(value=1.0, stderr=0.1, n_eff=10),
    "hyperparameters": lambda: st.SGDHyperparameters(learning_rate=0.1, train_size=7, batch_size=3),
    "the class of a landscape": lambda: st.Landscape,
    "exception": lambda: ValueError("no"),
}


def _spoiled(value, last):
    """Return an array with its last entry replaced."""
    array = np.array(value, dtype=float)
    array.flat[-1] = last
    return array


def _hidden(value):
    mask = np.zeros(np.shape(value), dtype=bool)
    mask.flat[-1] = True
    return np.ma.array(value, dtype=float, mask=mask)


def _read_only(value):
    array = np.array(value)
    array.flags.writeable = False
    return array


# Values made of the right one, where that is an array.
MADE = {
    "last is nan": lambda v: _spoiled(v, math.nan),
    "last is inf": lambda v: _spoiled(v, math.inf),
    "last is huge": lambda v: _spoiled(v, 1e300),
    "last is masked": _hidden,
    "read-only": _read_only,
    "Fortran order": lambda v: np.asfortranarray(v),
    "complex array": lambda v: np.asarray(v) + 1j,
    "array of text": lambda v: np.asarray(v).astype(str),
    "objects": lambda v: np.asarray(v).astype(object),
    "one more axis": lambda v: np.asarray(v)[None],
    "one axis less": lambda v: np.asarray(v)[..., 0],
    "one more entry": lambda v: np.concatenate([np.asarray(v), np.asarray(v)[..., -1:]], axis=-1),
    "one row more": lambda v: np.concatenate([np.asarray(v), np.asarray(v)[-1:]]),
    "no rows": lambda v: np.asarray(v)[:0],
    "negative": lambda v: -np.asarray(v),
    "zeros": lambda v: np.zeros_like(np.asarray(v)),
    "times 1e200": lambda v: np.asarray(v) * 1e200,
    "times 1e-200": lambda v: np.asarray(v) * 1e-200,
    "sparse of it": lambda v: scipy.sparse.csr_array(np.atleast_2d(v)),
    "list of it": lambda v: np.asarray(v).tolist(),
}


def values(right):
    """Return the bad values for a place by their kind; those made of the right value where it is an array."""
    made = {}
    if isinstance(right, (np.ndarray, list, tuple)) and _numeric(right):
        made = {kind: (lambda make=make: make(right)) for kind, make in MADE.items()}
    return FIXED | made


def _numeric(value):
    try:
        array = np.asarray(value)
        return array.size > 0 and array.dtype.kind in "biuf"
    except ValueError:
        return False
