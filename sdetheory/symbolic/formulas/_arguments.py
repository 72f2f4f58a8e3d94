"""One word stands for one thing in this package: what each argument must be, checked by its name."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

import sympy
from sympy.core.function import FunctionClass

from ... import _validate
from ...errors import InvalidInputError

_P, _R = ParamSpec("_P"), TypeVar("_R")
_HIGHEST = 64  # order of an expansion, beyond what any computer ends


def _function(name: str, value: Any) -> None:
    _validate.function(name, value, "as the documentation says")


def _mapping(name: str, value: Any) -> None:
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"{name} must be a dict; got {_validate.shown(value)}")


def _order(name: str, value: Any) -> None:
    whole = isinstance(value, (int, sympy.Integer)) and not isinstance(value, bool)
    if whole and value > _HIGHEST:
        raise InvalidInputError(f"{name} must be at most {_HIGHEST}; got {_validate.shown(value)}")
    if not whole:
        raise InvalidInputError(f"{name} must be a whole number >= 0; got {_validate.shown(value)}")


def _names(name: str, value: Any) -> None:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) for text in texts):
        raise InvalidInputError(f"{name} must be a string or a list of strings; got {_validate.shown(value)}")


def _symbols(name: str, value: Any) -> None:
    known = list(value) if isinstance(value, Iterable) and not isinstance(value, (str, bytes)) else [None]
    if not all(isinstance(symbol, (str, sympy.Basic)) for symbol in known):
        raise InvalidInputError(f"{name} must be symbols or their names; got {_validate.shown(value)}")


def _symbolic(name: str, value: Any) -> None:
    if value is not None and not isinstance(value, (sympy.Basic, FunctionClass)):
        raise InvalidInputError(f"{name} must be a symbol of SymPy; got {_validate.shown(value)}")


def _many(name: str, value: Any) -> None:
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes)):
        raise InvalidInputError(f"{name} must be a list; got {_validate.shown(value)}")


def _whole_numbers(name: str, value: Any) -> None:
    if not isinstance(value, tuple) or not all(type(entry) is int for entry in value):
        raise InvalidInputError(f"{name} must be a tuple of whole numbers; got {_validate.shown(value)}")


def _options(name: str, value: Any) -> None:
    if value is not None and (isinstance(value, str) or not isinstance(value, (list, tuple))):
        raise InvalidInputError(f"{name} must be a list of strings; got {_validate.shown(value)}")
    if value is not None:
        _names(name, value)


CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "order": _order,
    "using": _names,
    "symbols": _symbols,
    "cases": _many,
    "exponents": _whole_numbers,
    "argv": _options,
    "found": _validate.real,
    "derived": _validate.real,
    **dict.fromkeys(("title", "source", "statement", "by", "paper", "sentence", "name", "what", "how"), _validate.text),
    **dict.fromkeys(("evaluate", "periodic", "standalone"), _validate.flag),
    **dict.fromkeys(("noise_moments", "forward", "inverse", "minimum"), _mapping),
    **dict.fromkeys(("derive", "meet_numerics"), _function),
    **dict.fromkeys(("symbol", "unknown", "variable", "step", "time"), _symbolic),
}
"""By the argument's name. Modules that define a class, or read expressions, add the checks of their own."""


def check(signature: inspect.Signature, args: Any, kwargs: Any) -> None:
    """Check the arguments of a call; a wrong number of them is Python's to report."""
    for name, value in signature.bind(*args, **kwargs).arguments.items():
        if name in CHECKS:
            CHECKS[name](name, value)


def checked(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorate a function: its arguments are what their names say, or refused by them."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        check(signature, args, kwargs)
        return function(*args, **kwargs)

    return call
