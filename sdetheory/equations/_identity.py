"""What a function computes, as text: its bytecode and everything that Numba freezes into its machine code."""

from __future__ import annotations

import dis
import hashlib
import inspect
import sys
from collections.abc import Callable
from types import CodeType, ModuleType
from typing import Any

import numpy as np
from numba import types
from numba.extending import is_jitted

_VERSIONED = ("builtins", "math", "cmath", "numpy", "numba")
"""Packages that Python's, NumPy's and Numba's versions stand for."""
_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...))


def identity(function: Callable[..., Any]) -> tuple[str, bool]:
    """Return text about a function, and whether functions that compute different things have different texts.

    The text is the same in every process. It counts the function's bytecode, its defaults, the values that it encloses,
    the globals that it reads and the options that it is compiled with; and all of these of the functions it calls.
    What is not told apart is an object whose contents Numba may read and this module may not: a module that is neither
    NumPy nor one of Python's, a class, a function of another language.
    """
    doubts: list[object] = []
    return _text(function, (), doubts), not doubts


def _text(value: Any, seen: tuple[Any, ...], doubts: list[object]) -> str:
    def texts(values: Any) -> str:
        return ", ".join(_text(item, seen, doubts) for item in values)

    kind = type(value)
    if kind in _PLAIN or isinstance(value, np.number | np.bool_):
        return f"{kind.__name__} {value!r}"
    if is_jitted(value):
        options = {**value.targetoptions, "locals": value.locals, "kind": kind.__name__}
        return f"jitted({_text(options, seen, doubts)}, {_text(value.py_func, seen, doubts)})"
    if isinstance(value, types.Type):
        return f"type {value}"
    if (name := _name(value)) is not None:
        return name
    if inspect.isfunction(value):
        if value in seen:
            return f"function {seen.index(value)}"
        seen = (*seen, value)
        cells = [_contents(cell) for cell in value.__closure__ or ()]
        used = {name: value.__globals__[name] for name in _globals(value.__code__) if name in value.__globals__}
        return f"function({texts((value.__code__, value.__defaults__, value.__kwdefaults__, cells, used))})"
    if inspect.iscode(value):
        counts = value.co_argcount, value.co_posonlyargcount, value.co_kwonlyargcount, value.co_flags
        names = value.co_names, value.co_varnames, value.co_freevars, value.co_cellvars
        bytecode = value.co_code.hex(), getattr(value, "co_exceptiontable", b"").hex()
        return f"code({bytecode}, {counts}, {names}, {texts(value.co_consts)})"
    if kind is np.ndarray and not value.dtype.hasobject:
        contents = hashlib.sha256(value.tobytes()).hexdigest()
        return f"array({value.dtype!r}, {value.shape}, {value.strides}, {contents})"
    if kind in (tuple, list):
        return f"{kind.__name__}({texts(value)})"
    if kind in (set, frozenset):
        return f"{kind.__name__}({', '.join(sorted(_text(item, seen, doubts) for item in value))})"
    if kind is dict:
        items = sorted(f"{_text(key, seen, doubts)}: {_text(item, seen, doubts)}" for key, item in value.items())
        return f"dict({', '.join(items)})"
    doubts.append(value)
    return getattr(value, "__name__", kind.__qualname__)


def _name(value: Any) -> str | None:
    """Return the name by which a module of a package with a version, or what stands in one, is known."""
    module = value if isinstance(value, ModuleType) else sys.modules.get(getattr(value, "__module__", None) or "numpy")
    name = getattr(module, "__name__", "")
    if name.split(".")[0] not in _VERSIONED or sys.modules.get(name) is not module:
        return None
    if module is value:
        return f"module {name}"
    own = getattr(value, "__name__", None)
    return f"{name}.{own}" if isinstance(own, str) and getattr(module, own, None) is value else None


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # of a function that is not yet defined
        return None


def _globals(code: CodeType) -> set[str]:
    """Return the names of globals that a function or the functions inside it read."""
    names = {i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return names.union(*(_globals(constant) for constant in code.co_consts if inspect.iscode(constant)))
