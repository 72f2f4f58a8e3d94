"""Results as trees of JSON beside arrays, and back; what is no data stays behind under its name.

A tree is a number, a word, None, or ``{kind: ...}`` of one of the kinds below. Classes of the package are written field
by field and made again of their fields; nothing but classes of the package, and formulas, can come of a file.
"""

from __future__ import annotations

import dataclasses
import importlib
import math
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
import sympy
from numpy.typing import NDArray
from scipy.interpolate import BSpline
from scipy.sparse import csc_array

from .. import _validate
from ..engine.checkpoint import describe_seed
from ..equations._formulas import Formulas
from ..equations.sde import SDE
from ..errors import InvalidInputError
from ..landscapes.landscape import Landscape
from . import _formulas

_PACKAGE = __name__.partition(".")[0]


class NotKept:
    """What stands in a loaded result for a part that is no data: it says what is missing wherever it is used."""

    def __init__(self, what: str) -> None:
        object.__setattr__(self, "what", what)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise InvalidInputError(
            f"{self.what} is not in the file, since it is code and no data. Make it again, and put it in this place: "
            "for example simulate(**{**run.replay, 'sde': sde})"
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name.startswith(("_repr_", "_ipython_")):  # asked for by copy, pickle and notebooks
            raise AttributeError(name)
        return self._refuse()

    def __repr__(self) -> str:
        return f"<not kept: {self.what}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NotKept) and self.what == other.what

    def __hash__(self) -> int:
        return hash(self.what)

    __call__ = _refuse


class Writer:
    """Takes results apart; `arrays` are to be kept beside the trees, `missing` are the places of what is no data."""

    def __init__(self) -> None:
        self.arrays: dict[str, NDArray[Any]] = {}
        self.missing: list[str] = []

    def tree(self, value: Any, place: str) -> Any:
        """Return the tree of a value, which stands at `place` of what is saved."""
        if value is None or isinstance(value, str) or type(value) in (bool, int):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if type(value) is complex:
            return {"complex": [value.real.hex(), value.imag.hex()]}
        if isinstance(value, (np.ndarray, np.generic)):
            return self._array(value, place)
        if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
            return {type(value).__name__: [self.tree(item, f"{place}[{i}]") for i, item in enumerate(value)]}
        if isinstance(value, Mapping) and type(value) is dict:
            pairs = [[self.tree(k, place), self.tree(v, f"{place}.{k}")] for k, v in value.items()]
            return {"dict": pairs}
        if isinstance(value, np.dtype):
            return {"dtype": value.str}
        if isinstance(value, np.random.SeedSequence):
            return {"seed": describe_seed(value)}
        if isinstance(value, (sympy.Basic, sympy.MatrixBase, sympy.core.function.UndefinedFunction)):
            try:
                return {"formula": _formulas.encode(value)}
            except (TypeError, ValueError):
                return self._left(value, place)
        if type(value) is BSpline:
            return {"spline": self.tree((value.t, value.c, value.k, value.extrapolate, value.axis), place)}
        if type(value) is csc_array:
            return {"sparse": self.tree((value.data, value.indices, value.indptr, value.shape), place)}
        if type(value) is NotKept:
            return {"not kept": value.what}
        return self._object(value, place)

    def _array(self, value: Any, place: str) -> Any:
        array = np.asarray(value)
        if isinstance(value, np.ma.MaskedArray) or array.dtype.hasobject or array.dtype.kind in "mM":
            return self._left(value, place)
        key = f"a{len(self.arrays)}"
        self.arrays[key] = array
        kind = "scalar" if isinstance(value, np.generic) else "record" if isinstance(value, np.recarray) else "array"
        return {kind: key, **({} if value.flags.writeable or kind == "scalar" else {"fixed": True})}

    def _object(self, value: Any, place: str) -> Any:
        kind = type(value)
        if kind is SDE and value._formulas is not None:
            parts = {f.name: getattr(value._formulas, f.name) for f in dataclasses.fields(Formulas)}
            parts |= {"calculus": value.calculus, "name": value.name, "underdamped": value.underdamped}
            return {"SDE": self.tree(parts, place)}
        if kind is Landscape:
            return {"landscape": self.tree(landscape_parts(value), place)}
        home = kind.__module__ or ""
        ours = home.partition(".")[0] == _PACKAGE and not home.startswith(_CODE) and "<locals>" not in kind.__qualname__
        if kind is SDE or not ours:
            return self._left(value, place)
        fields = {key: self.tree(item, f"{place}.{key}") for key, item in state(value).items()}
        return {"object": f"{home}:{kind.__qualname__}", "fields": fields}

    def _left(self, value: Any, place: str) -> Any:
        self.missing.append(place)
        return {"not kept": f"{place} ({_validate.shown(value)})"}


_CODE = ("sdetheory._kernels", "sdetheory.schemes", "sdetheory.equations._user_function")
"""Modules whose objects are, or hold, source text or machine code, which no file may bring in."""


def state(value: Any) -> dict[str, Any]:
    """Return what an object consists of: its fields or attributes, without what it computes when asked."""
    names = [name for base in reversed(type(value).__mro__) for name in _slots(base)]
    found = {name: getattr(value, name) for name in names if hasattr(value, name)}
    cached = {k for base in type(value).__mro__ for k, v in vars(base).items() if type(v).__name__ == "cached_property"}
    return found | {key: item for key, item in getattr(value, "__dict__", {}).items() if key not in cached}


def _slots(base: type) -> tuple[str, ...]:
    slots = vars(base).get("__slots__", ())
    return tuple(s for s in ((slots,) if isinstance(slots, str) else slots) if s not in ("__dict__", "__weakref__"))


def landscape_parts(landscape: Landscape) -> dict[str, Any]:
    """Return what a landscape is made of."""
    values = {symbol: landscape.parameters[symbol.name] for symbol in landscape._symbols}
    return {
        "expression": landscape.expression, "variables": landscape.variables, "parameters": values,
        "name": landscape.name, "most_terms": landscape._most_terms,
    }  # fmt: skip


class Reader:
    """Puts trees and arrays together again; raises ValueError for what cannot be."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.arrays = arrays

    def value(self, tree: Any) -> Any:
        """Return the value of a tree."""
        if not isinstance(tree, dict):
            return tree
        kind, content = next(iter(tree.items()), ("", ""))
        if kind == "object":
            return self._object(content, tree["fields"])
        if kind in ("array", "record", "scalar"):
            array = self.arrays[content]
            if kind == "scalar":
                return array[()]
            array = array.view(np.recarray) if kind == "record" else array
            array.flags.writeable = not tree.get("fixed", False)
            return array
        if kind not in self._kinds:
            raise ValueError(f"it holds a {kind!r}, which this version does not know")
        return self._kinds[kind](self, content)

    def _object(self, name: str, fields: dict[str, Any]) -> Any:
        module, _, path = name.partition(":")
        kind: Any = None
        if module.partition(".")[0] == _PACKAGE and not module.startswith(_CODE):
            try:
                kind = importlib.import_module(module)
                for part in path.split("."):
                    kind = getattr(kind, part)
            except (ImportError, AttributeError):
                kind = None
        if not isinstance(kind, type) or kind.__module__ != module:
            raise ValueError(f"it holds a {name}, which this version does not have")
        made = object.__new__(kind)
        for key, item in fields.items():
            try:
                object.__setattr__(made, key, self.value(item))
            except AttributeError:
                raise ValueError(f"its {path} has a field {key!r}, which this version does not know") from None
        if dataclasses.is_dataclass(kind):
            for field in dataclasses.fields(kind):
                if not hasattr(made, field.name):
                    if field.default is dataclasses.MISSING:
                        raise ValueError(f"its {path} lacks the field {field.name!r}, which this version needs")
                    object.__setattr__(made, field.name, field.default)
        return made

    def _sde(self, tree: Any) -> SDE:
        parts = self.value(tree)
        own = {name: parts.pop(name) for name in ("calculus", "name", "underdamped")}
        formulas = Formulas(**{**parts, "diffusion": sympy.Matrix(parts["diffusion"])})
        return SDE._from_formulas(formulas, own["calculus"], own["name"], own["underdamped"])

    def _sparse(self, tree: Any) -> csc_array:
        *parts, shape = self.value(tree)
        return csc_array(tuple(parts), shape=shape)

    def _landscape(self, tree: Any) -> Landscape:
        return Landscape(**self.value(tree))

    _kinds = {  # noqa: RUF012
        "float": lambda _, text: float(text),
        "complex": lambda _, parts: complex(*map(float.fromhex, parts)),
        "list": lambda self, items: [self.value(item) for item in items],
        "tuple": lambda self, items: tuple(self.value(item) for item in items),
        "dict": lambda self, pairs: {self.value(key): self.value(item) for key, item in pairs},
        "dtype": lambda _, text: np.dtype(text),
        "seed": lambda _, parts: np.random.SeedSequence(**parts),
        "formula": lambda _, tree: _formulas.decode(tree),
        "not kept": lambda _, what: NotKept(what),
        "spline": lambda self, tree: BSpline(*self.value(tree)),
        "sparse": _sparse,
        "SDE": _sde,
        "landscape": _landscape,
    }
